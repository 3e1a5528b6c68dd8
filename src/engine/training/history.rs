//! What was seen on the way of a training run, and whether going on is worth it.

use serde::{Deserialize, Serialize};

use crate::networks::training::draws::BANDS;
use crate::ood::MeasureId;

/// How well the averaged weights predict for images that no step sees.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// Steps taken.
    pub step: usize,
    /// Mean squared error by band of timesteps, the least noisy first.
    pub bands: [f64; BANDS],
}

impl Validation {
    /// Over all timesteps.
    pub fn mean(&self) -> f64 {
        self.bands.iter().sum::<f64>() / BANDS as f64
    }
}

/// How far the watched images are from what the averaged weights inpaint in them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watched {
    /// Steps taken.
    pub step: usize,
    /// The distance.
    pub measure: MeasureId,
    pub num_images: usize,
    /// Median of their distances.
    pub median: f64,
    /// Share of images that are far above the others; `None` where there are too few to say.
    pub far_share: Option<f64>,
}

/// What was seen on the way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// Running mean of the training loss; `None` before the first step.
    pub smoothed: Option<f64>,
    /// (step, running mean of the loss), now and then.
    pub losses: Vec<(usize, f64)>,
    /// Now and then.
    pub validations: Vec<Validation>,
    /// Every few minutes.
    pub watched: Vec<Watched>,
    /// The step at which it was offered to stop: it is offered once.
    pub stop_offered: Option<usize>,
    /// Time that training took, pauses left out, in seconds.
    pub secs: f64,
}

impl History {
    /// Whether neither the loss of held-out images nor their distance got better over a fifth of the run.
    pub fn is_stalled(&self, num_steps: usize) -> bool {
        let patience = num_steps.div_ceil(5);
        let losses = self.validations.iter().map(|v| (v.step, v.mean()));
        let distances = self.watched.iter().map(|w| (w.step, w.median));
        steps_in_vain(losses) >= patience && steps_in_vain(distances) >= patience
    }
}

/// The steps for which a figure that should fall was seen not to, by what is worth telling.
fn steps_in_vain(figures: impl Iterator<Item = (usize, f64)>) -> usize {
    /// Smaller gains are within what two looks at the same weights' neighbors differ by.
    const WORTH_TELLING: f64 = 0.005;
    let mut best: Option<(usize, f64)> = None;
    let mut in_vain = 0;
    for (step, figure) in figures {
        if best.is_none_or(|(_, least)| figure < least * (1.0 - WORTH_TELLING)) {
            best = Some((step, figure));
        }
        in_vain = best.map_or(0, |(best, _)| step - best);
    }
    in_vain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::distances::LPIPS;

    fn history(losses: &[(usize, f64)], distances: &[(usize, f64)]) -> History {
        History {
            validations: (losses.iter())
                .map(|&(step, loss)| Validation {
                    step,
                    bands: [loss; BANDS],
                })
                .collect(),
            watched: (distances.iter())
                .map(|&(step, median)| Watched {
                    step,
                    measure: LPIPS,
                    num_images: 8,
                    median,
                    far_share: None,
                })
                .collect(),
            ..History::default()
        }
    }

    #[test]
    fn a_run_stalls_when_neither_figure_improved_over_a_fifth_of_it() {
        let losses = [(100, 0.3), (200, 0.2), (300, 0.2), (400, 0.1999)];
        let seen = [(150, 0.4), (250, 0.3), (350, 0.31), (450, 0.32)];
        assert!(
            !history(&losses, &seen[..3]).is_stalled(1000),
            "the distance was last seen 100 steps after its best"
        );
        assert!(history(&losses, &seen).is_stalled(1000));
        assert!(
            !history(&losses, &seen).is_stalled(2000),
            "a fifth is longer here"
        );
        let falling = [(150, 0.4), (250, 0.41), (450, 0.3)];
        assert!(!history(&losses, &falling).is_stalled(1000));
    }

    #[test]
    fn nothing_is_said_without_both_figures() {
        let losses = [(100, 0.3), (900, 0.3)];
        assert!(!history(&losses, &[]).is_stalled(1000));
        assert!(!history(&[], &losses).is_stalled(1000));
        assert!(
            !history(&losses, &losses[..1]).is_stalled(1000),
            "seen once"
        );
    }
}
