//! To the file-reading thread and back.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use super::{AssessRequest, Assessment, Control, JobId, RunsCommand, RunsEvent};
use crate::detectors::DetectorSpec;
pub use crate::engine::converting::ConvertRequest;
pub use crate::engine::doctor::build::BUILD;
pub use crate::engine::doctor::{Finding, Report, Status};
use crate::engine::export::ExportRequest;
use crate::engine::plots::PlotsRequest;
pub use crate::engine::preview::{Preview, PreviewRequest};
pub use crate::engine::similar::{Similar, SimilarRequest};
use crate::images::layouts::Layout;
use crate::images::samples::SampleFolders;
use crate::images::{ContentHash, ImageFile, Picture};
use crate::networks::distances::{DistanceWeights, Half, Identified};
use crate::ood::Role;
use crate::runs::{Calibration, Marks, RunImage};

/// To the file-reading thread.
#[derive(Clone, Debug)]
pub enum LibraryCommand {
    /// List a folder's images (or one image file).
    Scan {
        /// Echoed in the reply.
        job: JobId,
        path: PathBuf,
        /// What it is for.
        role: Role,
        /// Whether a data set with parts of several roles is not listed but proposed, by [`LibraryEvent::Proposed`].
        may_ask: bool,
        /// Cancels the listing.
        control: Control,
    },
    /// See how a folder or a table is laid out; answered by [`LibraryEvent::Recognized`].
    Recognize { path: PathBuf },
    /// A small picture of a file for the gallery: at most `max_side` pixels per side.
    Thumbnail {
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
        picture: Picture,
    },
    /// List the picture in the clipboard; answered by [`LibraryEvent::Scanned`].
    Paste {
        /// Echoed in the reply.
        job: JobId,
    },
    /// Put a picture into the clipboard.
    Copy {
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
        path: PathBuf,
        /// What to write.
        detector: Arc<Calibration>,
    },
    /// Write the file of a fit.
    SaveFit {
        path: PathBuf,
        /// With its fit.
        detector: DetectorSpec,
        /// A file that is there is replaced.
        may_overwrite: bool,
    },
    /// Write a model as a diffusers folder that is not there yet.
    Convert(ConvertRequest),
    /// Write the plots to a folder.
    SavePlots {
        /// What to draw and where to write it.
        request: Arc<PlotsRequest>,
    },
    /// Read a detector file, or a fit.
    OpenDetector { path: PathBuf },
    /// Read a file with weights of a distance.
    ReadWeights {
        path: PathBuf,
        /// What was read before, where that was one of two files.
        half: Option<Half>,
    },
    /// Read a file with a network that features come from.
    ReadNetwork { path: PathBuf },
    /// See whether the file of weights is there and the one that was chosen.
    CheckWeights { weights: DistanceWeights },
    /// Look at this machine.
    Diagnose,
    /// Put what was noted about some images into the file beside their run. Commands are carried out in their order, so that
    /// the file is there before the run gets another name or is copied.
    WriteMarks {
        /// Echoed in the reply.
        job: JobId,
        /// The run file.
        run: PathBuf,
        /// Of which images.
        changed: BTreeSet<ContentHash>,
        marks: Marks,
    },
    /// See how alike images of a run are; answered by [`LibraryEvent::Compared`].
    Compare {
        /// Echoed in the reply.
        job: JobId,
        request: SimilarRequest,
        /// Cancels it.
        control: Control,
    },
    /// See whether images of the next run are nearly the same picture in two roles; answered by
    /// [`LibraryEvent::FilesCompared`], unless it is cancelled.
    CompareFiles {
        /// Echoed in the reply.
        job: JobId,
        images: Arc<[RunImage]>,
        /// Cancels it.
        control: Control,
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
    /// A folder of images to learn from.
    TrainFolder,
    /// A mask image.
    MaskFile,
    /// A file with weights of a distance.
    Weights,
    /// A file with a network that features come from.
    Network,
    /// Where to write images.
    ExportFolder,
    /// Where to write plots.
    PlotFolder,
    /// A detector file to open.
    OpenDetector,
    /// Where to write a detector file.
    SaveDetector,
    /// Where to write the file of a fit.
    SaveFit,
    /// Where to write a converted model.
    Convert,
    /// A run file to open.
    OpenRun,
    /// Where to write a copy of the run.
    SaveRun,
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
    /// What was to be listed has parts of several roles.
    Proposed {
        /// See [`LibraryCommand::Scan`].
        job: JobId,
        layout: Box<Layout>,
    },
    /// How a folder or a table is laid out, if in any way that is known.
    Recognized {
        path: PathBuf,
        layout: Option<Box<Layout>>,
    },
    /// A thumbnail, or why there is none.
    Thumbnail {
        /// See [`LibraryCommand::Thumbnail`].
        path: PathBuf,
        picture: Result<Picture, String>,
    },
    /// A preview, or why there is none.
    Preview {
        /// What was asked for.
        request: PreviewRequest,
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
        folders: Result<SampleFolders, String>,
    },
    /// Figures that take long.
    Assessed {
        /// See [`LibraryCommand::Assess`].
        job: JobId,
        /// What was found.
        assessment: Arc<Assessment>,
    },
    /// The next fact about this machine.
    Found(Finding),
    /// All of them: what this machine has, and whether the program works on it.
    Diagnosed(Arc<Report>),
    /// A detector file was written, or why not.
    DetectorSaved {
        path: PathBuf,
        /// Nothing, or the reason.
        outcome: Result<(), String>,
    },
    /// The file of a fit was written, or why not.
    FitSaved {
        path: PathBuf,
        /// Nothing, or the reason.
        outcome: Result<(), String>,
    },
    /// A model was converted, or why not.
    Converted {
        output: PathBuf,
        /// How near it is, or the reason.
        outcome: Result<String, String>,
    },
    /// The plots were written, or why not.
    PlotsSaved {
        folder: PathBuf,
        /// Nothing, or the reason.
        outcome: Result<(), String>,
    },
    /// A detector file was read, or why not.
    DetectorOpened {
        path: PathBuf,
        /// What is in it.
        detector: Result<Arc<Calibration>, String>,
        /// When it was written, where the system says.
        written: Option<SystemTime>,
    },
    /// A detector that was fitted on in-domain images was read, or why not.
    FitOpened {
        detector: Result<DetectorSpec, String>,
    },
    /// What a file has weights of, or why it can't be used.
    WeightsRead {
        path: PathBuf,
        weights: Result<Identified, String>,
    },
    /// Which network a file holds, or why it can't be used.
    NetworkRead {
        path: PathBuf,
        weights: Result<DistanceWeights, String>,
    },
    /// Whether weights can be used.
    WeightsChecked {
        weights: DistanceWeights,
        /// Nothing, or the reason.
        outcome: Result<(), String>,
    },
    /// Marks are in their file, or why not.
    MarksWritten {
        /// See [`LibraryCommand::WriteMarks`].
        job: JobId,
        /// Nothing, or the reason.
        outcome: Result<(), MarksNotWritten>,
    },
    /// How many images of a run have been looked at.
    Comparing {
        /// See [`LibraryCommand::Compare`].
        job: JobId,
        num_images: usize,
    },
    /// How alike they are.
    Compared {
        /// See [`LibraryCommand::Compare`].
        job: JobId,
        /// What was found, or why nothing was.
        similar: Result<Arc<Similar>, String>,
    },
    /// Whether images of the next run are nearly the same picture in two roles.
    FilesCompared {
        /// See [`LibraryCommand::CompareFiles`].
        job: JobId,
        /// A sentence where some are.
        warning: Option<String>,
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

/// Why marks are not in their file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarksNotWritten {
    pub reason: String,
    /// Whether the file holds something that must not be replaced: writing once more can't help.
    pub is_for_good: bool,
}
