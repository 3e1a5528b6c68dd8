//! The entry of these shaders in the list of executors.

use std::sync::Arc;
use std::time::Instant;

use super::adapters::{AdapterFacts, adapters, may_have_card};
use super::denoiser::WgpuDenoiser;
use super::device::Gpu;
use crate::diffusion::{DenoiseError, Denoiser, NeverInterrupt};
use crate::networks::description::Network;
use crate::networks::executors::cpu::{self, CpuDenoiser, CpuOptions};
use crate::networks::executors::{
    Batching, Executor, ExecutorDef, ExecutorError, Listed, Numerics,
};

pub static EXECUTOR: ExecutorDef = ExecutorDef {
    name: "gpu",
    label: "Graphics card",
    help: "A graphics card of any maker, by this project's own shaders through Vulkan, Metal or DirectX 12",
    rank: Some(25),
    is_numbered: true,
    is_built: true,
    open: |ordinal| {
        let opened = ordinal.map_or_else(Wgpu::open_hardware, |ordinal| {
            Wgpu::open(ordinal, &Limits::default())
        });
        Ok(Box::new(opened?))
    },
    list,
};

/// Differences from the CPU kernels that the self-test allows, relative to the largest output.
const TOLERANCE: f32 = 1e-4;
/// Images of the self-test, on the device and on the CPU.
const SELF_TEST: (usize, usize) = (16, 2);

/// What an open device may take.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Bytes of activations; `None` for what the device gives.
    pub memory: Option<u64>,
}

/// An open graphics device.
pub struct Wgpu {
    gpu: Arc<Gpu>,
    limits: Limits,
    /// LPIPS runs there.
    cpu: Box<dyn Executor>,
}

impl Wgpu {
    /// Open the device of this number, whatever it is.
    pub fn open(ordinal: usize, limits: &Limits) -> Result<Self, ExecutorError> {
        let adapters = adapters();
        let adapter = adapters.get(ordinal).ok_or_else(|| no_device(ordinal))?;
        let gpu = Gpu::open(adapter).map_err(|error| {
            let name = adapter.get_info().name;
            ExecutorError::NoDevice(format!(
                "gpu:{ordinal}, {name}, cannot be used: {error}; choose another of `lmd devices`"
            ))
        })?;
        Ok(Self {
            gpu: Arc::new(gpu),
            limits: *limits,
            cpu: cpu::open()?,
        })
    }

    /// Open the first device that is not the processor under another name.
    fn open_hardware() -> Result<Self, ExecutorError> {
        let none = || ExecutorError::NoDevice("this machine has no graphics card".to_owned());
        if !may_have_card() {
            return Err(none());
        }
        let is_hardware = |adapter| {
            let facts = AdapterFacts::of(adapter);
            !facts.is_software && facts.obstacle.is_none()
        };
        let ordinal = adapters().iter().position(is_hardware);
        Self::open(ordinal.ok_or_else(none)?, &Limits::default())
    }

    /// Take the device away, as a driver does that resets it.
    pub fn lose(&self) {
        self.gpu.device.destroy();
    }
}

impl Executor for Wgpu {
    fn label(&self) -> String {
        format!("{} ({}, f32)", self.gpu.facts.name, self.gpu.facts.api)
    }

    /// A driver may compile shaders otherwise than the one before it.
    fn numerics(&self) -> Numerics {
        let AdapterFacts {
            name, api, driver, ..
        } = &self.gpu.facts;
        let cpu = self.cpu.numerics();
        Numerics::new(format!(
            "GPU ({name}, {api}, {driver}, f32), LPIPS on {cpu}"
        ))
    }

    fn denoiser(&self, network: &Network) -> Result<Box<dyn Denoiser>, ExecutorError> {
        match WgpuDenoiser::new(network, Arc::clone(&self.gpu), self.limits.memory) {
            Ok(denoiser) => Ok(Box::new(denoiser)),
            Err(error) => Err(ExecutorError::Prepare {
                device: self.label(),
                message: error.to_string(),
            }),
        }
    }

    fn batching(&self) -> Batching {
        if self.gpu.facts.is_software {
            Batching::PROCESSOR
        } else {
            Batching::GRAPHICS
        }
    }

    /// The device has to give the CPU kernels' numbers, and faster.
    fn self_test(
        &self,
        network: &Network,
        denoiser: &mut dyn Denoiser,
    ) -> Result<(), ExecutorError> {
        let refuse =
            |reason: String| ExecutorError::NoDevice(format!("{}: {reason}", self.label()));
        let failed = |error: DenoiseError| refuse(error.to_string());
        let mut kernels = CpuDenoiser::new(network, &CpuOptions::default())
            .map_err(|error| refuse(error.to_string()))?;
        let (there, here) = SELF_TEST;
        let (outputs, took) = call(denoiser, there).map_err(failed)?;
        let (expected, kernels_took) = call(&mut kernels, here).map_err(failed)?;
        let largest = expected
            .iter()
            .fold(0.0, |most: f32, it| most.max(it.abs()));
        let is_close = |(got, wanted): (&f32, &f32)| (got - wanted).abs() <= TOLERANCE * largest;
        if !outputs.iter().zip(&expected).all(is_close) {
            return Err(refuse("its numbers are not those of the CPU".to_owned()));
        }
        if took / there as f64 >= kernels_took / here as f64 {
            return Err(refuse("it is no faster than the CPU".to_owned()));
        }
        Ok(())
    }
}

/// The outputs and the seconds of a second call, which finds everything prepared.
fn call(denoiser: &mut dyn Denoiser, batch: usize) -> Result<(Vec<f32>, f64), DenoiseError> {
    let len = batch * denoiser.geometry().len();
    let sample: Vec<f32> = (0..len).map(|i| (i as f32 * 0.7).sin() * 2.0).collect();
    let mut output = vec![0.0; len];
    let timesteps = vec![500.0; batch];
    denoiser.denoise(&sample, &timesteps, &mut output, &NeverInterrupt)?;
    let begin = Instant::now();
    denoiser.denoise(&sample, &timesteps, &mut output, &NeverInterrupt)?;
    Ok((output, begin.elapsed().as_secs_f64()))
}

fn no_device(ordinal: usize) -> ExecutorError {
    let names = adapters().iter().map(|adapter| adapter.get_info().name);
    let there: Vec<String> = (0..)
        .zip(names)
        .map(|(number, name)| format!("gpu:{number} is {name}"))
        .collect();
    ExecutorError::NoDevice(if there.is_empty() {
        "this machine has no graphics card that Vulkan, Metal or DirectX 12 can use; install its driver, or choose \
         cpu"
        .to_owned()
    } else {
        format!(
            "there is no graphics card {ordinal} on this machine: {}; choose one of these, or cpu",
            there.join(", ")
        )
    })
}

fn list() -> Vec<Listed> {
    let listed = |facts: AdapterFacts| Listed {
        name: facts.name,
        kind: facts.kind,
        api: Some(facts.api),
        memory_bytes: Some(facts.largest_buffer),
        precisions: vec!["f32"],
        is_automatic: !facts.is_software,
        obstacle: facts.obstacle,
    };
    let found: Vec<Listed> = (adapters().iter())
        .map(|adapter| listed(AdapterFacts::of(adapter)))
        .collect();
    if found.is_empty() {
        return vec![Listed {
            name: EXECUTOR.label.to_owned(),
            kind: "GPU",
            api: None,
            memory_bytes: None,
            precisions: Vec::new(),
            is_automatic: false,
            obstacle: Some(no_device(0).to_string()),
        }];
    }
    found
}
