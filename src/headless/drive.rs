//! From folders to scores without a window: list, check, run, wait.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::collect::Collected;
use super::signals::Signals;
use super::{Failure, terminal};
use crate::networks::checkpoints::{self, Checkpoint, ModelSource};
use crate::ood::Role;
use crate::runs::report::Report;
use crate::runs::{AttemptResult, ResultLog, RunImage, RunSettings};
use crate::worker::handle::{SendError, WorkerHandle, no_wake};
use crate::worker::plan::Plan;
use crate::worker::protocol::{Command, Control, Event, JobId, Progress, RunRequest};

/// How often a waiting driver looks for signals.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// What to score, and how.
#[derive(Clone, Debug)]
pub struct Work {
    /// The model.
    pub source: ModelSource,
    /// All settings.
    pub settings: RunSettings,
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

/// Score the images of all folders. `accept` may refuse the model, and `ready` refuses anything else, before work.
pub fn score(
    work: &Work,
    accept: impl FnOnce(&Checkpoint) -> Result<(), Failure>,
    ready: impl FnOnce() -> Result<(), Failure>,
) -> Result<Scored, Failure> {
    let signals = Signals::catch().map_err(Failure::failed)?;
    let mut collected = Collected::default();
    for (role, path) in &work.folders {
        collected.add(*role, path, work.settings.limit)?;
    }
    collected.note_shared_content();
    check(work, &collected.images, accept)?;
    ready()?;

    let images: Arc<[RunImage]> = collected.images.into();
    let results = Arc::new(ResultLog::default());
    let (mut finished, interrupted) = drive(work, &images, &results, &signals)?;
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
    work: &Work,
    images: &[RunImage],
    accept: impl FnOnce(&Checkpoint) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let checkpoint = checkpoints::load(&work.source).map_err(Failure::bad_request)?;
    accept(&checkpoint)?;
    let geometry = crate::images::Geometry {
        channels: checkpoint.network.in_channels,
        side: checkpoint.network.image_size,
    };
    Plan::new(
        &work.settings,
        images,
        geometry,
        checkpoint.schedule.num_train_timesteps(),
    )
    .map_err(Failure::bad_request)?;
    Ok(())
}

/// Where a run ended.
struct Finished {
    progress: Progress,
    notes: Vec<String>,
}

fn drive(
    work: &Work,
    images: &Arc<[RunImage]>,
    results: &Arc<ResultLog>,
    signals: &Signals,
) -> Result<(Finished, Option<u8>), Failure> {
    let worker = WorkerHandle::start(no_wake()).map_err(Failure::failed)?;
    let control = Control::default();
    let commands = [
        Command::OpenModel {
            job: JobId(1),
            source: work.source.clone(),
            device: work.settings.device,
            control: control.clone(),
        },
        Command::Run {
            job: JobId(2),
            request: RunRequest {
                settings: work.settings.clone(),
                images: Arc::clone(images),
                results: Arc::clone(results),
            },
            control: control.clone(),
        },
    ];
    for command in commands {
        worker.send(command).map_err(Failure::failed)?;
    }
    let bar = progress_bar();
    let mut notes = Vec::new();
    loop {
        if signals.exit_code().is_some() {
            control.cancel();
        }
        let Some(event) = next_event(&worker)? else {
            continue;
        };
        match event {
            Event::ModelOpened { info, .. } => {
                let line = format!("{} on {}", info.name, info.device);
                bar.suspend(|| terminal::message(&line));
            }
            Event::Progress { progress, .. } => show(&bar, &progress),
            Event::Notice { notice, .. } => {
                let path = notice
                    .path
                    .map_or_else(String::new, |path| format!(": {}", path.display()));
                bar.suspend(|| terminal::message(&format!("{}{path}", notice.message)));
                notes.push(format!("{}{path}", notice.message));
            }
            Event::Done {
                job: JobId(2),
                progress,
            } => {
                bar.finish_and_clear();
                return Ok((Finished { progress, notes }, None));
            }
            Event::Cancelled { progress, .. } => {
                bar.finish_and_clear();
                let code = signals.exit_code().unwrap_or(130);
                return Ok((Finished { progress, notes }, Some(code)));
            }
            Event::Failed { job, message } => {
                bar.finish_and_clear();
                let error = anyhow::Error::msg(message);
                return Err(if job == JobId(1) {
                    Failure::bad_request(error)
                } else {
                    Failure::failed(error)
                });
            }
            Event::Traced { .. } | Event::Done { .. } => {}
        }
    }
}

/// The next event, or nothing for a while.
fn next_event(worker: &WorkerHandle) -> Result<Option<Event>, Failure> {
    match worker.recv_timeout(POLL_INTERVAL) {
        Ok(event) => Ok(event),
        Err(err @ (SendError::Gone | SendError::Busy)) => Err(Failure::failed(err)),
    }
}

fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    // A malformed template would be a bug that the first run shows; the plain bar serves meanwhile.
    if let Ok(style) =
        ProgressStyle::with_template("{bar:30} {pos}/{len} attempts, {eta} left, {msg}")
    {
        bar.set_style(style);
    }
    bar
}

fn show(bar: &ProgressBar, progress: &Progress) {
    bar.set_length(progress.num_attempts as u64);
    bar.set_position(progress.attempts_done as u64);
    bar.set_message(format!(
        "{:.0} calls/s, {}",
        progress.calls_per_second(),
        progress.activity
    ));
}
