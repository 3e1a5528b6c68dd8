//! Any graphics card by compute shaders of this project's own, through Vulkan, Metal or DirectX 12: no toolkit, no
//! build of one's own.
//!
//! The list of operations is that of the CPU kernels ([`lowered`](super::lowered)); a WGSL shader runs each of them.
//! An image's output is the same bits at any batch size on one device and driver: tiles are chosen by layer, and every
//! sum has one order.

mod adapters;
mod denoiser;
mod device;
mod executor;
mod layer;
mod pace;
mod pass;
mod shaders;
mod steps;

pub use adapters::may_have_card;
pub use denoiser::WgpuDenoiser;
pub use executor::{EXECUTOR, Limits, Wgpu};
