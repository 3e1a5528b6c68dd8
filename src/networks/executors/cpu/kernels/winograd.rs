//! 3x3 convolutions with stride 1 by Winograd's F(2x2, 3x3) and F(4x4, 3x3).

use super::aligned::Aligned;
use super::context::{Context, Scratch, scratch_of};
use super::conv::{ConvShape, num_blocks};
use super::gemm::GemmArgs;
use super::gradients::tiles::KernelArgs;
use super::isa::Table;
use super::output::{Finish, Output, Place};
use super::shared::Shared;
use super::source::Source;
pub use super::tile::Tile;
use super::transform::{InputArgs, OutputArgs};
use super::vector::{PANEL, pad};

/// Tiles in a block that one thread takes through all three phases.
const BLOCK_TILES: usize = 48;
/// Up to this many tiles a thread, the threads build one matrix together: the weights then pass once, not once a
/// thread.
const COMMON_TILES: usize = 32;
/// Values in the ring of normalized image rows: half of a small second-level cache.
const RING_LEN: usize = 24 * 1024;

/// A convolution with its weights transformed.
#[derive(Debug)]
pub struct Winograd {
    shape: ConvShape,
    tile: Tile,
    /// (matrices, panels, in, 16).
    weights: Aligned,
}

/// Sizes of the matrices of some tiles.
#[derive(Clone, Copy)]
pub(super) struct Matrices {
    pub tiles: usize,
    pub in_stride: usize,
    pub out_stride: usize,
}

impl Winograd {
    /// Transform weights given as (out, in, 3, 3).
    ///
    /// # Panics
    /// If the shape is not a 3x3 convolution with stride 1 and one zero on each side, or there are fewer weights than
    /// it says.
    pub fn new(shape: ConvShape, tile: Tile, weights: &[f32]) -> Self {
        assert!(Self::suits(&shape), "{shape:?} has no Winograd form here");
        let (ci, co) = (shape.in_channels, shape.out_channels);
        let panels = co.div_ceil(PANEL);
        let g = tile.kernel_transform();
        let mut transformed = Aligned::zeroed(tile.num_matrices() * panels * ci * PANEL);
        let slots = transformed.as_mut_slice();
        for (index, kernel) in weights.chunks_exact(9).take(ci * co).enumerate() {
            let (out, channel) = (index / ci, index % ci);
            for (row, g_row) in g.iter().enumerate() {
                let mut half = [0.0; 3];
                for (x, half) in half.iter_mut().enumerate() {
                    *half = (0..3)
                        .map(|y| g_row[y] * f64::from(kernel[y * 3 + x]))
                        .sum();
                }
                for (column, g_column) in g.iter().enumerate() {
                    let value: f64 = half.iter().zip(g_column).map(|(half, g)| half * g).sum();
                    let matrix = row * g.len() + column;
                    let panel = matrix * panels + out / PANEL;
                    slots[(panel * ci + channel) * PANEL + out % PANEL] = value as f32;
                }
            }
        }
        Self {
            shape,
            tile,
            weights: transformed,
        }
    }

    /// Without weights yet: [`Self::set`] gives them.
    ///
    /// # Panics
    /// If the shape is not a 3x3 convolution with stride 1 and one zero on each side.
    pub fn blank(shape: ConvShape, tile: Tile) -> Self {
        assert!(Self::suits(&shape), "{shape:?} has no Winograd form here");
        let panels = shape.out_channels.div_ceil(PANEL);
        let len = tile.num_matrices() * panels * shape.in_channels * PANEL;
        Self {
            shape,
            tile,
            weights: Aligned::zeroed(len),
        }
    }

    /// With no room for weights: only its sizes and transforms are used.
    pub(super) fn weightless(shape: ConvShape, tile: Tile) -> Self {
        Self {
            shape,
            tile,
            weights: Aligned::default(),
        }
    }

    /// Transform weights given as (3, 3, in, out), as training keeps them, in place of the present ones.
    ///
    /// # Panics
    /// If there are fewer weights than the shape says.
    pub fn set(&mut self, context: &mut Context<'_, '_>, weights: &[f32]) {
        let (ci, co) = (self.shape.in_channels, self.shape.out_channels);
        let (count, panels) = (self.tile.num_matrices(), co.div_ceil(PANEL));
        let weights = &weights[..9 * ci * co];
        let transform = self.tile.kernel_transform();
        let table = context.table;
        let slots = Shared::new(self.weights.as_mut_slice());
        let last = (count * panels - 1) * ci * PANEL + PANEL;
        context.pool.for_each(ci, &|_, channel| {
            // SAFETY: each task has its own input channel of all matrices; the span is checked, and so is `from`.
            unsafe {
                (table.spread_kernel)(&KernelArgs {
                    transform,
                    from: weights[channel * co..].as_ptr(),
                    from_stride: ci * co,
                    to: slots.at(channel * PANEL, last),
                    to_stride: panels * ci * PANEL,
                    to_panel_stride: ci * PANEL,
                    channels: co,
                });
            }
        });
    }

    /// Whether a convolution can be run this way.
    pub fn suits(shape: &ConvShape) -> bool {
        (
            shape.kernel,
            shape.stride,
            shape.pad_before,
            shape.pad_after,
        ) == (3, 1, 1, 1)
    }

    pub fn tile(&self) -> Tile {
        self.tile
    }

    pub fn shape(&self) -> &ConvShape {
        &self.shape
    }

    /// Memory of the transformed weights, in bytes.
    pub fn num_bytes(&self) -> usize {
        self.weights.len() * size_of::<f32>()
    }

    /// Parts in which an image's sums come.
    pub fn num_parts(&self) -> usize {
        self.tile_rows()
    }

    pub(super) fn tile_rows(&self) -> usize {
        self.shape.height.div_ceil(self.tile.size())
    }

    pub(super) fn tile_columns(&self) -> usize {
        self.shape.width.div_ceil(self.tile.size())
    }

    pub(super) fn matrices(&self, tiles: usize) -> Matrices {
        Matrices {
            tiles,
            in_stride: pad(self.shape.in_channels),
            out_stride: pad(self.shape.out_channels),
        }
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
        let pixels = shape.height * shape.width;
        let output = Output::new(out, finish, shape.out_channels, pixels, self.tile_rows());
        let rows = batch * self.tile_rows();
        let threads = context.pool.num_threads();
        if threads > 1 && rows * self.tile_columns() <= COMMON_TILES * threads {
            self.run_in_common(context, source, batch, &output);
            return;
        }
        let blocks = num_blocks(rows, BLOCK_TILES.div_ceil(self.tile_columns()), threads);
        let (table, scratches) = (context.table, context.scratches);
        context.pool.for_each(blocks, &|thread, block| {
            let mut scratch = scratch_of(scratches, thread);
            let rows = block * rows / blocks..(block + 1) * rows / blocks;
            self.run_block(table, &mut scratch, source, rows, &output);
        });
    }

    /// Some rows of tiles, counted over the batch, from image to image.
    fn run_block(
        &self,
        table: &Table,
        scratch: &mut Scratch,
        source: &Source<'_>,
        rows: std::ops::Range<usize>,
        output: &Output<'_>,
    ) {
        let sizes = self.matrices(rows.len() * self.tile_columns());
        let count = self.tile.num_matrices();
        scratch.input.grow(count * sizes.tiles * sizes.in_stride);
        scratch.output.grow(count * sizes.tiles * sizes.out_stride);
        let v = Shared::new(scratch.input.as_mut_slice());
        let m = Shared::new(scratch.output.as_mut_slice());
        let panels = 0..self.shape.out_channels.div_ceil(PANEL);
        let channels = 0..self.shape.in_channels;
        // SAFETY: the scratch is this task's own, and the output rows are.
        unsafe {
            self.transform_input(
                table,
                source,
                rows.clone(),
                channels,
                &mut scratch.rows,
                (v, sizes, 0),
            );
            for matrix in 0..count {
                self.multiply(table, matrix, panels.clone(), v, m, sizes);
            }
            for (index, row) in rows.enumerate() {
                let first_tile = index * self.tile_columns();
                self.transform_output(table, row, panels.clone(), (m, sizes, first_tile), output);
            }
        }
    }

    /// All tiles at once, each phase shared by the threads.
    fn run_in_common(
        &self,
        context: &mut Context<'_, '_>,
        source: &Source<'_>,
        batch: usize,
        output: &Output<'_>,
    ) {
        let threads = context.pool.num_threads();
        let image_rows = self.tile_rows();
        let rows = batch * image_rows;
        let sizes = self.matrices(rows * self.tile_columns());
        let count = self.tile.num_matrices();
        let common = &mut *context.common;
        common.input.grow(count * sizes.tiles * sizes.in_stride);
        common.output.grow(count * sizes.tiles * sizes.out_stride);
        let v = Shared::new(common.input.as_mut_slice());
        let m = Shared::new(common.output.as_mut_slice());
        let (table, scratches) = (context.table, context.scratches);

        // Channels are split first: a split over rows transforms the rows between two tasks twice.
        let channels = self.shape.in_channels;
        let channel_splits = (2 * threads).div_ceil(batch).min(channels.div_ceil(PANEL));
        let row_splits = threads.div_ceil(batch * channel_splits).min(image_rows);
        let tasks = batch * channel_splits * row_splits;
        context.pool.for_each(tasks, &|thread, task| {
            let mut scratch = scratch_of(scratches, thread);
            let (part, split) = (task / channel_splits, task % channel_splits);
            let (image, part) = (part / row_splits, part % row_splits);
            let first = image * image_rows;
            let rows = first + part * image_rows / row_splits
                ..first + (part + 1) * image_rows / row_splits;
            let panels = channels.div_ceil(PANEL);
            let begin = split * panels / channel_splits * PANEL;
            let end = ((split + 1) * panels / channel_splits * PANEL).min(channels);
            let first_tile = rows.start * self.tile_columns();
            // SAFETY: rows and channels of tasks are disjoint.
            unsafe {
                self.transform_input(
                    table,
                    source,
                    rows,
                    begin..end,
                    &mut scratch.rows,
                    (v, sizes, first_tile),
                );
            }
        });

        let panels = self.shape.out_channels.div_ceil(PANEL);
        let splits = (4 * threads).div_ceil(count).min(panels);
        context.pool.for_each(count * splits, &|_, task| {
            let (matrix, split) = (task / splits, task % splits);
            let panels = split * panels / splits..(split + 1) * panels / splits;
            // SAFETY: matrices and panels of tasks are disjoint; `v` is only read.
            unsafe { self.multiply(table, matrix, panels, v, m, sizes) };
        });

        let splits = (2 * threads).div_ceil(rows).min(panels);
        context.pool.for_each(rows * splits, &|_, task| {
            let (row, split) = (task / splits, task % splits);
            let panels = split * panels / splits..(split + 1) * panels / splits;
            let first_tile = row * self.tile_columns();
            // SAFETY: rows and panels of tasks are disjoint; `m` is only read.
            unsafe { self.transform_output(table, row, panels, (m, sizes, first_tile), output) };
        });
    }

    /// Phase 1: image rows to matrices, for some rows of tiles (counted over the batch) and some channels.
    ///
    /// # Safety
    /// No other task may use the same tiles and channels of `v`.
    pub(super) unsafe fn transform_input(
        &self,
        table: &Table,
        source: &Source<'_>,
        rows: std::ops::Range<usize>,
        channels: std::ops::Range<usize>,
        ring: &mut Aligned,
        (v, sizes, first_tile): (Shared<'_>, Matrices, usize),
    ) {
        let (size, input_size) = (self.tile.size(), self.tile.input_size());
        let columns = self.tile_columns();
        let ring_width = columns * size + 2;
        let step = (RING_LEN / (input_size * ring_width) / PANEL * PANEL).max(PANEL);
        let image_rows = self.tile_rows();
        let matrix_stride = sizes.tiles * sizes.in_stride;
        let transform = match self.tile {
            Tile::Two => table.input_tiles_2,
            Tile::Four => table.input_tiles_4,
            Tile::FineFour => table.input_tiles_4_fine,
        };
        for begin in channels.clone().step_by(step) {
            let count = step.min(channels.end - begin);
            let stride = pad(count);
            let mut window = Ring::new(ring, input_size, ring_width, stride);
            for (index, row) in rows.clone().enumerate() {
                let (image, tile_row) = (row / image_rows, row % image_rows);
                let fresh = if index == 0 || tile_row == 0 {
                    0
                } else {
                    input_size - size
                };
                for y in fresh..input_size {
                    // Ring row `y` of this tile row is image row `tile_row * size + y - 1`.
                    let padded_y = tile_row * size + y;
                    let inside = padded_y.checked_sub(1).filter(|&y| y < self.shape.height);
                    let to = window.row(padded_y);
                    if let Some(image_y) = inside {
                        let to = &mut to[stride..][..self.shape.width * stride];
                        // SAFETY: `to` has room for the row.
                        unsafe {
                            let to = to.as_mut_ptr();
                            source.write_row(table, (image, image_y), (begin, count), to, stride);
                        }
                    } else {
                        to.fill(0.0);
                    }
                }
                let mut pointers = [std::ptr::null(); 6];
                for (y, pointer) in pointers.iter_mut().enumerate().take(input_size) {
                    *pointer = window.row(tile_row * size + y).as_ptr();
                }
                let place = (first_tile + index * columns) * sizes.in_stride + begin;
                let last = (self.tile.num_matrices() - 1) * matrix_stride;
                let span = last + (columns - 1) * sizes.in_stride + stride;
                // SAFETY: each ring row holds `columns * size + 2` pixels; the span of `v` is checked.
                unsafe {
                    transform(&InputArgs {
                        rows: pointers,
                        pixel_stride: stride,
                        channels: stride,
                        tiles: columns,
                        v: v.at(place, span),
                        tile_stride: sizes.in_stride,
                        matrix_stride,
                    });
                }
            }
        }
    }

    /// Phase 2: one matrix's product, for some panels of output channels.
    ///
    /// # Safety
    /// No other task may write this matrix of `v`, or use these panels of this matrix of `m`.
    unsafe fn multiply(
        &self,
        table: &Table,
        matrix: usize,
        panels: std::ops::Range<usize>,
        v: Shared<'_>,
        m: Shared<'_>,
        sizes: Matrices,
    ) {
        let depth = self.shape.in_channels;
        let all_panels = sizes.out_stride / PANEL;
        let first = (matrix * all_panels + panels.start) * depth * PANEL;
        let weights = &self.weights.as_slice()[first..][..panels.len() * depth * PANEL];
        let Matrices {
            tiles,
            in_stride,
            out_stride,
        } = sizes;
        // SAFETY: `at` checks that both matrices lie in their buffers.
        unsafe {
            (table.gemm)(&GemmArgs {
                rows: tiles,
                depth,
                panels: panels.len(),
                a: v.at(matrix * tiles * in_stride, tiles * in_stride),
                a_stride: in_stride,
                b: weights.as_ptr(),
                c: m.at(matrix * tiles * out_stride, tiles * out_stride)
                    .add(panels.start * PANEL),
                c_stride: out_stride,
            });
        }
    }

    /// Phase 3: matrices to image rows, for one row of tiles (counted over the batch) and some panels.
    ///
    /// # Safety
    /// No other task may write these tiles of `m`, or use these rows and channels of the output.
    unsafe fn transform_output(
        &self,
        table: &Table,
        row: usize,
        panels: std::ops::Range<usize>,
        (m, sizes, first_tile): (Shared<'_>, Matrices, usize),
        output: &Output<'_>,
    ) {
        let (image, tile_row) = (row / self.tile_rows(), row % self.tile_rows());
        let (size, width) = (self.tile.size(), self.shape.width);
        let height = size.min(self.shape.height - tile_row * size);
        let matrix_stride = sizes.tiles * sizes.out_stride;
        let last = (self.tile.num_matrices() - 1) * matrix_stride;
        let span = last + self.tile_columns() * sizes.out_stride;
        let first_channel = panels.start * PANEL;
        let transform = match self.tile {
            Tile::Two => table.output_tiles_2,
            Tile::Four => table.output_tiles_4,
            Tile::FineFour => table.output_tiles_4_fine,
        };
        // SAFETY: `at` checks the span of `m`, and `output.at` that of the output; the caller keeps tasks apart.
        unsafe {
            transform(&OutputArgs {
                m: m.at(first_tile * sizes.out_stride, span).add(first_channel),
                tile_stride: sizes.out_stride,
                matrix_stride,
                tiles: self.tile_columns(),
                height,
                width,
                finish: output.at(Place {
                    image,
                    first_pixel: tile_row * size * width,
                    pixels: height * width,
                    part: tile_row,
                    first_channel,
                    channels: (panels.len() * PANEL).min(self.shape.out_channels - first_channel),
                }),
            });
        }
    }
}

/// The last few padded image rows, kept where the next row of tiles finds them.
struct Ring<'a> {
    values: &'a mut [f32],
    rows: usize,
    row_len: usize,
}

impl<'a> Ring<'a> {
    /// All zero: the pixels beside the image stay so.
    fn new(buffer: &'a mut Aligned, rows: usize, width: usize, channels: usize) -> Self {
        let row_len = width * channels;
        buffer.grow(rows * row_len);
        let values = &mut buffer.as_mut_slice()[..rows * row_len];
        values.fill(0.0);
        Self {
            values,
            rows,
            row_len,
        }
    }

    fn row(&mut self, padded_y: usize) -> &mut [f32] {
        &mut self.values[padded_y % self.rows * self.row_len..][..self.row_len]
    }
}
