//! Files of earlier versions: they open, continue and merge, with the scores that their own version told.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use lmd_inspector::runs::file::{self, KeepPictures, SCHEMA_VERSION};
use rusqlite::params;

use super::support::{Value, checksum, command, errors, execute, lmd, manifest, root, text, write};

const RUNS: [&str; 4] = ["finished", "mask", "denoise", "unfinished"];

fn fixtures() -> PathBuf {
    root().join("tests/fixtures/runs/v1")
}

/// `lmd`, started where the fixtures were made: their paths begin there.
fn lmd_there(args: &[&str]) -> Output {
    command(args).current_dir(fixtures()).output().unwrap()
}

fn version(path: &Path) -> u32 {
    let bytes = fs::read(path).unwrap();
    u32::from_be_bytes(std::array::from_fn(|index| bytes[60 + index]))
}

fn exported(path: &Path, folder: &Path) -> String {
    let table = folder.join("exported.csv");
    let output = lmd(&["export", text(path), "--csv", text(&table), "--overwrite"]);
    assert!(output.status.success(), "{}", errors(&output));
    fs::read_to_string(table).unwrap()
}

fn expected(name: &str) -> String {
    fs::read_to_string(fixtures().join(format!("{name}.csv"))).unwrap()
}

#[test]
fn runs_of_the_first_format_tell_the_scores_that_they_always_did() {
    let folder = tempfile::tempdir().unwrap();
    for name in RUNS {
        let path = fixtures().join(format!("{name}.lmdrun"));
        assert_eq!(version(&path), 1);
        let before = fs::read(&path).unwrap();
        assert_eq!(exported(&path, folder.path()), expected(name), "{name}");
        let run = file::read(&path).unwrap();
        assert_eq!(run.damage, Vec::<String>::new(), "{name}");
        assert_eq!(run.is_finished(), name != "unfinished", "{name}");
        let scores = file::read_scores(&path).unwrap();
        let num_scores: usize = scores.attempts.iter().map(Vec::len).sum();
        assert_eq!(num_scores, run.results.len(), "{name}");
        assert_eq!(fs::read(&path).unwrap(), before, "{name} is only read");
    }
    // One whose writer was killed, with its log.
    let killed = fixtures().join("killed/unfinished.lmdrun");
    assert_eq!(exported(&killed, folder.path()), expected("unfinished"));
    assert_eq!(fs::read_dir(fixtures().join("killed")).unwrap().count(), 2);
}

#[test]
fn runs_of_the_first_format_go_on_in_the_present_one() {
    let folder = tempfile::tempdir().unwrap();
    for (name, log) in [("unfinished", false), ("killed/unfinished", true)] {
        let path = folder.path().join("run.lmdrun");
        fs::copy(fixtures().join(format!("{name}.lmdrun")), &path).unwrap();
        if log {
            let of = fixtures().join(format!("{name}.lmdrun-wal"));
            fs::copy(of, folder.path().join("run.lmdrun-wal")).unwrap();
        }
        let earlier = file::read(&path).unwrap();
        let size = fs::metadata(&path).unwrap().len();
        let resumed = lmd_there(&["score", "--resume", text(&path), "--mix-kernels"]);
        assert!(resumed.status.success(), "{}", errors(&resumed));
        assert_eq!(version(&path), SCHEMA_VERSION.unsigned_abs());
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1 + usize::from(log)
        );
        let run = file::read(&path).unwrap();
        assert!(run.is_finished());
        assert_eq!(run.damage, Vec::<String>::new());
        // What was there is there to the last bit.
        let now = exported(&path, folder.path());
        for row in expected("unfinished").lines() {
            assert!(now.lines().any(|other| other == row), "{row}");
        }
        assert!(now.lines().count() > earlier.results.len() + 1);
        assert!(size > 0);
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_run_of_the_first_format_grows_by_a_tenth_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    let fixture = fixtures().join("finished.lmdrun");
    fs::copy(&fixture, &path).unwrap();
    let (writer, stored) = file::resume(&path).unwrap();
    writer.finish().unwrap();
    assert!(stored.is_finished());
    assert_eq!(exported(&path, folder.path()), expected("finished"));
    let (before, after) = [&fixture, &path]
        .map(|path| fs::metadata(path).unwrap().len())
        .into();
    assert!(after * 10 <= before * 11, "{before} -> {after} bytes");
}

#[test]
fn an_upgrade_that_fails_leaves_the_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    fs::copy(fixtures().join("finished.lmdrun"), &path).unwrap();
    let before = fs::read(&path).unwrap();
    // Less room than the file takes.
    let script = r#"trap "" XFSZ; ulimit -f 16; exec "$@""#;
    let limited = std::process::Command::new("bash")
        .args(["-c", script, "bash", env!("CARGO_BIN_EXE_lmd")])
        .args(["score", "--resume", text(&path), "--mix-kernels"])
        .current_dir(fixtures())
        .output()
        .unwrap();
    let told = errors(&limited);
    assert_eq!(limited.status.code(), Some(2), "{told}");
    assert!(told.contains("nothing was replaced"), "{told}");
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn runs_of_the_first_format_merge_calibrate_and_are_judged() {
    let folder = tempfile::tempdir().unwrap();
    let merged = folder.path().join("merged.lmdrun");
    let finished = fixtures().join("finished.lmdrun");
    let output = lmd(&["merge", text(&finished), "--output", text(&merged)]);
    assert!(output.status.success(), "{}", errors(&output));
    assert_eq!(version(&merged), SCHEMA_VERSION.unsigned_abs());
    assert_eq!(exported(&merged, folder.path()), expected("finished"));

    let detector = folder.path().join("detector.json");
    let calibrate = |run: &Path| {
        let output = lmd(&[
            "calibrate",
            "--run",
            text(run),
            "--false-alarm",
            "0.25",
            "--overwrite",
            "--output",
            text(&detector),
        ]);
        assert!(output.status.success(), "{}", errors(&output));
        let json: serde_json::Value =
            serde_json::from_slice(&fs::read(&detector).unwrap()).unwrap();
        json["threshold"].as_f64().unwrap()
    };
    assert_eq!(calibrate(&finished), calibrate(&merged));
    let judged = lmd(&[
        "classify",
        "--detector",
        text(&detector),
        "--run",
        text(&finished),
        "--csv",
    ]);
    assert!(judged.status.success(), "{}", errors(&judged));
    assert_eq!(judged.stdout.split(|&b| b == b'\n').count(), 1 + 8 + 1);

    // A detector file of that time.
    let old = fixtures().join("detector.json");
    let image = root().join("assets/samples/mnist/00000.png");
    let judged = lmd(&["classify", "--detector", text(&old), "--csv", text(&image)]);
    assert!(judged.status.success(), "{}", errors(&judged));
}

#[test]
fn what_this_program_does_not_know_of_a_run_is_refused_by_name() {
    type Change = fn(&mut serde_json::Value);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    write(&path, KeepPictures::None);
    let changes: [(Change, &str); 3] = [
        (|json| json["twist"] = 1.into(), "`twist`"),
        (|json| json["model"]["twist"] = "x".into(), "`twist`"),
        (|json| json["settings"]["warp"] = 1.into(), "`warp`"),
    ];
    for (change, name) in changes {
        let mut json = serde_json::to_value(manifest(KeepPictures::None)).unwrap();
        change(&mut json);
        let json = json.to_string();
        let sum = checksum("manifest", &[Value::Int(1), Value::Bytes(json.as_bytes())]);
        let sql = "UPDATE manifest SET json = ?1, checksum = ?2";
        execute(&path, sql, params![json, sum]);
        for error in [
            file::read(&path).map(|_| ()).unwrap_err(),
            file::resume(&path).map(|_| ()).unwrap_err(),
        ] {
            let told = error.to_string();
            assert!(
                told.contains(name) && told.contains("later version"),
                "{told}"
            );
        }
    }
}

#[test]
fn a_measure_that_this_program_does_not_know_is_kept_by_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    write(&path, KeepPictures::None);
    let mut json = serde_json::to_value(manifest(KeepPictures::None)).unwrap();
    json["measures"] = serde_json::json!(["mse", "depth", "lpips"]);
    let json = json.to_string();
    let sum = checksum("manifest", &[Value::Int(1), Value::Bytes(json.as_bytes())]);
    let sql = "UPDATE manifest SET json = ?1, checksum = ?2";
    execute(&path, sql, params![json, sum]);
    let table = folder.path().join("scores.csv");
    let output = lmd(&["export", text(&path), "--csv", text(&table)]);
    assert!(output.status.success(), "{}", errors(&output));
    let table = std::fs::read_to_string(&table).unwrap();
    let header = "path,role,attempt,mse,ssim_distance,lpips,depth";
    assert_eq!(table.lines().next(), Some(header));
    // The second value of each attempt is no SSIM here.
    let value = 1.0 / 3.0_f64;
    let row = format!(",0,{},,{value},{}", value * value, value.sqrt());
    assert!(table.lines().any(|line| line.ends_with(&row)), "{table}");
}

#[test]
fn a_refused_resume_leaves_a_file_of_an_earlier_version_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    fs::copy(fixtures().join("unfinished.lmdrun"), &path).unwrap();
    let before = fs::read(&path).unwrap();
    let model = root().join("tests/fixtures/unet/gray-attn-heads");
    let output = lmd_there(&["score", "--resume", text(&path), "--model", text(&model)]);
    assert_eq!(output.status.code(), Some(2), "{}", errors(&output));
    assert!(
        errors(&output).contains("weights differ"),
        "{}",
        errors(&output)
    );
    assert!(fs::read(&path).unwrap() == before, "not one byte");
    let entries: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(entries.len(), 1, "nothing beside it: {entries:?}");
}
