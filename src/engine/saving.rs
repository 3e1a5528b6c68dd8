//! Keeping a run on disk while it runs: it is written where it is scored, so that nobody who watches waits for a disk.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::observer::{Notice, Observer, Progress, SavingNews, Severity};
use super::request::{NewFile, RunRequest, SaveRequest};
use super::resuming::{self, Refusal};
use super::score::ScoreError;
use super::{Answer, Control, Engine, ModelInfo};
use crate::detectors::lmd::masks::MasksError;
use crate::diffusion::Interrupted;
use crate::runs::file::{self, FileError, Manifest, ModelRecord, NewRun, RunWriter, Segment};
use crate::runs::{AttemptResult, RunSettings, run_library};

/// How long another part of this program may look at a file that is to be written.
const SHORT_USE: Duration = Duration::from_secs(2);

/// Why a run can't be kept.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the folder of recent runs can't be made: {source}: {}", path.display())]
    Folder {
        /// What the system said.
        source: std::io::Error,
        path: PathBuf,
    },
    /// The mask's file.
    #[error(transparent)]
    Masks(#[from] MasksError),
    /// It is not the same run any more.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// The file of one run.
pub(super) struct Recorder<'a> {
    pub request: &'a RunRequest,
    pub control: &'a Control,
}

impl Recorder<'_> {
    /// Open the file that the request asks for. A run that must not be continued in its file is refused; one whose file can't
    /// be written waits for what the user says.
    pub fn begin(&self, engine: &Engine, observer: &mut dyn Observer) -> Result<(), ScoreError> {
        let Some(asked) = &self.request.saving else {
            return Ok(());
        };
        // A thread that died at work on the run has left it open.
        self.request.results.close_file().ok();
        loop {
            let opened = match asked {
                SaveRequest::Begin(new) => {
                    self.create(new, &engine.info).map(|writer| (writer, None))
                }
                SaveRequest::GoOn(path) => self.go_on(path, &engine.info),
                SaveRequest::GoOnInCopy { from, folder } => copied(from, folder, &engine.info)
                    .and_then(|path| self.go_on(&path, &engine.info)),
            };
            match opened {
                Ok((writer, note)) => {
                    let path = writer.path().to_owned();
                    self.request.results.attach_file(writer);
                    if let Some(message) = note {
                        notice(observer, Severity::Info, message);
                    }
                    observer.saving(SavingNews::Began(path));
                    return Ok(());
                }
                Err(SaveError::Refused(refusal)) => return Err(refusal.into()),
                // What is wrong with the mask is said where the run is planned.
                Err(SaveError::Masks(_)) => return Ok(()),
                Err(error) => {
                    if self.ask(observer, error.to_string())? == Answer::GoOnUnsaved {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn create(&self, new: &NewFile, info: &ModelInfo) -> Result<RunWriter, SaveError> {
        let path = free_path(&new.folder, info)?;
        let (settings, num_images) = (&self.request.settings, self.request.images.len());
        let manifest = manifest(settings, num_images, new, info);
        let luma = resuming::mask_luma(&self.request.settings, info)?;
        let images: Vec<_> = self.request.images.iter().cloned().zip(0..).collect();
        let mut writer = file::create(&path, &manifest, &images, &luma, false)?;
        writer.begin_segment(&self.request.device(&info.device))?;
        self.catch_up(&mut writer, &[])?;
        Ok(writer)
    }

    /// Open the file of a run that was begun earlier; returns what is to be said about the machine.
    fn go_on(
        &self,
        path: &Path,
        info: &ModelInfo,
    ) -> Result<(RunWriter, Option<String>), SaveError> {
        // Only read at first: a run that is refused stays as it is, to the byte.
        let found = patiently(|| file::read(path))?;
        resuming::check(&found, self.request, info)?;
        drop(found); // Its pictures make room for those that come now.
        let (mut writer, stored) = patiently(|| file::resume(path))?;
        resuming::check(&stored, self.request, info)?;
        for sentence in &stored.damage {
            writer.add_notice(&format!(
                "damaged, attempts that are missing are made again: {sentence}"
            ))?;
        }
        let earlier: Vec<Segment> = stored
            .segments
            .iter()
            .map(|(_, segment)| segment.clone())
            .collect();
        let note = resuming::kernels_note(
            &earlier,
            &Segment::now(&self.request.device(&info.device)),
            path,
        )?;
        writer.begin_segment(&self.request.device(&info.device))?;
        if let Some(note) = &note {
            writer.add_notice(note)?;
        }
        self.catch_up(&mut writer, &stored.results)?;
        Ok((writer, note))
    }

    /// Put into the file what the log holds and the file does not.
    fn catch_up(&self, writer: &mut RunWriter, stored: &[AttemptResult]) -> Result<(), FileError> {
        let known: std::collections::HashSet<(usize, usize)> = stored
            .iter()
            .map(|result| (result.image, result.attempt))
            .collect();
        let missing: Vec<AttemptResult> = (self.request.results.since(0).iter())
            .filter(|result| !known.contains(&(result.image, result.attempt)))
            .map(|result| AttemptResult::clone(result))
            .collect();
        missing
            .chunks(64)
            .try_for_each(|batch| writer.append(batch, 0.0))
    }

    /// Commit a finished batch, then show it. A headless run ends where that fails; one with a window waits for what
    /// the user says.
    pub fn commit(
        &self,
        batch: Vec<AttemptResult>,
        attempt_seconds: f64,
        observer: &mut dyn Observer,
    ) -> Result<(), ScoreError> {
        let results = &self.request.results;
        loop {
            let saved = results.with_writer(|writer| writer.append(&batch, attempt_seconds));
            let Err(error) = saved.transpose() else { break };
            if self.request.saving.is_none() {
                return Err(error.into());
            }
            if self.ask(observer, error.to_string())? == Answer::GoOnUnsaved {
                // What was committed is in the log beside the file, whether or not it can be folded in now.
                results.close_file().ok();
                break;
            }
        }
        results.extend(batch);
        Ok(())
    }

    /// Close the file in order, so that it stands alone.
    pub fn end(&self, progress: &Progress, observer: &mut dyn Observer) {
        if self.request.saving.is_none() {
            return;
        }
        let results = &self.request.results;
        let file = results.with_writer(|writer| writer.path().to_owned());
        let closed = results
            .with_writer(|writer| writer.end_segment(progress.network_calls, progress.network_secs))
            .transpose()
            .and_then(|_| results.close_file());
        if let Err(error) = closed {
            let message = format!("what was done is kept, but {error}");
            notice(observer, Severity::Warning, message);
        }
        let is_new = matches!(self.request.saving, Some(SaveRequest::Begin(_)));
        if let Some(path) = file
            && is_new
            && results.since(0).is_empty()
        {
            // A run without any result is no loss; one that can't be removed shows in the list.
            std::fs::remove_file(path).ok();
        }
    }

    fn ask(&self, observer: &mut dyn Observer, message: String) -> Result<Answer, Interrupted> {
        self.control.forget_answer();
        observer.saving(SavingNews::Stuck(message));
        let answer = self.control.wait_for_answer()?;
        if answer == Answer::GoOnUnsaved {
            observer.saving(SavingNews::GivenUp);
        }
        Ok(answer)
    }
}

fn notice(observer: &mut dyn Observer, severity: Severity, message: String) {
    observer.notice(Notice {
        severity,
        message,
        path: None,
    });
}

/// The manifest of a run that is to be kept by itself.
pub fn manifest(
    settings: &RunSettings,
    num_images: usize,
    new: &NewFile,
    info: &ModelInfo,
) -> Manifest {
    let run = NewRun {
        model: ModelRecord {
            source: ModelRecord::source_text(&info.source),
            name: info.name.clone(),
            family: info.family.clone(),
            identity: info.identity.clone(),
            num_train_timesteps: info.num_train_timesteps,
            geometry: info.geometry,
        },
        settings,
        measures: (settings.method.detector).measures(info.geometry.side, settings.view.measure),
        folders: &new.folders,
        shard: None,
        keep_pictures: new.keep_pictures,
        num_skipped: new.num_skipped,
        has_report_beside: false,
    };
    Manifest::new(run, num_images)
}

fn free_path(folder: &Path, info: &ModelInfo) -> Result<PathBuf, SaveError> {
    run_library::prepare(folder).map_err(|source| SaveError::Folder {
        source,
        path: folder.to_owned(),
    })?;
    Ok(run_library::free_path(folder, &info.name))
}

fn copied(from: &Path, folder: &Path, info: &ModelInfo) -> Result<PathBuf, SaveError> {
    let path = free_path(folder, info)?;
    file::copy(from, &path)?;
    Ok(path)
}

/// Open a file that a listing of this program may be looking at for a moment.
pub(super) fn patiently<T>(mut open: impl FnMut() -> Result<T, FileError>) -> Result<T, FileError> {
    let start = std::time::Instant::now();
    loop {
        match open() {
            Err(FileError::Busy { .. }) if start.elapsed() < SHORT_USE => {
                std::thread::sleep(Duration::from_millis(20));
            }
            outcome => return outcome,
        }
    }
}
