//! The images to be judged in the order of their table.

use std::cmp::Ordering;

use super::Shown;
use crate::runs::Verdict;
use crate::state::arrangement::{VerdictColumn, VerdictOrder};

impl Shown {
    /// The images of unknown role in an order; `rate` is the false-discovery rate. Those that a column puts together come
    /// with the strangest first.
    pub fn verdicts(&self, order: VerdictOrder, rate: f64) -> Vec<&Verdict> {
        let Some(analysis) = &self.analysis else {
            return Vec::new();
        };
        let threshold = self.threshold();
        // They are in the order of their scores, which a stable sort keeps.
        let mut verdicts: Vec<&Verdict> = analysis.unknown.iter().collect();
        verdicts.sort_by(|a, b| {
            let by = compare(order.column, a, b, (threshold, rate));
            if order.is_ascending() {
                by
            } else {
                by.reverse()
            }
        });
        verdicts
    }
}

/// Two images by what a column says of them.
fn compare(
    column: VerdictColumn,
    a: &Verdict,
    b: &Verdict,
    (threshold, rate): (Option<f64>, f64),
) -> Ordering {
    // What has no value is no discovery: it comes behind all that have one.
    let share = |value: Option<f64>| value.unwrap_or(f64::INFINITY);
    let is_flagged = |verdict: &Verdict| threshold.is_some_and(|t| verdict.score > t);
    match column {
        VerdictColumn::Image => a.image.cmp(&b.image),
        VerdictColumn::Score => a.score.total_cmp(&b.score),
        VerdictColumn::PValue => share(a.p_value).total_cmp(&share(b.p_value)),
        VerdictColumn::QValue => share(a.q_value).total_cmp(&share(b.q_value)),
        VerdictColumn::Verdict => is_flagged(a).cmp(&is_flagged(b)),
        VerdictColumn::Reported => a.is_discovery(rate).cmp(&b.is_discovery(rate)),
    }
}
