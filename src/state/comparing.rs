//! Two runs, or two ways to score, side by side on the same images.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::analysis::Analysis;
use super::run::RunState;
use super::session::Session;
use crate::images::ContentHash;
use crate::ood::conformal::Calibration;
use crate::ood::figures::{RocPoint, roc_curve};
use crate::ood::paired::PairedAreas;
use crate::ood::{Aggregate, MeasureId, Role};
use crate::worker::comparing::{ComparedRow, ComparedRun, scores};
use crate::worker::protocol::{JobId, RunsCommand};

/// One way to score one stored run.
#[derive(Clone, Debug, PartialEq)]
pub struct RowKey {
    /// The run file.
    pub path: PathBuf,
    /// The distance.
    pub distance: MeasureId,
    /// How attempts become a score.
    pub aggregate: Aggregate,
}

/// What the table and the comparison show.
#[derive(Debug, Default)]
pub struct Comparing {
    /// Whether the table is open.
    pub is_open: bool,
    /// The finished runs, the newest first; `None` while they are read.
    pub runs: Option<Vec<Arc<ComparedRun>>>,
    /// Rows of one distance only.
    pub distance: Option<MeasureId>,
    /// Rows of one aggregation only.
    pub aggregate: Option<Aggregate>,
    /// What the shown run is held against.
    pub chosen: Option<RowKey>,
    /// The comparison, once there is one.
    pub pair: Option<Arc<Pair>>,
    reading: Option<JobId>,
    paired: Option<(Arc<Analysis>, u64)>,
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
    /// The images.
    pub points: Vec<PairPoint>,
    /// Images of the shown run that the other one did not score.
    pub num_only_first: usize,
    /// Images of the other run that the shown one did not score.
    pub num_only_second: usize,
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

fn thresholds(inside: &[(f64, f64)], rate: f64) -> Option<[f64; 2]> {
    let first = Calibration::new(inside.iter().map(|pair| pair.0));
    let second = Calibration::new(inside.iter().map(|pair| pair.1));
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

impl Session {
    pub(super) fn toggle_compare(&mut self) {
        self.comparing.is_open = !self.comparing.is_open;
        if self.comparing.is_open {
            self.keeping.is_list_open = false;
            self.read_compared();
        }
    }

    /// Read the finished runs among the recent ones, and the one that was opened.
    fn read_compared(&mut self) {
        let recent = self.keeping.shelf.iter().flat_map(|shelf| &shelf.runs);
        let mut paths: Vec<PathBuf> = recent
            .filter(|run| run.is_finished())
            .map(|run| run.path.clone())
            .collect();
        for path in self.kept_files().into_iter().chain(self.comparing.known()) {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        let job = self.mint_job();
        self.comparing.reading = Some(job);
        self.send_runs(RunsCommand::Compare {
            job,
            paths,
            level: self.settings.decision.level,
        });
    }

    pub(super) fn compared(&mut self, job: JobId, runs: &[Arc<ComparedRun>]) {
        if self
            .comparing
            .reading
            .take_if(|known| *known == job)
            .is_some()
        {
            self.comparing.runs = Some(runs.to_vec());
            self.pair_up();
        }
    }

    pub(super) fn compare_with(&mut self, key: Option<RowKey>) {
        self.comparing.chosen = key;
        self.pair_up();
    }

    /// Compare anew where the scores or the false-alarm rate have changed.
    pub(super) fn pair_anew(&mut self) {
        if !self.comparing.is_open || self.comparing.chosen.is_none() {
            return;
        }
        let rate = self.settings.decision.false_alarm_rate.to_bits();
        let of = self.analysis.clone().map(|analysis| (analysis, rate));
        let is_same = match (&of, &self.comparing.paired) {
            (Some(now), Some(then)) => Arc::ptr_eq(&now.0, &then.0) && now.1 == then.1,
            (now, then) => now.is_none() && then.is_none(),
        };
        if !is_same {
            self.comparing.paired = of;
            self.pair_up();
        }
    }

    /// Bring the comparison up to date.
    pub(super) fn pair_up(&mut self) {
        let comparing = &self.comparing;
        let found = comparing.chosen.as_ref().and_then(|key| {
            let runs = comparing.runs.as_ref()?;
            let run = runs.iter().find(|run| run.scores.path == key.path)?;
            Some((key, run))
        });
        let rate = self.settings.decision.false_alarm_rate;
        let pair = found
            .zip(self.run.as_ref())
            .map(|((key, other), run)| Arc::new(Pair::of(run, other, key, rate)));
        self.comparing.pair = pair;
    }
}

impl Comparing {
    fn known(&self) -> Vec<PathBuf> {
        let runs = self.runs.iter().flatten();
        runs.map(|run| run.scores.path.clone()).collect()
    }

    /// The rows that are shown, the largest area first.
    pub fn rows(&self) -> Vec<(&Arc<ComparedRun>, ComparedRow)> {
        let mut rows: Vec<_> = self
            .runs
            .iter()
            .flatten()
            .flat_map(|run| run.rows.iter().map(move |row| (run, *row)))
            .filter(|(_, row)| self.distance.is_none_or(|d| d == row.distance))
            .filter(|(_, row)| self.aggregate.is_none_or(|a| a == row.aggregate))
            .collect();
        let area = |row: &ComparedRow| row.auroc.map_or(-1.0, |(auroc, _)| auroc);
        rows.sort_by(|a, b| area(&b.1).total_cmp(&area(&a.1)));
        rows
    }
}
