//! One vector register of `f32`, whatever the instruction set: the generic kernels are written over it.

/// Output channels in a weight panel; padded channel counts are multiples of it.
pub const PANEL: usize = 16;

/// `count` rounded up to whole panels.
pub const fn pad(count: usize) -> usize {
    count.div_ceil(PANEL) * PANEL
}

/// A register of [`Self::LANES`] values.
///
/// # Safety
/// Every method may use the instruction set of the implementing type: call it only inside a function that
/// enables those features, on a machine that has them. Loads and stores touch `LANES` values.
#[expect(
    clippy::missing_safety_doc,
    reason = "one contract for all methods, stated on the trait"
)]
pub unsafe trait Vector: Copy {
    /// Values in a register; divides [`PANEL`].
    const LANES: usize;

    /// The same value in all lanes.
    unsafe fn splat(value: f32) -> Self;
    /// Unaligned load.
    unsafe fn load(from: *const f32) -> Self;
    /// Unaligned store.
    unsafe fn store(self, to: *mut f32);
    /// `self + other`.
    unsafe fn add(self, other: Self) -> Self;
    /// `self - other`.
    unsafe fn sub(self, other: Self) -> Self;
    /// `self * other`.
    unsafe fn mul(self, other: Self) -> Self;
    /// `self / other`.
    unsafe fn div(self, other: Self) -> Self;
    /// `self * factor + term`, fused where the instruction set can.
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self;
    /// The square root of each lane.
    unsafe fn sqrt(self) -> Self;
    /// The larger of each lane.
    unsafe fn max(self, other: Self) -> Self;
    /// The smaller of each lane.
    unsafe fn min(self, other: Self) -> Self;
    /// Adds the low bits of `steps`, read as an integer, to the exponent of `self`.
    unsafe fn shift_exponent(self, steps: Self) -> Self;

    /// The first `count` values, zero in the other lanes.
    #[inline(always)]
    unsafe fn load_part(from: *const f32, count: usize) -> Self {
        debug_assert!(count <= Self::LANES, "{count} lanes");
        let mut lanes = [0.0; PANEL];
        // SAFETY: `count` values are readable by the caller's promise, and `LANES <= PANEL`.
        unsafe {
            std::ptr::copy_nonoverlapping(from, lanes.as_mut_ptr(), count);
            Self::load(lanes.as_ptr())
        }
    }

    /// Stores the first `count` lanes.
    #[inline(always)]
    unsafe fn store_part(self, to: *mut f32, count: usize) {
        debug_assert!(count <= Self::LANES, "{count} lanes");
        let mut lanes = [0.0; PANEL];
        // SAFETY: `count` values are writable by the caller's promise, and `LANES <= PANEL`.
        unsafe {
            self.store(lanes.as_mut_ptr());
            std::ptr::copy_nonoverlapping(lanes.as_ptr(), to, count);
        }
    }

    /// The first `count` values: a plain load where these are all.
    #[inline(always)]
    unsafe fn load_part_or_all(from: *const f32, count: usize) -> Self {
        // SAFETY: `count` values are readable by the caller's promise.
        unsafe {
            if count == Self::LANES {
                Self::load(from)
            } else {
                Self::load_part(from, count)
            }
        }
    }

    /// Stores the first `count` lanes: a plain store where these are all.
    #[inline(always)]
    unsafe fn store_part_or_all(self, to: *mut f32, count: usize) {
        // SAFETY: `count` values are writable by the caller's promise.
        unsafe {
            if count == Self::LANES {
                self.store(to);
            } else {
                self.store_part(to, count);
            }
        }
    }

    /// The sum of all lanes, from the first to the last.
    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        let mut lanes = [0.0; PANEL];
        // SAFETY: `LANES <= PANEL`.
        unsafe { self.store(lanes.as_mut_ptr()) };
        let mut total = 0.0;
        for lane in &lanes[..Self::LANES] {
            total += lane;
        }
        total
    }

    /// `e^self`, within 2e-7 relative; the argument is clamped to ±87.
    #[inline(always)]
    unsafe fn exp(self) -> Self {
        // 1.5 * 2^23: adding it rounds to an integer that stands in the low bits.
        const ROUND: f32 = 12_582_912.0;
        // ln 2 in two parts, so that `x - n ln 2` is exact for these n.
        const LN_2_HIGH: f32 = 0.693_359_4;
        const LN_2_LOW: f32 = -2.121_944_4e-4;
        const COEFFICIENTS: [f32; 6] = [
            1.987_569_1e-4,
            1.398_199_9e-3,
            8.333_452e-3,
            4.166_579_6e-2,
            1.666_666_6e-1,
            0.5,
        ];
        // SAFETY: arithmetic only; the caller enables the features.
        unsafe {
            let x = self.max(Self::splat(-87.0)).min(Self::splat(87.0));
            let steps = x.mul_add(Self::splat(std::f32::consts::LOG2_E), Self::splat(ROUND));
            let n = steps.sub(Self::splat(ROUND));
            let r = n.mul_add(Self::splat(-LN_2_HIGH), x);
            let r = n.mul_add(Self::splat(-LN_2_LOW), r);
            let mut p = Self::splat(COEFFICIENTS[0]);
            let mut i = 1;
            while i < COEFFICIENTS.len() {
                p = p.mul_add(r, Self::splat(COEFFICIENTS[i]));
                i += 1;
            }
            let p = p.mul_add(r.mul(r), r).add(Self::splat(1.0));
            p.shift_exponent(steps)
        }
    }

    /// `x / (1 + e^-x)`.
    #[inline(always)]
    unsafe fn silu(self) -> Self {
        // SAFETY: arithmetic only; the caller enables the features.
        unsafe {
            let one = Self::splat(1.0);
            self.div(one.add(Self::splat(0.0).sub(self).exp()))
        }
    }
}
