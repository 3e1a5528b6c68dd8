//! New images judged against in-domain ones: p-value, q-value and verdict.

use std::collections::HashSet;

use crate::images::ContentHash;
use crate::ood::conformal::CalibrationScores;
use crate::ood::discoveries::Discoveries;

/// What new images are compared with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CalibrationSet {
    /// In-domain scores; may be empty, then there are no p-values.
    pub calibration: CalibrationScores,
    /// The contents behind them: such an image gets its p-value from the others.
    pub contents: HashSet<ContentHash>,
    /// Images with a higher score are called out-of-domain; `None` where there is no threshold.
    pub threshold: Option<f64>,
}

/// One image to be judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Index into the run's images.
    pub image: usize,
    /// The file's content.
    pub content: ContentHash,
    /// Higher is more out of domain.
    pub score: f64,
}

/// What is said of one image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Index into the run's images.
    pub image: usize,
    /// Higher is more out of domain.
    pub score: f64,
    /// The conformal p-value; `None` without calibration scores.
    pub p_value: Option<f64>,
    /// The smallest false-discovery rate at which the image is on the list of Benjamini and Hochberg; `None` for images
    /// of the calibration set as well, which take no part in the list.
    pub q_value: Option<f64>,
    /// Whether it is called out-of-domain; `None` without a threshold.
    pub is_out: Option<bool>,
}

impl Verdict {
    /// The verdict in files and on screen.
    pub fn name(&self) -> &'static str {
        match self.is_out {
            Some(true) => "out-of-domain",
            Some(false) => "in-domain",
            None => "",
        }
    }

    /// Whether the image is on the list at a false-discovery rate.
    pub fn is_discovery(&self, rate: f64) -> bool {
        // As `Discoveries::contains`: a tie belongs to the list.
        self.q_value.is_some_and(|q| q <= rate * (1.0 + 1e-12))
    }
}

impl CalibrationSet {
    /// The conformal p-value of an image, of a calibration image against the others; `None` without calibration scores.
    pub fn p_value(&self, content: &ContentHash, score: f64) -> Option<f64> {
        (self.calibration.count() > 0).then(|| {
            if self.contents.contains(content) {
                self.calibration.leave_one_out_p_value(score)
            } else {
                self.calibration.p_value(score)
            }
        })
    }

    /// Judge all images together, in their order: q-values depend on the others.
    pub fn judge(&self, candidates: &[Candidate]) -> Vec<Verdict> {
        let is_known = |candidate: &Candidate| self.contents.contains(&candidate.content);
        let mut verdicts: Vec<Verdict> = candidates
            .iter()
            .map(|candidate| Verdict {
                image: candidate.image,
                score: candidate.score,
                p_value: self.p_value(&candidate.content, candidate.score),
                q_value: None,
                is_out: self.threshold.map(|threshold| candidate.score > threshold),
            })
            .collect();
        let (positions, p_values): (Vec<usize>, Vec<f64>) = candidates
            .iter()
            .zip(&verdicts)
            .enumerate()
            .filter(|(_, (candidate, _))| !is_known(candidate))
            .filter_map(|(position, (_, verdict))| Some((position, verdict.p_value?)))
            .unzip();
        let discoveries = Discoveries::new(&p_values, 0.0);
        for (position, q_value) in positions.into_iter().zip(discoveries.q_values) {
            verdicts[position].q_value = Some(q_value);
        }
        verdicts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calibration_images_are_held_against_the_others_and_join_no_list() {
        let calibration_set = CalibrationSet {
            calibration: CalibrationScores::new((0..19).map(f64::from)),
            contents: HashSet::from([ContentHash([18; 32])]),
            threshold: Some(18.0),
        };
        let candidate = |byte, score| Candidate {
            image: usize::from(byte),
            content: ContentHash([byte; 32]),
            score,
        };
        let found = calibration_set.judge(&[candidate(18, 18.0), candidate(99, 18.5)]);
        assert_eq!(found[0].p_value, Some(1.0 / 19.0));
        assert_eq!(found[0].q_value, None);
        assert_eq!(found[0].name(), "in-domain");
        assert_eq!(found[1].p_value, Some(1.0 / 20.0));
        assert_eq!(found[1].q_value, Some(0.05));
        assert_eq!(found[1].name(), "out-of-domain");
        assert!(found[1].is_discovery(0.05) && !found[1].is_discovery(0.04));
    }
}
