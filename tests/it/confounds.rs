//! What else than the pictures' content could make scores differ: the statistics against scipy and scikit-learn.

use std::path::{Path, PathBuf};

use image::{GrayImage, Luma};
use lmd_inspector::ood::correlation::{auroc_z, spearman, spearman_z};
use lmd_inspector::ood::figures::figures;
use serde::Deserialize;
use serde_json::Value;

use crate::binary::{lmd, text};

/// Made by `tests/fixtures/confounds/make_correlations.py`.
#[derive(Deserialize)]
struct Reference {
    spearman: Vec<Spearman>,
    separation: Vec<Separation>,
}

#[derive(Deserialize)]
struct Spearman {
    x: Vec<f64>,
    y: Vec<f64>,
    rho: f64,
}

#[derive(Deserialize)]
struct Separation {
    a: Vec<f64>,
    b: Vec<f64>,
    auroc: f64,
    z: f64,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../fixtures/confounds/correlations.json")).unwrap()
}

#[test]
fn rank_correlations_are_those_of_scipy() {
    for case in reference().spearman {
        let rho = spearman(&case.x, &case.y).unwrap();
        let count = case.x.len();
        assert!((rho - case.rho).abs() < 1e-12, "{rho}, {count} pairs");
        let z = case.rho * (count as f64 - 1.0).sqrt();
        assert!((spearman_z(rho, count) - z).abs() < 1e-9, "{count} pairs");
    }
}

#[test]
fn a_single_property_is_judged_as_scikit_learn_and_scipy_do() {
    for case in reference().separation {
        let auroc = figures(&case.a, &case.b).unwrap().auroc;
        assert!((auroc - case.auroc).abs() < 1e-12, "{auroc}");
        let z = auroc_z(auroc, case.a.len(), case.b.len());
        assert!((z - case.z).abs() < 1e-9, "{z}");
    }
}

/// In-domain PNGs with noise in more and more of their rows; out-of-domain JPEGs of twice the size and full of noise.
fn pictures(folder: &Path) -> (PathBuf, PathBuf) {
    let (inside, outside) = (folder.join("inside"), folder.join("outside"));
    let noise = |x: u32, y: u32, index: u32| {
        let mixed = (x + 31 * y + 997 * index).wrapping_mul(2_654_435_761);
        mixed.to_be_bytes()[0]
    };
    for (place, side, ending) in [(&inside, 28, "png"), (&outside, 56, "jpg")] {
        std::fs::create_dir(place).unwrap();
        for index in 0..24 {
            let is_noisy = |y: u32| ending == "jpg" || y <= index;
            let picture = GrayImage::from_fn(side, side, |x, y| {
                Luma([if is_noisy(y) { noise(x, y, index) } else { 90 }])
            });
            picture
                .save(place.join(format!("{index}.{ending}")))
                .unwrap();
        }
    }
    (inside, outside)
}

#[test]
fn score_and_calibrate_say_what_else_could_explain_their_scores() {
    let folder = tempfile::tempdir().unwrap();
    let (inside, outside) = pictures(folder.path());
    let report = folder.path().join("report");
    let common = ["--model", "bundled", "--in-domain", text(&inside)];
    let quick = ["--attempts", "1", "--steps", "2", "--json"];
    let args = ["--out-of-domain", text(&outside), "--output", text(&report)];
    let scored = lmd(&[&["score"], &common[..], &quick, &args].concat());
    let told = String::from_utf8_lossy(&scored.stderr).into_owned();
    assert!(scored.status.success(), "{told}");
    let summary: Value = serde_json::from_slice(&scored.stdout).unwrap();
    let notes: Vec<&str> = (summary["notes"].as_array().unwrap().iter())
        .map(|note| note.as_str().unwrap())
        .collect();
    for words in [
        "28 pixels on their longer side, out-of-domain ones 56",
        "mostly PNG, out-of-domain ones mostly JPEG",
        "File size alone tells the roles apart with an AUROC of 1.00",
        "the score falls with complexity",
    ] {
        assert!(notes.iter().any(|note| note.contains(words)), "{notes:?}");
    }
    let begin = told.find("note: In-domain images are 28 pixels").unwrap();
    assert!(
        begin < told.find(" on CPU").unwrap(),
        "said before work: {told}"
    );

    let page = std::fs::read_to_string(report.join("report.html")).unwrap();
    let section = page.split("id=\"confounds\"").nth(1).unwrap();
    let section = section.split("<h2>").next().unwrap();
    for words in [
        "out-of-domain ones mostly JPEG",
        "the score falls with complexity",
    ] {
        assert!(section.contains(words), "{section}");
        assert_eq!(page.matches(words).count(), 1, "said once");
    }
    let again = folder.path().join("again.html");
    let run = report.join("run.lmdrun");
    let exported = lmd(&["export", text(&run), "--report", text(&again)]);
    assert!(exported.status.success());
    assert!(
        std::fs::read_to_string(&again).unwrap() == page,
        "the run file holds all that the page says"
    );

    let detector = folder.path().join("detector.json");
    let args = ["--output", text(&detector)];
    let calibrated = lmd(&[&["calibrate"], &common[..], &quick, &args].concat());
    let told = String::from_utf8_lossy(&calibrated.stderr).into_owned();
    assert!(calibrated.status.success(), "{told}");
    assert!(told.contains("the score falls with complexity"), "{told}");
}
