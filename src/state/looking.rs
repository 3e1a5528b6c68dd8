//! What is looked at, and how: everything that is gone at the next start.

use super::action::Action;
use super::arrangement::{GalleryView, ScoreRange};
use super::confounds::{Confound, confounds};
use super::look::View;
use super::look_action::{LookAction, Move, Overlay};
use super::lpips_maps::LpipsMaps;
use super::scrubbing::Scrub;
use super::session::{Outgoing, Session};
use super::settings::ZOOM_RANGE;
use super::trial::Trial;
use crate::images::Picture;
use crate::ood::{Aggregate, MeasureId};
use crate::worker::protocol::{JobId, LibraryCommand, Severity};

/// Percent points between two sizes of the window's content.
const ZOOM_STEP: u32 = 25;

/// Tells the scores of a finished run from others: job, distance, aggregation and number of results.
type ScoresKey = (JobId, MeasureId, Aggregate, usize);

/// How the window is looked at.
#[derive(Debug)]
pub struct Looking {
    /// Zoom of the inspector's pictures.
    pub view: View,
    /// What lies over the window.
    pub overlay: Option<Overlay>,
    /// The attempt that is watched as it denoises.
    pub scrub: Option<Scrub>,
    /// What simple properties have to do with the scores of a finished run, and which scores those are.
    pub(super) confounds: Option<(ScoresKey, Vec<Confound>)>,
    /// The picture that is tried.
    pub trial: Option<Trial>,
    /// LPIPS's maps of the attempts that were looked at.
    pub maps: LpipsMaps,
    /// The export under way.
    pub exporting: Option<JobId>,
    /// Columns and rows of the gallery on the screen.
    pub gallery_shape: (usize, usize),
}

impl Default for Looking {
    fn default() -> Self {
        Self {
            view: View::default(),
            overlay: None,
            scrub: None,
            trial: None,
            confounds: None,
            maps: LpipsMaps::default(),
            exporting: None,
            gallery_shape: (1, 1),
        }
    }
}

impl Session {
    pub(super) fn perform_look(&mut self, action: LookAction) {
        match action {
            LookAction::Set(settings) => self.settings.look = settings,
            LookAction::View(view) => self.looking.view = view,
            LookAction::Fit => self.looking.view = self.looking.view.fitted(),
            LookAction::ActualSize => self.looking.view = self.looking.view.actual_size(),
            LookAction::StepAttempt(offset) => self.step_attempt(offset),
            LookAction::Move(to) => self.move_in_gallery(to),
            LookAction::ZoomIn => self.zoom_window(self.settings.zoom_percent + ZOOM_STEP),
            LookAction::ZoomOut => {
                self.zoom_window(self.settings.zoom_percent.saturating_sub(ZOOM_STEP));
            }
            LookAction::ZoomReset => self.zoom_window(100),
            LookAction::Find(text) => {
                self.gallery.find(&text);
                self.is_order_stale = true;
            }
            LookAction::Brush(range) => self.brush(range),
            LookAction::ShowAll => self.show_all(),
            // The window has the focus and the pixels.
            LookAction::FocusFind | LookAction::Copy(_) => {}
            LookAction::Paste => self.try_pasted(),
            LookAction::CopyPicture(picture, name) => self.copy_picture(picture, name),
            LookAction::Mark(image, mark) => self.mark(image, mark),
            LookAction::MarkAll => self.gallery.mark_all(),
            LookAction::MarkNone => self.gallery.mark_none(),
            LookAction::BrowseExport => self.browse_export(),
            LookAction::Export(folder) => self.export(folder),
            LookAction::StartScrub => self.start_scrub(),
            LookAction::ScrubTo(position) => self.scrub_to(position),
            LookAction::PlayScrub(is_playing) => self.play_scrub(is_playing),
            LookAction::TryDropped => {
                let mut dropped = std::mem::take(&mut self.dropped).into_iter();
                if let Some(path) = dropped.next() {
                    self.try_file(path);
                }
            }
            LookAction::TryPainted(picture) => self.try_painted(*picture),
            LookAction::Toggle(overlay) => {
                let is_open = self.looking.overlay == Some(overlay);
                self.looking.overlay = (!is_open).then_some(overlay);
            }
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

    /// Show only images with these scores; `None` shows all.
    pub(super) fn brush(&mut self, range: Option<ScoreRange>) {
        if self.gallery.brush() != range {
            self.gallery.set_brush(range);
            self.is_order_stale = true;
        }
    }

    /// Take all filters of the gallery away; the order stays.
    fn show_all(&mut self) {
        self.brush(None);
        self.gallery.find("");
        self.settings.gallery = GalleryView {
            order: self.settings.gallery.order,
            ..GalleryView::default()
        };
        self.is_order_stale = true;
    }

    fn zoom_window(&mut self, percent: u32) {
        self.settings.zoom_percent = percent.clamp(*ZOOM_RANGE.start(), *ZOOM_RANGE.end());
    }

    fn step_attempt(&mut self, offset: isize) {
        let Some(shown) = self.shown_attempt() else {
            return;
        };
        let attempts = self.shown_attempts();
        let target = shown
            .saturating_add_signed(offset)
            .min(attempts.len().saturating_sub(1));
        let attempt = attempts.get(target).map(|result| result.attempt);
        self.perform(Action::SelectAttempt(attempt));
    }

    fn move_in_gallery(&mut self, to: Move) {
        let (columns, rows) = self.looking.gallery_shape;
        let (columns, rows) = (columns.max(1), rows.max(1));
        let many = isize::MAX / 2;
        let offset = match to {
            Move::Rows(count) => count.saturating_mul(columns.cast_signed()),
            Move::Pages(count) => count.saturating_mul((columns * rows).cast_signed()),
            Move::First => -many,
            Move::Last => many,
        };
        self.step(offset);
    }

    /// The attempts so far of the image that is looked at, in the order of their numbers.
    pub fn shown_attempts(&self) -> &[std::sync::Arc<crate::runs::AttemptResult>] {
        let run_id = self
            .shown_image()
            .and_then(|index| self.gallery.run_id(index));
        self.run
            .as_ref()
            .zip(run_id)
            .map_or(&[][..], |(run, id)| run.attempts(id))
    }

    /// Hold the scores of a finished run against simple properties of its images, once for each choice of scores.
    pub(super) fn find_confounds(&mut self) {
        let Some(run) = self.run.as_ref().filter(|run| !run.phase.is_active()) else {
            self.looking.confounds = None;
            return;
        };
        let settings = &self.settings.run;
        let key = (
            run.job,
            settings.distance,
            settings.aggregate,
            run.num_results(),
        );
        let known = self.looking.confounds.as_ref();
        if run.num_results() > 0 && known.is_none_or(|(known, _)| *known != key) {
            self.looking.confounds = Some((key, confounds(run)));
        }
    }

    /// What simple properties have to do with the scores; `None` before the end of a run.
    pub fn confounds(&self) -> Option<&[Confound]> {
        let (_, confounds) = self.looking.confounds.as_ref()?;
        Some(confounds)
    }

    /// The score of the image that is looked at.
    pub fn shown_score(&self) -> Option<f64> {
        self.score_of(self.shown_image()?)
    }

    /// The score of an image of the gallery.
    pub fn score_of(&self, image: usize) -> Option<f64> {
        let run_id = self.gallery.run_id(image)?;
        self.run.as_ref()?.score(run_id)
    }

    /// The conformal p-value of an image of the gallery.
    pub fn p_value_of(&self, image: usize) -> Option<f64> {
        let run_id = self.gallery.run_id(image)?;
        self.analysis.as_ref()?.p_value(self.run.as_ref()?, run_id)
    }

    /// The threshold that the image that is looked at is held against.
    pub fn shown_threshold(&self) -> Option<f64> {
        self.threshold()
    }

    /// Positions in [`Self::shown_attempts`] of the attempts in the middle of all distances.
    pub fn median_attempts(&self) -> Vec<usize> {
        let distance = self.settings.run.distance;
        let attempts = self.shown_attempts().iter();
        let distances: Vec<f64> = attempts.map(|r| r.values.of(distance)).collect();
        crate::ood::aggregate::median_attempts(&distances)
    }

    /// Position in [`Self::shown_attempts`] of the one to look at: the chosen one, else the median.
    pub fn shown_attempt(&self) -> Option<usize> {
        let attempts = self.shown_attempts();
        self.selected_attempt
            .and_then(|wanted| attempts.iter().position(|r| r.attempt == wanted))
            .or_else(|| self.median_attempts().first().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Settings;

    #[test]
    fn the_window_grows_in_steps_and_stops_at_its_ends() {
        let mut session = Session::new(Settings::default());
        let look = |session: &mut Session, action| session.perform(Action::Look(action));
        for _ in 0..20 {
            look(&mut session, LookAction::ZoomIn);
        }
        assert_eq!(session.settings.zoom_percent, 300);
        look(&mut session, LookAction::ZoomReset);
        look(&mut session, LookAction::ZoomOut);
        assert_eq!(session.settings.zoom_percent, 100);
    }

    #[test]
    fn escape_closes_what_lies_over_the_window_first() {
        let mut session = Session::new(Settings::default());
        let toggle = Action::Look(LookAction::Toggle(Overlay::Shortcuts));
        session.perform(toggle.clone());
        assert_eq!(session.looking.overlay, Some(Overlay::Shortcuts));
        session.perform(Action::Close);
        assert_eq!(session.looking.overlay, None);
        session.perform(toggle.clone());
        session.perform(toggle);
        assert_eq!(session.looking.overlay, None);
    }
}
