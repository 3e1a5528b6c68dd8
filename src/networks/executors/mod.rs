//! Executors: each runs any [`Network`](super::Network) behind the one [`Denoiser`] that samplers see.

use std::sync::Arc;

use super::description::Network;
use super::lpips::Perceptual;
use crate::diffusion::Denoiser;

pub mod device;

pub use device::DeviceChoice;

/// Executors on one device.
pub struct Executors {
    /// Runs the UNet.
    pub denoiser: Box<dyn Denoiser>,
    /// Runs LPIPS.
    pub perceptual: Box<dyn Perceptual>,
    /// The device for people, e.g. `CPU (AVX2, 2 threads)`.
    pub device: String,
}

/// Why no executor could be made.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    /// The device is not in this build or not on this machine.
    #[error("{0}")]
    NoDevice(String),
    /// The device failed while the weights were prepared.
    #[error("the network could not be prepared for {device}: {message}")]
    Prepare {
        /// The device.
        device: String,
        /// What it said.
        message: String,
    },
}

/// Prepare a network and LPIPS for a device. `Auto` never fails for want of a GPU.
pub fn open(network: Arc<Network>, choice: DeviceChoice) -> Result<Executors, ExecutorError> {
    let _ = network;
    Err(ExecutorError::NoDevice(format!("no executor for {choice}")))
}
