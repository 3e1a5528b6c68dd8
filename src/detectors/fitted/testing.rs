//! What the tests of fitted detectors share.

use super::normal::Normal;
use super::numbers::Contents;
use super::{Density, Fit, Fitted, Fitting, Learning};
use crate::detectors::reference::{self, GEOMETRY};
use crate::detectors::{Batch, Models, Watch};
use crate::diffusion::NeverInterrupt;
use crate::images::{ContentHash, ResizeMode};
use crate::networks::executors::cpu::{CpuOptions, CpuPerceptual, Machine};
use crate::networks::lpips::Lpips;

/// Features of [`reference::samples`] by the bundled model and LPIPS.
pub fn features_of_samples(settings: &dyn Fitting) -> Vec<Vec<f64>> {
    let (schedule, mut denoiser) = reference::bundled();
    let machine = Machine::new(&CpuOptions::default()).unwrap();
    let mut perceptual = CpuPerceptual::new(&Lpips::bundled().unwrap(), machine).unwrap();
    let features = settings.features(&reference::target(&schedule)).unwrap();
    let mut originals = reference::samples();
    let mut batch = Batch {
        geometry: GEOMETRY,
        contents: &[ContentHash([0; 32]); 8],
        originals: &mut originals,
    };
    let models = Models {
        schedule: &schedule,
        denoiser: &mut denoiser,
        perceptual: Some(&mut perceptual),
    };
    let mut num_calls = 0;
    let watch = Watch {
        interrupt: &NeverInterrupt,
        on_call: &mut |call| {
            num_calls += call.num_network_calls;
        },
    };
    let rows = features.of(&mut batch, models, watch).unwrap();
    assert_eq!(num_calls, 8 * features.num_calls());
    assert!(rows.iter().all(|row| row.len() == features.num_features()));
    rows
}

/// The inverse of a positive definite matrix, by solving for each column.
pub fn inverse(matrix: &[f64], len: usize) -> Vec<f64> {
    // |L^-1 (e_i + e_j)|^2 and |L^-1 (e_i - e_j)|^2 differ by four times the inverse's entry.
    let zero = Normal::new(vec![0.0; len], matrix).unwrap();
    let square = |i: usize, j: usize, sign: f64| {
        let mut vector = vec![0.0; len];
        vector[i] += 1.0;
        vector[j] += sign;
        zero.distance_squared(&vector)
    };
    let all = (0..len).flat_map(|i| (0..len).map(move |j| (i, j)));
    all.map(|(i, j)| (square(i, j, 1.0) - square(i, j, -1.0)) / 4.0)
        .collect()
}

/// A single Gaussian of these rows, fitted on one image for each.
pub fn fitted<const N: usize>(rows: &[[f64; N]]) -> Fitted {
    let hashes: Vec<ContentHash> = (1..=rows.len() as u8)
        .map(|it| ContentHash([it; 32]))
        .collect();
    let rows: Vec<Vec<f64>> = rows.iter().map(|row| row.to_vec()).collect();
    Fitted::from(Fit {
        learned: Density::gaussian(&rows, 2).unwrap().into(),
        seed: 0,
        model: None,
        geometry: GEOMETRY,
        resize: ResizeMode::Crop,
        images: Contents::new(&hashes),
    })
}

/// `tolerance` is relative where the expected value is above 1.
#[track_caller]
pub fn assert_near(found: f64, expected: f64, tolerance: f64) {
    let error = (found - expected).abs() / expected.abs().max(1.0);
    assert!(error < tolerance, "{found} {expected}");
}

/// As [`assert_near`], for each value.
#[track_caller]
pub fn assert_rows_near(found: &[Vec<f64>], expected: &[Vec<f64>], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert_near(*found, *expected, tolerance);
        }
    }
}

/// What is learned of rows of images like the reference's.
pub fn density_of(settings: &dyn Fitting, rows: &[Vec<f64>]) -> Density {
    let learning = Learning {
        geometry: GEOMETRY,
        seed: 0,
        interrupt: &NeverInterrupt,
        on_part: &mut |_, _| {},
    };
    let learned = settings.learn(rows, learning).unwrap();
    learned.density().unwrap().clone()
}
