//! Trainings that are killed, by the real binary.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lmd_inspector::ood::random::SplitMix64;

use super::command::pictures;
use crate::binary::text;

const STEPS: usize = 40;

fn begin(images: &Path, output: &Path, more: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_lmd"))
        .args([
            "train",
            "--in-domain",
            text(images),
            "--output",
            text(output),
        ])
        .args(["--batch", "4", "--save-every", "0", "--threads", "1"])
        .args(more)
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn weights(model: &Path) -> Vec<u8> {
    fs::read(model.join("unet/diffusion_pytorch_model.safetensors")).unwrap()
}

/// The step of the last checkpoint; `None` before the first one.
fn saved_step(output: &Path) -> Option<u64> {
    let work = output.with_extension("training");
    let bytes = fs::read(work.join("checkpoint.json")).ok()?;
    let index: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    index["step"].as_u64()
}

/// Kill a training a while after it has saved a step, wherever it is then; whether it had not ended by itself.
fn kill_after(mut child: Child, output: &Path, step: u64, pause: Duration) -> bool {
    let deadline = Instant::now() + Duration::from_mins(2);
    while saved_step(output).is_none_or(|saved| saved < step) && !output.exists() {
        assert!(Instant::now() < deadline, "no checkpoint of step {step}");
        std::thread::sleep(Duration::from_millis(2));
    }
    std::thread::sleep(pause);
    child.kill().unwrap();
    !child.wait().unwrap().success()
}

#[test]
fn a_training_that_is_killed_at_any_moment_makes_the_same_model_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let images = pictures(folder.path(), 24);
    let steps = STEPS.to_string();
    let new = ["--steps", &steps, "--network", "tiny", "--size", "16"];
    let whole = folder.path().join("whole");
    assert!(begin(&images, &whole, &new).wait().unwrap().success());
    let mut random = SplitMix64::new(7);
    let output = folder.path().join("killed");
    let mut pause = || Duration::from_micros(random.below(60_000) as u64);
    assert!(kill_after(
        begin(&images, &output, &new),
        &output,
        1,
        pause()
    ));
    for step in [6, 13, 21, 30] {
        let resumed = begin(&images, &output, &["--resume"]);
        assert!(
            kill_after(resumed, &output, step, pause()),
            "killed before its end"
        );
        assert!(!output.exists(), "no model before the end");
    }
    assert!(
        begin(&images, &output, &["--resume"])
            .wait()
            .unwrap()
            .success()
    );
    assert!(weights(&whole) == weights(&output), "the models differ");
    assert!(!folder.path().join("killed.training").exists());
}

#[test]
fn what_a_killed_training_has_learnt_can_be_made_a_model() {
    let folder = tempfile::tempdir().unwrap();
    let images = pictures(folder.path(), 24);
    let output = folder.path().join("kept");
    let new = ["--steps", "4000", "--network", "tiny", "--size", "16"];
    assert!(kill_after(
        begin(&images, &output, &new),
        &output,
        3,
        Duration::ZERO
    ));
    let saved = saved_step(&output).unwrap();
    let kept = begin(&images, &output, &["--resume", "--keep"])
        .wait()
        .unwrap();
    assert!(kept.success());
    let record = fs::read(output.join("training.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    assert_eq!(record["step"], saved);
    assert_eq!(record["num_steps"], 4000);
    assert!(output.join("samples.png").is_file());
}
