//! How long the network has worked, and when progress was last told.

use std::time::{Duration, Instant};

use crate::diffusion::Interrupt as _;
use crate::engine::Control;

/// The shortest time between two reports of progress.
const REPORT_INTERVAL: Duration = Duration::from_millis(16);

/// Wall time from the first to the last network call, pauses left out.
#[derive(Default)]
pub struct Clock {
    pub first: Option<Instant>,
    pub last: Option<Instant>,
    last_report: Option<Instant>,
}

impl Clock {
    pub fn network_secs(&self, control: &Control) -> f64 {
        let (Some(first), Some(last)) = (self.first, self.last) else {
            return 0.0;
        };
        (last - first)
            .saturating_sub(control.paused_for())
            .as_secs_f64()
    }

    /// Whether it is time for another report.
    pub fn is_due(&mut self) -> bool {
        let is_due = self
            .last_report
            .is_none_or(|last| last.elapsed() >= REPORT_INTERVAL);
        if is_due {
            self.last_report = Some(Instant::now());
        }
        is_due
    }
}
