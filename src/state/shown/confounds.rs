//! The confounds of the window's run.

use super::Shown;
use super::run::RunState;
use crate::ood::{Aggregate, MeasureId, Role};
use crate::runs::confounds::Sample;
pub use crate::runs::confounds::{Confound, differences_of_files};

/// Tells the scores of a finished run from its others: distance, aggregation and number of results.
pub(super) type ScoresKey = (MeasureId, Aggregate, usize);

impl Shown {
    /// Compare the scores of a finished run with simple properties of its images, once for each choice of scores.
    pub(in crate::state) fn find_confounds(&mut self) {
        let Some(run) = self.run.as_ref().filter(|run| !run.phase.is_active()) else {
            self.confounds = None;
            return;
        };
        let (distance, aggregate) = run.choice();
        let key = (distance, aggregate, run.num_results());
        let known = self.confounds.as_ref();
        if run.num_results() > 0 && known.is_none_or(|(known, _)| *known != key) {
            self.confounds = Some((key, confounds(run)));
        }
    }
}

/// Hold the scores of a run against simple properties of its images.
pub fn confounds(run: &RunState) -> Vec<Confound> {
    let samples = |role: Role| -> Vec<Sample> {
        let scored = run.scores_of(role).filter_map(|(image, score)| {
            let statistics = run.attempts(image).first()?.statistics.as_ref()?;
            Some(Sample::new(score, &run.images[image].file, statistics))
        });
        scored.collect()
    };
    crate::runs::confounds::confounds(&samples(Role::InDomain), &samples(Role::OutOfDomain))
}
