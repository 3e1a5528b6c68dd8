//! What training a network takes of the memory.

use super::super::plan::{Activation, Plan};
use super::GROUP;
use crate::networks::executors::cpu::kernels::gradients::WeightGradient;

/// Memory that training a network takes, about, in bytes.
pub fn bytes_needed(plan: &Plan) -> usize {
    // Weights, gradient, two moments, average, and a description's copy; both directions' prepared weights, of which
    // Winograd's are 36 / 9 as many; data and gradients of activations.
    let parameters = plan.parameters.len();
    let prepared: usize = plan
        .layers
        .iter()
        .map(|layer| {
            let factor = if layer.shape.kernel == 3 { 4 } else { 1 };
            2 * factor * layer.weight.len() * size_of::<f32>()
                + WeightGradient::bytes_of(&layer.shape)
        })
        .sum();
    let activations: usize = plan.activations.iter().map(Activation::image_len).sum();
    6 * parameters * size_of::<f32>() + prepared + 2 * GROUP * activations * size_of::<f32>()
}
