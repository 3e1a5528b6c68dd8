//! This project's own CPU executor: any [`Network`](crate::networks::description::Network) on prepared weights.
//!
//! Activations are channels-last in one [`arena`]; [`plan`] compiles a network to [`operation`]s with bias, time
//! embedding, residual, group norm, `SiLU`, upsampling and concatenation fused into the products; [`kernels`] holds
//! the SIMD code. What stays with candle: GPU execution and checkpoint reading, where its breadth counts and its speed
//! on a CPU does not. [`training`](crate::networks::training) runs on the same kernels.
//!
//! An image's output is the same bits at any batch size, position and number of threads: forms of layers are chosen
//! from one image's sizes, and every sum has one order.

pub mod arena;
mod denoiser;
mod executor;
pub mod kernels;
pub mod layer;
pub mod operation;
mod perceptual;
pub mod plan;
pub mod profile;
pub mod time;

pub use denoiser::{CpuDenoiser, CpuError, CpuOptions, Machine, MemoryReport};
pub use executor::{EXECUTOR, open};
pub use kernels::Isa;
pub use perceptual::CpuPerceptual;
pub use profile::Profile;
