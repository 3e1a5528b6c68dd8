//! What follows from the session's state: figures, the gallery's order, the image in view, the next mask preview.

use std::sync::Arc;

use super::analysis::Analysis;
use super::arrangement::GalleryOrder;
use super::folders::planned_images;
use super::gallery::Basis;
use super::preview::PreviewState;
use super::run::RunState;
use super::session::{Outgoing, Session};
use crate::worker::protocol::{LibraryCommand, Lift, PreviewRequest};

/// Seconds between two computations of figures and plots while results stream in.
const ANALYSIS_INTERVAL_SECS: f64 = 0.1;

/// Seconds that one image stays in view while the newest result is followed: faster can't be looked at.
const FOLLOW_INTERVAL_SECS: f64 = 0.7;

impl Session {
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
            // A range of other scores means nothing.
            self.brush(None);
        }
        if self.is_plan_stale {
            self.is_plan_stale = false;
            self.refill();
        }
        let was_stale = self.is_analysis_stale;
        let wait = self.analyze(now_secs);
        // Each takes milliseconds with many images, so not both in one frame.
        let has_analyzed = was_stale && !self.is_analysis_stale;
        if !has_analyzed {
            self.find_confounds();
        }
        self.pair_anew();
        let wait_for_figures = self.decide(now_secs);
        if self.is_order_stale {
            self.is_order_stale = false;
            let basis = Basis {
                run: self.run.as_ref(),
                analysis: self.analysis.as_deref(),
                threshold: self.threshold(),
            };
            self.gallery.arrange(self.settings.gallery, basis);
        }
        self.follow(now_secs);
        self.want_map();
        self.preview.want(self.preview_request());
        if let Some(request) = self.preview.next_request() {
            self.outbox
                .push_back(Outgoing::Library(LibraryCommand::Preview(request)));
        }
        let is_owed = has_analyzed && !self.is_running();
        let waits = [wait, wait_for_figures, is_owed.then_some(0.0)];
        waits.into_iter().flatten().reduce(f64::min)
    }

    /// Put the images of a run under way, or those that the next run would score, into the gallery.
    fn refill(&mut self) {
        self.planned = planned_images(&self.folders, self.settings.run.limit).into();
        if let Some(run) = &self.run
            && *run.images == *self.planned
        {
            self.planned = Arc::clone(&run.images);
        }
        let images = match &self.run {
            Some(run) if run.phase.is_active() || run.kept.opened.is_some() => {
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
            view.order != GalleryOrder::Natural || self.gallery.is_filtered(view);
        None
    }

    /// The analysis must not wait for its next turn.
    pub(super) fn analyze_at_once(&mut self) {
        self.is_analysis_stale = true;
        self.analyzed_at_secs = f64::NEG_INFINITY;
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
            // Its paths may not be read.
            Some(run) if run.is_sealed() => None,
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
}
