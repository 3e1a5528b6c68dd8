//! Samplers without a memory: each step is one network call and one rule for all values.

use super::{Sampler, SamplerSettings, Step};
use crate::diffusion::denoiser::DenoiseError;
use crate::diffusion::noise::Purpose;
use crate::diffusion::schedule::{Prediction, Process, Schedule};

/// The two ends of a step.
pub(super) struct Ends<'a> {
    /// What is left of the original's variance before it, below 1.
    pub(super) alpha: f64,
    /// After it; 1 at the clean end.
    pub(super) alpha_next: f64,
    /// The noise's variance before it.
    pub(super) noise: f64,
    /// After it; 0 at the clean end.
    pub(super) noise_next: f64,
    /// Variance of the noise that the way from the later to the earlier end adds: what is more at the earlier than the
    /// later end's share of it would be.
    pub(super) added: f64,
    /// Whether it leads to the clean end.
    pub(super) is_last: bool,
    /// For what else a sampler goes by.
    pub(super) schedule: &'a Schedule,
}

impl<'a> Ends<'a> {
    /// From `timestep` to `next` (`None`: the clean end).
    pub(super) fn of(schedule: &'a Schedule, timestep: usize, next: Option<usize>) -> Self {
        let alpha = schedule.alpha_cumprod(Some(timestep));
        let alpha_next = schedule.alpha_cumprod(next);
        let noise = schedule.noise_variance(Some(timestep));
        let noise_next = schedule.noise_variance(next);
        Self {
            alpha,
            alpha_next,
            noise,
            noise_next,
            added: match schedule.config().process {
                // The general form, shortened.
                Process::VariancePreserving => 1.0 - alpha / alpha_next,
                Process::SubVariancePreserving | Process::VarianceExploding => {
                    noise - alpha / alpha_next * noise_next
                }
            },
            is_last: next.is_none(),
            schedule,
        }
    }
}

/// What a step is made of: `x_prev = x0 * x0_prediction + sample * x_t + noise * fresh_noise`.
pub(super) struct Factors {
    pub(super) x0: f64,
    pub(super) sample: f64,
    pub(super) noise: f64,
}

/// A sampler that is given by its factors.
pub(super) struct ByRule {
    settings: SamplerSettings,
    factors: fn(&SamplerSettings, &Ends<'_>) -> Factors,
    /// The network's output, (B, C, H, W).
    output: Vec<f32>,
    /// Of one image.
    noise: Vec<f32>,
}

impl ByRule {
    pub(super) fn new(
        settings: SamplerSettings,
        factors: fn(&SamplerSettings, &Ends<'_>) -> Factors,
    ) -> Self {
        Self {
            settings,
            factors,
            output: Vec::new(),
            noise: Vec::new(),
        }
    }
}

impl Sampler for ByRule {
    fn step(&mut self, mut step: Step<'_>, state: &mut [f32]) -> Result<(), DenoiseError> {
        step.call(state, step.timestep, &mut self.output)?;
        let rule = StepRule::new(step.schedule, step.timestep, step.next, |ends| {
            (self.factors)(&self.settings, ends)
        });
        let item_len = step.item_len();
        self.noise.resize(item_len, 0.0);
        let outputs = self.output.chunks_exact(item_len);
        for (item, (x, output)) in state.chunks_exact_mut(item_len).zip(outputs).enumerate() {
            if rule.adds_noise() {
                step.noise
                    .fill_normal(item, Purpose::Step, step.index, &mut self.noise);
            }
            rule.apply(x, output, &self.noise);
        }
        Ok(())
    }
}

/// How the network's output for a value becomes the clean value that it stands for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Clean {
    prediction: Prediction,
    sqrt_alpha: f64,
    sqrt_noise: f64,
    clip_bounds: Option<(f32, f32)>,
}

impl Clean {
    /// At a timestep.
    pub(super) fn at(schedule: &Schedule, timestep: usize) -> Self {
        Self {
            prediction: schedule.config().prediction,
            sqrt_alpha: schedule.alpha_cumprod(Some(timestep)).sqrt(),
            sqrt_noise: schedule.noise_variance(Some(timestep)).sqrt(),
            clip_bounds: schedule.clip_bounds(),
        }
    }

    /// The clean value as the network sees it, clipped.
    pub(super) fn pred_x0(&self, x_t: f32, output: f32) -> f32 {
        let (signal, noise) = (self.sqrt_alpha as f32, self.sqrt_noise as f32);
        let x0 = match self.prediction {
            Prediction::Epsilon => (x_t - noise * output) / signal,
            Prediction::Sample => output,
            Prediction::VPrediction => signal * x_t - noise * output,
            Prediction::Score => (x_t + noise * noise * output) / signal,
        };
        self.clip_bounds
            .map_or(x0, |(lowest, highest)| x0.clamp(lowest, highest))
    }
}

/// One step from a timestep to the next, as coefficients computed once for the whole batch:
/// `x_prev = x0_factor * x0 + sample_factor * x_t + noise_factor * noise`, where `x0` is the clipped
/// prediction of the clean sample.
///
/// DDIM takes this form once its noise estimate is recomputed from the clipped `x0` (without that, DDIM inpainting
/// fails).
#[derive(Clone, Copy, Debug, PartialEq)]
struct StepRule {
    clean: Clean,
    x0_factor: f32,
    sample_factor: f32,
    noise_factor: f32,
}

impl StepRule {
    /// The rule from `timestep` to `next` (`None`: the clean end).
    fn new(
        schedule: &Schedule,
        timestep: usize,
        next: Option<usize>,
        factors: impl FnOnce(&Ends<'_>) -> Factors,
    ) -> Self {
        let ends = Ends::of(schedule, timestep, next);
        let factors = factors(&ends);
        Self {
            clean: Clean::at(schedule, timestep),
            x0_factor: factors.x0 as f32,
            sample_factor: factors.sample as f32,
            noise_factor: factors.noise as f32,
        }
    }

    /// Whether the step adds noise.
    fn adds_noise(&self) -> bool {
        self.noise_factor != 0.0
    }

    /// Take the step in place; `noise` is read only where [`Self::adds_noise`].
    ///
    /// # Shapes
    /// All slices have the same length.
    fn apply(&self, x_t: &mut [f32], output: &[f32], noise: &[f32]) {
        for (index, (x, &output)) in x_t.iter_mut().zip(output).enumerate() {
            let x0 = self.clean.pred_x0(*x, output);
            *x = self.x0_factor * x0 + self.sample_factor * *x;
            if self.noise_factor != 0.0 {
                *x += self.noise_factor * noise[index];
            }
        }
    }
}
