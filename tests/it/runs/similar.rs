//! Which images of a run look alike, on the command line.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::codecs::jpeg::JpegEncoder;
use lmd_inspector::engine::Control;
use lmd_inspector::engine::similar::Looker;
use lmd_inspector::engine::similar::files::near_duplicates;
use lmd_inspector::images::sources::{self, Wanted};
use lmd_inspector::ood::Role;
use lmd_inspector::runs::RunImage;
use lmd_inspector::runs::file::KeepPictures;

use super::support::{begin, errors, lmd, root, text, write};

/// Six in-domain and six out-of-domain samples with a planted copy of an in-domain one among the latter.
fn planted(folder: &Path) -> PathBuf {
    let samples = root().join("assets/samples");
    let images = folder.join("images");
    for (name, role) in [("fashion-mnist", "in"), ("mnist", "out")] {
        fs::create_dir_all(images.join(role)).unwrap();
        for index in 0..6 {
            let from = samples.join(name).join(format!("{index:05}.png"));
            fs::copy(from, images.join(role).join(format!("{index}.png"))).unwrap();
        }
    }
    let mut copy = image::open(images.join("in/3.png")).unwrap().to_luma8();
    for pixel in copy.pixels_mut() {
        pixel.0[0] = (f32::from(pixel.0[0]) * 0.95 + 5.0) as u8;
    }
    let file = fs::File::create(images.join("out/copy.jpg")).unwrap();
    (JpegEncoder::new_with_quality(file, 80).encode_image(&copy)).unwrap();
    images
}

/// The same scored once; the folder of the images and the run.
fn scored(folder: &Path) -> (PathBuf, PathBuf) {
    let images = planted(folder);
    let run = folder.join("run.lmdrun");
    let (inside, outside) = (images.join("in"), images.join("out"));
    let output = lmd(&[
        "score",
        "--model",
        "bundled",
        "--in-domain",
        text(&inside),
        "--out-of-domain",
        text(&outside),
        "--attempts",
        "1",
        "--steps",
        "2",
        "--output",
        text(&run),
    ]);
    assert!(output.status.success(), "{}", errors(&output));
    let said = errors(&output);
    let note = "note: 2 images of different roles are nearly the same picture, e.g. ";
    assert!(said.contains(note), "{said}");
    (images, run)
}

fn similar(run: &Path, args: &[&str]) -> String {
    let output = lmd(&[&["similar", text(run)], args].concat());
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn refusal(run: &Path, args: &[&str]) -> String {
    let output = lmd(&[&["similar", text(run)], args].concat());
    assert_eq!(output.status.code(), Some(2), "{}", errors(&output));
    errors(&output)
}

#[test]
fn the_images_most_like_one_and_near_duplicates_are_listed_without_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let (images, run) = scored(folder.path());
    let before = fs::read(&run).unwrap();
    // The pictures are in the run.
    let moved = folder.path().join("moved");
    fs::rename(&images, &moved).unwrap();
    let listed = similar(&run, &["--image", "in/3.png", "--count", "3"]);
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines.len(), 3, "{listed}");
    assert!(lines[0].starts_with("0.99"), "{listed}");
    assert!(lines[0].contains("  out-of-domain  ") && lines[0].ends_with("out/copy.jpg"));
    let json = similar(&run, &["--image", text(&moved.join("in/3.png")), "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let found = json["similar"].as_array().unwrap();
    assert_eq!(found.len(), 10);
    assert!(
        json["image"]["path"]
            .as_str()
            .unwrap()
            .ends_with("in/3.png")
    );
    let likeness = |entry: &serde_json::Value| entry["similarity"].as_f64().unwrap();
    assert!(found.is_sorted_by(|a, b| likeness(a) >= likeness(b)));
    assert_eq!(found[0]["role"], "out-of-domain");
    assert_eq!(found[0]["sha256"].as_str().unwrap().len(), 64);

    let listed = similar(&run, &["--duplicates"]);
    assert_eq!(listed.lines().count(), 1, "{listed}");
    assert!(
        listed.contains("in/3.png") && listed.contains("out/copy.jpg"),
        "{listed}"
    );
    let json = similar(&run, &["--duplicates", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let pairs = json["duplicates"].as_array().unwrap();
    assert_eq!(pairs.len(), 1, "{json}");
    assert_eq!(pairs[0]["across_roles"], true);
    assert_eq!(fs::read(&run).unwrap(), before);
}

#[test]
fn files_that_are_nearly_the_same_in_two_roles_are_named_before_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let images = planted(folder.path());
    let listed = |role: Role, name: &str| {
        let path = images.join(name);
        let wanted = Wanted::of_role(role, None);
        let listing = sources::list(&path, wanted, &mut |_| ControlFlow::Continue(())).unwrap();
        let folder = Arc::new(path);
        listing.files.into_iter().map(move |file| RunImage {
            file,
            role,
            folder: Arc::clone(&folder),
        })
    };
    let all: Vec<RunImage> = listed(Role::InDomain, "in")
        .chain(listed(Role::OutOfDomain, "out"))
        .collect();
    let mut looker = Looker::open(Some(1)).unwrap();
    let mut told =
        |images: &[RunImage]| near_duplicates(images, &mut looker, &Control::default()).unwrap();
    let said = told(&all).unwrap();
    assert!(
        said.starts_with("2 images of different roles are nearly the same picture"),
        "{said}"
    );
    assert!(
        said.contains("3.png (in-domain)") && said.contains("copy.jpg (out-of-domain)"),
        "{said}"
    );
    // A file that has changed since it was listed, and those that are left, are nobody's twins.
    fs::write(images.join("out/copy.jpg"), "no picture").unwrap();
    assert_eq!(told(&all), None);
}

#[test]
fn what_can_not_be_compared_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.lmdrun");
    write(&run, KeepPictures::None);
    for (args, said) in [
        (&[][..], "required"),
        (&["--image", "a.png", "--duplicates"], "cannot be used with"),
        (&["--duplicates", "--count", "3"], "cannot be used with"),
        (
            &["--image", "none.png"],
            "no image of the run has this path or content: none.png",
        ),
        (&["--image", "=odd\n1.png", "--count", "0"], "0 is not in"),
    ] {
        let told = refusal(&run, args);
        assert!(told.contains(said), "{args:?}: {told}");
    }
    let listed = similar(&run, &["--image", "=odd\n1.png", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed["similar"].as_array().map(Vec::len), Some(5));
    let begun = folder.path().join("begun.lmdrun");
    drop(begin(&begun, KeepPictures::None));
    let told = refusal(&begun, &["--duplicates"]);
    assert!(
        told.contains("no attempt was made yet") && told.contains("begun.lmdrun"),
        "{told}"
    );
    let told = refusal(&begun, &["--image", "=odd\n1.png"]);
    assert!(told.contains("has no picture of this image"), "{told}");
    assert!(refusal(&folder.path().join("none.lmdrun"), &["--duplicates"]).contains("none.lmdrun"));
}
