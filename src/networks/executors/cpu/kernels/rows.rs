//! Kernels over pixels of one image row: normalization and `SiLU` on the way into a product, and softmax.

use super::vector::Vector;

/// How the pixels of a stored row become those of the wanted row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// One to one.
    Copy,
    /// Each pixel twice.
    Double,
    /// The mean of two by two.
    Halve,
}

/// One row of some channels of an image: `silu(x * scale + shift)`, resampled.
#[derive(Clone, Copy, Debug)]
pub struct RowArgs {
    /// First pixel of the stored row, at the first wanted channel.
    pub from: *const f32,
    /// The stored row below, read by [`Step::Halve`] only.
    pub below: *const f32,
    /// Distance between stored pixels.
    pub from_stride: usize,
    /// Pixels of the wanted row.
    pub width: usize,
    /// Channels wanted.
    pub channels: usize,
    /// One factor a channel, or null for neither factor nor term.
    pub scale: *const f32,
    /// One term a channel.
    pub shift: *const f32,
    /// Whether `SiLU` follows.
    pub silu: bool,
    pub step: Step,
    /// First pixel of the wanted row.
    pub to: *mut f32,
    /// Distance between its pixels.
    pub to_stride: usize,
}

/// Write the row.
///
/// # Safety
/// The pointers of `args` must cover the row, and `V`'s features must be enabled in the caller.
#[inline(always)]
pub unsafe fn row<V: Vector>(args: &RowArgs) {
    // SAFETY: passed on.
    unsafe {
        match (args.scale.is_null(), args.silu) {
            (true, false) => pixels::<V, false, false>(args),
            (true, true) => pixels::<V, false, true>(args),
            (false, false) => pixels::<V, true, false>(args),
            (false, true) => pixels::<V, true, true>(args),
        }
    }
}

/// The channels of one stored pixel from `channel` on.
#[inline(always)]
unsafe fn value<V: Vector, const NORM: bool, const SILU: bool>(
    args: &RowArgs,
    from: *const f32,
    channel: usize,
    lanes: usize,
) -> V {
    // SAFETY: `lanes` channels from `channel` on exist by the caller's promise.
    unsafe {
        let full = lanes == V::LANES;
        let from = from.add(channel);
        let mut value = if full {
            V::load(from)
        } else {
            V::load_part(from, lanes)
        };
        if NORM {
            let (scale, shift) = (args.scale.add(channel), args.shift.add(channel));
            value = if full {
                value.mul_add(V::load(scale), V::load(shift))
            } else {
                value.mul_add(V::load_part(scale, lanes), V::load_part(shift, lanes))
            };
        }
        if SILU { value.silu() } else { value }
    }
}

#[inline(always)]
unsafe fn pixels<V: Vector, const NORM: bool, const SILU: bool>(args: &RowArgs) {
    // SAFETY: offsets stay inside the rows that the caller promised.
    unsafe {
        for x in 0..args.width {
            let stored = match args.step {
                Step::Copy => x,
                Step::Double => x / 2,
                Step::Halve => 2 * x,
            };
            let from = args.from.add(stored * args.from_stride);
            let to = args.to.add(x * args.to_stride);
            let mut channel = 0;
            while channel < args.channels {
                let lanes = V::LANES.min(args.channels - channel);
                let mut result = value::<V, NORM, SILU>(args, from, channel, lanes);
                if args.step == Step::Halve {
                    let below = args.below.add(stored * args.from_stride);
                    let right = from.add(args.from_stride);
                    let below_right = below.add(args.from_stride);
                    result = result
                        .add(value::<V, NORM, SILU>(args, right, channel, lanes))
                        .add(value::<V, NORM, SILU>(args, below, channel, lanes))
                        .add(value::<V, NORM, SILU>(args, below_right, channel, lanes))
                        .mul(V::splat(0.25));
                }
                if lanes == V::LANES {
                    result.store(to.add(channel));
                } else {
                    result.store_part(to.add(channel), lanes);
                }
                channel += V::LANES;
            }
        }
    }
}

/// `row[i] = exp((row[i] - max) * scale)` over `count` values; returns their sum.
///
/// # Safety
/// `row` must hold `count >= 1` values, and `V`'s features must be enabled in the caller.
#[inline(always)]
pub unsafe fn exp_row<V: Vector>(row: *mut f32, count: usize, scale: f32) -> f32 {
    // SAFETY: offsets stay below `count`.
    unsafe {
        let whole = count / V::LANES * V::LANES;
        let mut largest = f32::MIN;
        for i in whole..count {
            largest = largest.max(*row.add(i));
        }
        let mut lanes = V::splat(largest);
        let mut i = 0;
        while i < whole {
            lanes = lanes.max(V::load(row.add(i)));
            i += V::LANES;
        }
        let mut stored = [f32::MIN; super::vector::PANEL];
        lanes.store(stored.as_mut_ptr());
        for lane in stored {
            largest = largest.max(lane);
        }
        let (scale, offset) = (V::splat(scale), V::splat(largest));
        let mut sums = V::splat(0.0);
        let mut i = 0;
        while i < whole {
            let value = V::load(row.add(i)).sub(offset).mul(scale).exp();
            value.store(row.add(i));
            sums = sums.add(value);
            i += V::LANES;
        }
        let mut sum = sums.sum();
        if whole < count {
            let value = V::load_part(row.add(whole), count - whole);
            value
                .sub(offset)
                .mul(scale)
                .exp()
                .store_part(row.add(whole), count - whole);
            for i in whole..count {
                sum += *row.add(i);
            }
        }
        sum
    }
}
