//! Whether a run can continue: its scores must be those of a run that nothing interrupted.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::saving::SaveError;
use super::{ModelInfo, RunRequest};
use crate::detectors::lmd::masks::{Masks, MasksError};
use crate::images::decode::hash_file;
use crate::runs::RunImage;
use crate::runs::RunSettings;
use crate::runs::file::{Continuation, Segment, StoredRun};

/// Files named in a list; the rest is counted.
const MOST_LISTED: usize = 10;

/// Why a run can't be continued.
#[derive(Debug, thiserror::Error)]
#[error("the run can't be continued: {reason}: {}", path.display())]
pub struct Refusal {
    /// What is not as it was.
    pub reason: String,
    /// The run file.
    pub path: PathBuf,
}

/// What a file of a run is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It has other bytes.
    Changed,
    /// It is gone.
    Missing,
    /// It is there, but can't be read.
    Unreadable,
}

/// A file that is not what it was when its run began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFile {
    pub path: PathBuf,
    /// What is wrong with it.
    pub change: Change,
}

impl std::fmt::Display for ChangedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let change = match self.change {
            Change::Changed => "changed",
            Change::Missing => "missing",
            Change::Unreadable => "can't be read any more",
        };
        write!(f, "{change}: {}", self.path.display())
    }
}

/// Compare the images' files with what they were when the run began; all of them are read.
pub fn changed_files(images: &[RunImage]) -> Vec<ChangedFile> {
    images
        .par_iter()
        .filter_map(|image| {
            let path = &image.file.path;
            let change = match hash_file(path) {
                Ok(hash) if hash == image.file.hash => return None,
                Ok(_) => Change::Changed,
                Err(error) if error.is_missing() => Change::Missing,
                Err(_) => Change::Unreadable,
            };
            Some(ChangedFile {
                path: path.clone(),
                change,
            })
        })
        .collect()
}

/// The first of them, a line each, and how many more there are.
pub fn list_of(changed: &[ChangedFile]) -> Vec<String> {
    let mut lines: Vec<String> = changed
        .iter()
        .take(MOST_LISTED)
        .map(ToString::to_string)
        .collect();
    if changed.len() > MOST_LISTED {
        lines.push(format!("and {} more", changed.len() - MOST_LISTED));
    }
    lines
}

/// What is to be noted about the kernels that continue with a run; a refusal where its scores would not be those of one
/// sitting.
pub(super) fn kernels_note(
    earlier: &[Segment],
    now: &Segment,
    path: &Path,
) -> Result<Option<String>, SaveError> {
    let note = Continuation::new(earlier, now).note();
    Ok(note.map_err(|reason| Refusal {
        reason: format!(
            "{reason}; choose the same device, or continue by lmd score --resume with --mix-kernels"
        ),
        path: path.to_owned(),
    })?)
}

/// Compare a stored run with what is to continue it; the image files are another matter, see [`changed_files`].
pub(super) fn check(
    stored: &StoredRun,
    request: &RunRequest,
    info: &ModelInfo,
) -> Result<(), SaveError> {
    let refuse = |reason: String| Refusal {
        reason,
        path: stored.path.clone(),
    };
    let then = &stored.manifest.model.identity;
    if let Some(reason) = then.compare(&info.identity).difference() {
        return Err(refuse(reason).into());
    }
    if stored.manifest.model.geometry != info.geometry {
        let reason = "the model makes images of another size now".to_owned();
        return Err(refuse(reason).into());
    }
    let settings = stored.manifest.settings();
    // A mask image is compared by its pixels below, wherever it lies.
    if settings.method.without_places() != request.settings.method.without_places() {
        return Err(refuse(format!(
            "the file holds a run of other settings now: {}",
            settings.differences(&request.settings).join(", ")
        ))
        .into());
    }
    let same_images = stored.images.len() == request.images.len()
        && (stored.images.iter().zip(request.images.iter()))
            .all(|(a, b)| a.role == b.role && a.file.hash == b.file.hash);
    if !same_images {
        return Err(refuse("the file holds other images now".to_owned()).into());
    }
    if mask_luma(&request.settings, info)? != stored.mask_luma {
        return Err(refuse("the mask image has changed".to_owned()).into());
    }
    Ok(())
}

/// The mask file at the model's size; empty for other masks.
pub(super) fn mask_luma(settings: &RunSettings, info: &ModelInfo) -> Result<Vec<u8>, MasksError> {
    let method = &settings.method;
    let masks = method.detector.masks(info.geometry, method.seed)?;
    Ok(masks.as_ref().map_or(&[][..], Masks::file_luma).to_vec())
}
