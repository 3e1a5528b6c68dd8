//! The weight gradient of any convolution as one product of gathered inputs and the output's gradient.

use super::super::context::{Context, scratch_of};
use super::super::conv::{ConvShape, gather};
use super::super::shared::Shared;
use super::super::source::Source;
use super::super::vector::{PANEL, pad};
use super::gemm_tn::TnArgs;

/// Output pixels in a block.
const BLOCK_PIXELS: usize = 256;
/// Rows of the gradient that a task takes.
const TASK_ROWS: usize = 48;

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
        let inputs = if let Some(stored) = source.stored().filter(|_| is_plain) {
            &stored[rows.start * width * depth..][..pixels * depth]
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
            &*inputs
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
        let sums = Shared::new(sums);
        context
            .pool
            .for_each(depth.div_ceil(TASK_ROWS), &|_, task| {
                let first = task * TASK_ROWS;
                let count = TASK_ROWS.min(depth - first);
                // SAFETY: each task has its own rows of the sums; the slices hold `pixels` rows of both operands.
                unsafe {
                    (table.gemm_tn)(&TnArgs {
                        rows: count,
                        depth: pixels,
                        panels: span / PANEL,
                        a: inputs[first..].as_ptr(),
                        a_stride: depth,
                        b: grad.as_ptr(),
                        b_stride: span,
                        c: sums.at(first * span, count * span),
                        c_stride: span,
                    });
                }
            });
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
