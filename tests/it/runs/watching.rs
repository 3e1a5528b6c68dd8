//! Images that come while a run is at work, by the real binary.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use lmd_inspector::networks::distances::LPIPS;
use lmd_inspector::runs::file;
use serde_json::Value;
use tempfile::TempDir;

use crate::binary::{command, lmd, root, text};

const STEPS: [&str; 6] = ["--steps", "3", "--attempts", "2", "--seed", "5"];

/// The samples in order of their names.
fn samples(of: &str) -> Vec<PathBuf> {
    let folder = root().join("assets/samples").join(of);
    let mut paths: Vec<PathBuf> = (fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "png"))
        .collect();
    paths.sort();
    paths
}

/// A folder with `in`, of twenty in-domain images, and `camera`, empty.
fn line() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["in", "camera"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    for path in &samples("fashion-mnist")[..20] {
        let name = path.file_name().unwrap();
        fs::copy(path, folder.path().join("in").join(name)).unwrap();
    }
    folder
}

/// A run that watches; its lines are read as they come.
struct Watching {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Watching {
    fn begin(args: &[&str]) -> Self {
        let mut child = command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next line, however long it takes.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        assert!(line.ends_with('\n'), "the run has ended: {line}");
        line.trim_end().to_owned()
    }

    /// The path and the score of the next image.
    fn image(&mut self) -> (PathBuf, f64) {
        let told: Value = serde_json::from_str(&self.line()).unwrap();
        let path = told["path"].as_str().unwrap().into();
        (path, told["score"].as_f64().unwrap())
    }

    /// Ctrl+C; returns the exit code and what was said of the run.
    fn end(mut self) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-INT", &id]).status().unwrap();
        let mut last = String::new();
        while self.lines.read_line(&mut last).unwrap() > 0 {}
        let output = self.child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    }
}

/// LPIPS of each attempt, by path.
fn values(run: &Path) -> BTreeMap<(PathBuf, usize), f64> {
    let stored = file::read(run).unwrap();
    assert!(stored.has_every_attempt() && stored.damage.is_empty());
    assert_eq!(stored.manifest.num_images, stored.images.len());
    let results = stored.results.iter();
    results
        .map(|result| {
            let path = stored.images[result.image].file.path.clone();
            ((path, result.attempt), result.values.get(LPIPS).unwrap())
        })
        .collect()
}

#[test]
fn images_are_scored_as_they_come_and_as_they_are_at_once() {
    let folder = line();
    let at = |name: &str| folder.path().join(name);
    let (camera, run) = (at("camera"), at("run.lmdrun"));
    let digits = samples("mnist");
    let put = |digit: usize, name: &str| fs::copy(&digits[digit], camera.join(name)).unwrap();
    let inside = at("in");
    let watched = [
        &["score", "--model", "bundled", "--in-domain", text(&inside)],
        &["--watch", text(&camera), "--json", "--output", text(&run)],
        &STEPS[..],
    ];
    let mut watching = Watching::begin(&watched.concat());
    put(0, "a.png");
    let (path, first) = watching.image();
    assert_eq!(path, camera.join("a.png"));

    // One that is written slowly, one that appears whole, a copy, one that is no image, and one whose name is hidden.
    let whole = fs::read(&digits[1]).unwrap();
    fs::write(camera.join("slow.png"), &whole[..whole.len() / 2]).unwrap();
    fs::write(camera.join("junk.png"), b"junk").unwrap();
    put(0, "copy.png");
    put(2, ".b.png");
    fs::rename(camera.join(".b.png"), camera.join("b.png")).unwrap();
    assert_eq!(watching.image().0, camera.join("b.png"));
    fs::write(camera.join("slow.png"), &whole).unwrap();
    assert_eq!(watching.image().0, camera.join("slow.png"));
    // Another image under a name that was there is an image of its own.
    put(3, "a.png");
    let (path, second) = watching.image();
    assert_eq!(path, camera.join("a.png"));
    assert!(first != second, "{first}");
    let (code, said) = watching.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("20 in-domain, 0 out-of-domain, 4 unknown images"),
        "{said}"
    );

    // It goes on with what has come meanwhile, and tells nothing twice.
    put(4, "late.png");
    let resumed = [
        "score",
        "--resume",
        text(&run),
        "--watch",
        text(&camera),
        "--json",
    ];
    let mut watching = Watching::begin(&resumed);
    assert_eq!(watching.image().0, camera.join("late.png"));
    let (code, said) = watching.end();
    assert_eq!(code, Some(0), "{said}");

    // The first image of `a.png` is gone by now; all others score as in a run of the folder as it is.
    let at_once = at("at-once.lmdrun");
    for name in ["junk.png", "copy.png"] {
        fs::remove_file(camera.join(name)).unwrap();
    }
    let plain = [
        &["score", "--model", "bundled", "--in-domain", text(&inside)],
        &["--unknown", text(&camera), "--output", text(&at_once)][..],
        &STEPS[..],
    ];
    let output = lmd(&plain.concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(values(&run), values(&at_once));
}

#[test]
fn a_watch_that_can_not_begin_says_why() {
    let folder = line();
    let camera = folder.path().join("camera");
    let missing = folder.path().join("no-such");
    let output = lmd(&["score", "--model", "bundled", "--watch", text(&missing)]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("--watch takes folders that are there") && said.contains("no-such"),
        "{said}"
    );
    let shard = [
        "score",
        "--model",
        "bundled",
        "--watch",
        text(&camera),
        "--shard",
        "1/2",
    ];
    assert_eq!(lmd(&shard).status.code(), Some(2));

    // Before the first image there is nothing to keep.
    let run = folder.path().join("run.lmdrun");
    let empty = [
        "score",
        "--model",
        "bundled",
        "--watch",
        text(&camera),
        "--output",
        text(&run),
    ];
    let mut child = command(&empty).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.contains("waiting for the first image in"), "{line}");
    Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    said.read_line(&mut line).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{line}");
    assert!(
        line.contains("nothing was written") && !run.exists(),
        "{line}"
    );
}
