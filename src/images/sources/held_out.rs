//! `MODEL:calibration`: the images that the training of a model has left alone, for a threshold.
//!
//! Its `training.json` says where the images were listed, and which contents were set apart: these are found again by their
//! contents alone, so that no image which the model has seen can be among them.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::listing::{ListError, Listing, Traits};
use super::{Source, Wanted, list_part};
use crate::images::input;

pub(super) static SOURCE: Source = Source {
    name: "held-out images of a model",
    has_roles: false,
    is_one: |path| model_of(path).is_some(),
    list,
    read_inside: None,
};

/// What follows a model's folder.
const PART: &str = ":calibration";
/// What a training leaves in its model's folder.
const RECORD: &str = "training.json";
/// Hundreds of times what any has.
const MAX_RECORD: u64 = 64 << 20;

/// What is read of `training.json`.
#[derive(Deserialize)]
struct Record {
    #[serde(default)]
    sources: Vec<PathBuf>,
    held_out: HeldOut,
}

#[derive(Deserialize)]
struct HeldOut {
    /// Contents, in hex.
    calibration: Vec<String>,
}

/// The path that names the calibration images of a model.
pub fn calibration_of(model: &Path) -> PathBuf {
    let mut name = model.as_os_str().to_owned();
    name.push(PART);
    name.into()
}

/// The folder of the model whose images a path names; `None` where it names something else.
pub fn model_of(path: &Path) -> Option<PathBuf> {
    let model = Path::new(path.to_str()?.strip_suffix(PART)?);
    // A folder that is called so is a folder.
    (model.is_dir() && !path.exists()).then(|| model.to_owned())
}

/// Where the images of a path like `MODEL:calibration` lie; none where that can't be told, which is said when they are listed.
pub fn sources_of(path: &Path) -> Vec<PathBuf> {
    let record = model_of(path).and_then(|model| read(&model).ok());
    record.map_or_else(Vec::new, |record| record.sources)
}

fn read(model: &Path) -> Result<Record, String> {
    let bytes = input::read(&model.join(RECORD), MAX_RECORD).map_err(|error| {
        if error.is_missing() {
            format!("this model has no {RECORD}, which would say what it was trained on")
        } else {
            format!("its {RECORD} can't be read: {error}")
        }
    })?;
    let record: Record = serde_json::from_slice(&bytes)
        .map_err(|error| format!("its {RECORD} can't be understood: {error}"))?;
    if record.sources.is_empty() {
        return Err(format!("its {RECORD} does not say where its images were"));
    }
    if record.held_out.calibration.is_empty() {
        return Err("its training has left no image alone, having so few".to_owned());
    }
    if record.sources.iter().any(|path| model_of(path).is_some()) {
        return Err("it was trained on the held-out images of another model".to_owned());
    }
    Ok(record)
}

fn list(
    path: &Path,
    wanted: Wanted,
    _traits: &mut Traits,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Listing, ListError> {
    let unusable = |reason: String| ListError::HeldOut {
        path: path.to_owned(),
        reason,
    };
    let model = model_of(path).unwrap_or_default();
    let record = read(&model).map_err(unusable)?;
    let mut missing: HashSet<String> = record.held_out.calibration.into_iter().collect();
    let count = missing.len();
    let mut files = Vec::with_capacity(count);
    for source in &record.sources {
        // What there is to tell of the images that the model has learnt was told then.
        let listed = list_part(source, Wanted::all(), &mut Traits::default(), progress);
        let listed = listed.map_err(|error| match error {
            ListError::Stopped => error,
            other => unusable(format!("its images are not where they were: {other}")),
        })?;
        let held_out = listed.files.into_iter();
        files.extend(held_out.filter(|file| missing.remove(&file.hash.to_string())));
    }
    if !missing.is_empty() {
        let places: Vec<_> = (record.sources.iter())
            .map(|source| source.display().to_string())
            .collect();
        return Err(unusable(format!(
            "{} of the {count} images that it has not seen are no longer in {}",
            missing.len(),
            places.join(", ")
        )));
    }
    files.truncate(wanted.limit);
    Ok(Listing {
        files,
        ..Listing::default()
    })
}
