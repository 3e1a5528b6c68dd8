//! Every setting that decides a run's numbers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::diffusion::SamplerSettings;
use crate::images::ResizeMode;
use crate::networks::distances::LPIPS;
pub use crate::networks::executors::DeviceChoice;
use crate::ood::{Aggregate, MaskKind, MeasureId};

/// The settings of one run; the defaults are the paper's, with a 25-step DDIM sampler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunSettings {
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
    /// The measure that figures are shown for; the others are computed as well.
    pub distance: MeasureId,
    /// How attempts become one score.
    pub aggregate: Aggregate,
    /// Use only the first images of each folder, in natural order.
    pub limit: Option<usize>,
    /// Keys the noise together with each file's content.
    pub seed: u64,
    /// Images in one network call.
    pub batch: BatchChoice,
    /// Where the network runs.
    pub device: DeviceChoice,
    /// How a picture is brought to the model's square.
    #[serde(rename = "fit")]
    pub resize: ResizeMode,
}

/// The field that JSON names and this program does not know, where that is what is wrong.
pub fn unknown_field(error: &serde_json::Error) -> Option<String> {
    let text = error.to_string();
    let (name, _) = text.strip_prefix("unknown field `")?.split_once('`')?;
    Some(name.to_owned())
}

impl RunSettings {
    /// The names of the settings that decide a number and differ from `other`'s.
    ///
    /// This is the one definition of what decides a run's numbers: two runs of the same images and model whose settings do
    /// not differ here have the same attempts with the same values.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        // Taken apart whole, so that a new setting has to say here what it decides.
        let Self {
            mask,
            grid,
            num_attempts,
            lift,
            sampler,
            seed,
            resize,
            // How numbers are looked at:
            distance: _,
            aggregate: _,
            // Which images are scored:
            limit: _,
            // How the work is done:
            batch: _,
            device: _,
        } = self;
        let differing = [
            ("mask", *mask != other.mask),
            ("grid", *grid != other.grid),
            ("num_attempts", *num_attempts != other.num_attempts),
            ("lift", *lift != other.lift),
            ("sampler", *sampler != other.sampler),
            ("seed", *seed != other.seed),
            ("fit", *resize != other.resize),
        ];
        let named = differing.iter().filter(|(_, differs)| *differs);
        named.map(|(name, _)| *name).collect()
    }

    /// Whether runs by these and by `other` settings give the same attempts the same values.
    pub fn gives_values_of(&self, other: &Self) -> bool {
        self.differences(other).is_empty()
    }

    /// Whether they give images the same scores, which also takes the same measure and aggregation.
    pub fn gives_scores_of(&self, other: &Self) -> bool {
        self.gives_values_of(other)
            && (self.distance, self.aggregate) == (other.distance, other.aggregate)
    }

    /// These settings, with the numbers looked at as by `other`.
    pub fn viewed_as(&self, other: &Self) -> Self {
        Self {
            distance: other.distance,
            aggregate: other.aggregate,
            ..self.clone()
        }
    }

    /// These settings, with the work done as by `other`.
    pub fn executed_as(&self, other: &Self) -> Self {
        Self {
            batch: other.batch,
            device: other.device,
            ..self.clone()
        }
    }
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            mask: MaskKind::AlternatingCheckerboard,
            grid: 8,
            num_attempts: 10,
            lift: Lift::Inpaint,
            sampler: SamplerSettings::default(),
            distance: LPIPS,
            aggregate: Aggregate::Median,
            limit: None,
            seed: 0,
            batch: BatchChoice::Auto,
            device: DeviceChoice::Auto,
            resize: ResizeMode::Crop,
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

/// Images in one network call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BatchChoice {
    /// As many as keep one call under 100 ms.
    Auto,
    /// Exactly this many (the last batch may be smaller).
    Fixed(usize),
}

impl fmt::Display for BatchChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Fixed(count) => write!(f, "{count}"),
        }
    }
}

impl FromStr for BatchChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.parse()) {
            ("auto", _) => Ok(Self::Auto),
            (_, Ok(count)) if count > 0 => Ok(Self::Fixed(count)),
            _ => Err(format!(
                "expected `auto` or a number from 1 up, got `{text}`"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::distances::MSE;
    use crate::ood::MaskKind;

    #[test]
    fn each_setting_decides_what_it_says() {
        let usual = RunSettings::default();
        let changed = |change: fn(&mut RunSettings)| {
            let mut settings = RunSettings::default();
            change(&mut settings);
            settings
        };
        let deciding = [
            changed(|s| s.mask = MaskKind::Center),
            changed(|s| s.grid = 4),
            changed(|s| s.num_attempts = 3),
            changed(|s| {
                s.lift = Lift::Denoise {
                    start_timestep: 500,
                }
            }),
            changed(|s| s.sampler.num_steps = Some(10)),
            changed(|s| s.sampler.eta = 0.5),
            changed(|s| s.seed = 1),
            changed(|s| s.resize = ResizeMode::Pad),
        ];
        for settings in deciding {
            assert_eq!(settings.differences(&usual).len(), 1, "{settings:?}");
            assert!(!settings.gives_scores_of(&usual));
        }
        for settings in [
            changed(|s| s.device = DeviceChoice::CANDLE_CPU),
            changed(|s| s.batch = BatchChoice::Fixed(3)),
            changed(|s| s.limit = Some(7)),
        ] {
            assert!(settings.gives_scores_of(&usual), "{settings:?}");
        }
        for settings in [
            changed(|s| s.distance = MSE),
            changed(|s| s.aggregate = Aggregate::Mean),
        ] {
            assert!(settings.gives_values_of(&usual), "{settings:?}");
            assert!(!settings.gives_scores_of(&usual), "{settings:?}");
            assert!(usual.viewed_as(&settings).gives_scores_of(&settings));
        }
    }
}
