//! Instruction sets and the table of kernels compiled for each.

use std::fmt;
use std::str::FromStr;

use super::finish::FinishArgs;
use super::gemm::GemmArgs;
use super::gradients::gemm_tn::TnArgs;
use super::gradients::optimizer::AdamArgs;
use super::gradients::rows::{ApplyArgs, NormArgs, SoftmaxArgs, SumArgs};
use super::gradients::tiles::{GradArgs, KernelArgs};
use super::rows::RowArgs;
use super::transform::{InputArgs, OutputArgs};

/// An instruction set with kernels of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// Plain Rust.
    Portable,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// x86-64 with AVX-512F.
    Avx512,
    /// `AArch64`.
    Neon,
}

impl Isa {
    /// The best that this machine has.
    pub fn detect() -> Self {
        [Self::Avx512, Self::Avx2, Self::Neon]
            .into_iter()
            .find(|isa| isa.is_available())
            .unwrap_or(Self::Portable)
    }

    /// Whether this machine and build have it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            Self::Neon => cfg!(target_arch = "aarch64"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => is_x86_feature_detected!("avx512f"),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }

    /// Its kernels, or `None` where it is not available.
    pub fn table(self) -> Option<&'static Table> {
        if !self.is_available() {
            return None;
        }
        match self {
            Self::Portable => Some(&super::portable::TABLE),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => Some(&super::neon::TABLE),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => Some(&super::avx2::TABLE),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => Some(&super::avx512::TABLE),
            // Sets of other architectures, which are never available.
            _ => None,
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Portable => "portable",
            Self::Avx2 => "AVX2",
            Self::Avx512 => "AVX-512",
            Self::Neon => "NEON",
        })
    }
}

impl FromStr for Isa {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.to_ascii_lowercase().as_str() {
            "portable" => Ok(Self::Portable),
            "avx2" => Ok(Self::Avx2),
            "avx512" | "avx-512" => Ok(Self::Avx512),
            "neon" => Ok(Self::Neon),
            _ => Err(format!(
                "expected portable, avx2, avx512 or neon, got `{text}`"
            )),
        }
    }
}

/// The kernels of one instruction set.
///
/// Calling one is safe on a machine that has the instruction set (only [`Isa::table`] hands tables out, and it
/// checks) with arguments as the kernel's own documentation says.
pub struct Table {
    pub(super) gemm: unsafe fn(&GemmArgs),
    pub(super) input_tiles_2: unsafe fn(&InputArgs),
    pub(super) input_tiles_4: unsafe fn(&InputArgs),
    pub(super) input_tiles_4_fine: unsafe fn(&InputArgs),
    pub(super) output_tiles_2: unsafe fn(&OutputArgs),
    pub(super) output_tiles_4: unsafe fn(&OutputArgs),
    pub(super) output_tiles_4_fine: unsafe fn(&OutputArgs),
    pub(super) finish_pixels: unsafe fn(&FinishArgs, *const f32, usize, usize),
    pub(super) row: unsafe fn(&RowArgs),
    pub(super) exp_row: unsafe fn(*mut f32, usize, f32) -> f32,
    pub(super) gemm_tn: unsafe fn(&TnArgs),
    pub(super) grad_tiles: unsafe fn(&GradArgs),
    pub(super) fold_kernel: unsafe fn(&KernelArgs),
    pub(super) spread_kernel: unsafe fn(&KernelArgs),
    pub(super) norm_grad_sums: unsafe fn(&NormArgs),
    pub(super) norm_grad_apply: unsafe fn(&ApplyArgs),
    pub(super) column_sums: unsafe fn(&SumArgs),
    pub(super) softmax_grad: unsafe fn(&SoftmaxArgs),
    pub(super) adam: unsafe fn(&AdamArgs),
    pub(super) square_sum: unsafe fn(*const f32, usize) -> f32,
}

/// Compiles all kernels for a vector type: register tile rows, registers in a panel, features.
macro_rules! kernel_table {
    ($vector:ty, $rows:literal, $registers:literal, $(#[$features:meta])?) => {
        /// The kernels for this instruction set.
        pub static TABLE: super::isa::Table = {
            use super::finish::FinishArgs;
            use super::gemm::GemmArgs;
            use super::gradients::gemm_tn::TnArgs;
            use super::gradients::optimizer::AdamArgs;
            use super::gradients::rows::{ApplyArgs, NormArgs, SoftmaxArgs, SumArgs};
            use super::gradients::tiles::{GradArgs, KernelArgs};
            use super::rows::RowArgs;
            use super::transform::{Four, FineFour, InputArgs, OutputArgs, Two, input_tiles, output_tiles};

            macro_rules! compile {
                ($name:ident, $kernel:path, ($argument:ident: $type:ty)) => {
                    $(#[$features])?
                    unsafe fn $name($argument: $type) {
                        // SAFETY: the kernel's own contract, passed on; the features are enabled here.
                        unsafe { $kernel($argument) }
                    }
                };
            }
            compile!(gemm, super::gemm::gemm::<$vector, $rows, $registers>, (args: &GemmArgs));
            compile!(input_tiles_2, input_tiles::<$vector, Two, 4, 2>, (args: &InputArgs));
            compile!(input_tiles_4, input_tiles::<$vector, Four, 6, 4>, (args: &InputArgs));
            compile!(input_tiles_4_fine, input_tiles::<$vector, FineFour, 6, 4>, (args: &InputArgs));
            compile!(output_tiles_2, output_tiles::<$vector, Two, 4, 2>, (args: &OutputArgs));
            compile!(output_tiles_4, output_tiles::<$vector, Four, 6, 4>, (args: &OutputArgs));
            compile!(output_tiles_4_fine, output_tiles::<$vector, FineFour, 6, 4>, (args: &OutputArgs));
            compile!(row, super::rows::row::<$vector>, (args: &RowArgs));
            compile!(gemm_tn, super::gradients::gemm_tn::gemm_tn::<$vector, $rows, $registers>, (args: &TnArgs));
            compile!(grad_tiles, super::gradients::tiles::grad_tiles::<$vector>, (args: &GradArgs));
            compile!(fold_kernel, super::gradients::tiles::fold_kernel::<$vector>, (args: &KernelArgs));
            compile!(spread_kernel, super::gradients::tiles::spread_kernel, (args: &KernelArgs));
            compile!(norm_grad_sums, super::gradients::rows::norm_grad_sums::<$vector>, (args: &NormArgs));
            compile!(norm_grad_apply, super::gradients::rows::norm_grad_apply::<$vector>, (args: &ApplyArgs));
            compile!(column_sums, super::gradients::rows::column_sums::<$vector>, (args: &SumArgs));
            compile!(softmax_grad, super::gradients::rows::softmax_grad::<$vector>, (args: &SoftmaxArgs));
            compile!(adam, super::gradients::optimizer::adam::<$vector>, (args: &AdamArgs));
            $(#[$features])?
            unsafe fn square_sum(values: *const f32, count: usize) -> f32 {
                // SAFETY: the kernel's own contract, passed on; the features are enabled here.
                unsafe { super::gradients::optimizer::square_sum::<$vector>(values, count) }
            }
            $(#[$features])?
            unsafe fn finish_pixels(args: &FinishArgs, from: *const f32, stride: usize, pixels: usize) {
                // SAFETY: the kernel's own contract, passed on; the features are enabled here.
                unsafe { super::finish::finish_pixels::<$vector>(args, from, stride, pixels) }
            }
            $(#[$features])?
            unsafe fn exp_row(row: *mut f32, count: usize, scale: f32) -> f32 {
                // SAFETY: the kernel's own contract, passed on; the features are enabled here.
                unsafe { super::rows::exp_row::<$vector>(row, count, scale) }
            }
            super::isa::Table {
                gemm,
                input_tiles_2,
                input_tiles_4,
                input_tiles_4_fine,
                output_tiles_2,
                output_tiles_4,
                output_tiles_4_fine,
                finish_pixels,
                row,
                exp_row,
                gemm_tn,
                grad_tiles,
                fold_kernel,
                spread_kernel,
                norm_grad_sums,
                norm_grad_apply,
                column_sums,
                softmax_grad,
                adam,
                square_sum,
            }
        };
    };
}
pub(super) use kernel_table;
