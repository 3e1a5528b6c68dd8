//! The choice of a device, as users write it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where the network runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceChoice {
    /// The first usable GPU of this build, else the CPU.
    Auto,
    /// This project's own CPU kernels.
    Cpu,
    /// candle's plain CPU path, for comparison.
    CandleCpu,
    /// An NVIDIA GPU by ordinal (builds with the `cuda` feature).
    Cuda(usize),
    /// An Apple GPU (builds with the `metal` feature).
    Metal,
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::CandleCpu => f.write_str("candle-cpu"),
            Self::Cuda(ordinal) => write!(f, "cuda:{ordinal}"),
            Self::Metal => f.write_str("metal"),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let cuda_ordinal = match text {
            "auto" => return Ok(Self::Auto),
            "cpu" => return Ok(Self::Cpu),
            "candle-cpu" => return Ok(Self::CandleCpu),
            "metal" => return Ok(Self::Metal),
            "cuda" => Some(0),
            _ => text
                .strip_prefix("cuda:")
                .and_then(|ordinal| ordinal.parse().ok()),
        };
        cuda_ordinal.map(Self::Cuda).ok_or_else(|| {
            format!("expected auto, cpu, candle-cpu, cuda, cuda:N or metal, got `{text}`")
        })
    }
}
