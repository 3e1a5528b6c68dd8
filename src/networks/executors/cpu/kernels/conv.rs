//! Convolutions (and linear layers, as 1x1) as a product of gathered pixels and packed weights.

use super::aligned::Aligned;
use super::context::{Context, Scratch, scratch_of};
use super::gemm::GemmArgs;
use super::isa::Table;
use super::output::{Finish, Output, Place};
use super::source::Source;
use super::vector::PANEL;
pub use crate::networks::executors::lowered::ConvShape;

/// Pixels in a block: their gathered inputs stay in the second-level cache while all weights pass.
const BLOCK_PIXELS: usize = 96;

/// A convolution with its weights packed.
#[derive(Debug)]
pub struct Conv {
    shape: ConvShape,
    /// (panels, depth, 16), depth in the order (ky, kx, channel).
    weights: Aligned,
}

impl Conv {
    /// Pack weights given as (out, in, k, k).
    ///
    /// # Panics
    /// If there are fewer weights than the shape says.
    pub fn new(shape: ConvShape, weights: &[f32]) -> Self {
        let ConvShape {
            in_channels,
            out_channels,
            kernel,
            ..
        } = shape;
        let taps = kernel * kernel;
        let depth = shape.depth();
        let mut packed = Aligned::zeroed(out_channels.div_ceil(PANEL) * depth * PANEL);
        let slots = packed.as_mut_slice();
        for (out, kernels) in weights
            .chunks_exact(in_channels * taps)
            .take(out_channels)
            .enumerate()
        {
            let panel = out / PANEL * depth * PANEL + out % PANEL;
            for (channel, kernel) in kernels.chunks_exact(taps).enumerate() {
                for (tap, &weight) in kernel.iter().enumerate() {
                    slots[panel + (tap * in_channels + channel) * PANEL] = weight;
                }
            }
        }
        Self {
            shape,
            weights: packed,
        }
    }

    /// Without weights yet: [`Self::set`] gives them.
    pub fn blank(shape: ConvShape) -> Self {
        let panels = shape.out_channels.div_ceil(PANEL);
        Self {
            shape,
            weights: Aligned::zeroed(panels * shape.depth() * PANEL),
        }
    }

    /// Pack weights given as (k, k, in, out), as training keeps them, in place of the present ones.
    ///
    /// # Panics
    /// If there are fewer weights than the shape says.
    pub fn set(&mut self, context: &mut Context<'_, '_>, weights: &[f32]) {
        let (depth, out) = (self.shape.depth(), self.shape.out_channels);
        let weights = &weights[..depth * out];
        let panel_len = depth * PANEL;
        let slots = self.weights.as_mut_slice();
        context
            .pool
            .for_each_chunk(slots, panel_len, &|_, panel, slots| {
                let first = panel * PANEL;
                let count = PANEL.min(out - first);
                for (slots, row) in slots.chunks_exact_mut(PANEL).zip(weights.chunks_exact(out)) {
                    slots[..count].copy_from_slice(&row[first..][..count]);
                }
            });
    }

    /// Take images of another size from now on: the weights stay as they are.
    pub fn resize(&mut self, height: usize, width: usize) {
        self.shape.height = height;
        self.shape.width = width;
    }

    pub fn shape(&self) -> &ConvShape {
        &self.shape
    }

    /// Memory of the packed weights, in bytes.
    pub fn num_bytes(&self) -> usize {
        self.weights.len() * size_of::<f32>()
    }

    /// Parts in which an image's sums come.
    pub fn num_parts(&self) -> usize {
        self.shape.out_height()
    }

    /// Run over a batch.
    ///
    /// # Shapes
    /// `out` is (B, H, W, C).
    ///
    /// # Panics
    /// If a slice is smaller than its shape.
    pub fn run(
        &self,
        context: &mut Context<'_, '_>,
        source: &Source<'_>,
        batch: usize,
        out: &mut [f32],
        finish: Finish<'_>,
    ) {
        let shape = &self.shape;
        let (height, width) = (shape.out_height(), shape.out_width());
        let output = Output::new(out, finish, shape.out_channels, height * width, height);
        let threads = context.pool.num_threads();
        let rows = batch * height;
        let blocks = num_blocks(rows, BLOCK_PIXELS.div_ceil(width), threads);
        let panels = shape.out_channels.div_ceil(PANEL);
        let splits = if blocks < threads {
            (2 * threads).div_ceil(blocks).min(panels)
        } else {
            1
        };
        let (table, scratches) = (context.table, context.scratches);
        context.pool.for_each(blocks * splits, &|thread, task| {
            let mut scratch = scratch_of(scratches, thread);
            let (block, split) = (task / splits, task % splits);
            let rows = block * rows / blocks..(block + 1) * rows / blocks;
            let panels = split * panels / splits..(split + 1) * panels / splits;
            self.run_block(table, &mut scratch, source, rows, panels, &output);
        });
    }

    /// Some output rows, counted over the batch, and some panels of channels.
    fn run_block(
        &self,
        table: &Table,
        scratch: &mut Scratch,
        source: &Source<'_>,
        rows: std::ops::Range<usize>,
        panels: std::ops::Range<usize>,
        output: &Output<'_>,
    ) {
        let shape = &self.shape;
        let (height, width, depth) = (shape.out_height(), shape.out_width(), shape.depth());
        let pixels = rows.len() * width;
        let span = panels.len() * PANEL;
        scratch.output.grow(pixels * span);
        let plain = source
            .stored()
            .filter(|_| shape.kernel == 1 && shape.stride == 1);
        let a = if let Some(stored) = plain {
            &stored[rows.start * width * depth..][..pixels * depth]
        } else {
            scratch.input.grow(pixels * depth);
            let input = &mut scratch.input.as_mut_slice()[..pixels * depth];
            gather(shape, table, source, rows.clone(), input, &mut scratch.rows);
            &*input
        };
        let product = &mut scratch.output.as_mut_slice()[..pixels * span];
        let weights = &self.weights.as_slice()[panels.start * depth * PANEL..][..span * depth];
        // SAFETY: the slices have exactly the sizes that the arguments name.
        unsafe {
            (table.gemm)(&GemmArgs {
                rows: pixels,
                depth,
                panels: panels.len(),
                a: a.as_ptr(),
                a_stride: depth,
                b: weights.as_ptr(),
                c: product.as_mut_ptr(),
                c_stride: span,
            });
        }
        let first_channel = panels.start * PANEL;
        for (row, product) in rows.zip(product.chunks_exact(width * span)) {
            // SAFETY: rows and panels of tasks are disjoint; `product` holds `width` pixels of `span` channels.
            unsafe {
                let args = output.at(Place {
                    image: row / height,
                    first_pixel: row % height * width,
                    pixels: width,
                    part: row % height,
                    first_channel,
                    channels: span.min(shape.out_channels - first_channel),
                });
                (table.finish_pixels)(&args, product.as_ptr(), span, width);
            }
        }
    }
}

/// How many blocks to cut `rows` into: about `target` rows each, shared evenly by the threads.
pub(super) fn num_blocks(rows: usize, target: usize, threads: usize) -> usize {
    let blocks = rows.div_ceil(target);
    if blocks == 1 {
        1
    } else {
        blocks.next_multiple_of(threads).min(rows)
    }
}

/// The inputs of each output pixel of some rows, in the order (ky, kx, channel).
pub(super) fn gather(
    shape: &ConvShape,
    table: &Table,
    source: &Source<'_>,
    rows: std::ops::Range<usize>,
    input: &mut [f32],
    normalized: &mut Aligned,
) {
    let (out_height, out_width) = (shape.out_height(), shape.out_width());
    let channels = shape.in_channels;
    if shape.kernel == 1 && shape.stride == 1 {
        for (row, to) in rows.zip(input.chunks_exact_mut(out_width * channels)) {
            source.write_rows(table, (row / out_height, row % out_height), to);
        }
        return;
    }
    let row_len = shape.width * channels;
    let mut input = input;
    let mut row = rows.start;
    while row < rows.end {
        let (image, first) = (row / out_height, row % out_height);
        let count = (rows.end - row).min(out_height - first);
        let top = (first * shape.stride).saturating_sub(shape.pad_before);
        let last = (first + count - 1) * shape.stride + shape.kernel;
        let bottom = last
            .saturating_sub(shape.pad_before)
            .clamp(top, shape.height);
        let stored = if let Some(stored) = source.stored() {
            &stored[(image * shape.height + top) * row_len..][..(bottom - top) * row_len]
        } else {
            normalized.grow((bottom - top) * row_len);
            let to = &mut normalized.as_mut_slice()[..(bottom - top) * row_len];
            source.write_rows(table, (image, top), to);
            &*to
        };
        let (head, tail) = input.split_at_mut(count * out_width * shape.depth());
        for (y, to) in (first..).zip(head.chunks_exact_mut(out_width * shape.depth())) {
            gather_row(shape, stored, top, y, to);
        }
        input = tail;
        row += count;
    }
}

/// One output row's inputs from whole image rows, of which `stored` holds those from `top` on.
fn gather_row(shape: &ConvShape, stored: &[f32], top: usize, y: usize, to: &mut [f32]) {
    let channels = shape.in_channels;
    let row_len = shape.width * channels;
    let span = shape.kernel * channels;
    for (x, pixel) in to.chunks_exact_mut(shape.depth()).enumerate() {
        // In padded coordinates, where nothing is negative.
        let left = x * shape.stride;
        let image = shape.pad_before..shape.pad_before + shape.width;
        let skipped = image.start.saturating_sub(left).min(shape.kernel);
        let begin = (left + skipped).clamp(image.start, image.end) - image.start;
        let end = (left + shape.kernel).clamp(begin + image.start, image.end) - image.start;
        for (ky, taps) in pixel.chunks_exact_mut(span).enumerate() {
            let row = (y * shape.stride + ky).checked_sub(shape.pad_before + top);
            let row = row.and_then(|row| stored.get(row * row_len..(row + 1) * row_len));
            let Some(row) = row else {
                taps.fill(0.0);
                continue;
            };
            let inside = skipped * channels..(skipped + end - begin) * channels;
            taps[..inside.start].fill(0.0);
            taps[inside.end..].fill(0.0);
            taps[inside].copy_from_slice(&row[begin * channels..end * channels]);
        }
    }
}
