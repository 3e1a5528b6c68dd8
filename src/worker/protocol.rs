//! The messages between the window (or the headless driver) and the background threads.

mod library;

use std::path::PathBuf;
use std::sync::Arc;

use crate::images::Geometry;
pub use crate::networks::ModelIdentity;
pub use crate::networks::checkpoints::ModelSource;
pub use crate::runs::{
    AttemptResult, BatchChoice, DeviceChoice, Lift, ResultLog, RunImage, RunSettings,
};

pub use super::assess::{AssessRequest, Assessment, AttemptsPoint};
pub use super::control::Control;
pub use super::keeping::{OpenedRun, RunsCommand, RunsEvent, SaveSource};
pub use super::maps::MapRequest;
pub use super::saving::{Answer, NewFile, SaveRequest, SavingNews};
use super::trace::{Trace, TraceRequest};

pub use self::library::{
    DialogKind, FolderListing, LibraryCommand, LibraryEvent, Preview, PreviewRequest,
};

/// Identifies one request; every event echoes the id of the command it answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u64);

/// Called after an event was queued, so that a sleeping window looks at it.
pub type Wake = Arc<dyn Fn() + Send + Sync>;

/// To the inference thread. Each command ends in exactly one of [`Event::Done`],
/// [`Event::Cancelled`], [`Event::Failed`].
#[derive(Clone, Debug)]
pub enum Command {
    /// Load a model, make it the current one and time one call; sends [`Event::ModelOpened`].
    OpenModel {
        /// Echoed in every event of this job.
        job: JobId,
        /// What to load.
        source: ModelSource,
        /// Where to run it.
        device: DeviceChoice,
        /// Cancels the job.
        control: Control,
    },
    /// Make one attempt of a run again and keep every step; sends [`Event::Traced`].
    Trace {
        /// Echoed in every event of this job.
        job: JobId,
        /// Which attempt.
        request: TraceRequest,
        /// Cancels the job.
        control: Control,
    },
    /// Make the spatial maps of LPIPS of some pictures; sends [`Event::Mapped`].
    Map {
        /// Echoed in every event of this job.
        job: JobId,
        /// Which pictures.
        request: MapRequest,
        /// Cancels the job.
        control: Control,
    },
    /// Score images with the current model.
    Run {
        /// Echoed in every event of this job.
        job: JobId,
        /// What to do.
        request: RunRequest,
        /// Pauses and cancels the job.
        control: Control,
    },
}

/// What a run works on.
#[derive(Clone, Debug)]
pub struct RunRequest {
    /// All settings.
    pub settings: RunSettings,
    /// The images; indices into this list are image ids in the results.
    pub images: Arc<[RunImage]>,
    /// Where results are appended.
    pub results: Arc<ResultLog>,
    /// Where the worker keeps them; `None` where the log's owner does, or nobody.
    pub saving: Option<SaveRequest>,
}

/// From the inference thread.
#[derive(Clone, Debug)]
pub enum Event {
    /// The model is loaded and timed.
    ModelOpened {
        /// See [`Command`].
        job: JobId,
        /// What was found.
        info: Arc<ModelInfo>,
    },
    /// An attempt with every step.
    Traced {
        /// See [`Command`].
        job: JobId,
        /// The steps.
        trace: Arc<Trace>,
    },
    /// The spatial maps of LPIPS.
    Mapped {
        /// See [`Command`].
        job: JobId,
        /// One a pair, `side * side` values row by row.
        maps: Vec<Arc<[f32]>>,
    },
    /// How far a job is; news may be left out, the latest counts. New results are in the log.
    Progress {
        /// See [`Command`].
        job: JobId,
        /// Where it stands.
        progress: Progress,
    },
    /// Something the user should know; the job goes on.
    Notice {
        /// See [`Command`].
        job: JobId,
        /// What to show.
        notice: Notice,
    },
    /// How the keeping of a run goes.
    Saving {
        /// See [`Command`].
        job: JobId,
        /// What happened.
        news: SavingNews,
    },
    /// Finished.
    Done {
        /// See [`Command`].
        job: JobId,
        /// Where it ended.
        progress: Progress,
    },
    /// Stopped on request; results so far stay in the log.
    Cancelled {
        /// See [`Command`].
        job: JobId,
        /// Where it ended.
        progress: Progress,
    },
    /// Gave up; results so far stay in the log.
    Failed {
        /// See [`Command`].
        job: JobId,
        /// The whole error chain.
        message: String,
    },
}

impl Event {
    /// The job that the event belongs to.
    pub fn job(&self) -> JobId {
        match self {
            Self::ModelOpened { job, .. }
            | Self::Traced { job, .. }
            | Self::Mapped { job, .. }
            | Self::Progress { job, .. }
            | Self::Notice { job, .. }
            | Self::Saving { job, .. }
            | Self::Done { job, .. }
            | Self::Cancelled { job, .. }
            | Self::Failed { job, .. } => *job,
        }
    }
}

/// What a loaded model is.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelInfo {
    /// Where it came from.
    pub source: ModelSource,
    /// Its name for people: the folder's name.
    pub name: String,
    /// Checkpoint family, e.g. `diffusers UNet2DModel`.
    pub family: String,
    /// The images it works on.
    pub geometry: Geometry,
    /// Number of weights.
    pub num_parameters: usize,
    /// Arithmetic of one network call for one image, in floating-point operations.
    pub flops_per_call: f64,
    /// What tells its numbers from another model's; also has the schedule in one line.
    pub identity: ModelIdentity,
    /// Training timesteps T.
    pub num_train_timesteps: usize,
    /// The device in use, e.g. `CPU (AVX2, 2 threads)`.
    pub device: String,
    /// Seconds of one network call, by batch size, as timed when the model was opened.
    pub call_secs: Vec<(usize, f64)>,
    /// What had to be assumed about the checkpoint.
    pub notes: Vec<String>,
}

impl ModelInfo {
    /// Network calls a second at the best timed batch size.
    pub fn calls_per_second(&self) -> f64 {
        self.call_secs
            .iter()
            .map(|&(batch, secs)| batch as f64 / secs)
            .fold(0.0, f64::max)
    }
}

/// Where a job stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Attempts finished.
    pub attempts_done: usize,
    /// Attempts in all.
    pub num_attempts: usize,
    /// Images with every attempt finished (or given up).
    pub images_done: usize,
    /// Images in all.
    pub num_images: usize,
    /// Images that could not be read when their turn came.
    pub images_skipped: usize,
    /// Network calls done, one an image and step.
    pub network_calls: u64,
    /// Seconds from the first to the last network call, pauses excluded.
    pub network_secs: f64,
    /// What the worker does now, e.g. `Inpainting attempt 3, step 12 of 25, batch of 16`.
    pub activity: String,
}

impl Progress {
    /// Network calls a second so far; 0 before the first.
    pub fn calls_per_second(&self) -> f64 {
        if self.network_secs > 0.0 {
            self.network_calls as f64 / self.network_secs
        } else {
            0.0
        }
    }
}

/// Something the user should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How bad it is.
    pub severity: Severity,
    /// One or two sentences: what is wrong and what to do.
    pub message: String,
    /// The file it is about.
    pub path: Option<PathBuf>,
}

/// How bad a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Nothing lost.
    Info,
    /// Something was left out.
    Warning,
    /// What was asked for did not happen.
    Error,
}
