//! Every supported fixture network against diffusers.

use lmd_inspector::networks::checkpoints::{self, ModelSource};
use lmd_inspector::networks::verify::verify;

use super::{SUPPORTED, denoiser, fixture, load_fixture};

/// Relative to the output's largest magnitude.
const TOLERANCE: f64 = 1e-4;

#[test]
fn fixture_networks_agree_with_diffusers() {
    for name in SUPPORTED {
        let mut denoiser = denoiser(&load_fixture(name));
        let expected = fixture("unet").join(name).join("expected.safetensors");
        let verification = verify(&mut denoiser, &expected).unwrap();
        assert!(
            verification.passes(TOLERANCE),
            "{name}: {}",
            verification.max_relative_difference
        );
        assert_eq!(verification.num_images, 3);
    }
}

#[test]
fn another_network_does_not_verify() {
    let mut denoiser = denoiser(&load_fixture("resnet-resample-scale-shift"));
    let expected = fixture("unet/defaults-no-attention/expected.safetensors");
    let verification = verify(&mut denoiser, &expected).unwrap();
    assert!(!verification.passes(TOLERANCE), "{verification:?}");
}

#[test]
fn a_reference_of_another_shape_is_refused() {
    let mut denoiser = denoiser(&load_fixture("gray-attn-heads"));
    let expected = fixture("unet/google-cifar-like/expected.safetensors");
    let message = verify(&mut denoiser, &expected).unwrap_err().to_string();
    assert!(
        message.contains("[images, 1, 32, 32], got [3, 3, 32, 32]"),
        "{message}"
    );
    let weights = fixture("unet/gray-attn-heads/diffusion_pytorch_model.safetensors");
    let message = verify(&mut denoiser, &weights).unwrap_err().to_string();
    assert!(message.contains("got no sample"), "{message}");
}

#[test]
fn the_bundled_model_loads() {
    let checkpoint = checkpoints::load(&ModelSource::BUNDLED).unwrap();
    assert_eq!(checkpoint.network.num_parameters(), 1_112_801);
    // Counted from the shapes in the file and the side at which each layer works: 195,100,672 multiply-adds in
    // convolutions, 47,185,920 in those after doubling, 98,304 in time embeddings, 4,194,304 in projections
    // and 2,097,152 in attention products.
    assert_eq!(checkpoint.network.flops_per_image(), 2 * 248_676_352);
    assert_eq!(checkpoint.identity.weights_sha256.len(), 64);
    assert_eq!(checkpoint.notes, Vec::<String>::new());
    assert_eq!(checkpoint.schedule.num_train_timesteps(), 1000);
}
