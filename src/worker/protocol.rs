//! The messages between the window (or the headless driver) and the background threads.

use std::path::PathBuf;
use std::sync::Arc;

use crate::images::{Fit, Geometry, ImageFile, Picture};
pub use crate::networks::ModelIdentity;
pub use crate::networks::checkpoints::ModelSource;
use crate::ood::{KnownMask, MaskKind, Role};
pub use crate::runs::{
    AttemptResult, BatchChoice, DeviceChoice, Lift, ResultLog, RunImage, RunSettings,
};

pub use super::assess::{AssessRequest, Assessment, AttemptsPoint};
pub use super::control::Control;
use super::export::ExportRequest;
pub use super::keeping::{OpenedRun, RunsCommand, RunsEvent, SaveSource};
pub use super::maps::MapRequest;
use super::plots::PlotsRequest;
pub use super::saving::{Answer, NewFile, SaveRequest, SavingNews};
use super::trace::{Trace, TraceRequest};
use crate::runs::Detector;

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

/// To the file-reading thread.
#[derive(Clone, Debug)]
pub enum LibraryCommand {
    /// List a folder's images (or one image file).
    Scan {
        /// Echoed in the reply.
        job: JobId,
        /// The folder.
        path: PathBuf,
        /// What it is for.
        role: Role,
        /// Cancels the listing.
        control: Control,
    },
    /// A small picture of a file for the gallery: at most `max_side` pixels a side.
    Thumbnail {
        /// The file.
        path: PathBuf,
        /// Bound on width and height in pixels.
        max_side: usize,
    },
    /// The prepared original and its mask, as a run would see them.
    Preview(PreviewRequest),
    /// Put a painted picture into a file, so that it can be scored; answered by [`LibraryEvent::Scanned`].
    Painted {
        /// Echoed in the reply.
        job: JobId,
        /// The picture.
        picture: Picture,
    },
    /// List the picture in the clipboard; answered by [`LibraryEvent::Scanned`].
    Paste {
        /// Echoed in the reply.
        job: JobId,
    },
    /// Put a picture into the clipboard.
    Copy {
        /// The picture.
        picture: Picture,
        /// What it is, for people.
        name: String,
    },
    /// Write images and a table of them to a folder.
    Export {
        /// Echoed in the reply.
        job: JobId,
        /// What to write where.
        request: Arc<ExportRequest>,
    },
    /// Put the bundled sample folders on disk and say where they are.
    Samples {
        /// Echoed in the reply.
        job: JobId,
    },
    /// Compute the figures that take long.
    Assess {
        /// Echoed in the reply.
        job: JobId,
        /// What to assess.
        request: AssessRequest,
    },
    /// Write a detector file.
    SaveDetector {
        /// The file.
        path: PathBuf,
        /// What to write.
        detector: Arc<Detector>,
    },
    /// Write the plots to a folder.
    SavePlots {
        /// What to draw and where to write it.
        request: Arc<PlotsRequest>,
    },
    /// Read a detector file.
    OpenDetector {
        /// The file.
        path: PathBuf,
    },
    /// Something about run files.
    Runs(RunsCommand),
}

/// What a file dialog asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialogKind {
    /// A model folder.
    Model,
    /// One or more image folders of a role.
    Folders(Role),
    /// A mask image.
    MaskFile,
    /// Where to write images.
    ExportFolder,
    /// Where to write plots.
    PlotFolder,
    /// A detector file to open.
    OpenDetector,
    /// Where to write a detector file.
    SaveDetector,
    /// A run file to open.
    OpenRun,
    /// Where to write a copy of the run.
    SaveRun,
}

/// A mask preview on one image.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviewRequest {
    /// The sample image; `None` shows the mask alone.
    pub path: Option<PathBuf>,
    /// The model's shape.
    pub geometry: Geometry,
    /// How the picture is brought to the model's square.
    pub fit: Fit,
    /// The mask.
    pub mask: MaskKind,
    /// Cells a side.
    pub grid: usize,
    /// Which attempt's mask.
    pub attempt: usize,
    /// The run seed (random patches depend on it).
    pub seed: u64,
}

/// From the file-reading thread.
#[derive(Clone, Debug)]
pub enum LibraryEvent {
    /// A listing in progress.
    Scanning {
        /// See [`LibraryCommand::Scan`].
        job: JobId,
        /// Readable images so far.
        num_images: usize,
    },
    /// A finished listing.
    Scanned {
        /// See [`LibraryCommand::Scan`].
        job: JobId,
        /// What was found, or why nothing could be listed.
        listing: Result<Arc<FolderListing>, String>,
    },
    /// A thumbnail, or why there is none.
    Thumbnail {
        /// See [`LibraryCommand::Thumbnail`].
        path: PathBuf,
        /// The picture.
        picture: Result<Picture, String>,
    },
    /// A preview, or why there is none.
    Preview {
        /// What was asked for.
        request: PreviewRequest,
        /// The preview.
        preview: Result<Preview, String>,
    },
    /// A picture is in the clipboard, or why not.
    Copied {
        /// See [`LibraryCommand::Copy`].
        name: String,
        /// Nothing, or the reason, a sentence.
        outcome: Result<(), String>,
    },
    /// Images were written, or why not.
    Exported {
        /// See [`LibraryCommand::Export`].
        job: JobId,
        /// What was asked for.
        request: Arc<ExportRequest>,
        /// Nothing, or the reason.
        outcome: Result<(), String>,
    },
    /// The bundled sample folders, or why they could not be written.
    Samples {
        /// See [`LibraryCommand::Samples`].
        job: JobId,
        /// The folders with their roles.
        folders: Result<Vec<(Role, PathBuf)>, String>,
    },
    /// Figures that take long.
    Assessed {
        /// See [`LibraryCommand::Assess`].
        job: JobId,
        /// What was found.
        assessment: Arc<Assessment>,
    },
    /// A detector file was written, or why not.
    DetectorSaved {
        /// The file.
        path: PathBuf,
        /// Nothing, or the reason.
        outcome: Result<(), String>,
    },
    /// The plots were written, or why not.
    PlotsSaved {
        /// The folder.
        folder: PathBuf,
        /// Nothing, or the reason.
        outcome: Result<(), String>,
    },
    /// A detector file was read, or why not.
    DetectorOpened {
        /// The file.
        path: PathBuf,
        /// What is in it.
        detector: Result<Arc<Detector>, String>,
    },
    /// An answer about run files.
    Runs(RunsEvent),
    /// What was chosen in a file dialog; empty when it was closed.
    Chosen {
        /// Echoes the request.
        job: JobId,
        /// What was asked for.
        kind: DialogKind,
        /// The chosen paths.
        paths: Vec<PathBuf>,
        /// Whether there was a dialog at all: some desktops have none to show.
        was_shown: bool,
    },
}

/// The pictures of a mask preview.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The prepared original.
    pub original: Option<Picture>,
    /// The mask.
    pub known_mask: KnownMask,
}

/// The images of one folder, in natural order.
#[derive(Clone, Debug, PartialEq)]
pub struct FolderListing {
    /// The folder as given.
    pub path: PathBuf,
    /// What it is for.
    pub role: Role,
    /// Readable images.
    pub files: Vec<Arc<ImageFile>>,
    /// Files that look like images but could not be read, with the reason.
    pub unreadable: Vec<(PathBuf, String)>,
    /// What else to tell of the files, a sentence each.
    pub notes: Vec<String>,
}
