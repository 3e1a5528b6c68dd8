//! Transforms around Winograd's weight gradient and for weights that change at each step, vectorized over channels.
//!
//! With the input's tiles `V = B^T d B` of F(4x4, 3x3) and `Z = A dY A^T`, the adjoint of its output transform, each
//! of the 36 matrices gathers `M = V^T Z` over all tiles, and the kernel's gradient is `G^T M G`.

use super::super::vector::{PANEL, Vector};

/// A row of tiles of an output's gradient: up to four image rows to 36 matrices.
#[derive(Clone, Copy, Debug)]
pub struct GradArgs {
    /// First pixel of the first row.
    pub from: *const f32,
    /// Channels, also the distance between pixels.
    pub channels: usize,
    /// Image rows that exist below the top of the tiles, at most four.
    pub height: usize,
    /// Pixels in an image row.
    pub width: usize,
    /// Tiles in the row.
    pub tiles: usize,
    /// Matrix 0, first tile, first channel.
    pub z: *mut f32,
    /// Distance between tiles of a matrix: channels, padded to whole panels.
    pub tile_stride: usize,
    /// Distance between matrices.
    pub matrix_stride: usize,
}

/// `A y` for one column of a tile.
#[inline(always)]
unsafe fn grad_1d<V: Vector>(y: [V; 4]) -> [V; 6] {
    // SAFETY: arithmetic only; the caller enables the features.
    unsafe {
        let (even, odd) = (y[0].add(y[2]), y[1].add(y[3]));
        let even_2 = y[2].mul_add(V::splat(4.0), y[0]);
        let odd_2 = y[3].mul_add(V::splat(8.0), y[1].add(y[1]));
        [
            y[0],
            even.add(odd),
            even.sub(odd),
            even_2.add(odd_2),
            even_2.sub(odd_2),
            y[3],
        ]
    }
}

/// Transform a row of tiles; lanes beyond the channels become zero.
///
/// # Safety
/// `from` must cover `height` rows of `width` pixels, `z` all matrices and tiles, and `V`'s features must be enabled
/// in the caller.
#[inline(always)]
pub unsafe fn grad_tiles<V: Vector>(args: &GradArgs) {
    // SAFETY: pixels outside of the image and lanes outside of the channels are not read.
    unsafe {
        for tile in 0..args.tiles {
            let columns = 4.min(args.width - tile * 4);
            let from = args.from.add(tile * 4 * args.channels);
            let out = args.z.add(tile * args.tile_stride);
            let mut channel = 0;
            while channel < args.tile_stride {
                let lanes = V::LANES.min(args.channels.saturating_sub(channel));
                let mut half = [[V::splat(0.0); 4]; 6];
                for x in 0..columns {
                    let mut column = [V::splat(0.0); 4];
                    for (y, value) in column.iter_mut().enumerate().take(args.height) {
                        let pixel = from.add((y * args.width + x) * args.channels);
                        if lanes == V::LANES {
                            *value = V::load(pixel.add(channel));
                        } else if lanes > 0 {
                            *value = V::load_part(pixel.add(channel), lanes);
                        }
                    }
                    for (row, value) in half.iter_mut().zip(grad_1d(column)) {
                        row[x] = value;
                    }
                }
                for (y, row) in half.iter().enumerate() {
                    for (x, value) in grad_1d(*row).iter().enumerate() {
                        value.store(out.add((y * 6 + x) * args.matrix_stride + channel));
                    }
                }
                channel += V::LANES;
            }
        }
    }
}

/// One input channel of a 3x3 kernel: from (matrices, in, padded out) to (9, in, out) or back.
#[derive(Clone, Copy, Debug)]
pub struct KernelArgs {
    /// `G`, row by row.
    pub transform: &'static [[f64; 3]],
    /// First value of the input channel.
    pub from: *const f32,
    /// Distance between the matrices or taps that are read.
    pub from_stride: usize,
    /// First value of the input channel.
    pub to: *mut f32,
    /// Distance between the taps or matrices that are written.
    pub to_stride: usize,
    /// Distance between panels of what is written; only where weights are transformed.
    pub to_panel_stride: usize,
    /// Output channels.
    pub channels: usize,
}

/// `G^T M G`: the 36 matrices of a weight gradient to its nine taps.
///
/// # Safety
/// `from` must hold whole panels of all matrices, `to` the channels of nine taps, and `V`'s features must be enabled in
/// the caller.
#[inline(always)]
pub unsafe fn fold_kernel<V: Vector>(args: &KernelArgs) {
    // SAFETY: offsets stay inside what the caller promised.
    unsafe {
        let mut channel = 0;
        while channel < args.channels {
            let lanes = V::LANES.min(args.channels - channel);
            let mut half = [[V::splat(0.0); 6]; 3];
            for (y, factors) in args.transform.iter().enumerate() {
                for x in 0..6 {
                    let from = args.from.add((y * 6 + x) * args.from_stride + channel);
                    let value = V::load(from);
                    for (row, factor) in half.iter_mut().zip(factors) {
                        row[x] = value.mul_add(V::splat(*factor as f32), row[x]);
                    }
                }
            }
            for (y, row) in half.iter().enumerate() {
                for x in 0..3 {
                    let mut sum = V::splat(0.0);
                    for (value, factors) in row.iter().zip(args.transform) {
                        sum = value.mul_add(V::splat(factors[x] as f32), sum);
                    }
                    let to = args.to.add((y * 3 + x) * args.to_stride + channel);
                    sum.store_part_or_all(to, lanes);
                }
            }
            channel += V::LANES;
        }
    }
}

/// `G g G^T`: nine taps to the matrices that products take, in panels; lanes beyond the channels become zero.
///
/// In `f64` and rounded once: a weight's rounding is the same at every pixel, so that it adds up in a gradient, where the
/// roundings of pixels average out.
///
/// # Safety
/// `from` must hold the channels of nine taps and `to` whole panels of all matrices.
#[inline(always)]
pub unsafe fn spread_kernel(args: &KernelArgs) {
    let size = args.transform.len();
    debug_assert!(size <= 6, "a transform of {size} rows");
    // SAFETY: offsets stay inside what the caller promised.
    unsafe {
        for channel in (0..args.channels).step_by(PANEL) {
            let lanes = PANEL.min(args.channels - channel);
            let mut half = [[[0.0; PANEL]; 3]; 6];
            for y in 0..3 {
                for x in 0..3 {
                    let from = args.from.add((y * 3 + x) * args.from_stride + channel);
                    let mut taps = [0.0; PANEL];
                    std::ptr::copy_nonoverlapping(from, taps.as_mut_ptr(), lanes);
                    for (row, factors) in half.iter_mut().zip(args.transform) {
                        for (sum, tap) in row[x].iter_mut().zip(taps) {
                            *sum += factors[y] * f64::from(tap);
                        }
                    }
                }
            }
            let to = args.to.add(channel / PANEL * args.to_panel_stride);
            for (y, row) in half.iter().enumerate().take(size) {
                for (x, factors) in args.transform.iter().enumerate() {
                    let mut sums = [0.0; PANEL];
                    for (values, factor) in row.iter().zip(factors) {
                        for (sum, value) in sums.iter_mut().zip(values) {
                            *sum += value * factor;
                        }
                    }
                    let to = to.add((y * size + x) * args.to_stride);
                    for (lane, sum) in sums.into_iter().enumerate() {
                        to.add(lane).write(sum as f32);
                    }
                }
            }
        }
    }
}
