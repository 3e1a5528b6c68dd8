//! What tests compare detectors with: values that PyTorch gave for the bundled model.

use std::collections::HashMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};

use crate::diffusion::Schedule;
use crate::networks::checkpoints::{self, ModelSource};
use crate::networks::executors::cpu::{CpuDenoiser, CpuOptions};

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

/// The bundled model on the CPU kernels.
pub fn bundled() -> (Schedule, CpuDenoiser) {
    let checkpoint = checkpoints::load(&ModelSource::Bundled).unwrap();
    let denoiser = CpuDenoiser::new(&checkpoint.network, &CpuOptions::default()).unwrap();
    (checkpoint.schedule, denoiser)
}
