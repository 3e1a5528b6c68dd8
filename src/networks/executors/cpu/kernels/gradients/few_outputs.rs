//! The weight gradient of a 3x3 convolution with few outputs, such as a network's last.
//!
//! Gathering the inputs of nine taps for one output writes each input nine times. Here the taps move the output's gradient
//! instead: the product is one of the inputs as they lie and, beside each pixel, the gradients of the outputs that saw it.

use std::ops::Range;

use super::super::context::Context;
use super::super::conv::ConvShape;
use super::super::shared::Shared;
use super::super::source::{Segment, Source};
use super::super::vector::pad;
use super::product::add_product;

/// Pixels in a block.
const BLOCK_PIXELS: usize = 1024;

#[derive(Debug)]
pub(super) struct FewOutputs {
    pub(super) shape: ConvShape,
}

impl FewOutputs {
    /// Whether a convolution has so few outputs that those of all taps fit into fewer panels than there are taps.
    pub(super) fn suits(shape: &ConvShape) -> bool {
        const MOST_OUTPUTS: usize = 4;
        let is_same = shape.stride == 1 && shape.pad_before + shape.pad_after + 1 == shape.kernel;
        is_same && shape.kernel > 1 && shape.out_channels <= MOST_OUTPUTS
    }

    /// Sums: (in, taps and outputs, padded).
    pub(super) fn num_sums(shape: &ConvShape) -> usize {
        shape.in_channels * Self::span(shape)
    }

    fn span(shape: &ConvShape) -> usize {
        pad(shape.kernel * shape.kernel * shape.out_channels)
    }

    /// Add a batch's share to the sums.
    pub(super) fn add(
        &self,
        context: &mut Context<'_, '_>,
        source: &Source<'_>,
        batch: usize,
        grad: &[f32],
        sums: &mut [f32],
    ) {
        let shape = &self.shape;
        let rows = batch * shape.height;
        let per_block = BLOCK_PIXELS.div_ceil(shape.width);
        let grad = &grad[..rows * shape.width * shape.out_channels];
        for first in (0..rows).step_by(per_block) {
            let block = first..(first + per_block).min(rows);
            self.add_block(context, source, block, grad, sums);
        }
    }

    /// Some rows, counted over the batch.
    fn add_block(
        &self,
        context: &mut Context<'_, '_>,
        source: &Source<'_>,
        rows: Range<usize>,
        grad: &[f32],
        sums: &mut [f32],
    ) {
        let shape = &self.shape;
        let (width, channels, span) = (shape.width, shape.in_channels, Self::span(shape));
        let pixels = rows.len() * width;
        let table = context.table;
        let common = &mut *context.common;
        common.input.grow(pixels * channels);
        common.output.grow(pixels * span);
        let stored = source.stored();
        let inputs = Shared::new(&mut common.input.as_mut_slice()[..pixels * channels]);
        let moved = &mut common.output.as_mut_slice()[..pixels * span];
        (context.pool).for_each_chunk(moved, width * span, &|_, index, moved| {
            let row = rows.start + index;
            let place = (row / shape.height, row % shape.height);
            self.move_gradient(grad, place, moved);
            if stored.is_none() {
                // SAFETY: each task has its own row.
                unsafe {
                    let to = inputs.at(index * width * channels, width * channels);
                    source.write_row(table, place, (0, channels), to, channels);
                }
            }
        });
        let moved = &*moved;
        let gathered = &common.input.as_slice()[..pixels * channels];
        let data = stored.map_or(gathered, |stored| &stored[rows.start * width * channels..]);
        let left = Segment { data, channels };
        add_product((table, &mut *context.pool), left, moved, pixels, sums);
    }

    /// Beside each pixel of a row, for each tap, the gradient of the output that saw the pixel through this tap.
    fn move_gradient(&self, grad: &[f32], (image, y): (usize, usize), to: &mut [f32]) {
        let shape = &self.shape;
        let (outputs, kernel, before) = (shape.out_channels, shape.kernel, shape.pad_before);
        let row_len = shape.width * outputs;
        to.fill(0.0);
        for ky in 0..kernel {
            let seen_by = (y + before).checked_sub(ky).filter(|&y| y < shape.height);
            let Some(seen_by) = seen_by else {
                continue;
            };
            let from = &grad[(image * shape.height + seen_by) * row_len..][..row_len];
            for kx in 0..kernel {
                let slot = (ky * kernel + kx) * outputs;
                // Outputs whose tap `kx` lies inside the row.
                let first = before.saturating_sub(kx);
                let end = (shape.width + before).saturating_sub(kx).min(shape.width);
                for x in first..end {
                    let pixel = &mut to[(x + kx - before) * Self::span(shape) + slot..][..outputs];
                    pixel.copy_from_slice(&from[x * outputs..][..outputs]);
                }
            }
        }
    }

    /// The sums as the gradient of the weights, (k, k, in, out).
    pub(super) fn finish(&self, sums: &[f32], to: &mut [f32]) {
        let shape = &self.shape;
        let (channels, outputs) = (shape.in_channels, shape.out_channels);
        assert_eq!(to.len(), shape.depth() * outputs, "a gradient of {shape:?}");
        for (index, to) in to.chunks_exact_mut(outputs).enumerate() {
            let (tap, channel) = (index / channels, index % channels);
            let from = &sums[channel * Self::span(shape) + tap * outputs..];
            to.copy_from_slice(&from[..outputs]);
        }
    }
}
