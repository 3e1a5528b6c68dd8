//! Takes the engine through one run, with a progress bar, until it ends or a signal stops it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::signals::Signals;
use super::{Failure, terminal};
use crate::engine::score::{self, ScoreError};
use crate::engine::{
    Control, Engine, EngineError, ModelInfo, Notice, Observer, Progress, RunRequest, error_chain,
    panic_message,
};
use crate::networks::checkpoints::Checkpoint;
use crate::runs::RunImage;

/// How often signals are looked for while the engine works.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Where a run ended.
pub struct Finished {
    /// Where it stood.
    pub progress: Progress,
    /// What was told meanwhile.
    pub notes: Vec<String>,
}

/// Whether a run came to its end.
#[derive(Clone, Copy)]
enum End {
    Done,
    Stopped,
}

/// Open the model, then score.
pub fn follow(
    checkpoint: Checkpoint,
    request: &RunRequest,
    signals: &Signals,
    on_opened: OnOpened<'_>,
) -> Result<(Finished, Option<u8>), Failure> {
    follow_on(checkpoint, request, signals, on_opened, &mut |_| Ok(None))
}

/// Is told the device before any work, and says what is to be noted about it.
pub type OnOpened<'a> = &'a mut dyn FnMut(&ModelInfo) -> Result<Option<String>, Failure>;

/// Is asked, once all images are scored, for a list of these with more at its end; `None` ends the run.
pub type More<'a> = &'a mut dyn FnMut(&Control) -> Result<Option<Arc<[RunImage]>>, Failure>;

/// As [`follow`], and then score what is there by then, for as long as there is more.
pub fn follow_on(
    checkpoint: Checkpoint,
    request: &RunRequest,
    signals: &Signals,
    on_opened: OnOpened<'_>,
    more: More<'_>,
) -> Result<(Finished, Option<u8>), Failure> {
    let mut display = Display::new("attempts");
    let outcome = watched(signals, |control| {
        work(checkpoint, request, control, &mut display, on_opened, more)
    });
    let notes = display.finish();
    let (progress, end) = outcome??;
    let code = match end {
        End::Done => None,
        End::Stopped => Some(signals.exit_code().unwrap_or(130)),
    };
    Ok((Finished { progress, notes }, code))
}

/// Work that is stopped by its control once a signal has come.
pub fn watched<T>(signals: &Signals, work: impl FnOnce(&Control) -> T) -> Result<T, Failure> {
    let control = Control::default();
    std::thread::scope(|scope| {
        // Dropped when the work has ended, by whatever way, which ends the watch.
        let (_at_work, ended) = bounded(0);
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn_scoped(scope, || watch(signals, &control, ended))
            .map_err(Failure::failed)?;
        Ok(work(&control))
    })
}

/// Stop the work once a signal has come.
#[expect(clippy::needless_pass_by_value, reason = "the thread owns its end")]
fn watch(signals: &Signals, control: &Control, ended: Receiver<()>) {
    loop {
        if signals.exit_code().is_some() {
            control.cancel();
        }
        if ended.recv_timeout(POLL_INTERVAL) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

fn work(
    checkpoint: Checkpoint,
    request: &RunRequest,
    control: &Control,
    display: &mut Display,
    on_opened: OnOpened<'_>,
    more: More<'_>,
) -> Result<(Progress, End), Failure> {
    display.progress(&Progress::reading_the_model());
    let device = request.settings.execution.device;
    let opened =
        caught(|| Engine::new(checkpoint, device, control)).map_err(Failure::bad_request)?;
    let mut engine = match opened {
        Ok(engine) => engine,
        Err(EngineError::Interrupted(_)) => return Ok((Progress::default(), End::Stopped)),
        Err(error) => {
            return Err(Failure::bad_request(anyhow::Error::msg(error_chain(
                &error,
            ))));
        }
    };
    let info = &engine.info;
    display.say(&format!("{} on {}", info.name, info.device));
    if let Some(note) = on_opened(info)? {
        display.say(&format!("note: {note}"));
        display.notes.push(note);
    }
    let mut request = request.clone();
    let (mut done, mut first) = (Progress::default(), 0);
    loop {
        let scored = caught(|| score::run_from(&mut engine, &request, first, control, display));
        let (progress, outcome) = scored.map_err(Failure::failed)?;
        done = progress.after(&done);
        match outcome {
            Ok(()) => {}
            Err(ScoreError::Interrupted(_)) => return Ok((done, End::Stopped)),
            Err(error) => return Err(Failure::failed(anyhow::Error::msg(error_chain(&error)))),
        }
        let Some(images) = more(control)? else {
            return Ok((done, End::Done));
        };
        first = request.images.len();
        request.images = images;
    }
}

/// Work that may panic, which is an error to tell and no reason to lose what was done before.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, anyhow::Error> {
    // What a panic has left half done is not used again.
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let reason = panic_message(panic.as_ref());
        anyhow::anyhow!("internal error: {reason}; results so far are kept")
    })
}

/// The progress bar, with lines above it.
pub struct Display {
    bar: ProgressBar,
    notes: Vec<String>,
}

impl Display {
    /// Of work that is done in so many `units`, e.g. attempts.
    pub fn new(units: &str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        let template = format!("{{bar:30}} {{pos}}/{{len}} {units}, {{eta}} left, {{msg}}");
        // A malformed template would be a bug that the first run shows; the plain bar serves meanwhile.
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style);
        }
        let notes = Vec::new();
        Self { bar, notes }
    }

    pub fn say(&self, line: &str) {
        self.bar.suspend(|| terminal::message(line));
    }

    /// Take the bar away; returns what was told.
    pub fn finish(self) -> Vec<String> {
        self.bar.finish_and_clear();
        self.notes
    }
}

impl Observer for Display {
    fn progress(&mut self, progress: &Progress) {
        self.bar.set_length(progress.num_attempts as u64);
        self.bar.set_position(progress.attempts_done as u64);
        let rate = if progress.network_calls == 0 {
            String::new()
        } else {
            format!("{:.0} calls/s, ", progress.calls_per_second())
        };
        let message = format!("{rate}{}", progress.activity);
        self.bar
            .set_message(terminal::harmless(&message).into_owned());
    }

    fn notice(&mut self, notice: Notice) {
        let path = notice
            .path
            .map_or_else(String::new, |path| format!(": {}", path.display()));
        let line = format!("{}{path}", notice.message);
        self.say(&line);
        self.notes.push(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_at_work_is_told_and_does_not_end_the_process() {
        assert_eq!(caught(|| 3).unwrap(), 3);
        let number = 7;
        let error = caught::<()>(|| panic!("no kernel {number}")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "internal error: no kernel 7; results so far are kept"
        );
    }
}
