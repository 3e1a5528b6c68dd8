//! The model of the session and how long a run with it takes.

use std::sync::Arc;

use super::session::Session;
use super::settings::RecentModel;
use super::text;
use crate::detectors::DetectorSettings;
use crate::runs::{DeviceChoice, RunSettings};
use crate::worker::protocol::{Control, JobId, MissingSettings, ModelInfo, ModelSource};

/// Where the model stands.
#[derive(Clone, Debug, Default)]
pub enum ModelState {
    /// Nothing was asked for.
    #[default]
    None,
    /// The worker reads and times it.
    Opening {
        /// Answers carry this job.
        job: JobId,
        /// What is read.
        source: ModelSource,
        /// What it does not say of itself, once that is known.
        missing: Option<MissingSettings>,
        /// Cancels the job.
        control: Control,
        /// What was open until now, and on which device: it is used again where this one can't be opened.
        before: Option<(Arc<ModelInfo>, DeviceChoice)>,
    },
    /// Ready to run.
    Ready(Arc<ModelInfo>),
}

/// Why the model that was asked for last could not be opened.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelProblem {
    /// Tells one from another.
    pub job: JobId,
    /// What was asked for.
    pub source: ModelSource,
    /// What is wrong and what to do, without the path.
    pub message: String,
    /// What would have to be said of it; `None` where that is not what it lacks.
    pub missing: Option<MissingSettings>,
}

impl ModelProblem {
    /// Of the whole error chain, which ends with the path.
    pub(super) fn new(
        job: JobId,
        source: ModelSource,
        chain: &str,
        missing: Option<MissingSettings>,
    ) -> Self {
        let mut message = chain;
        if let ModelSource::Path(path) = &source {
            let path = format!(": {}", path.display());
            message = message.strip_suffix(&path).unwrap_or(message);
        }
        Self {
            job,
            message: text::sentences(message),
            source,
            missing,
        }
    }
}

impl ModelState {
    /// What the worker says of the model, once it is read.
    pub fn info(&self) -> Option<&Arc<ModelInfo>> {
        match self {
            Self::Ready(info) => Some(info),
            _ => None,
        }
    }

    /// The job that reads the model now.
    pub fn job(&self) -> Option<JobId> {
        match self {
            Self::Opening { job, .. } => Some(*job),
            _ => None,
        }
    }
}

/// Models that are remembered at most.
const MOST_RECENT: usize = 8;

impl Session {
    /// Remember a model that was opened from disk.
    pub(super) fn remember_model(&mut self, info: &ModelInfo) {
        let ModelSource::Path(path) = &info.source else {
            return;
        };
        let recent = &mut self.settings.recent_models;
        recent.retain(|model| model.path != *path);
        let model = RecentModel {
            path: path.clone(),
            about: about(info),
        };
        recent.insert(0, model);
        recent.truncate(MOST_RECENT);
    }
}

/// Family and images, e.g. `diffusers UNet2DModel, 32 × 32 gray`.
pub fn about(info: &ModelInfo) -> String {
    format!("{}, {}", info.family, images(info))
}

/// The images that it works on, e.g. `32 × 32 gray`.
pub fn images(info: &ModelInfo) -> String {
    let colors = if info.geometry.channels == 1 {
        "gray"
    } else {
        "color"
    };
    let side = info.geometry.side;
    format!("{side} × {side} {colors}")
}

/// Seconds of a run over `num_images`, from the calls that were timed when the model was opened.
///
/// `None` when nothing was timed, or where the detector takes neither calls nor other time.
pub fn estimated_secs(info: &ModelInfo, settings: &RunSettings, num_images: usize) -> Option<f64> {
    let rate = info.calls_per_second();
    let detector = &*settings.method.detector;
    let secs =
        estimated_calls(info, detector, num_images) / rate + other_secs(info, detector, num_images);
    (secs.is_finite() && secs > 0.0).then_some(secs)
}

/// About how many seconds a detector takes on so many images besides its network calls.
pub fn other_secs(info: &ModelInfo, detector: &dyn DetectorSettings, num_images: usize) -> f64 {
    let attempts = num_images as f64 * detector.num_attempts() as f64;
    attempts * detector.other_secs(info.geometry.side)
}

/// About how many network calls a detector makes on so many images.
pub fn estimated_calls(
    info: &ModelInfo,
    detector: &dyn DetectorSettings,
    num_images: usize,
) -> f64 {
    num_images as f64 * detector.total_calls(info.num_train_timesteps) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::Geometry;
    use crate::networks::ModelIdentity;

    #[test]
    fn the_estimate_counts_every_call_at_the_best_rate() {
        let info = ModelInfo {
            source: ModelSource::BUNDLED,
            name: String::new(),
            family: String::new(),
            geometry: Geometry {
                channels: 1,
                side: 32,
            },
            num_parameters: 0,
            flops_per_call: 0.0,
            identity: ModelIdentity::of_weights(String::new()),
            num_train_timesteps: 1000,
            device: Default::default(),
            call_secs: vec![(1, 0.01), (8, 0.02)],
            notes: Vec::new(),
            settings: Vec::new(),
            num_tensors: 0,
        };
        let settings = RunSettings::default();
        assert_eq!(estimated_secs(&info, &settings, 400), Some(250.0));
        let untimed = ModelInfo {
            call_secs: Vec::new(),
            ..info
        };
        assert_eq!(estimated_secs(&untimed, &settings, 400), None);
    }
}
