//! A band around the ROC curve.

use super::figures::RocPoint;
use super::interval::Interval;
use super::proportion::Proportion;

/// The box around one point of the curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RocBox {
    /// Where the true false-alarm rate of the point's threshold lies.
    pub fpr: Interval,
    /// Where its true hit rate lies.
    pub tpr: Interval,
}

/// For each point of a curve the box that holds its threshold's true rates with a confidence of `level` or more.
///
/// The two roles are independent, so each side gets the square root of the level, by the exact interval of Clopper and
/// Pearson (as Hilgers, Methods Inf. Med. 30, 1991, bounds each side of the curve). Holds for one threshold at a time, not
/// for all of the curve at once; unlike a resampled band it keeps its width where the roles do not overlap.
/// The band's edges join the upper left and the lower right corners of the boxes.
pub fn roc_band(curve: &[RocPoint], num_in: usize, num_out: usize, level: f64) -> Vec<RocBox> {
    let side_level = level.sqrt();
    let interval = |rate: f64, trials: usize| {
        let hits = (rate * trials as f64).round() as usize;
        Proportion { hits, trials }.interval(side_level)
    };
    curve
        .iter()
        .map(|point| RocBox {
            fpr: interval(point.fpr, num_in),
            tpr: interval(point.tpr, num_out),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ood::figures::roc_curve;

    #[test]
    fn the_band_rises_with_the_curve_and_keeps_its_width_where_roles_do_not_overlap() {
        let in_scores: Vec<f64> = (0..30).map(f64::from).collect();
        let out_scores: Vec<f64> = (100..120).map(f64::from).collect();
        let curve = roc_curve(&in_scores, &out_scores).unwrap();
        let band = roc_band(&curve, 30, 20, 0.95);
        for pair in band.windows(2) {
            assert!(pair[0].tpr.low <= pair[1].tpr.low && pair[0].fpr.high <= pair[1].fpr.high);
        }
        let corner = curve.iter().position(|p| p.tpr == 1.0).unwrap();
        assert!(band[corner].tpr.low < 0.85 && band[corner].fpr.high > 0.1);
        for (point, found) in curve.iter().zip(&band) {
            assert!(found.fpr.contains(point.fpr) && found.tpr.contains(point.tpr));
        }
    }
}
