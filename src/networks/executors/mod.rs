//! Executors: each runs any [`Network`] behind the one [`Denoiser`] that samplers see.

use std::sync::Arc;

use candle_core::Device;

use super::description::Network;
use super::lpips::{self, Lpips, Perceptual};
use crate::diffusion::Denoiser;

pub mod candle;
pub mod device;
mod sinusoid;

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
    /// LPIPS cannot see images this small.
    #[error(
        "images of {side}x{side} pixels are too small for LPIPS; expected a model of at least {smallest}x{smallest}"
    )]
    ImagesTooSmall {
        /// The model's image size.
        side: usize,
        /// What LPIPS needs.
        smallest: usize,
    },
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
#[expect(
    clippy::needless_pass_by_value,
    reason = "an executor may keep the network; candle's copies it"
)]
pub fn open(network: Arc<Network>, choice: DeviceChoice) -> Result<Executors, ExecutorError> {
    let side = network.image_size;
    let smallest = lpips::smallest_side();
    if side < smallest {
        return Err(ExecutorError::ImagesTooSmall { side, smallest });
    }
    let lpips = Lpips::bundled().map_err(|error| ExecutorError::Prepare {
        device: choice.to_string(),
        message: error.to_string(),
    })?;
    let lpips = Arc::new(lpips);
    match Backend::choose(choice)? {
        Backend::Candle(device) => Ok(Executors {
            denoiser: candle::denoiser(&network, &device)?,
            perceptual: candle::perceptual(&lpips, &device)?,
            device: candle::label(&device),
        }),
    }
}

/// Prepare a network alone: images may be too small for LPIPS. Returns the device for people too.
#[expect(
    clippy::needless_pass_by_value,
    reason = "an executor may keep the network; candle's copies it"
)]
pub fn open_denoiser(
    network: Arc<Network>,
    choice: DeviceChoice,
) -> Result<(Box<dyn Denoiser>, String), ExecutorError> {
    match Backend::choose(choice)? {
        Backend::Candle(device) => {
            let denoiser = candle::denoiser(&network, &device)?;
            Ok((denoiser, candle::label(&device)))
        }
    }
}

/// What runs a description.
enum Backend {
    Candle(Device),
}

impl Backend {
    fn choose(choice: DeviceChoice) -> Result<Self, ExecutorError> {
        match choice {
            DeviceChoice::Auto => Ok(candle::first_gpu().map_or_else(Self::cpu, Self::Candle)),
            DeviceChoice::Cpu => Ok(Self::cpu()),
            DeviceChoice::CandleCpu => Ok(Self::Candle(Device::Cpu)),
            DeviceChoice::Cuda(ordinal) => candle::cuda(ordinal).map(Self::Candle),
            DeviceChoice::Metal => candle::metal().map(Self::Candle),
        }
    }

    /// The best CPU executor of this build.
    fn cpu() -> Self {
        Self::Candle(Device::Cpu)
    }
}
