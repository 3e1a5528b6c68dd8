//! Checkpoints of the code that the paper used, against the authors' own network code.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lmd_inspector::diffusion::schedule::Process;
use lmd_inspector::networks::checkpoints::Checkpoint;
use lmd_inspector::networks::executors::{self, DeviceChoice};
use lmd_inspector::networks::verify::{Verification, verify};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{fixture, load};

/// Relative to the largest magnitude. The fixtures' weights are rounded to half precision, their outputs are of the exact
/// ones; the raw weights in place of the averaged ones cost 0.4 and more.
const TOLERANCE: f64 = 3e-3;

fn folder(name: &str) -> PathBuf {
    fixture("score_sde").join(name)
}

fn found(checkpoint: &Checkpoint, executor: &str, reference: &Path) -> Verification {
    let choice: DeviceChoice = executor.parse().unwrap();
    let network = Arc::new(checkpoint.network.clone());
    let (mut denoiser, _) = executors::open_denoiser(network, choice).unwrap();
    verify(denoiser.as_mut(), reference).unwrap()
}

/// A copy of a fixture, whose settings are changed.
fn changed(name: &str, change: impl FnOnce(&mut Value)) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for file in ["config.json", "checkpoint.pth"] {
        fs::copy(folder(name).join(file), copy.path().join(file)).unwrap();
    }
    let path = copy.path().join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut config);
    fs::write(path, config.to_string()).unwrap();
    copy
}

#[test]
fn outputs_with_the_averaged_weights_agree_with_the_authors_code() {
    for (name, process) in [
        ("subvp-ddpm", Process::SubVariancePreserving),
        ("vp-ddpmpp", Process::VariancePreserving),
    ] {
        let checkpoint = load(&folder(name)).unwrap();
        assert_eq!(checkpoint.family, "score_sde");
        assert_eq!(checkpoint.schedule.config().process, process);
        for executor in ["cpu", "candle-cpu"] {
            let reference = folder(name).join("expected.safetensors");
            let verification = found(&checkpoint, executor, &reference);
            assert!(
                verification.passes(TOLERANCE),
                "{name}, {executor}: {verification:?}"
            );
        }
    }
}

#[test]
fn the_process_is_part_of_the_models_identity() {
    let subvp = load(&folder("subvp-ddpm")).unwrap();
    let copy = changed("subvp-ddpm", |config| config["sde"] = json!("vp"));
    let vp = load(copy.path()).unwrap();
    assert!(subvp.identity.compare(&vp.identity).difference().is_some());
    assert!(
        subvp.schedule.to_string().contains("sub-VP"),
        "{}",
        subvp.schedule
    );
}

#[test]
fn what_is_missing_or_not_supported_is_said_with_what_to_write() {
    type Change = fn(&mut Value);
    let cases: [(Change, &str); 5] = [
        (
            |config| config["sde"] = json!(null),
            "sde is missing; write it as in {",
        ),
        (
            |config| config["sde"] = json!("ve"),
            "sde ve is not supported with a network that is told numbers",
        ),
        (
            |config| config["image_size"] = json!(15),
            "image_size must be a multiple of 2",
        ),
        (
            |config| config["centered"] = json!(false),
            "centered false is not supported",
        ),
        (
            |config| config["beta_min"] = json!(-1),
            "must be positive and in order",
        ),
    ];
    for (change, says) in cases {
        let copy = changed("vp-ddpmpp", change);
        let message = load(copy.path()).unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
        assert!(message.ends_with("config.json"), "{message}");
    }
    let copy = changed("subvp-ddpm", |config| config["fir"] = json!(true));
    let message = load(copy.path()).unwrap_err().to_string();
    let says = "fir true is not supported with convolutions that resample";
    assert!(message.contains(says), "{message}");
    let copy = changed("subvp-ddpm", |_| {});
    fs::remove_file(copy.path().join("config.json")).unwrap();
    let message = load(copy.path()).unwrap_err().to_string();
    assert!(
        message.contains("write them into config.json beside it"),
        "{message}"
    );
}

#[test]
fn a_list_of_averages_that_is_one_short_is_refused() {
    let path = fixture("foreign/score_sde-short.pth");
    let message = load(&path).unwrap_err().to_string();
    let says = "its averaged weights are 1 tensors for the network's 2";
    assert!(message.contains(says), "{message}");
}
