//! What the file-reading thread is asked about run files, and what it answers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::protocol::JobId;
use crate::engine::comparing::{ComparedRun, compare};
use crate::engine::copying::{SaveSource, rename, save_as};
use crate::engine::formats::{Written, write_format};
use crate::engine::opened::OpenedRun;
use crate::engine::ranking::{Candidate, NotRun, Ranked};
use crate::engine::resuming::{ChangedFile, changed_files};
use crate::runs::RunImage;
use crate::runs::formats::Format;
use crate::runs::run_library::{self, RunLibrary};

/// What can be asked about run files.
#[derive(Clone, Debug)]
pub enum RunsCommand {
    /// Make room in the folder of recent runs, and look at what is in it.
    List {
        folder: PathBuf,
        /// What all runs may take together, in bytes.
        most_bytes: u64,
        /// Runs that must stay.
        kept: Vec<PathBuf>,
    },
    /// Remove all runs of the folder.
    Clear {
        folder: PathBuf,
        /// Runs that must stay.
        kept: Vec<PathBuf>,
    },
    /// Remove one run of the folder.
    Remove { folder: PathBuf, path: PathBuf },
    /// Read a run; no path in it is touched.
    Open {
        /// Echoed in the reply.
        job: JobId,
        path: PathBuf,
    },
    /// Compare image files with what they were when their run began.
    Check {
        /// Echoed in the reply.
        job: JobId,
        /// The run's images.
        images: Arc<[RunImage]>,
    },
    /// Read the scores of the finished ones of some runs.
    Compare {
        /// Echoed in the reply.
        job: JobId,
        /// The run files.
        paths: Vec<PathBuf>,
        /// Confidence of the intervals, in (0, 1).
        level: f64,
    },
    /// Rank finished runs of several detectors.
    Rank {
        /// Echoed in the reply.
        job: JobId,
        /// The detectors with their run files.
        runs: Vec<(Candidate, PathBuf)>,
        /// What has no run, to be told with the others.
        not_run: Vec<NotRun>,
        /// At which detectors are held against each other, in (0, 1).
        false_alarm_rate: f64,
    },
    /// Write a run in a format.
    Write {
        /// The run file.
        run: PathBuf,
        /// Where to; it is made where it is missing.
        folder: PathBuf,
        format: &'static Format,
    },
    /// Give a run file another name.
    Rename {
        /// Echoed in the reply.
        job: JobId,
        path: PathBuf,
        /// As it was typed.
        name: String,
    },
    /// Copy a run to a file.
    SaveAs {
        /// Echoed in the reply.
        job: JobId,
        source: Arc<SaveSource>,
        path: PathBuf,
    },
}

/// Answers about run files.
#[derive(Clone, Debug)]
pub enum RunsEvent {
    /// What is in the folder of recent runs.
    Listed {
        library: Arc<RunLibrary>,
        /// What went wrong while room was made, or while it was cleared.
        problem: Option<String>,
    },
    /// A run was read, or why not.
    Opened {
        /// See [`RunsCommand::Open`].
        job: JobId,
        path: PathBuf,
        run: Result<Arc<OpenedRun>, String>,
    },
    /// The image files were compared.
    Checked {
        /// See [`RunsCommand::Check`].
        job: JobId,
        /// Those that are not what they were.
        changed: Arc<[ChangedFile]>,
    },
    /// The finished runs.
    Compared {
        /// See [`RunsCommand::Compare`].
        job: JobId,
        /// In the order asked for.
        runs: Vec<Arc<ComparedRun>>,
    },
    /// Runs of several detectors were ranked.
    Ranked {
        /// See [`RunsCommand::Rank`].
        job: JobId,
        ranked: Arc<Ranked>,
    },
    /// A run was written in a format, or why not.
    Written {
        /// What was written, or the reason.
        outcome: Result<Written, String>,
    },
    /// A run file has another name, or why not.
    Renamed {
        /// See [`RunsCommand::Rename`].
        job: JobId,
        /// Its path before.
        path: PathBuf,
        /// Its path now, or the reason.
        outcome: Result<PathBuf, String>,
    },
    /// A run was copied, or why not.
    SavedAs {
        /// See [`RunsCommand::SaveAs`].
        job: JobId,
        path: PathBuf,
        /// Nothing, or the reason.
        outcome: Result<(), String>,
    },
}

/// Do what was asked for; may take long.
pub fn answer(command: RunsCommand) -> RunsEvent {
    match command {
        RunsCommand::List {
            folder,
            most_bytes,
            kept,
        } => {
            let made = run_library::make_room(&folder, most_bytes, &kept);
            listed(&folder, made.err())
        }
        RunsCommand::Clear { folder, kept } => {
            let cleared = run_library::clear(&folder, &kept);
            listed(&folder, cleared.err())
        }
        RunsCommand::Remove { folder, path } => {
            let removed = run_library::remove_one(&folder, &path);
            listed(&folder, removed.err())
        }
        RunsCommand::Open { job, path } => {
            let run = OpenedRun::read(&path)
                .map(Arc::new)
                .map_err(|error| error.to_string());
            RunsEvent::Opened { job, path, run }
        }
        RunsCommand::Check { job, images } => RunsEvent::Checked {
            job,
            changed: changed_files(&images).into(),
        },
        RunsCommand::Compare { job, paths, level } => RunsEvent::Compared {
            job,
            runs: compare(&paths, level),
        },
        RunsCommand::Rank {
            job,
            runs,
            not_run,
            false_alarm_rate,
        } => RunsEvent::Ranked {
            job,
            ranked: Arc::new(Ranked::of_runs(&runs, not_run, false_alarm_rate)),
        },
        RunsCommand::Write {
            run,
            folder,
            format,
        } => RunsEvent::Written {
            outcome: write_format(&run, &folder, format).map_err(|error| error.to_string()),
        },
        RunsCommand::Rename { job, path, name } => {
            let outcome = rename(&path, &name).map_err(|error| error.to_string());
            RunsEvent::Renamed { job, path, outcome }
        }
        RunsCommand::SaveAs { job, source, path } => {
            let outcome = save_as(&source, &path).map_err(|error| error.to_string());
            RunsEvent::SavedAs { job, path, outcome }
        }
    }
}

fn listed(folder: &Path, problem: Option<std::io::Error>) -> RunsEvent {
    RunsEvent::Listed {
        library: Arc::new(run_library::list(folder)),
        problem: problem
            .map(|error| format!("Runs could not be removed ({error}): {}", folder.display())),
    }
}
