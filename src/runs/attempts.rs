//! The results of a run by image, as every reader takes them from the log: window, figures and report.

use std::sync::Arc;

use super::results::AttemptResult;
use crate::detectors::measures;
use crate::ood::{Aggregate, MeasureId};

/// The attempts of each image in the order of their numbers, whatever the order in which they came: batches mix attempts.
///
/// They are shared, not copied: there may be hundreds of thousands.
#[derive(Clone, Debug, Default)]
pub struct AttemptsByImage(Vec<Vec<Arc<AttemptResult>>>);

impl AttemptsByImage {
    /// None yet of any of `num_images` images.
    pub fn new(num_images: usize) -> Self {
        Self(vec![Vec::new(); num_images])
    }

    /// Those of `results`; results of other images are left out.
    pub fn collect(num_images: usize, results: &[Arc<AttemptResult>]) -> Self {
        let mut collected = Self::new(num_images);
        for result in results {
            collected.add(result);
        }
        collected
    }

    /// Put one result in its place; `false` where it is of no image of the run.
    pub fn add(&mut self, result: &Arc<AttemptResult>) -> bool {
        let Some(attempts) = self.0.get_mut(result.image) else {
            return false;
        };
        let position = attempts.partition_point(|known| known.attempt < result.attempt);
        attempts.insert(position, Arc::clone(result));
        true
    }

    /// The attempts of an image; empty before its first one.
    pub fn of(&self, image: usize) -> &[Arc<AttemptResult>] {
        self.0.get(image).map_or(&[], Vec::as_slice)
    }

    /// The attempts of each image, in the run's order.
    pub fn iter(&self) -> impl Iterator<Item = &[Arc<AttemptResult>]> + Clone {
        self.0.iter().map(Vec::as_slice)
    }
}

/// The score of an image from its attempts; `None` where there is none.
pub fn score(
    attempts: &[Arc<AttemptResult>],
    measure: MeasureId,
    aggregate: Aggregate,
) -> Option<f64> {
    let values = attempts.iter().map(|result| &result.values);
    measures::score(values, measure, aggregate)
}
