//! The scores of each image from its attempts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Report;
use crate::detectors::measures;
use crate::ood::aggregate::median_attempts;
use crate::ood::{Aggregate, MeasureId, Role};
use crate::runs::attempts::{self, AttemptsByImage};
use crate::runs::results::AttemptResult;

/// One image with at least one finished attempt.
#[derive(Clone, Debug)]
pub struct ImageScores {
    /// Index into the run's images.
    pub image: usize,
    /// What the image is there for.
    pub role: Role,
    /// The folder it came from.
    pub folder: Arc<PathBuf>,
    /// Finished attempts in order.
    pub attempts: Vec<Arc<AttemptResult>>,
    aggregate: Aggregate,
}

impl ImageScores {
    /// All images that have a result, in the run's order.
    pub fn collect(report: &Report<'_>) -> Vec<Self> {
        let attempts = AttemptsByImage::collect(report.images.len(), report.results);
        (report.images.iter().zip(attempts.iter()).enumerate())
            .filter(|(_, (_, attempts))| !attempts.is_empty())
            .map(|(index, (image, attempts))| Self {
                image: index,
                role: image.role,
                folder: Arc::clone(&image.folder),
                attempts: attempts.to_vec(),
                aggregate: report.settings.view.aggregate,
            })
            .collect()
    }

    /// The score by one measure; `None` where there is none.
    pub fn score(&self, measure: MeasureId) -> Option<f64> {
        attempts::score(&self.attempts, measure, self.aggregate)
    }

    /// The attempt to show for the score: its median, or else the one nearest to it, of those whose picture was kept.
    pub fn shown_attempt(&self, distance: MeasureId) -> Option<&Arc<AttemptResult>> {
        let distances = self.distances(distance);
        let score = self.score(distance)?;
        let mut by_nearness: Vec<usize> = (0..distances.len()).collect();
        by_nearness.sort_by(|&a, &b| {
            let off = |index: usize| (distances[index] - score).abs();
            off(a).total_cmp(&off(b))
        });
        let preferred = match self.aggregate {
            Aggregate::Median => median_attempts(&distances),
            Aggregate::Mean | Aggregate::Min | Aggregate::Max => Vec::new(),
        };
        preferred
            .iter()
            .chain(&by_nearness)
            .map(|&index| &self.attempts[index])
            .find(|attempt| attempt.inpainted.is_some())
            .or_else(|| self.attempts.first())
    }

    fn distances(&self, distance: MeasureId) -> Vec<f64> {
        self.attempts
            .iter()
            .map(|attempt| measures::value(&attempt.values, distance))
            .collect()
    }
}

/// The finite scores of one role.
pub(super) fn of_role(scores: &[ImageScores], role: Role, distance: MeasureId) -> Vec<f64> {
    scores
        .iter()
        .filter(|image| image.role == role)
        .filter_map(|image| image.score(distance))
        .collect()
}

/// The out-of-domain folders in the run's order.
pub(super) fn out_folders(scores: &[ImageScores]) -> Vec<Arc<PathBuf>> {
    let mut folders: Vec<Arc<PathBuf>> = Vec::new();
    for image in scores {
        if image.role == Role::OutOfDomain && !folders.contains(&image.folder) {
            folders.push(Arc::clone(&image.folder));
        }
    }
    folders
}

/// The images of an out-of-domain folder.
pub(super) fn of_folder<'a>(
    scores: &'a [ImageScores],
    folder: &'a Path,
) -> impl Iterator<Item = &'a ImageScores> + Clone {
    scores
        .iter()
        .filter(move |image| image.role == Role::OutOfDomain && **image.folder == *folder)
}

/// The out-of-domain folders in the run's order, each with its finite scores.
pub(super) fn of_out_folders(
    scores: &[ImageScores],
    distance: MeasureId,
) -> Vec<(Arc<PathBuf>, Vec<f64>)> {
    let finite = |folder: Arc<PathBuf>| {
        let images = of_folder(scores, &folder);
        let scores = images.filter_map(|image| image.score(distance)).collect();
        (folder, scores)
    };
    out_folders(scores).into_iter().map(finite).collect()
}
