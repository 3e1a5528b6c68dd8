//! How much work goes to the device in one piece: the window's frames come between pieces, and so do interruptions.

use std::time::Duration;

/// Length of a piece that is aimed at.
const PIECE: Duration = Duration::from_millis(4);
/// The longest that one operation may take: systems reset a device that works on one for 2 seconds.
const LONGEST_OPERATION: Duration = Duration::from_millis(500);
/// Operations a second before anything was timed: a small device, so that the first pieces are short.
const FIRST_GUESS: f64 = 50e9;
/// Weight of the newest timing.
const NEWEST: f64 = 0.3;

/// The speed of a device on one network.
#[derive(Debug)]
pub(super) struct Pace {
    operations_per_second: f64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            operations_per_second: FIRST_GUESS,
        }
    }
}

impl Pace {
    /// A piece of so many operations took so long. A small one that was soon done may have taken the time of submitting
    /// it: it says nothing of a slower pace.
    pub fn note(&mut self, operations: u64, took: Duration) {
        let measured = operations as f64 / took.as_secs_f64().max(1e-6);
        let is_short = operations < self.piece() / 2 && took < PIECE;
        if is_short && measured < self.operations_per_second {
            return;
        }
        self.operations_per_second += NEWEST * (measured - self.operations_per_second);
    }

    /// Operations of a piece.
    pub fn piece(&self) -> u64 {
        (self.operations_per_second * PIECE.as_secs_f64()) as u64
    }

    /// Images of a pass whose longest step takes so many operations for each.
    pub fn most_images(&self, longest_step: u64) -> usize {
        let most = self.operations_per_second * LONGEST_OPERATION.as_secs_f64();
        ((most / longest_step.max(1) as f64) as usize).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_follow_the_speed() {
        let mut pace = Pace::default();
        for _ in 0..40 {
            pace.note(10_000_000_000, Duration::from_millis(1));
        }
        assert_eq!(pace.piece() / 1_000_000_000, 39, "10 TFLOP/s for 4 ms");
        assert_eq!(pace.most_images(500_000_000), 9_999);
        for _ in 0..80 {
            pace.note(1_000_000, Duration::from_micros(100));
        }
        assert_eq!(pace.piece() / 1_000_000_000, 39, "the last steps of a call");
        for _ in 0..80 {
            pace.note(10_000_000, Duration::from_millis(10));
        }
        assert!(pace.piece() < 5_000_000, "{}", pace.piece());
        assert_eq!(pace.most_images(u64::MAX), 1);
    }
}
