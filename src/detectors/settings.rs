//! What a detector's settings say before there is any model.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::Detector;
use super::fitted::Fitting;
use super::lmd::masks::{Masks, MasksError};
use crate::diffusion::Schedule;
use crate::diffusion::samplers::SamplerError;
use crate::images::{Geometry, ResizeMode};
use crate::networks::distances::{DistanceWeights, WeightsError};
use crate::networks::identity::Fingerprint;
use crate::ood::MeasureId;
use crate::ood::mask::MaskError;

/// The settings of one detector. They are plain data, which files keep under the names of its fields.
pub trait DetectorSettings {
    /// What is told of the detector.
    fn about(&self) -> &'static About;

    /// The names for people of all detectors that it is: one, or several.
    fn labels(&self) -> Vec<&'static str> {
        vec![self.about().label]
    }

    /// Attempts per image; at least 1 unless a user says otherwise.
    fn num_attempts(&self) -> usize {
        1
    }

    /// The same of this attempt, from 0, where attempts differ.
    fn calls_of_attempt(&self, attempt: usize, num_train_timesteps: usize) -> usize {
        if attempt < self.num_attempts() {
            self.expected_calls(num_train_timesteps)
        } else {
            0
        }
    }

    /// The same of all attempts.
    fn total_calls(&self, num_train_timesteps: usize) -> usize {
        let calls = self.expected_calls(num_train_timesteps);
        calls.saturating_mul(self.num_attempts())
    }

    /// Whether the diffusion model has a part in its scores.
    fn uses_model(&self) -> bool {
        true
    }

    /// About how many network calls an attempt takes for each image, with a model of this many training timesteps.
    fn expected_calls(&self, num_train_timesteps: usize) -> usize;

    /// About how many seconds an attempt takes besides its network calls, for an image of so many pixels per side on two cores.
    fn other_secs(&self, _side: usize) -> f64 {
        0.0
    }

    /// What a run over images of this many pixels per side measures, in the order of files, where `asked` is the measure that
    /// scores are shown by.
    fn measures(&self, side: usize, _asked: MeasureId) -> Vec<MeasureId> {
        self.choices(side)
    }

    /// All measures that a user can choose for images of this many pixels per side, the usual one first.
    fn choices(&self, side: usize) -> Vec<MeasureId>;

    /// What the picture is called that an attempt makes, to be looked at beside the original; `None` where it makes none.
    fn result(&self) -> Option<&'static str> {
        None
    }

    /// Pictures that all attempts on an image make.
    fn num_results(&self) -> usize {
        self.result().map_or(0, |_| self.num_attempts())
    }

    /// Whether an attempt hides a part of the image from the model.
    fn hides_pixels(&self) -> bool {
        false
    }

    /// The detector for the images of a model.
    ///
    /// # Errors
    /// That the settings do not fit the model, or name what can't be read.
    fn detector(&self, target: &Target<'_>) -> Result<Box<dyn Detector>, DetectorError>;

    /// What decides its numbers, for a report: names and values.
    fn facts(&self, _num_train_timesteps: usize) -> Vec<(&'static str, String)> {
        let parameters = self.parameters().into_iter();
        let of_fit = self.fitting().and_then(Fitting::fitted).map(|fitted| {
            let images = format!("{} in-domain images", fitted.num_images());
            ("Fitted on", images)
        });
        parameters
            .map(|(parameter, value)| (parameter.label, value.to_string()))
            .chain(of_fit)
            .collect()
    }

    /// The options of the command line that ask for these settings: names without hyphens, and values.
    fn options(&self) -> Vec<(&'static str, String)> {
        // A fit decides all settings.
        if self.fitting().and_then(Fitting::fitted).is_some() {
            return vec![("fitted", "FILE.lmdfit".to_owned())];
        }
        let parameters = self.parameters().into_iter();
        parameters
            .map(|(parameter, value)| (parameter.name, value.to_string()))
            .collect()
    }

    /// In a few words, for a list of runs.
    fn summary(&self) -> String;

    /// The numbers among its settings that have an option and a control by what is said here.
    fn parameters(&self) -> Vec<(&'static Parameter, f64)> {
        Vec::new()
    }

    /// Change one of [`DetectorSettings::parameters`]; other names are passed over.
    fn set_parameter(&mut self, _name: &str, _value: f64) {}

    /// Itself, where it must be fitted on in-domain images before it can score any.
    fn fitting(&self) -> Option<&dyn Fitting> {
        None
    }

    /// The same, to be changed.
    fn fitting_mut(&mut self) -> Option<&mut dyn Fitting> {
        None
    }

    /// All fits that it takes: its own, or those of each of its parts.
    fn fittings(&self) -> Vec<&dyn Fitting> {
        self.fitting().into_iter().collect()
    }

    /// Whether all numbers can be meant: those of a stranger's file must not make this program reserve all memory.
    fn is_believable(&self) -> bool {
        true
    }

    /// Bring values that a hand-edited file may hold back to what controls can show.
    fn repair(&mut self) {
        for (parameter, value) in self.parameters() {
            let (low, high) = (*parameter.range.start(), *parameter.range.end());
            self.set_parameter(parameter.name, value.clamp(low, high));
        }
    }

    /// The files that the settings name.
    fn files(&self) -> Vec<&PathBuf> {
        Vec::new()
    }

    /// The same, to be changed.
    fn files_mut(&mut self) -> Vec<&mut PathBuf> {
        Vec::new()
    }

    /// The picture among them that is its mask; what it holds is kept beside the settings.
    fn mask_file(&self) -> Option<&PathBuf> {
        None
    }

    /// The networks' weights among them.
    fn weights(&self) -> Vec<&DistanceWeights> {
        Vec::new()
    }

    /// The same, to be changed.
    fn weights_mut(&mut self) -> Vec<&mut DistanceWeights> {
        Vec::new()
    }

    /// The masks of a run of this seed; `None` where nothing is hidden.
    ///
    /// # Errors
    /// That a mask's file can't be read, or that an attempt would have no mask.
    fn masks(&self, _geometry: Geometry, _seed: u64) -> Result<Option<Masks>, MasksError> {
        Ok(None)
    }

    /// The same for a stored run: no file is opened, `file_luma` is what its mask's file held.
    ///
    /// # Errors
    /// That an attempt would have no mask.
    fn stored_masks(
        &self,
        _geometry: Geometry,
        _seed: u64,
        _file_luma: Vec<u8>,
    ) -> Result<Option<Masks>, MaskError> {
        Ok(None)
    }
}

/// What is told of a detector.
#[derive(Debug)]
pub struct About {
    /// Its name in files and options.
    pub name: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// What it does, for a tooltip or a help text.
    pub help: &'static str,
}

/// A number among a detector's settings.
#[derive(Debug)]
pub struct Parameter {
    /// Its name in files and options; no two detectors share one.
    pub name: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// What it does, for a tooltip or a help text.
    pub help: &'static str,
    /// What it may be.
    pub range: RangeInclusive<f64>,
    /// Digits after the point that mean something.
    pub decimals: usize,
}

/// What a detector is made for.
pub struct Target<'a> {
    /// The images that the model works on.
    pub geometry: Geometry,
    /// The model's schedule.
    pub schedule: &'a Schedule,
    /// The model; `None` where it is not known, e.g. while it is trained.
    pub model: Option<Fingerprint>,
    /// How pictures are brought to the model's square.
    pub resize: ResizeMode,
    /// Keys the noise, together with each image's content.
    pub seed: u64,
    /// The measure that scores are shown by.
    pub measure: MeasureId,
}

/// Why a detector can't be made.
#[derive(Debug, thiserror::Error)]
pub enum DetectorError {
    /// The sampler's settings.
    #[error(transparent)]
    Sampler(#[from] SamplerError),
    #[error(transparent)]
    Masks(#[from] MasksError),
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The detector's own reason, a sentence.
    #[error("{0}")]
    Unfit(String),
}
