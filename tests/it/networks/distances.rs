//! LPIPS, SSIM and MSE against the `lpips` package and scikit-image.

use std::collections::HashMap;

use candle_core::Device;
use lmd_inspector::images::Geometry;
use lmd_inspector::networks::distances::{FeatureDistance as _, mse, ssim};
use lmd_inspector::networks::executors::candle::CandlePerceptual;
use lmd_inspector::networks::lpips::{Lpips, Perceptual, spatial_map};

use super::fixture;

pub(crate) type Expected = HashMap<String, HashMap<String, Vec<f64>>>;

const CASES: [(&str, Geometry); 3] = [
    (
        "32x32x1",
        Geometry {
            channels: 1,
            side: 32,
        },
    ),
    (
        "32x32x3",
        Geometry {
            channels: 3,
            side: 32,
        },
    ),
    (
        "64x64x3",
        Geometry {
            channels: 3,
            side: 64,
        },
    ),
];

/// Case name, geometry, originals, reconstructions.
pub(crate) fn pairs() -> Vec<(&'static str, Geometry, Vec<f32>, Vec<f32>)> {
    let path = fixture("distances/pairs.safetensors");
    let tensors = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
    let values = |name: String| tensors[&name].flatten_all().unwrap().to_vec1().unwrap();
    CASES
        .into_iter()
        .map(|(case, geometry)| {
            let originals = values(format!("{case}.original"));
            let reconstructions = values(format!("{case}.reconstruction"));
            (case, geometry, originals, reconstructions)
        })
        .collect()
}

pub(crate) fn expected() -> Expected {
    let text = std::fs::read_to_string(fixture("distances/expected.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The maps of the `lpips` package by case, of the first pairs.
pub(crate) fn expected_maps() -> HashMap<&'static str, Vec<f32>> {
    let path = fixture("distances/maps.safetensors");
    let tensors = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
    let values = |case: &str| {
        let map = &tensors[&format!("{case}.map")];
        map.flatten_all().unwrap().to_vec1().unwrap()
    };
    CASES
        .into_iter()
        .map(|(case, _)| (case, values(case)))
        .collect()
}

/// Hold an executor's maps against the package's, and their means against the executor's distances.
pub(crate) fn check_maps(lpips: &mut dyn Perceptual, which: &str) {
    let expected = expected_maps();
    for (case, geometry, originals, reconstructions) in pairs() {
        let features = lpips.features(geometry, &originals).unwrap();
        let planes = lpips.planes(geometry, &features, &reconstructions).unwrap();
        let distances = lpips
            .distances(geometry, &features, &reconstructions)
            .unwrap();
        let pixels = geometry.pixels();
        let wanted = expected[case].chunks_exact(pixels);
        assert_eq!(wanted.len(), 2);
        for ((planes, wanted), distance) in planes.iter().zip(wanted).zip(distances) {
            let map = spatial_map(planes, geometry.side);
            let largest = wanted.iter().copied().fold(0.0, f32::max);
            for (got, want) in map.iter().zip(wanted) {
                assert!(
                    (got - want).abs() < 1e-4 * largest,
                    "{case} with {which}: {got} {want}"
                );
            }
            let mean = map.iter().map(|value| f64::from(*value)).sum::<f64>() / pixels as f64;
            assert!(
                (mean / distance - 1.0).abs() < 1e-3,
                "{case} with {which}: {mean} {distance}"
            );
        }
    }
}

#[test]
fn spatial_maps_agree_with_the_lpips_package() {
    let mut lpips = CandlePerceptual::new(&Lpips::bundled().unwrap(), &Device::Cpu).unwrap();
    check_maps(&mut lpips, "candle");
}

#[test]
fn lpips_agrees_with_the_lpips_package() {
    let mut lpips = CandlePerceptual::new(&Lpips::bundled().unwrap(), &Device::Cpu).unwrap();
    let expected = expected();
    for (case, geometry, originals, reconstructions) in pairs() {
        let features = lpips.features(geometry, &originals).unwrap();
        let distances = lpips
            .distances(geometry, &features, &reconstructions)
            .unwrap();
        let expected = &expected[case]["lpips_alex"];
        assert_eq!(distances.len(), expected.len());
        for (got, want) in distances.iter().zip(expected) {
            assert!((got - want).abs() < 1e-4 * want, "{case}: {got} {want}");
        }
        let same = lpips.distances(geometry, &features, &originals).unwrap();
        assert!(
            same.iter().all(|&distance| distance == 0.0),
            "{case}: {same:?}"
        );
    }
}

#[test]
fn mse_and_ssim_agree_with_scikit_image() {
    let expected = expected();
    for (case, geometry, originals, reconstructions) in pairs() {
        let images = originals.chunks(geometry.len());
        for (i, (a, b)) in images
            .zip(reconstructions.chunks(geometry.len()))
            .enumerate()
        {
            let want = expected[case]["mse"][i];
            let got = mse(a, b);
            assert!((got - want).abs() < 1e-5, "{case}: MSE {got} {want}");
            let want = expected[case]["ssim"][i];
            let got = ssim(geometry.side, a, b).unwrap();
            assert!((got - want).abs() < 1e-5, "{case}: SSIM {got} {want}");
            assert_eq!(mse(a, a), 0.0);
            assert!(
                (ssim(geometry.side, a, a).unwrap() - 1.0).abs() < 1e-12,
                "{case}"
            );
        }
    }
}
