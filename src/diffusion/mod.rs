//! Diffusion without a network: schedules, noise streams, samplers and the inpainting loop.
//!
//! The network is a [`Denoiser`], noise is a [`NoiseSource`]: nothing here knows candle's devices,
//! checkpoints or files. States are planar (B, C, H, W) `f32` slices in the model's own range,
//! [-1, 1] (`_signed`).

mod ahead;
pub mod continuous;
pub mod denoiser;
pub mod dormand_prince;
pub mod flow;
pub mod lift;
mod moment;
pub mod noise;
pub mod philox;
#[cfg(test)]
pub mod processes;
pub mod samplers;
pub mod schedule;

pub use denoiser::{DenoiseError, Denoiser, Interrupt, Interrupted, NeverInterrupt, check_lengths};
pub use noise::{NoiseSource, PhiloxNoise};
pub use samplers::{SamplerKind, SamplerSettings};
pub use schedule::Schedule;
