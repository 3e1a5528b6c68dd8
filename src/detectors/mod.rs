//! Detectors: what is measured of an image, and how that becomes its score.
//!
//! Two things stand for a detector. Its settings ([`DetectorSettings`], one arm of [`DetectorSpec`] for each detector) say
//! all that is known without a model: they are what files keep, reports tell and panels change. Of them and a model's
//! schedule a [`Detector`] is made, which scores images.
//!
//! A new detector is a file here with both, and a line in [`spec`]'s list. Numbers among its settings, as
//! [`Parameter`]s, have their options and their controls by that; other settings need a panel and options of their own.

use std::sync::Arc;

use crate::diffusion::{DenoiseError, Denoiser, Interrupt, Schedule};
use crate::images::{ContentHash, Geometry};
use crate::networks::distances::ComparedOriginal;
use crate::networks::lpips::Perceptual;
use crate::ood::mask::MaskError;
use crate::ood::{KnownMask, MeasureId, Values};

pub mod bound;
pub mod combined;
pub mod fitted;
mod levels;
pub mod likelihood;
pub mod lmd;
pub mod measures;
mod noise_norm;
pub mod one_call_norm;
mod reconstruction;
#[cfg(test)]
mod reference;
pub mod settings;
pub mod several;
pub mod spec;

pub use self::settings::{About, DetectorError, DetectorSettings, Parameter, Target};
pub use self::several::SeveralError;
pub use self::spec::DetectorSpec;

/// A detector that is ready to score the images of one run.
pub trait Detector {
    /// What each attempt's values are, in their order.
    fn measures(&self) -> &Arc<[MeasureId]>;

    /// Network calls that an attempt takes for each image; about as many where images differ.
    fn calls_per_attempt(&self) -> usize;

    /// The same of this attempt, from 0, where attempts differ.
    fn calls_of_attempt(&self, _attempt: usize) -> usize {
        self.calls_per_attempt()
    }

    /// The pixels of a picture that the settings name (`side * side` values), which a run file keeps beside them; empty where
    /// they name none.
    fn mask_luma(&self) -> &[u8] {
        &[]
    }

    /// Make an attempt, from 0, on each image of a batch.
    ///
    /// An image's attempt is the same bits whatever else is in its batch.
    ///
    /// # Errors
    /// What a network call says; nothing of the batch is kept then.
    fn score(
        &self,
        batch: Batch<'_>,
        attempt: usize,
        models: Models<'_>,
        watch: Watch<'_>,
    ) -> Result<Vec<Attempt>, AttemptError>;
}

/// The images of one batch.
pub struct Batch<'a> {
    /// Of each image.
    pub geometry: Geometry,
    /// What each image's file holds: noise is drawn by it.
    pub contents: &'a [ContentHash],
    /// The images, in the same order. What is made of one is kept for its later attempts.
    pub originals: &'a mut [ComparedOriginal],
}

impl Batch<'_> {
    /// All images, (B, C, H, W) in [-1, 1].
    pub fn signed(&self) -> Vec<f32> {
        let originals = self.originals.iter();
        originals
            .flat_map(|original| original.unit.iter().map(|unit| 2.0 * unit - 1.0))
            .collect()
    }
}

/// What detectors work with.
pub struct Models<'a> {
    /// The diffusion model's schedule.
    pub schedule: &'a Schedule,
    /// The diffusion model.
    pub denoiser: &'a mut dyn Denoiser,
    /// LPIPS; `None` where images are too small for it.
    pub perceptual: Option<&'a mut (dyn Perceptual + 'static)>,
}

impl Models<'_> {
    /// The same once more, for a part of the work.
    fn lent(&mut self) -> Models<'_> {
        Models {
            schedule: self.schedule,
            denoiser: &mut *self.denoiser,
            perceptual: self.perceptual.as_deref_mut(),
        }
    }
}

/// How an attempt is watched, and stopped.
pub struct Watch<'a> {
    /// Asked between the layers of a network call and between calls.
    pub interrupt: &'a dyn Interrupt,
    /// Told after each network call.
    pub on_call: &'a mut dyn FnMut(Call<'_>),
}

/// A step of an attempt: one network call for each image of a batch, or some of them.
pub struct Call<'a> {
    /// Calls of the attempt so far, from 1: those of the image that takes the most.
    pub num_done: usize,
    /// Calls of this step, all images together.
    pub num_network_calls: usize,
    /// What has become of the images by now, (B, C, H, W) in [-1, 1]; `None` where a detector changes none.
    pub state_signed: Option<&'a [f32]>,
}

impl Call<'_> {
    /// No call of the model, but a time that an image's part of an attempt ends at.
    const NONE: Self = Self {
        num_done: 0,
        num_network_calls: 0,
        state_signed: None,
    };
}

/// What came of an attempt on one image.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// One for each of [`Detector::measures`]; NaN where one is not defined.
    pub values: Values,
    /// Which pixels were known; `None` where none were hidden.
    pub known_mask: Option<Arc<KnownMask>>,
    /// What the detector made of the image, (C, H, W) in [0, 1]; `None` where it makes nothing to be looked at.
    pub reconstruction: Option<Vec<f32>>,
}

impl Attempt {
    /// Of a detector that hides nothing and makes no picture.
    pub(in crate::detectors) fn measured(values: Values) -> Self {
        Self {
            values,
            known_mask: None,
            reconstruction: None,
        }
    }
}

/// Why an attempt failed.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// A mask could not be made.
    #[error(transparent)]
    Mask(#[from] MaskError),
    #[error(transparent)]
    Network(#[from] DenoiseError),
}
