//! `lmd calibrate` and `lmd classify`, the real binary with the bundled model.

use std::path::{Path, PathBuf};
use std::process::Output;

use lmd_inspector::networks::ModelIdentity;
use lmd_inspector::networks::checkpoints::ModelSource;
use lmd_inspector::ood::conformal::{self, CalibrationScores};
use lmd_inspector::runs::Calibration;

use crate::binary::{lmd, text};

fn samples(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("assets/samples")
        .join(name)
}

/// Copies every second image of the in-domain samples, from the first or the second one on.
fn half(folder: &Path, start: usize) -> PathBuf {
    let half = folder.join(format!("half-{start}"));
    std::fs::create_dir(&half).unwrap();
    for index in (start..200).step_by(2) {
        let name = format!("{index:05}.png");
        std::fs::copy(samples("fashion-mnist").join(&name), half.join(&name)).unwrap();
    }
    half
}

fn calibrate(folder: &Path, output: &Path, more: &[&str]) -> Output {
    let mut args = vec!["calibrate", "--model", "bundled"];
    args.extend(["--in-domain", text(folder), "--output", text(output)]);
    args.extend(["--attempts", "1", "--steps", "5"]);
    args.extend(more);
    lmd(&args)
}

#[track_caller]
fn json(output: &Output) -> serde_json::Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"))
}

#[test]
#[expect(clippy::print_stdout, reason = "the rates are for a person to read")]
fn a_detector_of_one_half_of_the_samples_keeps_its_rate_on_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (half(folder.path(), 0), half(folder.path(), 1));
    let file = folder.path().join("detector.json");
    let made = calibrate(&first, &file, &["--json"]);
    assert_eq!(made.status.code(), Some(0));
    let made = json(&made);
    assert_eq!(made["images"], 100);
    let detector = Calibration::load(&file).unwrap();
    assert_eq!(made["threshold"], detector.threshold);
    let calibration = CalibrationScores::new(detector.calibration.iter().map(|image| image.score));
    assert_eq!(calibration.threshold(0.05), Ok(detector.threshold));

    let digits = samples("mnist");
    let mut args = vec!["classify", "--detector", text(&file), "--json"];
    args.extend(["--fdr", "0.1", text(&second), text(&digits)]);
    args.extend(["--limit", "100"]);
    let judged = lmd(&args);
    assert_eq!(judged.status.code(), Some(0));
    let judged = json(&judged);
    let images = judged["images"].as_array().unwrap();
    assert_eq!(images.len(), 200);
    let (mut false_alarms, mut hits, mut listed_in, mut listed) = (0, 0, 0, 0);
    for image in images {
        let score = image["score"].as_f64().unwrap();
        assert_eq!(image["p_value"], calibration.p_value(score));
        let is_out = image["verdict"] == "out-of-domain";
        assert_eq!(is_out, score > detector.threshold, "{image}");
        let is_digit = image["path"].as_str().unwrap().contains("/mnist/");
        false_alarms += usize::from(is_out && !is_digit);
        hits += usize::from(is_out && is_digit);
        listed += usize::from(image["listed"] == true);
        listed_in += usize::from(image["listed"] == true && !is_digit);
    }
    println!(
        "{false_alarms} false alarms, {hits} hits of 100; {listed_in} of {listed} listed wrongly"
    );
    let (low, high) = conformal::false_alarm_range(100, 0.05, 100, 0.99).unwrap();
    assert!(
        (low..=high).contains(&false_alarms),
        "{false_alarms} false alarms are not in {low}..={high}"
    );
    assert!(hits > high, "{hits} hits look like false alarms");
    assert_eq!(judged["listed"], listed);
    assert_eq!(judged["out_of_domain"], false_alarms + hits);
}

#[test]
fn classify_tells_by_table_exit_code_and_notes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("detector.json");
    let quick = ["--limit", "20", "--distance", "mse", "--false-alarm", "0.3"];
    let fashion = samples("fashion-mnist");
    let made = calibrate(&fashion, &file, &quick);
    assert_eq!(made.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&made.stdout).trim(), text(&file));
    let detector = Calibration::load(&file).unwrap();
    let classify = |more: &[&str]| {
        let mut args = vec!["classify", "--detector", text(&file), text(&fashion)];
        args.extend(["--limit", "20", "--fail-on-ood"]);
        args.extend(more);
        lmd(&args)
    };
    // The calibration images themselves: the same scores to the last bit, each compared with the others.
    let output = classify(&["--csv"]);
    assert_eq!(output.status.code(), Some(1), "some images are flagged");
    let table = String::from_utf8(output.stdout).unwrap();
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("path,score,p_value,q_value,verdict"));
    let calibration = CalibrationScores::new(detector.calibration.iter().map(|image| image.score));
    let mut scores: Vec<f64> = Vec::new();
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let score: f64 = cells[1].parse().unwrap();
        let p_value: f64 = cells[2].parse().unwrap();
        assert_eq!(p_value, calibration.leave_one_out_p_value(score));
        assert_eq!(cells[3], "", "calibration images join no list");
        assert_eq!(cells[4] == "out-of-domain", score > detector.threshold);
        scores.push(score);
    }
    scores.sort_by(f64::total_cmp);
    assert_eq!(scores, calibration.sorted());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("20 images belong to the detector's calibration set"));

    // No calibration image can be listed, so nothing forbids.
    let output = classify(&["--fdr", "0.01"]);
    assert_eq!(output.status.code(), Some(0));
    // New images, but too few calibration images for a list at 1 %.
    let digits = samples("mnist");
    let mut args = vec!["classify", "--detector", text(&file), text(&digits)];
    args.extend(["--limit", "2", "--fdr", "0.01", "--fail-on-ood"]);
    let output = lmd(&args);
    assert_eq!(output.status.code(), Some(0));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        errors.contains("20 calibration images are too few"),
        "{errors}"
    );
    let lines = String::from_utf8(output.stdout).unwrap();
    assert_eq!(lines.lines().count(), 2);
}

#[track_caller]
fn refused(output: &Output, says: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains(says), "{errors}");
    assert!(output.stdout.is_empty());
}

#[test]
fn bad_requests_of_detectors_exit_with_2_and_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("detector.json");
    let fashion = samples("fashion-mnist");
    let with = |more: &[&str]| calibrate(&fashion, &file, more);
    refused(&with(&["--limit", "18"]), "at least 19 in-domain images");
    refused(
        &with(&["--false-alarm", "0.001"]),
        "0.1 % needs at least 999",
    );
    refused(&with(&["--false-alarm", "1.5"]), "between 0 and 1, got 1.5");
    refused(&with(&["--grid", "0", "--limit", "19"]), "grid must have");
    assert!(!file.exists());
    let astray = folder.path().join("no/such/detector.json");
    refused(&calibrate(&fashion, &astray, &[]), "does not exist");
    let astray = Path::new("/proc/detector.json");
    refused(&calibrate(&fashion, astray, &[]), "can't be written here");

    let classify = |more: &[&str]| {
        let mut args = vec!["classify", "--detector", text(&file), text(&fashion)];
        args.extend(more);
        lmd(&args)
    };
    refused(&classify(&[]), "detector file can't be read");
    std::fs::write(&file, "{\"auroc\": 1}").unwrap();
    refused(&classify(&[]), "not a detector file");
    refused(&with(&["--limit", "19"]), "this file exists");
    let more = ["--limit", "19", "--overwrite", "--steps", "1"];
    let mut args = vec!["calibrate", "--model", "bundled", "--in-domain"];
    args.extend([text(&fashion), "--output", text(&file), "--attempts", "1"]);
    args.extend(more);
    assert_eq!(lmd(&args).status.code(), Some(0));
    refused(&classify(&["--fdr", "2"]), "--fdr must lie between 0 and 1");
    refused(&classify(&["--json", "--csv"]), "cannot be used with");
    let mut detector = Calibration::load(&file).unwrap();
    detector.model.identity = ModelIdentity::of_weights("0".repeat(64));
    detector.save(&file).unwrap();
    refused(&classify(&[]), "the model's weights differ");
}

#[test]
fn a_score_run_judges_unknown_images_in_a_table_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let (fashion, digits) = (samples("fashion-mnist"), samples("mnist"));
    let mut args = vec!["score", "--model", "bundled", "--in-domain", text(&fashion)];
    args.extend(["--unknown", text(&digits), "--limit", "20", "--json"]);
    args.extend(["--attempts", "1", "--steps", "2", "--output", text(&report)]);
    let summary = json(&lmd(&args));
    let notes = summary["notes"].to_string();
    assert!(notes.contains("by 20 in-domain scores"), "{notes}");
    let labels = folder.path().join("labels.csv");
    let mut lines = String::from("path,label\n");
    for (name, label) in [("fashion-mnist", "in-domain"), ("mnist", "unknown")] {
        for index in 0..20 {
            let path = samples(name).join(format!("{index:05}.png"));
            lines += &[text(&path), ",", label, "\n"].concat();
        }
    }
    std::fs::write(&labels, lines).unwrap();
    let other = folder.path().join("other");
    let mut args = vec!["score", "--model", "bundled", "--labels", text(&labels)];
    args.extend(["--attempts", "1", "--steps", "2", "--output", text(&other)]);
    assert_eq!(lmd(&args).status.code(), Some(0));
    let read = |folder: &Path| std::fs::read_to_string(folder.join("verdicts.csv")).unwrap();
    let table = read(&report);
    assert_eq!(
        table,
        read(&other),
        "labels from a table are those of folders"
    );
    assert_eq!(table.lines().count(), 21);
    assert!(table.lines().skip(1).all(|line| line.contains("/mnist/")));
}

#[test]
fn a_run_that_was_kept_calibrates_and_is_judged_like_images_scored_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let quick = ["--attempts", "2", "--steps", "2", "--limit", "20"];
    let (in_domain, digits) = (samples("fashion-mnist"), samples("mnist"));
    let score = |images: [&str; 2], run: &Path, more: &[&str]| {
        let args = ["score", "--model", "bundled", images[0], images[1]];
        let scored = lmd(&[&args[..], &quick, &["--output", text(run)], more].concat());
        assert_eq!(scored.status.code(), Some(0));
    };
    let (run, new) = (path("in.lmdrun"), path("new.lmdrun"));
    score(["--in-domain", text(&in_domain)], &run, &[]);
    let (direct, stored) = (path("direct.json"), path("stored.json"));
    let args = ["calibrate", "--model", "bundled", "--in-domain"];
    let made = lmd(&[
        &args[..],
        &[text(&in_domain), "--output", text(&direct)],
        &quick,
    ]
    .concat());
    assert_eq!(made.status.code(), Some(0));
    let from_run = ["calibrate", "--run", text(&run), "--output"];
    let made = lmd(&[&from_run[..], &[text(&stored)]].concat());
    assert_eq!(made.status.code(), Some(0));
    assert_eq!(
        std::fs::read_to_string(&stored).unwrap(),
        std::fs::read_to_string(&direct).unwrap()
    );
    let refused = lmd(&[
        &from_run[..],
        &[text(&stored), "--overwrite", "--seed", "1"],
    ]
    .concat());
    assert_eq!(refused.status.code(), Some(2), "the run decides the seed");

    score(["--unknown", text(&digits)], &new, &[]);
    let classify = ["classify", "--detector", text(&stored), "--csv"];
    let again = lmd(&[&classify[..], &[text(&digits), "--limit", "20"]].concat());
    let kept = lmd(&[&classify[..], &["--run", text(&new)]].concat());
    assert_eq!(kept.status.code(), Some(0));
    assert_eq!(kept.stdout, again.stdout);
    assert_eq!(String::from_utf8_lossy(&kept.stdout).lines().count(), 21);

    let other = path("other.lmdrun");
    score(["--unknown", text(&digits)], &other, &["--seed", "1"]);
    let refused = lmd(&[&classify[..], &["--run", text(&other)]].concat());
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(told.contains("other settings than the detector"), "{told}");
}

/// Its images can't be passed on: the stored scores of some stand for them.
#[test]
fn the_bundled_detector_of_head_cts_flags_what_is_none() {
    let name = Path::new("bundled:headct");
    let detector = Calibration::load(name).unwrap();
    assert_eq!(detector.model.source, ModelSource::named(name));
    assert_eq!(detector.calibration.len(), 299);
    assert!(detector.caveat().is_none());
    for sample in ["mnist", "fashion-mnist"] {
        let folder = samples(sample);
        let args = [
            "classify",
            "--detector",
            text(name),
            text(&folder),
            "--limit",
            "3",
            "--csv",
            "--fail-on-ood",
        ];
        let output = lmd(&args);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let table = String::from_utf8(output.stdout).unwrap();
        let flagged = table
            .lines()
            .filter(|line| line.ends_with(",out-of-domain"));
        assert_eq!(flagged.count(), 3, "{table}");
    }
}
