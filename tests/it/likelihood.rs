//! Likelihood, input complexity and the variational bound by the program: values are tested beside their code.

use std::path::Path;

use serde_json::Value;

use crate::binary::{lmd, root, text};

fn score(output: &Path, more: &[&str]) -> Value {
    let at = |name: &str| root().join("assets/samples").join(name);
    let (fashion, digits) = (at("fashion-mnist"), at("mnist"));
    let mut args = vec!["score", "--model", "bundled", "--limit", "2", "--json"];
    args.extend([
        "--in-domain",
        text(&fashion),
        "--out-of-domain",
        text(&digits),
    ]);
    args.extend(["--output", text(output)]);
    args.extend(more);
    let output = lmd(&args);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn table(report: &Path) -> Vec<Vec<String>> {
    let table = std::fs::read_to_string(report.join("scores.csv")).unwrap();
    let lines = table.lines();
    lines
        .map(|line| line.split(',').map(str::to_owned).collect())
        .collect()
}

#[test]
fn each_image_is_integrated_alone_whatever_its_batch() {
    let folder = tempfile::tempdir().unwrap();
    let runs = ["1", "4"].map(|batch| {
        let report = folder.path().join(batch);
        let options = ["--method", "likelihood", "--tolerance", "0.02", "--batch"];
        let summary = score(&report, &[&options[..], &[batch]].concat());
        (summary["network_calls"].clone(), table(&report))
    });
    assert_eq!(runs[0], runs[1], "the same bits, and calls");
    let (calls, table) = &runs[0];
    assert_eq!(calls.as_u64().unwrap() % 3, 0, "three for each slope");
    assert_eq!(table[0][3..], ["bits_per_dim", "input_complexity"]);
    for row in &table[1..] {
        let [bits, complexity] = [3, 4].map(|column| row[column].parse::<f64>().unwrap());
        assert!((0.0..8.0).contains(&bits), "{row:?}");
        assert!(complexity < bits, "a PNG takes some bits: {row:?}");
    }
}

#[test]
fn input_complexity_is_a_way_to_look_at_the_same_run() {
    let folder = tempfile::tempdir().unwrap();
    let options = ["--method", "likelihood", "--tolerance", "0.1"];
    let measure = ["--distance", "input-complexity"];
    let summary = score(
        &folder.path().join("report"),
        &[&options[..], &measure].concat(),
    );
    for measure in ["bits-per-dim", "input-complexity"] {
        assert!(summary["auroc"][measure].is_number(), "{summary}");
    }
}

#[test]
fn the_bound_takes_a_call_at_each_timestep() {
    let folder = tempfile::tempdir().unwrap();
    let options = ["--method", "bound", "--terms", "5"];
    let summary = score(&folder.path().join("report"), &options);
    assert_eq!(summary["network_calls"], 4 * 5);
    assert!(summary["auroc"]["bound-bits"].is_number(), "{summary}");
}
