//! Made-up images and results for the tests of this folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::detectors::DetectorSpec;
use crate::detectors::fitted::numbers::Contents;
use crate::detectors::fitted::{Density, Fit};
use crate::images::file::NativeInfo;
use crate::images::{ContentHash, Geometry, ImageFile, Picture};
use crate::networks::ModelIdentity;
use crate::networks::distances::{LPIPS, MSE, SSIM};
use crate::networks::executors::{DeviceInfo, Numerics};
use crate::ood::Role;
use crate::runs::{AttemptResult, RunImage};
use crate::worker::protocol::{FitRequest, FolderListing, ModelInfo, ModelSource};

fn image_file(folder: &str, index: usize) -> Arc<ImageFile> {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&(index as u64).to_le_bytes());
    hash[8] = folder.len() as u8;
    hash[9] = folder.as_bytes()[folder.len() - 1];
    Arc::new(ImageFile {
        path: Path::new(folder).join(format!("{index}.png")),
        hash: ContentHash(hash),
        native: NativeInfo {
            width: 8,
            height: 8,
            format: "png".to_owned(),
            color: "L8".to_owned(),
            num_bytes: 100,
            jpeg_quality: None,
        },
    })
}

/// A folder of `num_images` made-up images.
pub fn listing(folder: &str, role: Role, num_images: usize) -> FolderListing {
    FolderListing {
        path: PathBuf::from(folder),
        role,
        files: (0..num_images)
            .map(|index| image_file(folder, index))
            .collect(),
        unreadable: Vec::new(),
        notes: Vec::new(),
    }
}

/// In-domain images of `/in`, then out-of-domain images of `/out`.
pub fn run_images(num_in: usize, num_out: usize) -> Vec<RunImage> {
    let of = |folder: &'static str, role, count| {
        let path = Arc::new(PathBuf::from(folder));
        (0..count).map(move |index| RunImage {
            file: image_file(folder, index),
            role,
            folder: Arc::clone(&path),
        })
    };
    of("/in", Role::InDomain, num_in)
        .chain(of("/out", Role::OutOfDomain, num_out))
        .collect()
}

/// A result whose LPIPS is `value` and whose MSE is a tenth of it.
pub fn result(image: usize, attempt: usize, value: f64) -> AttemptResult {
    let geometry = Geometry {
        channels: 1,
        side: 2,
    };
    AttemptResult {
        image,
        attempt,
        values: [(MSE, value / 10.0), (SSIM, f64::NAN), (LPIPS, value)]
            .into_iter()
            .collect(),
        known_mask: None,
        original: Picture::from_unit(geometry, &[0.0; 4]),
        statistics: None,
        inpainted: None,
    }
}

/// What the worker makes of a request: a fit of made-up numbers.
pub fn fitted(request: &FitRequest) -> DetectorSpec {
    let mut detector = request.detector.clone();
    let fit = Fit {
        learned: Density::gaussian(&[vec![0.0; 2], vec![1.0; 2]], 2)
            .unwrap()
            .into(),
        seed: request.seed,
        model: None,
        geometry: model_info().geometry,
        resize: request.resize,
        images: Contents::new(request.images.iter().map(|image| &image.file.hash)),
    };
    let settings = detector.fitting_mut().unwrap();
    settings.set_fitted(Some(fit.into()));
    detector
}

/// A model that makes 100 calls a second.
pub fn model_info() -> ModelInfo {
    ModelInfo {
        source: ModelSource::BUNDLED,
        name: "test".to_owned(),
        family: "test".to_owned(),
        geometry: Geometry {
            channels: 1,
            side: 32,
        },
        num_parameters: 1,
        flops_per_call: 1.0,
        identity: ModelIdentity::of_weights("00".repeat(32)),
        num_train_timesteps: 1000,
        device: DeviceInfo {
            label: "CPU".to_owned(),
            numerics: Numerics::new("CPU"),
        },
        call_secs: vec![(1, 0.01)],
        notes: Vec::new(),
        settings: Vec::new(),
        num_tensors: 0,
    }
}
