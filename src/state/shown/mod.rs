//! What is shown: a run and all that was found out about it or chosen in it.
//!
//! It lives and dies as one value. Another run is another [`Shown`], so that nothing can stay of the one before, and
//! answers to what was asked for it find nobody who waits. What outlives a run belongs elsewhere: settings, filters,
//! the open detector file, zoom, the folder of recent runs.

pub mod analysis;
pub mod confounds;
pub mod deciding;
pub mod difference;
pub mod gallery;
pub mod maps;
pub mod marking;
pub mod pair;
pub mod run;
pub mod scrub;
pub mod similar;
pub mod trial;
pub mod verdicts;
mod warnings;

use std::path::Path;
use std::sync::Arc;

use self::analysis::Analysis;
use self::confounds::{Confound, ScoresKey};
use self::deciding::Deciding;
use self::gallery::{Basis, Filters, Gallery};
use self::maps::LpipsMaps;
use self::pair::Pairing;
use self::run::RunState;
use self::scrub::Scrub;
use self::similar::Likeness;
use self::trial::Trial;
use self::warnings::Warnings;
use super::arrangement::{GalleryOrder, ScoreRange};
use super::marks::RunMarks;
use super::renaming::{AskedName, Renaming};
use super::resuming::Resuming;
use super::saving::Question;
use crate::images::Picture;
use crate::ood::{Aggregate, MeasureId};
use crate::runs::{AttemptResult, CalibrationSet};
use crate::worker::protocol::{JobId, OpenedRun};

/// Seconds between two computations of figures and plots while results stream in.
const ANALYSIS_INTERVAL_SECS: f64 = 0.1;

/// Seconds that one image stays in view while the newest result is followed: faster can't be looked at.
const FOLLOW_INTERVAL_SECS: f64 = 0.7;

/// A run, or the images of the folders before there is one, and everything that goes when another takes its place.
#[derive(Debug)]
pub struct Shown {
    /// The run under way or the last one; `None` while there are only images to look at.
    pub run: Option<RunState>,
    /// What its scores say.
    pub analysis: Option<Arc<Analysis>>,
    /// The threshold and the figures around it.
    pub deciding: Deciding,
    /// The images to look at, and which of them are selected and marked.
    pub gallery: Gallery,
    /// What was noted about the images of the run.
    pub marks: RunMarks,
    /// The attempt that the user picked of the selected image; `None` is the median.
    pub selected_attempt: Option<usize>,
    /// The picture that is tried.
    pub trial: Option<Trial>,
    /// The run next to another one.
    pub pairing: Pairing,
    /// What the user is asked before something is done with the run, or with those on disk beside it.
    pub question: Option<Question>,
    /// The name that the user types for the run.
    pub renaming: Option<Renaming>,
    /// The name that its file is being given.
    pub(super) asked_name: Option<AskedName>,
    /// The run is to continue once its files and model are known to be the same.
    pub(super) resuming: Option<Resuming>,
    /// The file dialog that asks where to write something of the run.
    pub(super) dialog: Option<JobId>,
    /// Whether the user folded the setup away, or showed it, beside this opened run.
    pub(super) is_setup_folded: Option<bool>,
    pub(super) is_analysis_stale: bool,
    pub(super) is_order_stale: bool,
    /// The first image of the next order is to be looked at.
    pub(super) wants_first: bool,
    first_job: Option<JobId>,
    scrub: Option<Scrub>,
    maps: LpipsMaps,
    likeness: Likeness,
    confounds: Option<(ScoresKey, Vec<Confound>)>,
    warnings: Warnings,
    analyzed_at_secs: f64,
    followed: Option<usize>,
    followed_at_secs: f64,
}

impl Default for Shown {
    /// No run yet.
    fn default() -> Self {
        Self {
            run: None,
            analysis: None,
            deciding: Deciding::default(),
            gallery: Gallery::default(),
            marks: RunMarks::default(),
            selected_attempt: None,
            trial: None,
            pairing: Pairing::default(),
            question: None,
            renaming: None,
            asked_name: None,
            resuming: None,
            dialog: None,
            is_setup_folded: None,
            is_analysis_stale: false,
            is_order_stale: true,
            wants_first: false,
            first_job: None,
            scrub: None,
            maps: LpipsMaps::default(),
            likeness: Likeness::default(),
            confounds: None,
            warnings: Warnings::default(),
            analyzed_at_secs: f64::NEG_INFINITY,
            followed: None,
            followed_at_secs: f64::NEG_INFINITY,
        }
    }
}

impl Shown {
    /// A run of which nothing is known but its results so far.
    pub fn new(run: RunState) -> Self {
        let mut shown = Self {
            is_analysis_stale: true,
            first_job: Some(run.job),
            ..Self::default()
        };
        shown.gallery.fill(Arc::clone(&run.images), Some(&run));
        if run.num_results() > 0 {
            shown.deciding.mark_stale();
        }
        shown.run = Some(run);
        shown
    }

    /// Tells one from another: the job under which its run was first shown. A run that is resumed has another job, and is
    /// still the same.
    pub fn first_job(&self) -> Option<JobId> {
        self.first_job
    }

    /// Whether the worker is busy with the run.
    pub fn is_running(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.phase.is_active())
    }

    /// Whether the run was read from a file whose paths may not be touched.
    pub fn is_sealed(&self) -> bool {
        self.run.as_ref().is_some_and(RunState::is_sealed)
    }

    /// What was read from a file, if the run was.
    pub(super) fn opened(&self) -> Option<Arc<OpenedRun>> {
        self.run.as_ref()?.kept.opened.clone()
    }

    /// The threshold in use.
    pub fn threshold(&self) -> Option<f64> {
        let decision = self.deciding.decision.as_ref()?;
        decision.threshold.as_ref().ok().copied()
    }

    /// The image to look at, an index into the gallery's images: the selected one, else the newest result, else the
    /// first one.
    pub fn image(&self) -> Option<usize> {
        let first = || self.gallery.order().first().copied();
        self.gallery.selected().or(self.followed).or_else(first)
    }

    /// The attempts so far of the image that is looked at, in the order of their numbers.
    pub fn attempts(&self) -> &[Arc<AttemptResult>] {
        let run_id = self.image().and_then(|index| self.gallery.run_id(index));
        self.run
            .as_ref()
            .zip(run_id)
            .map_or(&[][..], |(run, id)| run.attempts(id))
    }

    /// How many of [`Self::attempts`] are behind the score.
    pub fn num_measured(&self) -> usize {
        let run = self.run.as_ref();
        run.map_or(0, |run| run.num_measured(self.attempts()))
    }

    /// Positions in [`Self::attempts`] of the attempts in the middle of all distances.
    pub fn median_attempts(&self) -> Vec<usize> {
        let Some(run) = &self.run else {
            return Vec::new();
        };
        run.median_attempts(self.attempts())
    }

    /// Position in [`Self::attempts`] of the one to look at: the chosen one, else the median.
    pub fn attempt(&self) -> Option<usize> {
        let attempts = self.attempts();
        self.selected_attempt
            .and_then(|wanted| attempts.iter().position(|r| r.attempt == wanted))
            .or_else(|| self.median_attempts().first().copied())
    }

    /// The score of the image that is looked at.
    pub fn score(&self) -> Option<f64> {
        self.score_of(self.image()?)
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

    /// What simple properties have to do with the scores; `None` before the end of a run.
    pub fn confounds(&self) -> Option<&[Confound]> {
        let (_, confounds) = self.confounds.as_ref()?;
        Some(confounds)
    }

    /// The picture of a file of the opened run, from the run file, if that has one; `None` where the file itself may be
    /// read.
    pub fn sealed_picture(&self, path: &Path) -> Option<Option<Picture>> {
        let run = self.run.as_ref().filter(|run| run.is_sealed())?;
        let id = run
            .images
            .iter()
            .position(|image| image.file.path == path)?;
        let picture = run.attempts(id).first().map(|result| &result.original);
        Some(picture.cloned())
    }

    /// Why the run can't be saved, if so.
    pub fn can_be_saved(&self) -> Result<(), &'static str> {
        match &self.run {
            None => Err("There is no run to save yet"),
            Some(run) if run.num_results() == 0 => Err("The run has no result to save yet"),
            Some(_) => Ok(()),
        }
    }

    /// Look at an image, an index into the gallery's images, and at its median attempt.
    pub(super) fn select(&mut self, image: Option<usize>) {
        self.gallery.select(image);
        self.selected_attempt = None;
    }

    /// Look at the image so many places further in the order shown.
    pub(super) fn step(&mut self, offset: isize) {
        let next = self.gallery.neighbor(self.image(), offset);
        if next.is_some() {
            self.select(next);
        }
    }

    /// Look at the attempt so many places further.
    pub(super) fn step_attempt(&mut self, offset: isize) {
        let Some(position) = self.attempt() else {
            return;
        };
        let attempts = self.attempts();
        let target = position
            .saturating_add_signed(offset)
            .min(attempts.len().saturating_sub(1));
        self.selected_attempt = attempts.get(target).map(|result| result.attempt);
    }

    /// Show only images with these scores; `None` shows all.
    pub(super) fn brush(&mut self, range: Option<ScoreRange>) {
        if self.gallery.brush() != range {
            self.gallery.set_brush(range);
            self.is_order_stale = true;
        }
    }

    /// Show another distance or aggregation; `true` when that changes the scores of the run.
    pub(super) fn choose(&mut self, distance: MeasureId, aggregate: Aggregate) -> bool {
        if let Some(run) = self.trial.as_mut().and_then(|trial| trial.run.as_mut()) {
            run.choose(distance, aggregate);
        }
        let run = self.run.as_mut();
        let has_changed = run.is_some_and(|run| run.choose(distance, aggregate));
        if has_changed {
            self.analyze_at_once();
            self.deciding.mark_stale();
            // A range of other scores means nothing.
            self.brush(None);
        }
        has_changed
    }

    /// Take the results that are new in the log of the run.
    pub(super) fn absorb(&mut self) {
        if self.run.as_mut().is_some_and(RunState::absorb) {
            self.mark_stale();
        }
    }

    /// New results are in.
    pub(super) fn mark_stale(&mut self) {
        self.is_analysis_stale = true;
        self.deciding.mark_stale();
    }

    /// The analysis must not wait for its next turn.
    pub(super) fn analyze_at_once(&mut self) {
        self.is_analysis_stale = true;
        self.analyzed_at_secs = f64::NEG_INFINITY;
    }

    /// Bring the analysis up to date; images are compared with what `calibration_set` says, or else with the run's own
    /// in-domain ones.
    ///
    /// Returns after how many seconds another call is needed.
    pub(super) fn analyze(
        &mut self,
        now_secs: f64,
        calibration_set: impl FnOnce(&RunState) -> Option<CalibrationSet>,
        filters: Filters<'_>,
    ) -> Option<f64> {
        // Rows that appear are laid out twice: a frame that has this to do leaves the analysis to the next.
        let is_laying_out = self.deciding.take_new_assessment();
        let run = self.run.as_ref().filter(|_| self.is_analysis_stale)?;
        let due_in = self.analyzed_at_secs + ANALYSIS_INTERVAL_SECS - now_secs;
        if due_in > 0.0 {
            return Some(due_in);
        }
        if is_laying_out && run.phase.is_active() {
            return Some(0.0);
        }
        self.is_analysis_stale = false;
        self.analyzed_at_secs = now_secs;
        let analysis = Analysis::of(run, calibration_set(run));
        self.analysis = Some(Arc::new(analysis.corrected_by(run, self.marks.all())));
        self.is_order_stale |=
            filters.view.order != GalleryOrder::Natural || self.gallery.is_filtered(filters);
        None
    }

    /// Sort and filter the gallery again where something it goes by has changed.
    pub(super) fn arrange(&mut self, filters: Filters<'_>) {
        if std::mem::take(&mut self.is_order_stale) {
            let basis = Basis {
                run: self.run.as_ref(),
                analysis: self.analysis.as_deref(),
                threshold: self.threshold(),
                marks: Some(self.marks.all()),
                similar: self.likeness.found(),
            };
            self.gallery.arrange(filters, basis);
            if std::mem::take(&mut self.wants_first) {
                let first = self.gallery.order().first().copied();
                self.select(first);
            }
        }
    }

    /// Keep the newest result in view, long enough to be looked at. A run from a file has none that is news.
    pub(super) fn follow(&mut self, now_secs: f64) {
        let is_told = |run: &&RunState| run.phase.is_active() || run.kept.opened.is_none();
        let run = self.run.as_ref().filter(is_told);
        let Some((run_id, _)) = run.and_then(RunState::latest) else {
            self.followed = None;
            return;
        };
        if self.followed.is_none() || now_secs - self.followed_at_secs >= FOLLOW_INTERVAL_SECS {
            self.followed = self.gallery.image_of_run_id(run_id);
            self.followed_at_secs = now_secs;
        }
    }

    /// The worker has lost what it was asked for.
    pub(super) fn worker_restarted(&mut self) {
        self.resuming = None;
        self.scrub = None;
        self.trial = None;
        self.maps = LpipsMaps::default();
    }
}
