//! Images and requests that nothing good can come of: each has its sentence.

use std::fs;
use std::path::Path;

use image::{GrayImage, Luma};

use super::command::{SHORT, pictures, refused, train};
#[cfg(target_os = "linux")]
use crate::binary::text;

#[test]
fn images_that_nothing_can_be_learnt_from_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    refused(&train(&empty, &model, &SHORT), "the folder holds no images");
    let one = tempfile::tempdir().unwrap();
    let images = pictures(one.path(), 1);
    refused(
        &train(&images, &model, &SHORT),
        "at least 2 different images",
    );
    // Files that differ, of one picture.
    fs::remove_file(images.join("0.png")).unwrap();
    let picture = GrayImage::from_pixel(8, 8, Luma([90]));
    picture.save(images.join("a.png")).unwrap();
    GrayImage::from_pixel(9, 9, Luma([90]))
        .save(images.join("b.bmp"))
        .unwrap();
    refused(
        &train(&images, &model, &SHORT),
        "look the same at 16x16 pixels",
    );
    fs::write(images.join("a.png"), "no picture").unwrap();
    fs::write(images.join("b.bmp"), "no picture").unwrap();
    refused(
        &train(&images, &model, &SHORT),
        "none of the 2 image files can be read",
    );
    assert!(!model.exists() && !folder.path().join("model.training").exists());
}

/// The note of a training that was begun all the same.
#[track_caller]
fn trained_with(images: &Path, output: &Path, notes: &[&str]) {
    let made = train(images, output, &SHORT);
    let errors = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{errors}");
    for note in notes {
        assert!(errors.contains(note), "`{note}` is not in `{errors}`");
    }
}

#[test]
fn sizes_from_one_pixel_to_photos_are_brought_to_one_and_tiny_ones_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let images = pictures(folder.path(), 6);
    let save = |name: &str, (width, height): (u32, u32)| {
        let picture =
            GrayImage::from_fn(width, height, |x, y| Luma([((x / 7 + y / 5) % 200) as u8]));
        picture.save(images.join(name)).unwrap();
    };
    save("one.png", (1, 1));
    save("flat.png", (40, 3));
    save("photo.png", (8000, 6000));
    fs::write(images.join("broken.png"), b"\x89PNG\r\n\x1a\nand no more").unwrap();
    let model = folder.path().join("model");
    trained_with(
        &images,
        &model,
        &[
            "2 of 9 images have half of 16 pixels a side or fewer",
            "skipped: ",
            "broken.png",
        ],
    );
}

#[test]
fn noise_is_learnt_but_told() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("noise");
    fs::create_dir(&images).unwrap();
    let mut state = 1_u32;
    for index in 0..200 {
        let picture = GrayImage::from_fn(16, 16, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Luma([(state >> 24) as u8])
        });
        picture.save(images.join(format!("{index}.png"))).unwrap();
    }
    let model = folder.path().join("model");
    trained_with(&images, &model, &["the images look like random noise"]);
}

#[test]
fn a_benchmarks_folder_is_told_to_be_named_by_its_good_part() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model");
    let bottle = folder.path().join("bottle");
    for part in ["train", "test", "ground_truth"] {
        fs::create_dir_all(bottle.join(part)).unwrap();
    }
    let good = pictures(&bottle.join("train"), 4);
    fs::rename(good, bottle.join("train/good")).unwrap();
    refused(&train(&bottle, &model, &SHORT), "name train/good itself");
    let made = train(&bottle.join("train/good"), &model, &SHORT);
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
}

/// `lmd` in a shell that limits it, given what the shell does first.
#[cfg(target_os = "linux")]
fn limited(first: &str, images: &Path, output: &Path, more: &[&str]) -> std::process::Output {
    let script = format!("{first}; exec \"$@\"");
    std::process::Command::new("sh")
        .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_lmd"), "train"])
        .args(["--in-domain", text(images), "--output", text(output)])
        .args(more)
        .output()
        .unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn a_network_that_does_not_fit_into_the_memory_is_refused_with_one_that_does() {
    let folder = tempfile::tempdir().unwrap();
    let images = pictures(folder.path(), 8);
    let model = folder.path().join("model");
    let large = ["--network", "large", "--size", "128", "--steps", "1"];
    let output = limited("ulimit -v 1500000", &images, &model, &large);
    refused(&output, "pixels would fit");
    assert!(!folder.path().join("model.training").exists());
}

#[test]
#[cfg(target_os = "linux")]
fn a_disk_without_room_for_a_checkpoint_is_told_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let images = pictures(folder.path(), 8);
    let model = folder.path().join("model");
    // A file may have a megabyte: a state takes many.
    let output = limited("trap '' XFSZ; ulimit -f 2000", &images, &model, &SHORT);
    refused(&output, "can't be written: ");
    refused(&output, "make room");
    let work = folder.path().join("model.training");
    let states = fs::read_dir(&work).unwrap().flatten();
    let states = states.filter(|entry| entry.file_name().to_string_lossy().starts_with("state"));
    assert_eq!(
        states.count(),
        0,
        "half a state is in the way of making room"
    );
    assert!(!model.exists());
}
