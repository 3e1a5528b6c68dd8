//! `lmd doctor` and `lmd --version`: what they say of this machine and this build, and that nothing is left behind.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use lmd_inspector::engine::doctor::faults;
use serde_json::Value;

use crate::binary::{command, lmd, not_run};

#[path = "../../build/commit.rs"]
mod commit;

/// `lmd doctor` without a display, in a home of its own.
fn doctor(home: &Path, temporary: &Path, args: &[&str]) -> Output {
    let mut command = command(&[&["doctor"], args].concat());
    for name in ["DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS"] {
        command.env_remove(name);
    }
    command.env("HOME", home).env("TMPDIR", temporary);
    // Graphics drivers keep files of their own, whoever uses them.
    command.env("MESA_SHADER_CACHE_DISABLE", "true");
    for (name, folder) in [
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_DATA_HOME", "data"),
        ("XDG_CACHE_HOME", "cache"),
    ] {
        command.env(name, home.join(folder));
    }
    command.output().unwrap()
}

/// What `--json` prints, with the findings by their subject.
fn found(output: &Output) -> (Value, BTreeMap<String, Value>) {
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = json["findings"].as_array().unwrap().iter();
    let by_subject = findings.map(|it| (it["subject"].as_str().unwrap().to_owned(), it.clone()));
    (json.clone(), by_subject.collect())
}

#[test]
fn it_finds_this_machine_well_and_leaves_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    let temporary = home.path().join("temporary");
    fs::create_dir(&temporary).unwrap();
    let output = doctor(home.path(), &temporary, &["--json"]);
    let (json, found) = found(&output);
    assert_eq!(output.status.code(), Some(0), "{json:#}");
    assert_eq!(json["failed"], 0, "{json:#}");
    let status = |subject: &str| found[subject]["status"].as_str().unwrap();
    for subject in [
        "version",
        "settings folder",
        "temporary folder",
        "LPIPS weights",
        "fashion-mnist-32 weights",
        "mnist-32 weights",
        "device cpu",
    ] {
        assert_eq!(status(subject), "ok", "{:#}", found[subject]);
    }
    for device in ["device cpu", "device candle-cpu"] {
        let told = found[device]["found"].as_str().unwrap();
        assert!(told.contains("the known numbers to"), "{told}");
    }
    if cfg!(target_os = "linux") {
        assert_eq!(status("display"), "warning");
    }
    // Whatever is not well is told with what to do, and only that.
    for finding in found.values() {
        assert_eq!(
            finding["advice"].is_null(),
            finding["status"] == "ok",
            "{finding}"
        );
    }
    assert_eq!(json["build"]["version"], env!("CARGO_PKG_VERSION"));

    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
    let left: Vec<PathBuf> = fs::read_dir(home.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(left, [temporary], "nothing else is made in the home");
}

#[test]
fn every_line_is_told_as_text_with_a_verdict_at_the_end() {
    let home = tempfile::tempdir().unwrap();
    let output = doctor(home.path(), home.path(), &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    for line in text.lines() {
        let is_finding = ["ok ", "warning ", "failed "]
            .iter()
            .any(|word| line.starts_with(word));
        let is_advice = line.trim_start().starts_with("> ");
        assert!(
            is_finding || is_advice || line == text.lines().last().unwrap(),
            "{line}"
        );
    }
    let last = text.lines().last().unwrap();
    assert!(
        last.starts_with("Nothing failed") || last == "Everything works",
        "{last}"
    );
    assert!(
        text.contains("~/config/lmd-inspector, not there yet"),
        "{text}"
    );
    let home = home.path().to_str().unwrap();
    assert!(
        !text
            .replace("temporary folder ", "")
            .contains(&format!("{home}/config")),
        "{text}"
    );
}

#[test]
fn a_folder_that_can_not_be_written_is_told_and_the_temporary_one_fails() {
    let home = tempfile::tempdir().unwrap();
    // A file in place of a folder keeps the superuser out as well.
    let file = home.path().join("config");
    fs::write(&file, b"").unwrap();
    let output = doctor(home.path(), home.path(), &["--json"]);
    let (json, by_subject) = found(&output);
    assert_eq!(output.status.code(), Some(0), "{json:#}");
    assert_eq!(by_subject["settings folder"]["status"], "warning");

    let output = doctor(home.path(), &file, &["--json"]);
    let (json, by_subject) = found(&output);
    assert_eq!(output.status.code(), Some(1), "{json:#}");
    assert_eq!(json["failed"], 1);
    let temporary = &by_subject["temporary folder"];
    assert_eq!(temporary["status"], "failed");
    let advice = temporary["advice"].as_str().unwrap();
    assert!(advice.contains("TMPDIR"), "{advice}");
}

#[test]
fn the_log_and_the_report_of_a_fault_are_told_where_there_are_some() {
    let home = tempfile::tempdir().unwrap();
    let data = home.path().join("data/lmd-inspector");
    let log = data.join("log/lmd-inspector_rCURRENT.log");
    write(&log, "what went on\n");
    for name in ["told-20260102-000000.txt", "fault-20260101-000000.txt"] {
        write(&data.join("faults").join(name), "what went wrong\n");
    }
    let (_, found) = found(&doctor(home.path(), home.path(), &["--json"]));
    assert_eq!(found["log"]["found"], log.to_str().unwrap());
    let fault = &found["fault of the program"];
    assert_eq!(fault["status"], "warning");
    let place = fault["found"].as_str().unwrap();
    assert!(
        place.ends_with("faults/told-20260102-000000.txt"),
        "{place}"
    );
}

#[test]
fn the_version_is_one_line_for_scripts_and_the_long_form_tells_the_build() {
    let name = concat!("lmd ", env!("CARGO_PKG_VERSION"));
    let short = String::from_utf8(lmd(&["-V"]).stdout).unwrap();
    assert_eq!(short, format!("{name}\n"));
    let long = String::from_utf8(lmd(&["--version"]).stdout).unwrap();
    let mut lines = long.lines();
    assert_eq!(lines.next(), Some(name), "the first line is the short form");
    let facts: BTreeMap<&str, &str> = lines.filter_map(|line| line.split_once(' ')).collect();
    let names = ["commit", "features", "profile", "rustc", "target"];
    assert_eq!(facts.keys().copied().collect::<Vec<_>>(), names, "{long}");
    let fact = |name: &str| facts[name].trim();
    let profile = if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    };
    assert_eq!(fact("profile"), profile);
    assert!(fact("target").starts_with(std::env::consts::ARCH), "{long}");
    assert!(fact("rustc").starts_with("rustc 1."), "{long}");
    assert_eq!(fact("features").contains("cuda"), cfg!(feature = "cuda"));
    if cfg!(debug_assertions) {
        assert_eq!(fact("commit"), "unknown");
    }
}

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn the_commit_is_read_wherever_git_keeps_it() {
    let base = tempfile::tempdir().unwrap();
    let root = |name: &str| base.path().join(name);
    let head = |name: &str, text: &str| write(&root(name).join(".git/HEAD"), text);
    let of = |name: &str| commit::find(&root(name)).commit;

    head("detached", &format!("{COMMIT}\n"));
    assert_eq!(of("detached").as_deref(), Some(COMMIT));

    head("loose", "ref: refs/heads/some/branch\n");
    assert_eq!(of("loose"), None, "there is no commit yet");
    let branch = root("loose").join(".git/refs/heads/some/branch");
    write(&branch, &format!("{COMMIT}\n"));
    assert_eq!(of("loose").as_deref(), Some(COMMIT));
    let watched = commit::find(&root("loose")).watched;
    assert!(watched.contains(&branch), "{watched:?}");
    assert!(watched.iter().all(|file| file.is_file()), "{watched:?}");

    head("packed", "ref: refs/heads/main\n");
    let other = COMMIT.replace('0', "f");
    let packed = format!(
        "# pack-refs with: peeled\n{other} refs/heads/main2\n{COMMIT} refs/heads/main\n^{other}\n"
    );
    write(&root("packed").join(".git/packed-refs"), &packed);
    assert_eq!(of("packed").as_deref(), Some(COMMIT));

    // Branches kept in a way that these files do not show.
    head("reftable", "ref: refs/heads/.invalid\n");
    assert_eq!(of("reftable"), None);
    head("broken", "0123\n");
    assert_eq!(of("broken"), None);
}

#[test]
fn without_git_the_commit_is_that_of_the_package_or_unknown() {
    let base = tempfile::tempdir().unwrap();
    // What lies in a checkout of something else is not of that commit.
    write(&base.path().join(".git/HEAD"), COMMIT);
    let package = base.path().join("package");
    fs::create_dir(&package).unwrap();
    assert_eq!(commit::find(&package), commit::Found::default());
    let info = format!(
        "{{\n  \"git\": {{\n    \"sha1\": \"{COMMIT}\"\n  }},\n  \"path_in_vcs\": \"\"\n}}"
    );
    write(&package.join(".cargo_vcs_info.json"), &info);
    assert_eq!(commit::find(&package).commit.as_deref(), Some(COMMIT));
}

#[test]
fn the_commit_is_the_one_that_git_tells() {
    let base = tempfile::tempdir().unwrap();
    let (root, second) = (base.path().join("root"), base.path().join("second"));
    fs::create_dir(&root).unwrap();
    let git = |args: &[&str]| {
        let identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"];
        let output = Command::new("git")
            .args(identity)
            .args(args)
            .current_dir(&root)
            .env_remove("GIT_DIR")
            .output()
            .ok()?;
        assert!(output.status.success(), "{args:?}: {output:?}");
        Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
    };
    if git(&["init", "--quiet"]).is_none() {
        return not_run("git is not installed, so that its own word for the commit is missing");
    }
    let empty = ["commit", "--quiet", "--allow-empty", "--message"];
    git(&[&empty[..], &["one"]].concat());
    let told = git(&["rev-parse", "HEAD"]);
    assert_eq!(commit::find(&root).commit, told);
    git(&["pack-refs", "--all"]);
    assert_eq!(commit::find(&root).commit, told, "the branch is packed");
    git(&[
        "worktree",
        "add",
        "--quiet",
        "-b",
        "other",
        second.to_str().unwrap(),
    ]);
    assert_eq!(commit::find(&second).commit, told, "in a second worktree");
    let before = commit::find(&root).watched;
    git(&[&empty[..], &["two"]].concat());
    let next = git(&["rev-parse", "HEAD"]);
    assert_ne!(next, told);
    assert_eq!(commit::find(&root).commit, next);
    // One of the files that cargo watches has grown with the commit.
    let log = root.join(".git/logs/HEAD");
    assert!(before.contains(&log), "{before:?}");
    assert_eq!(fs::read_to_string(log).unwrap().lines().count(), 2);
}

#[test]
fn a_panic_leaves_a_report_that_the_next_start_tells_of() {
    let data = tempfile::tempdir().unwrap();
    faults::watch(data.path().to_owned());
    let thread = std::thread::Builder::new().name("made to fail".to_owned());
    let failed = thread.spawn(|| panic!("the test asked for it")).unwrap();
    assert!(failed.join().is_err());
    drop(std::panic::take_hook());
    let reports = std::fs::read_dir(data.path().join("faults")).unwrap();
    let texts = reports.map(|report| std::fs::read_to_string(report.unwrap().path()).unwrap());
    let text = (texts.into_iter())
        .find(|text| text.contains("the test asked for it"))
        .unwrap();
    for part in [
        "Thread: made to fail\n",
        "Place: tests/it/doctor.rs:",
        "Commit: ",
        "Time: 20",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let told = faults::take_untold(data.path()).unwrap();
    assert!(told.is_file());
    assert_eq!(faults::take_untold(data.path()), None);
}
