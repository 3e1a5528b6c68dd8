//! What the tests of fitted detectors share.

use super::{Density, Fit, Fitted, Fitting, numbers::Contents};
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
            assert_eq!(call.num_network_calls, 8);
            num_calls += 1;
        },
    };
    let rows = features.of(&mut batch, models, watch).unwrap();
    assert_eq!(num_calls, features.num_calls());
    assert!(rows.iter().all(|row| row.len() == features.num_features()));
    rows
}

/// A single Gaussian of these rows, fitted on one image for each.
pub fn fitted<const N: usize>(rows: &[[f64; N]]) -> Fitted {
    let hashes: Vec<ContentHash> = (1..=rows.len() as u8)
        .map(|it| ContentHash([it; 32]))
        .collect();
    let rows: Vec<Vec<f64>> = rows.iter().map(|row| row.to_vec()).collect();
    Fitted::from(Fit {
        density: Density::gaussian(&rows, 2).unwrap(),
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
