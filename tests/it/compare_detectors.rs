//! `lmd compare-detectors`: figures of several detectors, what is kept of them, and what stays when one of them fails.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::binary::{lmd, root, text};

const LIMIT: &str = "24";

fn samples(name: &str) -> PathBuf {
    root().join("assets/samples").join(name)
}

fn compare(output: &Path, model: &str, methods: &[&str], more: &[&str]) -> Output {
    let (fashion, digits) = (samples("fashion-mnist"), samples("mnist"));
    let mut args = vec!["compare-detectors", "--model", model, "--json"];
    args.extend([
        "--in-domain",
        text(&fashion),
        "--out-of-domain",
        text(&digits),
    ]);
    args.extend(["--limit", LIMIT, "--output", text(output), "--method"]);
    args.extend(methods);
    args.extend(more);
    lmd(&args)
}

#[track_caller]
fn json(output: &Output) -> Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn row<'a>(comparison: &'a Value, label: &str) -> &'a Value {
    let rows = comparison["rows"].as_array().unwrap();
    let found = rows.iter().find(|row| row["label"] == label);
    found.unwrap_or_else(|| panic!("no {label} in {comparison}"))
}

#[test]
fn figures_are_those_of_runs_by_themselves_and_finished_runs_are_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("comparison");
    let methods = ["one-call-norm", "bound"];
    let comparison = json(&compare(&output, "bundled", &methods, &[]));
    assert_eq!(
        (&comparison["num_in"], &comparison["num_out"]),
        (&24.into(), &24.into())
    );
    let quick = row(&comparison, "Quick scan");
    assert_eq!(quick["calls"], 1.0);
    assert_eq!(row(&comparison, "Variational bound")["calls"], 25.0);

    let alone = folder.path().join("alone.lmdrun");
    let (fashion, digits) = (samples("fashion-mnist"), samples("mnist"));
    let mut args = vec![
        "score",
        "--model",
        "bundled",
        "--method",
        "one-call-norm",
        "--json",
    ];
    args.extend([
        "--in-domain",
        text(&fashion),
        "--out-of-domain",
        text(&digits),
    ]);
    args.extend(["--limit", LIMIT, "--output", text(&alone)]);
    let summary = json(&lmd(&args));
    assert_eq!(quick["auroc"], summary["auroc"]["noise-norm"]);
    assert_eq!(quick["fpr95"], summary["fpr95"]["noise-norm"]);
    // DeLong's interval of the difference lies around the difference itself.
    let bound = row(&comparison, "Variational bound");
    let behind = quick["auroc"].as_f64().unwrap() - bound["auroc"].as_f64().unwrap();
    assert!((bound["behind"].as_f64().unwrap() - behind).abs() < 1e-12);
    assert!(
        comparison["advice"]
            .as_str()
            .unwrap()
            .starts_with("Use Quick scan: AUROC")
    );
    for name in ["comparison.csv", "comparison.md", "roc.svg", "bound.lmdrun"] {
        assert!(output.join(name).is_file(), "{name}");
    }

    let again = compare(&output, "bundled", &methods, &[]);
    let told = String::from_utf8_lossy(&again.stderr).into_owned();
    assert_eq!(json(&again), comparison);
    assert!(!told.contains("network calls"), "scored again: {told}");
    // Another seed gives the bound other noise.
    let seeded = compare(&output, "bundled", &methods, &["--seed", "1"]);
    let told = String::from_utf8_lossy(&seeded.stderr).into_owned();
    assert!(told.contains("network calls"), "{told}");
}

#[test]
fn a_detector_that_does_not_fit_the_model_is_told_and_the_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("comparison");
    let model = root().join("tests/fixtures/score_sde/subvp-ddpm/checkpoint.pth");
    let methods = ["one-call-norm", "bound"];
    let comparison = json(&compare(&output, text(&model), &methods, &[]));
    assert!(row(&comparison, "Quick scan")["auroc"].is_number());
    let [not_run] = &comparison["not_run"].as_array().unwrap()[..] else {
        panic!("{comparison}");
    };
    assert_eq!(not_run["label"], "Variational bound");
    let reason = not_run["reason"].as_str().unwrap();
    assert!(reason.contains("variance-preserving"), "{reason}");
    let page = std::fs::read_to_string(output.join("comparison.md")).unwrap();
    assert!(page.contains("NOT RUN: Variational bound: "), "{page}");

    // A third of 24 images is too few for a density.
    let few = folder.path().join("few");
    let comparison = json(&compare(&few, "bundled", &["one-call-norm", "msma"], &[]));
    let reason = comparison["not_run"][0]["reason"].as_str().unwrap();
    assert!(
        reason.contains("at least 50") && reason.contains('8'),
        "{reason}"
    );

    // With none left there is no comparison.
    let alone = folder.path().join("alone");
    let refused = compare(&alone, text(&model), &["bound"], &[]);
    assert_eq!(refused.status.code(), Some(2));
}

#[test]
fn what_would_take_too_long_is_not_run_and_a_strange_folder_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("comparison");
    let methods = ["one-call-norm", "bound"];
    let comparison = json(&compare(
        &output,
        "bundled",
        &methods,
        &["--minutes", "0.0001"],
    ));
    assert_eq!(comparison["rows"].as_array().unwrap().len(), 1);
    let reason = comparison["not_run"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("it would take about"), "{reason}");

    let strange = folder.path().join("strange");
    std::fs::create_dir(&strange).unwrap();
    std::fs::write(strange.join("thesis.txt"), "mine").unwrap();
    let refused = compare(&strange, "bundled", &["one-call-norm"], &[]);
    let told = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(told.contains("not empty"), "{told}");
    assert_eq!(std::fs::read_dir(&strange).unwrap().count(), 1);
}
