//! The run that is shown and another one on the images that both scored.

use std::collections::HashMap;
use std::sync::Arc;

use super::Shown;
use super::analysis::Analysis;
use super::run::RunState;
use crate::engine::comparing::{ComparedRun, scores};
use crate::images::ContentHash;
use crate::ood::Role;
use crate::ood::conformal::CalibrationScores;
use crate::ood::figures::{RocPoint, roc_curve};
use crate::ood::paired::PairedAreas;
use crate::runs::RunSettings;
use crate::state::comparing::{Comparing, RowKey};

/// The run next to the one that was chosen for comparison.
#[derive(Debug, Default)]
pub struct Pairing {
    /// The comparison, once there is one.
    pub pair: Option<Arc<Pair>>,
    /// The scores and the false-alarm rate that it was made of.
    made_of: Option<(Arc<Analysis>, u64)>,
}

impl Shown {
    /// Compare again where the scores or the false-alarm rate have changed; call once a frame.
    pub(in crate::state) fn pair_again(&mut self, comparing: &Comparing, false_alarm_rate: f64) {
        if !comparing.is_open || comparing.chosen.is_none() {
            return;
        }
        let now = self.analysis.clone();
        let now = now.map(|analysis| (analysis, false_alarm_rate.to_bits()));
        let is_same = match (&now, &self.pairing.made_of) {
            (Some(now), Some(then)) => Arc::ptr_eq(&now.0, &then.0) && now.1 == then.1,
            (now, then) => now.is_none() && then.is_none(),
        };
        if !is_same {
            self.pairing.made_of = now;
            self.pair_up(comparing, false_alarm_rate);
        }
    }

    /// Bring the comparison up to date.
    pub(in crate::state) fn pair_up(&mut self, comparing: &Comparing, false_alarm_rate: f64) {
        self.pairing.pair = comparing
            .chosen_run()
            .zip(self.run.as_ref())
            .map(|((key, other), run)| Arc::new(Pair::of(run, other, key, false_alarm_rate)));
    }
}

/// An image that both runs scored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairPoint {
    /// Its id in the shown run.
    pub image: usize,
    /// What it is there for.
    pub role: Role,
    /// Its score in the shown run.
    pub first: f64,
    /// Its score in the other one.
    pub second: f64,
}

/// The shown run and another one on the images that both scored.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    pub points: Vec<PairPoint>,
    /// Images of the shown run that the other one did not score.
    pub num_only_first: usize,
    /// Images of the other run that the shown one did not score.
    pub num_only_second: usize,
    /// How the other run was made differently, besides distance and aggregation; `None` where both have the same numbers for
    /// the same image.
    pub difference: Option<String>,
    /// Both areas and what their difference is worth; `None` where a class is missing.
    pub areas: Option<PairedAreas>,
    /// Both ROC curves; empty where a class is missing.
    pub curves: [Vec<RocPoint>; 2],
    /// The thresholds at the same false-alarm rate, each from the in-domain images of its own scores; `None` where there
    /// are too few for the rate.
    pub thresholds: Option<[f64; 2]>,
    /// The images whose verdict differs, positions in `points`, the clearest change first.
    pub changed: Vec<usize>,
}

impl Pair {
    /// Hold the scores of a run against those of another one. Images are the same where content and role are.
    pub fn of(run: &RunState, other: &ComparedRun, key: &RowKey, false_alarm_rate: f64) -> Self {
        let others = scores(&other.scores, key.distance, key.aggregate);
        let mut second: HashMap<(ContentHash, Role), f64> = HashMap::new();
        for (image, score) in other.scores.images.iter().zip(others) {
            if let Some(score) = score {
                second.entry((image.file.hash, image.role)).or_insert(score);
            }
        }
        let num_second = second.len();
        let mut num_first = 0;
        let mut points = Vec::new();
        for (id, image) in run.images.iter().enumerate() {
            let Some(first) = run.score(id) else { continue };
            num_first += 1;
            if let Some(second) = second.remove(&(image.file.hash, image.role)) {
                points.push(PairPoint {
                    image: id,
                    role: image.role,
                    first,
                    second,
                });
            }
        }
        let of = |role: Role| -> Vec<(f64, f64)> {
            let of_role = points.iter().filter(|point| point.role == role);
            of_role.map(|point| (point.first, point.second)).collect()
        };
        let (inside, outside) = (of(Role::InDomain), of(Role::OutOfDomain));
        let thresholds = thresholds(&inside, false_alarm_rate);
        Self {
            num_only_first: num_first - points.len(),
            num_only_second: num_second - points.len(),
            difference: difference(run, other, key),
            areas: PairedAreas::new(&inside, &outside).ok(),
            curves: [
                curve(&inside, &outside, |p| p.0),
                curve(&inside, &outside, |p| p.1),
            ],
            changed: thresholds.map_or_else(Vec::new, |t| changed(&points, t)),
            thresholds,
            points,
        }
    }
}

fn curve(
    inside: &[(f64, f64)],
    outside: &[(f64, f64)],
    pick: impl Fn(&(f64, f64)) -> f64 + Copy,
) -> Vec<RocPoint> {
    let of = |scores: &[(f64, f64)]| -> Vec<f64> { scores.iter().map(pick).collect() };
    roc_curve(&of(inside), &of(outside)).unwrap_or_default()
}

/// By the one definition of the same numbers: model and settings. Of runs by several detectors those count that the two scores
/// come from, unless all are the same.
fn difference(run: &RunState, other: &ComparedRun, key: &RowKey) -> Option<String> {
    let manifest = &other.scores.manifest;
    let uses_model = |settings: &RunSettings, measure| {
        settings.method.detector.that_measures(measure).uses_model()
    };
    let is_by_model =
        uses_model(&run.settings, run.choice().0) || uses_model(&manifest.settings(), key.distance);
    let model = run.model.as_ref().filter(|_| is_by_model);
    let model = model.and_then(|model| {
        let compared = model.identity.compare(&manifest.model.identity);
        compared.difference().map(|_| "another model".to_owned())
    });
    let (ours, theirs) = (run.settings.clone(), manifest.settings());
    let names = if ours.method == theirs.method {
        Vec::new()
    } else {
        let (ours, theirs) = (
            ours.of_measure(run.choice().0),
            theirs.of_measure(key.distance),
        );
        ours.differences(&theirs)
    };
    let settings = (!names.is_empty()).then(|| format!("other settings: {}", names.join(", ")));
    let found: Vec<String> = model.into_iter().chain(settings).collect();
    (!found.is_empty()).then(|| found.join("; "))
}

fn thresholds(inside: &[(f64, f64)], rate: f64) -> Option<[f64; 2]> {
    let first = CalibrationScores::new(inside.iter().map(|pair| pair.0));
    let second = CalibrationScores::new(inside.iter().map(|pair| pair.1));
    Some([first.threshold(rate).ok()?, second.threshold(rate).ok()?])
}

/// How far above its threshold a score is, as a share of the threshold.
fn excess(score: f64, threshold: f64) -> f64 {
    (score - threshold) / threshold.abs().max(f64::MIN_POSITIVE)
}

fn changed(points: &[PairPoint], thresholds: [f64; 2]) -> Vec<usize> {
    let [first, second] = thresholds;
    let mut changed: Vec<usize> = (0..points.len())
        .filter(|&index| {
            let point = &points[index];
            (point.first > first) != (point.second > second)
        })
        .collect();
    let clarity = |&index: &usize| {
        let point: &PairPoint = &points[index];
        (excess(point.first, first) - excess(point.second, second)).abs()
    };
    changed.sort_by(|a, b| clarity(b).total_cmp(&clarity(a)));
    changed
}
