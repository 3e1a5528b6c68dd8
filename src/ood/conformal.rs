//! A threshold from in-domain images alone (split conformal prediction: Vovk et al. 2005; Bates et al. 2023,
//! <https://arxiv.org/abs/2104.08279>).

/// The conformal p-value of a score: `(1 + #{calibration >= score}) / (n + 1)`.
///
/// Small means that few calibration images look as strange. `calibration` may be in any order.
pub fn p_value(calibration: &[f64], score: f64) -> f64 {
    let at_least = calibration.iter().filter(|&&other| other >= score).count();
    (1 + at_least) as f64 / (calibration.len() + 1) as f64
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

/// The score above which an image is called out-of-domain at a false-alarm rate: the
/// `ceil((n + 1)(1 - rate))`-th smallest calibration score.
///
/// `None` where there are too few calibration images for the rate (see [`smallest_calibration`]).
pub fn threshold(calibration: &[f64], false_alarm_rate: f64) -> Option<f64> {
    let count = calibration.len();
    if count < smallest_calibration(false_alarm_rate)? {
        return None;
    }
    let rank = ((count + 1) as f64 * (1.0 - false_alarm_rate) * (1.0 - 1e-12)).ceil() as usize;
    let mut sorted = calibration.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(rank.max(1) - 1).copied()
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
            let calibration: Vec<f64> = (0..count).map(|i| ((i * 37) % count) as f64).collect();
            for rate in [0.05, 0.1, 0.2, 0.5] {
                let Some(threshold) = threshold(&calibration, rate) else {
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
                        p_value(&calibration, score) <= rate * (1.0 + 1e-12),
                        "score {score} of {count} at {rate}"
                    );
                }
            }
        }
    }
}
