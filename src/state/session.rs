//! The session: everything the window shows and what the background threads still owe it.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use super::analysis::Analysis;
use super::deciding::Deciding;
use super::folders::{Folder, FolderId, ScanState, is_table, planned_images};
use super::gallery::Gallery;
use super::looking::Looking;
use super::model::{ModelState, estimated_secs};
use super::notices::Notices;
use super::preview::PreviewState;
use super::run::{Phase, RunState};
use super::settings::{FolderChoice, FolderSource, Settings};
use crate::ood::Role;
use crate::worker::protocol::{
    Command, Control, DialogKind, Event, JobId, LibraryCommand, LibraryEvent, Lift, ModelInfo,
    ModelSource, PreviewRequest, Progress, RunImage, Severity,
};

/// Seconds between two computations of figures and plots while results stream in.
const ANALYSIS_INTERVAL_SECS: f64 = 0.1;

/// Seconds that one image stays in view while the newest result is followed: faster can't be looked at.
const FOLLOW_INTERVAL_SECS: f64 = 0.7;

/// A command that waits to be sent.
#[derive(Clone, Debug)]
pub enum Outgoing {
    /// To the inference thread.
    Worker(Command),
    /// To the file-reading thread.
    Library(LibraryCommand),
    /// To the platform: show a file dialog and answer with [`LibraryEvent::Chosen`].
    Dialog(JobId, DialogKind),
}

/// Everything the window shows.
#[derive(Debug)]
pub struct Session {
    /// What the user has chosen; kept from start to start.
    pub settings: Settings,
    /// The model.
    pub model: ModelState,
    /// The folders, in the order in which they were added.
    pub folders: Vec<Folder>,
    /// The run under way or the last one.
    pub run: Option<RunState>,
    /// What its scores say.
    pub analysis: Option<Arc<Analysis>>,
    /// The threshold and the figures around it.
    pub deciding: Deciding,
    /// The images to look at.
    pub gallery: Gallery,
    /// How things are looked at.
    pub looking: Looking,
    /// The mask preview.
    pub preview: PreviewState,
    /// Messages to the user.
    pub notices: Notices,
    /// Commands to send, first come first served.
    pub outbox: VecDeque<Outgoing>,
    /// Paths dropped on the window that wait for the user to say what they are.
    pub dropped: Vec<PathBuf>,
    /// The attempt that the user picked of the selected image; `None` is the median.
    pub selected_attempt: Option<usize>,
    pub(super) dialog: Option<JobId>,
    pub(super) samples: Vec<(Role, PathBuf)>,
    pub(super) samples_job: Option<JobId>,
    pub(super) is_plan_stale: bool,
    pub(super) is_order_stale: bool,
    pub(super) is_analysis_stale: bool,
    planned: Arc<[RunImage]>,
    followed: Option<usize>,
    analyzed_at_secs: f64,
    followed_at_secs: f64,
    next_id: u64,
}

impl Session {
    /// A session that opens the model and lists the folders of `settings`.
    pub fn new(settings: Settings) -> Self {
        let mut session = Self {
            model: ModelState::None,
            folders: Vec::new(),
            run: None,
            analysis: None,
            deciding: Deciding::default(),
            gallery: Gallery::default(),
            looking: Looking::default(),
            preview: PreviewState::default(),
            notices: Notices::default(),
            outbox: VecDeque::new(),
            dropped: Vec::new(),
            selected_attempt: None,
            dialog: None,
            samples: Vec::new(),
            samples_job: None,
            is_plan_stale: true,
            is_order_stale: true,
            is_analysis_stale: false,
            planned: Arc::new([]),
            followed: None,
            analyzed_at_secs: f64::NEG_INFINITY,
            followed_at_secs: f64::NEG_INFINITY,
            next_id: 0,
            settings,
        };
        session.open_model(session.settings.model.clone());
        for choice in session.settings.folders.clone() {
            session.add_folder(choice);
        }
        session
    }

    pub(super) fn mint(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn mint_job(&mut self) -> JobId {
        JobId(self.mint())
    }

    pub(super) fn open_model(&mut self, source: ModelSource) {
        if let ModelState::Opening { control, .. } = &self.model {
            control.cancel();
        }
        let job = self.mint_job();
        let control = Control::default();
        self.settings.model = source.clone();
        self.model = ModelState::Opening {
            job,
            source: source.clone(),
            control: control.clone(),
        };
        self.outbox.push_back(Outgoing::Worker(Command::OpenModel {
            job,
            source,
            device: self.settings.run.device,
            control,
        }));
    }

    pub(super) fn add_folder(&mut self, choice: FolderChoice) {
        let is_known = self
            .folders
            .iter()
            .any(|folder| folder.role == choice.role && folder.source == choice.source);
        if is_known {
            return;
        }
        let folder_id = FolderId(self.mint());
        self.folders.push(Folder {
            folder_id,
            path: match &choice.source {
                FolderSource::Samples => None,
                FolderSource::Path(path) => Some(path.clone()),
            },
            source: choice.source,
            role: choice.role,
            scan: ScanState::Waiting,
        });
        self.scan_folder(self.folders.len() - 1);
        self.remember_folders();
    }

    /// Ask for the listing of a folder, or first for the samples to be unpacked.
    fn scan_folder(&mut self, index: usize) {
        let folder = &self.folders[index];
        let role = folder.role;
        let sample = self.samples.iter().find(|(known, _)| *known == role);
        let path = folder
            .path
            .clone()
            .or_else(|| sample.map(|(_, path)| path.clone()));
        let Some(path) = path else {
            if self.samples_job.is_none() {
                let job = self.mint_job();
                self.samples_job = Some(job);
                self.outbox
                    .push_back(Outgoing::Library(LibraryCommand::Samples { job }));
            }
            return;
        };
        let job = self.mint_job();
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

    /// Take an event of the inference thread; events of jobs that are not current are dropped.
    pub fn apply(&mut self, event: Event) {
        let job = event.job();
        if self.apply_scrub(&event) || self.apply_trial(&event) {
            return;
        }
        if self.model.job() == Some(job) {
            self.apply_model(event);
        } else if self
            .run
            .as_ref()
            .is_some_and(|run| run.job == job && run.phase.is_active())
        {
            self.apply_run(event);
        }
    }

    fn apply_model(&mut self, event: Event) {
        let ModelState::Opening { source, .. } = &self.model else {
            return;
        };
        match event {
            Event::ModelOpened { info, .. } => {
                self.model = ModelState::Ready(info);
            }
            Event::Failed { message, .. } => {
                self.notices.push(crate::worker::protocol::Notice {
                    severity: Severity::Error,
                    message: format!("The model could not be opened: {message}"),
                    path: match source {
                        ModelSource::Bundled => None,
                        ModelSource::Path(path) => Some(path.clone()),
                    },
                });
                self.model = ModelState::Failed {
                    source: source.clone(),
                    message,
                };
            }
            Event::Cancelled { .. } => self.model = ModelState::None,
            Event::Notice { notice, .. } => self.notices.push(notice),
            Event::Progress { .. } | Event::Traced { .. } | Event::Done { .. } => {}
        }
    }

    fn apply_run(&mut self, event: Event) {
        let Some(run) = &mut self.run else {
            return;
        };
        let keep = |run: &mut RunState, progress: Progress| run.progress = progress;
        match event {
            Event::ModelOpened { .. } | Event::Traced { .. } => {}
            Event::Progress { progress, .. } => keep(run, progress),
            Event::Notice { notice, .. } => self.notices.push(notice),
            Event::Done { progress, .. } => {
                keep(run, progress);
                run.phase = Phase::Done;
            }
            Event::Cancelled { progress, .. } => {
                keep(run, progress);
                run.phase = Phase::Cancelled;
            }
            Event::Failed { message, .. } => {
                self.notices
                    .say(Severity::Error, format!("The run stopped: {message}"));
                run.phase = Phase::Failed(message);
            }
        }
        if run.absorb() {
            self.is_analysis_stale = true;
            self.deciding.mark_stale();
        }
        if !run.phase.is_active() {
            // The last numbers must not wait for the next tick.
            self.analyzed_at_secs = f64::NEG_INFINITY;
            self.is_analysis_stale = true;
            self.is_plan_stale = true;
        }
    }

    /// Take an event of the file-reading thread. Thumbnails are for the window's textures, not for the session.
    pub fn apply_library(&mut self, event: LibraryEvent) {
        match event {
            LibraryEvent::Scanning { job, num_images } => {
                if let Some(ScanState::Scanning {
                    num_images: shown, ..
                }) = self.scan_of(job)
                {
                    *shown = num_images;
                }
            }
            LibraryEvent::Scanned { job, listing } => {
                if !self.apply_trial_listing(job, &listing) {
                    self.apply_listing(job, listing);
                }
            }
            LibraryEvent::Thumbnail { .. } => {}
            LibraryEvent::Exported {
                job,
                request,
                outcome,
            } => self.exported(job, &request, outcome),
            LibraryEvent::Preview { request, preview } => self.preview.answer(request, preview),
            LibraryEvent::Samples { job, folders } => self.apply_samples(job, folders),
            LibraryEvent::Assessed { job, assessment } => self.deciding.apply(job, assessment),
            LibraryEvent::DetectorSaved { path, outcome } => self.detector_saved(path, outcome),
            LibraryEvent::DetectorOpened { path, detector } => self.detector_opened(path, detector),
            LibraryEvent::Chosen {
                job,
                kind,
                paths,
                was_shown,
            } => {
                if self.dialog == Some(job) {
                    self.dialog = None;
                    if !was_shown {
                        self.notices.say(
                            Severity::Warning,
                            "This desktop shows no file dialog. Type the path into the field instead, or drop \
                             the folder on the window.",
                        );
                    }
                    self.apply_chosen(kind, paths);
                }
            }
        }
    }

    fn scan_of(&mut self, wanted: JobId) -> Option<&mut ScanState> {
        self.folders
            .iter_mut()
            .map(|folder| &mut folder.scan)
            .find(|scan| matches!(scan, ScanState::Scanning { job, .. } if *job == wanted))
    }

    fn apply_listing(
        &mut self,
        job: JobId,
        listing: Result<Arc<crate::worker::protocol::FolderListing>, String>,
    ) {
        let Some(scan) = self.scan_of(job) else {
            return;
        };
        match listing {
            Ok(listing) => {
                // A table of labels stands for a folder of each role, of which it may name none.
                let is_empty = listing.files.is_empty() && !is_table(&listing.path);
                let path = listing.path.clone();
                *scan = ScanState::Ready(listing);
                if is_empty {
                    self.notices.push(crate::worker::protocol::Notice {
                        severity: Severity::Warning,
                        message: "There is no readable image in this folder".to_owned(),
                        path: Some(path),
                    });
                }
            }
            Err(message) => {
                *scan = ScanState::Failed(message.clone());
                self.notices.say(Severity::Error, message);
            }
        }
        self.is_plan_stale = true;
    }

    fn apply_samples(&mut self, job: JobId, folders: Result<Vec<(Role, PathBuf)>, String>) {
        if self.samples_job.take_if(|known| *known == job).is_none() {
            return;
        }
        let waiting: Vec<usize> = (0..self.folders.len())
            .filter(|&index| matches!(self.folders[index].scan, ScanState::Waiting))
            .collect();
        match folders {
            Ok(folders) => self.samples = folders,
            Err(message) => {
                self.notices.say(
                    Severity::Error,
                    format!("The sample images could not be unpacked: {message}"),
                );
                for &index in &waiting {
                    self.folders[index].scan = ScanState::Failed(message.clone());
                }
                return;
            }
        }
        for index in waiting {
            let role = self.folders[index].role;
            if self.samples.iter().any(|(known, _)| *known == role) {
                self.scan_folder(index);
            } else {
                self.folders[index].scan =
                    ScanState::Failed("There are no samples for this role".to_owned());
            }
        }
    }

    fn apply_chosen(&mut self, kind: DialogKind, paths: Vec<PathBuf>) {
        for path in paths {
            match kind {
                DialogKind::Model => self.open_model(ModelSource::Path(path)),
                DialogKind::Folders(role) => self.add_folder(FolderChoice {
                    source: FolderSource::Path(path),
                    role,
                }),
                DialogKind::ExportFolder => self.export(path),
                DialogKind::OpenDetector | DialogKind::SaveDetector => {
                    self.chosen_detector(kind, path);
                }
                DialogKind::MaskFile => {
                    self.settings.run.mask = crate::ood::MaskKind::File(path);
                }
            }
        }
    }

    /// The worker thread ended without an answer: what it worked on is lost, the session stays.
    pub fn worker_restarted(&mut self, reason: &str) {
        self.notices.say(Severity::Error, reason);
        if let Some(run) = self.run.as_mut().filter(|run| run.phase.is_active()) {
            run.phase = Phase::Failed(reason.to_owned());
        }
        self.looking.scrub = None;
        self.looking.trial = None;
        self.outbox
            .retain(|waiting| !matches!(waiting, Outgoing::Worker(_)));
        self.open_model(self.settings.model.clone());
    }

    /// The file-reading thread ended: ask again for all that it still owed.
    pub fn library_restarted(&mut self, reason: &str) {
        self.notices.say(Severity::Error, reason);
        self.outbox
            .retain(|waiting| !matches!(waiting, Outgoing::Library(_)));
        self.samples_job = None;
        self.looking.exporting = None;
        self.deciding.library_restarted();
        self.preview = PreviewState::default();
        for index in 0..self.folders.len() {
            if self.folders[index].is_pending() {
                self.scan_folder(index);
            }
        }
    }

    /// Bring everything that is derived up to date; call once a frame before drawing.
    ///
    /// `now_secs` is any clock that only moves forward. Returns after how many seconds another call is needed.
    pub fn tick(&mut self, now_secs: f64) -> Option<f64> {
        let (distance, aggregate) = (self.settings.run.distance, self.settings.run.aggregate);
        if let Some(run) = &mut self.run
            && run.choose(distance, aggregate)
        {
            self.analyze_at_once();
            self.drop_hand_threshold();
        }
        if self.is_plan_stale {
            self.is_plan_stale = false;
            self.refill();
        }
        let wait = self.analyze(now_secs);
        self.find_confounds();
        let wait_for_figures = self.decide(now_secs);
        if self.is_order_stale {
            self.is_order_stale = false;
            self.gallery
                .arrange(self.settings.gallery, self.run.as_ref(), self.threshold());
        }
        self.follow(now_secs);
        self.preview.want(self.preview_request());
        if let Some(request) = self.preview.next_request() {
            self.outbox
                .push_back(Outgoing::Library(LibraryCommand::Preview(request)));
        }
        match (wait, wait_for_figures) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Put the images of a run under way, or those that the next run would score, into the gallery.
    fn refill(&mut self) {
        self.planned = planned_images(&self.folders, self.settings.run.limit).into();
        let images = match &self.run {
            Some(run) if run.phase.is_active() || *run.images == *self.planned => {
                Arc::clone(&run.images)
            }
            _ => Arc::clone(&self.planned),
        };
        self.gallery.fill(images, self.run.as_ref());
        self.is_order_stale = true;
    }

    fn analyze(&mut self, now_secs: f64) -> Option<f64> {
        let run = self.run.as_ref().filter(|_| self.is_analysis_stale)?;
        let due_in = self.analyzed_at_secs + ANALYSIS_INTERVAL_SECS - now_secs;
        if due_in > 0.0 {
            return Some(due_in);
        }
        self.is_analysis_stale = false;
        self.analyzed_at_secs = now_secs;
        self.analysis = Some(Arc::new(Analysis::of(run, self.foreign_yardstick())));
        let view = self.settings.gallery;
        self.is_order_stale |=
            view.order != super::gallery::GalleryOrder::Natural || view.outcome.is_some();
        None
    }

    /// The analysis must not wait for its next turn.
    pub(super) fn analyze_at_once(&mut self) {
        self.is_analysis_stale = true;
        self.analyzed_at_secs = f64::NEG_INFINITY;
    }

    /// The threshold in use.
    pub fn threshold(&self) -> Option<f64> {
        self.deciding
            .decision
            .as_ref()?
            .threshold
            .as_ref()
            .ok()
            .copied()
    }

    fn follow(&mut self, now_secs: f64) {
        let Some((run_id, _)) = self.run.as_ref().and_then(RunState::latest) else {
            self.followed = None;
            return;
        };
        if self.followed.is_none() || now_secs - self.followed_at_secs >= FOLLOW_INTERVAL_SECS {
            self.followed = self.gallery.image_of_run_id(run_id);
            self.followed_at_secs = now_secs;
        }
    }

    fn preview_request(&self) -> Option<PreviewRequest> {
        let info = self.model_info()?;
        let settings = &self.settings.run;
        let num_attempts = PreviewState::num_attempts(settings);
        if matches!(settings.lift, Lift::Denoise { .. }) {
            return None;
        }
        // While a run is followed the sample must not change with every result.
        let looked_at = match &self.run {
            None => self.shown_image(),
            Some(_) => self.gallery.selected(),
        };
        let sample = looked_at
            .and_then(|index| self.gallery.images().get(index))
            .or_else(|| self.planned.first());
        Some(PreviewRequest {
            path: sample.map(|image| image.file.path.clone()),
            geometry: info.geometry,
            fit: settings.fit,
            mask: settings.mask.clone(),
            grid: settings.grid,
            attempt: self.preview.attempt.min(num_attempts.saturating_sub(1)),
            seed: settings.seed,
        })
    }

    /// What is known of the model, once it is open.
    pub fn model_info(&self) -> Option<&Arc<ModelInfo>> {
        self.model.info()
    }

    /// Whether the worker is busy with a run.
    pub fn is_running(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.phase.is_active())
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

    /// The images that the next run would score.
    pub fn planned(&self) -> &Arc<[RunImage]> {
        &self.planned
    }

    /// Seconds that the next run would take.
    pub fn estimated_secs(&self) -> Option<f64> {
        estimated_secs(self.model_info()?, &self.settings.run, self.planned.len())
    }

    /// The image to look at, an index into the gallery's images: the selected one, else the newest result, else
    /// the first one.
    pub fn shown_image(&self) -> Option<usize> {
        let first = || self.gallery.order().first().copied();
        self.gallery.selected().or(self.followed).or_else(first)
    }

    /// Whether the settings were changed since the run that is shown, in a way that changes its numbers.
    pub fn is_run_outdated(&self) -> bool {
        let Some(run) = &self.run else { return false };
        let mut settings = self.settings.run.clone();
        // These three are applied without a new run, or do not change a number.
        settings.distance = run.settings.distance;
        settings.aggregate = run.settings.aggregate;
        settings.batch = run.settings.batch;
        settings != run.settings || (!run.phase.is_active() && *run.images != *self.planned)
    }
}

#[cfg(test)]
#[path = "session_testing.rs"]
pub(super) mod testing;

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
