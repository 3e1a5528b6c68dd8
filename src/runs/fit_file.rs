//! The fit file: a detector that was fitted on in-domain images, as JSON. What a fit asks of the runs that use it.

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::settings::unknown_field;
use super::{RunImage, digest};
use crate::detectors::fitted::{Fitted, Fitting};
use crate::detectors::{About, DetectorSettings, DetectorSpec};
use crate::images::input::{self, InputError};
use crate::images::write::{write_atomically, write_new};

/// The version of the file's form that this program writes.
pub const SCHEMA: u32 = 1;

/// How the name of a fit file ends.
pub const EXTENSION: &str = "lmdfit";

/// Most bytes of a file: the fit of a few million images.
const MAX_BYTES: u64 = 64 << 20;

/// What has no part in the digest.
const APART: [&str; 2] = ["created_by", VERSION];
const VERSION: &str = "lmd_fit";

/// Why a fit can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FitFileError {
    #[error("the fit can't be read: {source}: {}", path.display())]
    Read {
        path: PathBuf,
        /// What the system said.
        source: InputError,
    },
    #[error("the fit can't be written: {source}: {}", path.display())]
    Write {
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another kind of file.
    #[error("this is not a fit as `lmd fit` writes it ({reason}): {}", path.display())]
    Parse { path: PathBuf, reason: String },
    /// A later form, or one with something in it that this program does not know.
    #[error("this fit has {what}, which this program does not know; use a newer program: {}", path.display())]
    Newer {
        path: PathBuf,
        /// A form or a field.
        what: String,
    },
    /// Its parts don't fit together.
    #[error("this fit was damaged or changed by hand: {reason}; fit again by lmd fit: {}", path.display())]
    Damaged {
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
}

/// What every form has.
#[derive(Deserialize)]
struct Head {
    lmd_fit: u32,
}

/// What this form has besides.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    #[serde(rename = "lmd_fit")]
    _version: u32,
    #[serde(rename = "created_by")]
    _created_by: String,
    settings: Map<String, Value>,
}

/// Write a fitted detector; a file that is there is replaced only where that is allowed.
pub fn save(detector: &DetectorSpec, path: &Path, may_overwrite: bool) -> Result<(), FitFileError> {
    let mut file = json!({
        VERSION: SCHEMA,
        "created_by": format!("LMD Inspector {}", env!("CARGO_PKG_VERSION")),
        "settings": detector,
    });
    file[digest::FIELD] = digest::of(&file, &APART).into();
    let text = format!("{file:#}\n");
    let write = if may_overwrite {
        write_atomically
    } else {
        write_new
    };
    write(path, text.as_bytes()).map_err(|source| FitFileError::Write {
        path: path.to_owned(),
        source,
    })
}

/// Read and check a file: a detector that is fitted.
pub fn load(path: &Path) -> Result<DetectorSpec, FitFileError> {
    let place = || path.to_owned();
    let bytes = input::read(path, MAX_BYTES).map_err(|source| FitFileError::Read {
        path: place(),
        source,
    })?;
    let bytes = input::without_mark(&bytes);
    let parse = |error: serde_json::Error| match unknown_field(&error) {
        Some(field) => FitFileError::Newer {
            path: place(),
            what: format!("the field `{field}`"),
        },
        None => FitFileError::Parse {
            path: place(),
            reason: error.to_string(),
        },
    };
    let damaged = |reason: &str| FitFileError::Damaged {
        path: place(),
        reason: reason.to_owned(),
    };
    let head: Head = serde_json::from_slice(bytes).map_err(parse)?;
    if head.lmd_fit != SCHEMA {
        return Err(FitFileError::Newer {
            path: place(),
            what: format!("form {}", head.lmd_fit),
        });
    }
    let mut value: Value = serde_json::from_slice(bytes).map_err(parse)?;
    let digest = value
        .as_object_mut()
        .and_then(|file| file.remove(digest::FIELD));
    if digest != Some(digest::of(&value, &APART).into()) {
        return Err(damaged("its content does not match its digest"));
    }
    let content: Content = serde_json::from_value(value).map_err(parse)?;
    let detector = DetectorSpec::from_fields(content.settings).map_err(parse)?;
    let problem = match detector.fitting().and_then(|settings| settings.fitted()) {
        None => Some("it holds no fit"),
        Some(fitted) => fitted.problem(),
    };
    problem.map_or(Ok(detector), |reason| Err(damaged(reason)))
}

/// Whether a file is named as a fit.
pub fn is_fit(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case(EXTENSION))
}

/// The fit of a detector that has one.
pub fn fit_of(detector: &dyn DetectorSettings) -> Option<&Fitted> {
    detector.fitting()?.fitted()
}

/// The fits of a run's detectors.
pub fn fits_of(detector: &dyn DetectorSettings) -> Vec<&Fitted> {
    let fittings = detector.fittings().into_iter();
    fittings.filter_map(Fitting::fitted).collect()
}

/// Leave out the images that a run's detectors were fitted on, whose scores would look better than any others; returns what to
/// tell.
pub fn leave_out_fitted(
    images: &mut Vec<RunImage>,
    detector: &dyn DetectorSettings,
) -> Vec<String> {
    let fittings = detector.fittings().into_iter();
    let left_out = fittings.filter_map(|fitting| {
        let fitted = fitting.fitted()?;
        let num_before = images.len();
        images.retain(|image| !fitted.has_seen(&image.file.hash));
        let num_left_out = num_before - images.len();
        let are = match num_left_out {
            0 => return None,
            1 => "1 image file is".to_owned(),
            count => format!("{count} image files are"),
        };
        Some(format!(
            "{are} left out, since {} was fitted on the same content, which it would score too well",
            fitting.about().label
        ))
    });
    left_out.collect()
}

/// The detector of a run that is not fitted although it must be, where there is one.
pub fn unfitted(detector: &dyn DetectorSettings) -> Option<&'static About> {
    let mut fittings = detector.fittings().into_iter();
    let missing = fittings.find(|fitting| fitting.fitted().is_none())?;
    Some(missing.about())
}
