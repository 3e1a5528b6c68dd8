//! `AArch64` with NEON, which every such machine has.

use std::arch::aarch64::{
    float32x4_t, vaddq_f32, vaddq_s32, vdivq_f32, vdupq_n_f32, vfmaq_f32, vld1q_f32, vmaxq_f32,
    vminq_f32, vmulq_f32, vreinterpretq_f32_s32, vreinterpretq_s32_f32, vshlq_n_s32, vsqrtq_f32,
    vst1q_f32, vsubq_f32,
};

use super::vector::Vector;

/// Four lanes.
#[derive(Clone, Copy, Debug)]
pub struct Neon(float32x4_t);

macro_rules! call {
    ($expression:expr) => {{
        // SAFETY: the trait's contract: the features are enabled in the caller, pointers cover a register.
        unsafe { $expression }
    }};
}

// SAFETY: four lanes are loaded and stored.
unsafe impl Vector for Neon {
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self(call!(vdupq_n_f32(value)))
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(call!(vld1q_f32(from)))
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        call!(vst1q_f32(to, self.0));
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(call!(vaddq_f32(self.0, other.0)))
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        Self(call!(vsubq_f32(self.0, other.0)))
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        Self(call!(vmulq_f32(self.0, other.0)))
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        Self(call!(vdivq_f32(self.0, other.0)))
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        Self(call!(vfmaq_f32(term.0, self.0, factor.0)))
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        Self(call!(vsqrtq_f32(self.0)))
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        Self(call!(vmaxq_f32(self.0, other.0)))
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        Self(call!(vminq_f32(self.0, other.0)))
    }
    #[inline(always)]
    unsafe fn shift_exponent(self, steps: Self) -> Self {
        Self(call!(vreinterpretq_f32_s32(vaddq_s32(
            vreinterpretq_s32_f32(self.0),
            vshlq_n_s32::<23>(vreinterpretq_s32_f32(steps.0)),
        ))))
    }
}

super::kernel_table!(Neon, 6, 4, #[target_feature(enable = "neon")]);
