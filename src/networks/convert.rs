//! Any model as a diffusers folder, compared with what it was made of.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use half::f16;

use super::checkpoints::{self, Blueprint, Checkpoint, CheckpointError, ModelSource, Numbers};
use super::description::Network;
use super::executors::{self, DeviceChoice, ExecutorError};
use super::training::parameters;
use super::verify::{largest, relative_difference};
use crate::diffusion::{DenoiseError, NeverInterrupt, Schedule};

/// What became of a conversion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Converted {
    /// Largest difference between the outputs of the two models, relative to the largest output.
    pub max_relative_difference: f64,
    /// Attentions that do nothing, which diffusers' blocks have beside those of the model.
    pub num_idle: usize,
}

/// Why a model is not converted.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// Nothing of the kind in diffusers.
    #[error("diffusers has no words for {what}; the model opens here as it is: {}", path.display())]
    Inexpressible { what: String, path: PathBuf },
    /// Half precision ends at 65,504.
    #[error("its largest weight, {0:e}, is more than f16 can hold; use --dtype bf16 or f32")]
    TooLarge(f32),
    #[error("the folder could not be written ({source}): {}", path.display())]
    Write { source: io::Error, path: PathBuf },
    /// What was written does not open.
    #[error(transparent)]
    Unreadable(#[from] CheckpointError),
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    #[error(transparent)]
    Denoise(#[from] DenoiseError),
    /// What was written opens and is another model.
    #[error(
        "what was written gives other outputs, {difference:.2e} of the largest apart where {allowed:.0e} is allowed; keep \
         the original: {}", path.display()
    )]
    Differs {
        difference: f64,
        allowed: f64,
        path: PathBuf,
    },
}

/// Write a model into a new folder, open that, and compare the outputs of the two.
pub fn convert(
    checkpoint: &Checkpoint,
    folder: &Path,
    numbers: Numbers,
) -> Result<Converted, ConvertError> {
    let path = || match &checkpoint.source {
        ModelSource::Bundled(_) => PathBuf::from("(bundled model)"),
        ModelSource::Path(path) => path.clone(),
        ModelSource::Blank(_) => PathBuf::from("(no model)"),
    };
    let (blueprint, mut network) = Blueprint::expressing(&checkpoint.network, &checkpoint.schedule)
        .map_err(|what| ConvertError::Inexpressible { what, path: path() })?;
    check_range(&mut network, numbers)?;
    blueprint
        .write(folder, &network, numbers)
        .map_err(|source| ConvertError::Write {
            source,
            path: folder.to_owned(),
        })?;
    let written = checkpoints::load(&ModelSource::Path(folder.to_owned()))?;
    let difference = difference(&checkpoint.network, written.network, &checkpoint.schedule)?;
    let allowed = match numbers {
        Numbers::F32 => 1e-5,
        Numbers::F16 => 1e-2,
        Numbers::Bf16 => 1e-1,
    };
    if difference.is_nan() || difference > allowed {
        return Err(ConvertError::Differs {
            difference,
            allowed,
            path: folder.to_owned(),
        });
    }
    Ok(Converted {
        max_relative_difference: difference,
        num_idle: network.stages.len() - checkpoint.network.stages.len(),
    })
}

fn check_range(network: &mut Network, numbers: Numbers) -> Result<(), ConvertError> {
    let tensors = parameters::tensors(network).into_iter();
    let largest = tensors
        .flat_map(|tensor| tensor.values.iter())
        .fold(0.0, |most: f32, value| most.max(value.abs()));
    if numbers == Numbers::F16 && largest > f16::MAX.to_f32() {
        return Err(ConvertError::TooLarge(largest));
    }
    Ok(())
}

/// On three images, from hardly any noise to hardly any image.
fn difference(one: &Network, other: Network, schedule: &Schedule) -> Result<f64, ConvertError> {
    let last = schedule.num_train_timesteps() - 1;
    let timesteps = [last / 20, last / 2, last];
    let told = timesteps.map(|timestep| schedule.told(timestep));
    let len = one.in_channels * one.image_size * one.image_size;
    let sample: Vec<f32> = (timesteps.into_iter().enumerate())
        .flat_map(|(image, timestep)| {
            let noise = schedule.noise_variance(Some(timestep)).sqrt() as f32;
            (0..len).map(move |at| (at as f32 * 0.7 + image as f32).sin() * (0.5 + noise))
        })
        .collect();
    let call = |network: Arc<Network>| -> Result<Vec<f32>, ConvertError> {
        let (mut denoiser, _) = executors::open_denoiser(network, DeviceChoice::CPU)?;
        let mut output = vec![0.0; sample.len()];
        denoiser.denoise(&sample, &told, &mut output, &NeverInterrupt)?;
        Ok(output)
    };
    let (expected, got) = (call(Arc::new(one.clone()))?, call(Arc::new(other))?);
    // Image by image: outputs at little noise may be thousands of times as large.
    let images = expected.chunks_exact(len).zip(got.chunks_exact(len));
    let differences = images.map(|(expected, got)| relative_difference(got, expected).0);
    Ok(largest(differences))
}
