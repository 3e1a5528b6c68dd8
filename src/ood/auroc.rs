//! How sure one can be of an area under the ROC curve.

use serde::{Deserialize, Serialize};
use statrs::function::erf::{erfc, erfc_inv};

use super::figures::MissingClass;
use super::interval::Interval;
use super::random::SplitMix64;

/// An area under the ROC curve with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AurocInterval {
    /// The area itself.
    pub auroc: f64,
    /// Where the true one lies.
    pub interval: Interval,
    /// Confidence of the interval, in (0, 1).
    pub level: f64,
    /// How the interval came about.
    pub kind: IntervalKind,
}

/// How an interval of an area came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IntervalKind {
    /// Images drawn again within each role, with bias and acceleration corrected.
    Bootstrap,
    /// No out-of-domain score is below an in-domain one: resampling would show no doubt at all, so a one-sided bound
    /// stands in its place.
    LowerBound,
    /// The same the other way round.
    UpperBound,
}

/// In-domain and out-of-domain scores prepared for many areas.
#[derive(Clone, Debug)]
pub struct TwoSamples {
    /// For each in-domain score the position of its value among all distinct values, ascending.
    in_domain: Vec<u32>,
    /// The same for each out-of-domain score.
    out_of_domain: Vec<u32>,
    num_values: usize,
}

impl TwoSamples {
    /// Rank the scores, which must be finite; equal scores share a rank.
    pub fn new(in_scores: &[f64], out_scores: &[f64]) -> Result<Self, MissingClass> {
        if in_scores.is_empty() {
            return Err(MissingClass::InDomain);
        }
        if out_scores.is_empty() {
            return Err(MissingClass::OutOfDomain);
        }
        let mut values = [in_scores, out_scores].concat();
        values.sort_by(f64::total_cmp);
        values.dedup();
        let ranks = |scores: &[f64]| {
            scores
                .iter()
                .map(|&score| values.partition_point(|&value| value < score) as u32)
                .collect()
        };
        Ok(Self {
            in_domain: ranks(in_scores),
            out_of_domain: ranks(out_scores),
            num_values: values.len(),
        })
    }

    fn num_in(&self) -> usize {
        self.in_domain.len()
    }

    fn num_out(&self) -> usize {
        self.out_of_domain.len()
    }

    /// The area under the ROC curve.
    pub fn auroc(&self) -> f64 {
        let (_, over) = self.placements();
        mean(&over)
    }

    /// For each in-domain image the share of out-of-domain images above it, and for each out-of-domain image the share of
    /// in-domain images below it; ties count half.
    pub(super) fn placements(&self) -> (Vec<f64>, Vec<f64>) {
        let count = |ranks: &[u32]| {
            let mut counts = vec![0_usize; self.num_values];
            for &rank in ranks {
                counts[rank as usize] += 1;
            }
            counts
        };
        // Doubled shares of a sample below each rank, so that ties stay whole numbers.
        let doubled_below = |counts: &[usize]| {
            let mut below = 0;
            counts
                .iter()
                .map(|&here| {
                    let doubled = 2 * below + here;
                    below += here;
                    doubled
                })
                .collect::<Vec<usize>>()
        };
        let out_below = doubled_below(&count(&self.out_of_domain));
        let in_below = doubled_below(&count(&self.in_domain));
        let (num_in, num_out) = (self.num_in() as f64, self.num_out() as f64);
        let under = self
            .in_domain
            .iter()
            .map(|&rank| (2 * self.num_out() - out_below[rank as usize]) as f64 / (2.0 * num_out));
        let over = self
            .out_of_domain
            .iter()
            .map(|&rank| in_below[rank as usize] as f64 / (2.0 * num_in));
        (under.collect(), over.collect())
    }

    /// The area with its interval from `num_draws` stratified resamples (BCa: Efron, J. Am. Stat. Assoc. 82, 1987), the
    /// same for the same seed.
    ///
    /// Where no score of one role lies among those of the other, the bound of [`separation_bound`] takes its place; and no
    /// interval promises more than that bound would after perfect separation.
    pub fn interval(&self, level: f64, num_draws: usize, seed: u64) -> AurocInterval {
        let (under, over) = self.placements();
        let auroc = mean(&over);
        let bound = separation_bound(self.num_in(), self.num_out(), level);
        let made = |kind, low, high| AurocInterval {
            auroc,
            interval: Interval { low, high },
            level,
            kind,
        };
        if auroc >= 1.0 {
            return made(IntervalKind::LowerBound, bound, 1.0);
        }
        if auroc <= 0.0 {
            return made(IntervalKind::UpperBound, 0.0, 1.0 - bound);
        }
        let mut draws = self.resampled(num_draws, seed);
        draws.sort_by(f64::total_cmp);
        let acceleration = acceleration(auroc, &under, &over);
        let (low, high) = bca_ends(&draws, auroc, acceleration, level);
        made(
            IntervalKind::Bootstrap,
            low.min(bound),
            high.max(1.0 - bound),
        )
    }

    /// Areas of samples drawn with replacement within each role.
    fn resampled(&self, num_draws: usize, seed: u64) -> Vec<f64> {
        let mut random = SplitMix64::new(seed);
        let mut counts = vec![[0_u32; 2]; self.num_values];
        let pairs = 2.0 * self.num_in() as f64 * self.num_out() as f64;
        (0..num_draws)
            .map(|_| {
                counts.fill([0; 2]);
                for (side, ranks) in [&self.in_domain, &self.out_of_domain]
                    .into_iter()
                    .enumerate()
                {
                    for _ in 0..ranks.len() {
                        counts[ranks[random.below(ranks.len())] as usize][side] += 1;
                    }
                }
                let (mut below, mut doubled) = (0_u64, 0_u64);
                for &[num_in, num_out] in &counts {
                    let (num_in, num_out) = (u64::from(num_in), u64::from(num_out));
                    doubled += num_out * (2 * below + num_in);
                    below += num_in;
                }
                doubled as f64 / pairs
            })
            .collect()
    }

    /// The standard error of the area by DeLong, DeLong and Clarke-Pearson (Biometrics 44, 1988); `None` with fewer than
    /// two images of a role.
    pub fn standard_error(&self) -> Option<f64> {
        if self.num_in() < 2 || self.num_out() < 2 {
            return None;
        }
        let (under, over) = self.placements();
        let part = |placements: &[f64]| {
            let middle = mean(placements);
            let squares: f64 = placements.iter().map(|p| (p - middle).powi(2)).sum();
            squares / ((placements.len() - 1) * placements.len()) as f64
        };
        Some((part(&under) + part(&over)).sqrt())
    }

    /// A quick interval from [`Self::standard_error`], symmetric on the scale of log-odds so that it stays in [0, 1], and
    /// bounded as [`Self::interval`] is.
    pub fn quick_interval(&self, level: f64) -> Option<Interval> {
        let auroc = self.auroc();
        let error = self.standard_error()?;
        if !(auroc > 0.0 && auroc < 1.0) {
            let bound = separation_bound(self.num_in(), self.num_out(), level);
            return Some(if auroc > 0.0 {
                Interval {
                    low: bound,
                    high: 1.0,
                }
            } else {
                Interval {
                    low: 0.0,
                    high: 1.0 - bound,
                }
            });
        }
        let odds = (auroc / (1.0 - auroc)).ln();
        let half = normal_quantile(0.5 * (1.0 + level)) * error / (auroc * (1.0 - auroc));
        let share = |log_odds: f64| 1.0 / (1.0 + (-log_odds).exp());
        let bound = separation_bound(self.num_in(), self.num_out(), level);
        Some(Interval {
            low: share(odds - half).min(bound),
            high: share(odds + half).max(1.0 - bound),
        })
    }
}

/// The exact one-sided lower bound of the area after perfect separation of two samples.
///
/// Pair up the images of the two roles as far as they go: each pair is in order with a probability that is the true area,
/// and perfect separation needs all of them in order, so it happens with a probability of at most area^min(n, m). Areas
/// below `(1 - level)^(1 / min(n, m))` are thereby refuted. Some distributions reach that probability, so no better bound
/// holds for all.
pub fn separation_bound(num_in: usize, num_out: usize, level: f64) -> f64 {
    (1.0 - level).powf(1.0 / num_in.min(num_out).max(1) as f64)
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The acceleration of the two-sample problem from its jackknife, which leaves `placement - area` for each image.
fn acceleration(auroc: f64, under: &[f64], over: &[f64]) -> f64 {
    let power_sum = |placements: &[f64], power: i32| {
        let sum: f64 = placements.iter().map(|p| (p - auroc).powi(power)).sum();
        sum / (placements.len() as f64).powi(power)
    };
    let variance = power_sum(under, 2) + power_sum(over, 2);
    let skew = power_sum(under, 3) + power_sum(over, 3);
    if variance > 0.0 {
        skew / (6.0 * variance.powf(1.5))
    } else {
        0.0
    }
}

/// Ends of the BCa interval from ascending resampled values.
fn bca_ends(sorted: &[f64], estimate: f64, acceleration: f64, level: f64) -> (f64, f64) {
    let below = sorted.partition_point(|&draw| draw < estimate);
    let up_to = sorted.partition_point(|&draw| draw <= estimate);
    let count = sorted.len() as f64;
    // Ties count half; never all or none, whose quantile is infinite.
    let share = ((below + up_to) as f64 / (2.0 * count)).clamp(0.5 / count, 1.0 - 0.5 / count);
    let bias = normal_quantile(share);
    let end = |tail: f64| {
        let z = bias + normal_quantile(tail);
        let adjusted = normal_distribution(bias + z / (1.0 - acceleration * z));
        interpolated(sorted, adjusted)
    };
    let tail = 0.5 * (1.0 - level);
    (end(tail), end(1.0 - tail))
}

/// The quantile of ascending values, linear between them.
pub(super) fn interpolated(sorted: &[f64], probability: f64) -> f64 {
    let position = probability.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let low = position.floor() as usize;
    let high = (low + 1).min(sorted.len() - 1);
    sorted[low] + (sorted[high] - sorted[low]) * (position - low as f64)
}

/// The standard normal distribution function.
pub fn normal_distribution(x: f64) -> f64 {
    0.5 * erfc(-x / std::f64::consts::SQRT_2)
}

/// Its inverse, for probabilities in (0, 1).
pub fn normal_quantile(probability: f64) -> f64 {
    -std::f64::consts::SQRT_2 * erfc_inv(2.0 * probability)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perfect_separation_gives_the_bound_and_not_a_collapsed_interval() {
        let low: Vec<f64> = (0..200).map(f64::from).collect();
        let high: Vec<f64> = (1000..1100).map(f64::from).collect();
        let found = TwoSamples::new(&low, &high).unwrap().interval(0.95, 100, 0);
        assert_eq!(found.kind, IntervalKind::LowerBound);
        assert_eq!(found.interval.high, 1.0);
        assert!((found.interval.low.powi(100) - 0.05).abs() < 1e-12);
        let turned = TwoSamples::new(&high, &low).unwrap().interval(0.95, 100, 0);
        assert_eq!(turned.kind, IntervalKind::UpperBound);
        assert_eq!(turned.interval.high, 1.0 - found.interval.low);
    }

    #[test]
    fn the_same_seed_gives_the_same_interval() {
        let in_scores: Vec<f64> = (0..50).map(|i| f64::from(i * 37 % 50)).collect();
        let out_scores: Vec<f64> = (0..40).map(|i| 20.0 + f64::from(i * 17 % 40)).collect();
        let samples = TwoSamples::new(&in_scores, &out_scores).unwrap();
        let first = samples.interval(0.95, 500, 7);
        assert_eq!(first, samples.interval(0.95, 500, 7));
        assert_ne!(first.interval, samples.interval(0.95, 500, 8).interval);
        let quick = samples.quick_interval(0.95).unwrap();
        assert!((quick.low - first.interval.low).abs() < 0.02, "{quick:?}");
        assert!((quick.high - first.interval.high).abs() < 0.02, "{quick:?}");
    }

    #[test]
    fn equal_scores_have_no_order() {
        let samples = TwoSamples::new(&[1.0; 5], &[1.0; 7]).unwrap();
        let found = samples.interval(0.95, 100, 0);
        assert_eq!(found.auroc, 0.5);
        assert_eq!((found.interval.low, found.interval.high), (0.5, 0.5));
    }
}
