//! The session: everything the window shows and what the background threads still owe it.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use super::about::AboutState;
use super::comparing::Comparing;
use super::converting::ConvertingState;
use super::detector::OpenDetector;
use super::fitting::FittingState;
use super::folders::{Folder, FolderId, ScanState};
use super::layouts::Proposal;
use super::looking::Looking;
use super::model::{ModelProblem, ModelState, estimated_secs};
use super::notices::Notices;
use super::outbox::{Outbox, Outgoing};
use super::preview::PreviewState;
use super::ranking::RankingState;
use super::saving::Keeping;
use super::settings::{FolderChoice, FolderSource, Settings};
use super::shown::Shown;
use super::shown::run::RunState;
use super::training::TrainingState;
use super::twins::PlannedTwins;
use super::undo::History;
use super::weights::WeightsState;
use crate::detectors::measures;
use crate::images::samples::{Sample, SampleFolders};
use crate::ood::{MeasureId, Role};
use crate::worker::protocol::{
    Bundled, Command, Control, DeviceChoice, JobId, LibraryCommand, ModelInfo, ModelSource,
    RunImage, Severity, TypedSettings,
};

/// Everything the window shows.
#[derive(Debug)]
pub struct Session {
    /// What the user has chosen; kept from start to start.
    pub settings: Settings,
    pub model: ModelState,
    /// Why the model that was asked for last is not the one that is open.
    pub model_problem: Option<ModelProblem>,
    /// The folders, in the order in which they were added.
    pub folders: Vec<Folder>,
    /// The run under way or the last one, and all that goes with it.
    pub shown: Shown,
    /// The open detector file.
    pub detector: Option<OpenDetector>,
    /// When its file was written, where the system says.
    pub detector_written: Option<SystemTime>,
    /// Fits of detectors on in-domain images.
    pub fitting: FittingState,
    /// How things are looked at.
    pub looking: Looking,
    /// The mask preview.
    pub preview: PreviewState,
    /// Weights of distances that come from files.
    pub weights: WeightsState,
    /// What is known of runs on disk.
    pub keeping: Keeping,
    /// Runs side by side.
    pub comparing: Comparing,
    /// Writing the model in another form.
    pub converting: ConvertingState,
    /// What is known of this machine.
    pub about: AboutState,
    /// Detectors side by side.
    pub ranking: RankingState,
    /// New models.
    pub training: TrainingState,
    /// Messages to the user.
    pub notices: Notices,
    /// What can be taken back.
    pub history: History,
    /// Commands to send.
    pub outbox: Outbox,
    /// Paths dropped on the window that wait for the user to say what they are.
    pub dropped: Vec<PathBuf>,
    /// Data sets whose parts wait for the user to say what they are; asked about one after the other.
    pub(super) proposals: VecDeque<Proposal>,
    /// Folders that the user has said to take for images of one role, whatever they hold.
    pub(super) taken_whole: Vec<PathBuf>,
    /// The last tick of the clock.
    pub(super) now_secs: f64,
    pub(super) dialog: Option<JobId>,
    /// What the model that is open runs on.
    pub(super) model_device: DeviceChoice,
    /// Where the sample images lie, once they are unpacked.
    pub(super) samples: Option<SampleFolders>,
    pub(super) samples_job: Option<JobId>,
    /// Folders or their limit have changed.
    pub(super) is_plan_stale: bool,
    /// The gallery may have to show other images: those of another run, or the planned ones.
    pub(super) is_gallery_stale: bool,
    /// The run's own list where both are the same: comparing thousands of paths is not for each frame.
    pub(super) planned: Arc<[RunImage]>,
    /// What was left out of `planned`, and why, a sentence each.
    pub(super) left_out: Vec<String>,
    pub(super) planned_twins: PlannedTwins,
}

impl Session {
    /// A session that opens the model and lists the folders of `settings`.
    pub fn new(settings: Settings) -> Self {
        let mut session = Self {
            model: ModelState::None,
            model_problem: None,
            model_device: settings.run.execution.device,
            folders: Vec::new(),
            shown: Shown::default(),
            detector: None,
            detector_written: None,
            fitting: FittingState::default(),
            looking: Looking::default(),
            preview: PreviewState::default(),
            weights: WeightsState::default(),
            keeping: Keeping::default(),
            comparing: Comparing::default(),
            converting: ConvertingState::default(),
            about: AboutState::default(),
            ranking: RankingState::default(),
            training: TrainingState::default(),
            notices: Notices::default(),
            history: History::default(),
            outbox: Outbox::default(),
            now_secs: 0.0,
            dropped: Vec::new(),
            proposals: VecDeque::new(),
            taken_whole: Vec::new(),
            dialog: None,
            samples: None,
            samples_job: None,
            is_plan_stale: true,
            is_gallery_stale: false,
            planned: Arc::new([]),
            left_out: Vec::new(),
            planned_twins: PlannedTwins::default(),
            settings,
        };
        session.open_model(session.settings.model.clone());
        for choice in session.settings.folders.clone() {
            session.add_folder(choice);
        }
        session
    }

    /// Show another run, or none, in place of the one that is shown: all that belongs to that one goes with it.
    pub(super) fn show(&mut self, shown: Shown) {
        debug_assert!(!self.is_running(), "the worker still answers for this run");
        self.let_marks_go();
        self.keeping.pictures_changed |= self.shown.is_sealed() || shown.is_sealed();
        // A run that is being read would take the place of this one.
        self.keeping.opening = None;
        self.shown = shown;
        self.drop_hand_threshold();
        self.history.forget_run();
        // What is offered there was meant for the run before.
        self.notices.withdraw_offers();
        self.is_gallery_stale = true;
    }

    pub(super) fn open_model(&mut self, source: ModelSource) {
        self.open_model_with(source, None);
    }

    /// Open a model with settings that it does not say itself.
    pub(super) fn open_model_with(&mut self, source: ModelSource, settings: Option<TypedSettings>) {
        self.fit_failed("the model was closed before the fit was done; fit again");
        if let ModelSource::Bundled(bundled) = source {
            self.change_samples(bundled);
        }
        let before = match std::mem::take(&mut self.model) {
            ModelState::None => None,
            ModelState::Ready(info) => Some((info, self.model_device)),
            ModelState::Opening {
                control, before, ..
            } => {
                control.cancel();
                before
            }
        };
        let job = self.outbox.mint_job();
        let control = Control::default();
        self.settings.model = source.clone();
        self.model_problem = None;
        self.model = ModelState::Opening {
            job,
            source: source.clone(),
            missing: None,
            control: control.clone(),
            before,
        };
        self.outbox.push_back(Outgoing::Worker(Command::OpenModel {
            job,
            source,
            settings,
            device: self.settings.run.execution.device,
            control,
        }));
    }

    pub(super) fn add_folder(&mut self, choice: FolderChoice) {
        self.add_folder_asking(choice, false);
    }

    /// Add a folder; `may_ask` where the user has not been asked yet what is in it.
    pub(super) fn add_folder_asking(&mut self, choice: FolderChoice, may_ask: bool) {
        let is_known = self
            .folders
            .iter()
            .any(|folder| folder.role == choice.role && folder.source == choice.source);
        if is_known {
            return;
        }
        let folder_id = FolderId(self.outbox.mint());
        let (path, sample) = match &choice.source {
            FolderSource::Samples => (None, self.sample_for(choice.role)),
            FolderSource::Path(path) => (Some(path.clone()), None),
        };
        self.folders.push(Folder {
            folder_id,
            path,
            source: choice.source,
            role: choice.role,
            sample,
            may_ask,
            scan: ScanState::Waiting,
        });
        self.scan_folder(self.folders.len() - 1);
        self.remember_folders();
    }

    /// The sample images of a role: what the bundled model that was opened last knows, and what it does not.
    pub(super) fn sample_for(&self, role: Role) -> Option<Sample> {
        let bundled = self.settings.samples_of;
        match role {
            Role::InDomain => bundled.in_domain(),
            Role::OutOfDomain => bundled.out_of_domain(),
            Role::Unknown => None,
        }
    }

    /// Let the sample images be those of another bundled model, also where they are in the list already.
    fn change_samples(&mut self, bundled: Bundled) {
        if self.settings.samples_of == bundled {
            return;
        }
        self.settings.samples_of = bundled;
        let is_offered = [Role::InDomain, Role::OutOfDomain, Role::Unknown]
            .map(|role| (role, self.sample_for(role).is_some()));
        self.folders.retain(|folder| {
            folder.source != FolderSource::Samples || is_offered.contains(&(folder.role, true))
        });
        for index in 0..self.folders.len() {
            let sample = self.sample_for(self.folders[index].role);
            let folder = &mut self.folders[index];
            if folder.source == FolderSource::Samples {
                if let ScanState::Scanning { control, .. } = &folder.scan {
                    control.cancel();
                }
                (folder.path, folder.sample) = (None, sample);
                folder.scan = ScanState::Waiting;
                self.scan_folder(index);
            }
        }
        self.is_plan_stale = true;
    }

    /// Ask for the listing of a folder, or first for the samples to be unpacked.
    pub(super) fn scan_folder(&mut self, index: usize) {
        let folder = &self.folders[index];
        let (role, may_ask) = (folder.role, folder.may_ask);
        let samples = self.samples.as_ref().zip(folder.sample);
        let path = folder
            .path
            .clone()
            .or_else(|| samples.map(|(folders, sample)| folders.of(sample)));
        let Some(path) = path else {
            if self.samples_job.is_none() {
                let job = self.outbox.mint_job();
                self.samples_job = Some(job);
                self.outbox
                    .push_back(Outgoing::Library(LibraryCommand::Samples { job }));
            }
            return;
        };
        let job = self.outbox.mint_job();
        let control = Control::default();
        let folder = &mut self.folders[index];
        folder.path = Some(path.clone());
        folder.scan = ScanState::Scanning {
            job,
            control: control.clone(),
            num_images: 0,
        };
        self.outbox
            .push_back(Outgoing::Library(LibraryCommand::Scan {
                job,
                path,
                role,
                may_ask,
                control,
            }));
    }

    pub(super) fn remember_folders(&mut self) {
        self.settings.folders = self
            .folders
            .iter()
            .map(|folder| FolderChoice {
                source: folder.source.clone(),
                role: folder.role,
            })
            .collect();
        self.is_plan_stale = true;
    }

    /// What is known of the model, once it is open.
    pub fn model_info(&self) -> Option<&Arc<ModelInfo>> {
        self.model.info()
    }

    /// Whether the worker is busy with a run.
    pub fn is_running(&self) -> bool {
        self.shown.is_running()
    }

    /// Whether there are bundled samples of a role, by the bundled model that was opened last.
    pub fn offers_samples(&self, role: Role) -> bool {
        self.sample_for(role).is_some()
    }

    /// Whether the bundled samples of a role are in the list.
    pub fn has_samples(&self, role: Role) -> bool {
        self.folders
            .iter()
            .any(|folder| folder.role == role && folder.source == FolderSource::Samples)
    }

    /// Whether a file dialog is open.
    pub fn is_dialog_open(&self) -> bool {
        self.dialog.is_some()
    }

    /// What the pictures are called that attempts make, of the run that is shown or else of the next one; `None` where its
    /// detector makes none.
    pub fn result_word(&self) -> Option<&'static str> {
        let run = self.shown.run.as_ref();
        let settings = run.map_or(&self.settings.run, |run| &run.settings);
        settings.method.detector.result()
    }

    /// The measures that scores can be by, in the order in which they are shown.
    pub fn measures_to_choose(&self) -> Vec<MeasureId> {
        let run = self.shown.run.as_ref();
        if let Some(measured) = run.and_then(RunState::measured) {
            return measures::available(measured);
        }
        let side = self
            .model_info()
            .map_or(usize::MAX, |info| info.geometry.side);
        self.settings.run.method.detector.choices(side)
    }

    /// See that scores are by one of [`Self::measures_to_choose`]: the run that is shown may be by another detector than the next
    /// one.
    pub(super) fn view_what_is_shown(&mut self) {
        let choices = self.measures_to_choose();
        if let (false, Some(&usual)) = (
            choices.contains(&self.settings.run.view.measure),
            choices.first(),
        ) {
            self.settings.run.view.measure = usual;
        }
    }

    /// See that scores are by a measure of the detector that is chosen.
    pub(super) fn view_what_is_chosen(&mut self) {
        let side = self
            .model_info()
            .map_or(usize::MAX, |info| info.geometry.side);
        let run = &mut self.settings.run;
        let choices = run.method.detector.choices(side);
        if let (false, Some(&usual)) = (choices.contains(&run.view.measure), choices.first()) {
            run.view.measure = usual;
        }
    }

    /// Score by a measure that is defined for images of this many pixels per side, and say why.
    pub(super) fn use_measure_for(&mut self, side: usize) {
        let run = &self.settings.run;
        if let Some((measure, reason)) =
            measures::instead_of(&*run.method.detector, run.view.measure, side)
        {
            self.settings.run.view.measure = measure;
            self.notices.say(Severity::Info, format!("{reason}."));
        }
    }

    /// The images that the next run would score.
    pub fn planned(&self) -> &Arc<[RunImage]> {
        &self.planned
    }

    /// Seconds that the next run would take.
    pub fn estimated_secs(&self) -> Option<f64> {
        estimated_secs(self.model_info()?, &self.settings.run, self.planned.len())
    }

    /// Whether the settings were changed since the run that is shown, in a way that changes its numbers.
    pub fn is_run_outdated(&self) -> bool {
        let run = self.shown.run.as_ref();
        let Some(run) = run.filter(|run| run.kept.opened.is_none()) else {
            return false;
        };
        let is_same_list = Arc::ptr_eq(&run.images, &self.planned);
        self.settings.run.method != run.settings.method
            || self.settings.run.selection != run.settings.selection
            || (!run.phase.is_active() && !is_same_list)
    }
}

#[cfg(test)]
#[path = "session_testing.rs"]
pub(super) mod testing;

#[cfg(test)]
#[path = "session_tests.rs"]
pub(super) mod tests;

#[cfg(test)]
#[path = "bundled_tests.rs"]
mod bundled_tests;

#[cfg(test)]
#[path = "keeping_tests.rs"]
mod keeping_tests;
#[cfg(test)]
#[path = "resuming_tests.rs"]
mod resuming_tests;

#[cfg(test)]
#[path = "renaming_tests.rs"]
mod renaming_tests;

#[cfg(test)]
#[path = "shown_tests.rs"]
mod shown_tests;

#[cfg(test)]
#[path = "layouts_tests.rs"]
mod layouts_tests;

#[cfg(test)]
#[path = "marks_tests.rs"]
mod marks_tests;
