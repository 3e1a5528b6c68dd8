//! What the weights do not tell: the image size and the process, from a JSON file beside them.

use serde::Deserialize;

use super::super::candidate::Candidate;
use super::super::shapes::check_image_size;
use super::super::{CheckpointError, json};
use super::modules::Modules;
use crate::diffusion::schedule::{Betas, Process, ScheduleConfig};

/// More bytes than any such file has.
const MAX_BYTES: u64 = 1 << 20;
/// Timesteps that stand for the continuous time: what the authors' labels count (999 t).
const NUM_TIMESTEPS: usize = 1000;
/// Groups of every normalization of DDPM networks, and the most of DDPM++ ones.
const MOST_GROUPS: usize = 32;
/// What to write beside the weights.
const EXAMPLE: &str =
    "{\"sde\": \"subvp\", \"image_size\": 32, \"beta_min\": 0.1, \"beta_max\": 20}";

/// The settings by which the network runs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    /// Width and height of an image in pixels.
    pub(super) image_size: usize,
    process: Process,
    beta_min: f64,
    beta_max: f64,
    is_plus_plus: bool,
    rescales_skips: bool,
}

/// The file's fields, named as in the authors' configurations.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawSettings {
    sde: Option<String>,
    image_size: Option<usize>,
    beta_min: Option<f64>,
    beta_max: Option<f64>,
    centered: Option<bool>,
    fir: bool,
    skip_rescale: Option<bool>,
}

impl Settings {
    /// From the file that was chosen, or the one beside the weights; what it leaves open is added to `notes`.
    pub(super) fn find(
        candidate: &Candidate<'_>,
        weights: &str,
        modules: &Modules,
        notes: &mut Vec<String>,
    ) -> Result<Self, CheckpointError> {
        let (bytes, path) = candidate.side_file(weights, MAX_BYTES)?.ok_or_else(|| {
            CheckpointError::BadConfig {
                message: format!(
                    "a score_sde checkpoint does not say its image size and its process; write them into config.json beside \
                     it, e.g. {EXAMPLE}"
                ),
                path: candidate.files.path(weights),
            }
        })?;
        let raw: RawSettings =
            json::fields(&bytes).map_err(|message| CheckpointError::BadJson {
                message,
                path: path.clone(),
            })?;
        raw.checked(modules, notes)
            .map_err(|message| CheckpointError::BadConfig { message, path })
    }

    /// Groups of a normalization over so many channels.
    pub(super) fn num_groups(&self, channels: usize) -> usize {
        if self.is_plus_plus {
            (channels / 4).clamp(1, MOST_GROUPS)
        } else {
            MOST_GROUPS
        }
    }

    /// Factor on the sum of a layer and its input.
    pub(super) fn residual_scale(&self) -> f64 {
        if self.rescales_skips {
            std::f64::consts::FRAC_1_SQRT_2
        } else {
            1.0
        }
    }

    /// The process as timesteps, of which the network is told as the authors' code tells it of times.
    pub(super) fn schedule(&self) -> ScheduleConfig {
        ScheduleConfig {
            process: self.process,
            betas: Betas::Continuous,
            beta_start: self.beta_min,
            beta_end: self.beta_max,
            num_train_timesteps: NUM_TIMESTEPS,
            ..ScheduleConfig::default()
        }
    }
}

impl RawSettings {
    /// Complete, and not at odds with the network; the message says what is wrong.
    fn checked(self, modules: &Modules, notes: &mut Vec<String>) -> Result<Settings, String> {
        let missing = |field: &str| format!("{field} is missing; write it as in {EXAMPLE}");
        let process = match self.sde.as_deref().map(str::to_lowercase).as_deref() {
            Some("vp" | "vpsde") => Process::VariancePreserving,
            Some("subvp" | "subvpsde") => Process::SubVariancePreserving,
            Some("ve" | "vesde") => {
                return Err("sde ve is not supported; use a vp or subvp model".to_owned());
            }
            Some(other) => return Err(format!("sde must be vp or subvp, got {other}")),
            None => return Err(missing("sde")),
        };
        if self.fir {
            return Err("fir true is not supported; use a model without FIR resampling".to_owned());
        }
        if self.centered == Some(false) {
            return Err("centered false is not supported with vp and subvp; use a model of images from -1 to 1".to_owned());
        }
        let image_size = self.image_size.ok_or_else(|| missing("image_size"))?;
        check_image_size(image_size, modules.num_halvings())?;
        let (beta_min, beta_max) = (self.beta_min.unwrap_or(0.1), self.beta_max.unwrap_or(20.0));
        if self.beta_min.is_none() || self.beta_max.is_none() {
            notes.push(format!(
                "betas from {beta_min} to {beta_max}: the authors' defaults, since the file beside the weights has none"
            ));
        }
        if !(beta_min > 0.0 && beta_max >= beta_min && beta_max.is_finite()) {
            return Err(format!(
                "beta_min and beta_max must be positive and in order, got {beta_min} and {beta_max}"
            ));
        }
        let is_plus_plus = modules.is_plus_plus();
        if is_plus_plus && self.skip_rescale.is_none() {
            notes.push("sums are scaled by the root of a half (skip_rescale), as in the authors' DDPM++ models".to_owned());
        }
        Ok(Settings {
            image_size,
            process,
            beta_min,
            beta_max,
            is_plus_plus,
            rescales_skips: is_plus_plus && self.skip_rescale.unwrap_or(true),
        })
    }
}
