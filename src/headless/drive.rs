//! From folders to scores without a window: list, check, run, wait.

use std::path::PathBuf;
use std::sync::Arc;

use super::Failure;
use super::collect::Collected;
use super::follow::follow;
use super::options::{ArchitectureOption, fit_measure};
use super::signals::Signals;
use crate::engine::plan::Plan;
use crate::engine::{Progress, RunRequest};
use crate::networks::checkpoints::{Checkpoint, ModelSource};
use crate::ood::Role;
use crate::runs::report::Report;
use crate::runs::{AttemptResult, ResultLog, RunImage, RunSettings};

/// What to score, and how.
#[derive(Clone, Debug)]
pub struct Work {
    /// The model.
    pub source: ModelSource,
    /// What it does not say of itself.
    pub architecture: ArchitectureOption,
    /// All settings.
    pub settings: RunSettings,
    /// Whether the user has named the measure.
    pub is_measure_asked: bool,
    /// Folders with their roles.
    pub folders: Vec<(Role, PathBuf)>,
}

/// A run that ended, by itself or by a signal.
#[derive(Debug)]
pub struct Scored {
    /// All images; results name them by position.
    pub images: Arc<[RunImage]>,
    /// Finished attempts.
    pub results: Vec<Arc<AttemptResult>>,
    /// Where it ended.
    pub progress: Progress,
    /// Files that could not be read, when listed or when their turn came.
    pub num_skipped: usize,
    /// What a reader should know, a sentence each.
    pub notes: Vec<String>,
    /// The exit code of the signal that ended it early.
    pub interrupted: Option<u8>,
}

impl Scored {
    /// As a report on these settings.
    pub fn report<'a>(&'a self, settings: &'a RunSettings) -> Report<'a> {
        Report {
            images: &self.images,
            results: &self.results,
            settings,
            network_calls: self.progress.network_calls,
            seconds: self.progress.network_secs,
            num_skipped: self.num_skipped,
            notes: &self.notes,
        }
    }
}

/// Score the images of all folders; the measure of the settings becomes one that the model's images are large enough for.
/// `listed` may refuse the images, and `accept` the model, before work.
pub fn score(
    work: &mut Work,
    signals: &Signals,
    listed: impl FnOnce(&[RunImage]) -> Result<(), Failure>,
    accept: impl FnOnce(&Checkpoint) -> Result<(), Failure>,
) -> Result<Scored, Failure> {
    let mut collected = Collected::until(signals);
    for (role, path) in &work.folders {
        collected.add(*role, path, work.settings.selection.limit)?;
    }
    collected.settle();
    collected.leave_out_fitted(&work.settings);
    listed(&collected.images)?;
    let (checkpoint, note) = check(work, &collected.images, accept)?;
    collected.notes.extend(note);

    let images: Arc<[RunImage]> = collected.images.into();
    let results = Arc::new(ResultLog::default());
    let request = RunRequest {
        settings: work.settings.clone(),
        images: Arc::clone(&images),
        results: Arc::clone(&results),
        saving: None,
    };
    let (mut finished, interrupted) = follow(checkpoint, &request, signals, &mut |_| Ok(None))?;
    let mut notes = collected.notes;
    notes.append(&mut finished.notes);
    if interrupted.is_some() {
        notes.push(
            "the run was stopped before its end; the figures are of what was done".to_owned(),
        );
    }
    Ok(Scored {
        images,
        results: results.since(0),
        num_skipped: collected.num_skipped + finished.progress.images_skipped,
        progress: finished.progress,
        notes,
        interrupted,
    })
}

/// Refuse what can be refused before work: the model, the device, and settings that don't fit them.
fn check(
    work: &mut Work,
    images: &[RunImage],
    accept: impl FnOnce(&Checkpoint) -> Result<(), Failure>,
) -> Result<(Checkpoint, Option<String>), Failure> {
    let checkpoint = work.architecture.load(&work.source)?;
    accept(&checkpoint)?;
    let geometry = crate::images::Geometry {
        channels: checkpoint.network.in_channels,
        side: checkpoint.network.image_size,
    };
    let note = fit_measure(&mut work.settings, work.is_measure_asked, geometry.side)?;
    Plan::new(
        &work.settings,
        images,
        geometry,
        &checkpoint.schedule,
        &checkpoint.identity,
    )
    .map_err(Failure::bad_request)?;
    Ok((checkpoint, note))
}
