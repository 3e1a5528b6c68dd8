//! The threshold of the run that is shown, and the figures around it.

use std::sync::Arc;

use super::Shown;
use super::analysis::Analysis;
use crate::runs::Calibration;
use crate::state::decision::{Decision, DecisionSettings};
use crate::state::outbox::{Outbox, Outgoing};
use crate::worker::protocol::{AssessRequest, Assessment, JobId, LibraryCommand};

/// Seconds between two requests for figures that take long.
const ASSESS_INTERVAL_SECS: f64 = 0.5;

/// What the threshold does to the scores of one run.
#[derive(Debug, Default)]
pub struct Deciding {
    /// The threshold and what it does; `None` before the first score.
    pub decision: Option<Arc<Decision>>,
    /// Intervals, band and attempts; those of a moment ago while new ones are computed.
    pub assessment: Option<Arc<Assessment>>,
    decided: Option<(DecisionSettings, Arc<Analysis>)>,
    assessing: Option<JobId>,
    is_assessment_stale: bool,
    assessed_at_secs: Option<f64>,
    has_new_assessment: bool,
}

impl Deciding {
    /// The scores or the level have changed.
    pub fn mark_stale(&mut self) {
        self.is_assessment_stale = true;
    }

    /// Take an answer of the library thread.
    pub fn apply(&mut self, job: JobId, assessment: Arc<Assessment>) {
        if self.assessing.take_if(|known| *known == job).is_some() {
            self.assessment = Some(assessment);
            self.has_new_assessment = true;
        }
    }

    /// Whether figures have come in that this frame is the first to lay out; once.
    pub fn take_new_assessment(&mut self) -> bool {
        std::mem::take(&mut self.has_new_assessment)
    }

    /// The library thread has lost what it was asked for.
    pub fn library_restarted(&mut self) {
        self.is_assessment_stale |= self.assessing.take().is_some();
    }

    fn is_current(&self, settings: DecisionSettings, analysis: &Arc<Analysis>) -> bool {
        let decided = self.decided.as_ref();
        decided.is_some_and(|(known, of)| *known == settings && Arc::ptr_eq(of, analysis))
    }
}

impl Shown {
    /// Bring threshold and matrix up to date; `true` where the threshold has moved. `detector` is the open detector
    /// file, or why it does not fit.
    pub(in crate::state) fn decide(
        &mut self,
        settings: DecisionSettings,
        detector: Option<&Result<&Calibration, String>>,
    ) -> bool {
        let Some(analysis) = self.analysis.clone() else {
            return false;
        };
        let deciding = &mut self.deciding;
        if deciding.is_current(settings, &analysis) {
            return false;
        }
        let decision = Decision::of(&analysis, &settings, detector);
        let old = deciding.decision.as_ref();
        let is_moved = old.is_none_or(|old| old.threshold != decision.threshold);
        if let Some((old, _)) = &deciding.decided
            && old.level != settings.level
        {
            deciding.mark_stale();
        }
        deciding.decision = Some(Arc::new(decision));
        deciding.decided = Some((settings, analysis));
        is_moved
    }

    /// Ask for the figures that take long, where they are out of date.
    ///
    /// Returns after how many seconds another call is needed.
    pub(in crate::state) fn assess(
        &mut self,
        now_secs: f64,
        level: f64,
        outbox: &mut Outbox,
    ) -> Option<f64> {
        let deciding = &mut self.deciding;
        if self.analysis.is_none() || !deciding.is_assessment_stale || deciding.assessing.is_some()
        {
            return None;
        }
        let last = deciding.assessed_at_secs;
        let due_in = last.map_or(0.0, |last| last + ASSESS_INTERVAL_SECS - now_secs);
        if due_in > 0.0 {
            return Some(due_in);
        }
        let run = self.run.as_ref()?;
        let (distance, aggregate) = run.choice();
        let request = AssessRequest {
            images: Arc::clone(&run.images),
            results: Arc::clone(run.log()),
            distance,
            aggregate,
            level,
        };
        let job = outbox.mint_job();
        deciding.is_assessment_stale = false;
        deciding.assessing = Some(job);
        deciding.assessed_at_secs = Some(now_secs);
        outbox.push_back(Outgoing::Library(LibraryCommand::Assess { job, request }));
        None
    }
}
