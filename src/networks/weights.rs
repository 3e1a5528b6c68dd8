//! Plain weight arrays, neutral between checkpoint readers and executors.

use std::sync::Arc;

/// One weight tensor: row-major `f32`, cheap to clone.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// Sizes, outermost first, as `PyTorch` names them (a convolution is (out, in, kh, kw)).
    pub shape: Vec<usize>,
    /// `shape.product()` values.
    pub values: Arc<[f32]>,
}

impl Weights {
    /// Number of values.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}
