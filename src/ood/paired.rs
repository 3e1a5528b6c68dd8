//! Whether one way to score is better than another on the same images.
//!
//! DeLong, DeLong and Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating
//! characteristic curves" (Biometrics 44, 1988): the areas of two scorings of the same images vary together, and the
//! interval of their difference takes that into account.

use super::auroc::{TwoSamples, mean, normal_quantile};
use super::figures::MissingClass;
use super::interval::Interval;

/// The areas under the ROC curves of two scorings of the same images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedAreas {
    /// The area of the first scoring.
    pub first: f64,
    /// The area of the second scoring.
    pub second: f64,
    /// Standard error of `first - second`; `None` with fewer than two images of a role.
    pub standard_error: Option<f64>,
}

impl PairedAreas {
    /// Compare two scores of each image; all must be finite.
    pub fn new(
        in_domain: &[(f64, f64)],
        out_of_domain: &[(f64, f64)],
    ) -> Result<Self, MissingClass> {
        let of = |scores: &[(f64, f64)], pick: fn(&(f64, f64)) -> f64| -> Vec<f64> {
            scores.iter().map(pick).collect()
        };
        let samples = |pick| TwoSamples::new(&of(in_domain, pick), &of(out_of_domain, pick));
        let (first_under, first_over) = samples(|pair| pair.0)?.placements();
        let (second_under, second_over) = samples(|pair| pair.1)?.placements();
        // The covariance of the paper's Eq. 4 to 6 with the contrast (1, -1) is the variance of the differences.
        let part = |first: &[f64], second: &[f64]| {
            let differences: Vec<f64> = first.iter().zip(second).map(|(a, b)| a - b).collect();
            let middle = mean(&differences);
            let squares: f64 = differences.iter().map(|d| (d - middle).powi(2)).sum();
            squares / ((differences.len() - 1) * differences.len()) as f64
        };
        let is_enough = in_domain.len() > 1 && out_of_domain.len() > 1;
        Ok(Self {
            first: mean(&first_over),
            second: mean(&second_over),
            standard_error: is_enough.then(|| {
                (part(&first_under, &second_under) + part(&first_over, &second_over)).sqrt()
            }),
        })
    }

    /// `first - second`, in [-1, 1].
    pub fn difference(&self) -> f64 {
        self.first - self.second
    }

    /// The interval of [`Self::difference`]; `None` where the images do not tell how much it would vary: too few of them,
    /// or both scorings order them alike.
    pub fn interval(&self, level: f64) -> Option<Interval> {
        let error = self.standard_error.filter(|error| *error > 0.0)?;
        let half = normal_quantile(0.5 * (1.0 + level)) * error;
        Some(Interval {
            low: (self.difference() - half).max(-1.0),
            high: (self.difference() + half).min(1.0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_equal_scorings_differ_by_nothing_and_say_nothing_of_chance() {
        let pairs = |values: &[f64]| -> Vec<(f64, f64)> {
            values.iter().map(|&value| (value, 2.0 * value)).collect()
        };
        let areas = PairedAreas::new(&pairs(&[0.1, 0.2, 0.5]), &pairs(&[0.3, 0.6])).unwrap();
        assert_eq!(areas.difference(), 0.0);
        assert_eq!(areas.interval(0.95), None);
        assert_eq!(
            PairedAreas::new(&[], &[(1.0, 1.0)]),
            Err(MissingClass::InDomain)
        );
    }
}
