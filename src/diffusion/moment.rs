//! Processes in continuous time, by which models in `score_sde_pytorch` are sampled (Song et al. 2021,
//! <https://arxiv.org/abs/2011.13456>).

use super::schedule::{
    Betas, Process, SMALLEST_EXPLODING_TIME, SMALLEST_TIME, Schedule, log_alpha,
};

/// A process in continuous time at the beginning of a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// What is left of the original's contrast.
    pub signal: f64,
    /// The noise's deviation.
    pub deviation: f64,
    /// What the network is told.
    pub told: f64,
    /// How fast contrast is lost, per unit of time.
    pub beta: f64,
    /// How fast noise enters: its variance per unit of time, or over the step where the process explodes.
    pub diffusion: f64,
    /// Factor on the length of a corrector's step: 1 - beta of the training step at this time, or 1.
    pub share: f64,
}

impl Schedule {
    /// Whether the process is known at any time from 0 to 1, not at its timesteps only.
    pub fn is_continuous(&self) -> bool {
        matches!(self.config().betas, Betas::Continuous | Betas::Geometric)
    }

    /// A step of so many that lead from time 1 down to where hardly any noise is left; the process must be
    /// [continuous](Self::is_continuous).
    pub fn moment(&self, step: usize, num_steps: usize) -> Moment {
        let (start, end) = (self.config().beta_start, self.config().beta_end);
        let last = num_steps.saturating_sub(1).max(1) as f64;
        let time = |smallest: f64| 1.0 - step as f64 / last * (1.0 - smallest);
        match self.config().process {
            Process::VarianceExploding => {
                let time = time(SMALLEST_EXPLODING_TIME);
                let level = |share: f64| start * (end / start).powf(share);
                // The levels between which the step leads are of an even grid of their own.
                let index = num_steps - 1 - step;
                let of_grid = |index: usize| level(index as f64 / last).powi(2);
                let earlier = index.checked_sub(1).map_or(0.0, of_grid);
                let deviation = level(time);
                Moment {
                    signal: 1.0,
                    deviation,
                    told: deviation,
                    beta: 0.0,
                    diffusion: of_grid(index) - earlier,
                    share: 1.0,
                }
            }
            process => {
                let time = time(SMALLEST_TIME);
                let alpha = log_alpha(start, end, time).exp();
                let beta = start + time * (end - start);
                let is_sub = process == Process::SubVariancePreserving;
                let noise = 1.0 - alpha;
                let last = (self.num_train_timesteps() - 1) as f64;
                Moment {
                    signal: alpha.sqrt(),
                    deviation: if is_sub { noise } else { noise.sqrt() },
                    told: last * time,
                    beta,
                    diffusion: if is_sub {
                        beta * (1.0 - alpha * alpha)
                    } else {
                        beta
                    },
                    share: 1.0 - beta / self.num_train_timesteps() as f64,
                }
            }
        }
    }
}
