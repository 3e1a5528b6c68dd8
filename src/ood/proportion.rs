//! A share of images with its exact interval.

use serde::{Deserialize, Serialize};

use super::beta;
use super::interval::Interval;

/// `hits` of `trials`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proportion {
    /// Images of which something holds.
    pub hits: usize,
    /// All images, at least `hits`.
    pub trials: usize,
}

impl Proportion {
    /// The share; `None` of no images.
    pub fn rate(&self) -> Option<f64> {
        (self.trials > 0).then(|| self.hits as f64 / self.trials as f64)
    }

    /// The exact interval of Clopper and Pearson (Biometrika 26, 1934): it holds the true share with a confidence of
    /// `level` or more, whatever that share is. All of [0, 1] for no images.
    pub fn interval(&self, level: f64) -> Interval {
        let tail = 0.5 * (1.0 - level);
        let (hits, misses) = (self.hits as f64, (self.trials - self.hits) as f64);
        Interval {
            low: if self.hits == 0 {
                0.0
            } else {
                beta::quantile(hits, misses + 1.0, tail)
            },
            high: if self.hits == self.trials {
                1.0
            } else {
                beta::quantile(hits + 1.0, misses, 1.0 - tail)
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_images_tell_nothing() {
        let nothing = Proportion { hits: 0, trials: 0 };
        assert_eq!(nothing.rate(), None);
        let all = Interval {
            low: 0.0,
            high: 1.0,
        };
        assert_eq!(nothing.interval(0.95), all);
    }

    #[test]
    fn the_rule_of_three_holds_about() {
        let none = Proportion {
            hits: 0,
            trials: 100,
        };
        // One-sided 95 % is two-sided 90 %: 1 - 0.05^(1/100).
        let high = none.interval(0.9).high;
        assert!((high - (1.0 - 0.05_f64.powf(0.01))).abs() < 1e-12);
    }
}
