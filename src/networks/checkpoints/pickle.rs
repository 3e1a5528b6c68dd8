//! Reading PyTorch's zip files. A pickle is interpreted by candle and never executed.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use candle_core::DType;
use candle_core::pickle::PthTensors;

/// A parsed state dictionary.
pub(super) struct Pickle {
    tensors: PthTensors,
    shapes: BTreeMap<String, Vec<usize>>,
}

impl Pickle {
    /// Read the names and shapes of a state dictionary, at the top or under `key`.
    pub(super) fn open(path: &Path, key: Option<&str>) -> Result<Self, String> {
        let tensors = no_panic(|| PthTensors::new(path, key))
            .map_err(|error| format!("{} ({error})", explain(path)))?;
        let shapes = tensors
            .tensor_infos()
            .iter()
            .map(|(name, info)| (name.clone(), info.layout.dims().to_vec()))
            .collect();
        Ok(Self { tensors, shapes })
    }

    /// Names and shapes, by name. candle leaves out what is no tensor or of a type it does not know.
    pub(super) fn shapes(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.shapes
            .iter()
            .map(|(name, shape)| (name.as_str(), shape.as_slice()))
    }

    /// Values of one tensor as `f32`; the error names the tensor.
    pub(super) fn read(&self, name: &str) -> Result<Vec<f32>, String> {
        let dtype = self.tensors.tensor_infos().get(name).map(|info| info.dtype);
        if let Some(dtype @ (DType::U8 | DType::I64)) = dtype {
            return Err(format!(
                "{name} is stored as {dtype:?}, expected F32, F16, BF16 or F64"
            ));
        }
        no_panic(|| self.tensors.get(name))
            .and_then(|tensor| tensor.ok_or_else(|| "it is not in the file".to_owned()))
            .and_then(|tensor| {
                tensor
                    .to_dtype(DType::F32)
                    .and_then(|tensor| tensor.flatten_all()?.to_vec1())
                    .map_err(|error| error.to_string())
            })
            .map_err(|error| format!("{name}: {error}"))
    }
}

/// candle indexes into pickled tuples without looking at their length, so a damaged file can panic.
fn no_panic<T>(work: impl FnOnce() -> candle_core::Result<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_payload) => Err("the pickle is damaged".to_owned()),
    }
}

/// What a file that is no readable zip probably is.
fn explain(path: &Path) -> &'static str {
    use std::io::Read as _;
    let mut start = [0_u8; 4];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    match (read, start) {
        (Ok(()), [b'P', b'K', ..]) => {
            "the PyTorch zip file is damaged or cut short; copy or download it again"
        }
        (Ok(()), [0x80, ..]) => {
            "it was saved by PyTorch before 1.6; load it there and save it again, best as safetensors"
        }
        _ => "it is not a PyTorch zip file",
    }
}
