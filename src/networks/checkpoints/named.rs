//! A weights file that stands alone: named tensors without a configuration, told by what it holds and not by its name.

use std::path::Path;

use super::pickle::Pickle;
use super::safetensors::Safetensors;
use super::tensors::{TensorFile, sha256_hex};
use crate::images::input::{self, InputError};

/// Named tensors with the digest of their file.
pub(in crate::networks) struct NamedTensors {
    file: TensorFile,
    /// Those of a second file.
    beside: Option<Box<Self>>,
    shapes: super::shapes::Shapes,
    /// SHA-256 of the file in hex.
    pub sha256: String,
}

/// Why there are none.
pub(in crate::networks) enum NamedTensorsError {
    /// The system, or the file's size.
    Unreadable(InputError),
    /// What is wrong and what to do, in words that a path can follow.
    Damaged(String),
}

/// More than any weights of a distance.
const MOST_BYTES: u64 = 4 << 30;

/// The digest of a file in hex.
pub(in crate::networks) fn file_sha256(path: &Path) -> Result<String, InputError> {
    Ok(sha256_hex(&input::read(path, MOST_BYTES)?))
}

impl NamedTensors {
    /// Read a PyTorch zip or a safetensors file. Where a PyTorch file holds dictionaries in a dictionary, `inner` are the keys of
    /// those whose tensors are meant, the first that is there.
    pub(in crate::networks) fn open(
        path: &Path,
        inner: &[&str],
    ) -> Result<Self, NamedTensorsError> {
        let bytes = input::read(path, MOST_BYTES).map_err(NamedTensorsError::Unreadable)?;
        let sha256 = sha256_hex(&bytes);
        let file = parse(bytes, inner).map_err(NamedTensorsError::Damaged)?;
        Ok(Self {
            shapes: file.shapes(),
            file,
            beside: None,
            sha256,
        })
    }

    /// With the tensors of another file beside these.
    pub(in crate::networks) fn with(self, other: Self) -> Self {
        Self {
            beside: Some(Box::new(other)),
            ..self
        }
    }

    /// The shape of a tensor; `None` where there is none of this name.
    pub(in crate::networks) fn shape(&self, name: &str) -> Option<&[usize]> {
        let own = self.shapes.get(name).map(Vec::as_slice);
        own.or_else(|| self.beside.as_ref()?.shape(name))
    }

    /// Whether there is any tensor.
    pub(in crate::networks) fn is_empty(&self) -> bool {
        self.shapes.is_empty()
    }

    /// The values of a tensor that must be there in this shape and be finite numbers; the error says what is wrong.
    pub(in crate::networks) fn take(
        &self,
        name: &str,
        shape: &[usize],
    ) -> Result<Vec<f32>, String> {
        match self.shape(name) {
            None => return Err(format!("it has no {name}")),
            Some(found) if found != shape => {
                return Err(format!("{name} expected {shape:?} got {found:?}"));
            }
            Some(_) => {}
        }
        let values = match &self.beside {
            Some(beside) if !self.shapes.contains_key(name) => beside.file.read(name)?,
            _ => self.file.read(name)?,
        };
        if values.iter().all(|value| value.is_finite()) {
            Ok(values)
        } else {
            Err(format!("{name} holds values that are not finite numbers"))
        }
    }
}

fn parse(bytes: Vec<u8>, inner: &[&str]) -> Result<TensorFile, String> {
    // PyTorch's zip, and the pickle of its versions before 1.6.
    if bytes.starts_with(b"PK") || bytes.first() == Some(&0x80) {
        let pickle = Pickle::open(bytes.into())?;
        let under = inner.iter().find_map(|key| pickle.in_order(key));
        return Ok(TensorFile::Pickle(match under {
            Some(tensors) => pickle.with_tensors(tensors.into_iter().collect()),
            None => pickle,
        }));
    }
    let file = Safetensors::parse(bytes.into()).map_err(|error| {
        format!("it is neither a PyTorch file (.pth) nor a safetensors file, or damaged ({error}); write or download it again")
    })?;
    Ok(TensorFile::Safetensors(file))
}
