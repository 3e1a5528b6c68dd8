//! What a command line may name, and how a command ends: pipes, what is there twice, words, signals.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use lmd_inspector::images::ListError;
use lmd_inspector::images::sources::{self, Wanted};
use lmd_inspector::runs::file::KeepPictures;
use serde_json::Value;

use crate::binary::{command, ignores_hangup, lmd, not_run, root, signal_mask, text};
use crate::runs::support;

fn sample(number: usize) -> PathBuf {
    root().join(format!("assets/samples/fashion-mnist/{number:05}.png"))
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn assert_refused(output: &Output, says: &[&str]) {
    let told = errors(output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    for part in says {
        assert!(told.contains(part), "`{part}` is not in `{told}`");
    }
    assert!(output.stdout.is_empty(), "standard output is for answers");
}

/// A folder of `count` different images.
fn images(folder: &Path, count: usize) {
    fs::create_dir_all(folder).unwrap();
    for number in 0..count {
        fs::copy(sample(number), folder.join(format!("{number}.png"))).unwrap();
    }
}

fn score(more: &[&str]) -> Output {
    let mut args = vec!["score", "--model", "bundled", "--json"];
    args.extend(["--attempts", "1", "--steps", "1"]);
    args.extend(more);
    lmd(&args)
}

#[test]
fn what_is_named_twice_counts_once_and_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (clothes, detour) = (folder.path().join("in"), folder.path().join("in/../in/."));
    images(&clothes, 4);
    fs::copy(sample(0), clothes.join("copy.png")).unwrap();
    let labels = folder.path().join("labels.csv");
    fs::write(&labels, "in/1.png,in\nin/./1.png,in\nin/5.png,in\n").unwrap();
    let run = folder.path().join("run.lmdrun");
    let scored = score(&[
        "--in-domain",
        text(&clothes),
        text(&detour),
        "--labels",
        text(&labels),
        "--output",
        text(&run),
    ]);
    let told = errors(&scored);
    assert!(scored.status.success(), "{told}");
    let summary: Value = serde_json::from_slice(&scored.stdout).unwrap();
    assert_eq!(summary["images"]["in"], 4, "{told}");
    // The folder a second time, and two rows.
    let notes = summary["notes"].to_string();
    assert!(
        notes.contains("7 image files are named more than once"),
        "{notes}"
    );
    assert!(notes.contains("1 image file is left out"), "{notes}");
    assert_eq!(
        summary["images"]["skipped"], 1,
        "5.png is not there: {told}"
    );
    assert!(
        told.contains("skipped: there is no such folder or file: "),
        "{told}"
    );
    let stored = lmd_inspector::runs::file::read(&run).unwrap();
    assert_eq!(stored.images.len(), 4);
}

#[test]
fn copies_of_an_image_do_not_make_a_threshold() {
    let folder = tempfile::tempdir().unwrap();
    let copies = folder.path().join("copies");
    fs::create_dir(&copies).unwrap();
    for number in 0..19 {
        fs::copy(sample(0), copies.join(format!("{number}.png"))).unwrap();
    }
    let detector = folder.path().join("detector.json");
    let calibrate = |more: &[&str]| {
        let mut args = vec!["calibrate", "--output", text(&detector)];
        args.extend(more);
        lmd(&args)
    };
    let quick = ["--model", "bundled", "--attempts", "1", "--steps", "1"];
    let with = |folders: &[&str]| calibrate(&[&quick[..], &["--in-domain"], folders].concat());
    let says = [
        "at least 19 in-domain images",
        "18 image files are left out",
    ];
    assert_refused(&with(&[text(&copies)]), &says);
    let one = sample(3);
    assert_refused(
        &with(&[text(&one); 19]),
        &["at least 19", "named more than once"],
    );
    assert!(!detector.exists());
}

#[test]
fn a_report_among_the_images_is_left_out_of_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    images(folder.path(), 3);
    let report = folder.path().join("report");
    let (here, there) = (text(folder.path()), text(&report));
    for _ in 0..2 {
        let scored = score(&["--in-domain", here, "--output", there, "--overwrite"]);
        let summary: Value = serde_json::from_slice(&scored.stdout).unwrap();
        assert_eq!(summary["images"]["in"], 3, "{}", errors(&scored));
    }
    let list = |path: &Path| sources::list(path, Wanted::all(), &mut |_| ControlFlow::Continue(()));
    let listing = list(folder.path()).unwrap();
    assert_eq!(listing.files.len(), 3);
    // Whatever pictures a report has, each of them is known.
    let is_png = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "png");
    let pictures: Vec<PathBuf> = fs::read_dir(&report)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(is_png)
        .collect();
    let note = format!("{} charts are left out", pictures.len());
    assert!(listing.notes[0].contains(&note), "{:?}", listing.notes);
    assert!(matches!(list(&report), Err(ListError::Report { .. })));
    assert_refused(
        &score(&["--in-domain", there]),
        &["this is a report folder", there],
    );
    // A picture of the same name elsewhere is an image like any other.
    fs::rename(
        &pictures[0],
        folder.path().join(pictures[0].file_name().unwrap()),
    )
    .unwrap();
    assert_eq!(list(folder.path()).unwrap().files.len(), 4);
}

/// Without a check before opening, each of these waits for ever.
#[test]
fn a_pipe_or_a_device_is_refused_wherever_a_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.csv");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let clothes = folder.path().join("in");
    images(&clothes, 1);
    let (pipe, clothes) = (text(&pipe), text(&clothes));
    let model = folder.path().join("model");
    fs::create_dir(&model).unwrap();
    std::os::unix::fs::symlink(pipe, model.join("config.json")).unwrap();
    let is = ["a pipe", pipe];
    assert_refused(&score(&["--in-domain", pipe]), &is);
    assert_refused(&score(&["--in-domain", clothes, "--mask", pipe]), &is);
    assert_refused(&score(&["--labels", pipe]), &is);
    assert_refused(&lmd(&["classify", "--detector", pipe, clothes]), &is);
    assert_refused(
        &lmd(&["classify", "--detector", "/dev/zero", clothes]),
        &["a device"],
    );
    assert_refused(&lmd(&["info", pipe]), &["plain file", pipe]);
    assert_refused(&lmd(&["info", text(&model)]), &["config.json"]);
    assert_refused(&lmd(&[pipe]), &["not a regular file", pipe]);
    assert_refused(&lmd(&["verify", "bundled", pipe]), &["a pipe"]);
    assert_refused(
        &lmd(&["verify", "bundled", "/no/such.safetensors"]),
        &["/no/such.safetensors"],
    );
    // A row of a table is told and left out.
    let labels = folder.path().join("labels.csv");
    fs::write(&labels, "pipe.csv,in\nin/0.png,in\n").unwrap();
    let run = folder.path().join("run.lmdrun");
    let scored = score(&["--labels", text(&labels), "--output", text(&run)]);
    let told = errors(&scored);
    assert!(scored.status.success(), "{told}");
    assert!(
        told.contains("skipped: ") && told.contains("a pipe"),
        "{told}"
    );
}

#[test]
fn an_image_that_became_a_pipe_does_not_hold_up_a_resumed_run() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.lmdrun");
    let clothes = folder.path().join("in");
    images(&clothes, 2);
    let scored = score(&["--in-domain", text(&clothes), "--output", text(&run)]);
    assert!(scored.status.success(), "{}", errors(&scored));
    let image = clothes.join("1.png");
    fs::remove_file(&image).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(&image)
            .status()
            .unwrap()
            .success()
    );
    let images = lmd_inspector::runs::file::read(&run).unwrap().images;
    let changed = lmd_inspector::engine::resuming::changed_files(&images);
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0].path, image);
}

#[test]
fn a_word_that_is_no_command_is_not_taken_for_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let in_folder = |word: &str| {
        let mut program = command(&[word]);
        program.current_dir(folder.path()).output().unwrap()
    };
    let says = [
        "`scoer` is neither a command nor a file",
        "did you mean `score`?",
    ];
    assert_refused(&in_folder("scoer"), &says);
    // Most slips are made in front of options.
    for line in [&["scoer", "--in-domain", "x"][..], &["scoer", "bundled"]] {
        assert_refused(&lmd(line), &says);
    }
    assert_refused(&in_folder("photos"), &["`photos` is neither", "lmd --help"]);
    assert_refused(&in_folder("no.lmdrun"), &["no such run file: no.lmdrun"]);
    assert_refused(&in_folder("no/such"), &["no such run file: no/such"]);
    let picture = sample(0);
    assert_refused(
        &in_folder(text(&picture)),
        &["another format", text(&picture)],
    );
    assert_refused(&in_folder("."), &["not a regular file"]);
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "no demo was begun: {left:?}");
}

#[test]
fn the_bundled_model_has_its_name_in_every_command() {
    let info = lmd(&["info", "bundled", "--json"]);
    let info: Value = serde_json::from_slice(&info.stdout).unwrap();
    assert_eq!(info["image_size"], 32);
    // The output of another model of that size.
    let reference = root().join("tests/fixtures/unet/gray-attn-heads/expected.safetensors");
    let verified = lmd(&["verify", "bundled", text(&reference)]);
    assert_eq!(verified.status.code(), Some(1), "{}", errors(&verified));
    assert!(String::from_utf8_lossy(&verified.stdout).contains("DIFFERS"));
}

#[test]
fn a_cause_is_told_once() {
    let missing = lmd(&["classify", "--detector", "/no/such.json", "."]);
    let told = errors(&missing);
    assert_refused(&missing, &["/no/such.json"]);
    assert_eq!(told.matches("os error 2").count(), 1, "{told}");
    assert_eq!(told.matches("No such file").count(), 1, "{told}");
}

#[test]
fn numbers_beyond_any_use_are_refused_with_a_short_sentence() {
    let folder = tempfile::tempdir().unwrap();
    images(folder.path(), 1);
    let with = |option: &str, value: &str| {
        let report = folder.path().join("report");
        let mut args = vec!["score", "--model", "bundled", "--in-domain"];
        args.extend([
            text(folder.path()),
            "--output",
            text(&report),
            option,
            value,
        ]);
        lmd(&args)
    };
    assert_refused(&with("--attempts", "1000000000000"), &["at most 100000"]);
    assert_refused(
        &with("--grid", "1000000000"),
        &["finer than the model's 32 pixels"],
    );
    assert_refused(&with("--grid", "33"), &["at most 32"]);
    assert_refused(&with("--eta", "1e300"), &["got 1e300"]);
}

#[test]
fn a_file_name_can_not_steer_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    images(folder.path(), 1);
    let name = "a\u{1b}]0;title\u{7}\u{1b}[31m.png";
    fs::write(folder.path().join(name), "no picture").unwrap();
    let run = folder.path().join("run.lmdrun");
    let scored = score(&["--in-domain", text(folder.path()), "--output", text(&run)]);
    let told = errors(&scored);
    assert!(scored.status.success(), "{told}");
    assert!(
        told.contains(r"a\u{1b}]0;title\u{7}\u{1b}[31m.png"),
        "{told}"
    );
    assert!(!told.contains(['\u{1b}', '\u{7}']), "{told:?}");
}

/// Start a command, wait until it catches SIGINT, send it a signal, and say how it ended.
fn signalled(args: &[&str], signal: &str) -> Output {
    let child = command(args)
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    while signal_mask(&status, "SigCgt:") & 0b10 == 0 {
        std::thread::yield_now();
    }
    Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status()
        .unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn the_first_signal_ends_a_command_that_has_nothing_to_keep() {
    let long = ["bench", "--network-only", "--seconds", "600"];
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        assert_eq!(
            signalled(&long, signal).status.code(),
            Some(code),
            "{signal}"
        );
    }
    if ignores_hangup() {
        not_run("a hangup: it is ignored here");
        return;
    }
    assert_eq!(signalled(&long, "-HUP").status.code(), Some(129));
}

#[test]
fn a_program_that_is_to_outlive_its_terminal_does() {
    let folder = tempfile::tempdir().unwrap();
    images(folder.path(), 2);
    let run = folder.path().join("run.lmdrun");
    let child = Command::new("nohup")
        .arg(env!("CARGO_BIN_EXE_lmd"))
        .args(["score", "--model", "bundled", "--attempts", "2"])
        .args(["--in-domain", text(folder.path()), "--output", text(&run)])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    while signal_mask(&status, "SigCgt:") & 0b10 == 0 {
        std::thread::yield_now();
    }
    Command::new("kill")
        .args(["-HUP", &child.id().to_string()])
        .status()
        .unwrap();
    let mut child = child;
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_limit_of_file_sizes_ends_every_command_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.lmdrun");
    support::write(&run, KeepPictures::All);
    for what in ["--csv", "--report"] {
        let output = folder.path().join("out");
        let limited = Command::new("bash")
            .args(["-c", "ulimit -f 1; exec \"$@\"", "bash"])
            .args([
                env!("CARGO_BIN_EXE_lmd"),
                "export",
                text(&run),
                what,
                text(&output),
            ])
            .output()
            .unwrap();
        let told = errors(&limited);
        assert_eq!(limited.status.code(), Some(1), "{what}: {told}");
        assert!(told.contains("can't be written"), "{what}: {told}");
        assert!(!output.exists());
    }
}

#[test]
fn a_limit_of_memory_that_no_run_fits_into_is_told() {
    let samples = root().join("assets/samples/mnist");
    for line in [
        &["score", "--model", "bundled", "--in-domain", text(&samples)][..],
        &[
            "calibrate",
            "--model",
            "bundled",
            "--output",
            "d.json",
            "--in-domain",
            text(&samples),
        ],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = std::process::Command::new("bash")
            .args(["-c", "ulimit -v 98304; exec \"$@\"", "bash"])
            .arg(env!("CARGO_BIN_EXE_lmd"))
            .args(line)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_refused(&output, &["may use 96 MiB", "ulimit -v"]);
    }
}
