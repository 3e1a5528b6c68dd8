//! Loaders: a checkpoint of some family in, a [`Network`] and its [`Schedule`] out.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::description::Network;
use crate::diffusion::Schedule;

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModelSource {
    /// The model inside the binary.
    Bundled,
    /// A checkpoint folder on disk.
    Path(PathBuf),
}

/// A loaded checkpoint.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Where it came from.
    pub source: ModelSource,
    /// Its name for people: the folder's name.
    pub name: String,
    /// Checkpoint family, e.g. `diffusers UNet2DModel`.
    pub family: &'static str,
    /// The network with its weights.
    pub network: Network,
    /// The schedule it was trained with.
    pub schedule: Schedule,
    /// SHA-256 of the weights file, in hex.
    pub weights_sha256: String,
    /// What had to be assumed, e.g. a missing scheduler file.
    pub notes: Vec<String>,
}

/// Why a checkpoint could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Placeholder until the loader lands.
    #[error("not implemented")]
    Unimplemented,
}

/// Read a checkpoint, checking every shape, missing and unused keys, and that all weights are finite.
pub fn load(source: &ModelSource) -> Result<Checkpoint, CheckpointError> {
    let _ = source;
    Err(CheckpointError::Unimplemented)
}
