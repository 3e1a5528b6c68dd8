//! `AdamW` with a warm-up, a cosine to the end, a bound on the gradient and an average of the weights.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::networks::executors::cpu::kernels::gradients::AdamStep;

/// How weights follow their gradient.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Optimizer {
    /// Largest learning rate.
    pub learning_rate: f64,
    /// Steps over which it grows from nothing.
    pub warm_up: usize,
    /// Steps of the whole run, at whose end the rate is at [`Self::FINAL_SHARE`]; `None` while that is not known yet.
    pub num_steps: Option<usize>,
    /// Share of each weight that goes at each step, times the learning rate.
    pub weight_decay: f64,
    /// The gradient is shortened to this.
    pub longest_gradient: f64,
    /// Decay of the averaged weights, once there are many steps.
    pub average_decay: f64,
}

impl Optimizer {
    /// What is left of the learning rate at the end.
    pub const FINAL_SHARE: f64 = 0.02;
    const BETA_1: f64 = 0.9;
    const BETA_2: f64 = 0.999;

    /// The learning rate of step `step`, counted from 0.
    pub fn rate(&self, step: usize) -> f64 {
        let warm = ((step + 1) as f64 / self.warm_up.max(1) as f64).min(1.0);
        let share = self.num_steps.map_or(1.0, |num_steps| {
            let progress = (step as f64 / num_steps.max(1) as f64).min(1.0);
            Self::FINAL_SHARE + (1.0 - Self::FINAL_SHARE) * 0.5 * (1.0 + (PI * progress).cos())
        });
        self.learning_rate * warm * share
    }

    /// The constants of step `step`, counted from 0; `applied` counts those that change the weights, this one included.
    pub(super) fn constants(&self, step: usize, applied: usize, gradient_norm: f64) -> AdamStep {
        let rate = self.rate(step);
        let correction = |beta: f64| 1.0 / (1.0 - beta.powf(applied as f64));
        let average = self
            .average_decay
            .min((1.0 + applied as f64) / (10.0 + applied as f64));
        AdamStep {
            rate: (rate * correction(Self::BETA_1)) as f32,
            second_correction: correction(Self::BETA_2) as f32,
            beta_1: Self::BETA_1 as f32,
            beta_2: Self::BETA_2 as f32,
            eps: 1e-8,
            decay: (rate * self.weight_decay) as f32,
            clip: (self.longest_gradient / (gradient_norm + 1e-6)).min(1.0) as f32,
            average_share: (1.0 - average) as f32,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_grows_over_the_warm_up_and_falls_to_its_final_share() {
        let optimizer = Optimizer {
            learning_rate: 2.0,
            warm_up: 10,
            num_steps: Some(1000),
            weight_decay: 0.0,
            longest_gradient: 1.0,
            average_decay: 0.999,
        };
        assert!(
            (optimizer.rate(0) - 0.2).abs() < 1e-6,
            "{}",
            optimizer.rate(0)
        );
        let middle = 2.0 * (0.02 + 0.98 * 0.5);
        assert!((optimizer.rate(500) - middle).abs() < 1e-9);
        assert!((optimizer.rate(1000) - 0.04).abs() < 1e-9);
        assert!((optimizer.rate(5000) - 0.04).abs() < 1e-9);
    }

    #[test]
    fn long_gradients_are_shortened_and_short_ones_are_not() {
        let optimizer = Optimizer {
            learning_rate: 1.0,
            warm_up: 0,
            num_steps: None,
            weight_decay: 0.0,
            longest_gradient: 1.0,
            average_decay: 0.999,
        };
        assert!((optimizer.constants(0, 1, 4.0).clip - 0.25).abs() < 1e-6);
        assert_eq!(optimizer.constants(0, 1, 0.5).clip, 1.0);
        // The first step: moments of one gradient, an average that mostly follows.
        let first = optimizer.constants(0, 1, 0.5);
        assert!((first.rate - 10.0).abs() < 1e-4, "{}", first.rate);
        assert!((first.average_share - 9.0 / 11.0).abs() < 1e-6);
    }
}
