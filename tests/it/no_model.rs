//! Detectors that use no diffusion model need none: from the fit to the verdict, with the scores that they have beside one.

use std::path::{Path, PathBuf};
use std::process::Output;

use lmd_inspector::images::Geometry;
use lmd_inspector::networks::checkpoints::ModelSource;
use lmd_inspector::runs::Calibration;
use lmd_inspector::runs::file::{StoredScores, read_scores};

use crate::binary::{lmd, root, text};

fn samples(name: &str) -> PathBuf {
    root().join("assets/samples").join(name)
}

#[track_caller]
fn done(args: &[&str]) -> Output {
    let output = lmd(args);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    output
}

#[track_caller]
fn refused(args: &[&str]) -> String {
    let output = lmd(args);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn fit(path: &Path, more: &[&str]) {
    let fashion = samples("fashion-mnist");
    let mut args = vec!["fit", "--method", "mahalanobis", "--limit", "110"];
    args.extend(["--in-domain", text(&fashion), "--output", text(path)]);
    args.extend(more);
    done(&args);
}

fn score(path: &Path, fitted: &Path, more: &[&str]) -> StoredScores {
    let (fashion, digits) = (samples("fashion-mnist"), samples("mnist"));
    let mut args = vec!["score", "--fitted", text(fitted), "--limit", "120"];
    args.extend(["--in-domain", text(&fashion)]);
    args.extend(["--out-of-domain", text(&digits), "--output", text(path)]);
    args.extend(more);
    done(&args);
    read_scores(path).unwrap()
}

fn bits(run: &StoredScores) -> Vec<u64> {
    let attempts = run.attempts.iter().flatten();
    attempts
        .flat_map(|values| values.as_slice().to_vec())
        .map(f64::to_bits)
        .collect()
}

#[test]
fn scores_are_those_beside_a_model_of_the_same_size() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let bundled = ["--model", "bundled"];
    let (with, without) = (at("with.lmdfit"), at("without.lmdfit"));
    fit(&with, &bundled);
    fit(&without, &[]);
    let expected = score(&at("with.lmdrun"), &with, &bundled);
    let run = score(&at("without.lmdrun"), &without, &[]);
    assert_eq!(run.images.len(), 10 + 120);
    assert_eq!(bits(&run), bits(&expected));
    // A fit that was made beside a model needs it no longer.
    let other = score(&at("other.lmdrun"), &with, &[]);
    assert_eq!(bits(&other), bits(&expected));
    let record = &run.manifest.model;
    let geometry = Geometry {
        channels: 1,
        side: 32,
    };
    assert_eq!(
        (record.source.as_str(), record.geometry),
        ("none:32:gray", geometry)
    );
    assert!(matches!(record.source(), ModelSource::Blank(_)));

    // A run that was stopped goes on, and a report is made of it.
    let half = at("half.lmdrun");
    std::fs::copy(at("without.lmdrun"), &half).unwrap();
    let database = rusqlite::Connection::open(&half).unwrap();
    database
        .execute("DELETE FROM attempts WHERE image > 60", [])
        .unwrap();
    drop(database);
    let page = at("report.html");
    done(&["score", "--resume", text(&half)]);
    assert_eq!(bits(&read_scores(&half).unwrap()), bits(&expected));
    done(&["export", text(&half), "--report", text(&page)]);
    let page = std::fs::read_to_string(page).unwrap();
    assert!(
        page.contains("no model") && !page.contains("none:32"),
        "{}",
        page.len()
    );
}

#[test]
fn a_threshold_needs_none_either_wherever_it_was_set() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let bundled = ["--model", "bundled"];
    let (with, without) = (at("with.lmdfit"), at("without.lmdfit"));
    fit(&with, &bundled);
    fit(&without, &[]);
    score(&at("with.lmdrun"), &with, &bundled);
    let detector = at("detector.json");
    let (fashion, digits) = (samples("fashion-mnist"), samples("mnist"));
    let calibrate = [
        "calibrate",
        "--fitted",
        text(&without),
        "--in-domain",
        text(&fashion),
    ];
    done(&[&calibrate[..], &["--output", text(&detector)]].concat());
    let stored = Calibration::load(&detector).unwrap();
    assert!(matches!(stored.model.source, ModelSource::Blank(_)));
    let classify = [
        "classify",
        "--detector",
        text(&detector),
        text(&digits),
        "--limit",
        "20",
        "--csv",
    ];
    let output = done(&classify);
    // One that was set beside a model needs it no more than this one.
    let other = at("other.json");
    done(&[
        "calibrate",
        "--run",
        text(&at("with.lmdrun")),
        "--false-alarm",
        "0.2",
        "--output",
        text(&other),
    ]);
    let other = Calibration::load(&other).unwrap();
    assert_eq!(other.model, stored.model);
    let run = at("with.lmdrun");
    done(&[
        "classify",
        "--detector",
        text(&detector),
        "--run",
        text(&run),
        "--json",
    ]);
    let verdicts = String::from_utf8(output.stdout).unwrap();
    let flagged = verdicts
        .lines()
        .filter(|line| line.contains("out-of-domain"));
    assert!(flagged.count() >= 18, "{verdicts}");
}

#[test]
fn the_size_is_asked_for_or_suits_the_images() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.lmdfit");
    fit(&path, &["--size", "48", "--channels", "rgb"]);
    let run = score(&folder.path().join("run.lmdrun"), &path, &[]);
    let geometry = Geometry {
        channels: 3,
        side: 48,
    };
    assert_eq!(run.manifest.model.geometry, geometry);
    let fashion = samples("fashion-mnist");
    let score = [
        "score",
        "--fitted",
        text(&path),
        "--in-domain",
        text(&fashion),
    ];
    let output = folder.path().join("no.lmdrun");
    let told = refused(
        &[
            &score[..],
            &["--model", "bundled", "--output", text(&output)],
        ]
        .concat(),
    );
    assert!(
        told.contains("48x48 pixels in 3 channels, and these have 32x32"),
        "{told}"
    );
    let fit = [
        "fit",
        "--method",
        "mahalanobis",
        "--in-domain",
        text(&fashion),
        "--output",
        text(&output),
    ];
    let told = refused(&[&fit[..], &["--size", "9999"]].concat());
    assert!(
        told.contains("--size must be from 1 to 1024, got 9999"),
        "{told}"
    );
    let told = refused(&[&fit[..], &["--size", "16"]].concat());
    assert!(
        told.contains("at least 31x31 pixels, and these are 16x16"),
        "{told}"
    );
    let told = refused(&[&fit[..], &["--size", "32", "--model", "bundled"]].concat());
    assert!(told.contains("cannot be used with"), "{told}");
    assert!(!output.exists());
}

#[test]
fn what_uses_a_model_asks_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("no.lmdrun");
    let fashion = samples("fashion-mnist");
    let images = ["--in-domain", text(&fashion), "--output", text(&output)];
    let refused = |command: &[&str]| refused(&[command, &images].concat());
    let told = refused(&["score"]);
    assert!(
        told.contains("LMD (--method lmd) uses a diffusion model: give its folder as --model"),
        "{told}"
    );
    let told = refused(&["score", "--method", "mahalanobis", "one-call-norm"]);
    assert!(
        told.contains("Quick scan (--method one-call-norm) uses a diffusion model"),
        "{told}"
    );
    let told = refused(&["score", "--method", "mahalanobis"]);
    assert!(
        told.contains("is not fitted: fit it first by lmd fit --method mahalanobis"),
        "{told}"
    );
    let told = refused(&["fit", "--method", "msma"]);
    assert!(
        told.contains("MSMA (--method msma) uses a diffusion model"),
        "{told}"
    );
    let told = refused(&["calibrate"]);
    assert!(
        told.contains("LMD (--method lmd) uses a diffusion model"),
        "{told}"
    );
    assert!(!output.exists());
}
