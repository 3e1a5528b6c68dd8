//! Bad input to the real binary: each has its own sentence, and says by its exit code whether work was done.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use image::{DynamicImage, ImageBuffer, ImageFormat, Luma};
use tempfile::TempDir;

use crate::binary::{not_run, root};
use crate::images::support::{encode, picture, png_header};

fn score(program: &mut Command, model: &Path, images: &Path, report: &Path) -> Output {
    program
        .args([
            "score",
            "--attempts",
            "1",
            "--steps",
            "2",
            "--json",
            "--model",
        ])
        .arg(model)
        .arg("--in-domain")
        .arg(images)
        .arg("--output")
        .arg(report)
        .output()
        .unwrap()
}

fn lmd() -> Command {
    Command::new(env!("CARGO_BIN_EXE_lmd"))
}

#[track_caller]
fn assert_refused(model: &Path, images: &Path, says: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let output = score(&mut lmd(), model, images, &report);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    for part in says {
        assert!(errors.contains(part), "`{part}` is not in `{errors}`");
    }
    assert!(output.stdout.is_empty(), "standard output is for answers");
    assert!(!report.exists(), "nothing is written");
}

#[test]
fn folders_without_a_readable_image() {
    let model = Path::new("bundled");
    let folder = tempfile::tempdir().unwrap();
    assert_refused(model, folder.path(), &["the folder holds no images"]);
    let missing = folder.path().join("missing");
    assert_refused(
        model,
        &missing,
        &["no such folder", missing.to_str().unwrap()],
    );
    fs::write(folder.path().join("text.png"), "no picture").unwrap();
    let says = [
        "none of the 1 image files can be read",
        "not an image",
        "text.png",
    ];
    assert_refused(model, folder.path(), &says);
}

#[test]
fn a_report_that_can_not_be_written_is_refused_before_work() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let images = root().join("assets/samples/mnist");
    let report = file.join("report");
    let output = score(&mut lmd(), Path::new("bundled"), &images, &report);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(
        errors.contains("the report can't be written here"),
        "{errors}"
    );
}

const WEIGHTS: &str = "diffusion_pytorch_model.safetensors";

/// A copy of a good model to be spoiled.
fn model() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let good = root().join("tests/fixtures/unet/gray-attn-heads");
    for file in ["config.json", WEIGHTS] {
        fs::copy(good.join(file), folder.path().join(file)).unwrap();
    }
    folder
}

#[test]
fn models_that_can_not_be_read() {
    let images = root().join("assets/samples/mnist");
    let refused = |model: &TempDir, says: &[&str]| {
        let path = model.path().to_str().unwrap();
        assert_refused(model.path(), &images, &[says, &[path]].concat());
    };
    let no_config = model();
    fs::remove_file(no_config.path().join("config.json")).unwrap();
    refused(&no_config, &["no config.json"]);

    let cut = model();
    let weights = cut.path().join(WEIGHTS);
    let bytes = fs::read(&weights).unwrap();
    fs::write(&weights, &bytes[..bytes.len() / 2]).unwrap();
    refused(&cut, &["cut short", "expected", "got"]);

    let misshapen = model();
    let config = misshapen.path().join("config.json");
    let text = fs::read_to_string(&config).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json["out_channels"] = 3.into();
    json["in_channels"] = 3.into();
    fs::write(&config, json.to_string()).unwrap();
    refused(&misshapen, &["conv_in.weight", "shape"]);

    let not_finite = model();
    let mut bytes = bytes;
    // The first value after the header, whose length comes first in the file.
    let header = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    bytes[8 + header..8 + header + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(not_finite.path().join(WEIGHTS), bytes).unwrap();
    refused(&not_finite, &["not finite"]);
}

/// A folder with two good images and bad ones; the bad ones with what is said of them.
fn mixed_folder() -> (TempDir, Vec<(&'static str, &'static str)>) {
    let folder = tempfile::tempdir().unwrap();
    let dot = DynamicImage::from(ImageBuffer::from_pixel(1, 1, Luma([51_u8])));
    let jpeg = encode(&picture(40, 40), ImageFormat::Jpeg);
    let half = &jpeg[..jpeg.len() * 3 / 4];
    let files: [(&str, Vec<u8>, &str); 6] = [
        ("good.png", encode(&picture(40, 40), ImageFormat::Png), ""),
        ("one-pixel.png", encode(&dot, ImageFormat::Png), ""),
        (
            "bomb.png",
            png_header(30_000, 30_000),
            "30000 x 30000 pixels, more than the limit",
        ),
        ("cut.jpg", half.to_vec(), "cut short"),
        (
            "incomplete.jpg",
            [half, &[0xFF, 0xD9]].concat(),
            "a part of the picture is missing",
        ),
        ("text.png", b"no picture".to_vec(), "not an image"),
    ];
    let mut bad = Vec::new();
    for (name, bytes, says) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
        if !says.is_empty() {
            bad.push((name, says));
        }
    }
    (folder, bad)
}

#[track_caller]
fn assert_scored_and_listed(output: &Output, bad: &[(&str, &str)]) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["images"]["in"], 2, "{errors}");
    assert_eq!(summary["images"]["skipped"], bad.len(), "{errors}");
    for (name, says) in bad {
        let is_told = |line: &str| line.ends_with(name) && line.contains(says);
        assert!(
            errors.lines().any(is_told),
            "{name}: `{says}` is not in `{errors}`"
        );
    }
}

#[test]
fn bad_files_among_good_ones_are_listed_and_the_run_goes_on() {
    let (folder, bad) = mixed_folder();
    let report = folder.path().join("report");
    let output = score(&mut lmd(), Path::new("bundled"), folder.path(), &report);
    assert_scored_and_listed(&output, &bad);
}

/// Root reads everything, so where the tests run as root the program is run by nobody.
#[cfg(unix)]
#[test]
fn a_file_without_read_permission_is_listed_and_the_run_goes_on() {
    use std::os::unix::fs::PermissionsExt as _;
    let set_mode = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let (folder, mut bad) = mixed_folder();
    set_mode(folder.path(), 0o755);
    let closed = folder.path().join("closed.png");
    fs::copy(folder.path().join("good.png"), &closed).unwrap();
    set_mode(&closed, 0);
    bad.push(("closed.png", "ermission denied"));

    let reports = tempfile::tempdir().unwrap();
    let mut program = if fs::File::open(&closed).is_err() {
        lmd()
    } else if let Err(error) = Command::new("setpriv").arg("--version").output() {
        not_run(&format!(
            "files without permission: privileges can't be dropped here: setpriv: {error}"
        ));
        return;
    } else {
        // A copy, since the build folder may be closed to others.
        let copy = folder.path().join("lmd");
        fs::copy(env!("CARGO_BIN_EXE_lmd"), &copy).unwrap();
        set_mode(reports.path(), 0o777);
        let mut program = Command::new("setpriv");
        program
            .args([
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "--inh-caps=-all",
            ])
            .arg(copy)
            .current_dir("/");
        program
    };
    let report = reports.path().join("report");
    let output = score(&mut program, Path::new("bundled"), folder.path(), &report);
    assert_scored_and_listed(&output, &bad);
}
