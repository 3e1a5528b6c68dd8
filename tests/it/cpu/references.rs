//! Every fixture network against diffusers, with every instruction set.

use lmd_inspector::networks::verify::verify;

use super::{denoiser, isas};
use crate::networks::{SUPPORTED, fixture, load_fixture};

/// Relative to the output's largest magnitude.
const TOLERANCE: f64 = 1e-4;

#[test]
fn fixture_networks_agree_with_diffusers() {
    for name in SUPPORTED {
        let network = load_fixture(name).network;
        let expected = fixture("unet").join(name).join("expected.safetensors");
        for isa in isas() {
            let mut denoiser = denoiser(&network, isa, 2);
            let verification = verify(&mut denoiser, &expected).unwrap();
            let difference = verification.max_relative_difference;
            assert!(
                verification.passes(TOLERANCE),
                "{name} with {isa}: {difference}"
            );
        }
    }
}

#[test]
fn memory_stays_within_its_bounds() {
    for name in SUPPORTED {
        let network = load_fixture(name).network;
        let file = network.num_parameters() * size_of::<f32>();
        let mut denoiser = denoiser(&network, isas().next().unwrap(), 1);
        let sample = vec![0.5; 3 * network.in_channels * network.image_size * network.image_size];
        super::call(&mut denoiser, &sample, &[1.0, 2.0, 3.0]);
        let memory = denoiser.memory();
        assert!(
            memory.activations * 2 <= memory.largest_live_set * 3,
            "{name}: {memory:?}"
        );
        // Small layers are padded to whole panels, which counts in these tiny networks only.
        assert!(
            memory.weights * 10 <= file * 52,
            "{name}: {memory:?} for {file} bytes"
        );
    }
}
