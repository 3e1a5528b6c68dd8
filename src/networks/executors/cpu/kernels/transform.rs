//! Winograd's F(2x2, 3x3) and F(4x4, 3x3) transforms (Lavin & Gray 2016, <https://arxiv.org/abs/1509.09308>),
//! vectorized over channels.

use super::finish::{FinishArgs, finish_value};
use super::vector::Vector;

/// A row of tiles on the way in: `A` padded image rows to `A * A` matrices.
#[derive(Clone, Copy, Debug)]
pub struct InputArgs {
    /// The `A` padded rows (the first `A` are used); the first pixel is one left of the first tile.
    pub rows: [*const f32; 6],
    /// Distance between pixels of a row: channels, padded to whole panels.
    pub pixel_stride: usize,
    /// Channels to transform, padded to whole panels.
    pub channels: usize,
    /// Tiles in the row.
    pub tiles: usize,
    /// Matrix 0, first tile, first channel.
    pub v: *mut f32,
    /// Distance between tiles of a matrix.
    pub tile_stride: usize,
    /// Distance between matrices.
    pub matrix_stride: usize,
}

/// A row of tiles on the way out: `A * A` matrices to `M` image rows.
#[derive(Clone, Copy, Debug)]
pub struct OutputArgs {
    /// Matrix 0, first tile, first channel.
    pub m: *const f32,
    /// Distance between tiles of a matrix.
    pub tile_stride: usize,
    /// Distance between matrices.
    pub matrix_stride: usize,
    /// Tiles in the row.
    pub tiles: usize,
    /// Image rows that exist below the top of the tiles, at most `M`.
    pub height: usize,
    /// Pixels in an image row.
    pub width: usize,
    /// What happens to each value; its pointers are at the first pixel of the first row.
    pub finish: FinishArgs,
}

/// `B^T d` for one column of a tile.
#[inline(always)]
unsafe fn input_1d<V: Vector, const A: usize>(d: [V; A]) -> [V; A] {
    let mut o = d;
    // SAFETY: arithmetic only; the caller enables the features.
    unsafe {
        if A == 6 {
            let (two, four, five) = (V::splat(2.0), V::splat(4.0), V::splat(-5.0));
            o[0] = d[2].mul_add(five, d[0].mul_add(four, d[4]));
            let a = d[2].mul_add(V::splat(-4.0), d[4]);
            let b = d[1].mul_add(V::splat(-4.0), d[3]);
            o[1] = a.add(b);
            o[2] = a.sub(b);
            let c = d[4].sub(d[2]);
            let e = d[3].sub(d[1]).mul(two);
            o[3] = c.add(e);
            o[4] = c.sub(e);
            o[5] = d[3].mul_add(five, d[1].mul_add(four, d[5]));
        } else {
            o[0] = d[0].sub(d[2]);
            o[1] = d[1].add(d[2]);
            o[2] = d[2].sub(d[1]);
            o[3] = d[1].sub(d[3]);
        }
    }
    o
}

/// `A^T m` for one column of a tile.
#[inline(always)]
unsafe fn output_1d<V: Vector, const A: usize, const M: usize>(m: [V; A]) -> [V; M] {
    // SAFETY: arithmetic only; the caller enables the features.
    unsafe {
        let mut o = [V::splat(0.0); M];
        if A == 6 {
            let (s1, d1) = (m[1].add(m[2]), m[1].sub(m[2]));
            let (s2, d2) = (m[3].add(m[4]), m[3].sub(m[4]));
            o[0] = m[0].add(s1).add(s2);
            o[1] = d2.mul_add(V::splat(2.0), d1);
            o[2] = s2.mul_add(V::splat(4.0), s1);
            o[3] = d2.mul_add(V::splat(8.0), d1).add(m[5]);
        } else {
            o[0] = m[0].add(m[1]).add(m[2]);
            o[1] = m[1].sub(m[2]).sub(m[3]);
        }
        o
    }
}

/// Transform a row of tiles on the way in.
///
/// # Safety
/// Each row must hold `tiles * M + A - M` pixels, `v` all matrices and tiles, `A` is 4 or 6 with `M = A - 2`, and
/// `V`'s features must be enabled in the caller.
#[inline(always)]
pub unsafe fn input_tiles<V: Vector, const A: usize, const M: usize>(args: &InputArgs) {
    // SAFETY: offsets stay inside what the caller promised.
    unsafe {
        for tile in 0..args.tiles {
            let left = tile * M * args.pixel_stride;
            let out = args.v.add(tile * args.tile_stride);
            let mut channel = 0;
            while channel < args.channels {
                let mut half = [[V::splat(0.0); A]; A];
                for x in 0..A {
                    let mut column = [V::splat(0.0); A];
                    for (y, value) in column.iter_mut().enumerate() {
                        *value = V::load(args.rows[y].add(left + x * args.pixel_stride + channel));
                    }
                    let column = input_1d::<V, A>(column);
                    for (row, value) in half.iter_mut().zip(column) {
                        row[x] = value;
                    }
                }
                for (y, row) in half.iter().enumerate() {
                    let row = input_1d::<V, A>(*row);
                    for (x, value) in row.iter().enumerate() {
                        value.store(out.add((y * A + x) * args.matrix_stride + channel));
                    }
                }
                channel += V::LANES;
            }
        }
    }
}

/// Transform a row of tiles on the way out, finishing each value.
///
/// # Safety
/// `m` must hold all matrices and tiles with channels padded to whole panels; the pointers of `finish` must cover
/// `height` rows of `width` pixels; `A` is 4 or 6 with `M = A - 2`; `V`'s features must be enabled in the caller.
#[inline(always)]
pub unsafe fn output_tiles<V: Vector, const A: usize, const M: usize>(args: &OutputArgs) {
    let finish = &args.finish;
    // SAFETY: offsets stay inside what the caller promised; pixels outside the image are skipped.
    unsafe {
        for tile in 0..args.tiles {
            let from = args.m.add(tile * args.tile_stride);
            let columns = M.min(args.width - tile * M);
            let mut channel = 0;
            while channel < finish.channels {
                let lanes = V::LANES.min(finish.channels - channel);
                let mut half = [[V::splat(0.0); A]; M];
                for x in 0..A {
                    let mut column = [V::splat(0.0); A];
                    for (y, value) in column.iter_mut().enumerate() {
                        *value = V::load(from.add((y * A + x) * args.matrix_stride + channel));
                    }
                    let column = output_1d::<V, A, M>(column);
                    for (row, value) in half.iter_mut().zip(column) {
                        row[x] = value;
                    }
                }
                let bias = finish.bias_at::<V>(channel, lanes);
                let (mut sum, mut squares) = (V::splat(0.0), V::splat(0.0));
                for (y, row) in half.iter().enumerate().take(args.height) {
                    let row = output_1d::<V, A, M>(*row);
                    for (x, value) in row.iter().enumerate().take(columns) {
                        let pixel = y * args.width + tile * M + x;
                        let value = finish_value(finish, *value, bias, pixel, channel, lanes);
                        sum = sum.add(value);
                        squares = value.mul_add(value, squares);
                    }
                }
                finish.add_sums(channel, lanes, sum, squares);
                channel += V::LANES;
            }
        }
    }
}
