//! Distances by weights of a file through the program: what runs and detectors keep of them, and refuse.

use std::fs;
use std::path::Path;
use std::process::Output;

use lmd_inspector::runs::Calibration;

use crate::binary::{lmd, root, text};
use crate::networks::from_file::{other_squeeze_weights, squeeze_weights, two_files};

/// `lmd` on a few bundled samples with one attempt of two steps.
fn on_samples(command: &str, output: &Path, more: &[&str]) -> Output {
    let samples = root().join("assets/samples/mnist");
    let mut args = vec![command, "--model", "bundled", "--in-domain", text(&samples)];
    args.extend(["--limit", "20", "--attempts", "1", "--steps", "2"]);
    args.extend(["--output", text(output)]);
    args.extend(more);
    lmd(&args)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_run_measures_by_them_and_keeps_which_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let weights = squeeze_weights(folder.path());
    let report = folder.path().join("report");
    let given = [
        "--distance-weights",
        text(&weights),
        "--distance",
        "lpips-squeeze",
    ];
    let output = on_samples("score", &report, &[&given[..], &["--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(summary["settings"]["distance"], "lpips-squeeze");
    let kept = &summary["settings"]["distance_weights"][0];
    assert_eq!(kept["distance"], "lpips-squeeze");
    assert_eq!(kept["sha256"].as_str().unwrap().len(), 64);
    let table = fs::read_to_string(report.join("scores.csv")).unwrap();
    let mut lines = table.lines();
    assert_eq!(
        lines.next(),
        Some("path,role,attempt,mse,ssim_distance,lpips,lpips_squeeze")
    );
    for line in lines {
        let (_, value) = line.rsplit_once(',').unwrap();
        assert!(value.parse::<f64>().unwrap() > 0.0, "{line}");
    }
    let page = fs::read_to_string(report.join("report.html")).unwrap();
    assert!(
        page.contains("LPIPS (SqueezeNet)"),
        "the distance by its name"
    );

    // Going on with the run reads them again.
    let run = report.join("run.lmdrun");
    fs::copy(other_squeeze_weights(folder.path()), &weights).unwrap();
    let refused = lmd(&["score", "--resume", text(&run)]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        said(&refused).contains("other weights of SqueezeNet"),
        "{}",
        said(&refused)
    );
}

#[test]
fn a_run_by_two_files_continues_where_they_have_moved() {
    let folder = tempfile::tempdir().unwrap();
    let [network, linear] = two_files(folder.path(), "lpips-squeeze");
    let run = folder.path().join("a.lmdrun");
    let given = ["--distance-weights", text(&network), text(&linear)];
    let output = on_samples("score", &run, &given);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let moved = folder.path().join("moved");
    fs::create_dir(&moved).unwrap();
    let moved = [&network, &linear].map(|path| {
        let place = moved.join(path.file_name().unwrap());
        fs::rename(path, &place).unwrap();
        place
    });
    let resume = |more: &[&str]| lmd(&[&["score", "--resume", text(&run)], more].concat());
    let lost = resume(&[]);
    assert_eq!(lost.status.code(), Some(2), "{}", said(&lost));
    assert!(
        said(&lost).contains(
            "what has moved is given by --model, --distance-weights and --feature-weights"
        ),
        "{}",
        said(&lost)
    );
    let given = ["--distance-weights", text(&moved[1]), text(&moved[0])];
    let output = resume(&given);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let other = squeeze_weights(folder.path());
    let refused = resume(&["--distance-weights", text(&other)]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(
        said(&refused)
            .contains("its images are not measured by these weights of LPIPS (SqueezeNet)"),
        "{}",
        said(&refused)
    );
}

#[test]
fn runs_by_other_weights_are_not_merged() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = [
        squeeze_weights(folder.path()),
        other_squeeze_weights(folder.path()),
    ];
    let moved = folder.path().join("the-same.pth");
    fs::copy(&a, &moved).unwrap();
    let run = |name: &str, weights: &Path, shard: &str| {
        let path = folder.path().join(name);
        let output = on_samples(
            "score",
            &path,
            &["--distance-weights", text(weights), "--shard", shard],
        );
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        path
    };
    let first = run("first.lmdrun", &a, "1/2");
    let same = run("same.lmdrun", &moved, "2/2");
    let other = run("other.lmdrun", &b, "2/2");
    let merged = folder.path().join("merged.lmdrun");
    let merge = |second: &Path| {
        lmd(&[
            "merge",
            text(&first),
            text(second),
            "--output",
            text(&merged),
        ])
    };
    let refused = merge(&other);
    assert_ne!(refused.status.code(), Some(0));
    assert!(
        said(&refused).contains("distance_weights"),
        "{}",
        said(&refused)
    );
    let joined = merge(&same);
    assert_eq!(joined.status.code(), Some(0), "{}", said(&joined));
}

#[test]
fn a_detector_refuses_other_weights_in_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let weights = squeeze_weights(folder.path());
    let file = folder.path().join("detector.json");
    let given = [
        "--distance-weights",
        text(&weights),
        "--distance",
        "lpips-squeeze",
    ];
    let made = on_samples("calibrate", &file, &given);
    assert_eq!(made.status.code(), Some(0), "{}", said(&made));
    let kept = Calibration::load(&file).unwrap();
    let kept = &kept.settings.method.detector.weights()[0];
    assert!(kept.file.is_absolute(), "found from any folder");
    let image = root().join("assets/samples/fashion-mnist/00000.png");
    let classify = || lmd(&["classify", "--detector", text(&file), text(&image)]);
    assert_eq!(classify().status.code(), Some(0), "{}", said(&classify()));
    fs::copy(other_squeeze_weights(folder.path()), &weights).unwrap();
    let refused = classify();
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(
        said(&refused).contains("other weights of SqueezeNet"),
        "{}",
        said(&refused)
    );
}

#[test]
fn requests_that_lack_weights_or_have_too_many_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let refused = |more: &[&str], says: &str| {
        let output = on_samples("score", &report, more);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(says), "{}", said(&output));
        assert!(!report.exists());
    };
    refused(
        &["--distance", "lpips-vgg"],
        "the weights of --distance lpips-vgg (LPIPS (VGG16)) come from a file; give it as --distance-weights FILE",
    );
    let absent = folder.path().join("absent.pth");
    refused(
        &["--distance-weights", text(&absent)],
        "the weights of a distance can't be read",
    );
    let (a, b) = (
        squeeze_weights(folder.path()),
        other_squeeze_weights(folder.path()),
    );
    refused(
        &["--distance-weights", text(&a), text(&b)],
        "two files of --distance-weights are for lpips-squeeze; leave one of them out",
    );
}
