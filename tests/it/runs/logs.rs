//! A log belongs to its file: another one is refused, a missing or damaged one is told.

use std::fs;
use std::path::{Path, PathBuf};

use lmd_inspector::runs::AttemptResult;
use lmd_inspector::runs::file::{self, FileError, KeepPictures};

use super::support::{NUM_IMAGES, batch, begin, bits, errors, images, lmd, manifest, text, write};

fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// What a kill leaves of a run with one committed batch, the log included.
fn killed(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(format!("{name}-live.lmdrun"));
    let mut writer = begin(&path, KeepPictures::All);
    writer.append(&batch(0), 0.1).unwrap();
    let left = folder.join(format!("{name}.lmdrun"));
    copy(&path, &left);
    drop(writer);
    left
}

fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).unwrap();
    fs::copy(log_of(from), log_of(to)).unwrap();
}

/// Neither reading nor resuming takes the log, and both files stay as they are to the byte.
fn assert_refused(path: &Path) {
    let both = || (fs::read(path).unwrap(), fs::read(log_of(path)).unwrap());
    let before = both();
    let outcomes = [
        file::read(path).map(|_| ()),
        file::read_scores(path).map(|_| ()),
        file::resume(path).map(|_| ()),
        file::copy(path, &path.with_extension("copy")),
    ];
    for outcome in outcomes {
        let error = outcome.unwrap_err();
        assert!(matches!(error, FileError::ForeignLog { .. }), "{error}");
        assert!(error.to_string().contains("-wal"), "{error}");
    }
    let resumed = lmd(&["score", "--resume", text(path)]);
    assert_eq!(resumed.status.code(), Some(2), "{}", errors(&resumed));
    assert!(both() == before, "a file was changed");
}

#[test]
fn a_log_of_another_run_never_reaches_a_good_one() {
    let folder = tempfile::tempdir().unwrap();
    let dead = killed(folder.path(), "dead");
    let other = killed(folder.path(), "other");
    let good = folder.path().join("good.lmdrun");
    write(&good, KeepPictures::All);
    // A finished run in the place of a killed one, and a killed one in the place of another.
    for main in [&good, &other] {
        let path = folder.path().join("put-back.lmdrun");
        fs::copy(main, &path).unwrap();
        fs::copy(log_of(&dead), log_of(&path)).unwrap();
        assert_refused(&path);
    }
    // Also where both are of the first format, which does not say whose its log is.
    let fixtures = super::support::root().join("tests/fixtures/runs/v1");
    let path = folder.path().join("first.lmdrun");
    fs::copy(fixtures.join("finished.lmdrun"), &path).unwrap();
    fs::copy(fixtures.join("killed/unfinished.lmdrun-wal"), log_of(&path)).unwrap();
    assert_refused(&path);
    // A log of the first format beside a run of this one.
    let path = folder.path().join("mixed.lmdrun");
    fs::copy(&good, &path).unwrap();
    fs::copy(fixtures.join("killed/unfinished.lmdrun-wal"), log_of(&path)).unwrap();
    assert_refused(&path);
}

#[test]
fn a_log_of_another_moment_of_the_run_is_refused_too() {
    let folder = tempfile::tempdir().unwrap();
    let dead = killed(folder.path(), "dead");
    let path = folder.path().join("run.lmdrun");
    copy(&dead, &path);
    let (mut writer, stored) = file::resume(&path).unwrap();
    assert_eq!(bits(&stored.results), bits(&batch(0)));
    writer.append(&batch(1), 0.1).unwrap();
    writer.finish().unwrap();
    // The log that was folded in comes back, e.g. from a backup.
    fs::copy(log_of(&dead), log_of(&path)).unwrap();
    assert_refused(&path);
    fs::remove_file(log_of(&path)).unwrap();
    assert_eq!(file::read(&path).unwrap().results.len(), 2 * NUM_IMAGES);
}

#[test]
fn a_journal_of_another_file_is_not_rolled_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    write(&path, KeepPictures::All);
    let before = fs::read(&path).unwrap();
    fs::write(folder.path().join("run.lmdrun-journal"), [0xD9; 4096]).unwrap();
    for error in [
        file::read(&path).map(|_| ()).unwrap_err(),
        file::resume(&path).map(|_| ()).unwrap_err(),
    ] {
        assert!(error.to_string().contains("-journal"), "{error}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_killed_run_says_that_its_log_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = killed(folder.path(), "run");
    assert_eq!(file::read(&path).unwrap().damage, Vec::<String>::new());
    for is_emptied in [true, false] {
        if is_emptied {
            fs::write(log_of(&path), "").unwrap();
        } else {
            fs::remove_file(log_of(&path)).unwrap();
        }
        let run = file::read(&path).unwrap();
        assert_eq!(run.damage.len(), 1, "{:?}", run.damage);
        assert!(
            run.damage[0].contains("its log is missing"),
            "{:?}",
            run.damage
        );
        assert!(run.damage[0].contains("run.lmdrun-wal"), "{:?}", run.damage);
    }
    let table = folder.path().join("scores.csv");
    let output = lmd(&["export", text(&path), "--csv", text(&table)]);
    let told = errors(&output);
    assert!(told.contains("its log is missing"), "{told}");
    assert!(told.contains("18 of 18 attempts are missing"), "{told}");
    // A copy keeps saying so; a run that was resumed has it among its notices' causes, and is whole again.
    let copied = folder.path().join("copied.lmdrun");
    file::copy(&path, &copied).unwrap();
    assert_eq!(file::read(&copied).unwrap().damage.len(), 1);
    let (writer, stored) = file::resume(&path).unwrap();
    assert_eq!(stored.damage.len(), 1);
    writer.finish().unwrap();
    assert_eq!(file::read(&path).unwrap().damage, Vec::<String>::new());
}

#[test]
fn a_damaged_log_says_what_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("live.lmdrun");
    let mut writer = begin(&live, KeepPictures::All);
    for attempt in 0..3 {
        writer.append(&batch(attempt), 0.1).unwrap();
    }
    let path = folder.path().join("run.lmdrun");
    copy(&live, &path);
    drop(writer);
    let whole = fs::read(log_of(&path)).unwrap();
    let main = fs::read(&path).unwrap();
    // In the last frames, in the middle, in the header.
    for at in [whole.len() - 100, whole.len() / 3, 10] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(log_of(&path), &bytes).unwrap();
        fs::write(&path, &main).unwrap();
        let run = file::read(&path).unwrap();
        assert!(run.results.len() < 3 * NUM_IMAGES, "byte {at}");
        assert!(
            run.damage
                .iter()
                .any(|sentence| sentence.contains("the log beside the file")),
            "byte {at}: {:?}",
            run.damage
        );
        let (writer, stored) = file::resume(&path).unwrap();
        assert!(!stored.damage.is_empty(), "byte {at}");
        drop(writer);
    }
}

/// However long a run takes, the file itself has all but the last seconds of it.
#[test]
fn a_log_that_grows_is_folded_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    let mut writer = begin(&path, KeepPictures::All);
    writer.append(&batch(0), 0.1).unwrap();
    // Past 16 MiB nobody waits for the clock.
    let notice = "x".repeat(6 << 20);
    for number in 0..4 {
        writer.add_notice(&format!("{number}{notice}")).unwrap();
    }
    writer.append(&batch(1), 0.1).unwrap();
    let copied = folder.path().join("copied.lmdrun");
    fs::copy(&path, &copied).unwrap();
    let run = file::read(&copied).unwrap();
    assert_eq!(bits(&run.results), bits(&batch(0)));
    assert_eq!(run.notices.len(), 4);
    assert!(
        run.damage[0].contains("its log is missing"),
        "{:?}",
        run.damage
    );
    let room = fs::metadata(log_of(&path)).unwrap().len();
    assert!(room < 8 << 20, "the log is {room} bytes again");
    // With the log of that moment it has everything.
    fs::copy(log_of(&path), log_of(&copied)).unwrap();
    let run = file::read(&copied).unwrap();
    assert_eq!(run.damage, Vec::<String>::new());
    assert_eq!(run.results.len(), 2 * NUM_IMAGES);
    drop(writer);
    assert_eq!(file::read(&path).unwrap().results.len(), 2 * NUM_IMAGES);
}

#[test]
fn no_copy_or_new_run_lies_beside_a_log_that_is_not_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good.lmdrun");
    write(&good, KeepPictures::All);
    let expected = bits(&file::read(&good).unwrap().results);
    let dead = killed(folder.path(), "dead");
    let target = folder.path().join("target.lmdrun");
    copy(&dead, &target);
    file::copy(&good, &target).unwrap();
    assert!(!log_of(&target).exists());
    assert_eq!(bits(&file::read(&target).unwrap().results), expected);

    let new = manifest(KeepPictures::None);
    copy(&dead, &target);
    drop(file::create(&target, &new, &images(), &[], true).unwrap());
    assert!(!log_of(&target).exists());
    assert_eq!(file::read(&target).unwrap().results.len(), 0);

    // A log alone may be all that is left of a run.
    fs::remove_file(&target).unwrap();
    fs::copy(log_of(&dead), log_of(&target)).unwrap();
    let error = file::create(&target, &new, &images(), &[], false).unwrap_err();
    assert!(matches!(error, FileError::LogInTheWay { .. }), "{error}");
    assert!(log_of(&target).exists() && !target.exists());
}

/// Two writers that both found nothing in their way.
#[test]
fn of_two_runs_begun_in_one_place_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    let start = || {
        let args = super::support::score_args(&path);
        super::support::command(&super::support::strs(&args))
            .stderr(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap()
    };
    let children = [start(), start(), start()];
    let outputs = children.map(|child| child.wait_with_output().unwrap());
    let codes: Vec<_> = outputs.iter().map(|output| output.status.code()).collect();
    let count = |code| codes.iter().filter(|&&other| other == Some(code)).count();
    assert_eq!((count(0), count(2)), (1, 2), "{codes:?}");
    for output in outputs.iter().filter(|output| !output.status.success()) {
        assert!(
            errors(output).contains("the run file exists"),
            "{}",
            errors(output)
        );
    }
    let run = file::read(&path).unwrap();
    assert!(run.is_finished());
    let known: Vec<&AttemptResult> = run.results.iter().collect();
    assert_eq!(known.len(), 8 * 4);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
