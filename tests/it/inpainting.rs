//! Inpainting against diffusers with every noise draw written down.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use candle_core::{Device, Tensor, safetensors};
use lmd_inspector::diffusion::lift::{LiftBatch, LiftPlan, Start, lift};
use lmd_inspector::diffusion::noise::Purpose;
use lmd_inspector::diffusion::{
    NeverInterrupt, NoiseSource, SamplerKind, SamplerSettings, Schedule,
};
use lmd_inspector::networks::checkpoints::{self, ModelSource};
use lmd_inspector::networks::executors::{self, DeviceChoice};

/// The draws of a fixture: (K, B, C, H, W), and (B, C, H, W) for the start.
struct Written {
    start: Vec<f32>,
    step: Vec<f32>,
    known: Vec<f32>,
    batch: usize,
}

impl NoiseSource for Written {
    fn fill_normal(&self, item: usize, purpose: Purpose, step: usize, out: &mut [f32]) {
        let (values, index) = match purpose {
            Purpose::Start => (&self.start, item),
            Purpose::Step => (&self.step, step * self.batch + item),
            Purpose::Known => (&self.known, step * self.batch + item),
            purpose => panic!("no {purpose:?} is drawn here"),
        };
        out.copy_from_slice(&values[index * out.len()..][..out.len()]);
    }
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn values(tensors: &HashMap<String, Tensor>, name: &str) -> Vec<f32> {
    tensors[name].flatten_all().unwrap().to_vec1().unwrap()
}

fn check(name: &str, sampler: SamplerSettings, start: Start, device: DeviceChoice) {
    let read = |name: &str| {
        let path = fixture(&format!("inpaint/inpaint-{name}.safetensors"));
        safetensors::load(path, &Device::Cpu).unwrap()
    };
    let mut tensors = read(name);
    if tensors.len() == 1 {
        // A result alone is of the other one's draws.
        let result = std::mem::replace(&mut tensors, read("ddim-eta1"));
        tensors.extend(result);
    }
    let timesteps: Vec<usize> = tensors["timesteps"]
        .to_vec1::<i64>()
        .unwrap()
        .into_iter()
        .map(|timestep| usize::try_from(timestep).unwrap())
        .collect();
    let original = values(&tensors, "original");
    let known: Vec<bool> = values(&tensors, "mask").iter().map(|&v| v == 1.0).collect();
    let batch = tensors["original"].dims()[0];
    let noise = Written {
        start: values(&tensors, "init_noise"),
        step: values(&tensors, "step_noise"),
        known: values(&tensors, "known_noise"),
        batch,
    };
    let source = ModelSource::Path(fixture("unet/gray-attn-heads"));
    let network = checkpoints::load(&source).unwrap().network;
    let (mut denoiser, _) = executors::open_denoiser(Arc::new(network), device).unwrap();
    let schedule = Schedule::new(Default::default()).unwrap();
    let plan = LiftPlan {
        schedule: &schedule,
        sampler,
        timesteps: &timesteps,
        start,
    };
    let masks = vec![known.as_slice(); batch];
    let batch = LiftBatch {
        original_signed: &original,
        known: &masks,
    };
    let inpainted = lift(
        &plan,
        denoiser.as_mut(),
        batch,
        &noise,
        &NeverInterrupt,
        &mut |_| {},
    )
    .unwrap();
    let expected = values(&tensors, "inpainted");
    let difference = inpainted
        .iter()
        .zip(&expected)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max);
    assert!(difference < 1e-3, "{name}: off by {difference}");
}

fn ddim(eta: f64) -> SamplerSettings {
    SamplerSettings {
        eta,
        ..SamplerSettings::default()
    }
}

#[test]
fn ddim_without_noise() {
    check("ddim-eta0", ddim(0.0), Start::Noise, DeviceChoice::CPU);
}

#[test]
fn ddim_with_noise() {
    check("ddim-eta1", ddim(1.0), Start::Noise, DeviceChoice::CPU);
}

/// On a graphics card the last digits differ, and 25 steps must not carry them away.
#[test]
fn ddim_with_noise_on_a_graphics_card() {
    if crate::gpu::device().is_some() {
        check(
            "ddim-eta1",
            ddim(1.0),
            Start::Noise,
            crate::gpu::FIRST.parse().unwrap(),
        );
    }
}

#[test]
fn ancestral_from_a_diffused_start() {
    let sampler = SamplerSettings {
        kind: SamplerKind::DDPM,
        ..SamplerSettings::default()
    };
    check("ddpm", sampler, Start::Diffused, DeviceChoice::CPU);
}
