//! How the window keeps runs on disk: where, which pictures, how much, and what comes of it.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::actions::{Action, UiCommand};
use super::folders::ScanState;
use super::outbox::Outgoing;
use super::session::Session;
use super::shown::run::{Phase, RunState};
use crate::engine::resuming::ChangedFile;
use crate::images::places;
use crate::ood::Role;
use crate::runs::file::{KeepPictures, num_missing};
use crate::runs::run_library::RunLibrary;
use crate::worker::protocol::{
    Answer, JobId, LibraryCommand, NewFile, Notice, OpenedRun, RunsCommand, SaveRequest,
    SavingNews, Severity,
};

/// Largest limit of the folder, in MB.
pub const MOST_MEGABYTES: u32 = 1_000_000;

/// Whether and how runs are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SavingSettings {
    /// Whether each run is written to the folder of recent runs.
    pub is_on: bool,
    /// Which reconstructions are kept.
    pub keep_pictures: KeepPictures,
    /// What all recent runs may take together, in MB.
    pub most_megabytes: u32,
}

impl Default for SavingSettings {
    fn default() -> Self {
        Self {
            is_on: true,
            keep_pictures: KeepPictures::All,
            most_megabytes: 2000,
        }
    }
}

impl SavingSettings {
    /// The limit in bytes.
    pub fn most_bytes(self) -> u64 {
        u64::from(self.most_megabytes) * 1_000_000
    }
}

/// What is known of runs on disk.
#[derive(Debug, Default)]
pub struct Keeping {
    /// The folder of recent runs; `None` keeps nothing.
    pub folder: Option<PathBuf>,
    /// What was in it when it was last looked at.
    pub library: Option<Arc<RunLibrary>>,
    /// Whether the list of recent runs is open.
    pub is_list_open: bool,
    /// Pictures that were shown for paths may be others now.
    pub pictures_changed: bool,
    /// The run that is read now.
    pub opening: Option<(JobId, PathBuf)>,
    /// The run that is to be continued once it is read.
    pub(super) resumed: Option<PathBuf>,
    /// The run that was at work when the window was closed last.
    pub(super) interrupted: Option<PathBuf>,
    pub(super) is_first_listing_done: bool,
}

/// What the user is asked before something is done.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// Remove all recent runs?
    Clear,
    /// Remove this one?
    Remove(PathBuf),
    /// Go on with an unfinished run, which reads these paths?
    GoOn(Vec<PathBuf>),
    /// Use model, folders and settings of a run, which reads these paths?
    UseAgain(Vec<PathBuf>),
    /// Go on although these files are not what they were?
    GoOnWithout(Arc<[ChangedFile]>),
}

/// How one run is kept.
#[derive(Debug, Default)]
pub struct Kept {
    pub file: Option<PathBuf>,
    /// The name that the file gets when the run has ended; of a run without a file, the name it goes by.
    pub name: Option<String>,
    /// Why the last write failed, while the worker waits for what to do about it.
    pub stuck: Option<String>,
    /// What was read from a file.
    pub opened: Option<Arc<OpenedRun>>,
    /// Whether the paths of the opened run may not be read.
    pub is_sealed: bool,
    /// What its file says or would say.
    pub new_file: Option<NewFile>,
}

impl Session {
    /// Where a new run is to be kept.
    pub(super) fn save_request(&self) -> Option<SaveRequest> {
        let saving = self.settings.saving;
        saving
            .is_on
            .then(|| self.new_file())
            .flatten()
            .map(SaveRequest::Begin)
    }

    fn new_file(&self) -> Option<NewFile> {
        Some(NewFile {
            folder: self.keeping.folder.clone()?,
            ..self.new_file_record()
        })
    }

    /// What a file of a run that begins now says, wherever it is.
    pub(super) fn new_file_record(&self) -> NewFile {
        let ready = |scan: &ScanState| match scan {
            ScanState::Ready(listing) => listing.unreadable.len(),
            _ => 0,
        };
        NewFile {
            folder: PathBuf::new(),
            folders: self.named_folders(),
            keep_pictures: self.settings.saving.keep_pictures,
            num_skipped: self.folders.iter().map(|f| ready(&f.scan)).sum(),
        }
    }

    fn named_folders(&self) -> Vec<(Role, PathBuf)> {
        let named = self.folders.iter();
        named
            .filter_map(|folder| Some((folder.role, folder.path.clone()?)))
            .collect()
    }

    /// Bytes that the next run would take on disk; `None` where it is not kept.
    pub fn expected_bytes(&self) -> Option<u64> {
        let info = self.model_info()?;
        self.keeping.folder.as_ref()?;
        let saving = self.settings.saving;
        let num_pictures = self.settings.run.method.detector.num_results();
        let num_images = self.planned().len();
        saving.is_on.then(|| {
            saving
                .keep_pictures
                .expected_bytes(info.geometry, num_images, num_pictures)
        })
    }

    /// Take news of how the keeping of the run goes.
    pub(super) fn apply_saving(&mut self, news: SavingNews) {
        let Some(run) = &mut self.shown.run else {
            return;
        };
        match news {
            SavingNews::Began(path) => {
                run.kept.stuck = None;
                run.kept.file = Some(path.clone());
                self.settings.running = Some(path);
            }
            SavingNews::Stuck(message) => {
                run.kept.stuck = Some(message.clone());
                run.phase = Phase::Paused;
                self.notices.offer(
                    Notice {
                        severity: Severity::Error,
                        message: format!("The run waits: {message}"),
                        path: None,
                    },
                    vec![
                        Action::Do(UiCommand::TryAgain),
                        Action::Do(UiCommand::GoOnUnsaved),
                    ],
                );
            }
            SavingNews::GivenUp => {
                run.kept.stuck = None;
                self.settings.running = None;
                self.notices.say(
                    Severity::Warning,
                    "The run continues without its file. What was written so far is kept, the rest can be saved by \
                     \"Save as…\" at the end.",
                );
                run.kept.file = None;
            }
        }
    }

    /// Tell the worker what to do about a write that failed.
    pub(super) fn answer_stuck(&mut self, answer: Answer) {
        let Some(run) = &mut self.shown.run else {
            return;
        };
        if run.kept.stuck.take().is_none() || !run.phase.is_active() {
            return;
        }
        run.phase = Phase::Running;
        run.control.set_paused(false);
        run.control.answer(answer);
        self.notices.withdraw_offers();
    }

    /// The run has ended: its file is closed, and others may have to go.
    pub(super) fn run_ended(&mut self) {
        self.settings.running = None;
        if let Some(run) = &mut self.shown.run {
            run.has_just_ended = true;
            run.kept.stuck = None;
        }
        self.notices.withdraw_offers();
        self.name_ended_run();
        self.list_runs();
    }

    /// Look at the folder of recent runs, and make room in it.
    pub(super) fn list_runs(&mut self) {
        let Some(folder) = self.keeping.folder.clone() else {
            return;
        };
        let command = RunsCommand::List {
            folder,
            most_bytes: self.settings.saving.most_bytes(),
            kept: self.kept_files(),
        };
        self.send_runs(command);
    }

    pub(super) fn kept_files(&self) -> Vec<PathBuf> {
        let run = self.shown.run.as_ref();
        let shown = run.and_then(|run| run.kept.file.clone());
        let opened = self.shown.opened().map(|opened| opened.path.clone());
        let interrupted = self.keeping.interrupted.clone();
        let compared = self.ranking.files().cloned();
        (shown.into_iter().chain(opened))
            .chain(interrupted)
            .chain(compared)
            .collect()
    }

    pub(super) fn send_runs(&mut self, command: RunsCommand) {
        self.outbox
            .push_back(Outgoing::Library(LibraryCommand::Runs(command)));
    }

    /// Keep runs in this folder; what is there is listed.
    pub fn keep_runs_in(&mut self, folder: Option<PathBuf>) {
        self.keeping.folder = folder;
        self.keeping.interrupted = self.settings.running.take();
        self.list_runs();
    }

    /// The folder of recent runs of this user; `None` where the platform names no place for it.
    pub fn default_runs_folder() -> Option<PathBuf> {
        places::data().map(|folder| folder.join("runs"))
    }
}

impl RunState {
    /// Whether it was read from a file whose paths may not be touched.
    pub fn is_sealed(&self) -> bool {
        self.kept.is_sealed
    }

    /// Whether attempts are missing that could be made.
    pub fn is_unfinished(&self) -> bool {
        let num_missing = num_missing(
            self.num_results(),
            self.images.len(),
            self.progress.images_skipped,
            self.settings.method.detector.num_attempts(),
        );
        matches!(self.phase, Phase::Cancelled | Phase::Failed(_)) && num_missing > 0
    }
}
