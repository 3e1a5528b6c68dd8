//! A run killed at any moment, and one whose disk is full: nothing reported is lost, nothing is made twice.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lmd_inspector::runs::file::{self, StoredRun};

use super::support::{bits, command, errors, lmd, score_args, strs, text, uninterrupted};
use crate::binary::not_run;

/// Kills of the short form; `LMD_TEST_FULL` asks for twenty.
fn num_kills() -> usize {
    if std::env::var_os("LMD_TEST_FULL").is_some() {
        20
    } else {
        4
    }
}

fn finish_and_compare(run: &Path, report: &Path, expected: &str) {
    let resumed = lmd(&["score", "--resume", text(run), "--output", text(report)]);
    assert!(resumed.status.success(), "{}", errors(&resumed));
    let scores = fs::read_to_string(report.join("scores.csv")).unwrap();
    assert_eq!(scores, expected);
    let mut log = run.as_os_str().to_owned();
    log.push("-wal");
    assert!(!Path::new(&log).exists(), "the file stands alone");
}

/// Begin a run, or continue it.
fn start(run: &Path) -> Child {
    let args = if run.exists() {
        ["score", "--resume", text(run)].map(str::to_owned).to_vec()
    } else {
        score_args(run)
    };
    command(&strs(&args))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Read a killed run, which must hold all that `before` held.
fn read_again(run: &Path, before: Option<&StoredRun>) -> StoredRun {
    let now = file::read(run).unwrap();
    assert_eq!(now.damage, Vec::<String>::new());
    let kept = bits(&now.results);
    for attempt in before.into_iter().flat_map(|before| bits(&before.results)) {
        assert!(kept.contains(&attempt), "an attempt is lost: {attempt:?}");
    }
    now
}

#[test]
fn killed_at_random_moments_a_run_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let begin = Instant::now();
    let expected = uninterrupted(folder.path());
    let whole = begin.elapsed().as_millis() as u64;
    let run = folder.path().join("run.lmdrun");
    let mut before: Option<StoredRun> = None;
    let mut state = u64::from(std::process::id());
    let (mut num_killed, mut num_midway, mut num_compared) = (0, 0, 0);
    let mut compare = || {
        let report = folder.path().join(format!("report{num_compared}"));
        finish_and_compare(&run, &report, &expected);
        num_compared += 1;
    };
    while num_killed < num_kills() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let mut child = start(&run);
        // No wait for anything: the moment itself is what is tested.
        std::thread::sleep(Duration::from_millis((state >> 33) % whole));
        if child.try_wait().unwrap().is_some() {
            // It came to its end by itself, so another one is begun.
            compare();
            fs::remove_file(&run).unwrap();
            before = None;
            continue;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        num_killed += 1;
        if run.exists() {
            let now = read_again(&run, before.as_ref());
            num_midway += usize::from(!now.results.is_empty() && !now.is_finished());
            before = Some(now);
        }
    }
    if !run.exists() {
        assert!(start(&run).wait().unwrap().success());
    }
    compare();
    assert!(
        num_killed < 20 || num_midway > 0,
        "none of {num_killed} kills came between the first and the last attempt"
    );
}

#[test]
fn a_disk_that_fills_up_ends_the_run_with_a_sentence_and_it_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let expected = uninterrupted(folder.path());
    let run = folder.path().join("run.lmdrun");
    // Files may have 96 KiB: enough for the run to begin.
    let limited = Command::new("bash")
        .args(["-c", "ulimit -f 96; exec \"$@\"", "bash"])
        .arg(env!("CARGO_BIN_EXE_lmd"))
        .args(score_args(&run))
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap();
    let told = errors(&limited);
    assert_eq!(limited.status.code(), Some(1), "{told}");
    assert!(told.contains("make room"), "{told}");
    assert!(told.contains("--resume"), "{told}");
    let kept = file::read(&run).unwrap();
    assert_eq!(kept.damage, Vec::<String>::new());
    assert!(!kept.results.is_empty(), "some attempts came before");
    assert!(!kept.is_finished());
    finish_and_compare(&run, &folder.path().join("report"), &expected);
}

/// On a file system that is really full, with the log and the file in it. Where mounting needs more rights than there are,
/// a namespace of its own gives them.
#[cfg(target_os = "linux")]
#[test]
fn a_full_file_system_ends_the_run_with_a_sentence_and_it_resumes() {
    /// Arguments: the program, the mount point, a folder outside, and how to score into `$2/run.lmdrun`.
    const SCRIPT: &str = r#"
        mount -t tmpfs -o size=224k tmpfs "$2" 2>"$3/mount" || exit 77
        lmd=$1 full=$2 out=$3
        shift 3
        "$lmd" "$@" 2>"$out/scored"
        echo $? >"$out/scored.code"
        ls "$full" >"$out/left"
        "$lmd" export "$full/run.lmdrun" --csv "$out/partial.csv" 2>"$out/exported"
        mount -o remount,size=64m "$full"
        "$lmd" score --resume "$full/run.lmdrun" --output "$out/report" 2>"$out/resumed"
        echo $? >"$out/resumed.code"
    "#;
    let folder = tempfile::tempdir().unwrap();
    let expected = uninterrupted(folder.path());
    let (full, out) = (folder.path().join("full"), folder.path().join("out"));
    fs::create_dir(&full).unwrap();
    fs::create_dir(&out).unwrap();
    let namespace = Command::new("unshare")
        .args(["--map-root-user", "--mount", "bash", "-c", SCRIPT, "bash"])
        .arg(env!("CARGO_BIN_EXE_lmd"))
        .args([&full, &out])
        .args(score_args(&full.join("run.lmdrun")))
        .output();
    match namespace {
        Ok(output) if output.status.success() => {}
        Ok(output) if output.status.code() == Some(77) || !errors(&output).is_empty() => {
            let mount = fs::read_to_string(out.join("mount")).unwrap_or_default();
            return not_run(&format!(
                "a full file system: a small one can't be mounted here: {}{mount}",
                errors(&output)
            ));
        }
        Ok(output) => panic!("{output:?}"),
        Err(error) => {
            return not_run(&format!(
                "a full file system: there is no `unshare`: {error}"
            ));
        }
    }
    let said = |name: &str| fs::read_to_string(out.join(name)).unwrap();
    let told = said("scored");
    assert_eq!(said("scored.code"), "1\n", "{told}");
    assert!(told.contains("make room"), "{told}");
    assert!(told.contains("--resume"), "{told}");
    assert!(said("left").contains("run.lmdrun"), "{}", said("left"));
    // Each finished attempt is one of the whole run's.
    let partial = said("partial.csv");
    let rows: Vec<_> = expected.lines().collect();
    assert!(partial.lines().all(|row| rows.contains(&row)), "{partial}");
    let num_rows = partial.lines().count();
    assert!(
        (2..rows.len()).contains(&num_rows),
        "{num_rows} of {}",
        rows.len()
    );
    assert_eq!(said("resumed.code"), "0\n", "{}", said("resumed"));
    assert_eq!(said("report/scores.csv"), expected);
}
