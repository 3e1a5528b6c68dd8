//! An opened model: its checkpoint's facts, its executors, and how fast they are.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use crate::detectors::Models;
use crate::diffusion::{DenoiseError, Interrupt, Interrupted, Schedule};
use crate::images::Geometry;
use crate::networks::ModelIdentity;
use crate::networks::checkpoints::{
    self, Checkpoint, CheckpointError, MissingSettings, ModelSource, Setting,
};
use crate::networks::executors::{
    self, Batching, DeviceChoice, DeviceInfo, ExecutorError, Executors,
};

/// The automatic batch size aims below the bound, since calls vary.
pub(super) const CALL_MARGIN: f64 = 0.8;

/// Why a model could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The user stopped it.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// What was typed could not be written beside the weights.
    #[error("the settings could not be written beside the weights ({source}): {}", path.display())]
    Settings {
        source: std::io::Error,
        path: PathBuf,
    },
    #[error(transparent)]
    Executor(#[from] ExecutorError),
    /// Read again, it was another one.
    #[error("the model's files have changed since it was opened")]
    OtherModel,
    /// The first network call.
    #[error("the model was loaded, but its first network call failed: {0}")]
    FirstCall(DenoiseError),
}

impl EngineError {
    /// What the checkpoint does not say, where it is refused for that.
    pub fn missing_settings(&self) -> Option<&MissingSettings> {
        match self {
            Self::Checkpoint(CheckpointError::MissingSettings { missing, .. }) => Some(missing),
            _ => None,
        }
    }
}

/// What a loaded model is.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInfo {
    /// Where it came from.
    pub source: ModelSource,
    /// Its name for people: the folder's name.
    pub name: String,
    /// Checkpoint family, e.g. `diffusers UNet2DModel`.
    pub family: String,
    /// The images it works on.
    pub geometry: Geometry,
    /// Number of weights.
    pub num_parameters: usize,
    /// Arithmetic of one network call for one image, in floating-point operations.
    pub flops_per_call: f64,
    /// What tells its numbers from another model's; also has the schedule in one line.
    pub identity: ModelIdentity,
    /// Training timesteps T.
    pub num_train_timesteps: usize,
    /// The device in use.
    pub device: DeviceInfo,
    /// Seconds of one network call, by batch size, as timed when the model was opened.
    pub call_secs: Vec<(usize, f64)>,
    /// What had to be assumed about the checkpoint.
    pub notes: Vec<String>,
    /// Every setting, with where it comes from.
    pub settings: Vec<Setting>,
    /// Tensors among the weights.
    pub num_tensors: usize,
}

impl ModelInfo {
    /// Network calls a second at the best timed batch size.
    pub fn calls_per_second(&self) -> f64 {
        self.call_secs
            .iter()
            .map(|&(batch, secs)| batch as f64 / secs)
            .fold(0.0, f64::max)
    }
}

/// A model ready to run.
pub struct Engine {
    /// What it is, for people.
    pub info: Arc<ModelInfo>,
    /// The device that was asked for.
    pub choice: DeviceChoice,
    pub schedule: Schedule,
    /// What runs it.
    pub executors: Executors,
}

impl Engine {
    /// What detectors work with.
    pub(super) fn models(&mut self) -> Models<'_> {
        Models {
            schedule: &self.schedule,
            denoiser: &mut *self.executors.denoiser,
            perceptual: self.executors.perceptual.as_deref_mut(),
        }
    }

    /// Load, prepare and time a model.
    pub fn open(
        source: &ModelSource,
        choice: DeviceChoice,
        interrupt: &dyn Interrupt,
    ) -> Result<Self, EngineError> {
        Self::new(checkpoints::load(source)?, choice, interrupt)
    }

    /// Prepare and time a model that was read already.
    pub fn new(
        checkpoint: Checkpoint,
        choice: DeviceChoice,
        interrupt: &dyn Interrupt,
    ) -> Result<Self, EngineError> {
        interrupt.check()?;
        let network = &checkpoint.network;
        let geometry = Geometry {
            channels: network.in_channels,
            side: network.image_size,
        };
        let num_parameters = network.num_parameters();
        let flops_per_call = network.flops_per_image();
        let mut executors = executors::open(Arc::new(checkpoint.network), choice)?;
        let call_secs = time_calls(&mut executors, interrupt)?;
        let info = ModelInfo {
            source: checkpoint.source,
            name: checkpoint.name,
            family: checkpoint.family.to_owned(),
            geometry,
            num_parameters,
            flops_per_call: flops_per_call as f64,
            identity: checkpoint.identity,
            num_train_timesteps: checkpoint.schedule.num_train_timesteps(),
            device: executors.device.clone(),
            call_secs,
            notes: checkpoint.notes,
            settings: checkpoint.settings,
            num_tensors: checkpoint.num_tensors,
        };
        Ok(Self {
            info: Arc::new(info),
            choice,
            schedule: checkpoint.schedule,
            executors,
        })
    }

    /// The batch size that keeps a call as short as the device's [`Batching`] says, by the timings taken when the model
    /// was opened.
    pub fn automatic_batch(&self) -> usize {
        automatic_batch(&self.info.call_secs, self.executors.batching)
    }

    /// Leave a device that was lost for the CPU. The model is read again: its weights were not kept.
    pub fn move_to_cpu(&mut self, interrupt: &dyn Interrupt) -> Result<(), EngineError> {
        let moved = Self::open(&self.info.source, DeviceChoice::CPU, interrupt)?;
        let is_same = moved.info.identity == self.info.identity;
        if !is_same {
            return Err(EngineError::OtherModel);
        }
        *self = moved;
        Ok(())
    }
}

/// Seconds of a network call at batch 1, 2, 4, …, until a call comes near the bound.
fn time_calls(
    executors: &mut Executors,
    interrupt: &dyn Interrupt,
) -> Result<Vec<(usize, f64)>, EngineError> {
    let Batching {
        longest_call,
        largest,
    } = executors.batching;
    let denoiser = &mut executors.denoiser;
    let item_len = denoiser.geometry().len();
    let mut timings = Vec::new();
    let mut batch = 1;
    while batch <= largest {
        // Values in the range of noise: a device may work on zeros in another time.
        let sample: Vec<f32> = (0..batch * item_len)
            .map(|i| (i as f32 * 0.7).sin())
            .collect();
        let mut output = sample.clone();
        let timesteps = vec![0.0; batch];
        let mut call = || {
            let start = Instant::now();
            denoiser
                .denoise(&sample, &timesteps, &mut output, interrupt)
                .map(|()| start.elapsed().as_secs_f64())
        };
        // The first call of a size allocates and warms the caches.
        let secs = match call().and_then(|first| Ok(first.min(call()?))) {
            Ok(secs) => secs,
            Err(DenoiseError::Interrupted(interrupted)) => return Err(interrupted.into()),
            Err(DenoiseError::OutOfMemory { .. }) if !timings.is_empty() => break,
            Err(err) => return Err(EngineError::FirstCall(err)),
        };
        timings.push((batch, secs));
        if secs > longest_call.as_secs_f64() * CALL_MARGIN / 2.0 {
            break;
        }
        batch *= 2;
    }
    Ok(timings)
}

fn automatic_batch(call_secs: &[(usize, f64)], batching: Batching) -> usize {
    let Some(&(batch, secs)) = call_secs.last() else {
        return 1;
    };
    let fitting = batching.longest_call.as_secs_f64() * CALL_MARGIN * batch as f64 / secs;
    (fitting as usize).clamp(1, batching.largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn automatic_batch_stays_under_the_bound() {
        let on_cpu = |timed: &[(usize, f64)]| automatic_batch(timed, Batching::PROCESSOR);
        assert_eq!(
            on_cpu(&[(1, 0.004), (2, 0.008), (8, 0.032), (16, 0.064)]),
            20
        );
        assert_eq!(on_cpu(&[(1, 0.4)]), 1);
        assert_eq!(on_cpu(&[(1, 0.0001), (64, 0.004)]), 64);
        assert_eq!(on_cpu(&[]), 1);
        let on_card = |timed: &[(usize, f64)]| automatic_batch(timed, Batching::GRAPHICS);
        assert_eq!(on_card(&[(1, 0.001), (64, 0.004)]), 512, "32 ms");
        assert_eq!(on_card(&[(1, 0.001), (1024, 0.008)]), 1024);
    }
}
