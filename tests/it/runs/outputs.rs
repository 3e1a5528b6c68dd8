//! What commands write: whole or not at all, never over what they read or another program writes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use lmd_inspector::images::ContentHash;
use lmd_inspector::ood::Role;
use lmd_inspector::runs::file::{self, KeepPictures, MERGE_MEMORY};

use super::support::{
    NUM_ATTEMPTS, NUM_IMAGES, batch, begin, bits, command, errors, expected, images, lmd, manifest,
    root, score_args, strs, text, write,
};
#[cfg(unix)]
use crate::binary::not_run;

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// `lmd` whose files may have this many KiB.
#[cfg(unix)]
fn limited(kib: u32, args: &[&str]) -> Output {
    let script = format!(r#"trap "" XFSZ; ulimit -f {kib}; exec "$@""#);
    std::process::Command::new("bash")
        .args(["-c", &script, "bash", env!("CARGO_BIN_EXE_lmd")])
        .args(args)
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap()
}

fn assert_refused(output: &Output, says: &str) {
    let told = errors(output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains(says), "{told}");
}

#[cfg(unix)]
#[test]
fn a_merge_that_is_killed_leaves_the_old_run_or_the_whole_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let (a, target) = (
        folder.path().join("a.lmdrun"),
        folder.path().join("t.lmdrun"),
    );
    write(&a, KeepPictures::All);
    let old = folder.path().join("old.lmdrun");
    let mut writer = begin(&old, KeepPictures::All);
    writer.append(&batch(0), 0.1).unwrap();
    writer.finish().unwrap();
    let start = || {
        command(&["merge", text(&a), "--output", text(&target), "--overwrite"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    fs::copy(&old, &target).unwrap();
    let began = Instant::now();
    assert!(start().wait().unwrap().success());
    let whole = began.elapsed().as_micros() as u64;
    let num_kills = if std::env::var_os("LMD_TEST_FULL").is_some() {
        60
    } else {
        12
    };
    for number in 0..num_kills {
        fs::copy(&old, &target).unwrap();
        let mut child = start();
        // No wait for anything: the moment itself is what is tested.
        std::thread::sleep(Duration::from_micros(whole * number / num_kills));
        child.kill().unwrap();
        child.wait().unwrap();
        let found = bits(&file::read(&target).unwrap().results);
        assert!(
            found == bits(&batch(0)) || found == expected(),
            "kill {number}: {} attempts",
            found.len()
        );
    }
}

#[cfg(unix)]
#[test]
fn a_merge_without_room_changes_nothing_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (a, target) = (
        folder.path().join("a.lmdrun"),
        folder.path().join("t.lmdrun"),
    );
    write(&a, KeepPictures::All);
    fs::copy(&a, &target).unwrap();
    let before = fs::read(&target).unwrap();
    let output = limited(
        20,
        &["merge", text(&a), "--output", text(&target), "--overwrite"],
    );
    let told = errors(&output);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("nothing was replaced"), "{told}");
    assert_eq!(fs::read(&target).unwrap(), before);
    assert_eq!(names(folder.path()).len(), 2, "{:?}", names(folder.path()));
}

#[cfg(unix)]
#[test]
fn exports_and_detectors_without_room_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.lmdrun");
    write(&run, KeepPictures::All);
    let out = |name: &str| folder.path().join(name);
    for (option, name) in [
        ("--csv", "scores.csv"),
        ("--parquet", "scores.parquet"),
        ("--jsonl", "scores.jsonl"),
        ("--report", "report.html"),
    ] {
        let output = limited(1, &["export", text(&run), option, text(&out(name))]);
        let told = errors(&output);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("this file can't be written"), "{told}");
        assert!(told.contains(name), "{told}");
    }
    let detector = out("detector.json");
    let args = ["calibrate", "--run", text(&run), "--false-alarm", "0.4"];
    let limited = limited(0, &[&args[..], &["--output", text(&detector)]].concat());
    assert_ne!(limited.status.code(), Some(0));
    assert!(
        errors(&limited).contains("detector"),
        "{}",
        errors(&limited)
    );
    assert_eq!(
        names(folder.path()),
        BTreeSet::from(["run.lmdrun".to_owned()])
    );
}

#[test]
fn a_run_is_neither_merged_into_itself_nor_replaced_by_another_kind_of_file() {
    let folder = tempfile::tempdir().unwrap();
    let (run, other) = (
        folder.path().join("run.lmdrun"),
        folder.path().join("other.lmdrun"),
    );
    write(&run, KeepPictures::All);
    fs::copy(&run, &other).unwrap();
    let before = fs::read(&run).unwrap();
    let dotted = folder.path().join("./run.lmdrun");
    let (csv, page) = (folder.path().join("x"), folder.path().join("x"));
    let read_by_it = "read by the same command";
    for (args, says) in [
        (
            vec!["merge", text(&run), text(&other), "--output", text(&dotted)],
            read_by_it,
        ),
        (
            vec!["export", text(&run), "--csv", text(&dotted)],
            read_by_it,
        ),
        (
            vec!["export", text(&run), "--parquet", text(&run)],
            read_by_it,
        ),
        (
            vec!["export", text(&run), "--report", text(&run)],
            read_by_it,
        ),
        (
            vec!["export", text(&other), "--csv", text(&run)],
            "only a run may replace it",
        ),
        (
            vec!["calibrate", "--run", text(&run), "--output", text(&run)],
            read_by_it,
        ),
        (
            vec!["calibrate", "--run", text(&other), "--output", text(&run)],
            "only a run",
        ),
        (
            vec![
                "export",
                text(&run),
                "--csv",
                text(&csv),
                "--report",
                text(&page),
            ],
            "two outputs",
        ),
    ] {
        let output = lmd(&[&args[..], &["--overwrite"]].concat());
        assert_refused(&output, says);
        assert_eq!(fs::read(&run).unwrap(), before, "{args:?}");
    }
    // By the library too.
    let runs = vec![file::read(&run).unwrap()];
    let error = file::merge(&runs, &dotted, true, MERGE_MEMORY).unwrap_err();
    assert!(error.to_string().contains("into itself"), "{error}");
    // Pictures are written by names of their own, over no input.
    let odd = folder.path().join("images.csv");
    fs::copy(&run, &odd).unwrap();
    let output = lmd(&[
        "export",
        text(&odd),
        "--images",
        text(folder.path()),
        "--overwrite",
    ]);
    assert_refused(&output, read_by_it);
    assert_eq!(fs::read(&odd).unwrap(), before);
    assert_eq!(names(folder.path()).len(), 3);
}

#[test]
fn images_and_models_that_a_command_reads_are_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    fs::create_dir(&images).unwrap();
    for number in 0..3 {
        let name = format!("{number:05}.png");
        fs::copy(
            root().join("assets/samples/mnist").join(&name),
            images.join(&name),
        )
        .unwrap();
    }
    let image = images.join("00000.png");
    let before = fs::read(&image).unwrap();
    let quick = ["--attempts", "1", "--steps", "1", "--overwrite"];
    let args = [
        "calibrate",
        "--model",
        "bundled",
        "--false-alarm",
        "0.3",
        "--in-domain",
    ];
    let output = lmd(&[
        &args[..],
        &[text(&images), "--output", text(&image)],
        &quick,
    ]
    .concat());
    assert_refused(&output, "read by the same command");
    // A report whose chart would take the place of an image.
    fs::rename(images.join("00001.png"), images.join("roc.png")).unwrap();
    let args = [
        "score",
        "--model",
        "bundled",
        "--in-domain",
        text(&images),
        "--output",
    ];
    let output = lmd(&[&args[..], &[text(&images)], &quick].concat());
    assert_refused(&output, "roc.png");
    assert_eq!(fs::read(&image).unwrap(), before);
    assert_eq!(names(&images).len(), 3);
    // A mask.
    let mask = folder.path().join("mask.png");
    fs::copy(&image, &mask).unwrap();
    let args = ["--mask", text(&mask), "--output", text(&mask)];
    let calibrate = [
        "calibrate",
        "--model",
        "bundled",
        "--in-domain",
        text(&images),
    ];
    let output = lmd(&[&calibrate[..], &args, &quick].concat());
    assert_refused(&output, "read by the same command");
}

#[cfg(unix)]
#[test]
fn a_run_that_is_being_written_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let (live, other) = (
        folder.path().join("live.lmdrun"),
        folder.path().join("other.lmdrun"),
    );
    write(&other, KeepPictures::All);
    let mut writer = begin(&live, KeepPictures::All);
    writer.append(&batch(0), 0.1).unwrap();
    let log = folder.path().join("live.lmdrun-wal");
    for args in [
        vec!["export", text(&other), "--csv", text(&live)],
        vec!["export", text(&other), "--csv", text(&log)],
        vec!["calibrate", "--run", text(&other), "--output", text(&live)],
        vec!["merge", text(&other), "--output", text(&live)],
    ] {
        let output = lmd(&[&args[..], &["--overwrite"]].concat());
        assert_eq!(
            output.status.code(),
            Some(2),
            "{args:?}: {}",
            errors(&output)
        );
    }
    // The window's copies too.
    assert!(file::copy(&other, &live).is_err());
    for attempt in 1..NUM_ATTEMPTS {
        writer.append(&batch(attempt), 0.1).unwrap();
    }
    writer.finish().unwrap();
    assert_eq!(bits(&file::read(&live).unwrap().results), expected());
}

#[test]
fn runs_that_begin_in_one_second_get_a_folder_each() {
    let folder = tempfile::tempdir().unwrap();
    let samples = root().join("assets/samples/mnist");
    let args = [
        "score",
        "--model",
        "bundled",
        "--in-domain",
        text(&samples),
        "--limit",
        "1",
    ];
    let start = || {
        command(&[&args[..], &["--attempts", "1", "--steps", "1"]].concat())
            .current_dir(folder.path())
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let children: Vec<_> = (0..4).map(|_| start()).collect();
    let mut shown = BTreeSet::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", errors(&output));
        shown.insert(String::from_utf8(output.stdout).unwrap().trim().to_owned());
    }
    assert_eq!(shown.len(), 4, "{shown:?}");
    assert_eq!(names(folder.path()), shown);
    for name in shown {
        assert!(name.starts_with("lmd-report-"), "{name}");
        let run = file::read(&folder.path().join(&name).join("run.lmdrun")).unwrap();
        assert!(run.is_finished(), "{name}");
        assert!(folder.path().join(&name).join("report.html").exists());
    }
}

#[cfg(unix)]
#[test]
fn a_folder_for_temporary_files_that_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("live.lmdrun");
    let mut writer = begin(&live, KeepPictures::All);
    writer.append(&batch(0), 0.1).unwrap();
    let path = folder.path().join("killed.lmdrun");
    for ending in ["", "-wal"] {
        let named = |path: &Path| PathBuf::from(format!("{}{ending}", path.display()));
        fs::copy(named(&live), named(&path)).unwrap();
    }
    drop(writer);
    let table = folder.path().join("scores.csv");
    let output = command(&["export", text(&path), "--csv", text(&table)])
        .env("TMPDIR", "/no/such/folder")
        .output()
        .unwrap();
    assert_refused(&output, "/no/such/folder");
    assert!(
        errors(&output).contains("set TMPDIR"),
        "{}",
        errors(&output)
    );
    assert!(!table.exists());
}

/// A run on a file system that can't be written to.
#[cfg(target_os = "linux")]
#[test]
fn a_read_only_file_system_is_not_called_a_full_one() {
    const SCRIPT: &str = r#"
        mount -t tmpfs tmpfs "$2" 2>"$3" || exit 77
        cp "$4" "$2" && mount -o remount,ro "$2" || exit 77
        "$1" score --resume "$2/run.lmdrun"
    "#;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    let scored = lmd(&strs(&score_args(&path)));
    assert!(scored.status.success(), "{}", errors(&scored));
    let mount = folder.path().join("mount");
    fs::create_dir(&mount).unwrap();
    let output = std::process::Command::new("unshare")
        .args(["--map-root-user", "--mount", "bash", "-c", SCRIPT, "bash"])
        .arg(env!("CARGO_BIN_EXE_lmd"))
        .args([&mount, &folder.path().join("said"), &path])
        .output();
    match output {
        Ok(output) if output.status.code() == Some(2) => {
            let told = errors(&output);
            assert!(told.contains("can't be written"), "{told}");
            assert!(!told.contains("make room"), "{told}");
        }
        Ok(output) if output.status.code() != Some(77) && errors(&output).is_empty() => {
            panic!("{output:?}")
        }
        other => not_run(&format!(
            "a read-only file system: none can be mounted here: {other:?}"
        )),
    }
}

#[test]
fn exports_of_a_run_that_is_not_finished_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    let mut writer = begin(&path, KeepPictures::All);
    writer.append(&batch(0), 0.1).unwrap();
    writer.finish().unwrap();
    let (table, columns, page) = (
        folder.path().join("scores.csv"),
        folder.path().join("scores.parquet"),
        folder.path().join("report.html"),
    );
    let args = [
        "export",
        text(&path),
        "--csv",
        text(&table),
        "--parquet",
        text(&columns),
    ];
    let output = lmd(&[&args[..], &["--report", text(&page)]].concat());
    let told = errors(&output);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("12 of 18 attempts are missing"), "{told}");
    let html = fs::read_to_string(&page).unwrap();
    let at = html.find("12 of 18 attempts are missing").unwrap();
    assert!(
        at < html.find("<dl class=\"tiles\"").unwrap(),
        "before any figure"
    );
    let bytes = fs::read(&columns).unwrap();
    let key = b"lmd.missing_attempts";
    assert!(bytes.windows(key.len()).any(|window| window == key));

    write(&folder.path().join("whole.lmdrun"), KeepPictures::None);
    let whole = folder.path().join("whole.lmdrun");
    let args = [
        "export",
        text(&whole),
        "--report",
        text(&page),
        "--overwrite",
    ];
    assert_eq!(errors(&lmd(&args)), "");
    assert!(
        !fs::read_to_string(&page)
            .unwrap()
            .contains("is not finished")
    );
}

#[test]
fn an_image_in_two_roles_is_noted_where_runs_are_merged() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (
        folder.path().join("a.lmdrun"),
        folder.path().join("b.lmdrun"),
    );
    write(&first, KeepPictures::None);
    let mut others = images();
    for (image, _) in &mut others {
        let mut file = (*image.file).clone();
        file.path = format!("elsewhere/{}", file.path.display()).into();
        if image.role == Role::OutOfDomain {
            file.hash = ContentHash([0; 32]); // That of an in-domain image of the first run.
        }
        image.file = file.into();
    }
    let new = manifest(KeepPictures::None);
    let mut writer = file::create(&second, &new, &others, &[], false).unwrap();
    writer.append(&batch(0), 0.1).unwrap();
    writer.finish().unwrap();
    let target = folder.path().join("t.lmdrun");
    let output = lmd(&[
        "merge",
        text(&first),
        text(&second),
        "--output",
        text(&target),
    ]);
    let told = errors(&output);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("the same content in two roles"), "{told}");
    assert_eq!(file::read(&target).unwrap().images.len(), 2 * NUM_IMAGES);
}

#[cfg(unix)]
#[test]
fn a_pipe_is_not_replaced_by_a_file() {
    use std::os::unix::fs::FileTypeExt as _;
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.lmdrun");
    write(&run, KeepPictures::None);
    let [table, other] = ["table.csv", "other.lmdrun"].map(|name| folder.path().join(name));
    for pipe in [&table, &other] {
        let made = std::process::Command::new("mkfifo").arg(pipe).status();
        if !made.is_ok_and(|status| status.success()) {
            not_run("outputs over a pipe: this machine has no mkfifo");
            return;
        }
    }
    for line in [
        &["export", text(&run), "--csv", text(&table), "--overwrite"][..],
        &["merge", text(&run), "--output", text(&other), "--overwrite"],
        &[
            "calibrate",
            "--run",
            text(&run),
            "--output",
            text(&table),
            "--overwrite",
        ],
    ] {
        assert_refused(&lmd(line), "a device or a pipe");
    }
    for pipe in [&table, &other] {
        assert!(fs::metadata(pipe).unwrap().file_type().is_fifo());
    }
}
