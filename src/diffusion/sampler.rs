//! Samplers: the timesteps they visit and the rule of one step.

use serde::{Deserialize, Serialize};

use super::schedule::{Prediction, Schedule, Variance};

/// Which rule takes a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SamplerKind {
    /// Song et al. 2021, <https://arxiv.org/abs/2010.02502>, Eq. 12.
    Ddim,
    /// Ancestral sampling, Ho et al. 2020, <https://arxiv.org/abs/2006.11239>, Eq. 6 and 7, respaced where steps are
    /// left out.
    Ddpm,
}

/// A sampler and its settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SamplerSettings {
    /// The rule.
    pub kind: SamplerKind,
    /// Steps K, 1 to T; `None` is 25 for DDIM and all T for DDPM.
    pub num_steps: Option<usize>,
    /// DDIM's noise, from 0 (none) to 1 (as much as DDPM); not used by DDPM.
    pub eta: f64,
}

impl Default for SamplerSettings {
    fn default() -> Self {
        Self {
            kind: SamplerKind::Ddim,
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
    /// Eta outside [0, 1].
    #[error("eta must lie in 0..=1, got {0:?}")]
    Eta(f64),
    /// A start beyond the training timesteps.
    #[error("the start timestep must be below {num_train_timesteps}, got {start_timestep}")]
    StartTimestep {
        /// Asked for.
        start_timestep: usize,
        /// T.
        num_train_timesteps: usize,
    },
}

/// Steps of a DDIM run unless something else is asked for.
pub const DEFAULT_DDIM_STEPS: usize = 25;

impl SamplerSettings {
    /// The number of steps for a schedule of `num_train_timesteps`.
    pub fn num_steps(&self, num_train_timesteps: usize) -> usize {
        self.num_steps.unwrap_or_else(|| match self.kind {
            SamplerKind::Ddim => DEFAULT_DDIM_STEPS.min(num_train_timesteps),
            SamplerKind::Ddpm => num_train_timesteps,
        })
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

/// One step from a timestep to the next, as coefficients computed once for the whole batch:
/// `x_prev = x0_factor * x0 + sample_factor * x_t + noise_factor * noise`, where `x0` is the clipped
/// prediction of the clean sample.
///
/// Both samplers take this form once DDIM's noise estimate is recomputed from the clipped `x0`
/// (without that, DDIM inpainting fails).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepRule {
    prediction: Prediction,
    sqrt_alpha: f64,
    sqrt_one_minus_alpha: f64,
    clip_range: Option<f32>,
    x0_factor: f32,
    sample_factor: f32,
    noise_factor: f32,
}

impl StepRule {
    /// The rule from `timestep` to `next` (`None`: the clean end).
    pub fn new(
        settings: &SamplerSettings,
        schedule: &Schedule,
        timestep: usize,
        next: Option<usize>,
    ) -> Self {
        let alpha = schedule.alpha_cumprod(Some(timestep));
        let alpha_next = schedule.alpha_cumprod(next);
        let (x0_factor, sample_factor, noise_factor) = match settings.kind {
            SamplerKind::Ddim => ddim_factors(alpha, alpha_next, settings.eta),
            SamplerKind::Ddpm => ddpm_factors(
                alpha,
                alpha_next,
                schedule.config().variance,
                next.is_none(),
            ),
        };
        Self {
            prediction: schedule.config().prediction,
            sqrt_alpha: alpha.sqrt(),
            sqrt_one_minus_alpha: (1.0 - alpha).sqrt(),
            clip_range: schedule.config().clip_range.map(|range| range as f32),
            x0_factor: x0_factor as f32,
            sample_factor: sample_factor as f32,
            noise_factor: noise_factor as f32,
        }
    }

    /// Whether the step adds noise.
    pub fn adds_noise(&self) -> bool {
        self.noise_factor != 0.0
    }

    /// The clean sample as the network sees it, clipped.
    pub fn pred_x0(&self, x_t: f32, output: f32) -> f32 {
        let (signal, noise) = (self.sqrt_alpha as f32, self.sqrt_one_minus_alpha as f32);
        let x0 = match self.prediction {
            Prediction::Epsilon => (x_t - noise * output) / signal,
            Prediction::Sample => output,
            Prediction::VPrediction => signal * x_t - noise * output,
        };
        self.clip_range.map_or(x0, |range| x0.clamp(-range, range))
    }

    /// Take the step in place; `noise` is read only where [`Self::adds_noise`].
    ///
    /// # Shapes
    /// All slices have the same length.
    pub fn apply(&self, x_t: &mut [f32], output: &[f32], noise: &[f32]) {
        for (index, (x, &output)) in x_t.iter_mut().zip(output).enumerate() {
            let x0 = self.pred_x0(*x, output);
            *x = self.x0_factor * x0 + self.sample_factor * *x;
            if self.noise_factor != 0.0 {
                *x += self.noise_factor * noise[index];
            }
        }
    }
}

/// Eq. 12 with `noise = (x_t - sqrt(a) x0) / sqrt(1 - a)` put in.
fn ddim_factors(alpha: f64, alpha_next: f64, eta: f64) -> (f64, f64, f64) {
    let variance = (1.0 - alpha_next) / (1.0 - alpha) * (1.0 - alpha / alpha_next);
    let sigma = eta * variance.max(0.0).sqrt();
    let direction = (1.0 - alpha_next - sigma * sigma).max(0.0).sqrt();
    let sample = direction / (1.0 - alpha).sqrt();
    (alpha_next.sqrt() - sample * alpha.sqrt(), sample, sigma)
}

/// Eq. 6 and 7 with the alpha of the step taken from its two ends, which respaces.
fn ddpm_factors(alpha: f64, alpha_next: f64, variance: Variance, is_last: bool) -> (f64, f64, f64) {
    let step_alpha = alpha / alpha_next;
    let step_beta = 1.0 - step_alpha;
    let x0 = alpha_next.sqrt() * step_beta / (1.0 - alpha);
    let sample = step_alpha.sqrt() * (1.0 - alpha_next) / (1.0 - alpha);
    let sigma = match variance {
        _ if is_last => 0.0,
        Variance::FixedSmall => ((1.0 - alpha_next) / (1.0 - alpha) * step_beta).sqrt(),
        Variance::FixedLarge => step_beta.sqrt(),
    };
    (x0, sample, sigma)
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
