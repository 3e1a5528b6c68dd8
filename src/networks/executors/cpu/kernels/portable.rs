//! Plain Rust, for machines without a kernel set of their own.

use super::vector::Vector;

/// Four lanes, as every 64-bit machine has them.
#[derive(Clone, Copy, Debug)]
pub struct Portable([f32; 4]);

macro_rules! lanes {
    ($i:ident => $value:expr) => {{
        let mut lanes = [0.0; 4];
        let mut $i = 0;
        while $i < 4 {
            lanes[$i] = $value;
            $i += 1;
        }
        Self(lanes)
    }};
}

// SAFETY: four lanes are loaded and stored.
unsafe impl Vector for Portable {
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self([value; 4])
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: four values are readable by the trait's contract.
        Self(unsafe { from.cast::<[f32; 4]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: four values are writable by the trait's contract.
        unsafe { to.cast::<[f32; 4]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        lanes!(i => self.0[i] + other.0[i])
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        lanes!(i => self.0[i] - other.0[i])
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        lanes!(i => self.0[i] * other.0[i])
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        lanes!(i => self.0[i] / other.0[i])
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        // Not `f32::mul_add`: without the instruction that is a library call.
        lanes!(i => self.0[i] * factor.0[i] + term.0[i])
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        lanes!(i => self.0[i].sqrt())
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        lanes!(i => if self.0[i] > other.0[i] { self.0[i] } else { other.0[i] })
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        lanes!(i => if self.0[i] < other.0[i] { self.0[i] } else { other.0[i] })
    }
    #[inline(always)]
    unsafe fn shift_exponent(self, steps: Self) -> Self {
        lanes!(i => f32::from_bits(self.0[i].to_bits().wrapping_add(steps.0[i].to_bits() << 23)))
    }
}

super::kernel_table!(Portable, 2, 4,);
