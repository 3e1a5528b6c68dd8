//! Zip archives of images, as people and strangers make them.

use std::fs;
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use image::ImageFormat;
use lmd_inspector::images::decode::{decode_file, hash_file};
use lmd_inspector::images::duplicates::canonical;
use lmd_inspector::images::sources::{self, Wanted};
use lmd_inspector::images::{ListError, Listing};
use tempfile::TempDir;

use super::support::{encode, picture};
use crate::binary::{command, lmd, root, text};

const STORED: u16 = 0;
const DEFLATED: u16 = 8;

/// An entry as its header describes it, which need not be so.
#[derive(Clone)]
struct Entry {
    name: Vec<u8>,
    data: Vec<u8>,
    num_bytes: u32,
    crc: u32,
    method: u16,
    flags: u16,
}

fn stored(name: &str, bytes: &[u8]) -> Entry {
    let mut crc = Crc::new();
    crc.update(bytes);
    Entry {
        name: name.as_bytes().to_vec(),
        data: bytes.to_vec(),
        num_bytes: bytes.len() as u32,
        crc: crc.sum(),
        method: STORED,
        flags: 0,
    }
}

fn deflated(name: &str, bytes: &[u8]) -> Entry {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    Entry {
        data: encoder.finish().unwrap(),
        method: DEFLATED,
        ..stored(name, bytes)
    }
}

/// What the local and the central header have in common.
fn header(entry: &Entry) -> Vec<u8> {
    let mut bytes = Vec::new();
    for field in [20, entry.flags, entry.method, 0, 0] {
        bytes.extend(field.to_le_bytes());
    }
    for field in [entry.crc, entry.data.len() as u32, entry.num_bytes] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.extend((entry.name.len() as u16).to_le_bytes());
    bytes.extend([0; 2]); // No extra field.
    bytes
}

/// An archive of these entries; `num_listed` of them are listed with the data of the first one.
fn archive_of_shared(entries: &[Entry], num_listed: usize) -> Vec<u8> {
    let (mut bytes, mut listing) = (Vec::new(), Vec::new());
    for (index, entry) in entries.iter().enumerate() {
        let at = if index < num_listed { 0 } else { bytes.len() };
        if index == 0 || index >= num_listed {
            bytes.extend(b"PK\x03\x04");
            bytes.extend(header(entry));
            bytes.extend(&entry.name);
            bytes.extend(&entry.data);
        }
        listing.extend(b"PK\x01\x02\x14\x00");
        listing.extend(header(entry));
        listing.extend([0; 10]); // No comment, first disk, no attributes.
        listing.extend((at as u32).to_le_bytes());
        listing.extend(&entry.name);
    }
    let start = bytes.len() as u32;
    bytes.extend(&listing);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    for _ in 0..2 {
        bytes.extend((entries.len() as u16).to_le_bytes());
    }
    for field in [listing.len() as u32, start] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.extend([0; 2]);
    bytes
}

fn archive(entries: &[Entry]) -> Vec<u8> {
    archive_of_shared(entries, 1)
}

/// A folder with `a.zip` of these bytes.
fn kept(bytes: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.zip");
    fs::write(&path, bytes).unwrap();
    (folder, path)
}

fn listed(path: &Path) -> Result<Listing, ListError> {
    sources::list(path, Wanted::all(), &mut |_| ControlFlow::Continue(()))
}

/// A PNG that differs with the number.
fn png(number: u32) -> Vec<u8> {
    encode(&picture(20 + number, 30), ImageFormat::Png)
}

/// Paths of the images that can be read, from the archive on.
fn names(archive: &Path, listing: &Listing) -> Vec<String> {
    let folder = format!("{}/", archive.parent().unwrap().display());
    let paths = listing.files.iter();
    paths
        .map(|file| file.path.to_str().unwrap().replacen(&folder, "", 1))
        .collect()
}

#[test]
fn images_of_an_archive_are_those_of_a_folder() {
    let (folder, path) = kept(&archive(&[
        stored("in/img10.png", &png(10)),
        deflated("in/img2.png", &png(2)),
        stored("../out.png", &png(3)),
        deflated("no-ending", &png(4)),
        stored("readme.txt", b"text"),
        stored("in/", b""),
        stored("__MACOSX/._img2.png", b"resource"),
        stored(".hidden/x.png", &png(5)),
        deflated("broken.png", &png(6)[..40]),
        stored("/root.png", &png(7)),
    ]));
    // What a path out of the archive would find.
    fs::write(folder.path().join("out.png"), png(99)).unwrap();
    let listing = listed(&path).unwrap();
    assert_eq!(
        names(&path, &listing),
        [
            "a.zip/../out.png",
            "a.zip/in/img2.png",
            "a.zip/in/img10.png",
            "a.zip/no-ending"
        ]
    );
    let reasons: Vec<&str> = (listing.unreadable.iter())
        .map(|(_, reason)| reason.as_str())
        .collect();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons[0].contains("not that of a file"), "{reasons:?}");
    assert!(reasons[1].contains("cut short"), "{reasons:?}");
    for (file, number) in listing.files.iter().zip([3, 2, 10, 4]) {
        let unpacked = folder.path().join(format!("{number}.png"));
        fs::write(&unpacked, png(number)).unwrap();
        assert_eq!(file.hash, hash_file(&unpacked).unwrap());
        assert_eq!(file.native.num_bytes, png(number).len() as u64);
        assert_eq!(
            decode_file(&file.path).unwrap().native,
            decode_file(&unpacked).unwrap().native
        );
        assert_eq!(sources::file_of(&file.path), path);
    }
    let detour = folder.path().join("./a.zip/in/img2.png");
    assert_eq!(canonical(&detour), canonical(&listing.files[1].path));

    let wanted = Wanted {
        role: None,
        limit: 2,
    };
    let first = sources::list(&path, wanted, &mut |_| ControlFlow::Continue(())).unwrap();
    assert_eq!(first.files, listing.files[..2]);
    let stopped = sources::list(&path, Wanted::all(), &mut |count| match count {
        1 => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    assert!(matches!(stopped, Err(ListError::Stopped)), "{stopped:?}");
}

#[test]
fn what_an_archive_says_of_itself_is_believed_as_far_as_its_data_goes() {
    let good = deflated("x.png", &png(1));
    let zeros = deflated("x.png", &vec![0; 1 << 20]);
    for (entry, says) in [
        (
            Entry {
                crc: good.crc ^ 1,
                ..good.clone()
            },
            "not what the archive says",
        ),
        (
            Entry {
                num_bytes: good.num_bytes - 1,
                ..good.clone()
            },
            "not what the archive says",
        ),
        (
            Entry {
                num_bytes: good.num_bytes + 1,
                ..good.clone()
            },
            "not what the archive says",
        ),
        // More than its data can make: refused before any memory is taken.
        (
            Entry {
                num_bytes: 500 << 20,
                ..good.clone()
            },
            "not what the archive says",
        ),
        // A bomb that says that it is small.
        (
            Entry {
                num_bytes: 4,
                ..zeros.clone()
            },
            "not what the archive says",
        ),
        (
            Entry {
                num_bytes: u32::MAX - 1,
                ..good.clone()
            },
            "more than the limit of 512 MiB",
        ),
        (
            Entry {
                method: 12,
                ..good.clone()
            },
            "expected stored or deflated",
        ),
        (
            Entry {
                flags: 1,
                ..good.clone()
            },
            "encrypted",
        ),
        (
            Entry {
                data: good.data[..20].to_vec(),
                ..good.clone()
            },
            "not what the archive says",
        ),
    ] {
        let (_folder, path) = kept(&archive(&[entry, stored("y.png", &png(2))]));
        let listing = listed(&path).unwrap();
        assert_eq!(names(&path, &listing), ["a.zip/y.png"]);
        let reason = &listing.unreadable[0].1;
        assert!(reason.contains(says), "{says}: {reason}");
    }
}

#[test]
fn an_archive_that_shares_data_or_holds_no_images_is_refused_whole() {
    let good = deflated("x.png", &png(1));
    for (bytes, says) in [
        (archive_of_shared(&vec![good.clone(); 1], 1), None),
        (
            archive_of_shared(
                &[
                    good.clone(),
                    Entry {
                        name: b"z.png".to_vec(),
                        ..good
                    },
                ],
                2,
            ),
            Some("share their data"),
        ),
        (
            archive(&[stored("readme.txt", b"text")]),
            Some("the archive holds no images"),
        ),
        (
            b"PK\x03\x04 and no end".to_vec(),
            Some("the archive can't be read"),
        ),
    ] {
        let (_folder, path) = kept(&bytes);
        match (listed(&path), says) {
            (Ok(_), None) => {}
            (Err(error), Some(says)) => {
                let message = error.to_string();
                assert!(message.contains(says), "{message}");
                assert!(message.ends_with(path.to_str().unwrap()), "{message}");
            }
            (other, says) => panic!("{says:?}: {other:?}"),
        }
    }
}

#[test]
fn an_archive_that_is_replaced_is_read_again() {
    let (_folder, path) = kept(&archive(&[stored("x.png", &png(1))]));
    let inside = path.join("x.png");
    let before = hash_file(&inside).unwrap();
    fs::write(
        &path,
        archive(&[stored("longer.png", &png(2)), deflated("x.png", &png(3))]),
    )
    .unwrap();
    assert_ne!(hash_file(&inside).unwrap(), before);
    fs::write(&path, archive(&[stored("y.png", &png(1))])).unwrap();
    assert!(hash_file(&inside).unwrap_err().is_missing());
    fs::remove_file(&path).unwrap();
    assert!(hash_file(&inside).unwrap_err().is_missing());
}

/// The scores without the paths.
fn scores(report: &Path) -> Vec<String> {
    let table = fs::read_to_string(report.join("scores.csv")).unwrap();
    let rows = table.lines();
    rows.map(|row| row.split_once(',').unwrap().1.to_owned())
        .collect()
}

#[test]
fn an_archive_is_scored_like_its_folder_and_a_run_of_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (images, path) = (folder.path().join("images"), folder.path().join("a.zip"));
    fs::create_dir(&images).unwrap();
    let samples = root().join("assets/samples/mnist");
    let read = |number: usize| fs::read(samples.join(format!("{number:05}.png"))).unwrap();
    let entry = |number: usize| deflated(&format!("{number:05}.png"), &read(number));
    for number in 0..3 {
        fs::write(images.join(format!("{number:05}.png")), read(number)).unwrap();
    }
    fs::write(&path, archive(&[0, 1, 2].map(entry))).unwrap();
    let score = |source: &Path, report: &Path| {
        let args = ["--attempts", "1", "--steps", "1", "--output", text(report)];
        let output = lmd(&[
            &["score", "--model", "bundled", "--in-domain", text(source)][..],
            &args,
        ]
        .concat());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{told}");
    };
    let (of_folder, of_archive) = (folder.path().join("f"), folder.path().join("z"));
    score(&images, &of_folder);
    score(&path, &of_archive);
    assert_eq!(scores(&of_archive), scores(&of_folder));
    assert_eq!(scores(&of_archive).len(), 4);
    let table = fs::read_to_string(of_archive.join("scores.csv")).unwrap();
    assert!(table.contains("a.zip/00002.png,in-domain,0,"), "{table}");

    // A run with attempts left, of an archive in which one image is another now and one is gone.
    let run = folder.path().join("begun.lmdrun");
    let mut stored = lmd_inspector::runs::file::read(&of_archive.join("run.lmdrun")).unwrap();
    let listed: Vec<_> = stored.images.iter().cloned().zip(0..).collect();
    stored.manifest.num_images = listed.len();
    let writer =
        lmd_inspector::runs::file::create(&run, &stored.manifest, &listed, &[], false).unwrap();
    writer.finish().unwrap();
    let changed = Entry {
        name: b"00001.png".to_vec(),
        ..entry(5)
    };
    fs::write(&path, archive(&[entry(0), changed])).unwrap();
    let resume = |more: &[&str]| {
        let args = [&["score", "--resume", text(&run)], more].concat();
        let output = command(&args).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), told)
    };
    let (code, told) = resume(&[]);
    assert_eq!(code, Some(2), "{told}");
    for says in [
        "changed: ",
        "a.zip/00001.png",
        "missing: ",
        "a.zip/00002.png",
    ] {
        assert!(told.contains(says), "{told}");
    }
    assert!(!told.contains("00000.png"), "{told}");
    fs::write(&path, archive(&[0, 1, 2].map(entry))).unwrap();
    let (code, told) = resume(&[]);
    assert_eq!(code, Some(0), "{told}");
    assert!(lmd_inspector::runs::file::read(&run).unwrap().is_finished());
}

#[test]
fn an_archive_that_is_scored_is_not_replaced() {
    let (_folder, path) = kept(&archive(&[stored("x.png", &png(1))]));
    let before = fs::read(&path).unwrap();
    for source in [path.clone(), path.join("x.png")] {
        let args = ["--attempts", "1", "--steps", "1", "--false-alarm", "0.5"];
        let output = lmd(&[
            &[
                "calibrate",
                "--model",
                "bundled",
                "--in-domain",
                text(&source),
            ][..],
            &["--output", text(&path), "--overwrite"],
            &args,
        ]
        .concat());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains("read by the same command"), "{told}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}
