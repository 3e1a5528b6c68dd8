//! `lmd train` by the real binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use image::{GrayImage, Luma};

use crate::binary::{lmd, root, text};

/// A folder of gray pictures, each with a bar of its own.
pub(super) fn pictures(folder: &Path, count: u32) -> PathBuf {
    let images = folder.join("images");
    fs::create_dir(&images).unwrap();
    for index in 0..count {
        let picture = GrayImage::from_fn(16, 16, |x, y| {
            Luma([if (x + y) % 16 == index % 16 {
                230
            } else {
                20 + index as u8
            }])
        });
        picture.save(images.join(format!("{index}.png"))).unwrap();
    }
    images
}

pub(super) fn train(images: &Path, output: &Path, more: &[&str]) -> Output {
    let mut args = vec![
        "train",
        "--in-domain",
        text(images),
        "--output",
        text(output),
    ];
    args.extend(more);
    lmd(&args)
}

pub(super) const SHORT: [&str; 8] = [
    "--steps",
    "3",
    "--network",
    "tiny",
    "--batch",
    "4",
    "--size",
    "16",
];

#[track_caller]
pub(super) fn refused(output: &Output, part: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains(part), "`{part}` is not in `{errors}`");
    assert!(output.stdout.is_empty(), "standard output is for answers");
}

#[test]
fn a_model_is_trained_described_scored_with_and_trained_on() {
    let folder = tempfile::tempdir().unwrap();
    let images = pictures(folder.path(), 12);
    let model = folder.path().join("model");
    let output = train(&images, &model, &SHORT);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), text(&model));
    assert!(
        errors.contains("training on 9 of 12 images at 16x16 pixels, gray"),
        "{errors}"
    );
    assert!(errors.contains("12 images are few"), "{errors}");
    assert!(
        errors.contains("3 steps take ") && errors.contains("a useful model takes 3000 and more: "),
        "{errors}"
    );
    assert!(errors.contains("step 3 of 3: loss "), "{errors}");

    let info = lmd(&["info", text(&model), "--json"]);
    let info: serde_json::Value = serde_json::from_slice(&info.stdout).unwrap();
    assert_eq!(
        (&info["image_size"], &info["channels"]),
        (&16.into(), &1.into())
    );
    assert_eq!(info["notes"], serde_json::json!([]));
    let report = folder.path().join("report");
    let scored = lmd(&[
        "score",
        "--model",
        text(&model),
        "--in-domain",
        text(&images),
        "--limit",
        "2",
        "--attempts",
        "1",
        "--steps",
        "2",
        "--output",
        text(&report),
    ]);
    assert!(
        scored.status.success(),
        "{}",
        String::from_utf8_lossy(&scored.stderr)
    );

    let again = folder.path().join("again");
    let output = train(
        &images,
        &again,
        &["--from", text(&model), "--steps", "2", "--batch", "4"],
    );
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let card = fs::read_to_string(again.join("README.md")).unwrap();
    assert!(card.contains("| began from | model |"), "{card}");
    let other = folder.path().join("other");
    let output = train(&images, &other, &["--from", text(&model), "--size", "32"]);
    refused(
        &output,
        "the model of --from is for gray images of 16x16 pixels",
    );
    refused(&train(&images, &model, &SHORT), "choose another output");
}

#[test]
fn requests_that_can_not_be_met_are_refused_before_images_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    let images = root().join("assets/samples/mnist");
    for (more, part) in [
        (
            &["--size", "33"][..],
            "which 33 pixels a side do not allow; use 32 or 40",
        ),
        (
            &["--device", "gpu"],
            "training runs on the CPU only in this version",
        ),
        (&["--steps", "0"], "--steps must be at least 1"),
        (&["--minutes", "0"], "--minutes must be more than 0"),
        (
            &["--learning-rate=-1"],
            "--learning-rate must be more than 0",
        ),
        (&["--resume"], "there is no stopped training of this output"),
        (&["--from", "/no/such/model"], "no such file or folder"),
    ] {
        refused(&train(&images, &model, more), part);
    }
    assert!(!folder.path().join("model.training").exists());
}
