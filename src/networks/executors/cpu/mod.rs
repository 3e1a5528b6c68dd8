//! This project's own CPU executor: any [`Network`](crate::networks::description::Network) on prepared weights.
//!
//! [`lowered`](super::lowered) compiles a network to operations on channels-last activations in one arena; [`kernels`]
//! holds the SIMD code. What stays with candle: GPU execution and checkpoint reading, where its breadth counts and its speed
//! on a CPU does not. [`training`](crate::networks::training) runs on the same kernels.
//!
//! An image's output is the same bits at any batch size, position and number of threads: forms of layers are chosen
//! from one image's sizes, and every sum has one order.

mod denoiser;
mod executor;
pub mod kernels;
pub mod layer;
mod perceptual;
mod pool;
pub mod profile;
mod simclr;

pub use denoiser::{CpuDenoiser, CpuError, CpuOptions, Machine, MemoryReport};
pub use executor::{EXECUTOR, open};
pub use kernels::Isa;
pub use perceptual::CpuPerceptual;
pub use profile::Profile;
pub use simclr::CpuSimClr;

/// A network compiled for these kernels.
pub type Plan = super::lowered::Plan<layer::Layer>;
