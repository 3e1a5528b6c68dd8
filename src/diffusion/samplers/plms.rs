//! Pseudo linear multistep (Liu et al. 2022, <https://arxiv.org/abs/2202.09778>): DDIM's step along a mean of the noise that
//! up to four steps have found. An original put back between two steps is news to it: experimental for inpainting.

use super::solvers::shares;
use super::{Rule, Sampler, SamplerDef, Step};
use crate::diffusion::denoiser::DenoiseError;
use crate::diffusion::schedule::Schedule;

pub(super) static SAMPLER: SamplerDef = SamplerDef {
    name: "plms",
    label: "PLMS",
    help: "Fourth order by the steps before, no noise, 25 steps and one more network call unless --steps says otherwise; \
           experimental for inpainting",
    uses_eta: false,
    usual_steps: |num_train_timesteps| num_train_timesteps.min(25),
    rule: Rule::FirstTwice(|_| Box::new(Plms::default())),
};

/// Weights of the noise of this step, of the one before, and so on: Adams-Bashforth of first to fourth order.
const WEIGHTS: [&[f64]; 4] = [
    &[1.0],
    &[3.0 / 2.0, -1.0 / 2.0],
    &[23.0 / 12.0, -16.0 / 12.0, 5.0 / 12.0],
    &[55.0 / 24.0, -59.0 / 24.0, 37.0 / 24.0, -9.0 / 24.0],
];

/// The noise that the last steps have found, the newest first, (B, C, H, W) each.
#[derive(Debug, Default)]
pub struct NoiseHistory(Vec<Vec<f32>>);

impl NoiseHistory {
    /// What a step has found.
    pub fn push(&mut self, noise: Vec<f32>) {
        self.0.insert(0, noise);
        self.0.truncate(WEIGHTS.len());
    }

    /// The mean to step along, of the highest order that there are steps for; empty before the first.
    pub fn mean(&self) -> Vec<f32> {
        let mut mean = vec![0.0; self.0.first().map_or(0, Vec::len)];
        let weights = WEIGHTS.iter().take(self.0.len()).next_back();
        for (found, weight) in self.0.iter().zip(weights.copied().unwrap_or_default()) {
            for (mean, found) in mean.iter_mut().zip(found) {
                *mean += *weight as f32 * found;
            }
        }
        mean
    }
}

/// DDIM's step of a state along this noise, from a timestep to another one, `None` for the clean end.
pub fn transfer(
    schedule: &Schedule,
    (timestep, next): (usize, Option<usize>),
    state: &[f32],
    noise: &[f32],
) -> Vec<f32> {
    let (signal, deviation) = shares(schedule, Some(timestep));
    let (signal_next, deviation_next) = shares(schedule, next);
    let of_state = signal_next / signal;
    let of_noise = (deviation_next - of_state * deviation) as f32;
    let pairs = state.iter().zip(noise);
    pairs
        .map(|(x, noise)| of_state as f32 * x + of_noise * noise)
        .collect()
}

#[derive(Default)]
struct Plms {
    found: NoiseHistory,
    has_begun: bool,
}

impl Plms {
    /// The noise in a state, by the network.
    fn noise(
        step: &mut Step<'_>,
        state: &[f32],
        timestep: usize,
    ) -> Result<Vec<f32>, DenoiseError> {
        let mut output = Vec::new();
        step.call(state, timestep, &mut output)?;
        for (output, x) in output.iter_mut().zip(state) {
            let (x, value) = (f64::from(*x), f64::from(*output));
            *output = step.schedule.pred_noise(timestep, x, value) as f32;
        }
        Ok(output)
    }
}

impl Sampler for Plms {
    fn step(&mut self, mut step: Step<'_>, state: &mut [f32]) -> Result<(), DenoiseError> {
        let ends = (step.timestep, step.next);
        let noise = Self::noise(&mut step, state, ends.0)?;
        let is_first = !std::mem::replace(&mut self.has_begun, true);
        self.found.push(noise.clone());
        let along = match (is_first, step.next) {
            // With no step before, the mean is with the noise at the step's other end.
            (true, Some(next)) => {
                let guess = transfer(step.schedule, ends, state, &noise);
                (step.on_call)(&guess);
                let there = Self::noise(&mut step, &guess, next)?;
                let pairs = noise.iter().zip(&there);
                pairs.map(|(a, b)| a.midpoint(*b)).collect()
            }
            _ => self.found.mean(),
        };
        let next = transfer(step.schedule, ends, state, &along);
        state.copy_from_slice(&next);
        Ok(())
    }
}
