//! How the window is looked at, whichever run it shows: everything that is gone at the next start.

use std::borrow::Cow;
use std::path::PathBuf;

use super::actions::{LookAction, Overlay};
use super::arrangement::{Alike, GalleryView, MarkFilter, VerdictOrder};
use super::folders::short_name;
use super::guide::Guide;
use super::look::View;
use super::outbox::Outgoing;
use super::panels::Center;
use super::presenting::Step;
use super::session::Session;
use super::settings::ZOOM_RANGE;
use super::shown::gallery::Filters;
use crate::images::Picture;
use crate::ood::Role;
use crate::worker::protocol::{Control, JobId, LibraryCommand, Severity};

/// Why the model can't be used while a run goes.
pub(super) const BUSY: &str = "The model is busy with the run: pause it to use the model meanwhile";

/// Percent points between two sizes of the window's content.
pub(super) const ZOOM_STEP: u32 = 25;

/// How the window is looked at.
#[derive(Debug)]
pub struct Looking {
    /// Zoom of the inspector's pictures.
    pub view: View,
    /// The guide, where it is open beside everything else.
    pub guide: Option<Guide>,
    /// What lies over the window.
    pub overlay: Option<Overlay>,
    /// The text that paths of the gallery must have, in any case.
    pub needle: String,
    /// The marks that images must have to be shown.
    pub mark_filter: Option<MarkFilter>,
    /// Columns and rows of the gallery on the screen.
    pub gallery_shape: (usize, usize),
    /// How much of the presented image is to be seen.
    pub step: Step,
    /// What the verdicts are sorted by.
    pub verdicts: VerdictOrder,
}

impl Default for Looking {
    fn default() -> Self {
        Self {
            view: View::default(),
            guide: None,
            overlay: None,
            needle: String::new(),
            mark_filter: None,
            gallery_shape: (1, 1),
            step: Step::default(),
            verdicts: VerdictOrder::default(),
        }
    }
}

impl Looking {
    /// Order and filters of the gallery.
    pub(super) fn filters(&self, view: GalleryView) -> Filters<'_> {
        Filters {
            view,
            needle: &self.needle,
            marks: self.mark_filter.as_ref(),
        }
    }
}

impl Session {
    pub(super) fn perform_look(&mut self, action: LookAction) {
        match action {
            LookAction::Set(settings) => self.settings.look = settings,
            LookAction::View(view) => self.looking.view = view,
            LookAction::Find(text) => {
                self.looking.needle = text;
                self.shown.is_order_stale = true;
            }
            LookAction::FilterMarks(filter) => {
                self.looking.mark_filter = filter;
                self.shown.is_order_stale = true;
            }
            LookAction::Brush(range) => self.shown.brush(range),
            LookAction::Guide(guide) => self.looking.guide = Some(guide),
            LookAction::Alike(alike) => self.shown.show_alike(alike),
            LookAction::SortVerdicts(order) => self.looking.verdicts = order,
            // The window has the pixels.
            LookAction::Copy(_) => {}
            LookAction::CopyPicture(picture, name) => self.copy_picture(picture, name),
            LookAction::Mark(image, mark) => self.shown.mark(image, mark),
            LookAction::Export(folder) => self.export(folder),
            LookAction::ScrubTo(position) => self.shown.scrub_to(position),
            LookAction::PlayScrub(is_playing) => self.shown.play_scrub(is_playing),
            LookAction::TryPainted(picture) => self.try_painted(*picture),
        }
    }

    fn copy_picture(&mut self, picture: Option<Box<Picture>>, name: String) {
        match picture {
            Some(picture) => {
                let picture = *picture;
                self.outbox
                    .push_back(Outgoing::Library(LibraryCommand::Copy { picture, name }));
            }
            None => self
                .notices
                .say(Severity::Info, format!("{name} is not there yet")),
        }
    }

    /// Show the images most like the one that is looked at, or all again where they are shown.
    pub(super) fn more_like_this(&mut self) {
        let Some(like) = self.shown.like_this() else {
            self.notices.say(
                Severity::Info,
                "There is no picture of this image yet to compare others with. Score it first.",
            );
            return;
        };
        if self.shown.gallery.alike() == Some(&like) {
            self.shown.show_alike(None);
            return;
        }
        if !self.settings.panels.center.has_gallery() {
            self.show_in_center(Center::Overview);
        }
        self.shown.show_alike(Some(like));
    }

    /// Show the map of the images; one that was stopped is made after all.
    pub(super) fn show_map(&mut self) {
        self.shown.stop_comparing(false);
        self.show_in_center(Center::Map);
    }

    /// Show the pairs of near duplicates.
    pub(super) fn show_duplicates(&mut self) {
        if !self.settings.panels.center.has_gallery() {
            self.show_in_center(Center::Map);
        }
        self.shown.show_alike(Some(Alike::Duplicates));
    }

    /// Take all filters of the gallery away; the order stays.
    pub(super) fn show_all(&mut self) {
        self.shown.brush(None);
        self.shown.show_alike(None);
        self.looking.needle.clear();
        self.looking.mark_filter = None;
        self.settings.gallery = GalleryView {
            order: self.settings.gallery.order,
            ..GalleryView::default()
        };
        self.shown.is_order_stale = true;
    }

    pub(super) fn zoom_window(&mut self, percent: u32) {
        self.settings.zoom_percent = percent.clamp(*ZOOM_RANGE.start(), *ZOOM_RANGE.end());
    }

    /// Look at the image so many rows further down in the gallery.
    pub(super) fn step_rows(&mut self, count: isize) {
        let (columns, _) = self.gallery_shape();
        self.shown.step(count * columns.cast_signed());
    }

    /// Look at the image so many screens further down in the gallery.
    pub(super) fn step_screens(&mut self, count: isize) {
        let (columns, rows) = self.gallery_shape();
        self.shown.step(count * (columns * rows).cast_signed());
    }

    fn gallery_shape(&self) -> (usize, usize) {
        let (columns, rows) = self.looking.gallery_shape;
        (columns.max(1), rows.max(1))
    }

    pub(super) fn toggle(&mut self, overlay: Overlay) {
        let is_open = self.looking.overlay == Some(overlay);
        self.looking.overlay = (!is_open).then_some(overlay);
    }

    pub(super) fn try_dropped(&mut self) {
        if let Some(path) = std::mem::take(&mut self.dropped).into_iter().next() {
            self.try_file(path);
        }
    }

    /// Whether some images of the gallery may be left out.
    pub fn is_gallery_filtered(&self) -> bool {
        let filters = self.looking.filters(self.settings.gallery);
        self.shown.gallery.is_filtered(filters)
    }

    /// Why no attempt can be watched now, a sentence; `None` where one can.
    pub fn missing_for_scrub(&self) -> Option<Cow<'static, str>> {
        let reason = self.shown.missing_for_scrub();
        let reason = reason.or_else(|| self.missing_model());
        (reason.map(Cow::Borrowed)).or_else(|| Some(Cow::Owned(self.missing_model_of_run()?)))
    }

    /// That another model is open than the one that made the attempts.
    fn missing_model_of_run(&self) -> Option<String> {
        let run = self.shown.run.as_ref()?;
        let opened = run.kept.opened.as_ref();
        let (name, then) = match (&run.model, opened) {
            (Some(model), _) => (&model.name, &model.identity),
            (None, Some(opened)) => {
                let model = &opened.manifest.model;
                (&model.name, &model.identity)
            }
            (None, None) => return None,
        };
        let difference = then.compare(&self.model_info()?.identity);
        difference
            .difference()
            .is_some()
            .then(|| format!("It takes the model of this run, {name}, and another one is open"))
    }

    pub(super) fn start_scrub(&mut self) {
        if self.missing_for_scrub().is_none() {
            self.free_model();
            let execution = self.settings.run.execution;
            self.shown.start_scrub(execution, &mut self.outbox);
        }
    }

    /// Why there is no LPIPS map of the attempt that is looked at, in a few words.
    pub fn missing_map(&self) -> Option<String> {
        if self.shown.map().is_some() {
            return None;
        }
        let reason = match self.missing_model() {
            Some(BUSY) => "After the run, or while it is paused",
            Some(reason) => reason,
            None => self.shown.failed_map().unwrap_or("Computing…"),
        };
        Some(reason.to_owned())
    }

    /// Why no picture can be tried now; `None` where one can.
    pub fn missing_for_trial(&self) -> Option<&'static str> {
        self.missing_model()
    }

    fn try_file(&mut self, path: PathBuf) {
        let reading = self.begin_trial(short_name(&path));
        self.outbox
            .push_back(Outgoing::Library(LibraryCommand::Scan {
                job: reading,
                path,
                role: Role::Unknown,
                may_ask: false,
                control: Control::default(),
            }));
    }

    fn try_painted(&mut self, picture: Picture) {
        let job = self.begin_trial("Painted picture".to_owned());
        self.outbox
            .push_back(Outgoing::Library(LibraryCommand::Painted { job, picture }));
    }

    /// Score the picture in the clipboard.
    pub(super) fn try_pasted(&mut self) {
        let job = self.begin_trial("Pasted picture".to_owned());
        self.outbox
            .push_back(Outgoing::Library(LibraryCommand::Paste { job }));
    }

    fn begin_trial(&mut self, name: String) -> JobId {
        let reading = self.outbox.mint_job();
        let problem = self.missing_for_trial().map(str::to_owned);
        if problem.is_none() {
            self.free_model();
        }
        self.shown.begin_trial(name, reading, problem);
        self.looking.overlay = Some(Overlay::Try);
        reading
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Action, Settings, UiCommand};

    #[test]
    fn the_window_grows_in_steps_and_stops_at_its_ends() {
        let mut session = Session::new(Settings::default());
        for _ in 0..20 {
            session.perform(Action::Do(UiCommand::ZoomIn));
        }
        assert_eq!(session.settings.zoom_percent, 300);
        session.perform(Action::Do(UiCommand::ZoomReset));
        session.perform(Action::Do(UiCommand::ZoomOut));
        assert_eq!(session.settings.zoom_percent, 100);
    }

    #[test]
    fn escape_closes_what_lies_over_the_window_first() {
        let mut session = Session::new(Settings::default());
        let toggle = Action::Do(Overlay::Shortcuts.toggle());
        session.perform(toggle.clone());
        assert_eq!(session.looking.overlay, Some(Overlay::Shortcuts));
        session.perform(Action::Do(UiCommand::Close));
        assert_eq!(session.looking.overlay, None);
        session.perform(toggle.clone());
        session.perform(toggle);
        assert_eq!(session.looking.overlay, None);
    }
}
