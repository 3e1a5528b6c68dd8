//! Every setting that decides a run's numbers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::diffusion::SamplerSettings;
use crate::images::Fit;
pub use crate::networks::executors::DeviceChoice;
use crate::ood::{Aggregate, Distance, MaskKind};

/// The settings of one run; the defaults are the paper's, with a 25-step DDIM sampler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RunSettings {
    /// What is hidden from the network.
    pub mask: MaskKind,
    /// Cells a side for the grid masks (paper: 8), at least 1.
    pub grid: usize,
    /// Reconstructions an image (paper: 10), at least 1.
    pub num_attempts: usize,
    /// How the image is lifted off the data.
    pub lift: Lift,
    /// Sampler, steps and eta.
    pub sampler: SamplerSettings,
    /// The distance that figures are shown for; all three are always computed.
    pub distance: Distance,
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
    pub fit: Fit,
}

/// The field that JSON names and this program does not know, where that is what is wrong.
pub fn unknown_field(error: &serde_json::Error) -> Option<String> {
    let text = error.to_string();
    let (name, _) = text.strip_prefix("unknown field `")?.split_once('`')?;
    Some(name.to_owned())
}

impl RunSettings {
    /// Whether runs by these and by `other` settings give the same attempts the same distances: what is chosen, batched
    /// and shown may differ.
    pub fn makes_distances_of(&self, other: &Self) -> bool {
        let that_count = |settings: &Self| Self {
            distance: Distance::Lpips,
            aggregate: Aggregate::Median,
            limit: None,
            batch: BatchChoice::Auto,
            device: DeviceChoice::Auto,
            ..settings.clone()
        };
        that_count(self) == that_count(other)
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
            distance: Distance::Lpips,
            aggregate: Aggregate::Median,
            limit: None,
            seed: 0,
            batch: BatchChoice::Auto,
            device: DeviceChoice::Auto,
            fit: Fit::Crop,
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
