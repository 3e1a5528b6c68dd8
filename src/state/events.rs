//! What each event of the background threads does to the session.

use std::path::PathBuf;
use std::sync::Arc;

use super::actions::{Action, KeepAction};
use super::folders::ScanState;
use super::model::{ModelProblem, ModelState};
use super::outbox::Outgoing;
use super::preview::PreviewState;
use super::session::Session;
use super::shown::run::{Phase, RunState};
use super::training::TrainAction;
use crate::images::samples::SampleFolders;
use crate::worker::protocol::{
    DialogKind, Event, FolderListing, JobId, LibraryEvent, ModelSource, Progress, Severity,
};

impl Session {
    /// Take an event of the inference thread; events of jobs that are not current are dropped.
    pub fn apply(&mut self, event: Event) {
        let job = event.job();
        let shown = &mut self.shown;
        if shown.apply_scrub(&event) || shown.apply_trial(&event) || shown.apply_map(&event) {
            return;
        }
        let run = shown.run.as_ref();
        let is_of_run = run.is_some_and(|run| run.job == job && run.phase.is_active());
        if self.model.job() == Some(job) {
            self.apply_model(event);
        } else if self.fitting.job() == Some(job) {
            self.apply_fit(event);
        } else if is_of_run {
            self.apply_run(event);
        }
    }

    fn apply_model(&mut self, event: Event) {
        let ModelState::Opening {
            source, missing, ..
        } = &mut self.model
        else {
            return;
        };
        match event {
            Event::ModelOpened { info, .. } => {
                self.use_measure_for(info.geometry.side);
                self.remember_model(&info);
                self.model = ModelState::Ready(info);
                self.model_device = self.settings.run.execution.device;
                self.advance_resuming();
            }
            Event::Failed { job, message } => {
                let (source, missing) = (source.clone(), missing.take());
                self.model_failed(ModelProblem::new(job, source, &message, missing), &message);
            }
            Event::ModelIncomplete { missing: told, .. } => *missing = Some(told),
            Event::Cancelled { .. } => self.back_to_model_before(),
            Event::Notice { notice, .. } => self.notices.push(notice),
            Event::Progress { .. }
            | Event::Traced { .. }
            | Event::Mapped { .. }
            | Event::Fitted { .. }
            | Event::Saving { .. }
            | Event::Done { .. } => {}
        }
    }

    /// Use the model again that was open before, on its device: a wrong path must not cost it.
    fn back_to_model_before(&mut self) {
        let ModelState::Opening { before, .. } = std::mem::take(&mut self.model) else {
            return;
        };
        if let Some((info, device)) = before {
            self.settings.model = info.source.clone();
            self.settings.run.execution.device = device;
            self.model_device = device;
            self.model = ModelState::Ready(info);
        }
    }

    /// Say why a model can't be opened, in one place: at the question to resume that it was opened for, else beside the
    /// field for its path.
    fn model_failed(&mut self, problem: ModelProblem, message: &str) {
        self.back_to_model_before();
        if self.is_resuming() {
            self.refuse(&format!(
                "its model could not be opened: {message}. Where it has moved, open it under Model in the setup and \
                 continue the run after that"
            ));
        } else {
            self.model_problem = Some(problem);
        }
    }

    fn apply_run(&mut self, event: Event) {
        if let Event::Saving { news, .. } = event {
            self.apply_saving(news);
            return;
        }
        if let Event::Cancelled { progress, .. } = &event
            && self.has_left_worker(progress)
        {
            return;
        }
        let Some(run) = &mut self.shown.run else {
            return;
        };
        let keep = |run: &mut RunState, progress: Progress| run.progress = progress;
        let mut why_stopped = None;
        match event {
            Event::ModelOpened { .. }
            | Event::ModelIncomplete { .. }
            | Event::Traced { .. }
            | Event::Mapped { .. }
            | Event::Fitted { .. }
            | Event::Saving { .. } => {}
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
                why_stopped = Some(format!("The run stopped: {message}"));
                run.phase = Phase::Failed(message);
            }
        }
        let (has_results, is_active) = (run.absorb(), run.phase.is_active());
        if has_results {
            self.shown.mark_stale();
        }
        if !is_active {
            // The last numbers must not wait for the next tick.
            self.shown.analyze_at_once();
            self.is_gallery_stale = true;
            self.run_ended();
        }
        if let Some(why) = why_stopped {
            self.offer_to_go_on(why);
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
                let (settings, outbox) = (&self.settings.run, &mut self.outbox);
                let shown = &mut self.shown;
                if !shown.apply_trial_listing(job, &listing, settings, outbox) {
                    self.apply_listing(job, listing);
                }
            }
            LibraryEvent::Proposed { job, layout } => self.propose(job, *layout),
            LibraryEvent::Recognized { path, layout } => {
                self.recognized(&path, layout.map(|layout| *layout));
            }
            LibraryEvent::Thumbnail { .. } => {}
            LibraryEvent::Copied { name, outcome } => match outcome {
                Ok(()) => self
                    .notices
                    .say(Severity::Info, format!("{name} is in the clipboard")),
                Err(message) => self.notices.say(Severity::Error, message),
            },
            LibraryEvent::Exported {
                request, outcome, ..
            } => self.exported(&request, outcome),
            LibraryEvent::Preview { request, preview } => self.preview.answer(request, preview),
            LibraryEvent::Samples { job, folders } => self.apply_samples(job, folders),
            LibraryEvent::Assessed { job, assessment } => {
                self.shown.deciding.apply(job, assessment);
            }
            LibraryEvent::Converted { output, outcome } => self.model_converted(output, outcome),
            LibraryEvent::Found(finding) => self.about.coming.findings.push(finding),
            LibraryEvent::Diagnosed(report) => self.diagnosed(report),
            LibraryEvent::PlotsSaved { folder, outcome } => self.plots_saved(folder, outcome),
            LibraryEvent::DetectorSaved { path, outcome } => self.detector_saved(path, outcome),
            LibraryEvent::DetectorOpened {
                path,
                detector,
                written,
            } => {
                self.detector_written = written.filter(|_| detector.is_ok());
                self.detector_opened(path, detector);
            }
            LibraryEvent::FitOpened { detector } => self.fit_opened(detector),
            LibraryEvent::WeightsRead { path, weights } => self.weights_read(&path, weights),
            LibraryEvent::NetworkRead { path, weights } => self.network_read(&path, weights),
            LibraryEvent::WeightsChecked { weights, outcome } => {
                self.weights_checked(&weights, &outcome);
            }
            LibraryEvent::FitSaved { path, outcome } => self.fit_saved(path, outcome),
            LibraryEvent::MarksWritten { job, outcome } => self.marks_written(job, outcome),
            LibraryEvent::Comparing { job, num_images } => self.shown.comparing(job, num_images),
            LibraryEvent::Compared { job, similar } => self.shown.compared(job, similar),
            LibraryEvent::FilesCompared { job, warning } => self.files_compared(job, warning),
            LibraryEvent::Runs(event) => self.apply_runs(event),
            LibraryEvent::Chosen {
                job,
                kind,
                paths,
                was_shown,
            } => self.dialog_closed(job, kind, paths, was_shown),
        }
    }

    fn dialog_closed(
        &mut self,
        job: JobId,
        kind: DialogKind,
        paths: Vec<PathBuf>,
        was_shown: bool,
    ) {
        if self.dialog.take_if(|known| *known == job).is_none() {
            return;
        }
        if !was_shown {
            self.notices.say(
                Severity::Warning,
                "This desktop shows no file dialog. Type the path into the field instead, or drop \
                 the folder on the window.",
            );
        }
        if self.shown.dialog != Some(job) && is_of_run(kind) && !paths.is_empty() {
            self.notices.say(
                Severity::Warning,
                "Another run is shown by now, so nothing was written. Ask again to write this one.",
            );
            return;
        }
        self.apply_chosen(kind, paths);
    }

    fn scan_of(&mut self, wanted: JobId) -> Option<&mut ScanState> {
        self.folders
            .iter_mut()
            .map(|folder| &mut folder.scan)
            .find(|scan| matches!(scan, ScanState::Scanning { job, .. } if *job == wanted))
    }

    fn apply_listing(&mut self, job: JobId, listing: Result<Arc<FolderListing>, String>) {
        let folders = self.folders.iter();
        let path = folders.clone().find_map(|folder| match &folder.scan {
            ScanState::Scanning { job: known, .. } if *known == job => folder.path.clone(),
            _ => None,
        });
        let Some(scan) = self.scan_of(job) else {
            return;
        };
        match listing {
            Ok(listing) => {
                let notes = listing.notes.clone();
                *scan = ScanState::Ready(listing);
                for note in notes {
                    self.notices.say(Severity::Info, note);
                }
            }
            // It stands under the folder's name, which says where.
            Err(message) => {
                let end = path.map_or_else(String::new, |path| format!(": {}", path.display()));
                let message = message.strip_suffix(&end).unwrap_or(&message).to_owned();
                *scan = ScanState::Failed(message);
            }
        }
        self.is_plan_stale = true;
        self.follow_sources();
    }

    fn apply_samples(&mut self, job: JobId, folders: Result<SampleFolders, String>) {
        if self.samples_job.take_if(|known| *known == job).is_none() {
            return;
        }
        let waiting: Vec<usize> = (0..self.folders.len())
            .filter(|&index| matches!(self.folders[index].scan, ScanState::Waiting))
            .collect();
        match folders {
            Ok(folders) => self.samples = Some(folders),
            Err(message) => {
                let message = format!("The sample images could not be unpacked: {message}");
                for &index in &waiting {
                    self.folders[index].scan = ScanState::Failed(message.clone());
                }
                return;
            }
        }
        for index in waiting {
            if self.folders[index].sample.is_some() {
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
                DialogKind::Folders(role) => self.perform(Action::AddFolder(path, role)),
                DialogKind::TrainFolder => self.perform_train(TrainAction::From(path)),
                DialogKind::PlotFolder => self.save_plots(path),
                DialogKind::ExportFolder => self.export(path),
                DialogKind::OpenDetector | DialogKind::SaveDetector => {
                    self.chosen_detector(kind, path);
                }
                DialogKind::SaveFit => self.save_fit(path, true),
                DialogKind::Convert => self.convert_model(path),
                DialogKind::OpenRun => self.perform_keep(KeepAction::Open(path)),
                DialogKind::SaveRun => self.perform_keep(KeepAction::SaveAs(path)),
                DialogKind::Weights => self.read_weights(path),
                DialogKind::Network => self.read_network(path),
                DialogKind::MaskFile => {
                    if let Some(lmd) = self.settings.run.method.detector.lmd_mut() {
                        lmd.mask = crate::ood::MaskKind::File(path);
                    }
                }
            }
        }
    }

    /// The worker thread ended without an answer: what it worked on is lost, the session stays.
    pub fn worker_restarted(&mut self, reason: &str) {
        let mut is_cut_off = false;
        if let Some(run) = self.shown.run.as_mut().filter(|run| run.phase.is_active()) {
            run.phase = Phase::Failed(reason.to_owned());
            is_cut_off = true;
        }
        self.shown.worker_restarted();
        self.fit_failed(reason);
        if is_cut_off {
            self.run_ended();
            self.offer_to_go_on(reason.to_owned());
        } else {
            self.notices.say(Severity::Error, reason);
        }
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
        self.converting.is_active = false;
        self.shown.deciding.library_restarted();
        self.shown.likeness_restarted();
        self.runs_restarted();
        self.marks_restarted();
        self.preview = PreviewState::default();
        self.weights_restarted();
        for index in 0..self.folders.len() {
            if self.folders[index].is_pending() {
                self.scan_folder(index);
            }
        }
    }
}

/// Whether a dialog asks where to write something of the run that was shown when it opened.
fn is_of_run(kind: DialogKind) -> bool {
    match kind {
        DialogKind::ExportFolder
        | DialogKind::PlotFolder
        | DialogKind::SaveDetector
        | DialogKind::SaveRun => true,
        DialogKind::Model
        | DialogKind::TrainFolder
        | DialogKind::Folders(_)
        | DialogKind::MaskFile
        | DialogKind::Weights
        | DialogKind::Network
        | DialogKind::SaveFit
        | DialogKind::Convert
        | DialogKind::OpenDetector
        | DialogKind::OpenRun => false,
    }
}
