//! Detectors that are fitted on in-domain images: `lmd fit`, and all commands on what it writes.

mod features;
mod refused;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use lmd_inspector::detectors::fitted::Fitted;
use lmd_inspector::runs::fit_file::{self, fit_of};
use lmd_inspector::runs::{Calibration, file};
use serde_json::Value;

use crate::binary::{command, lmd, root, text};

/// Copies some of a kind of samples into a folder of their own.
fn part(folder: &Path, kind: &str, range: Range<usize>) -> PathBuf {
    let part = folder.join(format!("{kind}-{}", range.start));
    std::fs::create_dir(&part).unwrap();
    for index in range {
        let name = format!("{index:05}.png");
        let from = root().join("assets/samples").join(kind).join(&name);
        std::fs::copy(from, part.join(name)).unwrap();
    }
    part
}

fn fit(method: &str, images: &Path, output: &Path, more: &[&str]) -> Output {
    let mut args = vec!["fit", "--method", method, "--model", "bundled"];
    args.extend(["--in-domain", text(images), "--output", text(output)]);
    args.extend(more);
    lmd(&args)
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn json(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", errors(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn fitted(path: &Path) -> Fitted {
    let detector = fit_file::load(path).unwrap();
    fit_of(&*detector).unwrap().clone()
}

/// What commands told.
struct Told {
    fit: Value,
    /// Of the run.
    summary: Value,
    /// Out-of-domain images that the verdicts found, of 20.
    num_found: u64,
}

/// Fit, score, stop and resume, open, calibrate, classify: one detector through all of it.
fn whole_way(method: &str, more: &[&str]) -> Told {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let seen = part(folder.path(), "fashion-mnist", 0..100);
    let others = part(folder.path(), "fashion-mnist", 95..140);
    let digits = part(folder.path(), "mnist", 0..20);
    let file = at("detector.lmdfit");
    let mut with_more = vec!["--json"];
    with_more.extend(more);
    let told = json(&fit(method, &seen, &file, &with_more));
    assert_eq!(told["images"], 100);
    let fitted = fitted(&file);
    assert_eq!(fitted.num_images(), 100);

    let mut args = vec!["score", "--model", "bundled", "--fitted", text(&file)];
    args.extend([
        "--in-domain",
        text(&others),
        "--out-of-domain",
        text(&digits),
    ]);
    let run = at("run.lmdrun");
    let expected = at("expected");
    let mut whole = args.clone();
    whole.extend(["--json", "--output", text(&expected)]);
    let summary = json(&lmd(&whole));
    assert_eq!(summary["images"]["in"], 40, "5 of 45 were fitted on");
    assert_eq!(summary["settings"]["detector"], method);
    let page = std::fs::read_to_string(expected.join("report.html")).unwrap();
    assert!(
        page.contains("100 in-domain images"),
        "what it was fitted on"
    );

    // A run that is stopped in the middle holds the fit: the file is not needed any more.
    args.extend(["--batch", "1", "--output", text(&run)]);
    stop_midway(&args, &run);
    std::fs::rename(&file, at("moved.lmdfit")).unwrap();
    let resumed = lmd(&[
        "score",
        "--resume",
        text(&run),
        "--output",
        text(&at("report")),
    ]);
    assert!(resumed.status.success(), "{}", errors(&resumed));
    let table = |name: &str| std::fs::read_to_string(at(name).join("scores.csv")).unwrap();
    assert_eq!(table("report"), table("expected"), "the same bits");
    let stored = file::read(&run).unwrap();
    let settings = stored.manifest.settings();
    assert_eq!(fit_of(&*settings.method.detector), Some(&fitted));

    let detector = at("detector.json");
    let mut args = vec!["calibrate", "--run", text(&run), "--json"];
    args.extend(["--output", text(&detector)]);
    assert_eq!(json(&lmd(&args))["images"], 40);
    let settings = Calibration::load(&detector).unwrap().settings;
    assert_eq!(fit_of(&*settings.method.detector), Some(&fitted));
    let judged = json(&lmd(&[
        "classify",
        "--detector",
        text(&detector),
        text(&digits),
        text(&seen),
        "--json",
    ]));
    let images = judged["images"].as_array().unwrap();
    assert_eq!(images.len(), 20, "those that it was fitted on are left out");
    let notes = judged["notes"].to_string();
    assert!(
        notes.contains("100 image files are left out, since"),
        "{notes}"
    );
    let num_found = judged["out_of_domain"].as_u64().unwrap();
    Told {
        fit: told,
        summary,
        num_found,
    }
}

/// Start a run and interrupt it once some of its attempts are in its file.
fn stop_midway(args: &[&str], run: &Path) {
    let mut child = command(args)
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let log = run.with_extension("lmdrun-wal");
    let deadline = Instant::now() + Duration::from_mins(2);
    let num_bytes = || std::fs::metadata(&log).map_or(0, |log| log.len());
    let at_start = loop {
        assert!(Instant::now() < deadline, "the run does not begin");
        match num_bytes() {
            0 => std::thread::yield_now(),
            begun => break begun,
        }
    };
    while num_bytes() < at_start + 8000 && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    child.wait().unwrap();
}

#[test]
fn msma_goes_from_its_fit_to_verdicts() {
    let told = whole_way("msma", &[]);
    assert_eq!(told.fit["features"], 10);
    assert_eq!(told.summary["network_calls"], 10 * 60);
    let auroc = told.summary["auroc"]["msma"].as_f64().unwrap();
    assert!(auroc > 0.9, "{auroc}");
    assert!(told.num_found >= 10, "{}", told.num_found);
}

#[test]
fn diffpath_goes_from_its_fit_to_verdicts() {
    let told = whole_way("diffpath", &[]);
    assert_eq!(told.fit["features"], 6);
    assert_eq!(told.summary["network_calls"], 10 * 60);
    let auroc = told.summary["auroc"]["diffpath"].as_f64().unwrap();
    assert!(auroc > 0.85, "{auroc}");
    assert!(told.num_found >= 10, "{}", told.num_found);
}

/// It asks the model for nothing, which no figure of a run may stumble over.
#[test]
fn mahalanobis_goes_from_its_fit_to_verdicts_without_a_network_call() {
    let told = whole_way("mahalanobis", &[]);
    assert_eq!(told.fit["features"], 192);
    assert_eq!(told.summary["network_calls"], 0);
    assert_eq!(told.summary["calls_per_second"], 0.0);
    let auroc = told.summary["auroc"]["mahalanobis"].as_f64().unwrap();
    assert!(auroc > 0.95, "{auroc}");
    assert!(told.num_found >= 10, "{}", told.num_found);
}

/// Its fit is no density but a network, which every file with a fit must hold. A few epochs teach it little, but enough to be
/// surprised by digits.
#[test]
fn likelihood_regret_goes_from_its_fit_to_verdicts() {
    let small = [
        "--regret-epochs",
        "20",
        "--regret-draws",
        "10",
        "--regret-steps",
        "10",
    ];
    let told = whole_way("likelihood-regret", &small);
    assert_eq!(told.fit["features"], 1024);
    assert_eq!(told.fit["components"], Value::Null);
    assert_eq!(told.summary["network_calls"], 0);
    let auroc = told.summary["auroc"]["likelihood-regret"].as_f64().unwrap();
    assert!(auroc > 0.6, "{auroc}");
}

#[test]
fn the_same_images_and_seed_give_the_same_file_at_any_batch_size() {
    let folder = tempfile::tempdir().unwrap();
    let images = part(folder.path(), "fashion-mnist", 0..60);
    let files = ["1", "7", "64"].map(|batch| {
        let file = folder.path().join(batch);
        let more = ["--levels", "6", "--batch", batch, "--seed", "3"];
        json(&fit(
            "msma",
            &images,
            &file,
            &[&more[..], &["--json"]].concat(),
        ));
        std::fs::read(&file).unwrap()
    });
    assert!(files[0] == files[1] && files[0] == files[2]);
}
