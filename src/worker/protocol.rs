//! The messages between the window and the background threads. What they carry of a run is the engine's.

mod library;

use std::sync::Arc;

use crate::detectors::DetectorSpec;
pub use crate::engine::assess::{AssessRequest, Assessment, AttemptsPoint};
pub use crate::engine::copying::SaveSource;
pub use crate::engine::fitting::FitRequest;
pub use crate::engine::maps::MapRequest;
pub use crate::engine::opened::OpenedRun;
use crate::engine::trace::{Trace, TraceRequest};
pub use crate::engine::{
    Answer, Control, ModelInfo, NewFile, Notice, Progress, RunRequest, SaveRequest, SavingNews,
    Severity,
};
pub use crate::networks::ModelIdentity;
pub use crate::networks::checkpoints::{
    Architecture, Bundled, MissingSettings, ModelSource, Numbers, Setting, SettingsFrom,
};
pub use crate::runs::{AttemptResult, BatchChoice, DeviceChoice, ResultLog, RunImage, RunSettings};

pub use super::keeping::{RunsCommand, RunsEvent};
pub use super::training::{TrainCommand, TrainEvent, TrainFacts};

pub use self::library::{
    BUILD, ConvertRequest, DialogKind, Finding, FolderListing, LibraryCommand, LibraryEvent,
    MarksNotWritten, Preview, PreviewRequest, Report, Similar, SimilarRequest, Status,
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
    /// Load a model, make it the current one and time one call; sends [`Event::ModelOpened`], or [`Event::ModelIncomplete`]
    /// before it fails for want of settings.
    OpenModel {
        /// Echoed in every event of this job.
        job: JobId,
        /// What to load.
        source: ModelSource,
        /// What was typed because the checkpoint does not say it.
        settings: Option<TypedSettings>,
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
    /// Fit a detector on in-domain images with the current model; sends [`Event::Fitted`].
    Fit {
        /// Echoed in every event of this job.
        job: JobId,
        /// Which detector, on which images.
        request: FitRequest,
        /// Where the model runs.
        device: DeviceChoice,
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

/// Settings of a checkpoint that does not say them: written beside it to be read now and from then on, and removed again
/// where it can't be opened with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypedSettings {
    pub json: String,
    pub missing: MissingSettings,
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
    /// The model does not say all of itself.
    ModelIncomplete {
        /// See [`Command`].
        job: JobId,
        /// What to ask for.
        missing: MissingSettings,
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
    /// A detector that was fitted.
    Fitted {
        /// See [`Command`].
        job: JobId,
        /// With its fit.
        detector: DetectorSpec,
    },
    /// How far a job is; news may be left out, the latest counts. New results are in the log.
    Progress {
        /// See [`Command`].
        job: JobId,
        /// Where it stands.
        progress: Progress,
    },
    /// Something the user should know; the job continues.
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
            | Self::ModelIncomplete { job, .. }
            | Self::Traced { job, .. }
            | Self::Mapped { job, .. }
            | Self::Fitted { job, .. }
            | Self::Progress { job, .. }
            | Self::Notice { job, .. }
            | Self::Saving { job, .. }
            | Self::Done { job, .. }
            | Self::Cancelled { job, .. }
            | Self::Failed { job, .. } => *job,
        }
    }
}
