//! Winograd's F(2x2, 3x3) and F(4x4, 3x3) transforms (Lavin & Gray 2016, <https://arxiv.org/abs/1509.09308>),
//! vectorized over channels.
//!
//! F(4x4, 3x3) comes from polynomials that are equal at 0, infinity and four more points. Those of the paper, ±1 and ±2, make
//! factors of very different sizes. ±5/8 and ±3/2 take about as many operations and halve a convolution's error (root mean
//! square, 32 channels), as ±√½ and ±√2 do, and every factor of them is exact in `f32` (on the choice of points: Alam et al.
//! 2022, "Winograd Convolution for Deep Neural Networks: Efficient Point Selection").

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

/// The transforms of one column of a tile with `A` values in and `M` out.
///
/// # Safety
/// Of all functions: `V`'s features must be enabled in the caller.
pub trait Points<const A: usize, const M: usize> {
    /// `B^T d`.
    unsafe fn input<V: Vector>(d: [V; A]) -> [V; A];

    /// `A^T m`.
    unsafe fn output<V: Vector>(m: [V; A]) -> [V; M];
}

/// F(2x2, 3x3) by 0, ±1 and infinity.
pub struct Two;

impl Points<4, 2> for Two {
    #[inline(always)]
    unsafe fn input<V: Vector>(d: [V; 4]) -> [V; 4] {
        // SAFETY: arithmetic only; the caller enables the features.
        unsafe {
            [
                d[0].sub(d[2]),
                d[1].add(d[2]),
                d[2].sub(d[1]),
                d[1].sub(d[3]),
            ]
        }
    }

    #[inline(always)]
    unsafe fn output<V: Vector>(m: [V; 4]) -> [V; 2] {
        // SAFETY: arithmetic only; the caller enables the features.
        unsafe { [m[0].add(m[1]).add(m[2]), m[1].sub(m[2]).sub(m[3])] }
    }
}

/// F(4x4, 3x3) by 0, ±1, ±2 and infinity.
pub struct Four;

impl Points<6, 4> for Four {
    #[inline(always)]
    unsafe fn input<V: Vector>(d: [V; 6]) -> [V; 6] {
        // SAFETY: arithmetic only; the caller enables the features.
        unsafe {
            let (two, four, five) = (V::splat(2.0), V::splat(4.0), V::splat(-5.0));
            let a = d[2].mul_add(V::splat(-4.0), d[4]);
            let b = d[1].mul_add(V::splat(-4.0), d[3]);
            let c = d[4].sub(d[2]);
            let e = d[3].sub(d[1]).mul(two);
            [
                d[2].mul_add(five, d[0].mul_add(four, d[4])),
                a.add(b),
                a.sub(b),
                c.add(e),
                c.sub(e),
                d[3].mul_add(five, d[1].mul_add(four, d[5])),
            ]
        }
    }

    #[inline(always)]
    unsafe fn output<V: Vector>(m: [V; 6]) -> [V; 4] {
        // SAFETY: arithmetic only; the caller enables the features.
        unsafe {
            let (s1, d1) = (m[1].add(m[2]), m[1].sub(m[2]));
            let (s2, d2) = (m[3].add(m[4]), m[3].sub(m[4]));
            [
                m[0].add(s1).add(s2),
                d2.mul_add(V::splat(2.0), d1),
                s2.mul_add(V::splat(4.0), s1),
                d2.mul_add(V::splat(8.0), d1).add(m[5]),
            ]
        }
    }
}

/// F(4x4, 3x3) by 0, ±[`SMALL`], ±[`LARGE`] and infinity.
pub struct FineFour;

/// The inner points of [`FineFour`].
pub(super) const SMALL: f32 = 5.0 / 8.0;
/// The outer points of [`FineFour`].
pub(super) const LARGE: f32 = 3.0 / 2.0;

impl Points<6, 4> for FineFour {
    #[inline(always)]
    unsafe fn input<V: Vector>(d: [V; 6]) -> [V; 6] {
        // SAFETY: arithmetic only; the caller enables the features.
        unsafe {
            let minus_sum = V::splat(-(SMALL * SMALL + LARGE * LARGE));
            let product = V::splat(SMALL * SMALL * LARGE * LARGE);
            let a = d[2].mul_add(V::splat(-LARGE * LARGE), d[4]);
            let b = d[1].mul_add(V::splat(-LARGE * LARGE), d[3]);
            let c = d[2].mul_add(V::splat(-SMALL * SMALL), d[4]);
            let e = d[1].mul_add(V::splat(-SMALL * SMALL), d[3]);
            [
                d[2].mul_add(minus_sum, d[0].mul_add(product, d[4])),
                b.mul_add(V::splat(SMALL), a),
                b.mul_add(V::splat(-SMALL), a),
                e.mul_add(V::splat(LARGE), c),
                e.mul_add(V::splat(-LARGE), c),
                d[3].mul_add(minus_sum, d[1].mul_add(product, d[5])),
            ]
        }
    }

    #[inline(always)]
    unsafe fn output<V: Vector>(m: [V; 6]) -> [V; 4] {
        // SAFETY: arithmetic only; the caller enables the features.
        unsafe {
            let (s1, d1) = (m[1].add(m[2]), m[1].sub(m[2]));
            let (s2, d2) = (m[3].add(m[4]), m[3].sub(m[4]));
            let power = |base: f32, exponent| V::splat(base.powi(exponent));
            [
                m[0].add(s1).add(s2),
                d2.mul_add(power(LARGE, 1), d1.mul(power(SMALL, 1))),
                s2.mul_add(power(LARGE, 2), s1.mul(power(SMALL, 2))),
                d2.mul_add(power(LARGE, 3), d1.mul_add(power(SMALL, 3), m[5])),
            ]
        }
    }
}

/// Transform a row of tiles on the way in.
///
/// # Safety
/// Each row must hold `tiles * M + A - M` pixels, `v` all matrices and tiles, and `V`'s features must be enabled in the
/// caller.
#[inline(always)]
pub unsafe fn input_tiles<V: Vector, P: Points<A, M>, const A: usize, const M: usize>(
    args: &InputArgs,
) {
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
                    let column = P::input(column);
                    for (row, value) in half.iter_mut().zip(column) {
                        row[x] = value;
                    }
                }
                for (y, row) in half.iter().enumerate() {
                    let row = P::input(*row);
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
/// `height` rows of `width` pixels; `V`'s features must be enabled in the caller.
#[inline(always)]
pub unsafe fn output_tiles<V: Vector, P: Points<A, M>, const A: usize, const M: usize>(
    args: &OutputArgs,
) {
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
                    let column = P::output(column);
                    for (row, value) in half.iter_mut().zip(column) {
                        row[x] = value;
                    }
                }
                let bias = finish.bias_at::<V>(channel, lanes);
                let (mut sum, mut squares) = (V::splat(0.0), V::splat(0.0));
                for (y, row) in half.iter().enumerate().take(args.height) {
                    let row = P::output(*row);
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
