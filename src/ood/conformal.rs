//! A threshold from in-domain images alone (split conformal prediction: Vovk et al. 2005; Bates et al. 2023,
//! <https://arxiv.org/abs/2104.08279>).

use super::beta;
use super::interval::Interval;
use super::text::percent;

/// Too few in-domain images for a false-alarm rate.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum NoThreshold {
    /// The rate makes no sense.
    #[error("a false-alarm rate must lie between 0 and 1, got {0:?}")]
    Rate(f64),
    /// With so few images even the highest score is not rare enough.
    #[error(
        "a false-alarm rate of {} needs at least {needed} in-domain images with a score, got {have}; \
         add images or allow more false alarms",
        percent(*rate)
    )]
    TooFew {
        /// Images with a score.
        have: usize,
        /// The smallest number for the rate.
        needed: usize,
        rate: f64,
    },
}

/// The scores of in-domain images that the model was not trained on, sorted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CalibrationScores {
    /// Ascending and finite.
    sorted: Vec<f64>,
}

impl CalibrationScores {
    /// Keeps the finite scores; they may come in any order.
    pub fn new(scores: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = scores.into_iter().filter(|s| s.is_finite()).collect();
        sorted.sort_by(f64::total_cmp);
        Self { sorted }
    }

    /// Number of scores.
    pub fn count(&self) -> usize {
        self.sorted.len()
    }

    /// All scores, ascending.
    pub fn sorted(&self) -> &[f64] {
        &self.sorted
    }

    /// Scores of `score` and up.
    fn at_least(&self, score: f64) -> usize {
        self.sorted.len() - self.sorted.partition_point(|&other| other < score)
    }

    /// The conformal p-value of a new image: `(1 + #{calibration >= score}) / (n + 1)`.
    ///
    /// Small means that few calibration images look as strange. For a new in-domain image it is at most `rate` with a
    /// probability of at most `rate`.
    pub fn p_value(&self, score: f64) -> f64 {
        (1 + self.at_least(score)) as f64 / (self.sorted.len() + 1) as f64
    }

    /// The p-value of one of the calibration images against all others: a score must not vouch for itself.
    ///
    /// `score` must be one of the calibration scores; it counts once among those of `score` and up, which stands for the
    /// image itself: `(1 + #{others >= score}) / ((n - 1) + 1)`.
    pub fn leave_one_out_p_value(&self, score: f64) -> f64 {
        self.at_least(score).max(1) as f64 / self.sorted.len().max(1) as f64
    }

    /// The score above which an image is called out-of-domain at a false-alarm rate: the
    /// `ceil((n + 1)(1 - rate))`-th smallest calibration score.
    pub fn threshold(&self, false_alarm_rate: f64) -> Result<f64, NoThreshold> {
        let (have, rate) = (self.sorted.len(), false_alarm_rate);
        let needed = smallest_calibration(rate).ok_or(NoThreshold::Rate(rate))?;
        self.sorted
            .get(rank(have, rate) - 1)
            .filter(|_| have >= needed)
            .copied()
            .ok_or(NoThreshold::TooFew { have, needed, rate })
    }
}

/// The smallest number of calibration images that allows a false-alarm rate: 19 for 5 %, 99 for 1 %.
///
/// `None` for a rate outside (0, 1).
pub fn smallest_calibration(false_alarm_rate: f64) -> Option<usize> {
    if !(false_alarm_rate > 0.0 && false_alarm_rate < 1.0) {
        return None;
    }
    // Guards 1 / 0.05 = 20.000000000000004 and the like from being rounded up by one.
    Some(((1.0 / false_alarm_rate) * (1.0 - 1e-12)).ceil() as usize - 1)
}

/// Position of the threshold among `count` ascending scores, from 1.
fn rank(count: usize, false_alarm_rate: f64) -> usize {
    let rank = (count + 1) as f64 * (1.0 - false_alarm_rate) * (1.0 - 1e-12);
    (rank.ceil() as usize).max(1)
}

/// Where the false-alarm rate of a threshold lies that was set from `count` images, over all such sets of images: it
/// follows Beta(n + 1 - k, k) for the k-th smallest of n distinct scores (Vovk 2012, <https://arxiv.org/abs/1209.2673>,
/// Proposition 2a). The rate itself is kept on average only.
///
/// `None` where there are too few images for the rate.
pub fn rate_interval(count: usize, false_alarm_rate: f64, level: f64) -> Option<Interval> {
    let (above, rank) = shape(count, false_alarm_rate)?;
    let tail = 0.5 * (1.0 - level);
    Some(Interval {
        low: beta::quantile(above, rank, tail),
        high: beta::quantile(above, rank, 1.0 - tail),
    })
}

/// How many of `num_new` in-domain images such a threshold flags: the central interval of a beta-binomial distribution
/// that holds at least `level`, both ends included.
///
/// `None` where there are too few images for the rate.
pub fn false_alarm_range(
    count: usize,
    false_alarm_rate: f64,
    num_new: usize,
    level: f64,
) -> Option<(usize, usize)> {
    let (above, rank) = shape(count, false_alarm_rate)?;
    let tail = 0.5 * (1.0 - level);
    let mut below = 0.0;
    let (mut low, mut high) = (None, num_new);
    for flagged in 0..=num_new {
        below += beta::binomial_mass(above, rank, num_new, flagged);
        if low.is_none() && below > tail {
            low = Some(flagged);
        }
        if below >= 1.0 - tail {
            high = flagged;
            break;
        }
    }
    Some((low.unwrap_or(0), high))
}

/// Parameters of the beta distribution of the false-alarm rate.
fn shape(count: usize, false_alarm_rate: f64) -> Option<(f64, f64)> {
    if count < smallest_calibration(false_alarm_rate)? {
        return None;
    }
    let rank = rank(count, false_alarm_rate);
    Some(((count + 1 - rank) as f64, rank as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smallest_counts_of_the_usual_rates() {
        assert_eq!(smallest_calibration(0.05), Some(19));
        assert_eq!(smallest_calibration(0.01), Some(99));
        assert_eq!(smallest_calibration(0.001), Some(999));
        assert_eq!(smallest_calibration(0.0), None);
    }

    #[test]
    fn threshold_and_p_value_agree_for_every_count_and_rate() {
        for count in 1..60_usize {
            let calibration = CalibrationScores::new((0..count).map(|i| ((i * 37) % count) as f64));
            for rate in [0.05, 0.1, 0.2, 0.5] {
                let Ok(threshold) = calibration.threshold(rate) else {
                    assert!(
                        1.0 / (count + 1) as f64 > rate,
                        "{count} images allow {rate}"
                    );
                    continue;
                };
                for doubled in 0..=2 * count + 1 {
                    let score = doubled as f64 / 2.0 - 0.5;
                    assert_eq!(
                        score > threshold,
                        calibration.p_value(score) <= rate * (1.0 + 1e-12),
                        "score {score} of {count} at {rate}"
                    );
                }
            }
        }
    }

    #[test]
    fn an_image_does_not_vouch_for_itself() {
        let scores = [0.3, 0.1, 0.2, 0.2, 0.9];
        let calibration = CalibrationScores::new(scores);
        for (index, &score) in scores.iter().enumerate() {
            let others = scores
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index);
            let others = CalibrationScores::new(others.map(|(_, &other)| other));
            let expected = others.p_value(score);
            assert_eq!(calibration.leave_one_out_p_value(score), expected);
        }
    }

    #[test]
    fn too_few_images_are_said_with_the_number_needed() {
        let message = CalibrationScores::new([0.1; 18])
            .threshold(0.05)
            .unwrap_err();
        assert_eq!(
            message.to_string(),
            "a false-alarm rate of 5 % needs at least 19 in-domain images with a score, got 18; \
             add images or allow more false alarms"
        );
        assert!(CalibrationScores::new([0.1; 19]).threshold(0.05).is_ok());
        let message = CalibrationScores::new([0.1; 50])
            .threshold(0.001)
            .unwrap_err();
        assert!(message.to_string().contains("0.1 % needs at least 999"));
        assert_eq!(
            CalibrationScores::new([0.1]).threshold(1.0),
            Err(NoThreshold::Rate(1.0))
        );
    }
}
