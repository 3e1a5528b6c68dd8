//! `lmd export --maps`: what NumPy and other programs read of where pictures differ.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::binary::{lmd, root, text};

/// What `numpy.save` writes before the values of a (32, 32) array of `<f4`.
fn numpy_header() -> Vec<u8> {
    let words = "{'descr': '<f4', 'fortran_order': False, 'shape': (32, 32), }";
    let padded = format!("{words:<117}\n");
    [&b"\x93NUMPY\x01\x00v\x00"[..], padded.as_bytes()].concat()
}

fn values(path: &Path) -> Vec<f32> {
    let bytes = fs::read(path).unwrap();
    let (header, values) = bytes.split_at(128);
    assert_eq!(header, numpy_header(), "{}", path.display());
    let (values, rest) = values.as_chunks::<4>();
    assert!(rest.is_empty());
    values.iter().map(|&it| f32::from_le_bytes(it)).collect()
}

fn mean(values: &[f32]) -> f64 {
    values.iter().copied().map(f64::from).sum::<f64>() / values.len() as f64
}

#[test]
fn maps_are_the_differences_of_the_kept_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let (run, csv) = (
        folder.path().join("run.lmdrun"),
        folder.path().join("scores.csv"),
    );
    let samples = root().join("assets/samples/fashion-mnist");
    let args = ["score", "--model", "bundled", "--in-domain", text(&samples)];
    let quick = ["--limit", "2", "--attempts", "2", "--steps", "2"];
    let output = lmd(&[&args[..], &quick, &["--output", text(&run)]].concat());
    assert_eq!(output.status.code(), Some(0));
    let (pictures, maps) = (folder.path().join("pictures"), folder.path().join("maps"));
    let args = [
        "export",
        text(&run),
        "--csv",
        text(&csv),
        "--images",
        text(&pictures),
    ];
    let output = lmd(&[&args[..], &["--maps", text(&maps)]].concat());
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");

    let table = fs::read_to_string(maps.join("maps.csv")).unwrap();
    let mut lines = table.lines();
    assert_eq!(lines.next(), Some("image,attempt,kind,file,mean"));
    let scores = fs::read_to_string(&csv).unwrap();
    let lpips: Vec<f64> = (scores.lines().skip(1))
        .map(|line| line.rsplit(',').next().unwrap().parse().unwrap())
        .collect();
    let mut sums: BTreeMap<(usize, String), Vec<Vec<f32>>> = BTreeMap::new();
    for line in lines {
        let [image, attempt, kind, file, said] = *line.split(',').collect::<Vec<_>>() else {
            panic!("{line}");
        };
        let number: usize = image.parse().unwrap();
        let found = values(&maps.join(file));
        assert!((mean(&found) - said.parse::<f64>().unwrap()).abs() < 1e-9);
        let shown = image::open(maps.join(file).with_extension("png")).unwrap();
        for (pixel, value) in shown.to_luma16().pixels().zip(&found) {
            let expected = f64::from(value.min(1.0)) * 65535.0;
            assert!((f64::from(pixel.0[0]) - expected).abs() <= 0.51, "{file}");
        }
        let of_kind = sums.entry((number, kind.to_owned())).or_default();
        if attempt == "mean" {
            for (at, value) in found.iter().enumerate() {
                let sum: f32 = of_kind.iter().map(|map| map[at]).sum();
                assert!((value - sum / of_kind.len() as f32).abs() < 1e-6, "{file}");
            }
            continue;
        }
        if kind == "difference" {
            let open = |name: String| image::open(pictures.join(name)).unwrap().to_luma8();
            let original = open(format!("{number:06}-original.png"));
            let other = open(format!("{number:06}-attempt-{attempt}.png"));
            for ((a, b), value) in original.pixels().zip(other.pixels()).zip(&found) {
                let expected = (f32::from(a.0[0]) - f32::from(b.0[0])).abs() / 255.0;
                assert!((value - expected).abs() < 1e-6, "{file}");
            }
        } else {
            // The score was measured before pictures were rounded to 8 bits.
            let at = number * 2 + attempt.parse::<usize>().unwrap();
            let difference = (mean(&found) - lpips[at]).abs();
            assert!(difference < 0.02 * lpips[at] + 2e-4, "{file}: {difference}");
        }
        of_kind.push(found);
    }
    let kinds = ["difference", "lpips"].map(str::to_owned);
    for key in [0, 1]
        .into_iter()
        .flat_map(|image| kinds.clone().map(|kind| (image, kind)))
    {
        assert_eq!(sums[&key].len(), 2, "{key:?}");
    }
    assert_eq!(table.lines().count(), 1 + 2 * 2 * 3, "means too: {table}");
}

#[test]
fn a_run_without_pictures_has_no_maps_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("bare.lmdrun");
    super::support::write(&run, lmd_inspector::runs::file::KeepPictures::None);
    let maps = folder.path().join("maps");
    let output = lmd(&["export", text(&run), "--maps", text(&maps)]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("the run keeps no pictures"), "{told}");
}
