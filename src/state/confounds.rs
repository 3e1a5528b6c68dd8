//! The confounds of the window's run.

use super::run::RunState;
use crate::ood::Role;
use crate::runs::confounds::Sample;
pub use crate::runs::confounds::{Confound, differences_of_files};

/// Hold the scores of a run against simple properties of its images.
pub fn confounds(run: &RunState) -> Vec<Confound> {
    let samples = |role: Role| -> Vec<Sample> {
        let scored = run.scores_of(role).filter_map(|(image, score)| {
            let measures = run.attempts(image).first()?.measures.as_ref()?;
            Some(Sample::new(score, &run.images[image].file, measures))
        });
        scored.collect()
    };
    crate::runs::confounds::confounds(&samples(Role::InDomain), &samples(Role::OutOfDomain))
}
