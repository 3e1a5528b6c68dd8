//! Files that are not what they should be: a sentence each, no panic, the file untouched.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use lmd_inspector::runs::file::{self, FileError, KeepPictures};

use super::support::{bits, expected, write};

/// Open for reading and for writing (a copy), and see that nothing is made up.
fn open_both_ways(path: &Path) -> Result<Vec<String>, String> {
    let before = fs::read(path).unwrap();
    let outcome = file::read(path);
    assert_eq!(fs::read(path).unwrap(), before, "reading changes nothing");
    let copy = path.with_extension("copy.lmdrun");
    fs::write(&copy, &before).unwrap();
    // Refused or not, what matters is that it returns.
    drop(file::resume(&copy));
    let whole: HashSet<_> = expected().into_iter().collect();
    match outcome {
        Ok(run) => {
            for attempt in bits(&run.results) {
                assert!(whole.contains(&attempt), "a score is made up: {attempt:?}");
            }
            if run.results.len() < whole.len() {
                assert!(
                    !run.damage.is_empty(),
                    "attempts are missing without a word"
                );
            }
            Ok(run.damage)
        }
        Err(error) => {
            let sentence = error.to_string();
            assert!(sentence.contains("run"), "{sentence}");
            assert!(sentence.contains(path.to_str().unwrap()), "{sentence}");
            Err(sentence)
        }
    }
}

#[test]
fn bytes_flipped_at_two_hundred_places_never_change_a_score() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    write(&path, KeepPictures::All);
    let whole = fs::read(&path).unwrap();
    let mut state = 7_u64;
    let mut draw = |bound: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    };
    let (mut num_refused, mut num_listed) = (0, 0);
    for _ in 0..200 {
        let mut bytes = whole.clone();
        let at = draw(bytes.len());
        bytes[at] ^= 1 + draw(255) as u8;
        fs::write(&path, &bytes).unwrap();
        match open_both_ways(&path) {
            Err(_) => num_refused += 1,
            Ok(damage) if !damage.is_empty() => num_listed += 1,
            Ok(_) => {} // A byte that nothing uses.
        }
    }
    assert!(
        num_listed > 20,
        "{num_listed} listed, {num_refused} refused"
    );
}

#[test]
fn a_file_cut_anywhere_is_refused_or_read_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    write(&path, KeepPictures::All);
    let whole = fs::read(&path).unwrap();
    for part in 0..20 {
        let length = whole.len() * part / 20;
        fs::write(&path, &whole[..length]).unwrap();
        match open_both_ways(&path) {
            Err(_) => {}
            Ok(damage) => assert!(!damage.is_empty(), "{length} bytes pass for a whole run"),
        }
    }
}

#[test]
fn later_versions_and_other_files_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    write(&path, KeepPictures::None);
    let whole = fs::read(&path).unwrap();

    let mut later = whole.clone();
    later[63] = 200;
    fs::write(&path, &later).unwrap();
    let sentence = open_both_ways(&path).unwrap_err();
    assert!(sentence.contains("later version"), "{sentence}");
    assert!(sentence.contains("format 200"), "{sentence}");

    let mut other = whole.clone();
    other[68..72].fill(0);
    for bytes in [other, b"path,role\n".to_vec(), Vec::new(), vec![0; 5000]] {
        fs::write(&path, &bytes).unwrap();
        let sentence = open_both_ways(&path).unwrap_err();
        assert!(sentence.contains("not a run file"), "{sentence}");
    }
    fs::remove_file(&path).unwrap();
    assert!(matches!(file::read(&path), Err(FileError::Open { .. })));
    let error = file::read(folder.path()).unwrap_err();
    assert!(error.to_string().contains("not a run file"), "{error}");
}

#[test]
fn tables_views_and_triggers_of_others_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for sql in [
        "CREATE VIEW surprise AS SELECT load_extension('x')",
        "CREATE TRIGGER surprise AFTER INSERT ON attempts BEGIN DELETE FROM attempts; END",
        "CREATE TABLE surprise (x)",
        "DROP TABLE notices",
        "CREATE INDEX surprise ON attempts (stretch)",
    ] {
        let path = folder.path().join("run.lmdrun");
        write(&path, KeepPictures::None);
        rusqlite::Connection::open(&path)
            .unwrap()
            .execute_batch(sql)
            .unwrap();
        let sentence = open_both_ways(&path).unwrap_err();
        assert!(
            sentence.contains("tables are not those"),
            "{sql}: {sentence}"
        );
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_row_that_was_changed_is_listed_left_out_and_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    for (sql, sentence, num_left) in [
        (
            "UPDATE attempts SET \"values\" = zeroblob(24) WHERE image = 2 AND attempt = 1",
            "attempt 1 of image 2 does not match its checksum",
            17,
        ),
        (
            "UPDATE pictures SET png = x'00' WHERE image = 2 AND attempt = 1",
            "the picture of attempt 1 of image 2",
            18,
        ),
        (
            "INSERT INTO attempts SELECT 99, attempt, \"values\", seconds, stretch, checksum FROM attempts WHERE image = 1 AND attempt = 1",
            "attempt 1 of image 99",
            18,
        ),
    ] {
        write(&path, KeepPictures::All);
        let change = rusqlite::Connection::open(&path).unwrap();
        change.execute_batch(sql).unwrap();
        change.close().unwrap();
        let damage = open_both_ways(&path).unwrap();
        assert_eq!(damage.len(), 1, "{damage:?}");
        assert!(damage[0].contains(sentence), "{damage:?}");
        let (writer, stored) = file::resume(&path).unwrap();
        assert_eq!(stored.results.len(), num_left);
        drop(writer);
        let again = file::read(&path).unwrap();
        assert_eq!(
            again.damage,
            Vec::<String>::new(),
            "what did not match is gone"
        );
        assert_eq!(again.results.len(), num_left);
        fs::remove_file(&path).unwrap();
    }
    for sql in [
        "UPDATE images SET path = 'other.png' WHERE id = 3",
        "DELETE FROM images WHERE id = 3",
    ] {
        write(&path, KeepPictures::All);
        let change = rusqlite::Connection::open(&path).unwrap();
        change.execute_batch(sql).unwrap();
        change.close().unwrap();
        let run = file::read(&path).unwrap();
        assert_eq!(
            run.results.len(),
            15,
            "{sql}: its attempts are left out with it"
        );
        let error = file::resume(&path).unwrap_err();
        assert!(matches!(error, FileError::Damaged { .. }), "{error}");
        fs::remove_file(&path).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_read_only_file_is_read_and_not_resumed() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.lmdrun");
    write(&path, KeepPictures::All);
    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    set(&path, 0o444);
    set(folder.path(), 0o555);
    let read = file::read(&path).map(|run| bits(&run.results));
    let resumed = file::resume(&path).map(|_| ());
    set(folder.path(), 0o755);
    assert_eq!(read.unwrap(), expected());
    let error = resumed.unwrap_err();
    assert!(matches!(error, FileError::ReadOnly { .. }), "{error}");
    assert!(error.to_string().contains("copy"), "{error}");
}
