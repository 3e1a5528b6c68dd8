//! Networks on a graphics device against diffusers and against the CPU kernels.

use lmd_inspector::networks::executors::Executor as _;
use lmd_inspector::networks::executors::cpu::{CpuDenoiser, CpuOptions};
use lmd_inspector::networks::verify::verify;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;

use super::device;
use crate::cpu::random::{describe, networks};
use crate::cpu::{call, relative_difference};
use crate::networks::{SUPPORTED, fixture, load_fixture, values};

/// Relative to the output's largest magnitude.
const TOLERANCE: f32 = 1e-4;
/// A processor that acts a graphics card takes seconds for each.
const NUM_RANDOM: usize = 5;

#[test]
fn fixture_networks_agree_with_diffusers() {
    let Some(device) = device() else { return };
    // The one left out is another of them in a different file.
    for name in SUPPORTED.iter().filter(|name| !name.ends_with("-bin")) {
        let mut denoiser = device.denoiser(&load_fixture(name).network).unwrap();
        let expected = fixture("unet").join(name).join("expected.safetensors");
        let verification = verify(&mut *denoiser, &expected).unwrap();
        assert!(
            verification.passes(f64::from(TOLERANCE)),
            "{name}: {}",
            verification.max_relative_difference
        );
        assert_eq!(verification.num_images, 3);
    }
}

/// Odd sides and channels, every operation, stages in any order.
#[test]
fn random_networks_agree_with_the_cpu() {
    let Some(device) = device() else { return };
    let mut runner = TestRunner::deterministic();
    for _ in 0..NUM_RANDOM {
        let network = networks().new_tree(&mut runner).unwrap().current();
        let pixels = network.image_size * network.image_size;
        let sample = values(2 * network.in_channels * pixels, 3);
        let timesteps = [37.5, 600.0];
        let mut kernels = CpuDenoiser::new(&network, &CpuOptions::default()).unwrap();
        let expected = call(&mut kernels, &sample, &timesteps);
        let mut denoiser = device.denoiser(&network).unwrap();
        let got = call(&mut *denoiser, &sample, &timesteps);
        let difference = relative_difference(&expected, &got);
        assert!(
            difference < TOLERANCE,
            "{difference} for {}",
            describe(&network)
        );
    }
}
