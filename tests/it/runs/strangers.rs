//! Run files made to do harm: their checksums are right, their content is not.

use std::fs;

use lmd_inspector::runs::file::{self, FileError, KeepPictures, Manifest};
use rusqlite::params;

use super::support::{
    NUM_ATTEMPTS, NUM_IMAGES, Value, checksum, errors, execute, images, manifest, text, write,
};
use crate::binary::{command, not_run};
use crate::images::support::{encode, picture, png_header};

#[test]
fn pictures_that_would_fill_all_memory_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    let large = encode(&picture(900, 900), image::ImageFormat::Png);
    for (png, says) in [
        (png_header(30_000, 30_000), "30000 x 30000"),
        // Within the limits of a picture, but a run has pictures of its model's size only.
        (png_header(8192, 8192), "another size"),
        (large, "another size"),
    ] {
        write(&path, KeepPictures::All);
        let sum = checksum("originals", &[Value::Int(1), Value::Bytes(&png)]);
        let sql = "UPDATE originals SET png = ?1, checksum = ?2 WHERE image = 1";
        execute(&path, sql, params![png, sum]);
        let sum = checksum(
            "pictures",
            &[Value::Int(2), Value::Int(1), Value::Bytes(&png)],
        );
        let sql = "UPDATE pictures SET png = ?1, checksum = ?2 WHERE image = 2 AND attempt = 1";
        execute(&path, sql, params![png, sum]);
        let run = file::read(&path).unwrap();
        assert_eq!(run.damage.len(), 2, "{:?}", run.damage);
        assert!(
            run.damage.iter().all(|damage| damage.contains(says)),
            "{:?}",
            run.damage
        );
        assert_eq!(
            run.results.len(),
            NUM_IMAGES * NUM_ATTEMPTS,
            "its scores stay"
        );
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_run_of_more_images_than_its_file_can_hold_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    write(&path, KeepPictures::None);
    let mut json = serde_json::to_value(manifest(KeepPictures::None)).unwrap();
    for (field, value) in [
        ("num_images", 1_u64 << 24),
        ("num_images", u64::from(u32::MAX)),
        ("num_images", 1 << 60),
    ] {
        json[field] = value.into();
        let text = json.to_string();
        let sum = checksum("manifest", &[Value::Int(1), Value::Bytes(text.as_bytes())]);
        execute(
            &path,
            "UPDATE manifest SET json = ?1, checksum = ?2",
            params![text, sum],
        );
        let error = file::read(&path).unwrap_err();
        assert!(error.to_string().contains("impossible"), "{value}: {error}");
        assert!(matches!(
            file::resume(&path),
            Err(FileError::Damaged { .. })
        ));
    }
}

/// Every path in the file is a pipe: whoever opens one waits for ever.
#[cfg(unix)]
#[test]
fn opening_a_run_touches_no_path_in_it() {
    use std::time::{Duration, Instant};
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.png");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    if !made.is_ok_and(|status| status.success()) {
        return not_run("a run that names pipes: there is no `mkfifo` here");
    }
    let path = folder.path().join("run.lmdrun");
    let mut json = serde_json::to_value(manifest(KeepPictures::All)).unwrap();
    json["model"]["source"] = text(&pipe).into();
    json["working_folder"] = text(&pipe).into();
    json["folders"] = serde_json::json!([{"role": "in-domain", "path": text(&pipe)}]);
    json["settings"]["mask"] = serde_json::json!({"file": text(&pipe)});
    let new: Manifest = serde_json::from_value(json).unwrap();
    let mut images = images();
    for (image, _) in &mut images {
        let mut file = (*image.file).clone();
        file.path.clone_from(&pipe);
        image.file = file.into();
        image.folder = pipe.clone().into();
    }
    // Half known.
    let luma: Vec<u8> = (0..256)
        .map(|pixel| if pixel < 128 { 255 } else { 0 })
        .collect();
    let mut writer = file::create(&path, &new, &images, &luma, false).unwrap();
    writer.append(&super::support::batch(0), 0.1).unwrap();
    writer.finish().unwrap();

    let page = folder.path().join("report.html");
    let mut child = command(&[
        "export",
        text(&path),
        "--csv",
        text(&folder.path().join("scores.csv")),
        "--images",
        text(&folder.path().join("pictures")),
        "--report",
        text(&page),
    ])
    .stderr(std::process::Stdio::piped())
    .spawn()
    .unwrap();
    let deadline = Instant::now() + Duration::from_mins(1);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("it waits for a path of the run");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", errors(&output));
    assert!(fs::read_to_string(&page).unwrap().contains("pipe.png"));
}
