//! Broken files that other projects collected (`tests/fixtures/broken/README.md`), and damage of our own to whole ones:
//! each gives a picture or a sentence, and a file that is cut short never gives a picture with a made-up part.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use image::{DynamicImage, ImageFormat, RgbaImage};
use lmd_inspector::images::decode::decode_bytes;
use lmd_inspector::images::prepare::prepare;
use lmd_inspector::images::{Decoded, Geometry, ResizeMode};

use super::support::{encode, picture};
use crate::binary::root;

fn fixtures(folder: &str) -> PathBuf {
    root().join("tests/fixtures").join(folder)
}

/// What Pillow made of each file: its size, or nothing where it refused it.
fn pillow() -> BTreeMap<String, Option<(u32, u32)>> {
    let table = fs::read_to_string(fixtures("broken/pillow.txt")).unwrap();
    let row = |line: &str| {
        let (name, verdict) = line.split_once(' ').unwrap();
        let size = verdict.split_once('x').map(|(width, height)| {
            let number = |text: &str| text.parse().unwrap();
            (number(width), number(height))
        });
        (name.to_owned(), size)
    };
    table.lines().map(row).collect()
}

/// Where Pillow refuses a file and its pixels are whole nonetheless: the sum over the pixels' compressed data is wrong while
/// the checksum of the chunk around them is right, and chunks that say nothing of pixels are empty.
const WHOLE_ALL_THE_SAME: [&str; 2] = ["badadler.png", "empty_ancillary_chunks.png"];

#[test]
fn broken_files_are_refused_or_whole() {
    let pillow = pillow();
    let (mut num_files, mut surprises) = (0, Vec::new());
    for entry in fs::read_dir(fixtures("broken")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if [Some("md"), Some("txt")].contains(&path.extension().and_then(|e| e.to_str())) {
            continue;
        }
        num_files += 1;
        let expected = pillow[&name];
        match decode_bytes(&fs::read(&path).unwrap()) {
            Err(error) => assert!(error.to_string().len() > 20, "{name}: {error}"),
            Ok(decoded) => {
                let size = (decoded.native.width, decoded.native.height);
                let is_known = WHOLE_ALL_THE_SAME.contains(&name.as_str());
                if expected != Some(size) && !(expected.is_none() && is_known) {
                    surprises.push(format!("{name} gives {size:?}, Pillow says {expected:?}"));
                }
                assert!(
                    unit(&decoded)
                        .iter()
                        .all(|value| (0.0..=1.0).contains(value))
                );
            }
        }
    }
    assert_eq!(surprises, Vec::<String>::new());
    assert_eq!(num_files, pillow.len());
}

/// The picture at its own size, or a small one.
fn unit(decoded: &Decoded) -> Vec<f32> {
    let side = decoded.native.width.max(decoded.native.height).min(64) as usize;
    let geometry = Geometry { channels: 3, side };
    prepare(decoded, geometry, ResizeMode::Stretch).unit
}

/// Small whole files of all kinds that a decoder has a path for.
fn whole_files() -> Vec<(String, Vec<u8>)> {
    let picture = picture(12, 10);
    let transparent = DynamicImage::from(RgbaImage::from_fn(12, 10, |x, y| {
        image::Rgba([(x * 20) as u8, (y * 25) as u8, 90, (x * y * 2) as u8])
    }));
    let mut files = Vec::new();
    for format in [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::Bmp,
        ImageFormat::Gif,
        ImageFormat::WebP,
        ImageFormat::Tiff,
    ] {
        files.push((format!("{format:?}"), encode(&picture, format)));
        if format != ImageFormat::Jpeg {
            let bytes = encode(&transparent, format);
            files.push((format!("{format:?} with alpha"), bytes));
        }
    }
    for name in [
        "jpeg/gray-progressive.jpg",
        "jpeg/progressive.jpg",
        "jpeg/restarts.jpg",
        "jpeg/subsampled.jpg",
        "preprocess/gray-28.png",
        "preprocess/palette-50.png",
        "broken/anim_frame1.webp",
        "broken/duplicate_frame.gif",
        "broken/g4_orientation_1.tif",
        "broken/pal1p1.bmp",
    ] {
        files.push((name.to_owned(), fs::read(fixtures(name)).unwrap()));
    }
    files
}

#[test]
fn a_file_cut_after_any_byte_gives_no_picture_or_the_whole_one() {
    for (name, bytes) in whole_files() {
        let whole = unit(&decode_bytes(&bytes).unwrap_or_else(|error| panic!("{name}: {error}")));
        for length in 0..bytes.len() {
            if let Ok(decoded) = decode_bytes(&bytes[..length]) {
                assert!(
                    unit(&decoded) == whole,
                    "{name} cut to {length} of {} bytes gives another picture",
                    bytes.len()
                );
            }
        }
    }
}

#[test]
fn a_file_with_any_byte_changed_gives_a_picture_or_a_sentence() {
    for (name, bytes) in whole_files() {
        for at in 0..bytes.len() {
            // All eight bits have their turn, and a byte of ones after.
            for change in [1 << (at % 8), 0xff] {
                let mut changed = bytes.clone();
                changed[at] ^= change;
                match decode_bytes(&changed) {
                    Ok(decoded) => {
                        let unit = unit(&decoded);
                        assert!(
                            unit.iter().all(|value| (0.0..=1.0).contains(value)),
                            "{name}, byte {at}"
                        );
                    }
                    Err(error) => assert!(error.to_string().len() > 20, "{name}: {error}"),
                }
            }
        }
    }
}
