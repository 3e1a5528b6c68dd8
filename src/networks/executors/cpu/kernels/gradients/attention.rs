//! The gradient of self-attention; the softmax is computed again, block by block.

use super::super::attention::AttentionShape;
use super::super::context::{Context, Scratch, scratch_of};
use super::super::gemm::GemmArgs;
use super::super::isa::Table;
use super::super::shared::Shared;
use super::super::vector::{PANEL, pad};
use super::gemm_tn::TnArgs;
use super::rows::SoftmaxArgs;

/// Query rows taken at a time.
const BLOCK_ROWS: usize = 48;

/// From the gradient of the mixed values to that of queries, keys and values.
///
/// # Shapes
/// `qkv` and `to` are (B, pixels, 3, channels), `grad` is (B, pixels, channels).
///
/// # Panics
/// If a slice is smaller than its shape.
pub fn backward(
    shape: &AttentionShape,
    context: &mut Context<'_, '_>,
    (qkv, grad): (&[f32], &[f32]),
    batch: usize,
    to: &mut [f32],
) {
    let to = Shared::new(to);
    let (table, scratches) = (context.table, context.scratches);
    context.pool.for_each(batch * shape.heads, &|thread, task| {
        let (image, head) = (task / shape.heads, task % shape.heads);
        let len = shape.pixels * shape.channels;
        let mut scratch = scratch_of(scratches, thread);
        let head = Head {
            shape,
            table,
            qkv: &qkv[image * 3 * len..][..3 * len],
            grad: &grad[image * len..][..len],
            first: head * (shape.channels / shape.heads),
        };
        // SAFETY: images and heads of tasks are disjoint.
        unsafe { head.run(&mut scratch, to, image * 3 * len) };
    });
}

/// One head of one image.
struct Head<'a> {
    shape: &'a AttentionShape,
    table: &'a Table,
    qkv: &'a [f32],
    grad: &'a [f32],
    /// First channel of the head.
    first: usize,
}

/// Operands of the products, packed once for all blocks, and what is summed over them.
struct Packed<'a> {
    /// Keys and values as panels of pixels.
    keys: &'a mut [f32],
    values: &'a mut [f32],
    /// Keys as panels of channels.
    key_panels: &'a mut [f32],
    /// Queries and the gradient as rows of whole panels.
    queries: &'a mut [f32],
    grads: &'a mut [f32],
    key_sums: &'a mut [f32],
    value_sums: &'a mut [f32],
}

impl Head<'_> {
    fn depth(&self) -> usize {
        self.shape.channels / self.shape.heads
    }

    /// # Safety
    /// No other task may use this head's channels of the image, which begins at `offset` of `to`.
    unsafe fn run(&self, scratch: &mut Scratch, to: Shared<'_>, offset: usize) {
        let (pixels, depth) = (self.shape.pixels, self.depth());
        let (pixel_span, depth_span) = (pad(pixels), pad(depth));
        let row_stride = 3 * self.shape.channels;
        let lens = [
            pixel_span * depth,
            pixel_span * depth,
            depth_span * pixels,
            pixels * depth_span,
            pixels * depth_span,
            pixels * depth_span,
            pixels * depth_span,
        ];
        scratch.input.grow(lens.iter().sum());
        let mut rest = scratch.input.as_mut_slice();
        let [
            keys,
            values,
            key_panels,
            queries,
            grads,
            key_sums,
            value_sums,
        ] = lens.map(|len| {
            let (piece, others) = std::mem::take(&mut rest).split_at_mut(len);
            rest = others;
            piece
        });
        let mut packed = Packed {
            keys,
            values,
            key_panels,
            queries,
            grads,
            key_sums,
            value_sums,
        };
        self.pack(&mut packed);
        scratch
            .output
            .grow(BLOCK_ROWS * (2 * pixel_span + depth_span));
        for first in (0..pixels).step_by(BLOCK_ROWS) {
            let rows = first..(first + BLOCK_ROWS).min(pixels);
            let query_grads = self.block(&mut packed, scratch.output.as_mut_slice(), rows.clone());
            for (row, from) in rows.zip(query_grads.chunks_exact(depth_span)) {
                // SAFETY: the caller keeps tasks apart.
                unsafe { write(to, offset + row * row_stride + self.first, &from[..depth]) };
            }
        }
        let sums = [(1, &packed.key_sums), (2, &packed.value_sums)];
        for (part, sums) in sums {
            let place = offset + part * self.shape.channels + self.first;
            for (row, from) in sums.chunks_exact(depth_span).enumerate() {
                // SAFETY: the caller keeps tasks apart.
                unsafe { write(to, place + row * row_stride, &from[..depth]) };
            }
        }
    }

    /// Some query rows: adds to the sums of keys and values, returns the gradient of the queries.
    fn block<'b>(
        &self,
        packed: &mut Packed<'_>,
        output: &'b mut [f32],
        rows: std::ops::Range<usize>,
    ) -> &'b [f32] {
        let (pixels, depth) = (self.shape.pixels, self.depth());
        let (pixel_span, depth_span) = (pad(pixels), pad(depth));
        let scale = 1.0 / (depth as f32).sqrt();
        let count = rows.len();
        let (weights, output) = output.split_at_mut(BLOCK_ROWS * pixel_span);
        let (weight_grads, query_grads) = output.split_at_mut(BLOCK_ROWS * pixel_span);
        let weights = &mut weights[..count * pixel_span];
        let weight_grads = &mut weight_grads[..count * pixel_span];
        let query_grads = &mut query_grads[..count * depth_span];
        let queries = &packed.queries[rows.start * depth_span..][..count * depth_span];
        let grads = &packed.grads[rows.start * depth_span..][..count * depth_span];
        let product = |a: &[f32], b: &[f32], to: &mut [f32]| {
            // SAFETY: `count` rows of `depth_span` values are read, those of `pixel_span` are written.
            unsafe {
                (self.table.gemm)(&GemmArgs {
                    rows: count,
                    depth,
                    panels: pixel_span / PANEL,
                    a: a.as_ptr(),
                    a_stride: depth_span,
                    b: b.as_ptr(),
                    c: to.as_mut_ptr(),
                    c_stride: pixel_span,
                });
            }
        };
        product(queries, packed.keys, weights);
        product(grads, packed.values, weight_grads);
        let softmax = weights
            .chunks_exact_mut(pixel_span)
            .zip(weight_grads.chunks_exact_mut(pixel_span));
        for (values, grad) in softmax {
            // SAFETY: both rows hold at least `pixels` values.
            unsafe {
                let sum = (self.table.exp_row)(values.as_mut_ptr(), pixels, scale);
                (self.table.softmax_grad)(&SoftmaxArgs {
                    count: pixels,
                    values: values.as_mut_ptr(),
                    grad: grad.as_mut_ptr(),
                    factor: 1.0 / sum,
                    scale,
                });
            }
        }
        let gather = |a: &[f32], b: &[f32], to: &mut [f32]| {
            debug_assert_eq!(to.len(), pixels * depth_span, "sums of a head");
            // SAFETY: `count` rows of both are read, of which `a` has at least `pixels` values.
            unsafe {
                (self.table.gemm_tn)(&TnArgs {
                    rows: pixels,
                    depth: count,
                    panels: depth_span / PANEL,
                    a: a.as_ptr(),
                    a_stride: pixel_span,
                    b: b.as_ptr(),
                    b_stride: depth_span,
                    c: to.as_mut_ptr(),
                    c_stride: depth_span,
                });
            }
        };
        gather(weights, grads, packed.value_sums);
        gather(weight_grads, queries, packed.key_sums);
        // SAFETY: `count` rows of `pixels` values are read, those of `depth_span` are written.
        unsafe {
            (self.table.gemm)(&GemmArgs {
                rows: count,
                depth: pixels,
                panels: depth_span / PANEL,
                a: weight_grads.as_ptr(),
                a_stride: pixel_span,
                b: packed.key_panels.as_ptr(),
                c: query_grads.as_mut_ptr(),
                c_stride: depth_span,
            });
        }
        query_grads
    }

    /// The head's values of a pixel: 0 queries, 1 keys, 2 values.
    fn row(&self, pixel: usize, part: usize) -> &[f32] {
        &self.qkv[(pixel * 3 + part) * self.shape.channels + self.first..][..self.depth()]
    }

    fn pack(&self, packed: &mut Packed<'_>) {
        let (pixels, depth) = (self.shape.pixels, self.depth());
        let depth_span = pad(depth);
        packed.key_sums.fill(0.0);
        packed.value_sums.fill(0.0);
        packed.key_panels.fill(0.0);
        if !pixels.is_multiple_of(PANEL) {
            packed.keys.fill(0.0);
            packed.values.fill(0.0);
        }
        for pixel in 0..pixels {
            let place = pixel / PANEL * depth * PANEL + pixel % PANEL;
            for (to, part) in [(&mut *packed.keys, 1), (&mut *packed.values, 2)] {
                let slots = to[place..].iter_mut().step_by(PANEL);
                slots
                    .zip(self.row(pixel, part))
                    .for_each(|(slot, value)| *slot = *value);
            }
            for (panel, from) in self.row(pixel, 1).chunks(PANEL).enumerate() {
                let place = (panel * pixels + pixel) * PANEL;
                packed.key_panels[place..][..from.len()].copy_from_slice(from);
            }
            let grad = &self.grad[pixel * self.shape.channels + self.first..][..depth];
            let rows = [
                (&mut *packed.queries, self.row(pixel, 0)),
                (&mut *packed.grads, grad),
            ];
            for (to, from) in rows {
                let to = &mut to[pixel * depth_span..][..depth_span];
                to[..depth].copy_from_slice(from);
                to[depth..].fill(0.0);
            }
        }
    }
}

/// # Safety
/// No other task may use these values of `to`.
unsafe fn write(to: Shared<'_>, offset: usize, from: &[f32]) {
    // SAFETY: `at` checks the span.
    unsafe {
        let to = to.at(offset, from.len());
        std::ptr::copy_nonoverlapping(from.as_ptr(), to, from.len());
    }
}
