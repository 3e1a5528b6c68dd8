//! Why a model can't be trained, or why its training ended.

use std::io;
use std::path::PathBuf;

use super::data;
use crate::diffusion::Interrupted;
use crate::images::ListError;
use crate::images::layouts::MixedError;
use crate::networks::checkpoints::CheckpointError;
use crate::networks::training::TrainError;

/// Why a model can't be trained, or why its training ended.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    /// Nothing to learn from.
    #[error(
        "training needs at least {least} different images that can be read, got {count}; name more images",
        least = data::FEWEST_IMAGES
    )]
    TooFewImages {
        /// Different ones.
        count: usize,
    },
    /// Files differ, pictures do not.
    #[error(
        "all {count} images look the same at {side}x{side} pixels: there is nothing to learn; name other images"
    )]
    Identical {
        count: usize,
        /// Side they were brought to.
        side: usize,
    },
    /// A size that no network has.
    #[error("{0}")]
    Shape(String),
    /// A model to begin from that is of another shape.
    #[error(
        "the model of --from is for {colors} images of {side}x{side} pixels; leave --size and --channels out, or begin \
         without --from"
    )]
    OtherShape {
        /// Of its images.
        colors: &'static str,
        /// Of its images.
        side: usize,
    },
    /// Something is where the model should go.
    #[error("there is a file or folder of this name already; choose another output: {}", path.display())]
    OutputExists { path: PathBuf },
    /// Another process trains there.
    #[error("another training writes into this folder; wait for its end or choose another output: {}", path.display())]
    Busy {
        /// The working folder.
        path: PathBuf,
    },
    /// A training that was stopped.
    #[error(
        "a training of this output was stopped before its end; continue it with --resume, or delete its folder to begin \
         again: {}",
        path.display()
    )]
    Unfinished {
        /// The working folder.
        path: PathBuf,
    },
    /// Nothing to continue.
    #[error("there is no stopped training of this output; leave --resume out to begin one: {}", path.display())]
    NothingToResume {
        /// The working folder.
        path: PathBuf,
    },
    /// A checkpoint that was changed or cut short.
    #[error(
        "the training's checkpoint can't be used, {reason}; delete its folder and begin again: {}",
        path.display()
    )]
    DamagedCheckpoint {
        /// What is wrong.
        reason: String,
        path: PathBuf,
    },
    /// Other images than at the beginning.
    #[error(
        "these are not the images that the training began with ({missing} of {count} are missing, {added} are new); name \
         the same ones, or begin again with another output"
    )]
    OtherImages {
        /// Images at the beginning.
        count: usize,
        /// Of them, not there now.
        missing: usize,
        /// There now, but not at the beginning.
        added: usize,
    },
    #[error(
        "the gradient was not finite {times} times in a row at step {step}: training has diverged; begin again with a \
         smaller learning rate than {rate} (the state of step {kept} is kept: {})",
        path.display()
    )]
    NotFinite {
        /// In a row.
        times: usize,
        /// The last of them.
        step: usize,
        /// Learning rate of the settings.
        rate: f64,
        /// Step of the last checkpoint.
        kept: usize,
        /// The working folder.
        path: PathBuf,
    },
    /// Not enough memory.
    #[error(
        "training this network takes about {needed_mb} MB of memory, and {available_mb} MB are available; {remedy}"
    )]
    TooLarge {
        needed_mb: u64,
        available_mb: u64,
        /// What would fit.
        remedy: String,
    },
    /// Not enough memory for the images.
    #[error(
        "{count} images of {side}x{side} pixels take about {needed_mb} MB of memory, and {available_mb} MB are available; \
         choose a smaller size or fewer images"
    )]
    TooManyPixels {
        count: usize,
        side: usize,
        needed_mb: u64,
        available_mb: u64,
    },
    /// A folder with test images and masks in it.
    #[error(
        "this folder has images to learn from in {good} and others, {others}, that a model of good images must not see; name \
         {good} itself: {}",
        path.display()
    )]
    Benchmark {
        /// The part to learn from.
        good: &'static str,
        others: String,
        path: PathBuf,
    },
    /// A folder holds other images than those to learn from.
    #[error(transparent)]
    Mixed(#[from] MixedError),
    /// Images could not be listed.
    #[error(transparent)]
    List(#[from] ListError),
    /// A write that failed.
    #[error("{what} can't be written: {source}; make room, what was saved before is still there: {}", path.display())]
    Write {
        /// What was being written.
        what: &'static str,
        /// What the system said.
        source: io::Error,
        /// The file or folder.
        path: PathBuf,
    },
    /// No threads.
    #[error("training can't begin: {0}")]
    Machine(String),
    /// The model to begin from.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Train(#[from] TrainError),
    /// A stop was asked for before anything was made.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// What an error is about: where a form shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    Images,
    Size,
    Network,
    Output,
    /// The output, at which a training lies that was stopped before its end: it can be continued.
    Unfinished,
    /// None of these.
    Work,
}

impl TrainingError {
    /// What it is about.
    pub fn subject(&self) -> Subject {
        match self {
            Self::TooFewImages { .. }
            | Self::Identical { .. }
            | Self::OtherImages { .. }
            | Self::Benchmark { .. }
            | Self::Mixed(_)
            | Self::List(_) => Subject::Images,
            Self::Shape(_) | Self::OtherShape { .. } | Self::TooManyPixels { .. } => Subject::Size,
            Self::TooLarge { .. } | Self::Train(_) => Subject::Network,
            Self::Unfinished { .. } => Subject::Unfinished,
            Self::OutputExists { .. } | Self::Busy { .. } | Self::Write { .. } => Subject::Output,
            Self::NothingToResume { .. }
            | Self::DamagedCheckpoint { .. }
            | Self::NotFinite { .. }
            | Self::Machine(_)
            | Self::Checkpoint(_)
            | Self::Interrupted(_) => Subject::Work,
        }
    }
}
