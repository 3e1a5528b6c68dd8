//! The training thread: it looks at images and trains, while the inference thread scores with another model.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam_channel::Receiver;

use super::handle::{Link, Outbox};
use super::priority::give_way;
use super::protocol::{Control, JobId, Wake};
use crate::diffusion::{Interrupted, NeverInterrupt};
use crate::engine::panic_message;
use crate::engine::training::request::{self, Begun, Reading};
use crate::engine::training::survey::survey;
use crate::engine::training::{News, Subject, Survey, Training, TrainingError, TrainingRequest};
use crate::images::{Geometry, ResizeMode};
use crate::networks::executors::cpu::{CpuError, CpuOptions, Machine};

/// Commands waiting for the thread.
const COMMAND_QUEUE: usize = 8;
/// Events waiting for the window; news of steps are left out when they are full.
const EVENT_QUEUE: usize = 256;
/// Images between two reports of reading.
const REPORT_EVERY: usize = 64;

/// To the training thread. Each command ends in exactly one of [`TrainEvent::Surveyed`], [`TrainEvent::Made`],
/// [`TrainEvent::Cancelled`], [`TrainEvent::Failed`].
#[derive(Clone, Debug)]
pub enum TrainCommand {
    /// See what there is to learn from.
    Survey {
        /// Echoed in every event of this job.
        job: JobId,
        /// Where the images are.
        sources: Vec<PathBuf>,
        /// Pixels a side to look at them with; `None` for what suits them.
        side: Option<usize>,
        /// How pictures are brought to a square.
        resize: ResizeMode,
        /// Cancels the job.
        control: Control,
    },
    /// Train. Cancelled after its beginning, it makes a model of what was learnt until then.
    Train {
        /// Echoed in every event of this job.
        job: JobId,
        /// What to do.
        request: Box<TrainingRequest>,
        /// Continue what was stopped before its end, with its own settings.
        is_resumed: bool,
        /// Pauses and cancels the job.
        control: Control,
    },
}

/// From the training thread.
#[derive(Clone, Debug)]
pub enum TrainEvent {
    /// Images read so far.
    Reading {
        /// See [`TrainCommand`].
        job: JobId,
        /// How many.
        num_images: usize,
    },
    /// What there is to learn from.
    Surveyed {
        /// See [`TrainCommand`].
        job: JobId,
        /// What was found.
        survey: Arc<Survey>,
        /// A place for the model where nothing lies.
        output: PathBuf,
    },
    /// Training begins.
    Began {
        /// See [`TrainCommand`].
        job: JobId,
        /// What is trained.
        facts: Arc<TrainFacts>,
    },
    /// What happens.
    News {
        /// See [`TrainCommand`].
        job: JobId,
        /// One piece of it.
        news: News,
    },
    /// The model is there.
    Made {
        /// See [`TrainCommand`].
        job: JobId,
        model: PathBuf,
    },
    /// Stopped before there was anything to keep.
    Cancelled {
        /// See [`TrainCommand`].
        job: JobId,
    },
    /// Gave up.
    Failed {
        /// See [`TrainCommand`].
        job: JobId,
        /// The sentence.
        message: String,
        /// What it is about.
        subject: Subject,
    },
}

impl TrainEvent {
    /// The job that the event belongs to.
    pub fn job(&self) -> JobId {
        match self {
            Self::Reading { job, .. }
            | Self::Surveyed { job, .. }
            | Self::Began { job, .. }
            | Self::News { job, .. }
            | Self::Made { job, .. }
            | Self::Cancelled { job }
            | Self::Failed { job, .. } => *job,
        }
    }
}

/// What is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainFacts {
    /// Shape of the images.
    pub geometry: Geometry,
    /// How pictures are brought to a square.
    pub resize: ResizeMode,
    /// Different images.
    pub num_images: usize,
    /// Of them, those that steps see.
    pub num_seen: usize,
    /// Of them, those that are watched.
    pub num_watched: usize,
    pub num_parameters: usize,
    /// Images a step.
    pub batch: usize,
    /// What to know of the images, a sentence each.
    pub notes: Vec<String>,
    /// Files that could not be decoded, each with the reason.
    pub skipped: Vec<(PathBuf, String)>,
}

impl TrainFacts {
    fn new(training: &Training, notes: Vec<String>, skipped: Vec<(PathBuf, String)>) -> Self {
        let index = training.index();
        let (num_seen, num_watched) = training.counts();
        Self {
            geometry: index.settings.geometry,
            resize: index.settings.fit,
            num_images: index.images.len(),
            num_seen,
            num_watched,
            num_parameters: training.state().weights.len(),
            batch: index.settings.batch,
            notes,
            skipped,
        }
    }

    /// Images that nothing of the training sees.
    pub fn num_calibration(&self) -> usize {
        self.num_images - self.num_seen - self.num_watched
    }
}

/// The training thread.
pub type TrainerHandle = Link<TrainCommand, TrainEvent>;

impl TrainerHandle {
    /// Start the thread. `wake` is called after each event.
    pub fn start(wake: Wake) -> io::Result<Self> {
        Self::spawn("training", COMMAND_QUEUE, EVENT_QUEUE, wake, serve)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the thread owns its end")]
fn serve(commands: Receiver<TrainCommand>, mut outbox: Outbox<TrainEvent>) {
    give_way();
    while let Some(command) = outbox.next_command(&commands) {
        let (TrainCommand::Survey { job, .. } | TrainCommand::Train { job, .. }) = command;
        let outcome = catch_unwind(AssertUnwindSafe(|| answer(command, &mut outbox)));
        if let Err(panic) = outcome {
            outbox.post(TrainEvent::Failed {
                job,
                message: format!(
                    "internal error: {}; what was saved so far is kept",
                    panic_message(panic.as_ref())
                ),
                subject: Subject::Work,
            });
        }
    }
}

fn answer(command: TrainCommand, outbox: &mut Outbox<TrainEvent>) {
    let (job, last) = match command {
        TrainCommand::Survey {
            job,
            sources,
            side,
            resize,
            control,
        } => {
            let found = machine().and_then(|machine| {
                reading(job, &control, outbox, |reading| {
                    survey(&sources, (side, resize), machine, reading)
                })
            });
            let surveyed = |survey| TrainEvent::Surveyed {
                job,
                survey: Arc::new(survey),
                output: free_place(&sources),
            };
            (job, found.map(surveyed))
        }
        TrainCommand::Train {
            job,
            request,
            is_resumed,
            control,
        } => {
            let made = train(job, &request, is_resumed, &control, outbox);
            (job, made.map(|model| TrainEvent::Made { job, model }))
        }
    };
    outbox.post(last.unwrap_or_else(|error| match error {
        TrainingError::Interrupted(Interrupted) => TrainEvent::Cancelled { job },
        error => TrainEvent::Failed {
            job,
            subject: error.subject(),
            message: error.to_string(),
        },
    }));
}

/// Let `work` read images, and tell how far it is. What it tells goes out after it: the reading is on many threads.
fn reading<T>(
    job: JobId,
    control: &Control,
    outbox: &mut Outbox<TrainEvent>,
    work: impl FnOnce(Reading<'_>) -> Result<T, TrainingError>,
) -> Result<T, TrainingError> {
    let outbox = std::sync::Mutex::new(outbox);
    let progress = |num_images: usize| {
        // One thread tells for all; the others go on.
        if num_images.is_multiple_of(REPORT_EVERY)
            && let Ok(mut outbox) = outbox.try_lock()
        {
            outbox.news(TrainEvent::Reading { job, num_images });
        }
    };
    work(Reading {
        interrupt: control,
        progress: &progress,
    })
}

fn train(
    job: JobId,
    request: &TrainingRequest,
    is_resumed: bool,
    control: &Control,
    outbox: &mut Outbox<TrainEvent>,
) -> Result<PathBuf, TrainingError> {
    let machine = machine()?;
    let Begun {
        mut training,
        notes,
        skipped,
    } = reading(job, control, outbox, |reading| {
        let list = || Ok(request::list(&request.sources, reading)?.files);
        if is_resumed {
            request::resume(&request.output, list, machine, reading)
        } else {
            request.check()?;
            request.begin(&list()?, machine, reading)
        }
    })?;
    let facts = Arc::new(TrainFacts::new(&training, notes, skipped));
    outbox.post(TrainEvent::Began { job, facts });
    let mut tell = |news: News| {
        let is_one_of_many = matches!(news, News::Step { .. });
        let event = TrainEvent::News { job, news };
        if is_one_of_many {
            outbox.news(event);
        } else {
            outbox.post(event);
        }
    };
    // Stopped or complete: what was learnt becomes a model.
    training.run(control, &mut tell)?;
    training.finish(&NeverInterrupt, &mut tell)
}

/// Threads of its own: those of the process serve the inference thread. One core is left to it where there are some.
fn machine() -> Result<Machine, TrainingError> {
    let failed = |error: CpuError| TrainingError::Machine(error.to_string());
    let num_cores = Machine::new(&CpuOptions::default())
        .map_err(failed)?
        .num_threads();
    let options = CpuOptions {
        threads: Some(if num_cores > 2 {
            num_cores - 1
        } else {
            num_cores
        }),
        isa: None,
    };
    Machine::new(&options).map_err(failed)
}

/// A place for a model of these images where nothing lies, in the user's folder.
fn free_place(sources: &[PathBuf]) -> PathBuf {
    let name = sources
        .first()
        .and_then(|path| path.file_stem())
        .map_or_else(
            || "model".to_owned(),
            |stem| stem.to_string_lossy().into_owned(),
        );
    let home = std::env::home_dir().unwrap_or_default();
    free_name(&home.join("lmd-models"), &name)
}

fn free_name(folder: &Path, name: &str) -> PathBuf {
    let is_free = |path: &PathBuf| {
        !path.exists() && !crate::engine::training::checkpoint::WorkFolder::beside(path).exists()
    };
    let numbered = (2..).map(|number| folder.join(format!("{name}-{number}")));
    let mut places = std::iter::once(folder.join(name)).chain(numbered);
    places.find(is_free).unwrap_or_else(|| folder.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_for_a_model_is_one_where_nothing_lies() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert_eq!(free_name(folder.path(), "shoes"), at("shoes"));
        std::fs::create_dir(at("shoes")).unwrap();
        std::fs::create_dir(at("shoes-2.training")).unwrap();
        assert_eq!(free_name(folder.path(), "shoes"), at("shoes-3"));
    }
}
