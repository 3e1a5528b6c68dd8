//! Reading PyTorch's zip files. A pickle is read as data and never executed: no class is looked up, nothing is called.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use zip::ZipArchive;

use self::machine::Objects;
pub(super) use self::state_dict::Stored;

mod machine;
mod state_dict;

/// A file in memory.
#[derive(Clone)]
struct Shared(Arc<Cow<'static, [u8]>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// A parsed state dictionary.
pub(super) struct Pickle {
    bytes: Shared,
    archive: ZipArchive<Cursor<Shared>>,
    /// The folder in the zip, with its separator.
    folder: String,
    objects: Objects,
    tensors: BTreeMap<String, Stored>,
}

/// More than any checkpoint's pickle, which has no weights in it.
const MOST_PICKLE_BYTES: u64 = 64 << 20;

impl Pickle {
    /// Read the names and shapes of the state dictionary in a file's bytes.
    pub(super) fn open(bytes: Cow<'static, [u8]>) -> Result<Self, String> {
        let explanation = explain(&bytes);
        Self::parse(bytes).map_err(|error| format!("{explanation} ({error})"))
    }

    fn parse(bytes: Cow<'static, [u8]>) -> Result<Self, String> {
        let bytes = Shared(Arc::new(bytes));
        let mut archive = ZipArchive::new(Cursor::new(bytes.clone())).map_err(|e| e.to_string())?;
        let name = archive
            .file_names()
            .filter_map(Result::ok)
            .find(|name| name == "data.pkl" || name.ends_with("/data.pkl"))
            .ok_or_else(|| "it has no data.pkl".to_owned())?
            .into_owned();
        let pickle = read_entry(&mut archive, &name, MOST_PICKLE_BYTES)?;
        let objects = Objects::read(&pickle)?;
        let tensors = state_dict::tensors(&objects, None)?;
        Ok(Self {
            bytes,
            archive,
            folder: name.trim_end_matches("data.pkl").to_owned(),
            objects,
            tensors,
        })
    }

    /// The whole file.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }

    /// Names and shapes, by name. What is no tensor is left out.
    pub(super) fn shapes(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.tensors
            .iter()
            .map(|(name, tensor)| (name.as_str(), tensor.shape.as_slice()))
    }

    /// Names of the tensors in the dictionary under a key; none where there is no such dictionary.
    pub(super) fn names_under(&self, key: &str) -> Vec<String> {
        let tensors = state_dict::tensors(&self.objects, Some(key)).unwrap_or_default();
        tensors.into_keys().collect()
    }

    /// The tensors of the dictionary under a key, or of the pickle's own for an empty one, in the order of the file; `None`
    /// where there is no such dictionary or one of its tensors makes no sense.
    pub(super) fn in_order(&self, key: &str) -> Option<Vec<(String, Stored)>> {
        let key = (!key.is_empty()).then_some(key);
        let tensors = state_dict::in_order(&self.objects, key).ok()?;
        (!tensors.is_empty()).then_some(tensors)
    }

    /// The tensors of the list under keys within keys; `None` where there is no such list.
    pub(super) fn list_at(&self, keys: &[&str]) -> Result<Option<Vec<Stored>>, String> {
        state_dict::list_at(&self.objects, keys)
    }

    /// The same file, whose tensors are these.
    pub(super) fn with_tensors(self, tensors: BTreeMap<String, Stored>) -> Self {
        Self { tensors, ..self }
    }

    /// Values of one tensor as `f32`; the error names the tensor.
    pub(super) fn read(&self, name: &str) -> Result<Vec<f32>, String> {
        self.values(name).map_err(|error| format!("{name} {error}"))
    }

    /// Values of a tensor of this file; the error does not name it.
    pub(super) fn read_f64(&self, tensor: &Stored) -> Result<Vec<f64>, String> {
        let values = self.tensor(tensor)?;
        let values = values.to_dtype(DType::F64).and_then(|it| it.to_vec1());
        values.map_err(|error| format!("can't be read: {error}"))
    }

    fn values(&self, name: &str) -> Result<Vec<f32>, String> {
        let tensor = (self.tensors.get(name)).ok_or_else(|| "is not in the file".to_owned())?;
        let values = self.tensor(tensor)?;
        let values = values.to_dtype(DType::F32).and_then(|it| it.to_vec1());
        values.map_err(|error| format!("can't be read: {error}"))
    }

    /// All values in a row.
    fn tensor(&self, tensor: &Stored) -> Result<Tensor, String> {
        let (dtype, size) = float_dtype(&tensor.class).ok_or_else(|| {
            format!(
                "is stored as {}, expected float, half, bfloat16 or double",
                tensor.class
            )
        })?;
        let entry = format!("{}data/{}", self.folder, tensor.storage);
        let mut archive = self.archive.clone(); // Shares the bytes.
        let storage = read_entry(&mut archive, &entry, u64::MAX)?;
        let values = tensor
            .gather(&storage, size)
            .ok_or_else(|| format!("needs more values than its storage {entry} has"))?;
        Tensor::from_raw_buffer(&values, dtype, &[values.len() / size], &Device::Cpu)
            .map_err(|error| format!("can't be read: {error}"))
    }
}

/// A file of the zip, whole and of the checksum that the zip promises.
fn read_entry(
    archive: &mut ZipArchive<Cursor<Shared>>,
    name: &str,
    most_bytes: u64,
) -> Result<Vec<u8>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("its file {name} can't be read: {error}");
    let entry = archive.by_name(name).map_err(|error| failed(&error))?;
    if entry.size() > most_bytes {
        return Err(format!(
            "its file {name} has {} bytes, more than the limit of {most_bytes}",
            entry.size()
        ));
    }
    let mut bytes = Vec::new();
    entry
        .take(most_bytes)
        .read_to_end(&mut bytes)
        .map_err(|error| failed(&error))?;
    Ok(bytes)
}

/// The floating types that weights come in, with their size in bytes.
fn float_dtype(storage_class: &str) -> Option<(DType, usize)> {
    match storage_class {
        "FloatStorage" => Some((DType::F32, 4)),
        "HalfStorage" => Some((DType::F16, 2)),
        "BFloat16Storage" => Some((DType::BF16, 2)),
        "DoubleStorage" => Some((DType::F64, 8)),
        _ => None,
    }
}

/// What a file that is no readable zip probably is.
fn explain(bytes: &[u8]) -> &'static str {
    match bytes {
        [b'P', b'K', ..] => {
            "the PyTorch zip file is damaged or cut short; copy or download it again"
        }
        [0x80, ..] => {
            "it was saved by PyTorch before 1.6; convert it by python -c \"import torch; \
             torch.save(torch.load('OLD', map_location='cpu'), 'NEW')\""
        }
        _ => "it is not a PyTorch zip file",
    }
}
