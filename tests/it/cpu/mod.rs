//! The CPU kernels against diffusers, the `lpips` package and candle's plain path.

use lmd_inspector::diffusion::{Denoiser, NeverInterrupt};
use lmd_inspector::networks::Network;
use lmd_inspector::networks::executors::cpu::{CpuDenoiser, CpuOptions, Isa};

mod bits;
mod perceptual;
pub(crate) mod random;
mod references;

/// Every instruction set that this machine can run.
pub(crate) fn isas() -> impl Iterator<Item = Isa> {
    let all = [Isa::Portable, Isa::Avx2, Isa::Avx512, Isa::Neon];
    all.into_iter().filter(|isa| isa.is_available())
}

fn denoiser(network: &Network, isa: Isa, threads: usize) -> CpuDenoiser {
    let options = CpuOptions {
        threads: Some(threads),
        isa: Some(isa),
    };
    CpuDenoiser::new(network, &options).unwrap()
}

/// The network's output for a batch.
pub(crate) fn call(denoiser: &mut dyn Denoiser, sample: &[f32], timesteps: &[f32]) -> Vec<f32> {
    let mut output = vec![f32::NAN; sample.len()];
    denoiser
        .denoise(sample, timesteps, &mut output, &NeverInterrupt)
        .unwrap();
    output
}

/// Largest difference relative to the largest magnitude; infinite where a value is not a number.
pub(crate) fn relative_difference(expected: &[f32], got: &[f32]) -> f32 {
    assert_eq!(expected.len(), got.len());
    let largest = expected
        .iter()
        .fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let differences = expected.iter().zip(got).map(|(a, b)| (a - b).abs());
    let difference = differences.fold(0.0_f32, |worst, d| {
        if d.is_nan() {
            f32::INFINITY
        } else {
            worst.max(d)
        }
    });
    difference / largest
}
