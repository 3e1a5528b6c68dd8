//! The same engine without a window: the subcommands of `lmd`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::engine::doctor::build::LONG_VERSION;
use crate::runs::file;

pub mod bench;
pub mod calibrate;
pub mod classify;
pub mod collect;
pub mod compare_detectors;
pub mod completions;
pub mod convert;
pub mod demo;
pub mod device;
pub mod devices;
pub mod doctor;
pub mod drive;
mod estimate;
pub mod execute;
pub mod export;
pub mod fit;
pub mod follow;
pub mod info;
pub mod layouts;
pub mod man;
pub mod marks;
pub mod memory;
pub mod merge;
pub mod named;
pub mod options;
pub mod output;
pub mod paper;
pub mod paths;
pub mod resume;
pub mod score;
pub mod shard;
pub mod signals;
pub mod similar;
pub mod stored;
pub mod terminal;
pub mod train;
pub mod verify;
mod watch;

/// Finds images that do not belong, by diffusion inpainting.
#[derive(Debug, Parser)]
#[command(
    name = "lmd",
    version,
    long_version = LONG_VERSION,
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
    /// Fit a detector on in-domain images and write it to a file that score and calibrate take.
    Fit(Box<fit::Args>),
    /// Set a threshold from in-domain images alone and write it to a detector file.
    Calibrate(Box<calibrate::Args>),
    /// Judge images with a detector file.
    Classify(classify::Args),
    /// Score images by several detectors and say which to use.
    CompareDetectors(Box<compare_detectors::Args>),
    /// Make the paper's tables again, from models of one's own.
    Paper(Box<paper::Args>),
    /// Take scores, pictures or a report out of a run file.
    Export(export::Args),
    /// Join run files of the same model and settings over different images.
    Merge(merge::Args),
    /// Print, change or export what was noted about the images of a run: tags, notes, corrected roles, reviewed.
    Marks(marks::Args),
    /// Say which images of a run look alike: those most like one of them, or near duplicates.
    Similar(similar::Args),
    /// Say what a model is.
    Info(info::Args),
    /// Write a model of any family as a folder that Python's diffusers opens.
    Convert(convert::Args),
    /// Compare a model's output with a reference.
    Verify(verify::Args),
    /// List what networks can run on here, and why something cannot be used.
    Devices(devices::Args),
    /// Look for what is wrong on this machine: facts for a bug report.
    Doctor(doctor::Args),
    /// Measure how fast this machine is.
    Bench(bench::Args),
    /// Train a model on images of one's own.
    Train(Box<train::Args>),
    /// Print what a shell needs to complete commands and options.
    Completions(completions::Args),
    /// Write a manual page for each command.
    Man(man::Args),
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
    /// 130 after SIGINT, 143 after SIGTERM, 129 after SIGHUP.
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
    conclude(carry_out(command))
}

fn carry_out(command: Subcommands) -> Result<Outcome, Failure> {
    let keeps_what_was_done = match &command {
        Subcommands::Score(_)
        | Subcommands::Train(_)
        | Subcommands::CompareDetectors(_)
        | Subcommands::Paper(_) => true,
        Subcommands::Calibrate(args) => args.run.is_none(),
        Subcommands::Classify(args) => args.run.is_none(),
        Subcommands::Fit(_)
        | Subcommands::Export(_)
        | Subcommands::Merge(_)
        | Subcommands::Marks(_)
        | Subcommands::Similar(_)
        | Subcommands::Info(_)
        | Subcommands::Convert(_)
        | Subcommands::Verify(_)
        | Subcommands::Devices(_)
        | Subcommands::Doctor(_)
        | Subcommands::Bench(_)
        | Subcommands::Completions(_)
        | Subcommands::Man(_) => false,
    };
    if keeps_what_was_done {
        // These run a network.
        memory::check_limit()?;
    } else {
        signals::end_at_once().map_err(Failure::failed)?;
    }
    match command {
        Subcommands::Score(args) => score::run(&args),
        Subcommands::Fit(args) => fit::run(&args),
        Subcommands::Calibrate(args) => calibrate::run(&args),
        Subcommands::Classify(args) => classify::run(&args),
        Subcommands::CompareDetectors(args) => compare_detectors::run(&args),
        Subcommands::Paper(args) => paper::run(&args),
        Subcommands::Export(args) => export::run(&args),
        Subcommands::Merge(args) => merge::run(&args),
        Subcommands::Marks(args) => marks::run(&args),
        Subcommands::Similar(args) => similar::run(&args),
        Subcommands::Info(args) => info::run(&args),
        Subcommands::Convert(args) => convert::run(&args),
        Subcommands::Verify(args) => verify::run(&args),
        Subcommands::Devices(args) => devices::run(&args),
        Subcommands::Doctor(args) => doctor::run(&args),
        Subcommands::Bench(args) => bench::run(&args),
        Subcommands::Train(args) => train::run(&args),
        Subcommands::Completions(args) => completions::run(&args),
        Subcommands::Man(args) => man::run(&args),
    }
}

/// Refuse a word that is neither a command nor a run file, before a window is opened for it.
pub fn check_run_file(path: &Path) -> Result<(), Failure> {
    if path.exists() {
        return file::check_header(path)
            .map(|_| ())
            .map_err(Failure::bad_request);
    }
    let word = path.display();
    let is_path = path.components().count() > 1 || path.extension().is_some();
    Err(Failure::bad_request(if is_path {
        anyhow::anyhow!("there is no such run file: {word}")
    } else if let Some(meant) = nearest_command(&path.to_string_lossy()) {
        anyhow::anyhow!("`{word}` is neither a command nor a file; did you mean `{meant}`?")
    } else {
        anyhow::anyhow!("`{word}` is neither a command nor a file; `lmd --help` lists the commands")
    }))
}

/// What is wrong with the first of the program's words, where its options make no sense behind it: more often than a file it
/// is a mistyped command.
pub fn mistyped_command(words: impl IntoIterator<Item = OsString>) -> Option<Failure> {
    let first = words.into_iter().nth(1)?;
    let cli = Cli::command();
    let mut commands = cli.get_subcommands().map(clap::Command::get_name);
    let is_meant = commands.any(|name| first == name) || first == "help";
    if is_meant || first.as_encoded_bytes().starts_with(b"-") {
        return None;
    }
    check_run_file(Path::new(&first)).err()
}

/// The command that a word was meant for, if there is one of nearly the same letters.
fn nearest_command(word: &str) -> Option<String> {
    let word = word.to_lowercase();
    let cli = Cli::command();
    let (distance, name) = cli
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .chain(["help".to_owned()])
        .map(|name| (edits(&word, &name), name))
        .min()?;
    (distance <= (name.len() / 3).max(1)).then_some(name)
}

/// Letters to change, add, take away or swap with the next one, to get from one word to the other.
fn edits(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=to.len()).collect()];
    for (i, &a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &b) in to.iter().enumerate() {
            let mut fewest = (rows[i][j] + usize::from(a != b))
                .min(rows[i][j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && a == to[j - 1] && from[i - 1] == b {
                fewest = fewest.min(rows[i - 1][j - 1] + 1);
            }
            row.push(fewest);
        }
        rows.push(row);
    }
    rows[from.len()][to.len()]
}

/// How to exit; a failure is told on standard error.
pub fn conclude(outcome: Result<Outcome, Failure>) -> Outcome {
    outcome.unwrap_or_else(|failure| {
        terminal::error(&failure.error);
        failure.outcome
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_fingers_is_told_from_another_word() {
        for (word, meant) in [
            ("scoer", Some("score")),
            ("Score", Some("score")),
            ("calibrat", Some("calibrate")),
            ("clasify", Some("classify")),
            ("inf", Some("info")),
            ("hlep", Some("help")),
            ("photos", None),
            ("", None),
        ] {
            assert_eq!(nearest_command(word).as_deref(), meant, "{word}");
        }
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "abc"), 3);
    }
}
