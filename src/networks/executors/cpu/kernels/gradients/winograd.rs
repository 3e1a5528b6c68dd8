//! The weight gradient of a 3x3 convolution as the adjoint of F(4x4, 3x3).

use super::super::context::{Context, scratch_of};
use super::super::shared::Shared;
use super::super::source::Source;
use super::super::vector::{PANEL, pad};
use super::super::winograd::{Matrices, Winograd};
use super::gemm_tn::TnArgs;
use super::tiles::{GradArgs, KernelArgs};

/// Tiles in a block: their matrices stay in the last-level cache, and the sums pass seldom.
const BLOCK_TILES: usize = 96;

/// Add a batch's share to the sums (36, in, padded out).
///
/// All threads transform a block's tiles into common matrices and then share the 36 products: each sum belongs to one
/// task, and a block's size does not depend on how many threads there are.
pub(super) fn add(
    conv: &Winograd,
    context: &mut Context<'_, '_>,
    source: &Source<'_>,
    batch: usize,
    grad: &[f32],
    sums: &mut [f32],
) {
    let shape = *conv.shape();
    let rows = batch * conv.tile_rows();
    let image_len = shape.height * shape.width * shape.out_channels;
    let grad = &grad[..batch * image_len];
    let rows_per_block = BLOCK_TILES.div_ceil(conv.tile_columns());
    let (ci, span) = (shape.in_channels, pad(shape.out_channels));
    let count = conv.tile().num_matrices();
    let sums = Shared::new(&mut sums[..count * ci * span]);
    let threads = context.pool.num_threads();
    let (table, scratches) = (context.table, context.scratches);
    for first in (0..rows).step_by(rows_per_block) {
        let block = first..(first + rows_per_block).min(rows);
        let sizes = conv.matrices(block.len() * conv.tile_columns());
        let common = &mut *context.common;
        common.input.grow(count * sizes.tiles * sizes.in_stride);
        common.output.grow(count * sizes.tiles * sizes.out_stride);
        let v = Shared::new(common.input.as_mut_slice());
        let z = Shared::new(common.output.as_mut_slice());
        // A split transforms the image rows between two tasks twice: no more tasks than threads.
        let tasks = threads.min(block.len());
        context.pool.for_each(tasks, &|thread, task| {
            let mut scratch = scratch_of(scratches, thread);
            let part = first + task * block.len() / tasks..first + (task + 1) * block.len() / tasks;
            let place = (part.start - first) * conv.tile_columns();
            let ring = &mut scratch.rows;
            // SAFETY: the tile rows of tasks are disjoint.
            unsafe {
                conv.transform_input(table, source, part.clone(), 0..ci, ring, (v, sizes, place));
                for row in part {
                    transform_grad(conv, table, grad, row, (z, sizes, row - first));
                }
            }
        });
        let panels = span / PANEL;
        let splits = (4 * threads).div_ceil(count).min(panels);
        context.pool.for_each(count * splits, &|_, task| {
            let (matrix, split) = (task / splits, task % splits);
            let panels = split * panels / splits..(split + 1) * panels / splits;
            let Matrices {
                tiles,
                in_stride,
                out_stride,
            } = sizes;
            let column = panels.start * PANEL;
            // SAFETY: matrices and panels of tasks are disjoint; `v` and `z` are only read; `at` checks the spans.
            unsafe {
                (table.gemm_tn)(&TnArgs {
                    rows: ci,
                    depth: tiles,
                    panels: panels.len(),
                    a: v.at(matrix * tiles * in_stride, tiles * in_stride),
                    a_stride: in_stride,
                    b: z.at(matrix * tiles * out_stride, tiles * out_stride)
                        .add(column),
                    b_stride: out_stride,
                    c: sums.at(matrix * ci * span, ci * span).add(column),
                    c_stride: span,
                });
            }
        });
    }
}

/// One row of tiles (counted over the batch) of the output's gradient, to row `index` of the block's matrices.
///
/// # Safety
/// No other task may use the same tiles of `z`.
unsafe fn transform_grad(
    conv: &Winograd,
    table: &super::super::isa::Table,
    grad: &[f32],
    row: usize,
    (z, sizes, index): (Shared<'_>, Matrices, usize),
) {
    let shape = conv.shape();
    let (image, tile_row) = (row / conv.tile_rows(), row % conv.tile_rows());
    let height = 4.min(shape.height - tile_row * 4);
    let row_len = shape.width * shape.out_channels;
    let from = &grad[(image * shape.height + tile_row * 4) * row_len..][..height * row_len];
    let matrix_stride = sizes.tiles * sizes.out_stride;
    let last = (conv.tile().num_matrices() - 1) * matrix_stride;
    let span = last + conv.tile_columns() * sizes.out_stride;
    // SAFETY: `from` holds the rows, and `at` checks the span; the caller keeps tasks apart.
    unsafe {
        (table.grad_tiles)(&GradArgs {
            from: from.as_ptr(),
            channels: shape.out_channels,
            height,
            width: shape.width,
            tiles: conv.tile_columns(),
            z: z.at(index * conv.tile_columns() * sizes.out_stride, span),
            tile_stride: sizes.out_stride,
            matrix_stride,
        });
    }
}

/// The sums as the gradient of the nine taps.
pub(super) fn finish(conv: &Winograd, context: &mut Context<'_, '_>, sums: &[f32], to: &mut [f32]) {
    let shape = conv.shape();
    let (ci, co) = (shape.in_channels, shape.out_channels);
    let span = pad(co);
    let sums = &sums[..conv.tile().num_matrices() * ci * span];
    assert_eq!(to.len(), 9 * ci * co, "a gradient of {shape:?}");
    let to = Shared::new(to);
    let table = context.table;
    context.pool.for_each(ci, &|_, channel| {
        // SAFETY: each task has its own input channel; the slices hold all of them.
        unsafe {
            (table.fold_kernel)(&KernelArgs {
                transform: conv.tile().kernel_transform(),
                from: sums[channel * span..].as_ptr(),
                from_stride: ci * span,
                to: to.at(channel * co, 8 * ci * co + co),
                to_stride: ci * co,
                to_panel_stride: 0,
                channels: co,
            });
        }
    });
}
