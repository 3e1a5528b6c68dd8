//! OpenAI's checkpoints against the authors' own network code and schedules.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lmd_inspector::networks::checkpoints::{self, Checkpoint, ModelSource, SettingsFrom};
use lmd_inspector::networks::executors::{self, DeviceChoice};
use lmd_inspector::networks::verify::{Verification, verify};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{fixture, load};

/// Relative to the largest magnitude. The fixture's weights are rounded to half precision, its outputs are of the exact
/// ones; a wrong order of heads or embedding costs 0.4 and more, another epsilon 0.01.
const TOLERANCE: f64 = 3e-3;

const NAME: &str = "guided-32-resblock-updown";

/// `alphas_cumprod` of 4000 cosine steps, by the authors' code.
const COSINE: [(usize, f64); 4] = [
    (0, 0.999_990_134_181_186_3),
    (1000, 0.846_731_433_127_884_5),
    (3000, 0.143_998_413_967_379_25),
    (3990, 1.229_559_203_337_739e-5),
];

fn folder() -> PathBuf {
    fixture("openai").join(NAME)
}

/// On the executor that agrees less.
fn differs(checkpoint: Checkpoint, reference: &Path) -> Verification {
    let network = Arc::new(checkpoint.network);
    let found = ["cpu", "candle-cpu"].map(|name| {
        let choice: DeviceChoice = name.parse().unwrap();
        let (mut denoiser, _) = executors::open_denoiser(Arc::clone(&network), choice).unwrap();
        verify(denoiser.as_mut(), reference).unwrap()
    });
    let worst = |a: &Verification, b: &Verification| {
        a.max_relative_difference
            .total_cmp(&b.max_relative_difference)
    };
    found.into_iter().max_by(worst).unwrap()
}

/// A copy of a fixture, whose settings are changed.
fn changed(change: impl FnOnce(&mut Value)) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in ["args.json", "checkpoint.pt"] {
        fs::copy(folder().join(file), copy.path().join(file)).unwrap();
    }
    let path = copy.path().join("args.json");
    let mut args: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut args);
    fs::write(path, args.to_string()).unwrap();
    copy
}

#[test]
fn outputs_agree_with_the_authors_code() {
    let checkpoint = load(&folder()).unwrap();
    assert_eq!(checkpoint.family, "OpenAI guided-diffusion");
    let found = differs(checkpoint, &folder().join("expected.safetensors"));
    assert!(found.passes(TOLERANCE), "{found:?}");
}

#[test]
fn schedules_are_the_authors() {
    let reference = folder().join("expected.safetensors");
    let tensors = candle_core::safetensors::load(reference, &candle_core::Device::Cpu).unwrap();
    let expected = tensors["alphas_cumprod"].to_vec1::<f64>().unwrap();
    let schedule = load(&folder()).unwrap().schedule;
    assert_eq!(schedule.num_train_timesteps(), expected.len());
    for (timestep, expected) in expected.iter().enumerate() {
        let alpha = schedule.alpha_cumprod(Some(timestep));
        let difference = (alpha - expected).abs();
        assert!(difference < 1e-12, "{timestep}: {alpha} {expected}");
    }
    let copy = changed(|args| {
        args["noise_schedule"] = json!("cosine");
        args["diffusion_steps"] = json!(4000);
    });
    let schedule = load(copy.path()).unwrap().schedule;
    for (timestep, expected) in COSINE {
        let alpha = schedule.alpha_cumprod(Some(timestep));
        let difference = (alpha - expected).abs();
        assert!(difference < 1e-12, "{timestep}: {alpha} {expected}");
    }
}

#[test]
fn another_side_file_is_another_network() {
    let source = ModelSource::Path(folder().join("checkpoint.pt"));
    let other = folder().join("args-new-order.json");
    let old = load(&folder()).unwrap();
    let new = checkpoints::load_with(&source, SettingsFrom::File(&other)).unwrap();
    assert_ne!(old.identity, new.identity);
    let reference = tempfile::NamedTempFile::new().unwrap();
    let read = |file: &str| {
        let path = folder().join(file);
        candle_core::safetensors::load(path, &candle_core::Device::Cpu).unwrap()
    };
    let mut tensors = read("expected.safetensors");
    assert!(!differs(new.clone(), &folder().join("expected.safetensors")).passes(0.1));
    tensors.extend(read("expected-new-order.safetensors"));
    candle_core::safetensors::save(&tensors, reference.path()).unwrap();
    let found = differs(new, reference.path());
    assert!(found.passes(TOLERANCE), "{found:?}");
}

#[test]
fn each_setting_that_the_weights_do_not_tell_counts() {
    let reference = folder().join("expected.safetensors");
    for (field, value) in [
        ("num_head_channels", json!(8)),
        ("rescale_timesteps", json!(true)),
    ] {
        let copy = changed(|args| {
            args[field] = value;
            // Scales the timesteps by 4.
            args["diffusion_steps"] = json!(250);
        });
        let found = differs(load(copy.path()).unwrap(), &reference);
        assert!(!found.passes(0.05), "{field}: {found:?}");
    }
}

#[test]
fn what_is_missing_or_at_odds_is_said_with_what_to_write() {
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 9] = [
        (
            |args| args["image_size"] = json!(null),
            "image_size is missing; write it as in {",
        ),
        (
            |args| args["image_size"] = json!(31),
            "image_size must be a multiple of 2",
        ),
        (
            |args| args["image_size"] = json!(64),
            "attention_resolutions [16, 8] do not give",
        ),
        (
            |args| args["num_head_channels"] = json!(5),
            "the heads must share 32 channels evenly, got num_head_channels 5",
        ),
        (
            |args| args["noise_schedule"] = json!("sqrt"),
            "noise_schedule must be linear or cosine",
        ),
        (
            |args| args["diffusion_steps"] = json!(0),
            "diffusion_steps must be 1 to",
        ),
        (
            |args| args["learn_sigma"] = json!(false),
            "learn_sigma must be true by the weights",
        ),
        (
            |args| args["channel_mult"] = json!("1,2"),
            "channel_mult must give the levels' channels",
        ),
        (
            |args| args["class_cond"] = json!(true),
            "use an unconditional model",
        ),
    ];
    for (change, says) in cases {
        let copy = changed(change);
        let message = load(copy.path()).unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
        assert!(message.ends_with("args.json"), "{message}");
    }
    let copy = changed(|_| {});
    fs::remove_file(copy.path().join("args.json")).unwrap();
    let message = load(copy.path()).unwrap_err().to_string();
    let says = "no released model has these shapes; write the flags";
    assert!(message.contains(says), "{message}");
}

#[test]
fn a_class_conditional_model_is_refused_by_name() {
    let path = fixture("foreign/openai-classes.pt");
    let message = load(&path).unwrap_err().to_string();
    let says = "a class-conditional OpenAI model is not supported; use an unconditional";
    assert!(message.contains(says), "{message}");
}
