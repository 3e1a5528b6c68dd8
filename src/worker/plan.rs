//! What a run will do, checked before any work: timesteps, masks and the order of images.

use std::path::PathBuf;
use std::sync::Arc;

use super::protocol::{Lift, RunImage, RunSettings};
use crate::diffusion::lift::Start;
use crate::diffusion::noise::PhiloxStream;
use crate::diffusion::sampler::SamplerError;
use crate::images::decode::DecodeError;
use crate::images::prepare::load_mask_luma;
use crate::images::{ContentHash, Geometry};
use crate::ood::mask::MaskError;
use crate::ood::{KnownMask, MaskKind, Role};

/// Why a run is refused before it starts.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// No attempts.
    #[error("the number of attempts must be at least 1, got 0")]
    NoAttempts,
    /// No images.
    #[error("there is no image to score; add a folder of images first")]
    NoImages,
    /// The sampler's settings.
    #[error(transparent)]
    Sampler(#[from] SamplerError),
    /// The mask.
    #[error(transparent)]
    Mask(#[from] MaskError),
    /// The mask's file.
    #[error("the mask image can't be used: {source}: {}", path.display())]
    MaskFile {
        /// Why.
        source: DecodeError,
        /// Which.
        path: PathBuf,
    },
}

/// The masks of a run at the model's size.
#[derive(Clone, Debug)]
pub struct Masks {
    kind: MaskKind,
    grid: usize,
    side: usize,
    seed: u64,
    file_luma: Vec<u8>,
}

impl Masks {
    /// Read the mask file, if that is the kind, and check that each attempt's mask can be made.
    pub fn new(
        kind: &MaskKind,
        grid: usize,
        geometry: Geometry,
        seed: u64,
    ) -> Result<Self, PlanError> {
        let file_luma = match kind {
            MaskKind::File(path) => {
                load_mask_luma(path, geometry.side).map_err(|source| PlanError::MaskFile {
                    source,
                    path: path.clone(),
                })?
            }
            _ => Vec::new(),
        };
        let masks = Self {
            kind: kind.clone(),
            grid,
            side: geometry.side,
            seed,
            file_luma,
        };
        for attempt in 0..2 {
            masks.known_mask(&ContentHash([0; 32]), attempt)?;
        }
        Ok(masks)
    }

    /// The mask of one attempt on one image.
    pub fn known_mask(
        &self,
        content: &ContentHash,
        attempt: usize,
    ) -> Result<KnownMask, MaskError> {
        let draw = PhiloxStream::new(self.seed, content, attempt).mask_draws();
        KnownMask::new(
            &self.kind,
            self.grid,
            self.side,
            attempt,
            draw,
            &self.file_luma,
        )
    }
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
            .map(|masks| masks.known_mask(content, attempt).map(Arc::new))
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
