//! x86-64 with AVX2 and FMA.

use std::arch::x86_64::{
    __m256, _mm256_add_epi32, _mm256_add_ps, _mm256_castps_si256, _mm256_castsi256_ps,
    _mm256_div_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_max_ps, _mm256_min_ps, _mm256_mul_ps,
    _mm256_set1_ps, _mm256_slli_epi32, _mm256_sqrt_ps, _mm256_storeu_ps, _mm256_sub_ps,
};

use super::vector::Vector;

/// Eight lanes.
#[derive(Clone, Copy, Debug)]
pub struct Avx2(__m256);

macro_rules! call {
    ($expression:expr) => {{
        // SAFETY: the trait's contract: the features are enabled in the caller, pointers cover a register.
        unsafe { $expression }
    }};
}

// SAFETY: eight lanes are loaded and stored.
unsafe impl Vector for Avx2 {
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn splat(value: f32) -> Self {
        Self(call!(_mm256_set1_ps(value)))
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        Self(call!(_mm256_loadu_ps(from)))
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        call!(_mm256_storeu_ps(to, self.0));
    }
    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(call!(_mm256_add_ps(self.0, other.0)))
    }
    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        Self(call!(_mm256_sub_ps(self.0, other.0)))
    }
    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        Self(call!(_mm256_mul_ps(self.0, other.0)))
    }
    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        Self(call!(_mm256_div_ps(self.0, other.0)))
    }
    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, term: Self) -> Self {
        Self(call!(_mm256_fmadd_ps(self.0, factor.0, term.0)))
    }
    #[inline(always)]
    unsafe fn sqrt(self) -> Self {
        Self(call!(_mm256_sqrt_ps(self.0)))
    }
    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        Self(call!(_mm256_max_ps(self.0, other.0)))
    }
    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        Self(call!(_mm256_min_ps(self.0, other.0)))
    }
    #[inline(always)]
    unsafe fn shift_exponent(self, steps: Self) -> Self {
        Self(call!(_mm256_castsi256_ps(_mm256_add_epi32(
            _mm256_castps_si256(self.0),
            _mm256_slli_epi32::<23>(_mm256_castps_si256(steps.0)),
        ))))
    }
}

super::kernel_table!(Avx2, 6, 2, #[target_feature(enable = "avx2,fma")]);
