//! Weight gradients, gathered over the groups of a batch.

use super::super::aligned::Aligned;
use super::super::context::Context;
use super::super::conv::ConvShape;
use super::super::source::Source;
use super::super::vector::pad;
use super::super::winograd::{Tile, Winograd};
use super::direct::Direct;
use super::few_outputs::FewOutputs;
use super::winograd;

/// Sums for the gradient of one convolution's or linear layer's weights.
#[derive(Debug)]
pub struct WeightGradient {
    form: Form,
    /// Direct: (depth, padded out). Winograd: (36, in, padded out). Few outputs: (in, padded taps and outputs).
    sums: Aligned,
}

#[derive(Debug)]
enum Form {
    Direct(Direct),
    FewOutputs(FewOutputs),
    /// Without its weights, which the gradient does not need.
    Winograd(Winograd),
}

impl WeightGradient {
    /// Nothing gathered yet. The form depends on the shape alone.
    pub fn new(shape: ConvShape) -> Self {
        let form = if winograd_pays(&shape) {
            Form::Winograd(Winograd::weightless(shape, Tile::Four))
        } else if FewOutputs::suits(&shape) {
            Form::FewOutputs(FewOutputs { shape })
        } else {
            Form::Direct(Direct { shape })
        };
        Self {
            form,
            sums: Aligned::zeroed(num_sums(&shape)),
        }
    }

    /// Memory of the sums, in bytes.
    pub fn num_bytes(&self) -> usize {
        self.sums.len() * size_of::<f32>()
    }

    /// Memory that the sums of a layer will take, in bytes.
    pub fn bytes_of(shape: &ConvShape) -> usize {
        num_sums(shape) * size_of::<f32>()
    }

    /// Forget what was gathered.
    pub fn clear(&mut self, context: &mut Context<'_, '_>) {
        const CHUNK: usize = 1 << 16;
        let sums = self.sums.as_mut_slice();
        context
            .pool
            .for_each_chunk(sums, CHUNK, &|_, _, chunk| chunk.fill(0.0));
    }

    /// Add what a batch gives: its input as the layer saw it, and the gradient of the layer's output.
    ///
    /// # Shapes
    /// `grad` is (B, H, W, C) of the output.
    ///
    /// # Panics
    /// If a slice is smaller than its shape.
    pub fn add(
        &mut self,
        context: &mut Context<'_, '_>,
        source: &Source<'_>,
        batch: usize,
        grad: &[f32],
    ) {
        let sums = self.sums.as_mut_slice();
        match &self.form {
            Form::Direct(direct) => direct.add(context, source, batch, grad, sums),
            Form::FewOutputs(few) => few.add(context, source, batch, grad, sums),
            Form::Winograd(conv) => winograd::add(conv, context, source, batch, grad, sums),
        }
    }

    /// Write the gradient of the weights as (k, k, in, out).
    ///
    /// # Panics
    /// If `to` has another size.
    pub fn finish(&self, context: &mut Context<'_, '_>, to: &mut [f32]) {
        let sums = self.sums.as_slice();
        match &self.form {
            Form::Direct(direct) => direct.finish(sums, to),
            Form::FewOutputs(few) => few.finish(sums, to),
            Form::Winograd(conv) => winograd::finish(conv, context, sums, to),
        }
    }
}

/// How many sums a layer's gradient is gathered in.
fn num_sums(shape: &ConvShape) -> usize {
    let span = pad(shape.out_channels);
    if winograd_pays(shape) {
        Tile::Four.num_matrices() * shape.in_channels * span
    } else if FewOutputs::suits(shape) {
        FewOutputs::num_sums(shape)
    } else {
        shape.depth() * span
    }
}

/// Winograd's form takes a quarter of the products but four times the sums: too many where an image has few tiles.
fn winograd_pays(shape: &ConvShape) -> bool {
    const FEWEST_CHANNELS: usize = 16;
    const FEWEST_TILES: usize = 4;
    let tiles = shape.height.div_ceil(4) * shape.width.div_ceil(4);
    Winograd::suits(shape)
        && shape.in_channels.min(shape.out_channels) >= FEWEST_CHANNELS
        && tiles >= FEWEST_TILES
}
