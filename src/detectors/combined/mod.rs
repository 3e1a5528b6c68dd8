//! Measures that are made of others, each an entry of [`COMBINED`].

use crate::ood::Measure;

mod log_sum;

pub use log_sum::LOG_SUM;

/// All combined measures, in the order in which they are shown.
pub static COMBINED: &[&Measure] = &[&log_sum::MEASURE];
