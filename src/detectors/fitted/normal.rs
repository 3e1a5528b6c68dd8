//! A normal density over vectors, by the Cholesky factor of its covariance.

use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};

use super::numbers::Numbers;

/// A normal density in as many dimensions as its mean has values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Normal {
    mean: Numbers,
    /// The lower triangle of the factor L of the covariance L L', row by row; its diagonal is above 0.
    factor: Numbers,
}

impl Normal {
    /// `covariance` is square, row by row, and only its lower triangle is looked at; `None` where it is not positive definite.
    pub fn new(mean: Vec<f64>, covariance: &[f64]) -> Option<Self> {
        Some(Self {
            factor: Numbers(cholesky(covariance, mean.len())?),
            mean: Numbers(mean),
        })
    }

    pub fn mean(&self) -> &[f64] {
        &self.mean.0
    }

    /// Number of dimensions.
    pub fn num_dimensions(&self) -> usize {
        self.mean.0.len()
    }

    /// The square of the Mahalanobis distance of a vector from the mean.
    pub fn distance_squared(&self, vector: &[f64]) -> f64 {
        // y of L y = vector - mean; the distance is the length of y.
        let mut solved: Vec<f64> = Vec::with_capacity(self.num_dimensions());
        for (row, (value, mean)) in self.rows().zip(vector.iter().zip(&self.mean.0)) {
            let (diagonal, before) = row.split_last().unwrap_or((&f64::NAN, &[]));
            let known: f64 = before.iter().zip(&solved).map(|(l, y)| l * y).sum();
            solved.push((value - mean - known) / diagonal);
        }
        solved.iter().map(|y| y * y).sum()
    }

    /// Natural logarithm of the density at a vector.
    pub fn log_density(&self, vector: &[f64]) -> f64 {
        let log_volume: f64 = self.rows().filter_map(<[f64]>::last).map(|l| l.ln()).sum();
        -0.5 * (self.num_dimensions() as f64 * TAU.ln() + self.distance_squared(vector))
            - log_volume
    }

    /// Rows of the factor, each up to its diagonal.
    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        (0..self.num_dimensions()).map(|row| &self.factor.0[row * (row + 1) / 2..][..=row])
    }

    /// What can't be meant, in the words of a sentence's end.
    pub fn problem(&self) -> Option<&'static str> {
        let len = self.num_dimensions();
        if self.factor.0.len() != len * (len + 1) / 2 {
            return Some("a covariance has another size than its mean");
        }
        let mut numbers = self.mean.0.iter().chain(&self.factor.0);
        if !numbers.all(|number| number.is_finite()) {
            return Some("a number is not finite");
        }
        let mut diagonal = self.rows().filter_map(<[f64]>::last);
        (!diagonal.all(|value| *value > 0.0)).then_some("a covariance is not positive definite")
    }
}

/// The lower triangle of L, where L L' is the matrix, row by row; `None` where that is not positive definite.
fn cholesky(matrix: &[f64], len: usize) -> Option<Vec<f64>> {
    let start = |row: usize| row * (row + 1) / 2;
    let mut factor: Vec<f64> = Vec::with_capacity(start(len));
    for row in 0..len {
        for column in 0..=row {
            let (ours, theirs) = (&factor[start(row)..], &factor[start(column)..]);
            let known: f64 = (ours.iter().zip(theirs).take(column))
                .map(|(a, b)| a * b)
                .sum();
            let rest = matrix[row * len + column] - known;
            if column < row {
                factor.push(rest / factor[start(column) + column]);
            } else if rest > 0.0 && rest.is_finite() {
                factor.push(rest.sqrt());
            } else {
                return None;
            }
        }
    }
    Some(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_density_of_two_dimensions_is_that_of_the_formula() {
        let normal = Normal::new(vec![1.0, -2.0], &[4.0, 9.9, 2.0, 3.0]).unwrap();
        // The inverse of (4 2; 2 3) is (3 -2; -2 4) / 8.
        let (x, y) = (2.0, 1.0);
        let expected = (3.0 * x * x - 4.0 * x * y + 4.0 * y * y) / 8.0;
        let found = normal.distance_squared(&[1.0 + x, -2.0 + y]);
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        let log = -0.5 * expected - (TAU * 8.0_f64.sqrt()).ln();
        let found = normal.log_density(&[1.0 + x, -2.0 + y]);
        assert!((found - log).abs() < 1e-12, "{found} {log}");
        assert_eq!(normal.problem(), None);
    }

    #[test]
    fn what_is_no_covariance_has_no_factor() {
        for matrix in [
            [1.0, 1.0, 1.0, 1.0],
            [1.0, 0.0, 2.0, 1.0],
            [0.0, 0.0, 0.0, 1.0],
            [1.0, 0.0, 0.0, f64::NAN],
            [f64::INFINITY, 0.0, 0.0, 1.0],
        ] {
            assert_eq!(Normal::new(vec![0.0; 2], &matrix), None, "{matrix:?}");
        }
    }

    #[test]
    fn a_damaged_density_is_told_by_its_reason() {
        let sound = Normal::new(vec![0.0, 0.0], &[1.0, 0.0, 0.0, 1.0]).unwrap();
        let damaged = |change: fn(&mut Normal)| {
            let mut normal = sound.clone();
            change(&mut normal);
            normal.problem().unwrap()
        };
        assert!(damaged(|normal| normal.mean.0.push(0.0)).contains("another size"));
        assert!(damaged(|normal| normal.mean.0[0] = f64::NAN).contains("not finite"));
        assert!(damaged(|normal| normal.factor.0[2] = 0.0).contains("definite"));
    }
}
