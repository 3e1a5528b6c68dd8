//! Data sets as other programs lay them out, by the real binary.

use std::fs;
use std::path::{Path, PathBuf};

use crate::binary::{lmd, root, text};

/// MVTec AD's folders in small: clothes are good, digits are defects, and the masks are white.
pub fn benchmark() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path(), "train/good", "fashion-mnist", 0..2);
    put(folder.path(), "test/good", "fashion-mnist", 2..5);
    put(folder.path(), "test/dent", "mnist", 0..2);
    put(folder.path(), "test/scratch", "mnist", 2..5);
    put(folder.path(), "ground_truth/dent", "mnist", 5..7);
    folder
}

fn put(folder: &Path, name: &str, samples: &str, indices: std::ops::Range<usize>) {
    let folder = folder.join(name);
    fs::create_dir_all(&folder).unwrap();
    for index in indices {
        let name = format!("{index:05}.png");
        let from = root().join("assets/samples").join(samples).join(&name);
        fs::copy(from, folder.join(name)).unwrap();
    }
}

/// A quick scan; exit code, standard output and standard error.
fn score(more: &[&str]) -> (Option<i32>, String, String) {
    let quick = [
        "score",
        "--model",
        "bundled",
        "--method",
        "one-call-norm",
        "--json",
    ];
    let output = lmd(&[&quick[..], more].concat());
    let utf8 = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        utf8(output.stdout),
        utf8(output.stderr),
    )
}

fn summary(more: &[&str]) -> (serde_json::Value, String) {
    let (code, answer, told) = score(more);
    assert_eq!(code, Some(0), "{told}");
    (serde_json::from_str(&answer).unwrap(), told)
}

#[test]
fn a_benchmark_is_scored_by_its_layout_with_figures_for_each_kind_of_defect() {
    let set = benchmark();
    let out = tempfile::tempdir().unwrap();
    let report = out.path().join("report");
    let (summary, told) = summary(&["--layout", text(set.path()), "--output", text(&report)]);
    for line in [
        "is laid out as a benchmark like MVTec AD",
        "  in-domain      3 images  test/good          normal images",
        "  out-of-domain  2 images  test/dent          images that do not belong",
        "  out-of-domain  3 images  test/scratch       images that do not belong",
        "  left out       2 images  ground_truth       masks, no images to score",
        "  left out       2 images  train/good         normal images for training",
    ] {
        let spaced = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(spaced(&told).contains(&spaced(line)), "{line}\n{told}");
    }
    assert_eq!(summary["images"]["in"], 3);
    assert_eq!(summary["images"]["out"], 5);
    let folders = summary["per_folder"].to_string();
    assert!(
        folders.contains("test/dent") && folders.contains("test/scratch"),
        "{folders}"
    );
    let scores = fs::read_to_string(report.join("scores.csv")).unwrap();
    assert!(
        !scores.contains("ground_truth") && !scores.contains("train"),
        "{scores}"
    );

    // Another role for a part, by the end of its name.
    let run = out.path().join("run.lmdrun");
    let changes = ["--as", "scratch=unknown", "--as", "dent=left-out"];
    let args = ["--layout", text(set.path()), "--output", text(&run)];
    let (changed, _) = self::summary(&[&args[..], &changes].concat());
    assert_eq!(changed["images"]["out"], 0);
    assert_eq!(changed["images"]["unknown"], 3);
}

#[test]
fn a_folder_with_masks_or_defects_in_it_is_refused_as_one_of_good_images() {
    let set = benchmark();
    let out = tempfile::tempdir().unwrap();
    let output = out.path().join("run.lmdrun");
    for role in ["--in-domain", "--out-of-domain", "--unknown"] {
        let more: &[&str] = if role == "--out-of-domain" {
            &["--unknown", "/tmp"]
        } else {
            &[]
        };
        let args = [role, text(set.path()), "--output", text(&output)];
        let (code, _, told) = score(&[&args[..], more].concat());
        assert_eq!(code, Some(2), "{role}: {told}");
        assert!(told.contains("ground_truth (masks)"), "{role}: {told}");
        assert!(told.contains("`lmd score --layout`"), "{role}: {told}");
        assert!(!output.exists(), "{role}");
    }
    let detector = out.path().join("d.json");
    for words in [
        vec![
            "calibrate",
            "--model",
            "bundled",
            "--in-domain",
            text(set.path()),
            "--output",
            text(&detector),
        ],
        vec![
            "fit",
            "--method",
            "msma",
            "--model",
            "bundled",
            "--in-domain",
            text(set.path()),
            "--output",
            text(&detector),
        ],
        vec![
            "train",
            "--in-domain",
            text(set.path()),
            "--output",
            text(&detector),
        ],
    ] {
        let output = lmd(&words);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{words:?}: {told}");
        assert!(told.contains("ground_truth"), "{words:?}: {told}");
    }
    // Its parts are folders like any other.
    let part = |name: &str| set.path().join(name);
    let (good, test) = (part("test/good"), part("test"));
    let (found, _) = summary(&[
        "--in-domain",
        text(&good),
        "--unknown",
        text(&test),
        "--output",
        text(&output),
    ]);
    assert_eq!(found["images"]["unknown"], 8);
}

/// A table beside the images of [`benchmark`].
fn table(set: &Path, name: &str, content: &str) -> PathBuf {
    let path = set.join(name);
    fs::write(&path, content).unwrap();
    path
}

#[test]
fn tables_of_the_peers_are_scored_and_what_is_wrong_is_said_with_its_line() {
    let set = benchmark();
    let out = tempfile::tempdir().unwrap();
    let content = "\u{FEFF}image_path;label;comment\n\
        test/good/00002.png;good;\"two\nlines\"\n\
        test/good/00003.png;good;\n\
        test/dent/00000.png;defect;\n\
        test/dent/none.png;defect;\n\
        ;good;\n\
        test/dent/00001.png;dent?;\n";
    let path = table(set.path(), "table.csv", content);
    let run = |name: &str| out.path().join(name);
    let (found, told) = summary(&["--layout", text(&path), "--output", text(&run("1.lmdrun"))]);
    assert_eq!(
        (&found["images"]["in"], &found["images"]["out"]),
        (&2.into(), &1.into())
    );
    assert_eq!(found["images"]["skipped"], 1);
    for words in [
        "1 image of the table is not there, the first one is on line 6",
        "line 7 of the table names no image",
        "the label `dent?` (first on line 8 of the table) does not say whether an image belongs",
        "skipped: there is no such folder or file (line 6 of the table)",
    ] {
        assert!(told.contains(words), "{words}\n{told}");
    }
    // Where every row has to count, the first one that doesn't is refused.
    let (code, _, told) = score(&["--labels", text(&path), "--output", text(&run("2.lmdrun"))]);
    assert_eq!(code, Some(2), "{told}");
    assert!(
        told.contains("line 7 of the table names no image"),
        "{told}"
    );

    let lines = "{\"file_name\": \"good/00002.png\", \"label\": 0}\n{\"file_name\": \"dent/00000.png\", \"label\": 1}\n";
    table(set.path(), "test/metadata.jsonl", lines);
    let (found, told) = summary(&[
        "--layout",
        text(&set.path().join("test")),
        "--output",
        text(&run("3.lmdrun")),
    ]);
    assert!(told.contains("Hugging Face"), "{told}");
    assert_eq!(
        (&found["images"]["in"], &found["images"]["out"]),
        (&1.into(), &1.into())
    );

    // A part of a table is a source wherever one is named, also when the run is resumed.
    let part = path.join("good");
    let run_file = run("4.lmdrun");
    let (found, _) = summary(&["--in-domain", text(&part), "--output", text(&run_file)]);
    assert_eq!(found["images"]["in"], 2);
    let again = lmd(&["score", "--resume", text(&run_file)]);
    assert_eq!(again.status.code(), Some(0), "{:?}", again.stderr);
    let (code, _, told) = score(&[
        "--in-domain",
        text(&part),
        "--output",
        text(&path),
        "--overwrite",
    ]);
    assert_eq!(code, Some(2), "the table is read: {told}");
}

#[test]
fn bad_requests_for_layouts_say_what_to_do() {
    let set = benchmark();
    let plain = set.path().join("test/dent");
    let path = text(set.path());
    let other = tempfile::tempdir().unwrap();
    let above = other.path().join("all");
    fs::create_dir(&above).unwrap();
    fs::rename(benchmark().keep(), above.join("bottle")).unwrap();
    let unclear = table(set.path(), "t.csv", "path,label\ntest/dent/00000.png,cat\n");
    for (args, sentence) in [
        (&["--layout", "/no/such"][..], "the data set can't be read"),
        (
            &["--layout", text(&plain)],
            "nothing here says which images belong",
        ),
        (
            &["--layout", path, "--as", "crack=unknown"],
            "--as crack: there is no such part; the parts are ground_truth, ",
        ),
        (
            &["--layout", path, "--as", "good=unknown"],
            "--as good: more than one part ends so",
        ),
        (&["--layout", path, "--as", "good"], "expected PART=ROLE"),
        (
            &["--layout", text(&above)],
            "take one at a time, such as by --layout",
        ),
        (
            &["--in-domain", text(&above)],
            "take one of them at a time, such as by `lmd score --layout",
        ),
        (
            &["--layout", text(&unclear)],
            "such as by --as cat=in-domain",
        ),
        (&["--in-domain", path, "--as", "good=unknown"], "--layout"),
        (
            &["--resume", "x.lmdrun", "--layout", path],
            "cannot be used with",
        ),
    ] {
        let (code, _, told) = score(args);
        assert_eq!(code, Some(2), "{args:?}: {told}");
        assert!(told.contains(sentence), "{args:?}: {told}");
    }
    let compare = ["compare-detectors", "--model", "bundled", "--output", path];
    let output = lmd(&[&compare[..], &["--layout", text(&above)]].concat());
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("these are several data sets"), "{told}");
}
