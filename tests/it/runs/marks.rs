//! Marks of a run on the command line.

use std::fs;
use std::path::Path;

use lmd_inspector::images::sources::labels;
use lmd_inspector::ood::Role;
use lmd_inspector::runs::file::{self, KeepPictures};
use lmd_inspector::runs::{Calibration, MarkChange, Marks, marks, run_library};

use super::support::{
    NUM_IMAGES, batch, errors, images, lmd, manifest, score_args, strs, text, write,
};

/// `lmd marks` of a run, which must do what it is asked.
fn marks_of(run: &Path, args: &[&str]) -> String {
    let output = lmd(&[&["marks", text(run)], args].concat());
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// The sentence with which it refuses.
fn refusal(run: &Path, args: &[&str]) -> String {
    let output = lmd(&[&["marks", text(run)], args].concat());
    assert_eq!(output.status.code(), Some(2), "{}", errors(&output));
    errors(&output)
}

#[test]
fn marks_are_set_printed_and_taken_back_and_the_run_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.lmdrun");
    write(&run, KeepPictures::None);
    let before = fs::read(&run).unwrap();
    assert_eq!(marks_of(&run, &[]), "no image of the run has marks\n");
    let image = "=odd\n1.png";
    let args = [
        "--tag",
        "blur",
        "--tag",
        " two  words ",
        "--role",
        "in-domain",
    ];
    let more = ["--reviewed", "--note", "one\ntwo", "--image", image];
    assert_eq!(marks_of(&run, &[&args[..], &more].concat()), "");
    marks_of(
        &run,
        &["--reviewed", "--image", "=odd\n0.png", "=odd\n2.png"],
    );
    marks_of(&run, &["--reviewed=no", "--image", "=odd\n2.png"]);
    let found: serde_json::Value = serde_json::from_str(&marks_of(&run, &["--json"])).unwrap();
    let expected = serde_json::json!({
        "images": [
            {
                "path": found["images"][0]["path"], "sha256": "00".repeat(32), "role": "in-domain",
                "corrected_role": null, "tags": [], "reviewed": true, "note": "",
            },
            {
                "path": found["images"][1]["path"], "sha256": "01".repeat(32), "role": "out-of-domain",
                "corrected_role": "in-domain", "tags": ["blur", "two words"], "reviewed": true,
                "note": "one\ntwo",
            },
        ],
        "tags": {"blur": 1, "two words": 1},
    });
    assert_eq!(found, expected);
    let path = found["images"][1]["path"].as_str().unwrap();
    assert!(path.ends_with(&format!("out-of-domain/{image}")), "{path}");
    let table = marks_of(&run, &[]);
    assert!(table.contains("blur, two words  one / two\n"), "{table}");
    let args = [
        "--untag", "blur", "--role", "none", "--note", "", "--image", path,
    ];
    marks_of(&run, &args);
    let stored = marks::load(&run).unwrap();
    let (_, left) = stored.iter().nth(1).unwrap();
    assert_eq!(left.tags.iter().collect::<Vec<_>>(), ["two words"]);
    assert!(left.corrected.is_none() && left.note.is_empty() && left.is_reviewed);
    assert_eq!(fs::read(&run).unwrap(), before);
}

#[test]
fn an_image_is_known_by_its_content_wherever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.lmdrun");
    let output = lmd(&strs(&score_args(&run)));
    assert!(output.status.success(), "{}", errors(&output));
    let stored = file::read(&run).unwrap();
    let first = &stored.images[5].file;
    let moved = folder.path().join("elsewhere.bin");
    fs::copy(&first.path, &moved).unwrap();
    marks_of(&run, &["--tag", "moved", "--image", text(&moved)]);
    let marks = marks::load(&run).unwrap();
    assert_eq!(marks.iter().next().unwrap().0, &first.hash);
    let said = refusal(&run, &["--tag", "x", "--image", text(&run)]);
    assert!(
        said.contains("no image of the run has this path or content"),
        "{said}"
    );
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.lmdrun");
    write(&run, KeepPictures::None);
    let image = "=odd\n1.png";
    for (args, said) in [
        (&["--tag", "x"][..], "--image"),
        (&["--image", image], "required"),
        (&["--tag", "a,b", "--image", image], "without commas"),
        (&["--tag", " ", "--image", image], "without commas"),
        (
            &["--tag", "x", "--image", "none.png"],
            "no image of the run",
        ),
        (
            &["--tag", "x", "--image", image, "none.png"],
            "no image of the run",
        ),
        (&["--role", "unknown", "--image", image], "invalid value"),
        (&["--json", "--export", "/tmp/x.csv"], "cannot be used with"),
    ] {
        let told = refusal(&run, args);
        assert!(told.contains(said), "{args:?}: {told}");
    }
    assert!(!marks::file_of(&run).exists());
    let missing = refusal(&folder.path().join("none.lmdrun"), &[]);
    assert!(missing.contains("none.lmdrun"), "{missing}");
}

#[test]
fn marks_of_a_newer_program_or_damaged_ones_are_refused_and_stay() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.lmdrun");
    write(&run, KeepPictures::None);
    for (content, said) in [("{\"lmd_marks\": 2}", "form 2"), ("\0\0", "is damaged")] {
        fs::write(marks::file_of(&run), content).unwrap();
        for args in [&[][..], &["--tag", "x", "--image", "=odd\n1.png"]] {
            let told = refusal(&run, args);
            assert!(told.contains(said), "{told}");
        }
        assert_eq!(fs::read_to_string(marks::file_of(&run)).unwrap(), content);
        // The run itself is read all the same.
        let table = folder.path().join("scores.csv");
        let output = lmd(&["export", text(&run), "--csv", text(&table), "--overwrite"]);
        assert!(output.status.success(), "{}", errors(&output));
    }
}

#[test]
fn exported_labels_are_read_back_as_corrected() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.lmdrun");
    let output = lmd(&strs(&score_args(&run)));
    assert!(output.status.success(), "{}", errors(&output));
    let stored = file::read(&run).unwrap();
    let (inside, outside) = (&stored.images[0].file.path, &stored.images[6].file.path);
    marks_of(
        &run,
        &[
            "--role",
            "out-of-domain",
            "--note",
            "a, \"b\"\nc",
            "--image",
            text(inside),
        ],
    );
    marks_of(
        &run,
        &[
            "--role",
            "in-domain",
            "--tag",
            "=x",
            "--tag",
            "y",
            "--image",
            text(outside),
        ],
    );
    let table = folder.path().join("labels.csv");
    marks_of(&run, &["--export", text(&table)]);
    let written = fs::read_to_string(&table).unwrap();
    let head = "path,role,original_role,corrected_role,tags,reviewed,note\n";
    assert!(written.starts_with(head), "{written}");
    let row = format!(
        "{},out-of-domain,in-domain,out-of-domain,,no,\"a, \"\"b\"\"\nc\"\n",
        text(inside)
    );
    assert!(written.contains(&row), "{written}");
    let row = format!(
        "{},in-domain,out-of-domain,in-domain,\"'=x;y\",no,\n",
        text(outside)
    );
    assert!(written.contains(&row), "{written}");
    let read = labels::read(&table).unwrap();
    assert_eq!(read.len(), stored.images.len());
    for ((path, role), image) in read.iter().zip(stored.images.iter()) {
        assert_eq!(*path, image.file.path);
        let expected = match path {
            path if path == inside => Role::OutOfDomain,
            path if path == outside => Role::InDomain,
            _ => image.role,
        };
        assert_eq!(*role, expected, "{}", path.display());
    }
    assert!(refusal(&run, &["--export", text(&table)]).contains("exists"));
    marks_of(&run, &["--export", text(&table), "--overwrite"]);
    let beside = marks::file_of(&run);
    let told = refusal(&run, &["--export", text(&beside), "--overwrite"]);
    assert!(told.contains("belongs to a run"), "{told}");
}

#[test]
fn a_report_says_the_area_as_given_and_as_corrected() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.lmdrun");
    write(&run, KeepPictures::None);
    let page = folder.path().join("report.html");
    let report = || {
        let output = lmd(&["export", text(&run), "--report", text(&page), "--overwrite"]);
        assert!(output.status.success(), "{}", errors(&output));
        fs::read_to_string(&page).unwrap()
    };
    assert!(!report().contains("corrected by hand"));
    // The scores fall from image to image: 0 and 3 are in-domain, 1 and 4 are not, 2 and 5 are not known.
    marks_of(&run, &["--role", "in-domain", "--image", "=odd\n1.png"]);
    marks_of(&run, &["--role", "out-of-domain", "--image", "=odd\n0.png"]);
    let told = report();
    let expected = "The roles of 2 images were corrected by hand: the AUROC by LPIPS is 0.2500 as given and 0.5000 as corrected.";
    assert!(told.contains(expected), "{told}");
}

#[test]
fn a_threshold_goes_by_corrected_roles_only_where_asked_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.lmdrun");
    write(&run, KeepPictures::None);
    marks_of(&run, &["--role", "in-domain", "--image", "=odd\n1.png"]);
    marks_of(&run, &["--role", "out-of-domain", "--image", "=odd\n0.png"]);
    // From out-of-domain to unknown would change no threshold.
    marks_of(&run, &["--role", "out-of-domain", "--image", "=odd\n5.png"]);
    let calibrated = |name: &str, more: &[&str]| {
        let path = folder.path().join(name);
        let args = [
            "calibrate",
            "--run",
            text(&run),
            "--false-alarm",
            "0.5",
            "--output",
            text(&path),
        ];
        let output = lmd(&[&args[..], more].concat());
        assert!(output.status.success(), "{}", errors(&output));
        (Calibration::load(&path).unwrap(), errors(&output))
    };
    let contents = |detector: &Calibration| -> Vec<String> {
        let images = detector.calibration.iter();
        images.map(|image| image.sha256.clone()).collect()
    };
    let of = |ids: [u8; 2]| ids.map(|id| format!("{id:02x}").repeat(32)).to_vec();
    let (given, told) = calibrated("given.json", &[]);
    assert_eq!((contents(&given), given.num_corrected), (of([0, 3]), 0));
    assert!(
        given.caveat().is_none() && !told.contains("corrected by hand after"),
        "{told}"
    );
    let (corrected, told) = calibrated("corrected.json", &["--corrected"]);
    assert_eq!(
        (contents(&corrected), corrected.num_corrected),
        (of([1, 3]), 2)
    );
    assert!(
        told.contains("corrected by hand after the images were scored (2 images)"),
        "{told}"
    );
    assert!(corrected.threshold < given.threshold);

    let detector = folder.path().join("corrected.json");
    let judged = lmd(&[
        "classify",
        "--detector",
        text(&detector),
        "--run",
        text(&run),
    ]);
    assert!(
        errors(&judged).contains("corrected by hand after"),
        "{}",
        errors(&judged)
    );
    let alone = folder.path().join("alone.json");
    let args = [
        "calibrate",
        "--corrected",
        "--in-domain",
        "x",
        "--output",
        text(&alone),
    ];
    assert_eq!(lmd(&args).status.code(), Some(2));
}

/// A run of the images whose numbers `is_in` takes, with marks.
fn part(path: &Path, is_in: impl Fn(usize) -> bool, changes: &[(u8, MarkChange)]) {
    let images: Vec<_> = images().into_iter().filter(|(_, id)| is_in(*id)).collect();
    let mut new = manifest(KeepPictures::None);
    new.num_images = images.len();
    let mut writer = file::create(path, &new, &images, &[], false).unwrap();
    let results = (batch(0).into_iter().enumerate())
        .filter(|(id, _)| *id < images.len())
        .map(|(_, result)| result);
    writer.append(&results.collect::<Vec<_>>(), 0.1).unwrap();
    writer.finish().unwrap();
    let mut marks = Marks::default();
    let mut contents = Vec::new();
    for (byte, change) in changes {
        let content = lmd_inspector::images::ContentHash([*byte; 32]);
        marks.change(content, change);
        contents.push(content);
    }
    marks::update(path, &contents, &marks).unwrap();
}

#[test]
fn merged_runs_have_the_marks_of_all_parts() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (a, b, whole) = (at("a.lmdrun"), at("b.lmdrun"), at("whole.lmdrun"));
    let correct = |role| MarkChange::Correct(Some(role));
    part(
        &a,
        |_| true,
        &[
            (0, MarkChange::Tag("x".into())),
            (0, MarkChange::Note("from a".into())),
            (1, correct(Role::InDomain)),
            (2, correct(Role::InDomain)),
        ],
    );
    part(
        &b,
        |_| true,
        &[
            (0, MarkChange::Tag("y".into())),
            (0, MarkChange::Note("from b".into())),
            (1, correct(Role::OutOfDomain)),
            (3, MarkChange::Review(true)),
        ],
    );
    let output = lmd(&["merge", text(&a), text(&b), "--output", text(&whole)]);
    assert!(output.status.success(), "{}", errors(&output));
    let told = errors(&output);
    assert!(told.contains("corrected to different roles"), "{told}");
    assert!(told.contains("1.png"), "{told}");
    let merged = marks::load(&whole).unwrap();
    let of = |byte: u8| {
        merged
            .of(&lmd_inspector::images::ContentHash([byte; 32]))
            .unwrap()
    };
    assert_eq!(of(0).tags.iter().collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(of(0).note, "from a\nfrom b");
    assert_eq!(of(1).corrected, None, "the runs disagree");
    assert!(of(1).note.contains("Corrected to in-domain in one run"));
    assert_eq!(of(2).corrected, Some(Role::InDomain));
    assert!(of(3).is_reviewed);
    // What can't be read is left out with a sentence.
    fs::write(marks::file_of(&b), "{").unwrap();
    let other = at("other.lmdrun");
    let output = lmd(&["merge", text(&a), text(&b), "--output", text(&other)]);
    assert!(output.status.success(), "{}", errors(&output));
    assert!(errors(&output).contains("left out: the file of marks is damaged"));
    assert_eq!(marks::load(&other).unwrap(), marks::load(&a).unwrap());
}

#[test]
fn no_run_with_marks_goes_to_make_room_and_they_go_with_a_run_that_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (marked, plain) = (at("marked.lmdrun"), at("plain.lmdrun"));
    write(&plain, KeepPictures::None);
    part(
        &marked,
        |id| id < NUM_IMAGES,
        &[(1, MarkChange::Review(true))],
    );
    assert_eq!(run_library::make_room(folder.path(), 0, &[]).unwrap(), 1);
    assert!(marked.exists() && !plain.exists());
    run_library::remove_one(folder.path(), &marked).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
