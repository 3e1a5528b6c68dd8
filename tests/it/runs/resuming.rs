//! `lmd score --resume`: the same scores as a run that nothing stopped, or a refusal with its reason.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lmd_inspector::runs::file;

use super::support::{
    Value, checksum, command, errors, execute, lmd, root, score_args, strs, text, uninterrupted,
};
use crate::binary::not_run;

/// Start a run and send it a signal once some attempts are in its file.
#[cfg(unix)]
pub fn stop_midway(run: &Path, signal: &str) -> std::process::Output {
    use std::process::Stdio;
    let args = score_args(run);
    let child = command(&strs(&args))
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let log = run.with_extension("lmdrun-wal");
    let deadline = Instant::now() + Duration::from_mins(2);
    while fs::metadata(&log).map_or(0, |log| log.len()) < 30_000 {
        assert!(Instant::now() < deadline, "the run does not begin");
        std::thread::yield_now();
    }
    std::process::Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status()
        .unwrap();
    child.wait_with_output().unwrap()
}

#[cfg(unix)]
#[test]
fn a_run_that_was_stopped_resumes_to_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let expected = uninterrupted(folder.path());
    let mut signals = vec![("-INT", 130), ("-TERM", 143)];
    #[cfg(target_os = "linux")]
    if crate::binary::ignores_hangup() {
        not_run("a hangup: it is ignored here");
    } else {
        signals.push(("-HUP", 129));
    }
    for (signal, code) in signals {
        let run = folder.path().join("it's a run.lmdrun");
        let stopped = stop_midway(&run, signal);
        let told = errors(&stopped);
        assert_eq!(stopped.status.code(), Some(code), "{told}");
        let how = format!("lmd score --resume '{}'", text(&run).replace('\'', r"'\''"));
        assert!(told.contains(&how), "{told}");
        let kept = file::read(&run).unwrap();
        assert!(!kept.results.is_empty() && !kept.is_finished());

        let report = folder.path().join(format!("report{code}"));
        let resumed = lmd(&["score", "--resume", text(&run), "--output", text(&report)]);
        assert!(resumed.status.success(), "{}", errors(&resumed));
        assert_eq!(
            fs::read_to_string(report.join("scores.csv")).unwrap(),
            expected
        );
        let finished = file::read(&run).unwrap();
        assert!(finished.is_finished());
        assert_eq!(finished.segments.len(), 2);

        let again = lmd(&["score", "--resume", text(&run)]);
        assert!(again.status.success());
        assert!(errors(&again).contains("already"), "{}", errors(&again));
        fs::remove_file(&run).unwrap();
    }
}

#[test]
fn a_report_folder_holds_its_run_and_is_renewed_by_it() {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report");
    let mut args = score_args(&report);
    args.extend(["--json", "--keep-pictures", "none"].map(str::to_owned));
    let output = lmd(&strs(&args));
    assert!(output.status.success(), "{}", errors(&output));
    let run = report.join("run.lmdrun");
    assert!(file::read(&run).unwrap().is_finished());
    let table = fs::read(report.join("scores.csv")).unwrap();
    fs::remove_file(report.join("scores.csv")).unwrap();
    let again = lmd(&["score", "--resume", text(&run), "--json"]);
    assert!(again.status.success(), "{}", errors(&again));
    assert_eq!(fs::read(report.join("scores.csv")).unwrap(), table);
    let figures = |bytes: &[u8]| {
        let summary: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        summary["auroc"].clone()
    };
    assert_eq!(figures(&again.stdout), figures(&output.stdout));
}

#[test]
fn a_run_file_is_not_replaced_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("x.lmdrun");
    fs::write(&run, "mine").unwrap();
    let output = lmd(&strs(&score_args(&run)));
    assert_eq!(output.status.code(), Some(2));
    assert!(
        errors(&output).contains("--overwrite"),
        "{}",
        errors(&output)
    );
    assert_eq!(fs::read(&run).unwrap(), b"mine");
    let args = ["score", "--resume", text(&run)];
    let output = lmd(&args);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        errors(&output).contains("not a run file"),
        "{}",
        errors(&output)
    );
}

#[cfg(unix)]
#[test]
fn another_model_or_other_images_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    fs::create_dir(&images).unwrap();
    let samples = root().join("assets/samples/fashion-mnist");
    for number in 0..4 {
        let name = format!("{number:05}.png");
        fs::copy(samples.join(&name), images.join(&name)).unwrap();
    }
    let run = folder.path().join("run.lmdrun");
    let args = [
        "score",
        "--model",
        "bundled",
        "--in-domain",
        text(&images),
        "--attempts",
        "2",
        "--steps",
        "2",
        "--output",
        text(&run),
    ];
    assert!(lmd(&args).status.success());
    // As if one attempt had not been made yet.
    let change = rusqlite::Connection::open(&run).unwrap();
    change
        .execute_batch("DELETE FROM attempts WHERE image = 3 AND attempt = 1; DELETE FROM pictures WHERE image = 3 AND attempt = 1")
        .unwrap();
    change.close().unwrap();
    let before = fs::read(&run).unwrap();

    let other = root().join("tests/fixtures/unet/gray-attn-heads");
    let refused = lmd(&["score", "--resume", text(&run), "--model", text(&other)]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(errors(&refused).contains("weights"), "{}", errors(&refused));

    fs::copy(samples.join("00009.png"), images.join("00001.png")).unwrap();
    fs::remove_file(images.join("00002.png")).unwrap();
    let refused = lmd(&["score", "--resume", text(&run)]);
    let told = errors(&refused);
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(
        told.contains("changed: ") && told.contains("00001.png"),
        "{told}"
    );
    assert!(
        told.contains("missing: ") && told.contains("00002.png"),
        "{told}"
    );
    assert!(told.contains("--skip-changed"), "{told}");
    let kept = file::read(&run).unwrap();
    assert_eq!(kept.results.len(), 7);
    assert_eq!(fs::read(&run).unwrap().len(), before.len());

    let skipped = lmd(&["score", "--resume", text(&run), "--skip-changed"]);
    assert!(skipped.status.success(), "{}", errors(&skipped));
    assert!(file::read(&run).unwrap().is_finished());

    let mixed = lmd(&["score", "--resume", text(&run), "--attempts", "9"]);
    assert_eq!(mixed.status.code(), Some(2), "a run's settings are its own");
}

/// A run of four images with one attempt missing.
fn unfinished(folder: &Path) -> PathBuf {
    let run = folder.join("run.lmdrun");
    let samples = root().join("assets/samples/fashion-mnist");
    let args = [
        "score",
        "--model",
        "bundled",
        "--in-domain",
        text(&samples),
        "--limit",
        "4",
        "--attempts",
        "2",
        "--steps",
        "2",
        "--output",
        text(&run),
    ];
    assert!(lmd(&args).status.success());
    let change = rusqlite::Connection::open(&run).unwrap();
    change
        .execute_batch("DELETE FROM attempts WHERE image = 3 AND attempt = 1; DELETE FROM pictures WHERE image = 3 AND attempt = 1")
        .unwrap();
    change.close().unwrap();
    run
}

/// Make it look as if another device, or another machine, had worked on the run.
fn rewrite_segment(run: &Path, machine: Option<&str>, device: &str) {
    let mut segment = file::read(run).unwrap().segments[0].1.clone();
    if let Some(machine) = machine {
        segment.machine = Some(machine.to_owned());
    }
    // As in files of before the numerics were kept beside it.
    segment.device = device.to_owned();
    segment.numerics = None;
    let json = serde_json::to_string(&segment).unwrap();
    let sum = checksum("stretches", &[Value::Int(1), Value::Bytes(json.as_bytes())]);
    let sql = "UPDATE stretches SET json = ?1, checksum = ?2 WHERE id = 1";
    execute(run, sql, rusqlite::params![json, sum]);
}

#[test]
fn kernels_of_another_machine_go_on_with_a_notice_and_an_entry() {
    let folder = tempfile::tempdir().unwrap();
    let run = unfinished(folder.path());
    rewrite_segment(&run, Some("another"), "CPU (vector of 1977, 8 threads)");
    let resumed = lmd(&["score", "--resume", text(&run)]);
    let told = errors(&resumed);
    assert!(resumed.status.success(), "{told}");
    assert!(
        told.contains("CPU (vector of 1977) and continues by"),
        "{told}"
    );
    let stored = file::read(&run).unwrap();
    assert!(stored.is_finished());
    assert_eq!(stored.segments.len(), 2);
    assert_eq!(stored.segments[0].1.machine.as_deref(), Some("another"));
    assert_ne!(stored.segments[1].1.machine.as_deref(), Some("another"));
    assert_eq!(stored.efforts.last().unwrap().segment, 2, "who made it");
    let is_noted = |notice: &String| notice.contains("vector of 1977");
    assert!(stored.notices.iter().any(is_noted), "{:?}", stored.notices);
}

#[test]
fn other_kernels_on_this_machine_are_refused_unless_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let run = unfinished(folder.path());
    if file::read(&run).unwrap().segments[0].1.machine.is_none() {
        return not_run("other kernels on this machine: the system has no name for it");
    }
    rewrite_segment(&run, None, "CPU (vector of 1977, 8 threads)");
    let before = file::read(&run).unwrap();
    let refused = lmd(&["score", "--resume", text(&run)]);
    let told = errors(&refused);
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(
        told.contains("CPU (vector of 1977), and it would be continued by"),
        "{told}"
    );
    assert!(told.contains("--mix-kernels"), "{told}");
    let after = file::read(&run).unwrap();
    assert_eq!(after.results.len(), before.results.len());
    assert_eq!(after.segments, before.segments);
    assert_eq!(after.notices, before.notices);

    let wanted = lmd(&["score", "--resume", text(&run), "--mix-kernels"]);
    assert!(wanted.status.success(), "{}", errors(&wanted));
    let stored = file::read(&run).unwrap();
    assert!(stored.is_finished());
    let is_noted = |notice: &String| notice.contains("vector of 1977");
    assert!(stored.notices.iter().any(is_noted), "{:?}", stored.notices);
}
