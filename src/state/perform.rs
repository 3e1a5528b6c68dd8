//! What each action does to the session.

use std::sync::Arc;

use super::actions::{Action, Overlay, UiCommand};
use super::arrangement::GalleryView;
use super::folders::{Folder, FolderId, ScanState};
use super::looking::ZOOM_STEP;
use super::model::ModelState;
use super::notices::Cause;
use super::outbox::Outgoing;
use super::panels::Center;
use super::saving::Question;
use super::session::Session;
use super::settings::{FolderChoice, FolderSource};
use super::shown::Shown;
use super::shown::run::{Phase, RunState};
use crate::detectors::DetectorSpec;
use crate::images::duplicates::TwoRoles;
use crate::ood::Role;
use crate::runs::fit_file::{fits_of, unfitted};
use crate::runs::{MarkChange, ResultLog, RunSettings};
use crate::worker::protocol::{
    Answer, Command, DialogKind, ModelSource, RunRequest, Severity, TypedSettings,
};

/// Further than any gallery goes, and small enough to be added to a place in it.
const FAR: isize = isize::MAX / 2;

impl Session {
    /// Do what the user asked for, without a way back.
    pub(super) fn perform_for_good(&mut self, action: Action) {
        match action {
            Action::Do(command) => self.perform_command(command),
            Action::OpenModel(source) => self.choose_model(source, None),
            Action::CompleteModel(json) => self.complete_model(json),
            Action::AddFolder(path, role) => self.add_path(path, role),
            Action::BrowseFolders(role) => self.open_dialog(DialogKind::Folders(role)),
            Action::AddSamples(role) => self.add_folder(FolderChoice {
                source: FolderSource::Samples,
                role,
            }),
            Action::RemoveFolder(folder_id) => self.remove_folder(folder_id),
            Action::SetRun(settings) => self.change_settings(*settings),
            Action::ReadWeights(path) => self.read_weights(path),
            Action::ReadNetwork(path) => self.read_network(path),
            Action::ForgetHalf => self.weights.forget_half(),
            Action::PreviewAttempt(attempt) => self.preview.attempt = attempt,
            Action::SelectImage(image) => self.shown.select(Some(image)),
            Action::SelectAttempt(attempt) => self.shown.selected_attempt = attempt,
            Action::SetGallery(view) => self.set_gallery(view),
            Action::Look(look) => self.perform_look(look),
            Action::Annotate(contents, change) => self.mark_images(&contents, &change),
            Action::Keep(keep) => self.perform_keep(keep),
            Action::Train(train) => self.perform_train(train),
            Action::SetDecision { settings, .. } => self.change_decision(*settings),
            Action::OpenDetector(path) => self.open_detector(path),
            Action::SaveDetector(path) => self.save_detector(path),
            Action::SetFit(form) => self.change_fit(form),
            Action::SetRanking(form) => self.ranking.form = form,
            Action::SaveFit(path) => self.save_fit(path, false),
            Action::ConvertModel(path) => self.convert_model(path),
            Action::SetNumbers(numbers) => self.converting.numbers = numbers,
            Action::SavePlots(folder) => self.save_plots(folder),
            Action::SetPanels(panels) => self.settings.panels = panels,
            Action::SetTheme(theme) => self.settings.theme = theme,
            Action::Dropped(paths) => self.take_dropped(paths),
            Action::UseDropped(role) => self.use_dropped(role),
            Action::Layout(answer) => self.perform_layout(answer),
            Action::DismissNotice(id) => self.notices.dismiss(id),
        }
    }

    #[expect(clippy::too_many_lines, reason = "one line for each command")]
    fn perform_command(&mut self, command: UiCommand) {
        let zoom = self.settings.zoom_percent;
        match command {
            UiCommand::Run => self.start_run(),
            UiCommand::Pause | UiCommand::Resume => self.set_paused(command == UiCommand::Pause),
            UiCommand::Cancel => self.cancel_run(),
            UiCommand::NextImage => self.step_image(1),
            UiCommand::PreviousImage => self.step_image(-1),
            UiCommand::NextStep => self.step_presentation(1),
            UiCommand::PreviousStep => self.step_presentation(-1),
            UiCommand::Close => self.close(),
            UiCommand::BrowseModel => self.open_dialog(DialogKind::Model),
            UiCommand::ToggleModel => self.toggle(Overlay::Model),
            UiCommand::ToggleTrain => self.toggle_training(),
            UiCommand::BrowseTrain => self.open_dialog(DialogKind::TrainFolder),
            UiCommand::StartTraining => self.start_training(false),
            UiCommand::ContinueTraining => self.start_training(true),
            UiCommand::PauseTraining => self.pause_training(true),
            UiCommand::ResumeTraining => self.pause_training(false),
            UiCommand::StopTraining => self.stop_training(),
            UiCommand::UseTrained => self.use_trained(),
            UiCommand::TrainAnother => self.leave_training(),
            UiCommand::BrowseMask => self.open_dialog(DialogKind::MaskFile),
            UiCommand::BrowseWeights => self.open_dialog(DialogKind::Weights),
            UiCommand::BrowseNetwork => self.open_dialog(DialogKind::Network),
            UiCommand::Undo => self.undo(),
            UiCommand::Redo => self.redo(),
            UiCommand::ResetThreshold => self.reset_threshold(),
            UiCommand::OnlyUnknown => self.keep_unknown_only(),
            UiCommand::BrowseDetector => self.open_dialog(DialogKind::OpenDetector),
            UiCommand::BrowseSaveDetector => self.open_dialog(DialogKind::SaveDetector),
            UiCommand::FitDetector | UiCommand::FitAgain => self.start_fit(),
            UiCommand::CancelFit => self.cancel_fit(),
            UiCommand::BrowseSaveFit => self.open_dialog(DialogKind::SaveFit),
            UiCommand::BrowseConvert => self.open_dialog(DialogKind::Convert),
            UiCommand::BrowsePlots => self.open_dialog(DialogKind::PlotFolder),
            UiCommand::DismissAllNotices => self.notices.dismiss_all(),
            UiCommand::Fit => self.looking.view = self.looking.view.fitted(),
            UiCommand::ActualSize => self.looking.view = self.looking.view.actual_size(),
            UiCommand::NextAttempt => self.shown.step_attempt(1),
            UiCommand::PreviousAttempt => self.shown.step_attempt(-1),
            UiCommand::RowDown => self.step_rows(1),
            UiCommand::RowUp => self.step_rows(-1),
            UiCommand::ScreenDown => self.step_screens(1),
            UiCommand::ScreenUp => self.step_screens(-1),
            UiCommand::FirstImage => self.shown.step(-FAR),
            UiCommand::LastImage => self.shown.step(FAR),
            UiCommand::ShowAll => self.show_all(),
            UiCommand::StartScrub => self.start_scrub(),
            UiCommand::MarkAll => self.shown.gallery.mark_all(),
            UiCommand::MarkNone => self.shown.gallery.mark_none(),
            UiCommand::ToggleReviewed => {
                self.mark_shown(|marks| MarkChange::Review(!marks.is_reviewed));
            }
            UiCommand::ReviewedAndNext => self.review_and_go_on(),
            UiCommand::TagAgain => self.tag_again(),
            UiCommand::CorrectToIn => self.correct_shown(Role::InDomain),
            UiCommand::CorrectToOut => self.correct_shown(Role::OutOfDomain),
            UiCommand::BrowseExport => self.open_dialog(DialogKind::ExportFolder),
            UiCommand::FocusTag | UiCommand::FocusNote => self.show_fields(),
            // The window has the focus and the pixels.
            UiCommand::FocusFind
            | UiCommand::NextPanel
            | UiCommand::PreviousPanel
            | UiCommand::Copy => {}
            UiCommand::Paste => self.try_pasted(),
            UiCommand::TryDropped => self.try_dropped(),
            UiCommand::ZoomIn => self.zoom_window(zoom + ZOOM_STEP),
            UiCommand::ZoomOut => self.zoom_window(zoom.saturating_sub(ZOOM_STEP)),
            UiCommand::ZoomReset => self.zoom_window(100),
            UiCommand::TogglePalette => self.toggle(Overlay::Palette),
            UiCommand::ToggleShortcuts => self.toggle(Overlay::Shortcuts),
            UiCommand::TogglePresentation => self.toggle_presentation(Overlay::Presentation),
            UiCommand::ToggleExplain => self.toggle_presentation(Overlay::Explain),
            UiCommand::ToggleTry => self.toggle(Overlay::Try),
            UiCommand::ToggleMessages => self.toggle(Overlay::Messages),
            UiCommand::ToggleAbout => self.toggle_about(),
            UiCommand::ToggleGuide => self.toggle_guide(),
            UiCommand::DismissHints => self.settings.shows_hints = false,
            UiCommand::ToggleRecent => self.toggle_recent(),
            UiCommand::BrowseOpen => self.open_dialog(DialogKind::OpenRun),
            UiCommand::BrowseSaveAs => self.browse_save_as(),
            UiCommand::Rename => self.start_renaming(),
            UiCommand::ToggleCompare => self.toggle_compare(),
            UiCommand::ToggleDetectors => self.toggle(Overlay::Detectors),
            UiCommand::CompareDetectors => self.start_ranking(),
            UiCommand::StopComparison => self.stop_ranking(),
            UiCommand::ToggleSetup => self.toggle_setup(),
            UiCommand::ShowOverview => self.show_in_center(Center::Overview),
            UiCommand::ShowInspect => self.show_in_center(Center::Inspect),
            UiCommand::ShowGallery => self.show_in_center(Center::Gallery),
            UiCommand::ShowVerdicts => self.show_in_center(Center::Verdicts),
            UiCommand::ShowMap => self.show_map(),
            UiCommand::MoreLikeThis => self.more_like_this(),
            UiCommand::ShowDuplicates => self.show_duplicates(),
            UiCommand::StopComparing => self.shown.stop_comparing(true),
            UiCommand::BackToResult => self.shown.leave_scrub(),
            UiCommand::Follow => self.shown.select(None),
            UiCommand::Clear => self.shown.question = Some(Question::Clear),
            UiCommand::GoOn => self.go_on(),
            UiCommand::UseAgain => self.ask_to_use_again(),
            UiCommand::CloseRun => self.close_run(),
            UiCommand::Confirm => self.confirm(),
            UiCommand::Decline => self.decline(),
            UiCommand::TryAgain => self.answer_stuck(Answer::TryAgain),
            UiCommand::GoOnUnsaved => self.answer_stuck(Answer::GoOnUnsaved),
        }
    }

    /// Change order or filter of the gallery. Who sorts wants to see what comes first, unless an image is looked at.
    fn set_gallery(&mut self, view: GalleryView) {
        let is_other_order = view.order != self.settings.gallery.order;
        self.settings.gallery = view;
        self.shown.is_order_stale = true;
        let is_free = self.shown.gallery.selected().is_none() && !self.is_running();
        self.shown.wants_first |= is_other_order && is_free;
    }

    pub(super) fn start_run(&mut self) {
        if self.is_running() {
            return;
        }
        if let Some(missing) = self.missing_for_run() {
            self.notices.warn_while(Cause::CannotRun, missing);
            return;
        }
        self.view_what_is_chosen();
        let images = Arc::clone(self.planned());
        if !self.ranking.is_active() {
            self.warn_of_images(&images);
        }
        let log = Arc::new(ResultLog::default());
        let job = self.outbox.mint_job();
        let settings = self.settings.run.clone();
        let summary = settings.method.detector.summary();
        log::info!("run of {} images: {summary}", images.len());
        let mut run = RunState::new(job, settings.clone(), Arc::clone(&images), Arc::clone(&log));
        run.model = self.model_info().cloned();
        run.kept.new_file = Some(self.new_file_record());
        let saving = self.save_request();
        self.outbox.push_back(Outgoing::Worker(Command::Run {
            job,
            request: RunRequest {
                settings,
                images,
                results: log,
                saving,
            },
            control: run.control.clone(),
        }));
        self.show(Shown::new(run));
    }

    /// Why pressing Run can't start anything, in words that say what to do.
    pub fn missing_for_run(&self) -> Option<String> {
        let reason = self.busy_with_fit().or_else(|| self.missing_opened_model());
        if let Some(reason) = reason.or_else(|| self.pending_folder()) {
            return Some(reason.to_owned());
        }
        let mask = self.settings.run.method.detector.mask_file();
        if mask.is_some_and(|path| path.as_os_str().is_empty()) {
            return Some("The mask is a picture, but none was chosen yet".to_owned());
        }
        if let Some(reason) = self.missing_weights(&self.settings.run.method.detector) {
            return Some(reason);
        }
        if let Some(reason) = self.missing_diffusion_model(&self.settings.run.method.detector) {
            return Some(reason);
        }
        if let Some(missing) = unfitted(&*self.settings.run.method.detector) {
            let label = missing.label;
            return Some(format!(
                "{label} is not fitted yet. Fit it on in-domain images, under Detector in the setup."
            ));
        }
        if self.planned().is_empty() {
            return Some(
                "There are no images to score. Add a folder of in-domain images, and one of \
                 out-of-domain images to compare."
                    .to_owned(),
            );
        }
        None
    }

    /// Why there is no model to work with, if so.
    pub(super) fn missing_opened_model(&self) -> Option<&'static str> {
        match &self.model {
            ModelState::None if self.model_problem.is_some() => {
                Some("The model could not be opened. Open another one, or use the bundled one.")
            }
            ModelState::None => Some("There is no model yet. Open one, or use the bundled one."),
            ModelState::Opening { .. } => {
                Some("The model is still being opened. Try again in a moment.")
            }
            ModelState::Ready(_) => None,
        }
    }

    /// That a detector lacks its model, where the one that is open only stands for none.
    pub(super) fn missing_diffusion_model(&self, detector: &DetectorSpec) -> Option<String> {
        let is_blank = self.model_info()?.identity.is_blank();
        let part = detector.that_uses_model().filter(|_| is_blank)?;
        let label = part.about().label;
        Some(format!(
            "{label} uses a diffusion model, and none is open. Open one under Model, or use the bundled one."
        ))
    }

    /// That a folder's images are not known yet, if so.
    pub(super) fn pending_folder(&self) -> Option<&'static str> {
        let is_pending = self.folders.iter().any(Folder::is_pending);
        is_pending.then_some("A folder is still being listed. Try again in a moment.")
    }

    pub(super) fn warn_of_images(&mut self, images: &[crate::runs::RunImage]) {
        let has = |role| images.iter().any(|image| image.role == role);
        if !has(Role::InDomain) || !has(Role::OutOfDomain) {
            self.notices.say(
                Severity::Info,
                "ROC curve and figures need both in-domain and out-of-domain images. \
                 The images are scored all the same.",
            );
        }
        for note in self.left_out.clone() {
            self.notices.say(Severity::Warning, note);
        }
        let listed = images.iter().map(|image| (image.role, &*image.file));
        if let Some(shared) = TwoRoles::find(listed) {
            self.notices.say(Severity::Warning, shared.to_string());
        }
        if let Some(warning) = self.near_duplicates_planned().map(str::to_owned) {
            self.notices.say(Severity::Warning, warning);
        }
    }

    fn set_paused(&mut self, is_paused: bool) {
        if !is_paused
            && self
                .shown
                .run
                .as_ref()
                .is_some_and(|run| run.kept.stuck.is_some())
        {
            self.answer_stuck(Answer::TryAgain);
            return;
        }
        let is_elsewhere = if is_paused {
            self.stay_away()
        } else {
            self.return_to_worker()
        };
        let Some(run) = self.shown.run.as_mut().filter(|_| !is_elsewhere) else {
            return;
        };
        match run.phase {
            Phase::Running if is_paused => run.phase = Phase::Paused,
            Phase::Paused if !is_paused => run.phase = Phase::Running,
            _ => return,
        }
        run.control.set_paused(is_paused);
    }

    pub(super) fn cancel_run(&mut self) {
        if self.end_free_run() {
            return;
        }
        if let Some(run) = self.shown.run.as_mut().filter(|run| run.phase.is_active()) {
            run.phase = Phase::Cancelling;
            run.control.cancel();
        }
    }

    fn choose_model(&mut self, source: ModelSource, settings: Option<TypedSettings>) {
        if self.is_running() {
            self.notices.warn_while(
                Cause::RunUnderWay,
                "A run is under way. Cancel it before you open another model.",
            );
            return;
        }
        if self.refuse_beside_fit() {
            return;
        }
        match source {
            // Its in-domain images are not at hand: their scores are, in its detector, which opens the model too.
            ModelSource::Bundled(bundled) if bundled.detector().is_some() => {
                self.open_detector(bundled.name().into());
            }
            source => self.open_model_with(source, settings),
        }
    }

    fn complete_model(&mut self, json: String) {
        let Some(problem) = &self.model_problem else {
            return;
        };
        if let Some(missing) = problem.missing.clone() {
            let source = problem.source.clone();
            self.choose_model(source, Some(TypedSettings { json, missing }));
        }
    }

    pub(super) fn open_dialog(&mut self, kind: DialogKind) {
        if self.dialog.is_some() {
            // A portal can hang for good, so the way out is named.
            self.notices.warn_while(
                Cause::DialogOpen,
                "A file dialog is already open. If you can't see it, type the path into the field instead.",
            );
            return;
        }
        let job = self.outbox.mint_job();
        self.dialog = Some(job);
        self.shown.dialog = Some(job);
        self.outbox.push_back(Outgoing::Dialog(job, kind));
    }

    pub(super) fn remove_folder(&mut self, folder_id: FolderId) {
        self.folders.retain(|folder| {
            let is_removed = folder.folder_id == folder_id;
            if let (true, ScanState::Scanning { control, .. }) = (is_removed, &folder.scan) {
                control.cancel();
            }
            !is_removed
        });
        self.remember_folders();
    }

    pub(super) fn change_settings(&mut self, settings: RunSettings) {
        let old = std::mem::replace(&mut self.settings.run, settings);
        let new = &self.settings.run;
        self.is_plan_stale |= old.selection != new.selection
            || fits_of(&*old.method.detector) != fits_of(&*new.method.detector);
        self.fitting.is_stale |= old.method.detector != new.method.detector;
        if old.execution.device != new.execution.device && !self.is_running() {
            self.open_model(self.settings.model.clone());
        }
    }

    fn close(&mut self) {
        if self.close_keeping() {
            return;
        }
        if self.shown.renaming.take().is_some() {
            // Its name stays.
        } else if self.looking.overlay.is_some() {
            self.looking.overlay = None;
        } else if self.looking.guide.take().is_some() {
            // Its page and its words begin anew.
        } else if self.proposals.pop_front().is_some() {
            // Nothing is added.
        } else if !self.dropped.is_empty() {
            self.dropped.clear();
        } else if self.shown.scrub().is_some() {
            self.shown.leave_scrub();
        } else if self.shown.gallery.brush().is_some() {
            self.shown.brush(None);
        } else if self.shown.gallery.alike().is_some() {
            self.shown.show_alike(None);
        } else if !self.shown.gallery.marked().is_empty() {
            self.shown.gallery.mark_none();
        } else {
            let newest = self.notices.newest_first().next().map(|(id, _)| id);
            if let Some(id) = newest {
                self.notices.dismiss(id);
            }
        }
    }

    /// Use what was dropped on the window as images of a role, or as the model.
    fn use_dropped(&mut self, role: Option<Role>) {
        let mut paths = std::mem::take(&mut self.dropped).into_iter();
        match role {
            Some(role) => {
                for path in paths {
                    self.perform(Action::AddFolder(path, role));
                }
            }
            None => {
                if let Some(path) = paths.next() {
                    self.perform(Action::OpenModel(ModelSource::Path(path)));
                }
            }
        }
    }
}
