//! Pseudo linear multistep (Liu et al. 2022, <https://arxiv.org/abs/2202.09778>): DDIM's step along a mean of the noise that
//! up to four steps have found. An original put back between two steps is news to it: experimental for inpainting.

use super::solvers::shares;
use super::{Rule, Sampler, SamplerDef, Step};
use crate::diffusion::denoiser::DenoiseError;

pub(super) static SAMPLER: SamplerDef = SamplerDef {
    name: "plms",
    label: "PLMS",
    help: "Fourth order by the steps before, no noise, 25 steps and one more network call unless --steps says otherwise; \
           experimental for inpainting",
    uses_eta: false,
    usual_steps: |num_train_timesteps| num_train_timesteps.min(25),
    rule: Rule::FirstTwice(|_| Box::new(Plms::default())),
};

/// Weights of the noise of this step, of the one before, and so on: Adams-Bashforth of second to fourth order.
const WEIGHTS: [&[f64]; 3] = [
    &[3.0 / 2.0, -1.0 / 2.0],
    &[23.0 / 12.0, -16.0 / 12.0, 5.0 / 12.0],
    &[55.0 / 24.0, -59.0 / 24.0, 37.0 / 24.0, -9.0 / 24.0],
];

#[derive(Default)]
struct Plms {
    /// The noise that the last steps found, the newest first, (B, C, H, W) each.
    found: Vec<Vec<f32>>,
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

    /// The mean of the noise found so far that the order reached so far asks for.
    fn mean(&self) -> Vec<f32> {
        let weights = WEIGHTS[self.found.len() - 2];
        let mut mean = vec![0.0; self.found[0].len()];
        for (found, weight) in self.found.iter().zip(weights) {
            for (mean, found) in mean.iter_mut().zip(found) {
                *mean += *weight as f32 * found;
            }
        }
        mean
    }
}

/// DDIM's step along this noise.
fn transfer(step: &Step<'_>, state: &[f32], noise: &[f32]) -> Vec<f32> {
    let (signal, deviation) = shares(step.schedule, Some(step.timestep));
    let (signal_next, deviation_next) = shares(step.schedule, step.next);
    let of_state = signal_next / signal;
    let of_noise = (deviation_next - of_state * deviation) as f32;
    let pairs = state.iter().zip(noise);
    pairs
        .map(|(x, noise)| of_state as f32 * x + of_noise * noise)
        .collect()
}

impl Sampler for Plms {
    fn step(&mut self, mut step: Step<'_>, state: &mut [f32]) -> Result<(), DenoiseError> {
        let timestep = step.timestep;
        let noise = Self::noise(&mut step, state, timestep)?;
        let along = match (self.found.is_empty(), step.next) {
            // With no step before, the mean is with the noise at the step's other end.
            (true, Some(next)) => {
                let guess = transfer(&step, state, &noise);
                (step.on_call)(&guess);
                let there = Self::noise(&mut step, &guess, next)?;
                let pairs = noise.iter().zip(&there);
                let mean = pairs.map(|(a, b)| a.midpoint(*b)).collect();
                self.found.push(noise);
                mean
            }
            (true, None) => noise,
            (false, _) => {
                self.found.insert(0, noise);
                self.found.truncate(WEIGHTS.len() + 1);
                self.mean()
            }
        };
        let next = transfer(&step, state, &along);
        state.copy_from_slice(&next);
        Ok(())
    }
}
