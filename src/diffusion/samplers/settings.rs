//! A sampler with its settings, and the timesteps that it visits.

use serde::{Deserialize, Serialize};

use super::{Rule, SamplerKind};
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
}

impl Default for SamplerSettings {
    fn default() -> Self {
        Self {
            kind: SamplerKind::DDIM,
            num_steps: None,
            eta: 1.0,
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
        match self.num_steps(num_train_timesteps) {
            0 => Err(SamplerError::NoSteps),
            num_steps if num_steps > available => Err(SamplerError::TooManySteps {
                num_steps,
                available,
            }),
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
    }
}
