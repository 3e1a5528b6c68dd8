//! A sampler with its settings, and the timesteps that it visits.

use serde::{Deserialize, Serialize};

use super::{Resampling, Rule, SamplerKind};
use crate::diffusion::Schedule;

/// A sampler and its settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SamplerSettings {
    pub kind: SamplerKind,
    /// Steps K, 1 to T; `None` for as many as the sampler has by itself.
    pub num_steps: Option<usize>,
    /// The noise of samplers that use it, from 0 (none) to 1 (as much as DDPM).
    pub eta: f64,
    /// How those that go back do so.
    #[serde(skip_serializing_if = "Resampling::is_usual")]
    pub resampling: Resampling,
}

impl Default for SamplerSettings {
    fn default() -> Self {
        Self {
            kind: SamplerKind::DDIM,
            num_steps: None,
            eta: 1.0,
            resampling: Resampling::default(),
        }
    }
}

/// Why sampler settings are refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SamplerError {
    /// No steps.
    #[error("the number of steps must be at least 1, got 0")]
    NoSteps,
    /// More steps than there are timesteps to visit.
    #[error("{num_steps} steps were asked for, but there are only {available} timesteps to visit")]
    TooManySteps {
        /// Asked for.
        num_steps: usize,
        /// There are.
        available: usize,
    },
    /// A sampler of continuous time for a model that has none.
    #[error(
        "the sampler {sampler} needs a model in continuous time, such as those of score_sde; use ddim or ddpm"
    )]
    NotContinuous { sampler: &'static str },
    /// The denoising lift with a sampler that only inpaints.
    #[error("the sampler {sampler} can only inpaint; use ddim or ddpm to denoise")]
    InpaintsOnly { sampler: &'static str },
    /// Eta outside [0, 1].
    #[error("eta must lie in 0..=1, got {0:?}")]
    Eta(f64),
    /// A jump of no steps, or no time at all.
    #[error("jump length and jump count must be at least 1, got {jump_length} and {jump_count}")]
    NoJumps {
        jump_length: usize,
        jump_count: usize,
    },
    /// Jumps that no stretch is long enough for.
    #[error(
        "a jump of {jump_length} steps needs more than as many steps, and there are {num_steps}; ask for shorter jumps or \
         more steps"
    )]
    LongJumps {
        jump_length: usize,
        num_steps: usize,
    },
    /// A start beyond the training timesteps.
    #[error("the start timestep must be below {num_train_timesteps}, got {start_timestep}")]
    StartTimestep {
        /// Asked for.
        start_timestep: usize,
        num_train_timesteps: usize,
    },
}

impl SamplerSettings {
    /// The number of steps for a schedule of `num_train_timesteps`.
    pub fn num_steps(&self, num_train_timesteps: usize) -> usize {
        self.num_steps
            .unwrap_or_else(|| (self.kind.def().usual_steps)(num_train_timesteps))
    }

    /// Network calls of so many steps, at least 1.
    pub fn num_calls(&self, num_steps: usize) -> usize {
        let but_last = num_steps.saturating_sub(1);
        match self.kind.def().rule {
            Rule::Steps(_) => num_steps,
            Rule::TwoCalls(_) => 2 * but_last + 1,
            Rule::FirstTwice(_) => num_steps + but_last.min(1),
            Rule::Resampled(_) => self.resampling.num_visits(num_steps),
            Rule::Continuous(corrector) => corrector.calls_per_step() * num_steps,
        }
    }

    /// Refuse a sampler that a model of this schedule has no use for.
    pub fn check(&self, schedule: &Schedule) -> Result<(), SamplerError> {
        let def = self.kind.def();
        match def.rule {
            Rule::Continuous(_) if !schedule.is_continuous() => {
                Err(SamplerError::NotContinuous { sampler: def.name })
            }
            _ => Ok(()),
        }
    }

    /// The timesteps of an inpainting, noisiest first: `i * floor(T / K)` ("leading" spacing).
    pub fn timesteps(&self, num_train_timesteps: usize) -> Result<Vec<usize>, SamplerError> {
        let num_steps = self.checked_num_steps(num_train_timesteps, num_train_timesteps)?;
        let stride = num_train_timesteps / num_steps;
        Ok((0..num_steps).rev().map(|i| i * stride).collect())
    }

    /// The timesteps of a denoising from `start_timestep`: K of them spread evenly over
    /// [0, `start_timestep`], both ends included, noisiest first.
    pub fn timesteps_from(
        &self,
        start_timestep: usize,
        num_train_timesteps: usize,
    ) -> Result<Vec<usize>, SamplerError> {
        let def = self.kind.def();
        if matches!(def.rule, Rule::Continuous(_)) {
            return Err(SamplerError::InpaintsOnly { sampler: def.name });
        }
        if start_timestep >= num_train_timesteps {
            return Err(SamplerError::StartTimestep {
                start_timestep,
                num_train_timesteps,
            });
        }
        let available = start_timestep + 1;
        let default = self.num_steps(num_train_timesteps).min(available);
        let asked = Self {
            num_steps: Some(self.num_steps.unwrap_or(default)),
            ..*self
        };
        let num_steps = asked.checked_num_steps(num_train_timesteps, available)?;
        if num_steps == 1 {
            return Ok(vec![start_timestep]);
        }
        Ok((0..num_steps)
            .rev()
            .map(|i| (i * start_timestep + (num_steps - 1) / 2) / (num_steps - 1))
            .collect())
    }

    fn checked_num_steps(
        &self,
        num_train_timesteps: usize,
        available: usize,
    ) -> Result<usize, SamplerError> {
        if !(0.0..=1.0).contains(&self.eta) {
            return Err(SamplerError::Eta(self.eta));
        }
        let Resampling {
            jump_length,
            jump_count,
        } = self.resampling;
        let resamples = self.kind.def().resamples();
        if resamples && (jump_length == 0 || jump_count == 0) {
            return Err(SamplerError::NoJumps {
                jump_length,
                jump_count,
            });
        }
        match self.num_steps(num_train_timesteps) {
            0 => Err(SamplerError::NoSteps),
            num_steps if num_steps > available => Err(SamplerError::TooManySteps {
                num_steps,
                available,
            }),
            // Steps of length 1 are a jump's least: a single step has none to go back by.
            num_steps if resamples && jump_length > 1 && jump_length >= num_steps => {
                Err(SamplerError::LongJumps {
                    jump_length,
                    num_steps,
                })
            }
            num_steps => Ok(num_steps),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_timesteps() {
        let settings = SamplerSettings::default();
        let timesteps = settings.timesteps(1000).unwrap();
        assert_eq!(timesteps.len(), 25);
        assert_eq!(timesteps[..3], [960, 920, 880]);
        assert_eq!(timesteps[24], 0);
    }

    #[test]
    fn denoising_timesteps_include_both_ends() {
        let settings = SamplerSettings::default();
        let timesteps = settings.timesteps_from(500, 1000).unwrap();
        assert_eq!(timesteps.len(), 25);
        assert_eq!((timesteps[0], timesteps[24]), (500, 0));
        assert!(timesteps.is_sorted_by(|a, b| a > b), "{timesteps:?}");
    }

    #[test]
    fn bad_requests_are_refused() {
        let with_steps = |num_steps| SamplerSettings {
            num_steps: Some(num_steps),
            ..SamplerSettings::default()
        };
        assert_eq!(with_steps(0).timesteps(1000), Err(SamplerError::NoSteps));
        assert!(with_steps(1001).timesteps(1000).is_err(), "more than T");
        assert!(
            with_steps(12).timesteps_from(10, 1000).is_err(),
            "more than the range"
        );
        let eta = SamplerSettings {
            eta: 1.5,
            ..SamplerSettings::default()
        };
        assert_eq!(eta.timesteps(1000), Err(SamplerError::Eta(1.5)));
        let jumps = |jump_length, jump_count| SamplerSettings {
            kind: SamplerKind::named("repaint").unwrap(),
            num_steps: Some(10),
            resampling: Resampling {
                jump_length,
                jump_count,
            },
            ..SamplerSettings::default()
        };
        assert!(jumps(0, 5).timesteps(1000).is_err(), "no length");
        assert!(jumps(1, 0).timesteps(1000).is_err(), "no time");
        assert!(jumps(10, 2).timesteps(1000).is_err(), "no room");
        assert!(jumps(9, 2).timesteps(1000).is_ok());
    }
}
