//! Figures of merit of a detector. Out-of-domain is the positive class, a higher score is more out of domain.
//!
//! Ties are handled as scikit-learn handles them: images with equal scores cross a threshold together.

use serde::{Deserialize, Serialize};

/// A figure needs both classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MissingClass {
    /// No in-domain scores.
    #[error("there are no in-domain scores, and every figure compares the two classes")]
    InDomain,
    /// No out-of-domain scores.
    #[error("there are no out-of-domain scores, and every figure compares the two classes")]
    OutOfDomain,
}

/// The figures of one distance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Area under the ROC curve: the chance that an out-of-domain image scores higher than an in-domain one,
    /// ties counting half.
    pub auroc: f64,
    /// Average precision with in-domain as the positive class.
    pub aupr_in: f64,
    /// Average precision with out-of-domain as the positive class.
    pub aupr_out: f64,
    /// False-alarm rate at the first threshold that finds 95 % of the out-of-domain images.
    pub fpr95: f64,
    /// [`Self::fpr95`] in the other orientation: the share of out-of-domain images let through at the first
    /// threshold that passes 95 % of the in-domain images.
    pub fpr95_in: f64,
    /// In-domain scores behind the figures.
    pub num_in: usize,
    /// Out-of-domain scores behind the figures.
    pub num_out: usize,
}

/// One point of the ROC curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RocPoint {
    /// Share of in-domain images with a score of `threshold` and up.
    pub fpr: f64,
    /// Share of out-of-domain images with a score of `threshold` and up.
    pub tpr: f64,
    /// An image is called out-of-domain from this score up; infinite at the first point.
    pub threshold: f64,
}

/// All figures; scores must be finite.
pub fn figures(in_scores: &[f64], out_scores: &[f64]) -> Result<Figures, MissingClass> {
    check_classes(in_scores, out_scores)?;
    let steps = steps(in_scores, out_scores);
    let negated = |scores: &[f64]| scores.iter().map(|score| -score).collect::<Vec<_>>();
    let in_steps = self::steps(&negated(out_scores), &negated(in_scores));
    Ok(Figures {
        auroc: auroc(&steps),
        aupr_in: average_precision(&in_steps),
        aupr_out: average_precision(&steps),
        fpr95: fpr_at_tpr(&steps, 0.95),
        fpr95_in: fpr_at_tpr(&in_steps, 0.95),
        num_in: in_scores.len(),
        num_out: out_scores.len(),
    })
}

/// The ROC curve with every threshold kept, from (0, 0) to (1, 1).
pub fn roc_curve(in_scores: &[f64], out_scores: &[f64]) -> Result<Vec<RocPoint>, MissingClass> {
    check_classes(in_scores, out_scores)?;
    let steps = steps(in_scores, out_scores);
    let (num_in, num_out) = (in_scores.len() as f64, out_scores.len() as f64);
    let start = RocPoint {
        fpr: 0.0,
        tpr: 0.0,
        threshold: f64::INFINITY,
    };
    let rest = steps.iter().map(|step| RocPoint {
        fpr: step.false_positives as f64 / num_in,
        tpr: step.true_positives as f64 / num_out,
        threshold: step.threshold,
    });
    Ok(std::iter::once(start).chain(rest).collect())
}

fn check_classes(in_scores: &[f64], out_scores: &[f64]) -> Result<(), MissingClass> {
    if in_scores.is_empty() {
        return Err(MissingClass::InDomain);
    }
    if out_scores.is_empty() {
        return Err(MissingClass::OutOfDomain);
    }
    Ok(())
}

/// Counts of images with a score of `threshold` and up.
struct Step {
    threshold: f64,
    false_positives: usize,
    true_positives: usize,
}

/// One step for each distinct score, highest first.
fn steps(negatives: &[f64], positives: &[f64]) -> Vec<Step> {
    let mut scores: Vec<(f64, bool)> = negatives
        .iter()
        .map(|&score| (score, false))
        .chain(positives.iter().map(|&score| (score, true)))
        .collect();
    scores.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut false_positives, mut true_positives) = (0, 0);
    scores
        .chunk_by(|a, b| a.0 == b.0)
        .map(|ties| {
            let num_positive = ties.iter().filter(|(_, is_positive)| *is_positive).count();
            true_positives += num_positive;
            false_positives += ties.len() - num_positive;
            Step {
                threshold: ties[0].0,
                false_positives,
                true_positives,
            }
        })
        .collect()
}

/// Trapezoids under the ROC curve, in whole numbers until the last division.
fn auroc(steps: &[Step]) -> f64 {
    let mut doubled_area: u128 = 0;
    let mut previous = (0_usize, 0_usize);
    for step in steps {
        let width = step.false_positives - previous.0;
        doubled_area += width as u128 * (step.true_positives + previous.1) as u128;
        previous = (step.false_positives, step.true_positives);
    }
    doubled_area as f64 / (2.0 * previous.0 as f64 * previous.1 as f64)
}

/// Sum over thresholds of (recall gained) x (precision there), without interpolation.
fn average_precision(steps: &[Step]) -> f64 {
    let num_positive = steps.last().map_or(0, |step| step.true_positives);
    let mut sum = 0.0;
    let mut previous = 0;
    for step in steps {
        let gained = step.true_positives - previous;
        previous = step.true_positives;
        let called = step.true_positives + step.false_positives;
        sum += gained as f64 * step.true_positives as f64 / called as f64;
    }
    sum / num_positive as f64
}

/// The false-positive rate at the first threshold whose true-positive rate reaches `tpr`.
fn fpr_at_tpr(steps: &[Step], tpr: f64) -> f64 {
    let Some(last) = steps.last() else {
        return f64::NAN;
    };
    let (num_negative, num_positive) = (last.false_positives, last.true_positives);
    steps
        .iter()
        .find(|step| step.true_positives as f64 / num_positive as f64 >= tpr)
        .map_or(1.0, |step| {
            step.false_positives as f64 / num_negative as f64
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_tied_scores_tell_nothing() {
        let figures = figures(&[1.0; 4], &[1.0; 6]).unwrap();
        assert_eq!(figures.auroc, 0.5);
        assert_eq!(figures.aupr_out, 0.6);
        assert_eq!(figures.aupr_in, 0.4);
        assert_eq!(figures.fpr95, 1.0);
    }

    #[test]
    fn a_missing_class_is_named() {
        assert_eq!(figures(&[], &[1.0]), Err(MissingClass::InDomain));
        assert_eq!(roc_curve(&[1.0], &[]), Err(MissingClass::OutOfDomain));
    }
}
