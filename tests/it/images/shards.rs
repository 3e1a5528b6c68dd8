//! Tar archives and Parquet tables of images, as Python writes them (`tests/fixtures/shards`).

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use lmd_inspector::images::decode::hash_file;
use lmd_inspector::images::sources::{self, Wanted};
use lmd_inspector::images::{ListError, Listing};

use crate::binary::root;

fn shards() -> PathBuf {
    root().join("tests/fixtures/shards")
}

fn listed(path: &Path) -> Result<Listing, ListError> {
    sources::list(path, Wanted::all(), &mut |_| ControlFlow::Continue(()))
}

fn refusal(path: &Path) -> String {
    listed(path).unwrap_err().to_string()
}

/// Name below `root` and hash of each image that can be read.
fn found(root: &Path, listing: &Listing) -> BTreeMap<String, String> {
    let entry = |path: &Path, hash: String| {
        let name = path.strip_prefix(root).unwrap();
        (name.to_str().unwrap().to_owned(), hash)
    };
    let files = listing.files.iter();
    files
        .map(|file| entry(&file.path, file.hash.to_string()))
        .collect()
}

/// By shard, or column of one.
fn expected() -> BTreeMap<String, BTreeMap<String, String>> {
    let text = fs::read_to_string(shards().join("expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn images_of_shards_are_those_that_were_written() {
    let expected = expected();
    assert_eq!(expected.len(), 8);
    for (name, images) in &expected {
        let path = shards().join(name);
        let listing = listed(&path).unwrap();
        let file = sources::file_of(&listing.files[0].path);
        assert_eq!(found(file, &listing), *images, "{name}");
        // Each is read again by its path, from its place.
        for image in &listing.files {
            assert_eq!(hash_file(&image.path).unwrap(), image.hash, "{image:?}");
        }
        let limited = sources::list(
            &path,
            Wanted {
                role: None,
                limit: 2,
            },
            &mut |_| ControlFlow::Continue(()),
        );
        assert_eq!(limited.unwrap().files, listing.files[..2]);
    }
    let train = listed(&shards().join("train-00000-of-00001.parquet")).unwrap();
    let [(without, reason)] = &train.unreadable[..] else {
        panic!("{:?}", train.unreadable);
    };
    assert!(without.ends_with("image#00004") && reason.contains("holds no image"));
}

#[test]
fn a_folder_of_shards_stands_for_their_images() {
    let folder = tempfile::tempdir().unwrap();
    let copy = |name: &str, to: &str| {
        let to = folder.path().join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(shards().join(name), to).unwrap();
    };
    copy("samples-000000.tar", "train/samples-000000.tar");
    copy("plain.parquet", "train/more.parquet");
    let listing = listed(folder.path()).unwrap();
    assert_eq!(listing.files.len(), 6);
    assert!(listing.unreadable.is_empty(), "{:?}", listing.unreadable);

    // What can't be used is told, and alone it is an error.
    copy("scores.parquet", "train/scores.parquet");
    let listing = listed(folder.path()).unwrap();
    assert_eq!((listing.files.len(), listing.unreadable.len()), (6, 1));
    copy("scores.parquet", "alone/scores.parquet");
    let says = refusal(&folder.path().join("alone"));
    assert!(says.contains("no column of images"), "{says}");

    // Beside images they are not looked into: who keeps a packed copy there means the images.
    fs::write(folder.path().join("one.png"), png()).unwrap();
    assert_eq!(listed(folder.path()).unwrap().files.len(), 1);
}

fn png() -> Vec<u8> {
    let shard = shards().join("ustar.tar/in/img2.png");
    sources::read(&shard, 1 << 20).unwrap()
}

#[test]
fn shards_that_are_not_read_are_refused_by_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let written = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    for (path, says) in [
        (
            shards().join("two.parquet"),
            "several columns of images (`before`, `after`); name one",
        ),
        (
            shards().join("two.parquet/during"),
            "no column `during` of images; its columns of images are `before`",
        ),
        (shards().join("zstd.parquet"), "compressed by ZSTD"),
        (shards().join("lists.parquet"), "no column of images"),
        (
            written("not.parquet", b"PAR0"),
            "doesn't begin as a Parquet file does",
        ),
        (
            written("short.parquet", b"PAR1...."),
            "damaged or cut short",
        ),
        (
            written("not.tar", &[7; 2000]),
            "doesn't begin as a tar archive does",
        ),
        (written("empty.tar", b""), "it is empty"),
        (written("zeros.tar", &[0; 1024]), "it is empty"),
        (written("a.tar.gz", b"\x1f\x8b"), "unpack it by `gunzip`"),
        (written("A.TAR.XZ", b"\xfd7zXZ\0"), "unpack it by `unxz`"),
    ] {
        let refused = refusal(&path);
        assert!(refused.contains(says), "{refused}");
        assert!(refused.contains(path.to_str().unwrap()), "{refused}");
    }
    let text = fs::read(shards().join("samples-000000.tar")).unwrap();
    let text_only = written("text.tar", &text[..0]);
    assert!(refusal(&text_only).contains("empty"));
    for missing in [
        "ustar.tar/in/none.png",
        "plain.parquet/photo#3",
        "plain.parquet/photo#00009",
    ] {
        let error = hash_file(&shards().join(missing)).unwrap_err().to_string();
        assert!(
            error.contains("no such file") || error.contains("not found"),
            "{error}"
        );
    }
}

/// Cut at each byte, an archive never gives an image that was not in it, and never fewer ones without a word.
#[test]
fn a_shard_that_is_cut_short_says_so() {
    let whole = fs::read(shards().join("pax.tar")).unwrap();
    let images = &expected()["pax.tar"];
    // After the last entry come blocks of zeros, more than it takes.
    let end = whole.len() - whole.iter().rev().take_while(|byte| **byte == 0).count();
    let end = end.next_multiple_of(512);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.tar");
    let mut most = 0;
    for len in (0..=end).step_by(128).chain([end - 1]) {
        fs::write(&path, &whole[..len]).unwrap();
        match listed(&path) {
            Ok(listing) => {
                let found = found(&path, &listing);
                for (name, hash) in &found {
                    let is_earlier_one = name == "twice.png";
                    assert!(is_earlier_one || images[name] == *hash, "{len}: {name}");
                }
                most = most.max(found.len());
                let told = listing.unreadable.iter();
                let is_told = told
                    .map(|(_, reason)| reason)
                    .any(|it| it.contains("cut short"));
                assert!(is_told, "{len}: {:?}", listing.unreadable);
            }
            Err(error) => {
                let says = error.to_string();
                let is_told = ["cut short", "begin as a tar", "empty"]
                    .iter()
                    .any(|it| says.contains(it));
                assert!(is_told, "{len}: {says}");
            }
        }
    }
    assert_eq!(most, images.len());
}

/// Where a byte is changed, doubled or left out, what is listed can be read, and a refusal names the file.
#[test]
fn changed_tables_are_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changed.parquet");
    let mut num_refused = 0;
    for name in ["train-00000-of-00001.parquet", "two.parquet"] {
        let whole = fs::read(shards().join(name)).unwrap();
        for at in (0..whole.len()).step_by(7) {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            let without = [&whole[..at], &whole[at + 1..]].concat();
            for changed in [flipped, without, whole[..at].to_vec()] {
                fs::write(&path, changed).unwrap();
                match listed(&path) {
                    Ok(listing) => {
                        for image in &listing.files {
                            assert_eq!(hash_file(&image.path).unwrap(), image.hash);
                        }
                    }
                    Err(error) => {
                        let says = error.to_string();
                        assert!(says.contains("changed.parquet"), "{says}");
                        num_refused += 1;
                    }
                }
            }
        }
    }
    assert!(num_refused > 1000, "{num_refused}");
}
