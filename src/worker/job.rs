//! What each command does, without a thread.

use std::sync::Arc;

use super::protocol::{
    Command, Control, DeviceChoice, Event, FitRequest, JobId, ModelSource, Progress, RunRequest,
    TypedSettings,
};
use crate::engine::fitting::{self, FitError};
use crate::engine::maps::{self, MapRequest};
use crate::engine::score::{self, ScoreError};
use crate::engine::trace::{self, TraceRequest};
use crate::engine::{Engine, EngineError, Notice, Observer, SavingNews, error_chain};
use crate::images::write::write_new;

/// Takes the events of a job.
pub trait Sink {
    /// Pass one event on; never waits.
    fn emit(&mut self, event: Event);
}

impl Sink for Vec<Event> {
    fn emit(&mut self, event: Event) {
        self.push(event);
    }
}

/// Passes on what is told of a run as events of its job.
struct Reporter<'a> {
    job: JobId,
    sink: &'a mut dyn Sink,
}

impl Observer for Reporter<'_> {
    fn progress(&mut self, progress: &Progress) {
        self.sink.emit(Event::Progress {
            job: self.job,
            progress: progress.clone(),
        });
    }

    fn notice(&mut self, notice: Notice) {
        let job = self.job;
        self.sink.emit(Event::Notice { job, notice });
    }

    fn saving(&mut self, news: SavingNews) {
        let job = self.job;
        self.sink.emit(Event::Saving { job, news });
    }
}

/// What lasts from command to command.
#[derive(Default)]
pub struct Worker {
    engine: Option<Engine>,
    last_source: Option<ModelSource>,
}

impl Worker {
    /// A worker that opens the same model again when it is needed.
    pub fn fresh(&self) -> Self {
        Self {
            engine: None,
            last_source: self.last_source.clone(),
        }
    }

    /// The current model.
    pub fn engine(&self) -> Option<&Engine> {
        self.engine.as_ref()
    }
}

/// Run one command to its end: exactly one of `Done`, `Cancelled` and `Failed` is emitted, last.
pub fn run(worker: &mut Worker, command: Command, sink: &mut dyn Sink) {
    match command {
        Command::OpenModel {
            job,
            source,
            settings,
            device,
            control,
        } => {
            let outcome = match &settings {
                None => open(worker, job, source, device, &control, sink),
                Some(settings) => with_settings(settings, || {
                    open(worker, job, source, device, &control, sink)
                }),
            };
            if let Err(error) = &outcome
                && let Some(missing) = error.missing_settings().or_else(|| {
                    // What was typed can be mended.
                    settings.as_ref().map(|settings| &settings.missing)
                })
            {
                let missing = missing.clone();
                sink.emit(Event::ModelIncomplete { job, missing });
            }
            finish_open(job, outcome, sink);
        }
        Command::Run {
            job,
            request,
            control,
        } => run_scoring(worker, job, &request, &control, sink),
        Command::Trace {
            job,
            request,
            control,
        } => run_trace(worker, job, &request, &control, sink),
        Command::Map {
            job,
            request,
            control,
        } => run_map(worker, job, &request, &control, sink),
        Command::Fit {
            job,
            request,
            device,
            control,
        } => {
            if let Some(engine) = ready(worker, job, device, &control, sink) {
                run_fit(engine, job, &request, &control, sink);
            }
        }
    }
}

fn open(
    worker: &mut Worker,
    job: JobId,
    source: ModelSource,
    device: DeviceChoice,
    control: &Control,
    sink: &mut dyn Sink,
) -> Result<(), EngineError> {
    // Two large models need not fit in memory at once.
    worker.engine = None;
    sink.emit(Event::Progress {
        job,
        progress: Progress::reading_the_model(),
    });
    let engine = Engine::open(&source, device, control)?;
    sink.emit(Event::ModelOpened {
        job,
        info: Arc::clone(&engine.info),
    });
    worker.engine = Some(engine);
    worker.last_source = Some(source);
    Ok(())
}

/// Do something with these settings in their file, which stays only where that succeeds.
fn with_settings(
    settings: &TypedSettings,
    open: impl FnOnce() -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let file = &settings.missing.file;
    write_new(file, settings.json.as_bytes()).map_err(|source| EngineError::Settings {
        source,
        path: file.clone(),
    })?;
    open().inspect_err(|_| {
        if let Err(error) = std::fs::remove_file(file) {
            log::warn!(
                "settings that do not fit were left: {}: {error}",
                file.display()
            );
        }
    })
}

fn finish_open(job: JobId, outcome: Result<(), EngineError>, sink: &mut dyn Sink) {
    let progress = Progress::default();
    sink.emit(match outcome {
        Ok(()) => Event::Done { job, progress },
        Err(EngineError::Interrupted(_)) => Event::Cancelled { job, progress },
        Err(err) => Event::Failed {
            job,
            message: error_chain(&err),
        },
    });
}

fn run_scoring(
    worker: &mut Worker,
    job: JobId,
    request: &RunRequest,
    control: &Control,
    sink: &mut dyn Sink,
) {
    let device = request.settings.execution.device;
    let Some(engine) = ready(worker, job, device, control, sink) else {
        return;
    };
    let (progress, outcome) = score::run(engine, request, control, &mut Reporter { job, sink });
    sink.emit(match outcome {
        Ok(()) => Event::Done { job, progress },
        Err(ScoreError::Interrupted(_)) => Event::Cancelled { job, progress },
        Err(err) => Event::Failed {
            job,
            message: error_chain(&err),
        },
    });
}

fn run_trace(
    worker: &mut Worker,
    job: JobId,
    request: &TraceRequest,
    control: &Control,
    sink: &mut dyn Sink,
) {
    let device = request.settings.execution.device;
    let Some(engine) = ready(worker, job, device, control, sink) else {
        return;
    };
    let traced = trace::trace(engine, request, control).map(|trace| Event::Traced {
        job,
        trace: Arc::new(trace),
    });
    answer(job, traced, is_interrupted, sink);
}

fn run_map(
    worker: &mut Worker,
    job: JobId,
    request: &MapRequest,
    control: &Control,
    sink: &mut dyn Sink,
) {
    let Some(engine) = ready(worker, job, request.device, control, sink) else {
        return;
    };
    let mapped = maps::maps(engine, request, control).map(|maps| Event::Mapped { job, maps });
    answer(job, mapped, is_interrupted, sink);
}

fn run_fit(
    engine: &mut Engine,
    job: JobId,
    request: &FitRequest,
    control: &Control,
    sink: &mut dyn Sink,
) {
    let fitted = fitting::fit(engine, request, control, &mut Reporter { job, sink })
        .map(|detector| Event::Fitted { job, detector });
    let is_interrupted = |err: &FitError| matches!(err, FitError::Interrupted(_));
    answer(job, fitted, is_interrupted, sink);
}

/// Whether the user stopped it.
fn is_interrupted(err: &ScoreError) -> bool {
    matches!(err, ScoreError::Interrupted(_))
}

/// Say what came of a job with one answer, and that it has ended.
fn answer<E: std::error::Error>(
    job: JobId,
    outcome: Result<Event, E>,
    is_interrupted: fn(&E) -> bool,
    sink: &mut dyn Sink,
) {
    let progress = Progress::default();
    let last = match outcome {
        Ok(event) => {
            sink.emit(event);
            Event::Done { job, progress }
        }
        Err(err) if is_interrupted(&err) => Event::Cancelled { job, progress },
        Err(err) => Event::Failed {
            job,
            message: error_chain(&err),
        },
    };
    sink.emit(last);
}

/// The current model on this device, opened again where need be; `None` once the job has ended for want of one.
fn ready<'a>(
    worker: &'a mut Worker,
    job: JobId,
    device: DeviceChoice,
    control: &Control,
    sink: &mut dyn Sink,
) -> Option<&'a mut Engine> {
    let is_ready = worker
        .engine
        .as_ref()
        .is_some_and(|engine| engine.choice == device);
    if !is_ready {
        let Some(source) = worker.last_source.clone() else {
            sink.emit(Event::Failed {
                job,
                message: "no model is open; open one first".to_owned(),
            });
            return None;
        };
        if let Err(err) = open(worker, job, source, device, control, sink) {
            finish_open(job, Err(err), sink);
            return None;
        }
    }
    worker.engine.as_mut()
}
