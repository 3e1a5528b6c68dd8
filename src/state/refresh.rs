//! What follows from the session's state: figures, the gallery's order, the image in view, the next mask preview.

use std::sync::Arc;

use super::detector::{fitting, foreign_calibration_set};
use super::folders::planned_images;
use super::look::DifferenceKind;
use super::outbox::Outgoing;
use super::panels::Center;
use super::preview::PreviewState;
use super::session::Session;
use super::shown::run::RunState;
use crate::detectors::lmd::Lift;
use crate::runs::fit_file::leave_out_fitted;
use crate::worker::protocol::{LibraryCommand, PreviewRequest};

impl Session {
    /// Bring everything that is derived up to date; call once a frame before drawing.
    ///
    /// `now_secs` is any clock that only moves forward. Returns after how many seconds another call is needed.
    pub fn tick(&mut self, now_secs: f64) -> Option<f64> {
        self.now_secs = now_secs;
        self.settle_notices();
        self.view_what_is_shown();
        let (distance, aggregate) = (
            self.settings.run.view.measure,
            self.settings.run.view.aggregate,
        );
        if self.shown.choose(distance, aggregate) {
            self.drop_hand_threshold();
        }
        if std::mem::take(&mut self.is_plan_stale) {
            self.plan();
            self.is_gallery_stale = true;
            self.fitting.is_stale = true;
        }
        self.choose_fit_images();
        if std::mem::take(&mut self.is_gallery_stale) {
            self.refill();
        }
        let was_stale = self.shown.is_analysis_stale;
        let (way, detector) = (self.settings.decision.way, self.detector.as_ref());
        let calibration_set = |run: &RunState| foreign_calibration_set(way, detector, run);
        let filters = self.looking.filters(self.settings.gallery);
        let wait = self.shown.analyze(now_secs, calibration_set, filters);
        // Each takes milliseconds with many images, so only one in a frame.
        let has_analyzed = was_stale && !self.shown.is_analysis_stale;
        if !has_analyzed {
            self.shown.find_confounds();
        }
        self.shown.warn();
        let decision = self.settings.decision;
        self.shown
            .pair_again(&self.comparing, decision.false_alarm_rate);
        self.decide();
        let wait_for_figures = self
            .shown
            .assess(now_secs, decision.level, &mut self.outbox);
        // While results come in, and with the last of them, the order may be a frame behind the scores.
        let run = self.shown.run.as_mut();
        let has_just_ended = run.is_some_and(|run| std::mem::take(&mut run.has_just_ended));
        let is_coming_in = self.is_running() || has_just_ended;
        let has_order = !self.shown.gallery.order().is_empty();
        let is_order_put_off = has_analyzed && is_coming_in && has_order;
        if !is_order_put_off {
            let filters = self.looking.filters(self.settings.gallery);
            self.shown.arrange(filters);
        }
        self.shown.follow(now_secs);
        self.want_map();
        self.want_similar();
        self.want_twins();
        self.want_weights();
        self.preview.want(self.preview_request());
        if let Some(request) = self.preview.next_request() {
            self.outbox
                .push_back(Outgoing::Library(LibraryCommand::Preview(request)));
        }
        let is_owed = if is_order_put_off {
            self.shown.is_order_stale
        } else {
            has_analyzed
        };
        let is_next = self.advance_ranking();
        let wait_for_marks = self.keep_marks();
        let waits = [
            wait,
            wait_for_figures,
            wait_for_marks,
            (is_owed || is_next).then_some(0.0),
        ];
        waits.into_iter().flatten().reduce(f64::min)
    }

    /// Bring the threshold up to date.
    fn decide(&mut self) {
        let detector = fitting(self.detector.as_ref(), self.shown.run.as_ref());
        let is_moved = self.shown.decide(self.settings.decision, detector.as_ref());
        self.shown.is_order_stale |= is_moved && self.settings.gallery.verdict.is_some();
    }

    /// Ask for the LPIPS map of the attempt that is looked at, where it is wanted.
    fn want_map(&mut self) {
        let is_wanted = self.settings.look.difference == DifferenceKind::Lpips;
        if is_wanted && self.missing_model().is_none() && self.shown.want_map(&mut self.outbox) {
            self.free_model();
        }
    }

    /// Have the images compared where that is to be seen.
    fn want_similar(&mut self) {
        let is_map_shown = self.settings.panels.center == Center::Map;
        if is_map_shown || self.shown.gallery.alike().is_some() {
            self.shown.want_similar(&mut self.outbox);
        }
    }

    /// List the images that the next run would score.
    fn plan(&mut self) {
        let (mut planned, mut notes) =
            planned_images(&self.folders, self.settings.run.selection.limit);
        notes.extend(leave_out_fitted(
            &mut planned,
            &*self.settings.run.method.detector,
        ));
        self.planned = planned.into();
        self.left_out = notes;
    }

    /// Put the images of a run under way, or those that the next run would score, into the gallery.
    fn refill(&mut self) {
        if let Some(run) = &self.shown.run
            && !Arc::ptr_eq(&run.images, &self.planned)
            && *run.images == *self.planned
        {
            self.planned = Arc::clone(&run.images);
        }
        let images = match &self.shown.run {
            Some(run) if run.phase.is_active() || run.kept.opened.is_some() => {
                Arc::clone(&run.images)
            }
            _ => Arc::clone(&self.planned),
        };
        if !Arc::ptr_eq(self.shown.gallery.images(), &images) {
            self.history.forget_marks();
        }
        let run = self.shown.run.as_ref();
        self.shown.gallery.fill(images, run);
        self.shown.is_order_stale = true;
    }

    fn preview_request(&self) -> Option<PreviewRequest> {
        let info = self.model_info()?;
        let settings = &self.settings.run;
        let lmd = settings.method.detector.lmd()?;
        let num_attempts = PreviewState::num_attempts(lmd);
        if lmd.lift != Lift::Inpaint {
            return None;
        }
        // While a run is followed the sample must not change with every result.
        let looked_at = match &self.shown.run {
            None => self.shown.image(),
            // Its paths may not be read.
            Some(run) if run.is_sealed() => None,
            Some(_) => self.shown.gallery.selected(),
        };
        let sample = looked_at
            .and_then(|index| self.shown.gallery.images().get(index))
            .or_else(|| self.planned.first());
        Some(PreviewRequest {
            path: sample.map(|image| image.file.path.clone()),
            geometry: info.geometry,
            resize: settings.method.resize,
            mask: lmd.mask.clone(),
            grid: lmd.grid,
            attempt: self.preview.attempt.min(num_attempts.saturating_sub(1)),
            seed: settings.method.seed,
        })
    }
}
