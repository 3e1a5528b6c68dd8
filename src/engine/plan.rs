//! What a run will do, checked before any work: timesteps, masks and the order of images.

use std::sync::Arc;

use crate::diffusion::lift::Start;
use crate::diffusion::samplers::SamplerError;
use crate::images::{ContentHash, Geometry};
use crate::ood::mask::MaskError;
use crate::ood::{KnownMask, Role};
pub use crate::runs::masks::{Masks, MasksError};
use crate::runs::{Lift, RunImage, RunSettings};

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
    /// The sampler's settings.
    #[error(transparent)]
    Sampler(#[from] SamplerError),
    /// The mask's file.
    #[error(transparent)]
    Masks(#[from] MasksError),
}

/// A checked run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Timesteps of each lift, noisiest first.
    pub timesteps: Vec<usize>,
    /// Where a lift starts.
    pub start: Start,
    /// The masks; `None` for the denoising lift.
    pub masks: Option<Masks>,
    /// Image ids in the order of work of every attempt.
    pub order: Vec<usize>,
}

impl Plan {
    /// Check the settings against the model.
    pub fn new(
        settings: &RunSettings,
        images: &[RunImage],
        geometry: Geometry,
        num_train_timesteps: usize,
    ) -> Result<Self, PlanError> {
        if settings.num_attempts == 0 {
            return Err(PlanError::NoAttempts);
        }
        if settings.num_attempts > MAX_ATTEMPTS {
            return Err(PlanError::TooManyAttempts(settings.num_attempts));
        }
        if images.is_empty() {
            return Err(PlanError::NoImages);
        }
        let sampler = &settings.sampler;
        let (timesteps, start, masks) = match settings.lift {
            Lift::Inpaint => {
                let masks = Masks::new(&settings.mask, settings.grid, geometry, settings.seed)?;
                let timesteps = sampler.timesteps(num_train_timesteps)?;
                (timesteps, Start::Noise, Some(masks))
            }
            Lift::Denoise { start_timestep } => {
                let timesteps = sampler.timesteps_from(start_timestep, num_train_timesteps)?;
                (timesteps, Start::Diffused, None)
            }
        };
        Ok(Self {
            timesteps,
            start,
            masks,
            order: interleaved(images),
        })
    }

    /// The mask of one attempt on one image, to be shared.
    pub fn known_mask(
        &self,
        content: &ContentHash,
        attempt: usize,
    ) -> Result<Option<Arc<KnownMask>>, MaskError> {
        self.masks
            .as_ref()
            .map(|masks| masks.known_mask(content, attempt))
            .transpose()
    }
}

/// Image ids such that every prefix holds each role in about its share: the ROC means something early.
fn interleaved(images: &[RunImage]) -> Vec<usize> {
    let count = |role: Role| images.iter().filter(|image| image.role == role).count();
    let totals = Role::ALL.map(count);
    let mut seen = [0_usize; Role::ALL.len()];
    let mut keyed: Vec<(f64, usize)> = images
        .iter()
        .enumerate()
        .map(|(id, image)| {
            let role = image.role as usize;
            seen[role] += 1;
            ((seen[role] as f64 - 0.5) / totals[role] as f64, id)
        })
        .collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    keyed.into_iter().map(|(_, id)| id).collect()
}
