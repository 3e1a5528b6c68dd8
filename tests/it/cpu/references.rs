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
