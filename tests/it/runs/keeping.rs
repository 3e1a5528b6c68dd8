//! What goes into a run file comes out of it.

use std::fs;

use lmd_inspector::runs::file::{self, FileError, KeepPictures};

use super::support::{
    NUM_ATTEMPTS, NUM_IMAGES, batch, begin, bits, expected, images, manifest, settings, write,
};

#[test]
fn a_run_comes_back_bit_by_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a ?#%.lmdrun");
    write(&path, KeepPictures::All);
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(names.len(), 1, "the file stands alone: {names:?}");

    let before = fs::read(&path).unwrap();
    let run = file::read(&path).unwrap();
    assert_eq!(run.damage, Vec::<String>::new());
    assert!(run.is_finished());
    assert_eq!(run.manifest.settings(), settings());
    assert_eq!(bits(&run.results), expected());
    let stored: Vec<_> = run.images.iter().cloned().zip(0..).collect();
    assert_eq!(stored, images());
    assert_eq!(run.notices, ["one of the notices"]);
    assert_eq!(run.segments[0].1.network_calls, 90);
    assert!(
        run.efforts
            .iter()
            .all(|effort| (effort.seconds, effort.segment) == (0.25, 1))
    );
    for result in &run.results {
        let original = &batch(result.attempt)[result.image];
        assert_eq!(result.inpainted, original.inpainted);
        assert_eq!(result.original, original.original);
        assert_eq!(result.statistics, original.statistics);
        assert_eq!(result.known_mask.as_ref().unwrap().side(), 16);
    }
    assert_eq!(fs::read(&path).unwrap(), before, "reading changes nothing");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn pictures_are_kept_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    for (keep, expected) in [
        (KeepPictures::All, vec![0, 1, 2]),
        // Distances fall with the attempt, so the middle one is the median.
        (KeepPictures::Median, vec![1]),
        (KeepPictures::None, vec![]),
    ] {
        let path = folder.path().join(format!("{keep:?}.lmdrun"));
        write(&path, keep);
        let run = file::read(&path).unwrap();
        assert_eq!(run.results.len(), NUM_IMAGES * NUM_ATTEMPTS);
        for image in 0..NUM_IMAGES {
            let kept: Vec<_> = (run.results.iter())
                .filter(|result| result.image == image && result.inpainted.is_some())
                .map(|result| result.attempt)
                .collect();
            assert_eq!(kept, expected, "{keep:?}, image {image}");
        }
    }
}

#[test]
fn a_file_has_one_writer_and_is_not_replaced_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    let mut writer = begin(&path, KeepPictures::All);
    writer.append(&batch(0), 0.1).unwrap();
    assert!(matches!(file::resume(&path), Err(FileError::Busy { .. })));
    assert!(matches!(file::read(&path), Err(FileError::Busy { .. })));
    writer.finish().unwrap();

    let new = manifest(KeepPictures::All);
    let error = file::create(&path, &new, &images(), &[], false).unwrap_err();
    assert!(error.to_string().contains("--overwrite"), "{error}");

    // Another process, as far as SQLite can tell.
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    for outcome in [
        file::resume(&path).map(|_| ()),
        file::create(&path, &new, &images(), &[], true).map(|_| ()),
    ] {
        let error = outcome.unwrap_err();
        assert!(error.to_string().contains("in use"), "{error}");
    }
    drop(other);
    assert_eq!(file::read(&path).unwrap().results.len(), NUM_IMAGES);
    drop(file::create(&path, &new, &images(), &[], true).unwrap());
    assert_eq!(file::read(&path).unwrap().results.len(), 0);
}

#[test]
fn a_resumed_file_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    let mut writer = begin(&path, KeepPictures::Median);
    writer.append(&batch(0), 0.1).unwrap();
    drop(writer);
    let (mut writer, stored) = file::resume(&path).unwrap();
    assert_eq!(stored.results.len(), NUM_IMAGES);
    assert!(
        writer.append(&batch(0), 0.1).is_err(),
        "an attempt is not kept twice"
    );
    for attempt in 1..NUM_ATTEMPTS {
        writer.append(&batch(attempt), 0.1).unwrap();
    }
    drop(writer);
    let run = file::read(&path).unwrap();
    assert_eq!(bits(&run.results), expected());
    let kept = run
        .results
        .iter()
        .filter(|result| result.inpainted.is_some());
    assert_eq!(kept.count(), NUM_IMAGES, "one median each");
}

#[test]
fn a_full_file_keeps_what_it_has_and_goes_on_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    let mut writer = begin(&path, KeepPictures::All);
    writer.append(&batch(0), 0.1).unwrap();
    writer.set_most_pages(1).unwrap(); // SQLite takes the present size for the least.
    let error = (1..NUM_ATTEMPTS)
        .find_map(|attempt| writer.append(&batch(attempt), 0.1).err())
        .unwrap();
    assert!(error.is_full(), "{error}");
    assert!(error.to_string().contains("make room"), "{error}");
    writer.set_most_pages(100_000).unwrap();
    drop(writer);
    let (mut writer, stored) = file::resume(&path).unwrap();
    assert_eq!(stored.damage, Vec::<String>::new());
    let done = stored.results.len() / NUM_IMAGES;
    for attempt in done..NUM_ATTEMPTS {
        writer.append(&batch(attempt), 0.1).unwrap();
    }
    writer.finish().unwrap();
    assert_eq!(bits(&file::read(&path).unwrap().results), expected());
}

#[test]
fn a_killed_writers_log_is_read_without_touching_it() {
    let folder = tempfile::tempdir().unwrap();
    let (path, killed) = (
        folder.path().join("run.lmdrun"),
        folder.path().join("killed"),
    );
    let mut writer = begin(&path, KeepPictures::All);
    writer.append(&batch(0), 0.1).unwrap();
    // What a kill leaves behind: the file and its log as they are now.
    fs::create_dir(&killed).unwrap();
    for name in ["run.lmdrun", "run.lmdrun-wal"] {
        fs::copy(folder.path().join(name), killed.join(name)).unwrap();
    }
    drop(writer);
    let copy = killed.join("run.lmdrun");
    let log = killed.join("run.lmdrun-wal");
    let before = (fs::read(&copy).unwrap(), fs::read(&log).unwrap());
    let run = file::read(&copy).unwrap();
    assert_eq!(run.results.len(), NUM_IMAGES);
    assert_eq!(run.damage, Vec::<String>::new());
    assert_eq!(
        (fs::read(&copy).unwrap(), fs::read(&log).unwrap()),
        before,
        "reading changes nothing"
    );
    assert_eq!(fs::read_dir(&killed).unwrap().count(), 2);

    let other = rusqlite::Connection::open(&copy).unwrap();
    other
        .execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE")
        .unwrap();
    let error = file::read(&copy).unwrap_err();
    assert!(matches!(error, FileError::Busy { .. }), "{error}");
}
