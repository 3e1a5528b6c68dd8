//! The images to be judged in the order of their table.

use std::cmp::Ordering;
use std::sync::Arc;

use super::Shown;
use super::analysis::Analysis;
use crate::runs::Verdict;
use crate::state::arrangement::{VerdictColumn, VerdictOrder};

/// The table's rows, which are sorted again only where something that they go by has changed: there may be a million.
#[derive(Debug, Default)]
pub struct VerdictRows {
    basis: Option<Basis>,
    /// Places among [`Analysis::unknown`].
    rows: Vec<usize>,
}

/// What the rows go by.
#[derive(Clone, Debug)]
struct Basis {
    analysis: Arc<Analysis>,
    order: VerdictOrder,
    threshold: Option<f64>,
    /// The false-discovery rate.
    rate: f64,
}

impl VerdictRows {
    /// Bring them up to date; `rate` is the false-discovery rate. Those that a column puts together come with the strangest
    /// first.
    pub fn sort(&mut self, shown: &Shown, order: VerdictOrder, rate: f64) {
        let basis = shown.analysis.as_ref().map(|analysis| Basis {
            analysis: Arc::clone(analysis),
            order,
            threshold: shown.threshold(),
            rate,
        });
        let is_current = match (&self.basis, &basis) {
            (Some(old), Some(new)) => old.is_same(new),
            (old, new) => old.is_none() && new.is_none(),
        };
        if !is_current {
            self.rows = basis.as_ref().map_or_else(Vec::new, Basis::rows);
            self.basis = basis;
        }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The verdict in a row, from the top.
    pub fn get(&self, row: usize) -> Option<&Verdict> {
        let place = *self.rows.get(row)?;
        self.basis.as_ref()?.analysis.unknown.get(place)
    }
}

impl Basis {
    fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.analysis, &other.analysis)
            && (self.order, self.threshold, self.rate) == (other.order, other.threshold, other.rate)
    }

    fn rows(&self) -> Vec<usize> {
        let verdicts = &self.analysis.unknown;
        // They are in the order of their scores, which a stable sort keeps.
        let mut rows: Vec<usize> = (0..verdicts.len()).collect();
        rows.sort_by(|&a, &b| {
            let numbers = (self.threshold, self.rate);
            let by = compare(self.order.column, &verdicts[a], &verdicts[b], numbers);
            if self.order.is_ascending() {
                by
            } else {
                by.reverse()
            }
        });
        rows
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
