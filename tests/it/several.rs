//! Several detectors in one run: the scores of each are those that it gives alone, and all commands take such a run.

use std::path::{Path, PathBuf};
use std::process::Output;

use lmd_inspector::detectors::one_call_norm::NOISE_NORM;
use lmd_inspector::networks::distances::{LPIPS, MSE, SSIM};
use lmd_inspector::ood::MeasureId;
use lmd_inspector::runs::Calibration;
use lmd_inspector::runs::file::{StoredScores, read_scores};
use serde_json::Value;

use crate::binary::{lmd, root, text};

/// Of LMD, few enough for a test.
const FEW: [&str; 4] = ["--attempts", "3", "--steps", "4"];

fn samples(name: &str) -> PathBuf {
    root().join("assets/samples").join(name)
}

/// A run over the first `limit` images of both samples.
fn score(output: &Path, limit: &str, more: &[&str]) -> Output {
    let (fashion, digits) = (samples("fashion-mnist"), samples("mnist"));
    let mut args = vec!["score", "--model", "bundled", "--json", "--limit", limit];
    args.extend(["--in-domain", text(&fashion)]);
    args.extend(["--out-of-domain", text(&digits)]);
    args.extend(["--output", text(output)]);
    args.extend(more);
    lmd(&args)
}

#[track_caller]
fn json(output: &Output) -> Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The bits of a measure, by image and attempt; `None` where it was not measured.
fn values(run: &StoredScores, id: MeasureId) -> Vec<Vec<Option<u64>>> {
    let of_image = |attempts: &Vec<_>| {
        let attempts = attempts.iter();
        attempts
            .map(|values: &lmd_inspector::ood::Values| values.get(id).map(f64::to_bits))
            .collect()
    };
    run.attempts.iter().map(of_image).collect()
}

#[test]
fn each_scores_as_it_does_alone() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, more: &[&str]| {
        let path = folder.path().join(name);
        let summary = json(&score(&path, "5", more));
        (read_scores(&path).unwrap(), summary)
    };
    let methods = ["--method", "lmd", "one-call-norm", "bound"];
    let (together, summary) = run("together.lmdrun", &[&methods[..], &FEW].concat());
    let (inpainted, lmd_summary) = run("lmd.lmdrun", &FEW);
    let (quick, quick_summary) = run("quick.lmdrun", &["--method", "one-call-norm"]);
    let (bound, bound_summary) = run("bound.lmdrun", &["--method", "bound"]);
    for id in [LPIPS, SSIM, MSE] {
        assert_eq!(values(&together, id), values(&inpainted, id), "{id}");
        let id = id.name();
        assert_eq!(summary["auroc"][id], lmd_summary["auroc"][id]);
    }
    let id = *bound.attempts[0][0].ids().first().unwrap();
    for (id, alone, alone_summary) in [
        (NOISE_NORM, &quick, &quick_summary),
        (id, &bound, &bound_summary),
    ] {
        for (ours, theirs) in values(&together, id).iter().zip(values(alone, id)) {
            assert_eq!(theirs.len(), 1);
            assert_eq!(*ours, [theirs[0], None, None], "one attempt of three");
        }
        let id = id.name();
        assert!(summary["auroc"][id].is_number(), "{summary}");
        assert_eq!(summary["auroc"][id], alone_summary["auroc"][id]);
    }
    let calls = inpainted.num_calls + quick.num_calls + bound.num_calls;
    assert_eq!(together.num_calls, calls);
    // A table has an empty cell where nothing was measured, and the report's command names all.
    let (table, page) = (
        folder.path().join("scores.csv"),
        folder.path().join("report.html"),
    );
    let run = folder.path().join("together.lmdrun");
    let export = [
        "export",
        text(&run),
        "--csv",
        text(&table),
        "--report",
        text(&page),
    ];
    assert_eq!(lmd(&export).status.code(), Some(0));
    let table = std::fs::read_to_string(&table).unwrap();
    let mut lines = table.lines();
    let heads: Vec<&str> = lines.next().unwrap().split(',').collect();
    let column = heads.iter().position(|head| *head == "noise_norm").unwrap();
    let cells: Vec<&str> = lines
        .map(|line| line.split(',').nth(column).unwrap())
        .collect();
    assert_eq!(
        (
            cells.len(),
            cells.iter().filter(|cell| !cell.is_empty()).count()
        ),
        (30, 10)
    );
    let page = std::fs::read_to_string(&page).unwrap();
    let command = "--method lmd --method one-call-norm --method bound --mask alternating-checkerboard --grid 8 --attempts 3";
    assert!(page.contains(command));
    assert!(!page.contains("attempts have no"), "nothing is missing");
    assert!(page.contains("LPIPS, median of 3 attempts") && !page.contains("NaN"));
}

#[test]
fn a_stopped_run_goes_on_and_its_scores_are_those_of_one_that_nothing_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let methods = ["--method", "one-call-norm", "lmd"];
    let more = [&methods[..], &FEW, &["--batch", "2"]].concat();
    let whole = folder.path().join("whole.lmdrun");
    json(&score(&whole, "4", &more));
    let half = folder.path().join("half.lmdrun");
    std::fs::copy(&whole, &half).unwrap();
    // As a kill leaves it: some attempts of some images are missing.
    let database = rusqlite::Connection::open(&half).unwrap();
    let gone = "DELETE FROM attempts WHERE attempt = 2 OR (attempt = 0 AND image % 2 = 0)";
    assert!(database.execute(gone, []).unwrap() > 8);
    drop(database);
    let output = lmd(&["score", "--resume", text(&half), "--json"]);
    json(&output);
    let (whole, half) = (read_scores(&whole).unwrap(), read_scores(&half).unwrap());
    for id in [NOISE_NORM, LPIPS, MSE] {
        assert_eq!(values(&half, id), values(&whole, id), "{id}");
    }
}

#[test]
fn a_threshold_is_of_the_one_that_the_chosen_measure_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.lmdrun");
    let methods = [
        "--method",
        "lmd",
        "one-call-norm",
        "--distance",
        "noise-norm",
    ];
    json(&score(
        &run,
        "24",
        &[&methods[..], &["--attempts", "1", "--steps", "2"]].concat(),
    ));
    let detector = folder.path().join("detector.json");
    let output = lmd(&[
        "calibrate",
        "--run",
        text(&run),
        "--output",
        text(&detector),
    ]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let stored = Calibration::load(&detector).unwrap();
    let about = stored.settings.method.detector.about();
    assert_eq!(about.name, "one-call-norm");
    // The same as of a run by that one alone.
    let alone = folder.path().join("alone.lmdrun");
    json(&score(&alone, "24", &["--method", "one-call-norm"]));
    let other = folder.path().join("other.json");
    let output = lmd(&["calibrate", "--run", text(&alone), "--output", text(&other)]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let other = Calibration::load(&other).unwrap();
    assert_eq!(stored.threshold, other.threshold);
    assert_eq!(stored.settings.method, other.settings.method);
    // Any measure of the run will do; attempts are looked at as asked.
    let third = folder.path().join("third.json");
    let calibrate = ["calibrate", "--run", text(&run), "--output", text(&third)];
    let output = lmd(&[&calibrate[..], &["--distance", "mse", "--aggregate", "max"]].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let third = Calibration::load(&third).unwrap();
    assert_eq!(third.settings.method.detector.about().name, "lmd");
    assert_eq!(third.settings.view.measure, MSE);
    let told = refused(&lmd(&[
        &calibrate[..],
        &["--distance", "msma", "--overwrite"],
    ]
    .concat()));
    assert!(
        told.contains("was not measured by the run, which has lpips, "),
        "{told}"
    );
    // It judges the images of a run by several, and those of a folder.
    let output = lmd(&[
        "classify",
        "--detector",
        text(&detector),
        "--run",
        text(&run),
        "--json",
    ]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let methods = [
        "--method",
        "lmd",
        "bound",
        "--attempts",
        "1",
        "--steps",
        "2",
    ];
    let without = folder.path().join("without.lmdrun");
    json(&score(&without, "2", &methods));
    let told = refused(&lmd(&[
        "classify",
        "--detector",
        text(&detector),
        "--run",
        text(&without),
    ]));
    assert!(told.contains("other settings than the detector"), "{told}");
}

#[test]
fn figures_by_one_attempt_say_so_and_what_is_lost_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.lmdrun");
    let methods = [
        "--method",
        "lmd",
        "one-call-norm",
        "--distance",
        "noise-norm",
    ];
    json(&score(&run, "5", &[&methods[..], &FEW].concat()));
    let page = folder.path().join("report.html");
    let export = ["export", text(&run), "--report", text(&page), "--overwrite"];
    assert_eq!(lmd(&export).status.code(), Some(0));
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.contains("Noise norm, 1 attempt") && !html.contains("NaN"));
    assert!(!html.contains("median attempt is framed"));
    let database = rusqlite::Connection::open(&run).unwrap();
    let lost = "DELETE FROM attempts WHERE attempt = 0 AND image < 2";
    assert_eq!(database.execute(lost, []).unwrap(), 2);
    drop(database);
    assert_eq!(lmd(&export).status.code(), Some(0));
    let html = std::fs::read_to_string(&page).unwrap();
    assert!(html.contains("2 images are left out of the figures of Noise norm"));
}

#[test]
fn differences_are_told_by_the_detector_that_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, more: &[&str]| {
        let path = folder.path().join(name);
        let methods = ["--method", "lmd", "bound", "--steps", "2"];
        json(&score(&path, "2", &[&methods[..], more].concat()));
        path
    };
    let merged = folder.path().join("merged.lmdrun");
    let merge = |a: &Path, b: &Path| {
        refused(&lmd(&[
            "merge",
            text(a),
            text(b),
            "--output",
            text(&merged),
        ]))
    };
    let a = run("a.lmdrun", &["--attempts", "1", "--shard", "1/2"]);
    let b = run("b.lmdrun", &["--attempts", "2", "--shard", "2/2"]);
    let told = merge(&a, &b);
    assert!(told.contains("num_attempts of lmd"), "{told}");
    let c = run(
        "c.lmdrun",
        &[
            "--attempts",
            "1",
            "--shard",
            "2/2",
            "--terms",
            "9",
            "--seed",
            "4",
        ],
    );
    let told = merge(&a, &c);
    assert!(told.contains("seed, terms of bound"), "{told}");
}

#[test]
fn fits_come_from_their_files_and_their_images_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let fashion = samples("fashion-mnist");
    let fit = |method: &str, limit: &str| {
        let path = folder.path().join(method).with_extension("lmdfit");
        let mut args = vec![
            "fit", "--model", "bundled", "--method", method, "--limit", limit,
        ];
        args.extend(["--in-domain", text(&fashion), "--output", text(&path)]);
        let output = lmd(&args);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        path
    };
    let (norms, features) = (fit("msma", "60"), fit("mahalanobis", "105"));
    let path = folder.path().join("run.lmdrun");
    let methods = ["--method", "msma", "one-call-norm", "mahalanobis"];
    let fits = ["--fitted", text(&features), text(&norms)];
    let output = score(&path, "112", &[&methods[..], &fits].concat());
    let summary = json(&output);
    let auroc = &summary["auroc"];
    assert_eq!(auroc.as_object().unwrap().len(), 3, "{auroc}");
    let run = read_scores(&path).unwrap();
    assert_eq!(run.images.len(), 7 + 112);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("60 image files are left out, since MSMA was fitted"),
        "{told}"
    );
    assert!(
        told.contains("45 image files are left out, since Mahalanobis was"),
        "{told}"
    );

    let refused = |more: &[&str]| refused(&score(&folder.path().join("no.lmdrun"), "4", more));
    let told = refused(&["--method", "lmd", "msma"]);
    assert!(told.contains("MSMA is not fitted"), "{told}");
    let told = refused(&["--method", "lmd", "lmd"]);
    assert!(told.contains("--method: LMD is named twice"), "{told}");
    let told = refused(&["--method", "lmd", "bound", "--fitted", text(&norms)]);
    assert!(
        told.contains("is of --method msma, got --method lmd bound"),
        "{told}"
    );
    let told = refused(&["--fitted", text(&norms), text(&norms)]);
    assert!(
        told.contains("two files of --fitted are of --method msma"),
        "{told}"
    );
    let told = refused(&[
        "--method",
        "msma",
        "bound",
        "--fitted",
        text(&norms),
        "--grid",
        "4",
    ]);
    assert!(
        told.contains("--grid is a setting of --method lmd, and --method msma bound"),
        "{told}"
    );
    assert!(!folder.path().join("no.lmdrun").exists());
}
