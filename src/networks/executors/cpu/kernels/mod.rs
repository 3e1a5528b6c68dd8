//! The only unsafe code of the crate: SIMD kernels, the drivers that walk them over images, and the thread team.
//!
//! Everything public here that a driver offers is safe to call: drivers check sizes, slice their inputs, and hand
//! kernels pointers to the pieces.
#![expect(
    unsafe_code,
    reason = "SIMD intrinsics, and threads that write disjoint parts of one buffer"
)]
#![expect(
    clippy::inline_always,
    reason = "a generic kernel must be compiled inside the function that enables the instruction set"
)]

pub mod aligned;
pub mod attention;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
pub mod context;
pub mod conv;
pub mod finish;
pub mod fir;
mod gemm;
pub mod gradients;
mod isa;
#[cfg(target_arch = "aarch64")]
mod neon;
pub mod norm;
mod output;
mod portable;
mod rows;
mod shared;
pub mod source;
#[cfg(test)]
mod tests;
pub mod thread_pool;
mod tile;
mod transform;
pub mod vector;
pub mod winograd;

pub use aligned::Aligned;
pub use context::{Context, Scratch};
pub use isa::{Isa, Table};
pub use output::{Bias, Finish, Residual};
pub use source::{Segment, Source};
pub use thread_pool::ThreadPool;

use isa::kernel_table;
