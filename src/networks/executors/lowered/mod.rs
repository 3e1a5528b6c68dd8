//! Compiles a network to operations on prepared layers and planned buffers, for every executor of this project's own:
//! the CPU kernels and the GPU shaders run one list, each on its own form of the layers.
//!
//! Activations are channels-last; bias, time embedding, residual, group norm, `SiLU`, resampling and concatenation are
//! part of the products.

use crate::images::Geometry;
use crate::networks::description::Network;

pub mod arena;
mod builder;
pub mod operation;
mod shapes;
mod stages;
pub mod time;

pub(in crate::networks) use builder::{check, check_norm, mismatch};
pub use shapes::{AttentionShape, ConvShape, Fir, MAX_SEGMENTS, Norm, Resampling};

use arena::Layout;
use builder::Builder;
use operation::Operation;
use time::TimeTable;

/// Why a network cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Sizes do not fit together.
    #[error("{layer} expects {expected}, got {got}")]
    Mismatch {
        /// What was being compiled.
        layer: &'static str,
        /// What it needs.
        expected: String,
        /// What it was given.
        got: String,
    },
    /// A `Stage::ConcatSkip` without its `Stage::PushSkip`.
    #[error("the network takes a skip activation that it has not kept")]
    NoSkip,
    /// It can be run.
    #[error("a network with {0} can't be trained here; start from one without, or from a new one")]
    Untrainable(&'static str),
}

/// What a network gives whose output is divided by what it is told: that of each image by its own.
pub fn divide_by_noise(output: &mut [f32], told: &[f32]) {
    let item_len = output.len() / told.len().max(1);
    for (values, told) in output.chunks_exact_mut(item_len.max(1)).zip(told) {
        for value in values {
            *value /= told;
        }
    }
}

/// A convolution or linear layer in the form in which an executor runs it.
pub trait PreparedLayer {
    /// Prepare weights given as (out, in, k, k). The form depends on the shape alone, never on a batch.
    fn new(shape: ConvShape, weights: &[f32]) -> Self;

    /// Parts in which an image's sums for the next group norm come; 0 where the executor counts them otherwise.
    fn num_parts(&self) -> usize;

    /// Memory of the prepared weights, in bytes.
    fn num_bytes(&self) -> usize;
}

/// A layer and its bias.
#[derive(Debug)]
pub struct Prepared<L> {
    /// Prepared weights.
    pub layer: L,
    /// (C), or empty.
    pub bias: Vec<f32>,
}

/// A compiled network.
#[derive(Debug)]
pub struct Plan<L> {
    /// The shape of one input image; the output has it too.
    pub geometry: Geometry,
    /// Whether the input is mapped by `2x - 1` first.
    pub center_input: bool,
    /// Whether the output is divided by what the network is told.
    pub divides_by_noise: bool,
    /// Layers that operations refer to.
    pub layers: Vec<Prepared<L>>,
    /// Normalizations that operations refer to.
    pub norms: Vec<Norm>,
    /// In order.
    pub operations: Vec<Operation>,
    /// Places of the buffers.
    pub layout: Layout,
    /// Time embeddings.
    pub time: TimeTable,
}

impl<L: PreparedLayer> Plan<L> {
    /// Compile a network, copying its weights into their prepared form.
    pub fn new(network: &Network) -> Result<Self, PlanError> {
        Builder::new(network).build(network)
    }

    /// Memory of all prepared weights, in bytes.
    pub fn weight_bytes(&self) -> usize {
        let layers = self
            .layers
            .iter()
            .map(|prepared| prepared.layer.num_bytes() + size_of_val(prepared.bias.as_slice()));
        let norms = self
            .norms
            .iter()
            .map(|norm| 2 * size_of_val(norm.weight.as_slice()));
        layers.sum::<usize>() + norms.sum::<usize>() + self.time.num_bytes()
    }
}
