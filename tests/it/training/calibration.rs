//! `MODEL:calibration`: the images that a training has left alone, and no others.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use lmd_inspector::images::decode::hash_file;

use super::command::{SHORT, pictures, refused, train};
use crate::binary::{lmd, text};

const QUICK: [&str; 4] = ["--attempts", "1", "--steps", "2"];

fn hashes(paths: impl Iterator<Item = String>) -> BTreeSet<String> {
    paths
        .map(|path| hash_file(Path::new(&path)).unwrap().to_string())
        .collect()
}

fn held_out(model: &Path, part: &str) -> BTreeSet<String> {
    let record = fs::read(model.join("training.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    let listed = record["held_out"][part].as_array().unwrap();
    listed
        .iter()
        .map(|hash| hash.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn score_and_calibrate_take_exactly_the_images_that_were_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let images = pictures(folder.path(), 64);
    let model = folder.path().join("model");
    let made = train(&images, &model, &SHORT);
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let expected = held_out(&model, "calibration");
    assert!(
        expected.len() >= 4 && expected.len() < 16,
        "a part of the sixteen that are held out: {expected:?}"
    );
    assert!(expected.is_disjoint(&held_out(&model, "monitor")));

    let source = format!("{}:calibration", text(&model));
    let report = folder.path().join("report");
    let mut args = vec!["score", "--model", text(&model), "--in-domain", &source];
    args.extend(["--output", text(&report)]);
    args.extend(QUICK);
    let scored = lmd(&args);
    assert!(
        scored.status.success(),
        "{}",
        String::from_utf8_lossy(&scored.stderr)
    );
    let scores = fs::read_to_string(report.join("scores.csv")).unwrap();
    let paths = scores.lines().skip(1).map(|line| {
        let (path, _) = line.split_once(',').unwrap();
        path.to_owned()
    });
    assert_eq!(hashes(paths), expected);

    let detector = folder.path().join("detector.json");
    let mut args = vec!["calibrate", "--model", text(&model), "--in-domain", &source];
    // Few images allow no smaller rate.
    args.extend(["--output", text(&detector), "--false-alarm", "0.4"]);
    args.extend(QUICK);
    let calibrated = lmd(&args);
    let errors = String::from_utf8_lossy(&calibrated.stderr);
    assert!(calibrated.status.success(), "{errors}");
    // The same files can be judged by it: each is of the set that the threshold is of.
    let classified = lmd(&["classify", "--detector", text(&detector), "--json", &source]);
    assert!(
        classified.status.success(),
        "{}",
        String::from_utf8_lossy(&classified.stderr)
    );
    let verdicts: serde_json::Value = serde_json::from_slice(&classified.stdout).unwrap();
    assert_eq!(verdicts["images"].as_array().unwrap().len(), expected.len());

    // One that is gone is told, in place of a smaller set.
    let gone = fs::read_dir(&images)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| expected.contains(&hash_file(path).unwrap().to_string()))
        .unwrap();
    fs::remove_file(gone).unwrap();
    args.push("--overwrite");
    let output = lmd(&args);
    let told = format!(
        "1 of the {} images that it has not seen are no longer in {}",
        expected.len(),
        text(&images)
    );
    refused(&output, &told);
}

#[test]
fn a_model_without_a_record_of_its_training_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let source = format!("{}:calibration", text(folder.path()));
    let score = ["score", "--model", "bundled", "--in-domain", &source];
    refused(&lmd(&score), "this model has no training.json");
    let nothing = format!("{}:calibration", text(&folder.path().join("none")));
    let score = ["score", "--model", "bundled", "--in-domain", &nothing];
    refused(&lmd(&score), "there is no such folder or file");
}
