//! The three usual distances in one score that needs no calibration.

use crate::networks::distances::{LPIPS, MSE, SSIM};
use crate::ood::measure::Combination;
use crate::ood::{Measure, MeasureId};

/// Sum of the natural logarithms of MSE, 1 - SSIM and LPIPS: each counts by its ratio, so that none outweighs the others by
/// its unit.
pub const LOG_SUM: MeasureId = MeasureId::new("log-sum");

/// Values below count as this: an image that is reconstructed exactly has no logarithm.
const FLOOR: f64 = 1e-12;

pub(super) static MEASURE: Measure = Measure {
    id: LOG_SUM,
    column: "log_sum",
    label: "Log sum",
    help: "MSE, 1 - SSIM and LPIPS in one score: the sum of their logarithms after aggregation",
    combination: Some(Combination {
        parts: &[MSE, SSIM, LPIPS],
        combine: |values| values.iter().map(|value| value.max(FLOOR).ln()).sum(),
    }),
};
