//! Takes the worker through one run, with a progress bar, until it ends or a signal stops it.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::signals::Signals;
use super::{Failure, terminal};
use crate::networks::checkpoints::Checkpoint;
use crate::worker::handle::{SendError, WorkerHandle, no_wake};
use crate::worker::protocol::{Command, Control, Event, JobId, ModelInfo, Progress, RunRequest};

/// How often a waiting driver looks for signals.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Where a run ended.
pub struct Finished {
    /// Where it stood.
    pub progress: Progress,
    /// What was told meanwhile.
    pub notes: Vec<String>,
}

/// Open the model, then score. `on_opened` is told the device before any work, and says what is to be noted about it.
pub fn follow(
    checkpoint: Checkpoint,
    request: &RunRequest,
    signals: &Signals,
    on_opened: &mut dyn FnMut(&ModelInfo) -> Result<Option<String>, Failure>,
) -> Result<(Finished, Option<u8>), Failure> {
    let source = checkpoint.source.clone();
    let worker = WorkerHandle::start_with(checkpoint, no_wake()).map_err(Failure::failed)?;
    let control = Control::default();
    let open = Command::OpenModel {
        job: JobId(1),
        source,
        device: request.settings.device,
        control: control.clone(),
    };
    worker.send(open).map_err(Failure::failed)?;
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
                if let Some(note) = on_opened(&info)? {
                    bar.suspend(|| terminal::message(&format!("note: {note}")));
                    notes.push(note);
                }
                let run = Command::Run {
                    job: JobId(2),
                    request: request.clone(),
                    control: control.clone(),
                };
                worker.send(run).map_err(Failure::failed)?;
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
            Event::Traced { .. }
            | Event::Mapped { .. }
            | Event::Saving { .. }
            | Event::Done { .. } => {}
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
    let message = format!(
        "{:.0} calls/s, {}",
        progress.calls_per_second(),
        progress.activity
    );
    bar.set_message(terminal::harmless(&message).into_owned());
}
