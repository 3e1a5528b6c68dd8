//! The entry of these kernels in the list of executors.

use std::sync::Arc;

use super::{CpuDenoiser, CpuError, CpuOptions, CpuPerceptual, Machine};
use crate::diffusion::Denoiser;
use crate::networks::description::Network;
use crate::networks::executors::{
    DeviceChoice, Executor, ExecutorDef, ExecutorError, Listed, Numerics,
};
use crate::networks::lpips::{Lpips, Perceptual};

pub static EXECUTOR: ExecutorDef = ExecutorDef {
    name: "cpu",
    label: "CPU",
    help: "The processor, by this project's own kernels",
    rank: Some(30),
    is_numbered: false,
    is_built: true,
    open: |_| open(),
    list: || Listed::by_opening(&EXECUTOR, "processor", None),
};

impl DeviceChoice {
    /// This project's own CPU kernels.
    pub const CPU: Self = Self::first_of(&EXECUTOR);
}

/// The process's threads and the best kernels that the machine has.
pub fn open() -> Result<Box<dyn Executor>, ExecutorError> {
    match Machine::new(&CpuOptions::default()) {
        Ok(machine) => Ok(Box::new(machine)),
        Err(error) => Err(ExecutorError::NoDevice(error.to_string())),
    }
}

impl Executor for Machine {
    fn label(&self) -> String {
        self.to_string()
    }

    /// Every sum has one order for any number of threads, and rounding differs between instruction sets.
    fn numerics(&self) -> Numerics {
        Numerics::new(format!("CPU ({})", self.isa()))
    }

    fn denoiser(&self, network: &Network) -> Result<Box<dyn Denoiser>, ExecutorError> {
        match CpuDenoiser::on(network, self.clone()) {
            Ok(denoiser) => Ok(Box::new(denoiser)),
            Err(error) => Err(prepare_error(self, &error.into())),
        }
    }

    fn perceptual(&self, lpips: &Arc<Lpips>) -> Result<Box<dyn Perceptual>, ExecutorError> {
        match CpuPerceptual::new(lpips, self.clone()) {
            Ok(perceptual) => Ok(Box::new(perceptual)),
            Err(error) => Err(prepare_error(self, &error.into())),
        }
    }
}

fn prepare_error(machine: &Machine, error: &CpuError) -> ExecutorError {
    ExecutorError::Prepare {
        device: machine.to_string(),
        message: error.to_string(),
    }
}
