//! Weight gradients, gathered over the groups of a batch.

use super::super::aligned::Aligned;
use super::super::context::Context;
use super::super::conv::ConvShape;
use super::super::source::Source;
use super::super::vector::pad;
use super::super::winograd::{Tile, Winograd};
use super::direct::Direct;
use super::winograd;

/// Sums for the gradient of one convolution's or linear layer's weights.
#[derive(Debug)]
pub struct WeightGradient {
    form: Form,
    /// Direct: (depth, padded out). Winograd: (36, in, padded out).
    sums: Aligned,
}

#[derive(Debug)]
enum Form {
    Direct(Direct),
    /// Without its weights, which the gradient does not need.
    Winograd(Winograd),
}

impl WeightGradient {
    /// Nothing gathered yet. The form depends on the shape alone.
    pub fn new(shape: ConvShape) -> Self {
        let span = pad(shape.out_channels);
        if winograd_pays(&shape) {
            let len = Tile::Four.num_matrices() * shape.in_channels * span;
            Self {
                form: Form::Winograd(Winograd::weightless(shape, Tile::Four)),
                sums: Aligned::zeroed(len),
            }
        } else {
            Self {
                form: Form::Direct(Direct { shape }),
                sums: Aligned::zeroed(shape.depth() * span),
            }
        }
    }

    /// Memory of the sums, in bytes.
    pub fn num_bytes(&self) -> usize {
        self.sums.len() * size_of::<f32>()
    }

    /// Memory that the sums of a layer will take, in bytes.
    pub fn bytes_of(shape: &ConvShape) -> usize {
        let rows = if winograd_pays(shape) {
            Tile::Four.num_matrices() * shape.in_channels
        } else {
            shape.depth()
        };
        rows * pad(shape.out_channels) * size_of::<f32>()
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
            Form::Winograd(conv) => winograd::finish(conv, context, sums, to),
        }
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
