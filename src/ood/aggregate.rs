//! From the distances of an image's attempts to its score.

use serde::{Deserialize, Serialize};

/// How the distances of an image's attempts become one score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aggregate {
    /// The middle value, or the mean of the two middle values (LMD, Section 3.3).
    Median,
    /// The arithmetic mean.
    Mean,
    Min,
    Max,
}

impl Aggregate {
    /// All ways, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Median, Self::Mean, Self::Min, Self::Max];

    /// The name in files and options.
    pub fn name(self) -> &'static str {
        match self {
            Self::Median => "median",
            Self::Mean => "mean",
            Self::Min => "min",
            Self::Max => "max",
        }
    }

    /// The score; `None` for no attempts. Higher is more out of domain.
    pub fn score(self, distances: &[f64]) -> Option<f64> {
        if distances.is_empty() {
            return None;
        }
        let mut sorted = distances.to_vec();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len();
        Some(match self {
            Self::Median => sorted[(count - 1) / 2].midpoint(sorted[count / 2]),
            // Summed in sorted order, so that the result does not depend on the order of arrival.
            Self::Mean => sorted.iter().sum::<f64>() / count as f64,
            Self::Min => sorted[0],
            Self::Max => sorted[count - 1],
        })
    }
}

/// Positions of the attempts that are the median: one for an odd count, the two middle ones
/// (the lower distance first) for an even count, none for no attempts. Those that are not finite numbers do not count.
pub fn median_attempts(distances: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..distances.len())
        .filter(|&index| distances[index].is_finite())
        .collect();
    order.sort_by(|&a, &b| distances[a].total_cmp(&distances[b]).then(a.cmp(&b)));
    match order.len() {
        0 => Vec::new(),
        count if count % 2 == 1 => vec![order[count / 2]],
        count => vec![order[count / 2 - 1], order[count / 2]],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_on_an_even_count() {
        let distances = [4.0, 1.0, 3.0, 10.0];
        assert_eq!(Aggregate::Median.score(&distances), Some(3.5));
        assert_eq!(Aggregate::Mean.score(&distances), Some(4.5));
        assert_eq!(Aggregate::Min.score(&distances), Some(1.0));
        assert_eq!(Aggregate::Max.score(&distances), Some(10.0));
        assert_eq!(Aggregate::Median.score(&[]), None);
    }

    #[test]
    fn both_middle_attempts_are_the_median_of_an_even_count() {
        assert_eq!(median_attempts(&[4.0, 1.0, 3.0, 10.0]), [2, 0]);
        assert_eq!(median_attempts(&[4.0, 1.0, 3.0]), [2]);
        assert_eq!(median_attempts(&[]), [0; 0]);
        assert_eq!(median_attempts(&[f64::NAN, 1.0, f64::INFINITY]), [1]);
    }
}
