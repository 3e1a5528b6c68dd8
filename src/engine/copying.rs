//! A copy of a run as a file: of its file, of what goes into that now, or of what is in memory only; and another name for
//! its file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::saving::patiently;
use crate::images::write::is_same_file;
use crate::runs::file::{self, FileError, Manifest, RenameError};
use crate::runs::marks::{self, MarksError};
use crate::runs::{AttemptResult, Marks, ResultLog, RunImage};

/// A run to copy.
#[derive(Debug)]
pub struct SaveSource {
    /// Its file, where it has one.
    pub file: Option<PathBuf>,
    /// Its results, which may be going into that file now.
    pub log: Arc<ResultLog>,
    /// What a new file would say; for a run without a file.
    pub manifest: Manifest,
    pub images: Arc<[RunImage]>,
    /// What was noted about them.
    pub marks: Marks,
}

/// Why a copy was not made, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error(transparent)]
    File(#[from] FileError),
    /// The run itself was copied.
    #[error("the copy was made without what was marked: {0}")]
    Marks(#[from] MarksError),
}

/// Copy a run to a file, with what was noted about its images beside it.
pub fn save_as(source: &SaveSource, to: &Path) -> Result<(), CopyError> {
    copy(source, to)?;
    // Marks of other images may lie there, of a run that had this name: they stay.
    let contents = source.images.iter().map(|image| &image.file.hash);
    marks::update(to, contents, &source.marks)?;
    Ok(())
}

fn copy(source: &SaveSource, to: &Path) -> Result<(), FileError> {
    let from_writer = source.log.with_writer(|writer| {
        let is_same = |file: &PathBuf| is_same_file(file, to);
        if source.file.as_ref().is_some_and(is_same) {
            Ok(())
        } else {
            writer.copy_to(to)
        }
    });
    match (from_writer, &source.file) {
        (Some(outcome), _) => outcome,
        (None, Some(file)) if is_same_file(file, to) => Ok(()),
        (None, Some(file)) => patiently(|| file::copy(file, to)),
        (None, None) => write_anew(source, to),
    }
}

/// Why a run file keeps its name.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    #[error(transparent)]
    Run(#[from] RenameError),
    /// What was noted about its images can't follow it.
    #[error(transparent)]
    Marks(#[from] MarksError),
}

/// Give a run file another name, and the marks beside it; returns its new path.
pub fn rename(path: &Path, name: &str) -> Result<PathBuf, NameError> {
    let to = file::renamed(path, name)?;
    // A run that has the name is said by its own sentence.
    let is_free = to != path && !to.exists();
    // First what can be brought back: a run must not lie there without its marks.
    let have_followed = is_free && marks::rename_beside(path, &to)?;
    let renamed = patiently(|| match file::rename(path, name) {
        Err(RenameError::File(error)) => Err(error),
        outcome => Ok(outcome),
    });
    let renamed = renamed
        .map_err(RenameError::from)
        .and_then(|outcome| outcome);
    if renamed.is_err() && have_followed {
        marks::rename_beside(&to, path)?;
    }
    Ok(renamed?)
}

/// Write a run that was kept in memory only.
fn write_anew(source: &SaveSource, to: &Path) -> Result<(), FileError> {
    let images: Vec<(RunImage, usize)> = source.images.iter().cloned().zip(0..).collect();
    let results = source.log.since(0);
    let luma = match source.manifest.settings().method.detector.mask_file() {
        None => Vec::new(),
        Some(_) => luma_of(&results),
    };
    let mut writer = file::create(to, &source.manifest, &images, &luma, true)?;
    for batch in results.chunks(64) {
        let batch: Vec<_> = batch.iter().map(|result| (**result).clone()).collect();
        writer.append(&batch, 0.0)?;
    }
    writer.finish()
}

/// A mask image that gives the same masks as the one of the run did.
fn luma_of(results: &[Arc<AttemptResult>]) -> Vec<u8> {
    let mask = results.iter().find_map(|result| result.known_mask.as_ref());
    mask.map_or_else(Vec::new, |mask| {
        let values = mask.known().iter();
        values.map(|&known| if known { 255 } else { 0 }).collect()
    })
}
