//! JPEGs whose data ends too early and whose end marker is there: the decoder would fill the rest with gray.

use std::fs;
use std::path::PathBuf;

use image::ImageFormat;
use image::codecs::jpeg::JpegEncoder;
use lmd_inspector::images::DecodeError;
use lmd_inspector::images::decode::decode_bytes;
use lmd_inspector::images::prepare::thumbnail;
use lmd_inspector::images::sources::{self, Wanted};

use super::support::{encode, picture};

const END: [u8; 2] = [0xFF, 0xD9];

fn fixtures() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/jpeg");
    let mut all: Vec<_> = ["subsampled", "progressive", "restarts", "gray-progressive"]
        .into_iter()
        .map(|name| {
            let bytes = fs::read(folder.join(name).with_extension("jpg")).unwrap();
            (name.to_owned(), bytes)
        })
        .collect();
    let plain = encode(&picture(40, 24), ImageFormat::Jpeg);
    all.push(("plain".to_owned(), plain));
    all
}

#[test]
fn data_that_ends_before_the_picture_is_an_error_wherever_it_ends() {
    for (name, bytes) in fixtures() {
        let whole = thumbnail(&decode_bytes(&bytes).unwrap(), 64);
        let first_scan = bytes.windows(2).position(|pair| pair == [0xFF, 0xDA]);
        for length in first_scan.unwrap()..bytes.len() - END.len() {
            let cut = [&bytes[..length], &END].concat();
            match decode_bytes(&cut) {
                Err(DecodeError::Incomplete { .. } | DecodeError::Truncated { .. }) => {}
                // The last byte may hold padding alone.
                Ok(decoded) => assert!(
                    thumbnail(&decoded, 64) == whole,
                    "{name} cut to {length} of {} bytes",
                    bytes.len()
                ),
                Err(other) => panic!("{name} cut to {length} bytes: {other}"),
            }
        }
    }
}

#[test]
fn a_missing_piece_in_the_middle_is_an_error() {
    for (name, bytes) in fixtures() {
        let middle = bytes.len() * 3 / 4;
        let torn = [&bytes[..middle], &bytes[middle + 120..]].concat();
        // What is left may be codes again, but not as many as the picture has.
        let error = decode_bytes(&torn).unwrap_err();
        let is_told = matches!(
            error,
            DecodeError::Incomplete { .. }
                | DecodeError::Truncated { .. }
                | DecodeError::Damaged { .. }
        );
        assert!(is_told, "{name}: {error}");
    }
}

#[test]
fn bytes_that_were_changed_never_make_the_walk_fail() {
    for (name, bytes) in fixtures() {
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 0x55;
            if let Err(error) = decode_bytes(&changed) {
                assert!(!error.to_string().is_empty(), "{name}, byte {place}");
            }
        }
    }
}

#[test]
fn such_a_file_is_listed_as_unreadable() {
    let (_, bytes) = fixtures().remove(0);
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("whole.jpg"), &bytes).unwrap();
    let cut = dir.path().join("cut.jpg");
    fs::write(&cut, [&bytes[..bytes.len() / 2], &END].concat()).unwrap();
    let listing = sources::list(dir.path(), Wanted::all(), &mut |_| {
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(listing.files.len(), 1);
    let [(path, reason)] = listing.unreadable.as_slice() else {
        panic!("expected one unreadable file, got {:?}", listing.unreadable);
    };
    assert_eq!(*path, cut);
    assert!(
        reason.contains("a part of the picture is missing"),
        "{reason}"
    );
}

#[test]
fn the_quality_is_told_from_the_tables_of_pillow_and_of_the_image_crate() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/jpeg");
    let quality = |bytes: &[u8]| decode_bytes(bytes).unwrap().native.jpeg_quality;
    for written in [30, 50, 75, 88, 95] {
        let bytes = fs::read(folder.join(format!("quality-{written}.jpg"))).unwrap();
        assert_eq!(quality(&bytes), Some(written));
    }
    for (name, written) in [("subsampled", 80), ("progressive", 80), ("restarts", 80)] {
        let bytes = fs::read(folder.join(name).with_extension("jpg")).unwrap();
        assert_eq!(quality(&bytes), Some(written), "{name}");
    }
    let picture = picture(16, 16);
    for written in 1..=100 {
        let mut bytes = Vec::new();
        let encoder = JpegEncoder::new_with_quality(&mut bytes, written);
        picture.write_with_encoder(encoder).unwrap();
        assert_eq!(quality(&bytes), Some(written));
    }
    assert_eq!(quality(&encode(&picture, ImageFormat::Png)), None);
}
