//! The quick scan, a detector without attempts and reconstructions: its values, and all commands on them.

use std::path::{Path, PathBuf};
use std::process::Output;

use lmd_inspector::runs::Calibration;
use lmd_inspector::runs::file;
use serde_json::Value;

use crate::binary::{lmd, root, text};

/// Norms of the first four images of both samples by the reference, in PyTorch: the model on `0.4462 (2 unit - 1)` at timestep
/// 396, the one whose noise level is nearest to 2.
const REFERENCE: [[f64; 4]; 2] = [
    [
        3.762_632_902_299_335,
        5.841_832_913_925_384,
        3.633_888_720_143_582_8,
        3.975_148_677_101_983,
    ],
    [
        7.021_189_440_520_957,
        7.764_859_090_117_111,
        5.449_461_651_382_589,
        7.188_214_552_974_897,
    ],
];

/// Relative; an f64 network differs from the reference by a tenth of it.
const TOLERANCE: f64 = 1e-4;

const QUICK: [&str; 4] = ["--model", "bundled", "--method", "one-call-norm"];

fn samples(name: &str) -> PathBuf {
    root().join("assets/samples").join(name)
}

/// A run over the first `limit` images of both samples.
fn score(output: &Path, limit: &str, more: &[&str]) -> Output {
    let (fashion, digits) = (samples("fashion-mnist"), samples("mnist"));
    let mut args = vec!["score"];
    args.extend(QUICK);
    args.extend([
        "--in-domain",
        text(&fashion),
        "--out-of-domain",
        text(&digits),
    ]);
    args.extend(["--limit", limit, "--json", "--output", text(output)]);
    args.extend(more);
    lmd(&args)
}

#[track_caller]
fn json(output: &Output) -> Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn lines(table: &Path) -> Vec<Vec<String>> {
    let table = std::fs::read_to_string(table).unwrap();
    let lines = table
        .lines()
        .map(|line| line.split(',').map(str::to_owned).collect());
    lines.collect()
}

#[test]
fn values_are_those_of_the_reference_and_a_report_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let summary = json(&score(&report, "4", &[]));
    assert_eq!(summary["network_calls"], 8, "one per image");
    assert_eq!(summary["attempts"], 1);
    assert_eq!(summary["settings"]["detector"], "one-call-norm");
    assert_eq!(summary["settings"]["sigma"], 2.0);
    assert!(summary["auroc"]["noise-norm"].is_number(), "{summary}");

    let table = lines(&report.join("scores.csv"));
    assert_eq!(table[0], ["path", "role", "attempt", "noise_norm"]);
    assert_eq!(table.len(), 1 + 8);
    for (row, expected) in table[1..].iter().zip(REFERENCE.as_flattened()) {
        let value: f64 = row[3].parse().unwrap();
        let off = (value - expected).abs() / expected;
        assert!(off < TOLERANCE, "{row:?}: {expected} expected");
    }
    let page = std::fs::read_to_string(report.join("report.html")).unwrap();
    assert!(page.contains("Quick scan"), "it says how scores were made");
    assert!(
        page.contains("--method one-call-norm --sigma 2 "),
        "how to repeat it"
    );
    assert!(
        !page.contains("not kept"),
        "there is no picture that could be missed"
    );
    assert!(image::open(report.join("contact-sheet.png")).is_ok());
}

#[test]
fn values_are_the_same_bits_at_any_batch_size() {
    let folder = tempfile::tempdir().unwrap();
    let tables = ["1", "3", "64"].map(|batch| {
        let report = folder.path().join(batch);
        json(&score(&report, "4", &["--batch", batch]));
        lines(&report.join("scores.csv"))
    });
    assert_eq!(tables[0], tables[1]);
    assert_eq!(tables[0], tables[2]);
}

#[test]
fn a_threshold_judges_new_images_and_stored_runs_of_the_same_settings_only() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (fashion, digits) = (samples("fashion-mnist"), samples("mnist"));
    let detector = at("detector.json");
    let mut args = vec!["calibrate"];
    args.extend(QUICK);
    args.extend(["--in-domain", text(&fashion), "--limit", "40", "--json"]);
    args.extend(["--output", text(&detector)]);
    let made = json(&lmd(&args));
    let threshold = made["threshold"].as_f64().unwrap();
    let calibration = Calibration::load(&detector).unwrap();
    assert_eq!(calibration.threshold, threshold);

    let classify = |more: &[&str]| {
        let mut args = vec!["classify", "--detector", text(&detector), "--json"];
        args.extend(more);
        lmd(&args)
    };
    let judged = json(&classify(&[text(&digits), "--limit", "4"]));
    assert_eq!(judged["distance"], "noise-norm");
    for (image, expected) in judged["images"]
        .as_array()
        .unwrap()
        .iter()
        .zip(REFERENCE[1])
    {
        let score = image["score"].as_f64().unwrap();
        assert!((score - expected).abs() < expected * TOLERANCE, "{image}");
        assert_eq!(image["verdict"] == "out-of-domain", score > threshold);
    }
    // A stored run gives the same verdicts; one of another level is another method.
    let (same, other) = (at("same.lmdrun"), at("other.lmdrun"));
    json(&score(&same, "4", &[]));
    json(&score(&other, "4", &["--sigma", "1.5"]));
    let stored = json(&classify(&["--run", text(&same)]));
    let verdicts = |judged: &Value| -> Vec<Value> {
        let images = judged["images"].as_array().unwrap().iter();
        images.map(|image| image["score"].clone()).collect()
    };
    assert!(verdicts(&stored).ends_with(&verdicts(&judged)), "{stored}");
    let refused = classify(&["--run", text(&other)]);
    assert_eq!(refused.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&refused.stderr);
    assert!(
        errors.contains("other settings than the detector (sigma)"),
        "{errors}"
    );
}

#[test]
fn shards_are_merged_and_a_finished_run_is_resumed_to_itself() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (first, second, merged) = (at("1.lmdrun"), at("2.lmdrun"), at("merged.lmdrun"));
    json(&score(&first, "4", &["--shard", "1/2"]));
    json(&score(&second, "4", &["--shard", "2/2"]));
    let output = lmd(&[
        "merge",
        text(&first),
        text(&second),
        "--output",
        text(&merged),
    ]);
    assert_eq!(output.status.code(), Some(0));
    let whole = file::read(&merged).unwrap();
    let values: Vec<f64> = (whole.results.iter())
        .flat_map(|result| result.values.as_slice().iter().copied())
        .collect();
    assert_eq!(values.len(), 8);
    for (value, expected) in values.iter().zip(REFERENCE.as_flattened()) {
        assert!(
            (value - expected).abs() < expected * TOLERANCE,
            "{values:?}"
        );
    }
    assert!((whole.results.iter()).all(|result| result.inpainted.is_none()));
    let resumed = json(&lmd(&["score", "--resume", text(&merged), "--json"]));
    assert_eq!(resumed["network_calls"], 0);
    assert_eq!(
        resumed["auroc"]["noise-norm"],
        1.0 - 1.0 / 16.0,
        "one pair of 16 is the wrong way round"
    );

    let by_lmd = at("lmd.lmdrun");
    let mut args = vec!["score", "--model", "bundled", "--unknown"];
    let digits = samples("mnist");
    args.extend([
        text(&digits),
        "--limit",
        "1",
        "--attempts",
        "1",
        "--steps",
        "1",
    ]);
    args.extend(["--output", text(&by_lmd)]);
    assert_eq!(lmd(&args).status.code(), Some(0));
    let refused = lmd(&[
        "merge",
        text(&merged),
        text(&by_lmd),
        "--output",
        text(&at("no.lmdrun")),
    ]);
    let errors = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{errors}");
}

#[test]
fn what_belongs_to_another_detector_is_refused_before_work() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    for (more, sentence) in [
        (["--grid", "4"], "--grid is a setting of --method lmd"),
        (
            ["--attempts", "2"],
            "--attempts is a setting of --method lmd",
        ),
        (["--distance", "lpips"], "Quick scan does not measure LPIPS"),
        (["--sigma", "0"], "expected a number from 0.01 to 1000"),
        (["--sigma", "900"], "trained on noise levels from 0.0100 to"),
    ] {
        let output = score(&report, "1", &more);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains(sentence), "{errors}");
        assert!(!report.exists(), "{more:?}: nothing is written");
    }
}
