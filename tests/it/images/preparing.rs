//! Prepared pixels against PIL and torch.

use std::path::{Path, PathBuf};

use candle_core::{Device, safetensors};
use image::{DynamicImage, GrayImage, ImageFormat, Luma};
use lmd_inspector::images::decode::{decode_bytes, decode_file};
use lmd_inspector::images::prepare::{load_mask_luma, prepare};
use lmd_inspector::images::{Geometry, ResizeMode};
use lmd_inspector::ood::{KnownMask, MaskKind};

use super::support::encode;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/preprocess")
}

#[test]
fn prepared_pixels_agree_with_the_reference() {
    const TOLERANCE: f32 = 1e-5;
    let expected =
        safetensors::load(fixtures().join("expected.safetensors"), &Device::Cpu).unwrap();
    let mut names: Vec<_> = expected.keys().collect();
    names.sort();
    assert_eq!(names.len(), 6);
    for name in names {
        let tensor = &expected[name];
        let (channels, side, _) = tensor.dims3().unwrap();
        let (picture, _) = name.split_once(".to-").unwrap();
        let decoded = decode_file(&fixtures().join(format!("{picture}.png"))).unwrap();
        let pixels = prepare(&decoded, Geometry { channels, side }, ResizeMode::Crop);
        let values = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let difference = pixels
            .unit
            .iter()
            .zip(&values)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert_eq!(pixels.unit.len(), values.len());
        assert!(difference <= TOLERANCE, "{name}: {difference}");
    }
}

fn wide() -> DynamicImage {
    GrayImage::from_fn(9, 4, |x, _| Luma([(x * 20) as u8])).into()
}

fn fitted(resize: ResizeMode, side: usize) -> Vec<f32> {
    let decoded = decode_bytes(&encode(&wide(), ImageFormat::Png)).unwrap();
    let unit = prepare(&decoded, Geometry { channels: 1, side }, resize).unit;
    unit.into_iter().map(|value| value * 255.0).collect()
}

fn assert_close(values: &[f32], expected: &[f32]) {
    let is_close = values.len() == expected.len()
        && values
            .iter()
            .zip(expected)
            .all(|(a, b)| (a - b).abs() < 1e-3);
    assert!(is_close, "expected {expected:?}, got {values:?}");
}

#[test]
fn crop_takes_the_center_and_leaves_the_odd_column_right() {
    assert_close(
        &fitted(ResizeMode::Crop, 4)[..4],
        &[40.0, 60.0, 80.0, 100.0],
    );
}

#[test]
fn pad_keeps_everything_between_black_bars() {
    let values = fitted(ResizeMode::Pad, 9);
    let row: Vec<f32> = (0..9).map(|x| x as f32 * 20.0).collect();
    assert_close(&values[..18], &[0.0; 18]);
    for y in 2..6 {
        assert_close(&values[y * 9..(y + 1) * 9], &row);
    }
    assert_close(&values[54..], &[0.0; 27]);
}

#[test]
fn stretch_squeezes_the_longer_side() {
    // Thirds of nine columns by the triangle filter of width 6: column 4 stays in the middle.
    let values = fitted(ResizeMode::Stretch, 3);
    assert!((values[1] - 80.0).abs() < 1e-3, "{values:?}");
    assert!((values[0] + values[2] - 160.0).abs() < 1e-3, "{values:?}");
    assert_close(&values[3..6], &values[..3]);
}

#[test]
fn a_mask_file_is_resized_to_the_nearest_pixel() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mask.png");
    let mask = GrayImage::from_fn(7, 5, |x, y| Luma([(x * 10 + y) as u8]));
    mask.save(&path).unwrap();
    // `Image.resize((4, 4), NEAREST)` reads columns 0, 2, 4, 6 and rows 0, 1, 3, 4.
    let expected: Vec<u8> = [0, 1, 3, 4]
        .iter()
        .flat_map(|y| [0, 2, 4, 6].map(|x| x * 10 + y))
        .collect();
    assert_eq!(load_mask_luma(&path, 4).unwrap(), expected);

    GrayImage::from_fn(2, 2, |x, _| Luma([if x == 0 { 127 } else { 128 }]))
        .save(&path)
        .unwrap();
    let luma = load_mask_luma(&path, 4).unwrap();
    let kind = MaskKind::File(path);
    let mask = KnownMask::new(&kind, 0, 4, 0, |_| 0, &luma).unwrap();
    assert_eq!(mask.known()[..4], [false, false, true, true]);
}
