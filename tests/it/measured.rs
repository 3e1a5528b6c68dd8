//! What is measured: of models whose images are small, and of models that give no numbers.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use candle_core::{Device, Tensor};
use lmd_inspector::detectors::measures;
use lmd_inspector::networks::distances::LPIPS;
use lmd_inspector::runs::report::{ImageScores, Report};
use lmd_inspector::runs::{ResultLog, RunImage, RunSettings};
use lmd_inspector::state::RunState;
use lmd_inspector::worker::protocol::JobId;
use serde_json::Value;

use crate::binary::{lmd, root, text};
use crate::networks::fixture;
use crate::runs::support::{batch, images};

const WEIGHTS: &str = "diffusion_pytorch_model.safetensors";

/// A fixture's network for images of this many pixels per side.
fn model_of_side(folder: &Path, side: usize) {
    let from = fixture("unet/gray-attn-heads");
    fs::copy(from.join(WEIGHTS), folder.join(WEIGHTS)).unwrap();
    let config = fs::read(from.join("config.json")).unwrap();
    let mut config: Value = serde_json::from_slice(&config).unwrap();
    config["sample_size"] = side.into();
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
}

/// `lmd` on bundled samples with few attempts and steps.
fn on_samples(command: &str, model: &Path, output: &Path, more: &[&str]) -> Output {
    let samples = root().join("assets/samples/mnist");
    let mut args = vec![
        command,
        "--model",
        text(model),
        "--in-domain",
        text(&samples),
    ];
    args.extend([
        "--output",
        text(output),
        "--attempts",
        "2",
        "--steps",
        "2",
        "--json",
    ]);
    args.extend(more);
    lmd(&args)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_model_of_28_pixels_is_scored_without_lpips_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    model_of_side(folder.path(), 28);
    let report = folder.path().join("report");
    let fashion = root().join("assets/samples/fashion-mnist");
    let more = ["--limit", "3", "--out-of-domain", text(&fashion)];
    let output = on_samples("score", folder.path(), &report, &more);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let why = "LPIPS needs images of at least 31x31 pixels and the model's are 28x28: scores are by 1 - SSIM";
    assert!(said(&output).contains(why), "{}", said(&output));

    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["settings"]["distance"], "ssim");
    assert_eq!(summary["auroc"]["lpips"], Value::Null);
    assert!(summary["auroc"]["ssim"].is_f64() && summary["auroc"]["mse"].is_f64());
    let notes = summary["notes"].to_string();
    assert!(notes.contains("no LPIPS figures"), "{notes}");
    let table = fs::read_to_string(report.join("scores.csv")).unwrap();
    let mut lines = table.lines();
    let header = "path,role,attempt,mse,ssim_distance,lpips";
    assert_eq!(lines.next(), Some(header));
    assert_eq!(lines.clone().count(), 12);
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!((cells.len(), cells[5]), (6, ""), "{line}");
        assert!(cells[4].parse::<f64>().unwrap().is_finite());
    }

    // The run file knows it too.
    let run = report.join("run.lmdrun");
    let exported = folder.path().join("exported.csv");
    let output = lmd(&["export", text(&run), "--csv", text(&exported)]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(fs::read_to_string(&exported).unwrap(), table);

    // What is asked for is not replaced in silence.
    let again = folder.path().join("again");
    let more = ["--limit", "3", "--distance", "lpips"];
    let output = on_samples("score", folder.path(), &again, &more);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("use --distance ssim"),
        "{}",
        said(&output)
    );
    assert!(!again.exists());
}

#[test]
fn a_network_that_gives_no_numbers_gives_no_scores() {
    let folder = tempfile::tempdir().unwrap();
    model_of_side(folder.path(), 32);
    // Finite, but products of two of them are not.
    let weights = folder.path().join(WEIGHTS);
    let scaled: HashMap<String, Tensor> = candle_core::safetensors::load(&weights, &Device::Cpu)
        .unwrap()
        .into_iter()
        .map(|(name, tensor)| (name, (tensor * 1e30).unwrap()))
        .collect();
    candle_core::safetensors::save(&scaled, &weights).unwrap();

    for device in ["cpu", "candle-cpu"] {
        let run = folder.path().join(device).with_extension("lmdrun");
        let more = ["--limit", "20", "--device", device];
        let output = on_samples("score", folder.path(), &run, &more);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        let why = "the network gave values that are not finite numbers";
        assert!(said(&output).contains(why), "{}", said(&output));
        // None of the distances takes them for numbers: LPIPS's maxima drop them.
        let table = folder.path().join(device).with_extension("csv");
        lmd(&["export", text(&run), "--csv", text(&table)]);
        let table = fs::read_to_string(&table).unwrap();
        assert!(table.lines().count() > 1, "{table}");
        for line in table.lines().skip(1) {
            assert!(line.ends_with(",NaN,NaN,NaN"), "{line}");
        }
    }

    let detector = folder.path().join("detector.json");
    let output = on_samples("calibrate", folder.path(), &detector, &["--limit", "19"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("not finite numbers"),
        "{}",
        said(&output)
    );
    assert!(!detector.exists());
}

#[test]
fn window_report_and_comparison_give_an_image_one_score() {
    let values = [f64::NAN, 0.1, 0.2, f64::INFINITY, 0.4];
    let mut results = Vec::new();
    for (attempt, lpips) in values.into_iter().enumerate() {
        let mut result = batch(0)[0].clone();
        result.attempt = attempt;
        result.values = [(LPIPS, lpips)].into_iter().collect();
        results.push(result);
    }
    let images: Arc<[RunImage]> = images().into_iter().map(|(image, _)| image).collect();
    let settings = RunSettings::default();
    for (count, expected) in [(5, Some(0.2)), (2, Some(0.1)), (1, None)] {
        let log = Arc::new(ResultLog::default());
        log.extend(results[..count].iter().cloned());
        let report = Report {
            images: &images,
            results: &log.since(0),
            settings: &settings,
            network_calls: 0,
            seconds: 0.0,
            num_skipped: 0,
            notes: &[],
        };
        let in_report = ImageScores::collect(&report)[0].score(LPIPS);
        let mut run = RunState::new(JobId(0), settings.clone(), Arc::clone(&images), log);
        run.absorb();
        let attempts: Vec<_> = results[..count].iter().map(|r| r.values.clone()).collect();
        let compared = measures::score(&attempts, LPIPS, settings.view.aggregate);
        assert_eq!(in_report, expected, "{count} attempts");
        assert_eq!(run.score(0), expected, "{count} attempts");
        assert_eq!(compared, expected, "{count} attempts");
    }
}

/// The rows of a table of scores as numbers, by column.
fn column(table: &str, name: &str) -> Vec<f64> {
    let mut lines = table.lines();
    let at = lines
        .next()
        .unwrap()
        .split(',')
        .position(|cell| cell == name);
    let at = at.unwrap_or_else(|| panic!("no column {name}"));
    lines
        .map(|line| line.split(',').nth(at).unwrap().parse().unwrap())
        .collect()
}

#[test]
fn a_distance_that_is_asked_for_is_measured_beside_the_usual_ones() {
    let folder = tempfile::tempdir().unwrap();
    let model = Path::new("bundled");
    let [plain, with] = ["plain", "with"].map(|name| folder.path().join(name));
    let limit = ["--limit", "3"];
    let output = on_samples("score", model, &plain, &limit);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let output = on_samples(
        "score",
        model,
        &with,
        &["--limit", "3", "--distance", "mae"],
    );
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let [plain_table, table] =
        [&plain, &with].map(|report| fs::read_to_string(report.join("scores.csv")).unwrap());
    // The usual ones stay what they are.
    for name in ["mse", "ssim_distance", "lpips"] {
        assert_eq!(column(&table, name), column(&plain_table, name), "{name}");
    }
    for (mae, mse) in column(&table, "mae").into_iter().zip(column(&table, "mse")) {
        // Of values in [0, 1]: the mean of squares is below the mean, and above its square.
        assert!(mse < mae && mse > mae * mae, "{mae} {mse}");
    }

    let exported = folder.path().join("exported.csv");
    lmd(&[
        "export",
        text(&with.join("run.lmdrun")),
        "--csv",
        text(&exported),
    ]);
    assert_eq!(fs::read_to_string(&exported).unwrap(), table);
    let [a, b] = [&plain, &with].map(|report| report.join("run.lmdrun"));
    let both = folder.path().join("both.lmdrun");
    let output = lmd(&["merge", text(&a), text(&b), "--output", text(&both)]);
    assert!(
        said(&output).contains("other distances"),
        "{}",
        said(&output)
    );
}

#[test]
fn a_combined_measure_is_the_sum_of_the_logarithms_of_its_parts() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.lmdrun");
    let more = ["--limit", "20", "--attempts", "1", "--distance", "log-sum"];
    let samples = root().join("assets/samples/mnist");
    let mut args = vec!["score", "--model", "bundled", "--in-domain", text(&samples)];
    args.extend(["--steps", "2", "--json", "--output", text(&run)]);
    args.extend(more);
    let output = lmd(&args);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let table = folder.path().join("scores.csv");
    lmd(&["export", text(&run), "--csv", text(&table)]);
    let table = fs::read_to_string(&table).unwrap();
    assert!(table.starts_with("path,role,attempt,mse,ssim_distance,lpips\n"));

    let detector = folder.path().join("detector.json");
    let output = lmd(&[
        "calibrate",
        "--run",
        text(&run),
        "--output",
        text(&detector),
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let detector: Value = serde_json::from_slice(&fs::read(&detector).unwrap()).unwrap();
    assert_eq!(detector["settings"]["distance"], "log-sum");
    let parts = ["mse", "ssim_distance", "lpips"].map(|name| column(&table, name));
    let images = detector["calibration"].as_array().unwrap();
    assert_eq!(images.len(), 20);
    for (index, image) in images.iter().enumerate() {
        let expected: f64 = parts.iter().map(|part| part[index].ln()).sum();
        let score = image["score"].as_f64().unwrap();
        assert!((score - expected).abs() < 1e-9, "{score} {expected}");
    }
}
