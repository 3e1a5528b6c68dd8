//! What else than the pictures' content could make the scores of a report differ.

use super::Report;
use super::scores::ImageScores;
use crate::ood::Role;
use crate::runs::confounds::{Confound, Sample, confounds, differences_of_files};

/// The confounds of a run.
#[derive(Clone, Debug)]
pub(super) struct Confounding {
    /// How the files of the roles differ, a sentence each.
    pub differences: Vec<String>,
    /// What simple properties have to do with the score by the distance that the settings name.
    pub confounds: Vec<Confound>,
}

impl Confounding {
    pub fn new(report: &Report<'_>, scores: &[ImageScores]) -> Self {
        let samples = |role: Role| -> Vec<Sample> {
            let scored = scores.iter().filter(|image| image.role == role);
            let samples = scored.filter_map(|image| {
                let statistics = image.attempts.first()?.statistics.as_ref()?;
                let file = &report.images.get(image.image)?.file;
                let score = image.score(report.settings.view.measure)?;
                Some(Sample::new(score, file, statistics))
            });
            samples.collect()
        };
        Self {
            differences: differences_of_files(report.images),
            confounds: confounds(&samples(Role::InDomain), &samples(Role::OutOfDomain)),
        }
    }

    /// All that a reader should know, in words.
    pub fn warnings(&self) -> Vec<String> {
        let of_scores = self.confounds.iter().filter_map(Confound::warning);
        self.differences.iter().cloned().chain(of_scores).collect()
    }
}
