//! What the scores so far say: histograms, ROC curve, figures, and p-values of unknown images.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::run::RunState;
use crate::images::ContentHash;
use crate::ood::conformal::CalibrationScores;
use crate::ood::figures::{Figures, MissingClass, RocPoint, figures, roc_curve};
use crate::ood::histogram::Bins;
use crate::ood::{PerRole, Role};
use crate::runs::{CalibrationSet, Candidate, Marks, Verdict};
use crate::state::text;

/// Bins of the score histogram.
const NUM_BINS: usize = 32;

/// Points of the ROC curve that are drawn: more can't be told apart on a screen.
const MAX_DRAWN_POINTS: usize = 400;

/// Everything that the plots and tables show, computed from one state of the scores.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// Images with a score.
    pub num_scored: PerRole<usize>,
    /// Fewest and most attempts behind a score.
    pub attempts: Option<(usize, usize)>,
    /// The pooled figures, or which class is missing.
    pub figures: Result<Figures, MissingClass>,
    /// The same with roles as a person has corrected them; `None` where no image with a score has another role by that.
    /// Nothing else here goes by it: threshold and p-values stay those of the roles that the images were scored under.
    pub corrected: Option<Corrected>,
    /// The pooled ROC curve, thinned for drawing; both ends are kept.
    pub roc: Vec<RocPoint>,
    /// The score histograms; `None` before the first score.
    pub histogram: Option<ScoreHistogram>,
    /// The whole pooled ROC curve; empty where a class is missing.
    pub curve: Vec<RocPoint>,
    /// The in-domain scores.
    pub calibration: CalibrationScores,
    /// The out-of-domain scores, ascending.
    pub out_sorted: Vec<f64>,
    /// The images of unknown role, the strangest first, without verdicts: those change with the threshold.
    pub unknown: Vec<Verdict>,
    /// What p-values are against in place of the in-domain images.
    foreign: Option<CalibrationSet>,
    /// Images that the p-values are against.
    pub num_calibration: usize,
    /// The middle in-domain score; `None` before the first.
    pub in_domain_median: Option<f64>,
    /// One row per folder, in the order in which they were added.
    pub folders: Vec<FolderRow>,
}

/// Figures by corrected roles.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Corrected {
    /// Images with a score whose role is another one.
    pub num_images: usize,
    /// The pooled figures, or which class is missing.
    pub figures: Result<Figures, MissingClass>,
}

/// Score histograms of all roles over the same bins.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreHistogram {
    pub bins: Bins,
    /// Images in each bin.
    pub counts: PerRole<Vec<usize>>,
}

/// What is known of one folder.
#[derive(Clone, Debug, PartialEq)]
pub struct FolderRow {
    pub folder: Arc<PathBuf>,
    /// What it is for.
    pub role: Role,
    /// Images with a score.
    pub num_scored: usize,
    /// The middle score; `None` before the first.
    pub median_score: Option<f64>,
    /// For out-of-domain folders: its figures against all in-domain images.
    pub figures: Option<Figures>,
}

impl Analysis {
    /// Compute everything from the scores of `run`; unknown images are compared with `calibration_set`, or else with the
    /// in-domain images.
    pub fn of(run: &RunState, calibration_set: Option<CalibrationSet>) -> Self {
        // In order, so that the sorts to come find nothing left to do.
        let scores = PerRole::new(|role| {
            let scores = run.scores_of(role).map(|(_, score)| score);
            sorted(scores.collect())
        });
        let (in_scores, out_scores) = (&scores[Role::InDomain], &scores[Role::OutOfDomain]);
        let figures = figures(in_scores, out_scores);
        let curve = roc_curve(in_scores, out_scores).unwrap_or_default();
        let calibration = CalibrationScores::new(in_scores.iter().copied());
        let foreign = calibration_set.clone();
        let calibration_set = calibration_set.unwrap_or_else(|| CalibrationSet {
            calibration: calibration.clone(),
            contents: contents(run),
            threshold: None,
        });
        Self {
            num_scored: PerRole::new(|role| scores[role].len()),
            attempts: run.attempts_range(),
            folders: folder_rows(run, in_scores, figures.as_ref().ok()),
            figures,
            corrected: None,
            roc: thinned(&curve),
            curve,
            histogram: histogram(&scores),
            unknown: unknown(run, &calibration_set),
            foreign,
            num_calibration: calibration_set.calibration.count(),
            calibration,
            out_sorted: out_scores.clone(),
            in_domain_median: in_scores.get(in_scores.len() / 2).copied(),
        }
    }

    /// The same with the figures by the roles that these marks correct.
    #[must_use]
    pub fn corrected_by(self, run: &RunState, marks: &Marks) -> Self {
        Self {
            corrected: corrected(run, marks),
            ..self
        }
    }

    /// The conformal p-value of an image of the run; that of a calibration image is against the others.
    ///
    /// Asked for one by one: few are ever looked at.
    pub fn p_value(&self, run: &RunState, image: usize) -> Option<f64> {
        let (score, content) = (run.score(image)?, &run.images[image].file.hash);
        if let Some(foreign) = &self.foreign {
            return foreign.p_value(content, score);
        }
        (self.calibration.count() > 0).then(|| {
            if run.is_in_domain(content) {
                self.calibration.leave_one_out_p_value(score)
            } else {
                self.calibration.p_value(score)
            }
        })
    }

    /// The point of [`Self::curve`] where a score lies: all images with at least this score are flagged there; `None`
    /// where a class is missing.
    pub fn position_on_curve(&self, score: f64) -> Option<usize> {
        let flagged = self.curve.partition_point(|point| point.threshold >= score);
        flagged.checked_sub(1)
    }

    /// How many images and attempts are behind the numbers, in words.
    pub fn basis(&self) -> String {
        let attempts = match self.attempts {
            None => return "No image has a score yet".to_owned(),
            Some((min, max)) if min == max => text::counted(min, "attempt"),
            Some((min, max)) => format!("{min} to {max} attempts"),
        };
        format!(
            "{} in-domain, {} out-of-domain, {attempts} each",
            text::count(self.num_scored[Role::InDomain]),
            text::count(self.num_scored[Role::OutOfDomain]),
        )
    }
}

fn corrected(run: &RunState, marks: &Marks) -> Option<Corrected> {
    if marks.is_empty() {
        return None;
    }
    let mut scores = PerRole::new(|_| Vec::new());
    let mut num_images = 0;
    for (index, image) in run.images.iter().enumerate() {
        let Some(score) = run.score(index) else {
            continue;
        };
        let role = marks.role_of(image);
        num_images += usize::from(role != image.role);
        scores[role].push(score);
    }
    (num_images > 0).then(|| Corrected {
        num_images,
        figures: figures(&scores[Role::InDomain], &scores[Role::OutOfDomain]),
    })
}

fn histogram(scores: &PerRole<Vec<f64>>) -> Option<ScoreHistogram> {
    let all = scores.values().iter().flatten().copied();
    let bins = Bins::covering(all, NUM_BINS)?;
    let counts = PerRole::new(|role| bins.histogram(&scores[role]));
    Some(ScoreHistogram { bins, counts })
}

fn sorted(mut scores: Vec<f64>) -> Vec<f64> {
    scores.sort_unstable_by(f64::total_cmp);
    scores
}

/// The contents of the in-domain images that have a score; none where there is no image to be compared with them.
fn contents(run: &RunState) -> HashSet<ContentHash> {
    if run.scores_of(Role::Unknown).next().is_none() {
        return HashSet::new();
    }
    run.scores_of(Role::InDomain)
        .map(|(image, _)| run.images[image].file.hash)
        .collect()
}

fn unknown(run: &RunState, calibration_set: &CalibrationSet) -> Vec<Verdict> {
    let candidates: Vec<Candidate> = run
        .scores_of(Role::Unknown)
        .map(|(image, score)| Candidate {
            image,
            content: run.images[image].file.hash,
            score,
        })
        .collect();
    let mut verdicts = calibration_set.judge(&candidates);
    verdicts.sort_by(|a, b| b.score.total_cmp(&a.score));
    verdicts
}

/// Keep the ends and the corners that a screen can show.
fn thinned(points: &[RocPoint]) -> Vec<RocPoint> {
    if points.len() <= MAX_DRAWN_POINTS {
        return points.to_vec();
    }
    let cell = 1.0 / MAX_DRAWN_POINTS as f64;
    let last = points.len() - 1;
    let mut kept: Vec<RocPoint> = Vec::with_capacity(2 * MAX_DRAWN_POINTS);
    for (index, &point) in points.iter().enumerate() {
        let is_far = kept
            .last()
            .is_none_or(|previous| point.fpr - previous.fpr + point.tpr - previous.tpr >= cell);
        if is_far || index == last {
            kept.push(point);
        }
    }
    kept
}

/// `pooled`: the figures of all out-of-domain images, which are those of a folder that holds them all.
fn folder_rows(run: &RunState, in_scores: &[f64], pooled: Option<&Figures>) -> Vec<FolderRow> {
    let mut rows: Vec<(Arc<PathBuf>, Role, Vec<f64>)> = Vec::new();
    for (index, image) in run.images.iter().enumerate() {
        // Images of a folder are neighbors, so the last row nearly always matches.
        let position = rows
            .iter()
            .rposition(|(folder, role, _)| *role == image.role && *folder == image.folder);
        let row = position.unwrap_or_else(|| {
            rows.push((Arc::clone(&image.folder), image.role, Vec::new()));
            rows.len() - 1
        });
        rows[row].2.extend(run.score(index));
    }
    rows.into_iter()
        .map(|(folder, role, scores)| {
            let scores = sorted(scores);
            FolderRow {
                folder,
                role,
                num_scored: scores.len(),
                figures: match pooled {
                    _ if role != Role::OutOfDomain => None,
                    Some(pooled) if pooled.num_out == scores.len() => Some(*pooled),
                    _ => figures(in_scores, &scores).ok(),
                },
                median_score: scores.get(scores.len() / 2).copied(),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::{ResultLog, RunSettings};
    use crate::state::decision::{Decision, DecisionSettings};
    use crate::state::session::testing::{result, run_images};
    use crate::worker::protocol::JobId;

    fn analysis(in_scores: &[f64], out_scores: &[f64]) -> Analysis {
        let log = Arc::new(ResultLog::default());
        let images = run_images(in_scores.len(), out_scores.len()).into();
        let mut run = RunState::new(JobId(0), RunSettings::default(), images, Arc::clone(&log));
        log.extend(
            in_scores
                .iter()
                .chain(out_scores)
                .enumerate()
                .map(|(image, &score)| result(image, 0, score)),
        );
        run.absorb();
        Analysis::of(&run, None)
    }

    #[test]
    fn separated_classes_give_a_perfect_curve_and_a_row_a_folder() {
        let in_scores: Vec<f64> = (0..40).map(f64::from).collect();
        let out_scores: Vec<f64> = (100..120).map(f64::from).collect();
        let analysis = analysis(&in_scores, &out_scores);
        assert_eq!(analysis.figures.unwrap().auroc, 1.0);
        assert_eq!(analysis.num_scored.values(), [40, 20, 0]);
        assert_eq!(
            analysis.basis(),
            "40 in-domain, 20 out-of-domain, 1 attempt each"
        );
        let decision = Decision::of(&analysis, &DecisionSettings::default(), None);
        assert_eq!(decision.threshold, Ok(38.0), "the 39th smallest of 40");
        let confusion = decision.confusion.unwrap();
        assert_eq!((confusion.hits, confusion.false_alarms), (20, 1));
        assert!(
            decision
                .sentence
                .starts_with("From 40 in-domain images alone")
        );
        let rows: Vec<(Role, usize)> = analysis
            .folders
            .iter()
            .map(|row| (row.role, row.num_scored))
            .collect();
        assert_eq!(rows, [(Role::InDomain, 40), (Role::OutOfDomain, 20)]);
        assert_eq!(analysis.folders[1].figures.unwrap().auroc, 1.0);
        let histogram = analysis.histogram.unwrap();
        assert_eq!(histogram.counts[Role::InDomain].iter().sum::<usize>(), 40);
        assert_eq!(
            histogram.counts[Role::OutOfDomain].iter().sum::<usize>(),
            20
        );
    }

    #[test]
    fn a_missing_class_and_too_few_images_are_said() {
        let analysis = analysis(&[0.1, 0.2], &[]);
        assert_eq!(analysis.figures, Err(MissingClass::OutOfDomain));
        assert_eq!(analysis.roc, []);
        let decision = Decision::of(&analysis, &DecisionSettings::default(), None);
        let reason = decision.threshold.unwrap_err();
        assert!(reason.starts_with("A false-alarm rate of 5 % needs at least 19"));
        assert_eq!(decision.confusion, None);
        let youden = decision.ways[3].clone().unwrap_err();
        assert!(youden.contains("no out-of-domain scores"), "{youden}");
    }

    #[test]
    fn a_long_curve_is_thinned_but_keeps_its_ends() {
        let mut state = 1_u64;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as f64
        };
        let in_scores: Vec<f64> = (0..5_000).map(|_| random()).collect();
        let out_scores: Vec<f64> = (0..5_000).map(|_| random()).collect();
        let roc = analysis(&in_scores, &out_scores).roc;
        assert!(roc.len() <= 2 * MAX_DRAWN_POINTS + 2, "{}", roc.len());
        assert_eq!((roc[0].fpr, roc[0].tpr), (0.0, 0.0));
        let last = roc.last().unwrap();
        assert_eq!((last.fpr, last.tpr), (1.0, 1.0));
    }
}
