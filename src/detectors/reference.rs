//! What tests compare detectors with: values that PyTorch gave for the bundled model.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};

use super::one_call_norm::NOISE_NORM;
use super::settings::Target;
use crate::diffusion::Schedule;
use crate::diffusion::noise::{NoiseSource, Purpose};
use crate::images::decode::decode_file;
use crate::images::prepare::prepare;
use crate::images::{Geometry, ResizeMode};
use crate::networks::checkpoints::{self, ModelSource};
use crate::networks::distances::{ComparedOriginal, KeptFeatures};
use crate::networks::executors::cpu::{CpuDenoiser, CpuOptions};

/// What the bundled model works on.
pub const GEOMETRY: Geometry = Geometry {
    channels: 1,
    side: 32,
};

/// The tensors of a file of `tests/fixtures/detectors`.
pub struct Reference(HashMap<String, Tensor>);

impl Reference {
    pub fn read(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/detectors");
        Self(candle_core::safetensors::load(folder.join(name), &Device::Cpu).unwrap())
    }

    /// All values of a tensor, flat.
    pub fn values(&self, name: &str) -> Vec<f64> {
        let flat = self.0[name].to_dtype(DType::F64).unwrap();
        flat.flatten_all().unwrap().to_vec1().unwrap()
    }

    /// The same, one row for each entry of the first axis.
    pub fn rows(&self, name: &str) -> Vec<Vec<f64>> {
        let values = self.values(name);
        let len = values.len() / self.0[name].dims()[0];
        values.chunks(len).map(<[f64]>::to_vec).collect()
    }

    /// The images, in [-1, 1].
    pub fn images_signed(&self) -> Vec<Vec<f64>> {
        let rows = self.rows("images").into_iter();
        rows.map(|levels| levels.iter().map(|level| level / 127.5 - 1.0).collect())
            .collect()
    }
}

/// Noise that was written down: of each step, of each image.
pub struct WrittenNoise(pub Vec<Vec<f64>>);

impl NoiseSource for WrittenNoise {
    fn fill_normal(&self, item: usize, _purpose: Purpose, step: usize, out: &mut [f32]) {
        let len = out.len();
        for (out, value) in out.iter_mut().zip(&self.0[step][item * len..][..len]) {
            *out = *value as f32;
        }
    }
}

/// Images of one channel and 32 pixels per side for a model with this schedule, which nothing else is known of.
pub fn target(schedule: &Schedule) -> Target<'_> {
    Target {
        geometry: GEOMETRY,
        schedule,
        model: None,
        resize: ResizeMode::Crop,
        seed: 0,
        measure: NOISE_NORM,
    }
}

/// The first four images of each of the bundled samples, those of Fashion-MNIST first, as the bundled model gets them.
pub fn samples() -> Vec<ComparedOriginal> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/samples");
    let numbers = || 0..4;
    let files = ["fashion-mnist", "mnist"]
        .into_iter()
        .flat_map(|folder| numbers().map(move |number| format!("{folder}/{number:05}.png")));
    files
        .map(|file| {
            let decoded = decode_file(&samples.join(file)).unwrap();
            ComparedOriginal {
                unit: prepare(&decoded, GEOMETRY, ResizeMode::Crop).unit.into(),
                features: KeptFeatures::default(),
            }
        })
        .collect()
}

/// The bundled model on the CPU kernels.
pub fn bundled() -> (Schedule, CpuDenoiser) {
    let checkpoint = checkpoints::load(&ModelSource::BUNDLED).unwrap();
    let denoiser = CpuDenoiser::new(&checkpoint.network, &CpuOptions::default()).unwrap();
    (checkpoint.schedule, denoiser)
}
