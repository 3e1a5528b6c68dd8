//! Forward and backward of a group of images through the plan's operations.

use std::ops::Range;

use super::plan::{ActivationId, Input, Operation, Plan, Product};
use super::trainer::{Buffers, OperationBuffers, Pass, is_same};
use crate::networks::executors::cpu::kernels::gradients::{
    NormGradient, Target, attention_backward, elementwise,
};
use crate::networks::executors::cpu::kernels::norm::{Part, TimeRows};
use crate::networks::executors::cpu::kernels::source::MAX_SEGMENTS;
use crate::networks::executors::cpu::kernels::{Bias, Finish, Residual, Segment, Source};
use crate::networks::executors::lowered::arena::BufferId;

/// A gradient without anything fused into it.
fn plain_finish(residual: Residual<'_>) -> Finish<'_> {
    Finish {
        bias: Bias::Same(&[]),
        residual,
        scale: 1.0,
        relu: false,
        sums: None,
    }
}

/// Buffers cut from the arena; empty ranges give empty slices.
fn cut<const N: usize>(arena: &mut [f32], ranges: [Range<usize>; N]) -> [&mut [f32]; N] {
    match arena.get_disjoint_mut(ranges) {
        Ok(slices) => slices,
        Err(error) => unreachable!("buffers that live together lie apart: {error}"),
    }
}

/// Ranges of an operation's inputs, in a fixed number.
type Ranges = [Range<usize>; MAX_SEGMENTS];
/// The same, cut from the arena.
type Slices<'a> = [&'a [f32]; MAX_SEGMENTS];

fn segments<'a>(plan: &Plan, input: &Input, data: Slices<'a>) -> [Segment<'a>; MAX_SEGMENTS] {
    std::array::from_fn(|index| Segment {
        data: data[index],
        channels: (input.segments.get(index)).map_or(0, |&id| plan.activations[id].channels),
    })
}

fn source<'a>(plan: &Plan, input: &Input, data: Slices<'a>, coefficients: &'a [f32]) -> Source<'a> {
    Source {
        segments: segments(plan, input, data),
        height: input.size.0,
        width: input.size.1,
        stored_size: input.stored_size,
        norm: input.norm.is_some().then_some(coefficients),
        silu: input.silu,
        resampling: input.resampling,
    }
}

/// Sums of what a normalization reads, as their producers counted them.
fn parts<'a>(
    plan: &Plan,
    buffers: &Buffers,
    input: &Input,
    sums: Slices<'a>,
) -> [Part<'a>; MAX_SEGMENTS] {
    std::array::from_fn(|index| {
        let id = input.segments.get(index);
        let counted = id.and_then(|&id| buffers.sums[id]);
        Part {
            sums: sums[index],
            parts: counted.map_or(1, |sums| sums.parts),
            channels: id.map_or(0, |&id| plan.activations[id].channels),
        }
    })
}

impl Pass<'_, '_, '_> {
    /// From the sample to the prediction.
    pub(super) fn forward(&mut self, noisy: &[f32]) {
        let sample = self.data(0);
        let (factor, term) = if self.plan.center_input {
            (2.0, -1.0)
        } else {
            (1.0, 0.0)
        };
        for (to, from) in self.arena[sample].iter_mut().zip(noisy) {
            *to = from * factor + term;
        }
        let plan = self.plan;
        for (at, operation) in plan.operations.iter().enumerate() {
            match operation {
                Operation::Product(product) => self.product(at, product),
                Operation::Attention { qkv, to, shape } => {
                    let ranges = [self.data(*to), self.data(*qkv)];
                    let [to, qkv] = cut(self.arena, ranges);
                    shape.run(&mut self.context, qkv, self.batch, to);
                }
                Operation::Copy { input, to } => self.copy(input, *to),
            }
        }
    }

    /// Each image's mean squared error; the prediction's gradient of their mean over `count` images is written.
    pub(super) fn loss(&mut self, target: &[f32], count: usize) -> Vec<f64> {
        let last = self.plan.activations.len() - 1;
        let ranges = [self.data(last), self.range(self.buffers.grads[last])];
        let [prediction, grad] = cut(self.arena, ranges);
        let len = self.plan.geometry.len();
        let factor = 2.0 / (count * len) as f32;
        let images = prediction.chunks_exact(len).zip(target.chunks_exact(len));
        images
            .zip(grad.chunks_exact_mut(len))
            .map(|((prediction, target), grad)| {
                let mut sum = 0.0;
                for ((grad, value), target) in grad.iter_mut().zip(prediction).zip(target) {
                    let difference = *value - target;
                    sum += f64::from(difference) * f64::from(difference);
                    *grad = difference * factor;
                }
                sum / len as f64
            })
            .collect()
    }

    /// From the prediction's gradient to those of all weights.
    pub(super) fn backward(&mut self) {
        let plan = self.plan;
        for (at, operation) in plan.operations.iter().enumerate().rev() {
            match operation {
                Operation::Product(product) => self.product_backward(at, product),
                Operation::Attention { qkv, to, shape } => {
                    let grads = &self.buffers.grads;
                    let ranges = [
                        self.range(grads[*to]),
                        self.data(*qkv),
                        self.range(grads[*qkv]),
                    ];
                    let [grad, qkv, qkv_grad] = cut(self.arena, ranges);
                    let inputs = (&*qkv, &*grad);
                    attention_backward(shape, &mut self.context, inputs, self.batch, qkv_grad);
                }
                Operation::Copy { input, to } => self.copy_backward(at, input, *to),
            }
        }
    }

    fn range(&self, buffer: Option<BufferId>) -> Range<usize> {
        let range = self.buffers.range(buffer, self.batch);
        range.start..range.end
    }

    /// An activation's values: its buffer without the padding at its end.
    fn data(&self, id: ActivationId) -> Range<usize> {
        self.exact(
            Some(self.buffers.data[id]),
            self.plan.activations[id].image_len(),
        )
    }

    fn grad(&self, id: ActivationId) -> Range<usize> {
        self.exact(
            self.buffers.grads[id],
            self.plan.activations[id].image_len(),
        )
    }

    fn exact(&self, buffer: Option<BufferId>, image_len: usize) -> Range<usize> {
        let range = self.range(buffer);
        let end = range.end.min(range.start + image_len * self.batch);
        range.start..end
    }

    fn input_ranges(&self, input: &Input) -> Ranges {
        std::array::from_fn(|index| input.segments.get(index).map_or(0..0, |&id| self.data(id)))
    }

    /// The sums that the producers of an input counted.
    fn sum_ranges(&self, input: &Input) -> Ranges {
        std::array::from_fn(|index| {
            let sums = input
                .segments
                .get(index)
                .and_then(|&id| self.buffers.sums[id]);
            self.range(sums.map(|sums| sums.buffer))
        })
    }

    fn norm(&mut self, input: &Input, norm: usize, to: Option<BufferId>) {
        let [a, b, c, d] = self.sum_ranges(input);
        let ranges = [self.buffers.range(to, self.batch), a, b, c, d];
        let [to, a, b, c, d] = cut(self.arena, ranges);
        let parts = parts(self.plan, self.buffers, input, [a, b, c, d]);
        let time = input.time.map(|offset| TimeRows {
            rows: self.rows,
            starts: self.starts,
            offset,
        });
        let pixels = input.stored_size.0 * input.stored_size.1;
        let sizes = (self.batch, pixels);
        self.norms[norm].coefficients(&mut self.context, &parts, sizes, time, to);
    }

    fn product(&mut self, at: usize, product: &Product) {
        let coefficients = self.buffers.operations[at].coefficients;
        let input = &product.input;
        if let Some(norm) = input.norm {
            self.norm(input, norm, coefficients);
        }
        let [a, b, c, d] = self.input_ranges(input);
        let residual = product.residual.map_or(0..0, |id| self.data(id));
        let sums = self.buffers.sums[product.to].map(|sums| sums.buffer);
        let ranges = [
            self.data(product.to),
            self.range(sums),
            self.range(coefficients),
            residual,
            a,
            b,
            c,
            d,
        ];
        let [to, sums, coefficients, residual, a, b, c, d] = cut(self.arena, ranges);
        let source = source(self.plan, input, [a, b, c, d], coefficients);
        let layer_bias = self.plan.layers[product.layer].bias.clone();
        let finish = Finish {
            bias: match (product.time_bias, layer_bias) {
                (Some(offset), _) => Bias::PerImage {
                    table: self.rows,
                    starts: self.starts,
                    offset,
                },
                (None, Some(bias)) => Bias::Same(&self.weights[bias]),
                (None, None) => Bias::Same(&[]),
            },
            residual: if product.residual.is_some() {
                Residual::From(residual)
            } else {
                Residual::None
            },
            scale: product.scale,
            relu: false,
            sums: Some(sums),
        };
        let layer = &self.layers[product.layer].forward;
        layer.run(&mut self.context, &source, self.batch, to, finish);
    }

    fn copy(&mut self, input: &Input, to: ActivationId) {
        let [a, b, c, d] = self.input_ranges(input);
        let ranges = [self.data(to), a, b, c, d];
        let [to, a, b, c, d] = cut(self.arena, ranges);
        let source = source(self.plan, input, [a, b, c, d], &[]);
        let (height, row_len) = (input.size.0, input.size.1 * source.channels());
        let table = self.context.table;
        self.context
            .pool
            .for_each_chunk(to, row_len, &|_, row, to| {
                source.write_rows(table, (row / height, row % height), to);
            });
    }

    fn product_backward(&mut self, at: usize, product: &Product) {
        let all = self.buffers;
        let buffers = &all.operations[at];
        let grad = self.grad(product.to);
        if product.scale != 1.0 {
            elementwise::scale(
                &mut self.context,
                &mut self.arena[grad.clone()],
                product.scale,
            );
        }
        self.bias_backward(product, buffers, grad.clone());
        self.weight_backward(product, buffers, grad.clone());
        if self.layers[product.layer].backward.is_some() {
            self.input_backward(product, buffers, grad.clone());
        }
        if let (Some(id), Some(accumulate)) = (product.residual, buffers.accumulate_residual) {
            let ranges = [grad, self.grad(id)];
            let [grad, values] = cut(self.arena, ranges);
            elementwise::pass_on(&mut self.context, grad, Target { values, accumulate });
        }
    }

    /// Each image's sums of the output's gradient: to the time rows, or to the layer's bias.
    fn bias_backward(&mut self, product: &Product, buffers: &OperationBuffers, grad: Range<usize>) {
        let shape = self.plan.layers[product.layer].shape;
        let channels = shape.out_channels;
        let ranges = [grad, self.buffers.range(buffers.columns, self.batch)];
        let [grad, columns] = cut(self.arena, ranges);
        let sizes = (self.batch, shape.out_height() * shape.out_width(), channels);
        elementwise::column_sums(&mut self.context, grad, sizes, columns);
        for (image, columns) in columns.chunks_exact(channels).take(self.batch).enumerate() {
            let to = match (product.time_bias, &self.plan.layers[product.layer].bias) {
                (Some(offset), _) => &mut self.row_grads[self.starts[image] + offset..][..channels],
                (None, Some(bias)) => &mut self.gradient[bias.clone()],
                (None, None) => return,
            };
            for (to, value) in to.iter_mut().zip(columns) {
                *to += value;
            }
        }
    }

    fn weight_backward(
        &mut self,
        product: &Product,
        buffers: &OperationBuffers,
        grad: Range<usize>,
    ) {
        let [a, b, c, d] = self.input_ranges(&product.input);
        let coefficients = self.range(buffers.coefficients);
        let [grad, coefficients, a, b, c, d] = cut(self.arena, [grad, coefficients, a, b, c, d]);
        let source = source(self.plan, &product.input, [a, b, c, d], coefficients);
        let gradient = &mut self.layers[product.layer].gradient;
        gradient.add(&mut self.context, &source, self.batch, grad);
    }

    fn input_backward(
        &mut self,
        product: &Product,
        buffers: &OperationBuffers,
        grad: Range<usize>,
    ) {
        let shape = self.plan.layers[product.layer].shape;
        let input = &product.input;
        let mut grad = grad;
        if let Some(spread) = buffers.spread {
            let len = shape.height * shape.width * shape.out_channels;
            let large = self.exact(Some(spread), len);
            let [from, to] = cut(self.arena, [grad, large.clone()]);
            let small = (shape.out_height(), shape.out_width());
            let sizes = (small, (shape.height, shape.width), shape.out_channels);
            let place = (shape.kernel / 2 - shape.pad_before, shape.stride);
            elementwise::spread(&mut self.context, from, sizes, place, to);
            grad = large;
        }
        debug_assert!(buffers.spread.is_some() || is_same(&shape), "{shape:?}");
        let len = shape.height * shape.width * shape.in_channels;
        let (to, residual) = match buffers.wanted {
            Some(_) => (self.exact(buffers.wanted, len), Residual::None),
            None if buffers.accumulate[0] => (self.grad(input.segments[0]), Residual::InPlace),
            None => (self.grad(input.segments[0]), Residual::None),
        };
        let [from, values] = cut(self.arena, [grad, to.clone()]);
        let source = Source::plain(from, shape.out_channels, shape.height, shape.width);
        if let Some(layer) = &self.layers[product.layer].backward {
            let finish = plain_finish(residual);
            layer.run(&mut self.context, &source, self.batch, values, finish);
        }
        if buffers.wanted.is_some() {
            let stored = self.resample_backward(input, buffers, shape.in_channels, to);
            self.pass_to_segments(input, buffers, stored);
        }
    }

    /// From the gradient as resampled to that of the stored size; returns its place.
    fn resample_backward(
        &mut self,
        input: &Input,
        buffers: &OperationBuffers,
        channels: usize,
        from: Range<usize>,
    ) -> Range<usize> {
        let Some(stored) = buffers.stored else {
            return from;
        };
        let (height, width) = input.stored_size;
        let to = self.exact(Some(stored), height * width * channels);
        let [from, values] = cut(self.arena, [from, to.clone()]);
        let sizes = (height, width, channels);
        elementwise::resample(&mut self.context, input.resampling, from, sizes, values);
        to
    }

    /// From the gradient of what the layer reads at the stored size to those of the segments.
    fn pass_to_segments(&mut self, input: &Input, buffers: &OperationBuffers, grad: Range<usize>) {
        let target_ranges: Ranges = std::array::from_fn(|index| {
            input.segments.get(index).map_or(0..0, |&id| self.grad(id))
        });
        let accumulate = |index: usize| buffers.accumulate.get(index).copied().unwrap_or_default();
        let [ta, tb, tc, td] = target_ranges;
        let Some(norm) = input.norm else {
            let [grad, ta, tb, tc, td] = cut(self.arena, [grad, ta, tb, tc, td]);
            let segments = segments(self.plan, input, [&[]; MAX_SEGMENTS]);
            elementwise::split(
                &mut self.context,
                grad,
                &segments,
                targets([ta, tb, tc, td], accumulate),
            );
            return;
        };
        let channels = self.norms[norm].weight.len();
        let [a, b, c, d] = self.input_ranges(input);
        let [sa, sb, sc, sd] = self.sum_ranges(input);
        let ranges = [
            grad,
            self.range(buffers.coefficients),
            self.exact(buffers.columns, 2 * channels),
            ta,
            tb,
            tc,
            td,
            a,
            b,
            c,
            d,
            sa,
            sb,
            sc,
            sd,
        ];
        let [
            grad,
            coefficients,
            columns,
            ta,
            tb,
            tc,
            td,
            a,
            b,
            c,
            d,
            sa,
            sb,
            sc,
            sd,
        ] = cut(self.arena, ranges);
        let gradient = NormGradient {
            norm: &self.norms[norm],
            segments: segments(self.plan, input, [a, b, c, d]),
            parts: &parts(self.plan, self.buffers, input, [sa, sb, sc, sd]),
            coefficients,
            silu: input.silu,
            pixels: input.stored_size.0 * input.stored_size.1,
        };
        let targets = targets([ta, tb, tc, td], accumulate);
        gradient.run(&mut self.context, self.batch, grad, targets, columns);
        let columns = columns.to_vec();
        self.norm_parameters(norm, input.time, &columns);
    }

    /// From each image's gradient of the applied weight and bias to those of the parameters and the time rows.
    fn norm_parameters(&mut self, norm: usize, time: Option<usize>, columns: &[f32]) {
        let planned = &self.plan.norms[norm];
        let channels = planned.weight.len();
        for (image, columns) in columns.chunks_exact(2 * channels).enumerate() {
            for channel in 0..channels {
                let (weight_grad, bias_grad) = (columns[channel], columns[channels + channel]);
                let (weight, bias) = (planned.weight.start + channel, planned.bias.start + channel);
                let mut factor = 1.0;
                if let Some(offset) = time {
                    // The applied weight is `weight (1 + scale)`, the applied bias `bias (1 + scale) + shift`.
                    let place = self.starts[image] + offset + channel;
                    factor += self.rows[place];
                    self.row_grads[place] +=
                        weight_grad * self.weights[weight] + bias_grad * self.weights[bias];
                    self.row_grads[place + channels] += bias_grad;
                }
                self.gradient[weight] += weight_grad * factor;
                self.gradient[bias] += bias_grad * factor;
            }
        }
    }

    fn copy_backward(&mut self, at: usize, input: &Input, to: ActivationId) {
        let all = self.buffers;
        let buffers = &all.operations[at];
        let channels = self.plan.activations[to].channels;
        let stored = self.resample_backward(input, buffers, channels, self.grad(to));
        self.pass_to_segments(input, buffers, stored);
    }
}

fn targets(
    values: [&mut [f32]; MAX_SEGMENTS],
    accumulate: impl Fn(usize) -> bool,
) -> [Target<'_>; MAX_SEGMENTS] {
    let mut index = 0;
    values.map(|values| {
        index += 1;
        Target {
            values,
            accumulate: accumulate(index - 1),
        }
    })
}
