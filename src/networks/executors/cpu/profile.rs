//! Where the time of network calls goes.

use std::time::Duration;

use super::Plan;
use crate::networks::executors::lowered::operation::Operation;

/// Time by kind of operation.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    entries: Vec<(&'static str, Duration)>,
    /// Network calls: images times steps.
    pub num_images: usize,
}

impl Profile {
    /// Add to a kind.
    pub fn add(&mut self, kind: &'static str, time: Duration) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.0 == kind) {
            entry.1 += time;
        } else {
            self.entries.push((kind, time));
        }
    }

    /// Kinds and their times, the longest first.
    pub fn entries(&self) -> Vec<(&'static str, Duration)> {
        let mut entries = self.entries.clone();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.1));
        entries
    }

    /// Time of all kinds.
    pub fn total(&self) -> Duration {
        self.entries.iter().map(|entry| entry.1).sum()
    }
}

/// The kind of an operation.
pub fn kind(plan: &Plan, operation: &Operation) -> &'static str {
    match operation {
        Operation::Load { .. } | Operation::Store { .. } => "layout",
        Operation::Norm { .. } => "group norm sums",
        Operation::Product(product) => plan.layers[product.layer].layer.name(),
        Operation::Attention { .. } => "attention",
        Operation::Copy { .. } => "copy",
        Operation::Fir { .. } => "FIR resampling",
    }
}
