//! Self-attention over the pixels of an image: `softmax(q k^T / sqrt(d)) v` for each head.

use super::context::{Context, Scratch, scratch_of};
use super::gemm::GemmArgs;
use super::isa::Table;
use super::shared::Shared;
use super::vector::{PANEL, pad};
pub use crate::networks::executors::lowered::AttentionShape;

/// Query rows taken at a time.
const BLOCK_ROWS: usize = 48;

impl AttentionShape {
    /// Run over a batch.
    ///
    /// # Shapes
    /// `qkv` is (B, pixels, 3, channels), `out` is (B, pixels, channels).
    ///
    /// # Panics
    /// If a slice is smaller than its shape.
    pub fn run(&self, context: &mut Context<'_, '_>, qkv: &[f32], batch: usize, out: &mut [f32]) {
        let out = Shared::new(out);
        let threads = context.pool.num_threads();
        // Splitting the queries of a head packs its keys again in each part: only where heads are too few.
        let splits = threads.div_ceil(batch * self.heads).min(self.pixels);
        let (table, scratches) = (context.table, context.scratches);
        context
            .pool
            .for_each(batch * self.heads * splits, &|thread, task| {
                let mut scratch = scratch_of(scratches, thread);
                let (head, split) = (task / splits, task % splits);
                let (image, head) = (head / self.heads, head % self.heads);
                let rows = split * self.pixels / splits..(split + 1) * self.pixels / splits;
                let qkv = &qkv[image * self.pixels * 3 * self.channels..]
                    [..self.pixels * 3 * self.channels];
                // SAFETY: images, heads and rows of tasks are disjoint.
                unsafe { self.run_head(table, &mut scratch, qkv, (image, head), rows, out) };
            });
    }

    /// Some query rows of one head of one image.
    ///
    /// # Safety
    /// No other task may use these rows and this head's channels of `out`.
    unsafe fn run_head(
        &self,
        table: &Table,
        scratch: &mut Scratch,
        qkv: &[f32],
        (image, head): (usize, usize),
        rows: std::ops::Range<usize>,
        out: Shared<'_>,
    ) {
        let (pixels, channels, depth) = (self.pixels, self.channels, self.head_channels());
        let (pixel_span, depth_span) = (pad(pixels), pad(depth));
        let row_stride = 3 * channels;
        scratch.input.grow(pixel_span * depth + depth_span * pixels);
        scratch.output.grow(BLOCK_ROWS * (pixel_span + depth_span));
        let (keys, values) = scratch
            .input
            .as_mut_slice()
            .split_at_mut(pixel_span * depth);
        let values = &mut values[..depth_span * pixels];
        self.pack(qkv, head, keys, values);
        let (logits, mixed) = scratch
            .output
            .as_mut_slice()
            .split_at_mut(BLOCK_ROWS * pixel_span);
        let scale = 1.0 / (depth as f32).sqrt();
        let end = rows.end;
        for first in rows.step_by(BLOCK_ROWS) {
            let count = BLOCK_ROWS.min(end - first);
            let queries = &qkv[first * row_stride + head * depth..];
            debug_assert!(
                queries.len() >= (count - 1) * row_stride + depth,
                "queries of {count} rows"
            );
            // SAFETY: all slices have the sizes that the arguments name; the caller keeps tasks apart.
            unsafe {
                (table.gemm)(&GemmArgs {
                    rows: count,
                    depth,
                    panels: pixel_span / PANEL,
                    a: queries.as_ptr(),
                    a_stride: row_stride,
                    b: keys.as_ptr(),
                    c: logits.as_mut_ptr(),
                    c_stride: pixel_span,
                });
                let mut sums = [0.0; BLOCK_ROWS];
                for (row, sum) in logits
                    .chunks_exact_mut(pixel_span)
                    .zip(&mut sums)
                    .take(count)
                {
                    *sum = (table.exp_row)(row.as_mut_ptr(), pixels, scale);
                }
                (table.gemm)(&GemmArgs {
                    rows: count,
                    depth: pixels,
                    panels: depth_span / PANEL,
                    a: logits.as_ptr(),
                    a_stride: pixel_span,
                    b: values.as_ptr(),
                    c: mixed.as_mut_ptr(),
                    c_stride: depth_span,
                });
                for (row, (mixed, sum)) in mixed
                    .chunks_exact(depth_span)
                    .zip(sums)
                    .take(count)
                    .enumerate()
                {
                    let to = out.at(
                        ((image * pixels) + first + row) * channels + head * depth,
                        depth,
                    );
                    let factor = 1.0 / sum;
                    for (channel, value) in mixed[..depth].iter().enumerate() {
                        to.add(channel).write(value * factor);
                    }
                }
            }
        }
    }

    /// Keys as the weights of the first product, values as those of the second.
    fn pack(&self, qkv: &[f32], head: usize, keys: &mut [f32], values: &mut [f32]) {
        let (channels, depth) = (self.channels, self.head_channels());
        let first = head * depth;
        for (panel, keys) in keys.chunks_exact_mut(depth * PANEL).enumerate() {
            for lane in 0..PANEL {
                let pixel = panel * PANEL + lane;
                let slots = keys[lane..].iter_mut().step_by(PANEL);
                if pixel < self.pixels {
                    let from = &qkv[(pixel * 3 + 1) * channels + first..][..depth];
                    slots.zip(from).for_each(|(slot, key)| *slot = *key);
                } else {
                    slots.for_each(|slot| *slot = 0.0);
                }
            }
        }
        for (panel, values) in values.chunks_exact_mut(self.pixels * PANEL).enumerate() {
            let begin = panel * PANEL;
            let count = PANEL.min(depth - begin);
            for (pixel, slots) in values.chunks_exact_mut(PANEL).enumerate() {
                let from = &qkv[(pixel * 3 + 2) * channels + first + begin..][..count];
                slots[..count].copy_from_slice(from);
                slots[count..].fill(0.0);
            }
        }
    }
}
