//! The same engine without a window: the subcommands of `lmd`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub mod bench;
pub mod calibrate;
pub mod classify;
pub mod collect;
pub mod demo;
pub mod drive;
pub mod execute;
pub mod export;
pub mod follow;
pub mod info;
pub mod merge;
pub mod options;
pub mod output;
pub mod paths;
pub mod resume;
pub mod score;
pub mod shard;
pub mod signals;
pub mod stored;
pub mod terminal;
pub mod verify;

/// Finds images that do not belong, by diffusion inpainting.
#[derive(Debug, Parser)]
#[command(
    name = "lmd",
    version,
    about,
    max_term_width = 100,
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    /// A run file to show in the window.
    #[arg(value_name = "FILE.lmdrun")]
    pub run: Option<PathBuf>,
    /// What to do; without it, the window opens.
    #[command(subcommand)]
    pub command: Option<Subcommands>,
}

/// What `lmd` does without a window.
#[derive(Debug, Subcommand)]
pub enum Subcommands {
    /// Score folders of images and write a report.
    Score(Box<score::Args>),
    /// Set a threshold from in-domain images alone and write it to a detector file.
    Calibrate(Box<calibrate::Args>),
    /// Judge images with a detector file.
    Classify(classify::Args),
    /// Take scores, pictures or a report out of a run file.
    Export(export::Args),
    /// Join run files of the same model and settings over different images.
    Merge(merge::Args),
    /// Say what a model is.
    Info(info::Args),
    /// Compare a model's output with a reference.
    Verify(verify::Args),
    /// Measure how fast this machine is.
    Bench(bench::Args),
}

/// How a command ended, as the process's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// 0: done.
    Done,
    /// 1: failed while working, a mismatch, or out-of-domain images where `--fail-on-ood` forbids them.
    Failed,
    /// 2: a bad request, found before work.
    BadRequest,
    /// 130 after SIGINT, 143 after SIGTERM.
    Interrupted(u8),
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Done => 0,
            Outcome::Failed => 1,
            Outcome::BadRequest => 2,
            Outcome::Interrupted(code) => code,
        })
    }
}

/// A command's failure: the sentence and how to exit.
#[derive(Debug)]
pub struct Failure {
    /// How to exit.
    pub outcome: Outcome,
    /// What went wrong and what to do.
    pub error: anyhow::Error,
}

impl Failure {
    /// Found before work.
    pub fn bad_request(error: impl Into<anyhow::Error>) -> Self {
        Self {
            outcome: Outcome::BadRequest,
            error: error.into(),
        }
    }

    /// Happened while working.
    pub fn failed(error: impl Into<anyhow::Error>) -> Self {
        Self {
            outcome: Outcome::Failed,
            error: error.into(),
        }
    }
}

/// Run a subcommand to its end; failures are told on standard error.
pub fn run(command: Subcommands) -> Outcome {
    conclude(match command {
        Subcommands::Score(args) => score::run(&args),
        Subcommands::Calibrate(args) => calibrate::run(&args),
        Subcommands::Classify(args) => classify::run(&args),
        Subcommands::Export(args) => export::run(&args),
        Subcommands::Merge(args) => merge::run(&args),
        Subcommands::Info(args) => info::run(&args),
        Subcommands::Verify(args) => verify::run(&args),
        Subcommands::Bench(args) => bench::run(&args),
    })
}

/// How to exit; a failure is told on standard error.
pub fn conclude(outcome: Result<Outcome, Failure>) -> Outcome {
    outcome.unwrap_or_else(|failure| {
        terminal::message(&format!("error: {:#}", failure.error));
        failure.outcome
    })
}
