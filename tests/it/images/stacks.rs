//! IDX and NumPy files of images, as data sets come and as strangers may make them.

use std::fs;
use std::io::{Cursor, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use lmd_inspector::images::decode::{decode_described, hash_file};
use lmd_inspector::images::prepare::prepare;
use lmd_inspector::images::sources::{self, Wanted};
use lmd_inspector::images::{Geometry, ListError, Listing, ResizeMode};
use lmd_inspector::ood::Role;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::binary::{lmd, text};

const COUNT: usize = 12;
const SIDE: usize = 32;

/// A value of a picture, a different one in each place that could be taken for it.
fn value(picture: usize, y: usize, x: usize, channel: usize) -> u8 {
    (picture * 19 + y * 3 + x * 5 + channel * 101) as u8
}

/// (N, H, W, C).
fn interleaved(channels: usize) -> Vec<u8> {
    let mut values = Vec::new();
    for picture in 0..COUNT {
        for (y, x) in (0..SIDE * SIDE).map(|pixel| (pixel / SIDE, pixel % SIDE)) {
            values.extend((0..channels).map(|channel| value(picture, y, x, channel)));
        }
    }
    values
}

/// (N, C, H, W).
fn planar(channels: usize) -> Vec<u8> {
    let mut values = Vec::new();
    for picture in 0..COUNT {
        for channel in 0..channels {
            let pixels = (0..SIDE * SIDE).map(|pixel| (pixel / SIDE, pixel % SIDE));
            values.extend(pixels.map(|(y, x)| value(picture, y, x, channel)));
        }
    }
    values
}

fn idx(kind: u8, dimensions: &[usize], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, kind, dimensions.len() as u8];
    for &size in dimensions {
        bytes.extend((size as u32).to_be_bytes());
    }
    bytes.extend(values);
    bytes
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// As NumPy writes it: the header is padded so that the values begin at a multiple of 64.
fn npy(descr: &str, dimensions: &[usize], values: &[u8]) -> Vec<u8> {
    let sizes: Vec<String> = dimensions.iter().map(ToString::to_string).collect();
    let comma = if sizes.len() == 1 { "," } else { "" };
    let shape = sizes.join(", ");
    let mut header =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}{comma}), }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values);
    bytes
}

fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, bytes) in arrays {
        writer.start_file(*name, stored).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn kept(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn listed(path: &Path) -> Result<Listing, ListError> {
    sources::list(path, Wanted::all(), &mut |_| ControlFlow::Continue(()))
}

fn refusal(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = kept(folder, name, bytes);
    let told = listed(&path).unwrap_err().to_string();
    assert!(told.ends_with(&format!(": {}", path.display())), "{told}");
    told
}

/// See that every picture of a file has the pixels that were written.
fn check_pixels(listing: &Listing, channels: usize) {
    assert_eq!(listing.files.len(), COUNT);
    let geometry = Geometry {
        channels,
        side: SIDE,
    };
    for (picture, file) in listing.files.iter().enumerate() {
        assert_eq!(file.hash, hash_file(&file.path).unwrap());
        let decoded = decode_described(&file.path, &file.hash).unwrap().unwrap();
        let pixels = prepare(&decoded, geometry, ResizeMode::Crop);
        for channel in 0..channels {
            for (y, x) in (0..SIDE * SIDE).map(|pixel| (pixel / SIDE, pixel % SIDE)) {
                let got = pixels.unit[(channel * SIDE + y) * SIDE + x] * 255.0;
                let expected = f32::from(value(picture, y, x, channel));
                assert!((got - expected).abs() < 1e-3, "{:?}", file.path);
            }
        }
    }
}

#[test]
fn a_picture_is_the_same_in_every_kind_of_file() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let shape = [COUNT, SIDE, SIDE];
    let plain = idx(8, &shape, &interleaved(1));
    let gray = npy("|u1", &shape, &interleaved(1));
    let files = [
        (
            kept(folder, "train-images-idx3-ubyte", &plain),
            "train-images-idx3-ubyte",
        ),
        (
            kept(folder, "test-idx3-ubyte.gz", &gzipped(&plain)),
            "test-idx3-ubyte",
        ),
        // Content decides, whatever the name.
        (kept(folder, "a.gz", &gzipped(&plain)), "a"),
        (kept(folder, "b.npy", &gray), "b"),
        (kept(folder, "c.data", &gray), "c.data"),
        (
            kept(folder, "d.npz", &npz(&[("x_train.npy", gray.clone())])),
            "x_train",
        ),
        (
            kept(folder, "e.data", &npz(&[("x_test.npy", gray)])),
            "x_test",
        ),
    ];
    let first = listed(&files[0].0).unwrap();
    for (path, name) in &files {
        let listing = listed(path).unwrap();
        check_pixels(&listing, 1);
        assert_eq!(listing.files[3].path, path.join(format!("{name}#00003")));
        let hashes = |listing: &Listing| {
            let files = listing.files.iter();
            files.map(|file| file.hash).collect::<Vec<_>>()
        };
        assert_eq!(hashes(&listing), hashes(&first), "{}", path.display());
        assert_eq!(listing.files[3].native.color, "L8");
        let wanted = Wanted::of_role(Role::InDomain, Some(5));
        let some = sources::list(path, wanted, &mut |_| ControlFlow::Continue(()));
        assert_eq!(some.unwrap().files, listing.files[..5]);
    }
}

#[test]
fn colors_are_found_last_and_first() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let last = [COUNT, SIDE, SIDE, 3];
    let first = [COUNT, 3, SIDE, SIDE];
    for (name, bytes) in [
        ("nhwc.npy", npy("|u1", &last, &interleaved(3))),
        ("nchw.npy", npy("|u1", &first, &planar(3))),
        ("nhwc-idx4-ubyte", idx(8, &last, &interleaved(3))),
        (
            "images.npz",
            npz(&[("nchw.npy", npy("|u1", &first, &planar(3)))]),
        ),
    ] {
        let listing = listed(&kept(folder, name, &bytes)).unwrap();
        check_pixels(&listing, 3);
        assert_eq!(listing.files[0].native.color, "Rgb8");
    }
    let one = npy("|u1", &[SIDE, SIDE, 3], &interleaved(3)[..SIDE * SIDE * 3]);
    let listing = listed(&kept(folder, "hwc.npy", &one)).unwrap();
    assert_eq!(listing.files.len(), 1);
    assert_eq!(listing.files[0].native.color, "Rgb8");
}

#[test]
fn labels_beside_images_are_passed_over_and_other_images_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let shape = [COUNT, SIDE, SIDE];
    let bytes = npz(&[
        ("train_images.npy", npy("|u1", &shape, &interleaved(1))),
        ("train_labels.npy", npy("<i8", &[2, 1], &[0; 16])),
        ("names.npy", npy("<U2", &[1], &[0; 8])),
        (
            "as_floats.npy",
            npy("<f4", &[1, 1, 2, 2], &f32::NAN.to_le_bytes().repeat(4)),
        ),
        ("readme.txt", b"text".to_vec()),
    ]);
    let path = kept(folder.path(), "medical.npz", &bytes);
    let listing = listed(&path).unwrap();
    check_pixels(&listing, 1);
    let [(of, reason)] = &*listing.unreadable else {
        panic!("{:?}", listing.unreadable);
    };
    assert_eq!(*of, path.join("as_floats.npy"));
    assert!(
        reason.contains("<f4") && reason.contains("uint8"),
        "{reason}"
    );
    let labels = npz(&[("y.npy", npy("|u1", &[5], &[0; 5]))]);
    let told = refusal(folder.path(), "labels.npz", &labels);
    assert!(told.contains("it holds no images"), "{told}");
}

/// Refuse each of these files, by its name and bytes, with what is wrong.
fn check_refusals(files: &[(&str, Vec<u8>, &str)]) {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes, says) in files {
        let told = refusal(folder.path(), name, bytes);
        assert!(told.contains(says), "{name}: {told}");
    }
}

fn longer(bytes: &[u8]) -> Vec<u8> {
    [bytes, &[0]].concat()
}

fn shorter(bytes: &[u8], by: usize) -> Vec<u8> {
    bytes[..bytes.len() - by].to_vec()
}

fn numbers_that_are_none() -> Vec<u8> {
    f32::NAN.to_le_bytes().repeat(COUNT * SIDE * SIDE)
}

#[test]
fn hostile_idx_files_are_refused_with_what_is_wrong() {
    let shape = [COUNT, SIDE, SIDE];
    let plain = idx(8, &shape, &interleaved(1));
    let packed = gzipped(&plain);
    let mut other_sum = packed.clone();
    let at = other_sum.len() - 6;
    other_sum[at] ^= 1;
    // More than so few bytes can unpack to.
    let promise = gzipped(&idx(8, &[1 << 20, 28, 28], &[]));
    let too_many = idx(8, &[(1 << 20) + 1, 1, 1], &vec![0; (1 << 20) + 1]);
    let floats = idx(0x0D, &shape, &numbers_that_are_none());
    let labels = idx(8, &[3], &[1, 2, 3]);
    let png = b"\x89PNG\r\n\x1a\n".to_vec();
    check_refusals(&[
        ("a-idx3-ubyte", shorter(&plain, 1), "cut short"),
        ("b-idx3-ubyte", longer(&plain), "12289 are there"),
        (
            "c-idx3-ubyte.gz",
            shorter(&packed, 20),
            "damaged or cut short",
        ),
        (
            "d-idx3-ubyte.gz",
            gzipped(&longer(&plain)),
            "12289 are there",
        ),
        ("e-idx3-ubyte.gz", gzipped(&shorter(&plain, 1)), "cut short"),
        ("f-idx3-ubyte.gz", other_sum, "damaged or cut short"),
        ("g-idx3-ubyte", png, "magic number is 89504e47"),
        (
            "h-idx3-ubyte.gz",
            b"text".to_vec(),
            "magic number is 74657874",
        ),
        ("i-idx1-ubyte", labels, "labels"),
        ("j-idx3-float", floats, "32-bit floating-point"),
        ("k-idx3-ubyte.gz", promise, "compressed bytes can hold"),
        ("l-idx3-ubyte", too_many, "more than the limit of 1048576"),
        ("m-idx3-ubyte", Vec::new(), "magic number can't be read"),
    ]);
}

#[test]
fn hostile_numpy_files_are_refused_with_what_is_wrong() {
    let shape = [COUNT, SIDE, SIDE];
    let gray = npy("|u1", &shape, &interleaved(1));
    let floats = npy("<f4", &shape, &numbers_that_are_none());
    let mut huge_header = b"\x93NUMPY\x03\x00".to_vec();
    huge_header.extend(u32::MAX.to_le_bytes());
    let huge_shape = npy("|u1", &[1 << 40, 1 << 40, 3], &[]);
    let cut = npz(&[("x.npy", shorter(&gray, 1))]);
    check_refusals(&[
        ("a.npy", shorter(&gray, 1), "cut short"),
        ("b.npy", longer(&gray), "12289 are there"),
        ("c.npy", floats, "<f4"),
        ("d.npy", huge_header, "more than the limit"),
        ("e.npy", gray[..40].to_vec(), "header is cut short"),
        ("f.npy", b"text, not an array".to_vec(), "does not begin as"),
        ("g.npy", huge_shape, "64 megapixels"),
        ("h.npy", npy("|O", &shape, &[]), "|O"),
        ("a.npz", b"PK, but no archive".to_vec(), "can't be used"),
        ("b.npz", cut, "cut short"),
        ("c.npz", npz(&[("../x.npy", gray)]), "not that of an array"),
    ]);
}

#[test]
fn a_file_that_changes_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let shape = [COUNT, SIDE, SIDE];
    let path = kept(folder.path(), "a.npy", &npy("|u1", &shape, &interleaved(1)));
    let before = listed(&path).unwrap();
    let fewer = npy("|u1", &[2, SIDE, SIDE], &vec![7; 2 * SIDE * SIDE]);
    fs::write(&path, fewer).unwrap();
    let after = listed(&path).unwrap();
    assert_eq!((before.files.len(), after.files.len()), (COUNT, 2));
    assert_ne!(
        hash_file(&before.files[0].path).unwrap(),
        before.files[0].hash
    );
    assert!(hash_file(&before.files[2].path).unwrap_err().is_missing());
    for name in ["a#0", "a#000000", "a#+0001", "b#00000", "a"] {
        assert!(
            hash_file(&path.join(name)).unwrap_err().is_missing(),
            "{name}"
        );
    }
}

#[test]
fn a_data_set_is_scored_from_its_file_and_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let plain = idx(8, &[COUNT, SIDE, SIDE], &interleaved(1));
    let packed = kept(folder.path(), "set-idx3-ubyte.gz", &gzipped(&plain));
    let run = folder.path().join("run.lmdrun");
    let table = folder.path().join("scores.csv");
    let score = [
        "score",
        "--model",
        "bundled",
        "--in-domain",
        text(&packed),
        "--limit",
        "2",
        "--attempts",
        "1",
        "--steps",
        "2",
        "--output",
        text(&run),
    ];
    let output = lmd(&score);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    let again = lmd(&["score", "--resume", text(&run)]);
    assert!(
        again.status.success(),
        "{}",
        String::from_utf8_lossy(&again.stderr)
    );
    let export = lmd(&["export", text(&run), "--csv", text(&table)]);
    assert!(
        export.status.success(),
        "{}",
        String::from_utf8_lossy(&export.stderr)
    );
    let scores = fs::read_to_string(&table).unwrap();
    for name in ["set-idx3-ubyte#00000", "set-idx3-ubyte#00001"] {
        assert!(scores.contains(name), "{scores}");
    }
}
