//! Compiles a network to operations on prepared layers and planned buffers.

use super::arena::Layout;
use super::kernels::norm::Norm;
use super::layer::Layer;
use super::operation::Operation;
use super::time::TimeTable;
use crate::images::Geometry;
use crate::networks::description::Network;

mod builder;
mod stages;

pub(in crate::networks) use builder::{check, check_norm, mismatch};

use builder::Builder;

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
}

/// A layer and its bias.
#[derive(Debug)]
pub struct Prepared {
    /// Prepared weights.
    pub layer: Layer,
    /// (C), or empty.
    pub bias: Vec<f32>,
}

/// A compiled network.
#[derive(Debug)]
pub struct Plan {
    /// The shape of one input image; the output has it too.
    pub geometry: Geometry,
    /// Whether the input is mapped by `2x - 1` first.
    pub center_input: bool,
    /// Layers that operations refer to.
    pub layers: Vec<Prepared>,
    /// Normalizations that operations refer to.
    pub norms: Vec<Norm>,
    /// In order.
    pub operations: Vec<Operation>,
    /// Places of the buffers.
    pub layout: Layout,
    /// Time embeddings.
    pub time: TimeTable,
}

impl Plan {
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
