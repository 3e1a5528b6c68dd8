//! Ways to set a threshold. An image is called out-of-domain when its score is **above** it.

use serde::{Deserialize, Serialize};

use super::conformal::{CalibrationScores, NoThreshold};
use super::figures::{MissingClass, RocPoint, roc_curve};

/// How a threshold is set.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "rule")]
pub enum ThresholdRule {
    /// From in-domain images alone: new ones like them are flagged at most at this rate.
    FalseAlarmRate {
        /// In (0, 1).
        rate: f64,
    },
    /// By hand.
    ByHand,
    /// The highest threshold that finds this share of the out-of-domain images.
    HitRate {
        /// In (0, 1].
        rate: f64,
    },
    /// The largest difference between hit rate and false-alarm rate (Youden, Cancer 3, 1950).
    Youden,
    /// The lowest expected cost of an image.
    LowestCost(Costs),
}

/// What mistakes cost, and how often there is something to find.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Costs {
    /// Cost of an out-of-domain image that is let through, 0 or more.
    pub miss: f64,
    /// Cost of an in-domain image that is flagged, 0 or more.
    pub false_alarm: f64,
    /// Share of out-of-domain images where the detector will work, in [0, 1].
    pub out_share: f64,
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            miss: 10.0,
            false_alarm: 1.0,
            out_share: 0.1,
        }
    }
}

impl Costs {
    /// The expected cost of an image.
    pub fn expected(&self, tpr: f64, fpr: f64) -> f64 {
        self.out_share * self.miss * (1.0 - tpr) + (1.0 - self.out_share) * self.false_alarm * fpr
    }
}

/// Why a rule gives no threshold.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum RuleError {
    /// Too few in-domain images.
    #[error(transparent)]
    Calibration(#[from] NoThreshold),
    /// The rule weighs both classes.
    #[error("this way to set the threshold needs images of both roles: {0}")]
    Class(#[from] MissingClass),
    /// A number in the rule makes no sense.
    #[error("{what} must lie between {low} and {high}, got {got:?}")]
    Number {
        /// Which number.
        what: &'static str,
        low: f64,
        high: f64,
        /// As given.
        got: f64,
    },
    /// A threshold by hand comes from the hand.
    #[error("a threshold set by hand does not follow from the scores")]
    ByHand,
}

impl ThresholdRule {
    /// The threshold by this rule.
    pub fn threshold(&self, in_scores: &[f64], out_scores: &[f64]) -> Result<f64, RuleError> {
        let calibration = CalibrationScores::new(in_scores.iter().copied());
        let curve = roc_curve(in_scores, out_scores);
        self.on_curve(&calibration, curve.as_deref().map_err(|missing| *missing))
    }

    /// The same from parts that are at hand: the in-domain scores and the whole ROC curve, or why there is none.
    pub fn on_curve(
        &self,
        calibration: &CalibrationScores,
        curve: Result<&[RocPoint], MissingClass>,
    ) -> Result<f64, RuleError> {
        match *self {
            Self::FalseAlarmRate { rate } => Ok(calibration.threshold(rate)?),
            Self::ByHand => Err(RuleError::ByHand),
            Self::HitRate { rate } => {
                check("the hit rate", rate, 0.0, 1.0)?;
                let curve = curve?;
                let found = curve.iter().position(|point| point.tpr >= rate);
                Ok(below(curve, found.unwrap_or(curve.len() - 1)))
            }
            Self::Youden => Ok(best(curve?, |point| point.tpr - point.fpr)),
            Self::LowestCost(costs) => {
                check("the cost of a miss", costs.miss, 0.0, f64::MAX)?;
                check(
                    "the cost of a false alarm",
                    costs.false_alarm,
                    0.0,
                    f64::MAX,
                )?;
                check(
                    "the share of out-of-domain images",
                    costs.out_share,
                    0.0,
                    1.0,
                )?;
                let cost = |point: &RocPoint| costs.expected(point.tpr, point.fpr);
                Ok(best(curve?, |point| -cost(point)))
            }
        }
    }
}

fn check(what: &'static str, got: f64, low: f64, high: f64) -> Result<(), RuleError> {
    if got >= low && got <= high {
        Ok(())
    } else {
        Err(RuleError::Number {
            what,
            low,
            high,
            got,
        })
    }
}

/// The threshold of the best point; of equally good ones the highest, which flags the fewest.
fn best(curve: &[RocPoint], merit: impl Fn(&RocPoint) -> f64) -> f64 {
    let mut found = (0, f64::NEG_INFINITY);
    for (index, point) in curve.iter().enumerate() {
        let merit = merit(point);
        // Rounding must not decide between points that are equally good.
        if merit > found.1 + 1e-12 * found.1.abs().min(1.0) {
            found = (index, merit);
        }
    }
    below(curve, found.0)
}

/// A threshold that flags exactly the images of a point of the curve, halfway to the next lower score.
///
/// # Panics
/// If there is no point `index`.
pub fn below(curve: &[RocPoint], index: usize) -> f64 {
    let Some(next) = curve.get(index + 1) else {
        // All images are flagged.
        return curve[index].threshold.next_down();
    };
    let here = curve[index].threshold;
    if here.is_infinite() {
        return next.threshold;
    }
    let middle = here.midpoint(next.threshold);
    // Neighboring floats have nothing between them.
    if middle < here {
        middle
    } else {
        next.threshold
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IN: [f64; 5] = [0.1, 0.2, 0.3, 0.4, 0.9];
    const OUT: [f64; 4] = [0.35, 0.6, 0.7, 0.8];

    fn threshold(rule: ThresholdRule) -> f64 {
        rule.threshold(&IN, &OUT).unwrap()
    }

    #[test]
    fn each_rule_lies_between_the_scores_it_separates() {
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12, "{found}");
        // All four at 0.35 and up; 0.3 is the next lower score.
        near(threshold(ThresholdRule::HitRate { rate: 0.95 }), 0.325);
        near(threshold(ThresholdRule::HitRate { rate: 0.75 }), 0.5);
        // 1 - 2/5 at 0.35 beats 3/4 - 1/5 at 0.6.
        near(threshold(ThresholdRule::Youden), 0.325);
    }

    #[test]
    fn costs_move_the_threshold() {
        let costs = |miss, false_alarm, out_share| {
            threshold(ThresholdRule::LowestCost(Costs {
                miss,
                false_alarm,
                out_share,
            }))
        };
        assert!(costs(100.0, 1.0, 0.5) < 0.35, "misses are dear: find all");
        assert_eq!(costs(1.0, 100.0, 0.5), 0.9, "alarms are dear: flag none");
        assert_eq!(costs(1.0, 1.0, 0.0), 0.9, "there is nothing to find");
        assert!(costs(1.0, 1.0, 1.0) < 0.35, "there is nothing else");
    }

    #[test]
    fn a_rule_that_lacks_something_says_so() {
        let of = |rule: ThresholdRule, out: &[f64]| rule.threshold(&IN, out).unwrap_err();
        assert!(
            of(ThresholdRule::Youden, &[])
                .to_string()
                .contains("no out-of-domain")
        );
        let rate = ThresholdRule::FalseAlarmRate { rate: 0.05 };
        assert!(of(rate, &OUT).to_string().contains("at least 19"));
        let costs = Costs {
            out_share: 1.5,
            ..Costs::default()
        };
        let rule = ThresholdRule::LowestCost(costs);
        assert!(of(rule, &OUT).to_string().contains("between 0 and 1"));
    }
}
