//! What a run will do, checked before any work: its detector, made for the model, and the order of images.

use crate::detectors::{Detector, DetectorError, DetectorSpec, Target};
use crate::diffusion::Schedule;
use crate::images::Geometry;
use crate::networks::ModelIdentity;
use crate::ood::{PerRole, Role};
use crate::runs::{RunImage, RunSettings};

/// More attempts per image than any study makes: a slip of the pen would be at work for years.
const MAX_ATTEMPTS: usize = 100_000;

/// Why a run is refused before it starts.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// No attempts.
    #[error("the number of attempts must be at least 1, got 0")]
    NoAttempts,
    /// More than can be meant.
    #[error("the number of attempts must be at most {MAX_ATTEMPTS}, got {0}")]
    TooManyAttempts(usize),
    /// No images.
    #[error("there is no image to score; add a folder of images first")]
    NoImages,
    /// The detector's settings.
    #[error(transparent)]
    Detector(#[from] DetectorError),
}

/// A checked run.
pub struct Plan {
    /// What scores its images.
    pub detector: Box<dyn Detector>,
    /// Image ids in the order of work of every attempt.
    pub order: Vec<usize>,
}

impl Plan {
    /// Check the settings against the model.
    pub fn new(
        settings: &RunSettings,
        images: &[RunImage],
        geometry: Geometry,
        schedule: &Schedule,
        model: &ModelIdentity,
    ) -> Result<Self, PlanError> {
        let method = &settings.method;
        let num_attempts = method.detector.num_attempts();
        if num_attempts == 0 {
            return Err(PlanError::NoAttempts);
        }
        if num_attempts > MAX_ATTEMPTS {
            return Err(PlanError::TooManyAttempts(num_attempts));
        }
        if images.is_empty() {
            return Err(PlanError::NoImages);
        }
        check_model(&method.detector, model)?;
        let target = Target {
            geometry,
            schedule,
            model: model.fingerprint,
            resize: method.resize,
            seed: method.seed,
            measure: settings.view.measure,
        };
        Ok(Self {
            detector: method.detector.detector(&target)?,
            order: interleaved(images),
        })
    }
}

/// Refuse detectors that use a model where there is none.
pub(super) fn check_model(
    detector: &DetectorSpec,
    model: &ModelIdentity,
) -> Result<(), DetectorError> {
    match detector.that_uses_model().filter(|_| model.is_blank()) {
        None => Ok(()),
        Some(part) => Err(DetectorError::Unfit(format!(
            "{} uses a diffusion model, and there is none here: open one, or give one as --model",
            part.about().label
        ))),
    }
}

/// Image ids such that every prefix holds each role in about its share: the ROC means something early.
fn interleaved(images: &[RunImage]) -> Vec<usize> {
    let count = |role: Role| images.iter().filter(|image| image.role == role).count();
    let totals = PerRole::new(count);
    let mut seen = PerRole::<usize>::default();
    let mut keyed: Vec<(f64, usize)> = images
        .iter()
        .enumerate()
        .map(|(id, image)| {
            let role = image.role;
            seen[role] += 1;
            ((seen[role] as f64 - 0.5) / totals[role] as f64, id)
        })
        .collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    keyed.into_iter().map(|(_, id)| id).collect()
}
