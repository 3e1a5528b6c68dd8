//! A model of any family as a diffusers folder: written beside its place, compared, and put there.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::networks::checkpoints::{self, CheckpointError, ModelSource, Numbers, SettingsFrom};
use crate::networks::convert::{ConvertError, Converted, convert};

/// Why there is no folder.
#[derive(Debug, thiserror::Error)]
pub enum ConversionError {
    #[error("there is something already; choose a folder that is not there yet: {}", .0.display())]
    Occupied(PathBuf),
    #[error("nothing can be written here ({source}): {}", path.display())]
    Unwritable { source: io::Error, path: PathBuf },
    /// The model can't be read.
    #[error(transparent)]
    Model(#[from] CheckpointError),
    #[error(transparent)]
    Convert(#[from] ConvertError),
    /// Something has appeared there meanwhile.
    #[error("the folder could not be put in its place ({source}): {}", path.display())]
    Place { source: io::Error, path: PathBuf },
}

impl ConversionError {
    /// Whether it was known before any work that it can't be done.
    pub fn is_bad_request(&self) -> bool {
        match self {
            Self::Occupied(_) | Self::Unwritable { .. } | Self::Model(_) => true,
            Self::Convert(error) => matches!(
                error,
                ConvertError::Inexpressible { .. } | ConvertError::TooLarge(_)
            ),
            Self::Place { .. } => false,
        }
    }
}

/// What came of it, besides the folder.
#[derive(Clone, Debug)]
pub struct Conversion {
    pub converted: Converted,
    /// What had to be assumed about the model, and what else to tell, a sentence's part each.
    pub notes: Vec<String>,
}

impl Conversion {
    /// How near the written model is to the other one.
    pub fn summary(&self) -> String {
        format!(
            "opened again, its outputs are within {:.1e} of the model's largest",
            self.converted.max_relative_difference
        )
    }
}

/// Which model to write where.
#[derive(Clone, Debug)]
pub struct ConvertRequest {
    pub source: ModelSource,
    /// A folder that is not there yet.
    pub output: PathBuf,
    /// What the weights are written in.
    pub numbers: Numbers,
}

impl ConvertRequest {
    /// Write the model, which is read with these settings.
    pub fn carry_out(&self, settings: SettingsFrom<'_>) -> Result<Conversion, ConversionError> {
        let output = &self.output;
        if output.exists() {
            return Err(ConversionError::Occupied(output.clone()));
        }
        let checkpoint = checkpoints::load_with(&self.source, settings)?;
        let neighbor = Neighbor::new(output)?;
        let converted = convert(&checkpoint, &neighbor.0, self.numbers)?;
        // What has appeared there meanwhile stays: a folder is not renamed onto another that holds anything.
        fs::rename(&neighbor.0, output).map_err(|source| ConversionError::Place {
            source,
            path: output.clone(),
        })?;
        let mut notes = checkpoint.notes;
        if converted.num_idle > 0 {
            notes.push(format!(
                "diffusers' blocks have {} more attentions than the model; these were written so that they do nothing",
                converted.num_idle
            ));
        }
        Ok(Conversion { converted, notes })
    }
}

/// A folder beside the output; removed when dropped, unless it was renamed.
struct Neighbor(PathBuf);

impl Neighbor {
    fn new(output: &Path) -> Result<Self, ConversionError> {
        let mut name = OsString::from(".");
        name.push(output.file_name().unwrap_or_default());
        name.push(format!(".{}.part", std::process::id()));
        let path = output.with_file_name(name);
        match fs::create_dir(&path) {
            Ok(()) => Ok(Self(path)),
            Err(source) => Err(ConversionError::Unwritable { source, path }),
        }
    }
}

impl Drop for Neighbor {
    fn drop(&mut self) {
        // It is not there where it was renamed; a rest does no harm otherwise.
        fs::remove_dir_all(&self.0).ok();
    }
}
