//! Loaders and executors against references, and bad models against their sentences.

use std::path::{Path, PathBuf};

use candle_core::Device;
use lmd_inspector::diffusion::{Denoiser as _, NeverInterrupt};
use lmd_inspector::networks::checkpoints::{self, Checkpoint, CheckpointError, ModelSource};
use lmd_inspector::networks::executors::candle::CandleDenoiser;

mod architectures;
mod bad_models;
mod batches;
mod convert;
mod devices;
pub(crate) mod distances;
pub(crate) mod from_file;
mod identity;
mod layouts;
mod ncsnpp;
mod openai;
mod options;
mod references;
mod schedules;
mod score_sde;

/// Families of the fixtures that are supported.
pub(crate) const SUPPORTED: [&str; 6] = [
    "defaults-no-attention",
    "google-cifar-like",
    "gray-attn-heads",
    "resnet-resample-scale-shift",
    "small-attn",
    "small-attn-old-keys-bin",
];

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

fn load(path: &Path) -> Result<Checkpoint, CheckpointError> {
    checkpoints::load(&ModelSource::Path(path.to_path_buf()))
}

pub(crate) fn load_fixture(name: &str) -> Checkpoint {
    load(&fixture("unet").join(name)).unwrap()
}

fn denoiser(checkpoint: &Checkpoint) -> CandleDenoiser {
    CandleDenoiser::new(&checkpoint.network, &Device::Cpu).unwrap()
}

/// The network's output for a batch.
fn call(denoiser: &mut CandleDenoiser, sample: &[f32], timesteps: &[f32]) -> Vec<f32> {
    let mut output = vec![0.0; sample.len()];
    denoiser
        .denoise(sample, timesteps, &mut output, &NeverInterrupt)
        .unwrap();
    output
}

/// Reproducible values in [-1, 1).
pub(crate) fn values(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from((state >> 16) as u16) / 32_768.0 - 1.0
        })
        .collect()
}
