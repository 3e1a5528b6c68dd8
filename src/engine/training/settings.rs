//! What a training run is asked to do.

use serde::{Deserialize, Serialize};

use crate::images::{Geometry, ResizeMode};
use crate::networks::training::{Optimizer, TimestepDensity};

/// How long to train.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Budget {
    /// So many steps.
    Steps(usize),
    /// As many steps as fit into so many minutes, by the time that the first ones take; decided once.
    Minutes(f64),
}

/// Everything but the images that decides what a run makes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingSettings {
    /// Shape of the images.
    pub geometry: Geometry,
    /// How pictures are brought to a square.
    pub fit: ResizeMode,
    /// How long.
    pub budget: Budget,
    /// Images a step.
    pub batch: usize,
    /// Largest learning rate.
    pub learning_rate: f64,
    /// Steps over which it grows.
    pub warm_up: usize,
    /// Whether images are turned left to right at random.
    pub has_flips: bool,
    /// Where timesteps are drawn; runs that were begun before there was a choice draw as ever.
    #[serde(default)]
    pub timesteps: TimestepDensity,
    /// Decides initial weights, order, noise and timesteps.
    pub seed: u64,
}

impl TrainingSettings {
    /// Steps that are timed where minutes are given.
    pub const TIMED_STEPS: usize = 50;

    /// Images a step where nothing else is asked for.
    pub const USUAL_BATCH: usize = 64;

    /// The learning rate for a network of this many parameters; a fifth of it where a trained one goes on.
    pub fn usual_rate(num_parameters: usize, is_trained: bool) -> f64 {
        let rate = if num_parameters < 5_000_000 {
            1e-3
        } else {
            5e-4
        };
        if is_trained { rate / 5.0 } else { rate }
    }

    /// How the weights follow their gradient in a run of so many steps.
    pub fn optimizer(&self, num_steps: Option<usize>) -> Optimizer {
        Optimizer {
            learning_rate: self.learning_rate,
            warm_up: self.warm_up,
            num_steps,
            weight_decay: 0.0,
            longest_gradient: 1.0,
            average_decay: 0.999,
        }
    }

    /// The number of steps, where it is known before any was timed.
    pub fn steps_asked(&self) -> Option<usize> {
        match self.budget {
            Budget::Steps(steps) => Some(steps),
            Budget::Minutes(_) => None,
        }
    }

    /// The number of steps that fit into the budget, when [`Self::TIMED_STEPS`] took so many seconds.
    pub fn steps_in_budget(&self, timed_secs: f64) -> usize {
        match self.budget {
            Budget::Steps(steps) => steps,
            Budget::Minutes(minutes) => {
                /// What validation, looks at the model and saving leave.
                const SHARE_OF_STEPS: f64 = 0.92;
                let each = timed_secs / Self::TIMED_STEPS as f64;
                let steps = minutes * 60.0 * SHARE_OF_STEPS / each.max(1e-6);
                (steps as usize).max(Self::TIMED_STEPS)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_become_steps_by_the_time_of_the_first_ones() {
        let mut settings = TrainingSettings {
            geometry: Geometry {
                channels: 1,
                side: 32,
            },
            fit: ResizeMode::Crop,
            budget: Budget::Minutes(10.0),
            batch: 64,
            learning_rate: 1e-3,
            warm_up: 100,
            has_flips: false,
            timesteps: TimestepDensity::default(),
            seed: 0,
        };
        // Half a second each, of 600 seconds less what other work takes.
        assert_eq!(settings.steps_in_budget(25.0), 1104);
        assert_eq!(settings.steps_in_budget(1e6), 50, "what was timed is done");
        settings.budget = Budget::Steps(7);
        assert_eq!(settings.steps_in_budget(25.0), 7);
    }
}
