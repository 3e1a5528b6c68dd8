//! What the file-reading thread does with run files: list, clear, open, check, copy.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::protocol::{AttemptResult, JobId, ResultLog, RunImage};
use crate::engine::comparing::{ComparedRun, compare};
use crate::engine::resuming::{ChangedFile, changed_files};
use crate::engine::saving::patiently;
use crate::images::write::is_same_file;
use crate::networks::checkpoints::ModelSource;
use crate::ood::{MaskKind, Role};
use crate::runs::RunSettings;
use crate::runs::file::{self, FileError, LEFT_OUT, Manifest, Stretch};
use crate::runs::report::path_from_text;
use crate::runs::shelf::{self, Shelf};

/// What can be asked about run files.
#[derive(Clone, Debug)]
pub enum RunsCommand {
    /// Make room in the folder of recent runs, and look at what is in it.
    List {
        /// The folder.
        folder: PathBuf,
        /// What all runs may take together, in bytes.
        most_bytes: u64,
        /// Runs that must stay.
        kept: Vec<PathBuf>,
    },
    /// Remove all runs of the folder.
    Clear {
        /// The folder.
        folder: PathBuf,
        /// Runs that must stay.
        kept: Vec<PathBuf>,
    },
    /// Read a run; no path in it is touched.
    Open {
        /// Echoed in the reply.
        job: JobId,
        /// The file.
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
    /// Copy a run to a file.
    SaveAs {
        /// Echoed in the reply.
        job: JobId,
        /// The run.
        source: Arc<SaveSource>,
        /// The copy.
        path: PathBuf,
    },
}

/// A run to copy.
#[derive(Debug)]
pub struct SaveSource {
    /// Its file, where it has one.
    pub file: Option<PathBuf>,
    /// Its results, which may be going into that file now.
    pub log: Arc<ResultLog>,
    /// What a new file would say; for a run without a file.
    pub manifest: Manifest,
    /// Its images.
    pub images: Arc<[RunImage]>,
}

/// Answers about run files.
#[derive(Clone, Debug)]
pub enum RunsEvent {
    /// What is in the folder of recent runs.
    Listed {
        /// The runs.
        shelf: Arc<Shelf>,
        /// What went wrong while room was made, or while it was cleared.
        problem: Option<String>,
    },
    /// A run was read, or why not.
    Opened {
        /// See [`RunsCommand::Open`].
        job: JobId,
        /// The file.
        path: PathBuf,
        /// The run.
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
    /// A run was copied, or why not.
    SavedAs {
        /// See [`RunsCommand::SaveAs`].
        job: JobId,
        /// The copy.
        path: PathBuf,
        /// Nothing, or the reason.
        outcome: Result<(), String>,
    },
}

/// A run as it was read from its file.
#[derive(Debug)]
pub struct OpenedRun {
    /// The file.
    pub path: PathBuf,
    /// What it was made of.
    pub manifest: Manifest,
    /// The images; their files may be anything by now, or never have been on this machine.
    pub images: Arc<[RunImage]>,
    /// The attempts.
    pub log: Arc<ResultLog>,
    /// How many there are.
    pub num_results: usize,
    /// Images that could not be read while it ran.
    pub num_left_out: usize,
    /// The stretches of work.
    pub stretches: Vec<Stretch>,
    /// What does not match its checksum and was left out, a sentence each.
    pub damage: Vec<String>,
}

impl OpenedRun {
    /// Read a run file.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let stored = patiently(|| file::read(path))?;
        let log = ResultLog::default();
        let start = path_from_text(&stored.manifest.working_folder);
        let images = stored.images.iter().map(|image| placed(image, &start));
        let images: Arc<[RunImage]> = images.collect();
        let num_results = stored.results.len();
        log.extend(stored.results);
        let left_out = stored
            .notices
            .iter()
            .filter(|note| note.starts_with(LEFT_OUT));
        Ok(Self {
            path: stored.path,
            images,
            num_left_out: left_out.count(),
            log: Arc::new(log),
            num_results,
            stretches: stored
                .stretches
                .into_iter()
                .map(|(_, stretch)| stretch)
                .collect(),
            damage: stored.damage,
            manifest: stored.manifest,
        })
    }

    /// Whether every attempt is there of every image that could be read.
    pub fn is_finished(&self) -> bool {
        file::is_finished(
            self.num_results,
            self.images.len(),
            self.num_left_out,
            self.manifest.settings().num_attempts,
        )
    }

    fn place(&self, path: &Path) -> PathBuf {
        path_from_text(&self.manifest.working_folder).join(path)
    }

    /// The run's settings; the mask image where it was.
    pub fn settings(&self) -> RunSettings {
        let mut settings = self.manifest.settings();
        if let MaskKind::File(path) = &mut settings.mask {
            *path = self.place(path);
        }
        settings
    }

    /// Where the model was.
    pub fn model_source(&self) -> ModelSource {
        match self.manifest.model.source() {
            ModelSource::Bundled => ModelSource::Bundled,
            ModelSource::Path(path) => ModelSource::Path(self.place(&path)),
        }
    }

    /// Where the folders were, with their roles.
    pub fn folders(&self) -> Vec<(Role, PathBuf)> {
        let folders = self.manifest.folders.iter();
        folders
            .map(|record| (record.role, self.place(&path_from_text(&record.path))))
            .collect()
    }

    /// The paths that going on with the run reads: model, mask image and folders.
    pub fn paths(&self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        if let ModelSource::Path(path) = self.model_source() {
            paths.push(path);
        }
        if let MaskKind::File(path) = self.settings().mask {
            paths.push(path);
        }
        let mut folders: Vec<&PathBuf> = self.images.iter().map(|image| &*image.folder).collect();
        folders.dedup();
        for folder in folders {
            if !paths.contains(folder) {
                paths.push(folder.clone());
            }
        }
        paths
    }
}

/// An image of a run whose relative paths begin in `start`; nothing is looked up.
fn placed(image: &RunImage, start: &Path) -> RunImage {
    if image.file.path.is_absolute() {
        return image.clone();
    }
    let mut file = (*image.file).clone();
    file.path = start.join(&file.path);
    RunImage {
        file: Arc::new(file),
        role: image.role,
        folder: Arc::new(start.join(&*image.folder)),
    }
}

/// Do what was asked for; may take long.
pub fn answer(command: RunsCommand) -> RunsEvent {
    match command {
        RunsCommand::List {
            folder,
            most_bytes,
            kept,
        } => {
            let made = shelf::make_room(&folder, most_bytes, &kept);
            listed(&folder, made.err())
        }
        RunsCommand::Clear { folder, kept } => {
            let cleared = shelf::clear(&folder, &kept);
            listed(&folder, cleared.err())
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
        RunsCommand::SaveAs { job, source, path } => {
            let outcome = save_as(&source, &path).map_err(|error| error.to_string());
            RunsEvent::SavedAs { job, path, outcome }
        }
    }
}

fn listed(folder: &Path, problem: Option<std::io::Error>) -> RunsEvent {
    RunsEvent::Listed {
        shelf: Arc::new(shelf::list(folder)),
        problem: problem
            .map(|error| format!("Runs could not be removed ({error}): {}", folder.display())),
    }
}

fn save_as(source: &SaveSource, to: &Path) -> Result<(), FileError> {
    let from_writer = source.log.with_writer(|writer| {
        let is_same = |file: &PathBuf| is_same_file(file, to);
        if source.file.as_ref().is_some_and(is_same) {
            Ok(())
        } else {
            writer.copy_to(to)
        }
    });
    match (from_writer, &source.file) {
        (Some(outcome), _) => outcome,
        (None, Some(file)) if is_same_file(file, to) => Ok(()),
        (None, Some(file)) => patiently(|| file::copy(file, to)),
        (None, None) => write_anew(source, to),
    }
}

/// Write a run that was kept in memory only.
fn write_anew(source: &SaveSource, to: &Path) -> Result<(), FileError> {
    let images: Vec<(RunImage, usize)> = source.images.iter().cloned().zip(0..).collect();
    let results = source.log.since(0);
    let luma = match source.manifest.settings().mask {
        MaskKind::File(_) => luma_of(&results),
        _ => Vec::new(),
    };
    let mut writer = file::create(to, &source.manifest, &images, &luma, true)?;
    for batch in results.chunks(64) {
        let batch: Vec<_> = batch.iter().map(|result| (**result).clone()).collect();
        writer.append(&batch, 0.0)?;
    }
    writer.finish()
}

/// A mask image that gives the same masks as the one of the run did.
fn luma_of(results: &[Arc<AttemptResult>]) -> Vec<u8> {
    let mask = results.iter().find_map(|result| result.known_mask.as_ref());
    mask.map_or_else(Vec::new, |mask| {
        let values = mask.known().iter();
        values.map(|&known| if known { 255 } else { 0 }).collect()
    })
}
