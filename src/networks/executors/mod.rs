//! Executors: each runs any [`Network`] behind the one [`Denoiser`] that samplers see.

use std::sync::Arc;

use candle_core::Device;

use super::description::Network;
use super::lpips::{self, Lpips, Perceptual};
use crate::diffusion::Denoiser;

pub mod candle;
pub mod cpu;
pub mod device;
mod sinusoid;

pub use device::DeviceChoice;

use cpu::{CpuDenoiser, CpuError, CpuOptions, CpuPerceptual, Machine};

/// Executors on one device.
pub struct Executors {
    /// Runs the UNet.
    pub denoiser: Box<dyn Denoiser>,
    /// Runs LPIPS; `None` where the model's images are too small for it.
    pub perceptual: Option<Box<dyn Perceptual>>,
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

/// Prepare a network, and LPIPS where its images are large enough, for a device. `Auto` never fails for want of a GPU.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the caller's share ends here: executors prepare their own form of the weights"
)]
pub fn open(network: Arc<Network>, choice: DeviceChoice) -> Result<Executors, ExecutorError> {
    let lpips = (network.image_size >= lpips::smallest_side())
        .then(Lpips::bundled)
        .transpose()
        .map_err(|error| ExecutorError::Prepare {
            device: choice.to_string(),
            message: error.to_string(),
        })?
        .map(Arc::new);
    match Backend::choose(choice)? {
        Backend::Candle(device) => Ok(Executors {
            denoiser: candle::denoiser(&network, &device)?,
            perceptual: lpips
                .map(|lpips| candle::perceptual(&lpips, &device))
                .transpose()?,
            device: candle::label(&device),
        }),
        Backend::Cpu(machine) => Ok(Executors {
            device: machine.to_string(),
            denoiser: cpu_denoiser(&network, &machine)?,
            perceptual: lpips
                .map(|lpips| cpu_perceptual(&lpips, &machine))
                .transpose()?,
        }),
    }
}

fn cpu_perceptual(
    lpips: &Arc<Lpips>,
    machine: &Machine,
) -> Result<Box<dyn Perceptual>, ExecutorError> {
    match CpuPerceptual::new(lpips, machine.clone()) {
        Ok(perceptual) => Ok(Box::new(perceptual)),
        Err(error) => Err(cpu_error(machine, &error.into())),
    }
}

/// Whether a device of this choice is in this build and on this machine; nothing is prepared.
pub fn check(choice: DeviceChoice) -> Result<(), ExecutorError> {
    Backend::choose(choice).map(|_| ())
}

/// Prepare a network alone: images may be too small for LPIPS. Returns the device for people too.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the caller's share ends here: executors prepare their own form of the weights"
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
        Backend::Cpu(machine) => Ok((cpu_denoiser(&network, &machine)?, machine.to_string())),
    }
}

fn cpu_denoiser(network: &Network, machine: &Machine) -> Result<Box<dyn Denoiser>, ExecutorError> {
    match CpuDenoiser::on(network, machine.clone()) {
        Ok(denoiser) => Ok(Box::new(denoiser)),
        Err(error) => Err(cpu_error(machine, &error.into())),
    }
}

fn cpu_error(machine: &Machine, error: &CpuError) -> ExecutorError {
    ExecutorError::Prepare {
        device: machine.to_string(),
        message: error.to_string(),
    }
}

/// What runs a description.
enum Backend {
    Candle(Device),
    Cpu(Machine),
}

impl Backend {
    fn choose(choice: DeviceChoice) -> Result<Self, ExecutorError> {
        match choice {
            DeviceChoice::Auto => {
                candle::first_gpu().map_or_else(Self::cpu, |gpu| Ok(Self::Candle(gpu)))
            }
            DeviceChoice::Cpu => Self::cpu(),
            DeviceChoice::CandleCpu => Ok(Self::Candle(Device::Cpu)),
            DeviceChoice::Cuda(ordinal) => candle::cuda(ordinal).map(Self::Candle),
            DeviceChoice::Metal => candle::metal().map(Self::Candle),
        }
    }

    fn cpu() -> Result<Self, ExecutorError> {
        Machine::new(&CpuOptions::default())
            .map(Self::Cpu)
            .map_err(|error| ExecutorError::NoDevice(error.to_string()))
    }
}
