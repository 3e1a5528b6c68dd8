//! Finished runs side by side: the area under the ROC curve of each, by each distance and aggregation.

use std::path::PathBuf;
use std::sync::Arc;

use super::saving::patiently;
use crate::detectors::measures;
use crate::ood::auroc::TwoSamples;
use crate::ood::{Aggregate, Interval, MeasureId, Role};
use crate::runs::file::{self, StoredScores};

/// A run that is compared.
#[derive(Clone, Debug)]
pub struct ComparedRun {
    pub scores: Arc<StoredScores>,
    /// One row for each distance and aggregation.
    pub rows: Vec<ComparedRow>,
}

/// One way to score a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ComparedRow {
    pub distance: MeasureId,
    /// How attempts become a score.
    pub aggregate: Aggregate,
    /// The area with its interval; `None` where a class is missing.
    pub auroc: Option<(f64, Option<Interval>)>,
    /// In-domain images with a score.
    pub num_in: usize,
    /// Out-of-domain images with a score.
    pub num_out: usize,
}

/// The score of each image of a run, in their order.
pub fn scores(run: &StoredScores, measure: MeasureId, aggregate: Aggregate) -> Vec<Option<f64>> {
    let attempts = run.attempts.iter();
    attempts
        .map(|attempts| measures::score(attempts, measure, aggregate))
        .collect()
}

/// Read the finished ones of these runs; `level` is the confidence of the intervals. What can't be read is left out: the
/// list of runs says why.
pub fn compare(paths: &[PathBuf], level: f64) -> Vec<Arc<ComparedRun>> {
    let read = |path: &PathBuf| {
        let scores = patiently(|| file::read_scores(path)).ok()?;
        scores.is_finished().then(|| {
            let scores = Arc::new(scores);
            Arc::new(ComparedRun {
                rows: rows(&scores, level),
                scores,
            })
        })
    };
    paths.iter().filter_map(read).collect()
}

fn rows(run: &StoredScores, level: f64) -> Vec<ComparedRow> {
    let first = run.attempts.iter().flatten().next();
    let measured = first.map_or(&[][..], |values| values.ids());
    let detector = run.manifest.settings().method.detector;
    let ways = measures::available(measured)
        .into_iter()
        .flat_map(|distance| {
            // All are the same of one attempt.
            let aggregates = match detector.that_measures(distance).num_attempts() {
                1 => &[Aggregate::Median][..],
                _ => &Aggregate::ALL,
            };
            aggregates
                .iter()
                .map(move |aggregate| (distance, *aggregate))
        });
    ways.map(|(distance, aggregate)| {
        let all = scores(run, distance, aggregate);
        let of = |role: Role| -> Vec<f64> {
            let images = run.images.iter().zip(&all);
            images
                .filter(|(image, _)| image.role == role)
                .filter_map(|(_, score)| *score)
                .collect()
        };
        let (inside, outside) = (of(Role::InDomain), of(Role::OutOfDomain));
        let samples = TwoSamples::new(&inside, &outside).ok();
        ComparedRow {
            distance,
            aggregate,
            auroc: samples.map(|samples| (samples.auroc(), samples.quick_interval(level))),
            num_in: inside.len(),
            num_out: outside.len(),
        }
    })
    .collect()
}
