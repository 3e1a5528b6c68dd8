//! Networks that are read from the names and shapes of their tensors.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::CheckpointError;

/// Shapes by name.
pub(super) type Shapes = BTreeMap<String, Vec<usize>>;

/// Why a file is no network of the family whose names it has, or one that can't be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A kind of network that is known and not supported.
    Unsupported {
        /// What it is.
        what: &'static str,
        /// What would work.
        instead: &'static str,
    },
    /// Names or shapes that no such network has.
    Odd(String),
}

impl Refusal {
    pub(super) fn at(self, path: &Path) -> CheckpointError {
        let path = path.to_path_buf();
        match self {
            Self::Unsupported { what, instead } => CheckpointError::Unsupported {
                what: what.to_owned(),
                instead: instead.to_owned(),
                path,
            },
            Self::Odd(message) => CheckpointError::BadWeights { message, path },
        }
    }
}

/// The first sizes of a tensor.
pub(super) fn dims<const N: usize>(shapes: &Shapes, name: &str) -> Result<[usize; N], Refusal> {
    let shape = shapes
        .get(name)
        .ok_or_else(|| Refusal::Odd(format!("it has no {name}, which its other names call for")))?;
    shape
        .get(..N)
        .and_then(|sizes| sizes.try_into().ok())
        .ok_or_else(|| Refusal::Odd(format!("{name} has an unexpected shape, {shape:?}")))
}

/// Why images of this size do not go through a network that halves them so often, if so.
pub(super) fn check_image_size(image_size: usize, num_halvings: usize) -> Result<(), String> {
    let smallest = 1_usize
        .checked_shl(num_halvings as u32)
        .unwrap_or(usize::MAX);
    if image_size > 0 && image_size.is_multiple_of(smallest) {
        return Ok(());
    }
    Err(format!(
        "image_size must be a multiple of {smallest}, since the network halves it {num_halvings} times, got {image_size}"
    ))
}

/// A list of numbers, or a text of them with commas as scripts take it.
pub(super) fn numbers_of(value: Option<&Value>) -> Vec<usize> {
    match value {
        Some(Value::String(text)) => text
            .split(',')
            .filter_map(|part| part.trim().parse().ok())
            .collect(),
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(Value::as_u64)
            .map(|item| item as usize)
            .collect(),
        _ => Vec::new(),
    }
}
