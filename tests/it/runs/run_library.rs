//! The folder of recent runs: what it holds, and what goes when it is full.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use lmd_inspector::runs::file::{self, KeepPictures};
use lmd_inspector::runs::run_library;

use super::support::{NUM_ATTEMPTS, NUM_IMAGES, batch, begin, bits, expected, write};

/// A run that was last written so many hours ago.
fn aged(folder: &Path, name: &str, hours: u64, is_finished: bool) -> PathBuf {
    let path = folder.join(name);
    if is_finished {
        write(&path, KeepPictures::All);
    } else {
        let mut writer = begin(&path, KeepPictures::All);
        writer.append(&batch(0), 0.1).unwrap();
        writer.finish().unwrap();
    }
    let then = SystemTime::now() - Duration::from_secs(3600 * hours);
    let file = File::options().write(true).open(&path).unwrap();
    file.set_modified(then).unwrap();
    path
}

#[test]
fn runs_are_listed_newest_first_with_how_far_they_got() {
    let folder = tempfile::tempdir().unwrap();
    let old = aged(folder.path(), "old.lmdrun", 5, true);
    let new = aged(folder.path(), "new.lmdrun", 1, false);
    fs::write(folder.path().join("broken.lmdrun"), "no run").unwrap();
    fs::write(folder.path().join("notes.txt"), "no run either").unwrap();
    let library = run_library::list(folder.path());
    let paths: Vec<&PathBuf> = library.runs.iter().map(|run| &run.path).collect();
    assert_eq!(paths, [&new, &old]);
    let [unfinished, finished] = library.runs.as_slice() else {
        panic!("two runs");
    };
    assert_eq!(finished.num_done, NUM_IMAGES * NUM_ATTEMPTS);
    assert!(finished.is_finished() && finished.is_closed && !finished.is_held);
    assert_eq!(unfinished.num_done, NUM_IMAGES);
    assert!(!unfinished.is_finished());
    assert_eq!(library.broken.len(), 1);
    let on_disk: u64 = ["old.lmdrun", "new.lmdrun", "broken.lmdrun"]
        .map(|name| fs::metadata(folder.path().join(name)).unwrap().len())
        .iter()
        .sum();
    assert_eq!(library.num_bytes, on_disk);
    assert_eq!(
        run_library::list(Path::new("/no/such/folder")),
        Default::default()
    );
}

#[test]
fn the_oldest_finished_runs_go_first_and_what_is_kept_never() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["a", "b", "c", "d"];
    let paths = names.map(|name| folder.path().join(format!("{name}.lmdrun")));
    aged(folder.path(), "a.lmdrun", 9, false);
    aged(folder.path(), "b.lmdrun", 8, true);
    aged(folder.path(), "c.lmdrun", 7, true);
    aged(folder.path(), "d.lmdrun", 6, true);
    let all = run_library::list(folder.path()).num_bytes;
    let left = || -> Vec<&str> {
        let there = names.iter().zip(&paths).filter(|(_, path)| path.exists());
        there.map(|(name, _)| *name).collect()
    };
    assert_eq!(run_library::make_room(folder.path(), all, &[]).unwrap(), 0);
    let kept = [paths[1].clone()];
    assert_eq!(
        run_library::make_room(folder.path(), all - 1, &kept).unwrap(),
        1
    );
    assert_eq!(left(), ["a", "b", "d"]);
    assert_eq!(run_library::make_room(folder.path(), 0, &kept).unwrap(), 2);
    assert_eq!(left(), ["b"], "unfinished ones go last");
    assert_eq!(run_library::clear(folder.path(), &[]).unwrap(), 1);
    assert_eq!(left(), [""; 0]);
}

#[test]
fn a_run_that_is_written_is_neither_listed_nor_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("now.lmdrun");
    let mut writer = begin(&path, KeepPictures::All);
    assert!(run_library::list(folder.path()).runs.is_empty());
    assert_eq!(run_library::make_room(folder.path(), 0, &[]).unwrap(), 0);
    assert_eq!(run_library::clear(folder.path(), &[]).unwrap(), 0);
    // Its lock has held: the listing did not open it a second time.
    writer.append(&batch(0), 0.1).unwrap();
    drop(writer);
    assert_eq!(run_library::list(folder.path()).runs.len(), 1);
}

#[test]
fn a_copy_stands_alone_and_has_what_the_run_had_at_that_moment() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("now.lmdrun");
    let copy = folder.path().join("copy.lmdrun");
    let mut writer = begin(&path, KeepPictures::All);
    writer.append(&batch(0), 0.1).unwrap();
    writer.copy_to(&copy).unwrap();
    writer.append(&batch(1), 0.1).unwrap();
    let copied = file::read(&copy).unwrap();
    assert_eq!(bits(&copied.results), bits(&batch(0)));
    assert!(!folder.path().join("copy.lmdrun-wal").exists());
    for attempt in 2..NUM_ATTEMPTS {
        writer.append(&batch(attempt), 0.1).unwrap();
    }
    writer.finish().unwrap();
    file::copy(&path, &copy).unwrap();
    assert_eq!(bits(&file::read(&copy).unwrap().results), expected());
    let scores = file::read_scores(&copy).unwrap();
    assert!(scores.is_finished());
    assert_eq!(scores.attempts[2].len(), NUM_ATTEMPTS);
    assert_eq!(scores.attempts[2][1], batch(1)[2].values);
}

#[test]
fn a_killed_run_is_closed_before_its_file_gets_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let killed = folder.path().join("killed");
    fs::create_dir(&killed).unwrap();
    let path = folder.path().join("run.lmdrun");
    let mut writer = begin(&path, KeepPictures::All);
    writer.append(&batch(0), 0.1).unwrap();
    for name in ["run.lmdrun", "run.lmdrun-wal"] {
        fs::copy(folder.path().join(name), killed.join(name)).unwrap();
    }
    let error = file::rename(&path, "other").unwrap_err().to_string();
    assert!(error.contains("another program is writing it"), "{error}");
    drop(writer);
    fs::write(killed.join("run.lmdrun-shm"), "").unwrap();
    let renamed = file::rename(&killed.join("run.lmdrun"), "night").unwrap();
    assert_eq!(renamed, killed.join("night.lmdrun"));
    let names = fs::read_dir(&killed).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(names, std::slice::from_ref(&renamed), "a log is left");
    let run = file::read(&renamed).unwrap();
    assert_eq!(bits(&run.results), bits(&batch(0)), "the log was lost");
    assert_eq!(run.damage, Vec::<String>::new());
}

#[test]
fn no_run_is_renamed_over_another_one_or_beside_a_log_of_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    write(&path, KeepPictures::All);
    let before = fs::read(&path).unwrap();
    fs::write(folder.path().join("day.lmdrun"), "mine").unwrap();
    let error = file::rename(&path, "day").unwrap_err().to_string();
    assert!(error.contains("is called day"), "{error}");
    assert_eq!(fs::read(folder.path().join("day.lmdrun")).unwrap(), b"mine");
    fs::write(folder.path().join("lost.lmdrun-wal"), "a log").unwrap();
    let error = file::rename(&path, "lost").unwrap_err().to_string();
    assert!(error.contains("a log without its run file"), "{error}");
    let error = file::rename(&folder.path().join("day.lmdrun"), "x").unwrap_err();
    assert!(error.to_string().contains("not a run file"), "{error}");
    assert!(fs::read(&path).unwrap() == before);
}
