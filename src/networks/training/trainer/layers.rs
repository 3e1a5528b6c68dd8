//! Layers in the forms that a step needs, and the weights that they are given at each step.

use super::super::plan::{Operation, Plan};
use crate::networks::executors::cpu::kernels::Context;
use crate::networks::executors::cpu::kernels::conv::ConvShape;
use crate::networks::executors::cpu::kernels::gradients::{WeightGradient, elementwise};
use crate::networks::executors::cpu::kernels::norm::Norm;
use crate::networks::executors::cpu::layer::Layer;

/// A layer in the forms that a step needs.
#[derive(Debug)]
pub(in crate::networks::training) struct PreparedLayer {
    pub(in crate::networks::training) forward: Layer,
    /// To the gradient of the input; absent where nobody needs it.
    pub(in crate::networks::training) backward: Option<Layer>,
    pub(in crate::networks::training) gradient: WeightGradient,
}

impl PreparedLayer {
    pub(super) fn new(plan: &Plan, index: usize) -> Self {
        let shape = plan.layers[index].shape;
        let reads_sample = plan.operations.iter().any(|operation| {
            let is_own = matches!(operation, Operation::Product(p) if p.layer == index);
            is_own && operation.inputs() == [0]
        });
        let turned = (shape.out_channels, shape.in_channels);
        let backward = ConvShape::same(shape.kernel, turned, (shape.height, shape.width));
        Self {
            forward: Layer::blank(shape),
            backward: (!reads_sample).then(|| Layer::blank_backward(backward)),
            gradient: WeightGradient::new(shape),
        }
    }
}

/// Give all layers and normalizations the weights; those of the backward, through `turned`, where there is to be one.
pub(super) fn prepare(
    context: &mut Context<'_, '_>,
    plan: &Plan,
    (layers, norms): (&mut [PreparedLayer], &mut [Norm]),
    weights: &[f32],
    mut turned: Option<&mut [f32]>,
) {
    for (layer, planned) in layers.iter_mut().zip(&plan.layers) {
        let values = &weights[planned.weight.clone()];
        layer.forward.set(context, values);
        let Some(turned) = &mut turned else {
            continue;
        };
        layer.gradient.clear(context);
        if let Some(backward) = &mut layer.backward {
            let shape = &planned.shape;
            let taps = shape.kernel * shape.kernel;
            let sizes = (taps, shape.in_channels, shape.out_channels);
            let turned = &mut turned[..values.len()];
            elementwise::transpose_weights(context, values, sizes, turned);
            backward.set(context, turned);
        }
    }
    for (norm, planned) in norms.iter_mut().zip(&plan.norms) {
        norm.weight
            .copy_from_slice(&weights[planned.weight.clone()]);
        norm.bias.copy_from_slice(&weights[planned.bias.clone()]);
    }
}

/// The gradients of all layers' weights, from what the groups have gathered.
pub(super) fn finish(
    context: &mut Context<'_, '_>,
    plan: &Plan,
    layers: &[PreparedLayer],
    gradient: &mut [f32],
) {
    for (layer, planned) in layers.iter().zip(&plan.layers) {
        let to = &mut gradient[planned.weight.clone()];
        layer.gradient.finish(context, to);
    }
}
