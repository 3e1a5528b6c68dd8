//! x86-64 with AVX-512F. Compiled everywhere, chosen where the machine has it.

use std::arch::x86_64::{
    __m512, _mm512_add_epi32, _mm512_add_ps, _mm512_castps_si512, _mm512_castsi512_ps,
    _mm512_div_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_max_ps, _mm512_min_ps, _mm512_mul_ps,
    _mm512_set1_ps, _mm512_slli_epi32, _mm512_sqrt_ps, _mm512_storeu_ps, _mm512_sub_ps,
};

use super::vector::Vector;

/// Sixteen lanes.
#[derive(Clone, Copy, Debug)]
pub struct Avx512(__m512);

macro_rules! call {
    ($expression:expr) => {{
        // SAFETY: the trait's contract: the features are enabled in the caller, pointers cover a register.
        unsafe { $expression }
    }};
}

// SAFETY: sixteen lanes are loaded and stored.
unsafe impl Vector for Avx512 {
    const LANES: usize = 16;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self(call!(_mm512_set1_ps(value)))
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(call!(_mm512_loadu_ps(from)))
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        call!(_mm512_storeu_ps(to, self.0));
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(call!(_mm512_add_ps(self.0, other.0)))
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        Self(call!(_mm512_sub_ps(self.0, other.0)))
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        Self(call!(_mm512_mul_ps(self.0, other.0)))
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        Self(call!(_mm512_div_ps(self.0, other.0)))
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        Self(call!(_mm512_fmadd_ps(self.0, factor.0, term.0)))
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        Self(call!(_mm512_sqrt_ps(self.0)))
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        Self(call!(_mm512_max_ps(self.0, other.0)))
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        Self(call!(_mm512_min_ps(self.0, other.0)))
    }
    #[inline(always)]
    unsafe fn shift_exponent(self, steps: Self) -> Self {
        Self(call!(_mm512_castsi512_ps(_mm512_add_epi32(
            _mm512_castps_si512(self.0),
            _mm512_slli_epi32::<23>(_mm512_castps_si512(steps.0)),
        ))))
    }
}

super::kernel_table!(Avx512, 12, 1, #[target_feature(enable = "avx512f")]);
