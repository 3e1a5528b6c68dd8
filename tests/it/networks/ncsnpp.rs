//! NCSN++ networks: pyramids of images, resampling by a filter, noise levels in place of timesteps.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lmd_inspector::diffusion::schedule::{Betas, PixelRange, Prediction, Process};
use lmd_inspector::networks::checkpoints::{Blueprint, Checkpoint, ModelSource};
use lmd_inspector::networks::executors::cpu::{CpuDenoiser, CpuOptions, Isa};
use lmd_inspector::networks::executors::{self, DeviceChoice};
use lmd_inspector::networks::training::plan::Plan;
use lmd_inspector::networks::verify::verify;

use super::{fixture, load, values};
use crate::cpu::call;

/// The fixture and how far its outputs may be off, relative to the largest: weights of halves cost some.
const FIXTURES: [(&str, f64); 3] = [
    ("unet/ncsnpp-skip-small", 1e-4),
    ("score_sde/ve-skip", 3e-3),
    ("score_sde/ve-residual", 3e-3),
];

/// As files hold it.
const FINGERPRINT: &str = "1bb986c1f918cb7dcbee615aa20be51c47f5f119f870a0f39042fe25ba957a6b";

fn executors_here() -> Vec<DeviceChoice> {
    let mut all = vec![DeviceChoice::CPU, DeviceChoice::CANDLE_CPU];
    if crate::gpu::device().is_some() {
        all.push(crate::gpu::FIRST.parse().unwrap());
    }
    all
}

fn small() -> Checkpoint {
    load(&fixture("unet/ncsnpp-skip-small")).unwrap()
}

#[test]
fn outputs_agree_with_diffusers_and_with_the_authors_code_on_every_executor() {
    for (name, tolerance) in FIXTURES {
        let network = Arc::new(load(&fixture(name)).unwrap().network);
        for choice in executors_here() {
            let (mut denoiser, _) = executors::open_denoiser(Arc::clone(&network), choice).unwrap();
            let reference = fixture(name).join("expected.safetensors");
            let found = verify(&mut *denoiser, &reference).unwrap();
            assert!(found.passes(tolerance), "{name}, {choice}: {found:?}");
        }
    }
}

#[test]
fn outputs_are_the_same_bits_in_any_batch_and_on_any_number_of_threads() {
    let network = small().network;
    let outputs = |threads, batch: usize| -> Vec<u32> {
        let options = CpuOptions {
            threads: Some(threads),
            isa: Some(Isa::detect()),
        };
        let mut denoiser = CpuDenoiser::new(&network, &options).unwrap();
        let len = 3 * 8 * 8;
        let sample = values(9 * len, 5);
        let levels: Vec<f32> = (1..=9_u8).map(|i| 0.7 * f32::from(i / 2 + 1)).collect();
        let calls = sample.chunks(batch * len).zip(levels.chunks(batch));
        let outputs = calls.flat_map(|(sample, levels)| call(&mut denoiser, sample, levels));
        outputs.map(f32::to_bits).collect()
    };
    let expected = outputs(1, 1);
    for (threads, batch) in [(1, 9), (2, 1), (3, 4)] {
        assert!(outputs(threads, batch) == expected, "{threads} {batch}");
    }
}

#[test]
fn what_it_costs_is_counted_as_pytorch_counts_it() {
    let network = small().network;
    assert_eq!(network.num_parameters(), 11_946);
    assert_eq!(network.flops_per_image(), 2 * 295_104);
}

#[test]
fn the_process_is_read_from_the_scheduler_or_from_the_noise_levels_among_the_weights() {
    let range = |checkpoint: &Checkpoint| {
        let config = checkpoint.schedule.config();
        assert_eq!(config.process, Process::VarianceExploding);
        assert_eq!(config.betas, Betas::Geometric);
        assert_eq!(config.prediction, Prediction::Score);
        assert_eq!(config.pixels, PixelRange::Unit);
        (
            config.beta_start,
            config.beta_end,
            config.num_train_timesteps,
            config.snr,
        )
    };
    assert_eq!(range(&small()), (0.01, 50.0, 20, 0.16));
    let checkpoint = load(&fixture("score_sde/ve-skip")).unwrap();
    assert_eq!(range(&checkpoint), (0.01, 50.0, 20, 0.075));
    // The authors' levels rise in geometric progression.
    assert_eq!(checkpoint.schedule.told(0), 0.01);
    assert!((checkpoint.schedule.told(19) - 50.0).abs() < 1e-4);
    let halfway = checkpoint.schedule.told(9) * checkpoint.schedule.told(10);
    assert!((halfway - 0.5).abs() < 1e-6, "{halfway}");
    let notes = load(&fixture("score_sde/ve-residual"))
        .unwrap()
        .notes
        .join(" ");
    assert!(notes.contains("not averaged"), "{notes}");
}

/// A copy of a fixture's folder with other settings.
fn changed(name: &str, file: &str, from: &str, to: &str) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fixture(name).read_dir().unwrap() {
        let path: PathBuf = entry.unwrap().path();
        std::fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    let path = copy.path().join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
    copy
}

fn refusal(folder: &Path) -> String {
    load(folder).unwrap_err().to_string()
}

#[test]
fn settings_at_odds_with_the_weights_are_refused_by_name() {
    let score_sde = |from: &str, to: &str| {
        let copy = changed("score_sde/ve-residual", "config.json", from, to);
        refusal(copy.path())
    };
    for (from, to, says) in [
        ("\"ve\"", "\"vp\"", "told noise levels"),
        (
            "\"sigma_max\": 50.0",
            "\"sigma_max\": 90.0",
            "sigma_max is 90, but",
        ),
        (
            "\"fir\": true",
            "\"fir\": false",
            "fir false is not supported",
        ),
        (
            "\"scale_by_sigma\": true",
            "\"scale_by_sigma\": false",
            "scale_by_sigma false",
        ),
        (
            "\"snr\": 0.16",
            "\"snr\": 0",
            "snr must be a number above 0",
        ),
    ] {
        let message = score_sde(from, to);
        assert!(message.contains(says), "{message}");
    }
    let diffusers = |file: &str, from: &str, to: &str| {
        refusal(changed("unet/ncsnpp-skip-small", file, from, to).path())
    };
    let message = diffusers("config.json", "\"fourier\"", "\"positional\"");
    assert!(message.contains("one of noise levels"), "{message}");
    let scheduler = "scheduler_config.json";
    let message = diffusers(scheduler, "ScoreSdeVeScheduler", "DDPMScheduler");
    assert!(message.contains("one of timesteps"), "{message}");
    let message = diffusers(scheduler, "\"correct_steps\": 1", "\"correct_steps\": 2");
    assert!(message.contains("correct_steps"), "{message}");
    let message = diffusers(scheduler, "\"sigma_max\": 50.0", "\"sigma_max\": 0.001");
    assert!(message.contains("sigma_min and sigma_max"), "{message}");
}

#[test]
fn training_one_is_refused_by_a_sentence() {
    let refusal = Plan::new(&small().network).unwrap_err().to_string();
    assert!(refusal.contains("can't be trained here"), "{refusal}");
    let source = ModelSource::Path(fixture("unet/ncsnpp-skip-small"));
    let refusal = Blueprint::of(&source).unwrap_err().to_string();
    assert!(refusal.contains("told noise levels"), "{refusal}");
}

#[test]
fn its_fingerprint_stays_what_it_is() {
    let fingerprint = |checkpoint: Checkpoint| checkpoint.identity.fingerprint.unwrap().to_string();
    assert_eq!(fingerprint(small()), FINGERPRINT);
    let copy = changed(
        "unet/ncsnpp-skip-small",
        "scheduler_config.json",
        "0.16",
        "0.1",
    );
    assert_ne!(fingerprint(load(copy.path()).unwrap()), FINGERPRINT);
}
