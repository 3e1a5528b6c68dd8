//! Any description on a candle device: CPU, CUDA or Metal.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use candle_core::Device;

use super::{Batching, Executor, ExecutorError, Numerics};
use crate::diffusion::{DenoiseError, Denoiser};
use crate::networks::description::Network;
use crate::networks::lpips::{Lpips, Perceptual};

mod layers;
mod lpips;
mod unet;

pub use lpips::CandlePerceptual;
pub use unet::CandleDenoiser;

/// A device of candle's.
pub(super) struct CandleExecutor(pub Device);

impl Executor for CandleExecutor {
    fn label(&self) -> String {
        label(&self.0)
    }

    fn numerics(&self) -> Numerics {
        match &self.0 {
            Device::Cpu => Numerics::new("CPU (candle)"),
            gpu => Numerics::new(label(gpu)),
        }
    }

    fn batching(&self) -> Batching {
        match &self.0 {
            Device::Cpu => Batching::PROCESSOR,
            Device::Cuda(_) | Device::Metal(_) => Batching::GRAPHICS,
        }
    }

    fn denoiser(&self, network: &Network) -> Result<Box<dyn Denoiser>, ExecutorError> {
        match CandleDenoiser::new(network, &self.0) {
            Ok(denoiser) => Ok(Box::new(denoiser)),
            Err(error) => Err(prepare_error(&self.0, &error)),
        }
    }

    fn perceptual(&self, lpips: &Arc<Lpips>) -> Result<Box<dyn Perceptual>, ExecutorError> {
        match CandlePerceptual::new(lpips, &self.0) {
            Ok(perceptual) => Ok(Box::new(perceptual)),
            Err(error) => Err(prepare_error(&self.0, &error)),
        }
    }
}

/// Open a device. The CUDA bindings panic where the driver's library cannot be loaded.
pub(super) fn probe(
    name: &str,
    open: impl FnOnce() -> candle_core::Result<Device>,
) -> Result<Device, ExecutorError> {
    let message = match catch_unwind(AssertUnwindSafe(open)) {
        Ok(Ok(device)) => return Ok(device),
        Ok(Err(error)) => error.to_string(),
        Err(_payload) => "its driver is not installed".to_owned(),
    };
    Err(ExecutorError::NoDevice(format!(
        "the {name} device could not be opened ({message}); check the driver, or choose cpu"
    )))
}

/// The device for people.
fn label(device: &Device) -> String {
    match device {
        Device::Cpu => format!("CPU (candle, {} threads)", rayon::current_num_threads()),
        Device::Cuda(_) => match device.location() {
            candle_core::DeviceLocation::Cuda { gpu_id } => format!("CUDA GPU {gpu_id}"),
            _ => "CUDA GPU".to_owned(),
        },
        Device::Metal(_) => "Metal GPU".to_owned(),
    }
}

fn prepare_error(device: &Device, error: &candle_core::Error) -> ExecutorError {
    ExecutorError::Prepare {
        device: label(device),
        message: error.to_string(),
    }
}

/// candle passes a driver's reason on as text only.
fn call_error(error: &candle_core::Error, batch: usize) -> DenoiseError {
    let message = error.to_string();
    let lower = message.to_lowercase();
    let signs = [
        "out of memory",
        "out_of_memory",
        "alloc_failed",
        "failed to allocate",
    ];
    if signs.iter().any(|sign| lower.contains(sign)) {
        DenoiseError::OutOfMemory { batch, message }
    } else {
        DenoiseError::Failed(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_errors_are_told_from_others() {
        let error = |text: &str| candle_core::Error::Msg(text.to_owned());
        let cuda = error("DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")");
        assert!(matches!(
            call_error(&cuda, 7),
            DenoiseError::OutOfMemory { batch: 7, .. }
        ));
        assert!(matches!(
            call_error(&error("shape mismatch"), 7),
            DenoiseError::Failed(_)
        ));
    }

    #[test]
    fn a_panic_while_a_device_is_opened_is_an_error() {
        let error = probe("CUDA", || panic!("no libcuda")).unwrap_err();
        assert!(error.to_string().contains("driver"), "{error}");
    }
}
