//! Lift, Map, Detect (Liu et al., ICML 2023, <https://arxiv.org/abs/2302.10326>): an image is changed, the model repairs it,
//! and how far the result is from the image is its score.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use self::masks::{Masks, MasksError};
use super::settings::{About, DetectorError, DetectorSettings, Target};
use super::{Detector, measures};
use crate::diffusion::SamplerSettings;
use crate::diffusion::samplers::Resampling;
use crate::images::Geometry;
use crate::networks::distances::DistanceWeights;
use crate::ood::mask::MaskError;
use crate::ood::{MaskKind, Measure, MeasureId};

pub mod frontier;
pub mod masks;
mod score;

static ABOUT: About = About {
    name: "lmd",
    label: "LMD",
    help: "Hides a part of each image (or covers all of it with noise), lets the model repair it, and measures the difference",
};

/// More cells per side and more attempts than any run has: a stranger's file may say anything.
const LARGEST_GRID: usize = 4096;
const MOST_ATTEMPTS: usize = 1 << 24;

/// The settings of LMD; the defaults are the paper's, with a 25-step DDIM sampler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lmd {
    /// What is hidden from the network.
    pub mask: MaskKind,
    /// Cells per side for the grid masks (paper: 8), at least 1.
    pub grid: usize,
    /// Reconstructions per image (paper: 10), at least 1.
    pub num_attempts: usize,
    /// How the image is lifted off the data.
    pub lift: Lift,
    /// Sampler, steps and eta.
    pub sampler: SamplerSettings,
    /// Of distances beside those that need none, at most one for each; each is measured. Files without any do not name them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub distance_weights: Vec<DistanceWeights>,
}

impl Default for Lmd {
    fn default() -> Self {
        Self {
            mask: MaskKind::AlternatingCheckerboard,
            grid: 8,
            num_attempts: 10,
            lift: Lift::Inpaint,
            sampler: SamplerSettings::default(),
            distance_weights: Vec::new(),
        }
    }
}

/// How an image is lifted off the data before the model maps it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lift {
    /// Hide part of it and inpaint (LMD, Algorithm 1).
    Inpaint,
    /// Diffuse it to `start_timestep` and denoise, without a mask (LMD, Table 4).
    Denoise {
        /// Training timestep to diffuse to; the paper uses 500 of 1000.
        start_timestep: usize,
    },
}

impl Lmd {
    /// It measures distances.
    pub(super) const MEASURES: &'static [&'static Measure] = &[];
}

impl DetectorSettings for Lmd {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn num_attempts(&self) -> usize {
        self.num_attempts
    }

    fn expected_calls(&self, num_train_timesteps: usize) -> usize {
        let num_steps = self.sampler.num_steps(num_train_timesteps);
        self.sampler.num_calls(num_steps)
    }

    fn measures(&self, side: usize, asked: MeasureId) -> Vec<MeasureId> {
        let distances = measures::distances_of_run(side, asked);
        let with_weights = measures::weights_of_run(side, &self.distance_weights);
        let distances = distances.iter().map(|distance| distance.measure().id);
        let with_weights = with_weights.iter().map(|weights| weights.distance);
        distances.chain(with_weights).collect()
    }

    fn choices(&self, side: usize) -> Vec<MeasureId> {
        measures::of_distances(side, &self.distance_weights)
    }

    fn result(&self) -> Option<&'static str> {
        Some(match self.lift {
            Lift::Inpaint => "Inpainted",
            Lift::Denoise { .. } => "Denoised",
        })
    }

    fn hides_pixels(&self) -> bool {
        self.lift == Lift::Inpaint
    }

    fn detector(&self, target: &Target<'_>) -> Result<Box<dyn Detector>, DetectorError> {
        Ok(Box::new(score::Ready::new(self, target)?))
    }

    fn facts(&self, num_train_timesteps: usize) -> Vec<(&'static str, String)> {
        let num_steps = self.sampler.num_steps(num_train_timesteps);
        let lift = match self.lift {
            Lift::Inpaint => "inpaint".to_owned(),
            Lift::Denoise { start_timestep } => {
                format!("add noise up to timestep {start_timestep}, then denoise; no mask")
            }
        };
        let mut facts = vec![("Lift", lift)];
        if self.lift == Lift::Inpaint {
            facts.push(("Mask", self.mask.to_string()));
            facts.push(("Grid", self.grid.to_string()));
        }
        let sampler = match self.sampler.kind.def() {
            def if def.uses_eta => {
                format!("{}, {num_steps} steps, eta {}", def.label, self.sampler.eta)
            }
            def if def.resamples() => {
                let Resampling {
                    jump_length,
                    jump_count,
                } = self.sampler.resampling;
                format!(
                    "{}, {num_steps} steps, stretches of {jump_length} taken {jump_count} times",
                    def.label
                )
            }
            def => format!("{}, {num_steps} steps", def.label),
        };
        facts.extend([
            ("Attempts", self.num_attempts.to_string()),
            ("Sampler", sampler),
        ]);
        facts.extend(self.distance_weights.iter().map(|weights| {
            let label = measures::label(&weights.distance);
            let digests = weights.short_digests();
            ("Weights", format!("{label}, SHA-256 {digests}"))
        }));
        facts
    }

    fn options(&self) -> Vec<(&'static str, String)> {
        let mut options = vec![
            ("mask", self.mask.to_string()),
            ("grid", self.grid.to_string()),
            ("attempts", self.num_attempts.to_string()),
        ];
        match self.lift {
            Lift::Inpaint => options.push(("lift", "inpaint".to_owned())),
            Lift::Denoise { start_timestep } => options.extend([
                ("lift", "denoise".to_owned()),
                ("start-timestep", start_timestep.to_string()),
            ]),
        }
        options.push(("sampler", self.sampler.kind.def().name.to_owned()));
        if let Some(num_steps) = self.sampler.num_steps {
            options.push(("steps", num_steps.to_string()));
        }
        options.push(("eta", self.sampler.eta.to_string()));
        if self.sampler.kind.def().resamples() {
            let Resampling {
                jump_length,
                jump_count,
            } = self.sampler.resampling;
            options.extend([
                ("jump-length", jump_length.to_string()),
                ("jump-count", jump_count.to_string()),
            ]);
        }
        let files = self
            .distance_weights
            .iter()
            .flat_map(DistanceWeights::files);
        options.extend(files.map(|file| ("distance-weights", file.display().to_string())));
        options
    }

    fn summary(&self) -> String {
        match (self.lift, &self.mask) {
            (Lift::Denoise { start_timestep }, _) => format!("denoised from {start_timestep}"),
            (Lift::Inpaint, MaskKind::File(_)) => "mask image".to_owned(),
            (Lift::Inpaint, MaskKind::AlternatingCheckerboard) => {
                format!("alternating checkerboard {}", self.grid)
            }
            (Lift::Inpaint, MaskKind::Checkerboard) => format!("checkerboard {}", self.grid),
            (Lift::Inpaint, MaskKind::RandomPatch) => format!("random patches {}", self.grid),
            (Lift::Inpaint, MaskKind::Center) => "center".to_owned(),
        }
    }

    fn is_believable(&self) -> bool {
        self.num_attempts <= MOST_ATTEMPTS && self.grid <= LARGEST_GRID
    }

    fn repair(&mut self) {
        if !(0.0..=1.0).contains(&self.sampler.eta) {
            self.sampler.eta = SamplerSettings::default().eta;
        }
        let resampling = &mut self.sampler.resampling;
        resampling.jump_length = resampling.jump_length.max(1);
        resampling.jump_count = resampling.jump_count.max(1);
        self.grid = self.grid.max(1);
        self.num_attempts = self.num_attempts.max(1);
    }

    fn files(&self) -> Vec<&PathBuf> {
        let weights = self
            .distance_weights
            .iter()
            .flat_map(DistanceWeights::files);
        self.mask.file().into_iter().chain(weights).collect()
    }

    fn files_mut(&mut self) -> Vec<&mut PathBuf> {
        let weights = self.distance_weights.iter_mut();
        let weights = weights.flat_map(DistanceWeights::files_mut);
        self.mask.file_mut().into_iter().chain(weights).collect()
    }

    fn mask_file(&self) -> Option<&PathBuf> {
        self.mask.file()
    }

    fn weights(&self) -> Vec<&DistanceWeights> {
        self.distance_weights.iter().collect()
    }

    fn weights_mut(&mut self) -> Vec<&mut DistanceWeights> {
        self.distance_weights.iter_mut().collect()
    }

    fn masks(&self, geometry: Geometry, seed: u64) -> Result<Option<Masks>, MasksError> {
        match self.lift {
            Lift::Inpaint => Masks::new(&self.mask, self.grid, geometry, seed).map(Some),
            Lift::Denoise { .. } => Ok(None),
        }
    }

    fn stored_masks(
        &self,
        geometry: Geometry,
        seed: u64,
        file_luma: Vec<u8>,
    ) -> Result<Option<Masks>, MaskError> {
        match self.lift {
            Lift::Inpaint => {
                Masks::stored(&self.mask, self.grid, geometry, seed, file_luma).map(Some)
            }
            Lift::Denoise { .. } => Ok(None),
        }
    }
}
