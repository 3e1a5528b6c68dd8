//! Histograms of scores with bins shared between the roles, so that the bars can be laid over each other.

/// Evenly spaced bins.
#[derive(Clone, Debug, PartialEq)]
pub struct Bins {
    /// Left edge of the first bin.
    pub start: f64,
    /// Width of each bin, above 0.
    pub width: f64,
    /// Number of bins, at least 1.
    pub count: usize,
}

impl Bins {
    /// Bins that cover all finite scores; `None` where there are none.
    ///
    /// Equal scores get one bin of a small width around them.
    pub fn covering(scores: impl IntoIterator<Item = f64>, count: usize) -> Option<Self> {
        let (min, max) = scores
            .into_iter()
            .filter(|score| score.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), score| {
                (min.min(score), max.max(score))
            });
        if min > max {
            return None;
        }
        let count = count.max(1);
        if min == max {
            let half = (min.abs() * 0.05).max(1e-6);
            return Some(Self {
                start: min - half,
                width: 2.0 * half,
                count: 1,
            });
        }
        Some(Self {
            start: min,
            width: (max - min) / count as f64,
            count,
        })
    }

    /// Number of finite scores in each bin; a score on the last edge belongs to the last bin.
    pub fn histogram(&self, scores: &[f64]) -> Vec<usize> {
        let mut counts = vec![0; self.count];
        for score in scores.iter().filter(|score| score.is_finite()) {
            let bin = ((score - self.start) / self.width).floor();
            if bin >= 0.0 && *score <= self.start + self.width * self.count as f64 * (1.0 + 1e-12) {
                counts[(bin as usize).min(self.count - 1)] += 1;
            }
        }
        counts
    }

    /// Left and right edge of a bin.
    pub fn edges(&self, bin: usize) -> (f64, f64) {
        let left = self.start + self.width * bin as f64;
        (left, left + self.width)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_score_lands_in_a_bin_once() {
        let scores = [0.0, 0.1, 0.25, 0.5, 0.75, 1.0];
        let bins = Bins::covering(scores, 4).unwrap();
        assert_eq!(bins.histogram(&scores), [2, 1, 1, 2]);
        assert_eq!(bins.edges(3), (0.75, 1.0));
    }

    #[test]
    fn equal_scores_share_one_bin() {
        let bins = Bins::covering([0.3; 5], 20).unwrap();
        assert_eq!(bins.histogram(&[0.3; 5]), [5]);
        assert_eq!(Bins::covering([f64::NAN], 20), None);
    }
}
