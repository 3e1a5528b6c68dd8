//! `lmd score --resume`: the same scores as a run that nothing stopped, or a refusal with its reason.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use lmd_inspector::runs::file;

use super::support::{command, errors, lmd, root, score_args, strs, text, uninterrupted};

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
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
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
        assert_eq!(finished.stretches.len(), 2);

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
