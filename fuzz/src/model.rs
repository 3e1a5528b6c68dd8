//! Model folders, and weights that fit a configuration.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::Path;

use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::diffusion::{Denoiser as _, NeverInterrupt};
use crate::networks::Network;
use crate::networks::checkpoints::{self, CheckpointError, Misfit, ModelSource};
use crate::networks::executors::cpu::{CpuDenoiser, CpuOptions};

/// The name of the weights file.
pub const WEIGHTS: &str = "diffusion_pytorch_model.safetensors";

/// Larger networks are not run.
const MOST_VALUES: usize = 1 << 17;
const MOST_FLOPS: u64 = 50_000_000;

/// Load the model of a folder; a refusal has to name the folder.
pub fn load(folder: &Path) -> Result<checkpoints::Checkpoint, CheckpointError> {
    let loaded = checkpoints::load(&ModelSource::Path(folder.to_owned()));
    if let Err(error) = &loaded {
        crate::checks::check_sentence(error, folder);
    }
    loaded
}

/// A safetensors file of zeros.
pub fn zeros(shapes: &[(String, Vec<usize>)]) -> Vec<u8> {
    let mut header = serde_json::Map::new();
    let mut end = 0;
    for (name, shape) in shapes {
        let from = end;
        end += 4 * shape.iter().product::<usize>();
        let entry =
            serde_json::json!({"dtype": "F32", "shape": shape, "data_offsets": [from, end]});
        header.insert(name.clone(), entry);
    }
    let header = serde_json::to_vec(&header).unwrap_or_default();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    bytes.resize(bytes.len() + end, 0);
    bytes
}

fn misfit(folder: &Path, shapes: &[(String, Vec<usize>)]) -> Option<Misfit> {
    fs::write(folder.join(WEIGHTS), zeros(shapes)).expect("the folder can be written to");
    match load(folder) {
        Err(CheckpointError::Misfit { misfit, .. }) => Some(misfit),
        _ => None,
    }
}

/// Write weights of zeros that fit the configuration in a folder, if it is accepted and not too large; returns their shapes.
pub fn fit(folder: &Path) -> Option<Vec<(String, Vec<usize>)>> {
    let names: Vec<_> = misfit(folder, &[])?
        .missing
        .into_iter()
        .map(|name| (name, vec![0]))
        .collect();
    let shapes: Vec<(String, Vec<usize>)> = misfit(folder, &names)?
        .shapes
        .into_iter()
        .map(|(name, expected, _)| (name, expected))
        .collect();
    let num_values = shapes.iter().try_fold(0_usize, |sum, (_, shape)| {
        let len = shape
            .iter()
            .try_fold(1_usize, |product, &n| product.checked_mul(n))?;
        sum.checked_add(len)
    })?;
    if num_values > MOST_VALUES {
        return None;
    }
    fs::write(folder.join(WEIGHTS), zeros(&shapes)).expect("the folder can be written to");
    Some(shapes)
}

/// What is accepted can be run.
pub fn run(network: &Network) {
    if network.num_parameters() > MOST_VALUES || network.flops_per_image() > MOST_FLOPS {
        return;
    }
    let options = CpuOptions {
        threads: Some(1),
        isa: None,
    };
    let Ok(mut denoiser) = CpuDenoiser::new(network, &options) else {
        return;
    };
    let sample = vec![0.5; 2 * denoiser.geometry().len()];
    let mut output = sample.clone();
    denoiser
        .denoise(&sample, &[0.0, 999.0], &mut output, &NeverInterrupt)
        .expect("an accepted network runs");
}

/// A zip as PyTorch writes it, with two storages of 4 KiB.
pub fn zipped(pickle: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in [
        ("archive/data.pkl", pickle),
        ("archive/data/0", &[0; 4096]),
        ("archive/data/1", &[63; 4096]),
    ] {
        zip.start_file(name, options)
            .and_then(|()| Ok(zip.write_all(content)?))
            .expect("a zip can be written to memory");
    }
    zip.finish()
        .expect("a zip can be written to memory")
        .into_inner()
}
