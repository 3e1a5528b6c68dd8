//! What is refused of fits, each by a sentence and before work.

use std::path::Path;
use std::process::Output;

use lmd_inspector::runs::fit_file;
use serde_json::Value;

use super::{errors, fit, part};
use crate::binary::{lmd, root, text};

#[track_caller]
fn assert_refused(output: &Output, sentence: &str) {
    let told = errors(output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains(sentence), "{told}");
}

fn score(model: &Path, images: &Path, output: &Path, more: &[&str]) -> Output {
    let mut args = vec!["score", "--model", text(model), "--unknown", text(images)];
    args.extend(["--output", text(output)]);
    args.extend(more);
    lmd(&args)
}

#[test]
fn what_does_not_belong_to_a_fit_is_refused_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let seen = part(folder.path(), "fashion-mnist", 0..30);
    let digits = part(folder.path(), "mnist", 0..2);
    let file = at("a.lmdfit");
    let made = fit("msma", &seen, &file, &["--levels", "6"]);
    assert_eq!(made.status.code(), Some(0), "{}", errors(&made));
    let (run, bundled) = (at("run.lmdrun"), Path::new("bundled"));
    let path = text(&file);
    for (more, sentence) in [
        (
            &["--method", "msma"][..],
            "MSMA is not fitted: it scores by",
        ),
        (&["--method", "msma"], "lmd fit --method msma"),
        (
            &["--fitted", path, "--method", "lmd"],
            "the file of --fitted is of --method msma, got --method lmd",
        ),
        (
            &["--fitted", path, "--levels", "6"],
            "--levels is decided by the file of --fitted",
        ),
        (
            &["--fitted", path, "--grid", "4"],
            "--grid is a setting of --method lmd",
        ),
        (
            &["--fitted", path, "--fit", "pad"],
            "brought to the model's square in another way",
        ),
        (&["--fitted", text(&at("none"))], "the fit can't be read"),
    ] {
        assert_refused(&score(bundled, &digits, &run, more), sentence);
    }
    let other = root().join("tests/fixtures/unet/gray-attn-heads");
    let output = score(&other, &digits, &run, &["--fitted", path]);
    assert_refused(&output, "the detector was fitted with another model");
    assert!(!run.exists(), "nothing is written");

    let before = std::fs::read(&file).unwrap();
    let again = fit("msma", &seen, &file, &["--levels", "6"]);
    assert_refused(&again, "this file exists");
    let mut args = vec!["calibrate", "--model", "bundled", "--in-domain"];
    args.extend([text(&digits), "--fitted", path]);
    args.extend(["--output", path, "--overwrite"]);
    assert_refused(&lmd(&args), "this file is read by the same command");
    assert_eq!(std::fs::read(&file).unwrap(), before);
}

#[test]
fn images_that_nothing_can_be_fitted_on_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let seen = part(folder.path(), "fashion-mnist", 0..50);
    let file = at("a.lmdfit");
    // The same content under another name counts once.
    std::fs::rename(seen.join("00049.png"), at("rest.png")).unwrap();
    std::fs::copy(seen.join("00000.png"), seen.join("copy.png")).unwrap();
    let output = fit("msma", &seen, &file, &[]);
    assert_refused(&output, "at least 50 images of different content, got 49");
    let output = fit("msma", &seen, &file, &["--limit", "0"]);
    assert_refused(&output, "--limit must be at least 1");
    let output = fit("msma", &seen, &file, &["--sigma", "2"]);
    assert_refused(&output, "--sigma is a setting of --method one-call-norm");
    let output = fit("msma", &seen, &at("no/a.lmdfit"), &[]);
    assert_refused(&output, "the folder of the fit file does not exist");
    let output = fit("msma", &seen, &seen.join("00001.png"), &["--overwrite"]);
    assert_refused(&output, "this file is read by the same command");

    // Black squares of many sizes are different files of one picture.
    let black = at("black");
    std::fs::create_dir(&black).unwrap();
    for side in 1..=30 {
        let square = image::GrayImage::from_pixel(side, side, image::Luma([0]));
        square.save(black.join(format!("{side}.png"))).unwrap();
    }
    let output = fit("msma", &black, &file, &["--levels", "6"]);
    assert_eq!(output.status.code(), Some(1), "found while working");
    let told = errors(&output);
    assert!(
        told.contains("all 30 images have the same features"),
        "{told}"
    );
    assert!(!file.exists(), "no file is left behind");
}

#[test]
fn a_fit_that_was_changed_or_is_newer_is_refused_by_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let seen = part(folder.path(), "fashion-mnist", 0..10);
    let file = folder.path().join("a.lmdfit");
    let made = fit("msma", &seen, &file, &["--levels", "2"]);
    assert_eq!(made.status.code(), Some(0), "{}", errors(&made));
    let sound = std::fs::read_to_string(&file).unwrap();
    let refused = |content: &str| {
        std::fs::write(&file, content).unwrap();
        fit_file::load(&file).unwrap_err().to_string()
    };
    let changed = |change: fn(&mut Value)| {
        let mut value: Value = serde_json::from_str(&sound).unwrap();
        change(&mut value);
        refused(&value.to_string())
    };
    let told = changed(|file| file["settings"]["fitted"]["seed"] = 7.into());
    assert!(told.contains("does not match its digest"), "{told}");
    let told = changed(|file| file["settings"]["twist"] = 7.into());
    assert!(told.contains("changed by hand"), "{told}");
    let told = changed(|file| file["lmd_fit"] = 2.into());
    assert!(
        told.contains("has form 2, which this program does not know"),
        "{told}"
    );
    let told = changed(|file| {
        file.as_object_mut().unwrap().remove("digest");
    });
    assert!(told.contains("does not match its digest"), "{told}");
    let told = refused(&sound[..sound.len() / 2]);
    assert!(
        told.contains("this is not a fit as `lmd fit` writes it"),
        "{told}"
    );
    let told = refused("{\"lmd_detector\": 2}");
    assert!(
        told.contains("this is not a fit as `lmd fit` writes it"),
        "{told}"
    );
    // Who wrote it has no part in the digest.
    let other = sound.replace("LMD Inspector", "another program");
    std::fs::write(&file, other).unwrap();
    assert!(fit_file::load(&file).is_ok());
}
