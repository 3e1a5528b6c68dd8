//! The product that weight gradients are made of, shared by the threads.

use super::super::isa::Table;
use super::super::shared::Shared;
use super::super::source::Segment;
use super::super::thread_pool::PoolScope;
use super::super::vector::PANEL;
use super::gemm_tn::TnArgs;

/// Rows of the sums that a task takes at most.
const TASK_ROWS: usize = 48;
/// Rows below which a register tile is not worth filling.
const FEWEST_ROWS: usize = 12;

/// Add the product of some pixels' inputs (pixels, in) and right-hand values (pixels, whole panels) to the sums
/// (in, whole panels). Each sum belongs to one task.
///
/// # Panics
/// If a slice is smaller than its shape.
pub(super) fn add_product(
    (table, pool): (&Table, &mut PoolScope<'_>),
    left: Segment<'_>,
    right: &[f32],
    pixels: usize,
    sums: &mut [f32],
) {
    let Segment { data, channels } = left;
    let span = right.len() / pixels;
    let panels = span / PANEL;
    let (data, right) = (&data[..pixels * channels], &right[..pixels * span]);
    let sums = Shared::new(&mut sums[..channels * span]);
    let threads = pool.num_threads();
    let parts = channels.div_ceil(TASK_ROWS);
    // Few rows are shared by their columns first, then in smaller parts: half the threads would wait otherwise.
    let splits = threads.div_ceil(parts).min(panels);
    let parts = parts.max(threads.div_ceil(splits).min(channels.div_ceil(FEWEST_ROWS)));
    pool.for_each(parts * splits, &|_, task| {
        let (part, split) = (task / splits, task % splits);
        let rows = part * channels / parts..(part + 1) * channels / parts;
        let panels = split * panels / splits..(split + 1) * panels / splits;
        let column = panels.start * PANEL;
        // SAFETY: each task has its own rows and panels of the sums; the slices hold `pixels` rows of both operands.
        unsafe {
            (table.gemm_tn)(&TnArgs {
                rows: rows.len(),
                depth: pixels,
                panels: panels.len(),
                a: data[rows.start..].as_ptr(),
                a_stride: channels,
                b: right[column..].as_ptr(),
                b_stride: span,
                c: (sums.at(rows.start * span, rows.len() * span)).add(column),
                c_stride: span,
            });
        }
    });
}
