//! The real binary without a window.

use std::path::Path;
use std::process::Output;

use crate::binary::{lmd, root, text};

/// Two attempts of five steps on a few bundled samples.
fn score(output: &Path, more: &[&str]) -> Output {
    let samples = root().join("assets/samples");
    let (fashion, digits) = (samples.join("fashion-mnist"), samples.join("mnist"));
    let mut args = vec!["score", "--model", "bundled", "--in-domain", text(&fashion)];
    args.extend(["--out-of-domain", text(&digits), "--limit", "3"]);
    args.extend([
        "--attempts",
        "2",
        "--steps",
        "5",
        "--json",
        "--output",
        text(output),
    ]);
    args.extend(more);
    lmd(&args)
}

#[test]
fn a_small_run_writes_the_report_and_prints_the_summary() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let output = score(&report, &[]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["images"]["in"], 3);
    assert_eq!(summary["images"]["out"], 3);
    assert_eq!(summary["network_calls"], 6 * 2 * 5);
    assert!(summary["auroc"]["lpips"].is_number(), "{summary}");
    let written = std::fs::read(report.join("summary.json")).unwrap();
    let written: serde_json::Value = serde_json::from_slice(&written).unwrap();
    assert_eq!(written, summary);
    for name in ["histogram.png", "roc.png", "contact-sheet.png"] {
        assert!(image::open(report.join(name)).is_ok(), "{name}");
    }
    let scores = std::fs::read_to_string(report.join("scores.csv")).unwrap();
    assert_eq!(
        scores.lines().next(),
        Some("path,role,attempt,mse,ssim_distance,lpips")
    );
    assert_eq!(scores.lines().count(), 1 + 6 * 2);

    let again = score(&report, &[]);
    assert_eq!(
        again.status.code(),
        Some(2),
        "a report is not overwritten unasked"
    );
}

#[test]
fn scores_are_the_same_bits_at_any_batch_size() {
    let folder = tempfile::tempdir().unwrap();
    let scores: Vec<String> = ["1", "4", "32"]
        .into_iter()
        .map(|batch| {
            let report = folder.path().join(batch);
            let output = score(&report, &["--batch", batch]);
            assert!(output.status.success(), "batch {batch}");
            let text = std::fs::read_to_string(report.join("scores.csv")).unwrap();
            let mut lines: Vec<&str> = text.lines().collect();
            lines.sort_unstable();
            lines.join("\n")
        })
        .collect();
    assert_eq!(scores[0], scores[1]);
    assert_eq!(scores[0], scores[2]);
}

#[test]
fn bad_requests_exit_with_2_and_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let samples = root().join("assets/samples/mnist");
    let cases: [(&str, &[&str], &str); 6] = [
        ("bundled", &["--grid", "0"], "grid must have at least 1"),
        (
            "bundled",
            &["--attempts", "0"],
            "attempts must be at least 1",
        ),
        ("bundled", &["--steps", "0"], "steps must be at least 1"),
        (
            "bundled",
            &["--out-of-domain", "/no/such/folder"],
            "no such folder",
        ),
        ("/no/such/model", &[], "/no/such/model"),
        ("bundled", &["--eta", "2"], "eta must lie in 0..=1"),
    ];
    for (model, more, sentence) in cases {
        let report = folder.path().join("report");
        let mut args = vec!["score", "--model", model, "--in-domain", text(&samples)];
        args.extend(["--limit", "2", "--output", text(&report)]);
        args.extend(more);
        let output = lmd(&args);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{more:?}: {errors}");
        assert!(errors.contains(sentence), "{more:?}: {errors}");
        assert!(!report.exists(), "{more:?}: nothing is written");
    }
}

#[test]
fn info_and_verify_on_a_reference_model() {
    let model = root().join("tests/fixtures/unet/gray-attn-heads");
    let info = lmd(&["info", text(&model), "--json"]);
    let info: serde_json::Value = serde_json::from_slice(&info.stdout).unwrap();
    assert_eq!(info["image_size"], 32);
    assert_eq!(info["channels"], 1);

    let reference = model.join("expected.safetensors");
    let agrees = lmd(&["verify", text(&model), text(&reference)]);
    assert_eq!(agrees.status.code(), Some(0));
    let differs = lmd(&[
        "verify",
        text(&model),
        text(&reference),
        "--tolerance",
        "1e-12",
    ]);
    assert_eq!(differs.status.code(), Some(1));
}
