//! The weight gradient of any convolution as one product of gathered inputs and the output's gradient.

use super::super::context::{Context, scratch_of};
use super::super::conv::{ConvShape, gather};
use super::super::source::{Segment, Source};
use super::super::vector::pad;
use super::product::add_product;

/// Output pixels in a block.
const BLOCK_PIXELS: usize = 256;

#[derive(Debug)]
pub(super) struct Direct {
    pub(super) shape: ConvShape,
}

impl Direct {
    /// Add a batch's share to the sums (depth, padded out).
    pub(super) fn add(
        &self,
        context: &mut Context<'_, '_>,
        source: &Source<'_>,
        batch: usize,
        grad: &[f32],
        sums: &mut [f32],
    ) {
        let shape = &self.shape;
        let (width, depth) = (shape.out_width(), shape.depth());
        let (out, span) = (shape.out_channels, pad(shape.out_channels));
        let rows = batch * shape.out_height();
        let per_block = BLOCK_PIXELS.div_ceil(width);
        let grad = &grad[..rows * width * out];
        for first in (0..rows).step_by(per_block) {
            let block = first..(first + per_block).min(rows);
            let grad = &grad[block.start * width * out..block.end * width * out];
            self.add_block(context, source, block, grad, &mut sums[..depth * span]);
        }
    }

    /// Some output rows, counted over the batch.
    fn add_block(
        &self,
        context: &mut Context<'_, '_>,
        source: &Source<'_>,
        rows: std::ops::Range<usize>,
        grad: &[f32],
        sums: &mut [f32],
    ) {
        let shape = &self.shape;
        let (width, depth) = (shape.out_width(), shape.depth());
        let (out, span) = (shape.out_channels, pad(shape.out_channels));
        let pixels = rows.len() * width;
        let (table, scratches) = (context.table, context.scratches);
        let common = &mut *context.common;
        let is_plain = shape.kernel == 1 && shape.stride == 1;
        let inputs = if let Some(segments) = source.stored_segments().filter(|_| is_plain) {
            segments.map(|Segment { data, channels }| Segment {
                data: &data[rows.start * width * channels..][..pixels * channels],
                channels,
            })
        } else {
            common.input.grow(pixels * depth);
            let inputs = &mut common.input.as_mut_slice()[..pixels * depth];
            // Rows that follow each other share what they gather from: pieces are as large as the threads allow.
            let per_task = rows.len().div_ceil(context.pool.num_threads());
            let chunk = per_task * width * depth;
            context
                .pool
                .for_each_chunk(inputs, chunk, &|thread, task, inputs| {
                    let mut scratch = scratch_of(scratches, thread);
                    let begin = rows.start + task * per_task;
                    let part = begin..(begin + per_task).min(rows.end);
                    gather(shape, table, source, part, inputs, &mut scratch.rows);
                });
            Segment::alone(inputs, depth)
        };
        let grad = if out == span {
            grad
        } else {
            common.output.grow(pixels * span);
            let padded = &mut common.output.as_mut_slice()[..pixels * span];
            for (to, from) in padded.chunks_exact_mut(span).zip(grad.chunks_exact(out)) {
                to[..out].copy_from_slice(from);
                to[out..].fill(0.0);
            }
            &*padded
        };
        let mut sums = sums;
        for part in inputs.into_iter().filter(|part| part.channels > 0) {
            let (own, rest) = sums.split_at_mut(part.channels * span);
            add_product((table, &mut *context.pool), part, grad, pixels, own);
            sums = rest;
        }
    }

    /// The sums without their padding.
    pub(super) fn finish(&self, sums: &[f32], to: &mut [f32]) {
        let out = self.shape.out_channels;
        assert_eq!(
            to.len(),
            self.shape.depth() * out,
            "a gradient of {:?}",
            self.shape
        );
        for (to, from) in to.chunks_exact_mut(out).zip(sums.chunks_exact(pad(out))) {
            to.copy_from_slice(&from[..out]);
        }
    }
}
