//! The time embedding of a whole batch, forward and backward: an image is a pixel here.

use super::plan::{Layer as Planned, Time};
use crate::networks::executors::cpu::kernels::conv::ConvShape;
use crate::networks::executors::cpu::kernels::gradients::{WeightGradient, elementwise};
use crate::networks::executors::cpu::kernels::{Bias, Context, Finish, Residual, Source};
use crate::networks::executors::cpu::layer::Layer;

/// What the backward needs of the forward.
#[derive(Debug)]
pub(super) struct TimePass {
    /// The two layers and the projections.
    layers: [TimeLayer; 3],
    /// Inputs of the three, before the `SiLU` in front of the last two, and the rows.
    values: [Vec<f32>; 4],
    row_grads: Vec<f32>,
}

#[derive(Debug)]
struct TimeLayer {
    forward: Layer,
    backward: Layer,
    gradient: WeightGradient,
    /// Images that it was made for.
    batch: usize,
}

impl TimeLayer {
    fn new(planned: &Planned, batch: usize) -> Self {
        let (inputs, outputs) = (planned.shape.in_channels, planned.shape.out_channels);
        let shape = ConvShape::linear(inputs, outputs, 1, batch);
        Self {
            forward: Layer::blank(shape),
            backward: Layer::blank_backward(ConvShape::linear(outputs, inputs, 1, batch)),
            gradient: WeightGradient::new(shape),
            batch,
        }
    }
}

fn finish(bias: &[f32]) -> Finish<'_> {
    Finish {
        bias: Bias::Same(bias),
        residual: Residual::None,
        scale: 1.0,
        relu: false,
        sums: None,
    }
}

fn planned(time: &Time) -> [&Planned; 3] {
    [&time.linears[0], &time.linears[1], &time.projections]
}

impl TimePass {
    pub(super) fn new(time: &Time) -> Self {
        Self {
            layers: planned(time).map(|planned| TimeLayer::new(planned, 0)),
            values: Default::default(),
            row_grads: Vec::new(),
        }
    }

    /// (B, row): what the projections gave, and its gradient.
    pub(super) fn rows(&mut self) -> (&[f32], &mut [f32]) {
        (&self.values[3], &mut self.row_grads)
    }

    pub(super) fn forward(
        &mut self,
        context: &mut Context<'_, '_>,
        time: &Time,
        weights: &[f32],
        timesteps: &[f32],
    ) {
        let batch = timesteps.len();
        self.values[0] = (timesteps.iter())
            .flat_map(|timestep| time.embedding.sinusoid(*timestep))
            .collect();
        for (index, planned) in planned(time).into_iter().enumerate() {
            let layer = &mut self.layers[index];
            if layer.batch != batch {
                *layer = TimeLayer::new(planned, batch);
            }
            let outputs = planned.shape.out_channels;
            let mut bias = vec![0.0; outputs];
            if let Some(values) = &planned.bias {
                bias.copy_from_slice(&weights[values.clone()]);
            }
            if index == 2 {
                for (place, values) in &time.extra {
                    let slots = bias[*place..].iter_mut();
                    slots
                        .zip(&weights[values.clone()])
                        .for_each(|(slot, value)| *slot += value);
                }
            }
            layer.forward.set(context, &weights[planned.weight.clone()]);
            let (known, next) = self.values.split_at_mut(index + 1);
            next[0].resize(batch * outputs, 0.0);
            let source = input(&known[index], planned, batch, index);
            layer
                .forward
                .run(context, &source, 1, &mut next[0], finish(&bias));
        }
        self.row_grads.clear();
        self.row_grads.resize(self.values[3].len(), 0.0);
    }

    /// From the rows' gradient to those of all weights.
    pub(super) fn backward(
        &mut self,
        context: &mut Context<'_, '_>,
        time: &Time,
        weights: &[f32],
        gradient: &mut [f32],
        batch: usize,
    ) {
        let mut grad = std::mem::take(&mut self.row_grads);
        for (index, planned) in planned(time).into_iter().enumerate().rev() {
            let (inputs, outputs) = (planned.shape.in_channels, planned.shape.out_channels);
            let mut sums = vec![0.0; outputs];
            elementwise::column_sums(context, &grad, (1, batch, outputs), &mut sums);
            if let Some(bias) = &planned.bias {
                gradient[bias.clone()].copy_from_slice(&sums);
            }
            if index == 2 {
                for (place, bias) in &time.extra {
                    let values = &sums[*place..][..bias.len()];
                    gradient[bias.clone()].copy_from_slice(values);
                }
            }
            let layer = &mut self.layers[index];
            let source = input(&self.values[index], planned, batch, index);
            layer.gradient.clear(context);
            layer.gradient.add(context, &source, 1, &grad);
            let to = &mut gradient[planned.weight.clone()];
            layer.gradient.finish(context, to);
            if index == 0 {
                break;
            }
            let mut turned = vec![0.0; inputs * outputs];
            let values = &weights[planned.weight.clone()];
            elementwise::transpose_weights(context, values, (1, inputs, outputs), &mut turned);
            layer.backward.set(context, &turned);
            let mut below = vec![0.0; batch * inputs];
            let source = Source::plain(&grad, outputs, 1, batch);
            layer
                .backward
                .run(context, &source, 1, &mut below, finish(&[]));
            elementwise::silu(context, &self.values[index], &mut below);
            grad = below;
        }
    }
}

/// The sinusoid as it is, what follows through `SiLU`.
fn input<'a>(values: &'a [f32], planned: &Planned, batch: usize, index: usize) -> Source<'a> {
    Source {
        silu: index > 0,
        ..Source::plain(values, planned.shape.in_channels, 1, batch)
    }
}
