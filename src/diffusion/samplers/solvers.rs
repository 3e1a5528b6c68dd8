//! Solvers of the process's ordinary differential equation that are of second order. They go by the clean image that the
//! network predicts and by how a state should change from there, so that an original put back between two steps is news
//! to them: experimental for inpainting.

use super::rule::Clean;
use super::{Rule, Sampler, SamplerDef, Step};
use crate::diffusion::denoiser::DenoiseError;
use crate::diffusion::schedule::Schedule;

pub(super) static MULTISTEP: SamplerDef = SamplerDef {
    name: "dpm-solver++",
    label: "DPM-Solver++ (2M)",
    help: "Second order by the step before, no noise, 25 steps unless --steps says otherwise; experimental for inpainting",
    uses_eta: false,
    usual_steps: |num_train_timesteps| num_train_timesteps.min(25),
    rule: Rule::Steps(|_| Box::new(Multistep::default())),
};

pub(super) static HEUN: SamplerDef = SamplerDef {
    name: "heun",
    label: "Heun",
    help: "Second order by two network calls per step, no noise, 25 steps unless --steps says otherwise; experimental for \
           inpainting",
    uses_eta: false,
    usual_steps: |num_train_timesteps| num_train_timesteps.min(25),
    rule: Rule::TwoCalls(|_| Box::new(Heun::default())),
};

/// What is left of the image at a timestep, `None` for the clean end, and the noise's deviation.
pub(super) fn shares(schedule: &Schedule, timestep: Option<usize>) -> (f64, f64) {
    (
        schedule.alpha_cumprod(timestep).sqrt(),
        schedule.noise_variance(timestep).sqrt(),
    )
}

/// Lu et al. 2022 (<https://arxiv.org/abs/2211.01095>), Algorithm 2.
#[derive(Default)]
struct Multistep {
    /// The network's output, (B, C, H, W).
    output: Vec<f32>,
    /// The clean images of the step before, and how long it was; empty before the first.
    before: Vec<f32>,
    length_before: f64,
}

impl Sampler for Multistep {
    fn step(&mut self, mut step: Step<'_>, state: &mut [f32]) -> Result<(), DenoiseError> {
        step.call(state, step.timestep, &mut self.output)?;
        let clean = Clean::at(step.schedule, step.timestep);
        for (output, x) in self.output.iter_mut().zip(&*state) {
            *output = clean.pred_x0(*x, *output);
        }
        let Some(next) = step.next else {
            state.copy_from_slice(&self.output);
            return Ok(());
        };
        let (signal, noise) = shares(step.schedule, Some(step.timestep));
        let (signal_next, noise_next) = shares(step.schedule, Some(next));
        let ratio = (noise_next / signal_next) / (noise / signal);
        let length = -ratio.ln();
        let sample = (noise_next / noise) as f32;
        let toward = (signal_next * (1.0 - ratio)) as f32;
        let ahead = if self.before.is_empty() {
            0.0
        } else {
            (length / (2.0 * self.length_before)) as f32
        };
        self.before.resize(state.len(), 0.0);
        let pairs = self.output.iter().zip(&self.before);
        for (x, (now, before)) in state.iter_mut().zip(pairs) {
            *x = sample * *x + toward * (now + ahead * (now - before));
        }
        std::mem::swap(&mut self.before, &mut self.output);
        self.length_before = length;
        Ok(())
    }
}

/// Karras et al. 2022 (<https://arxiv.org/abs/2206.00364>), Algorithm 1, over the timesteps of the schedule.
#[derive(Default)]
struct Heun {
    output: Vec<f32>,
    /// The state at the end of an Euler step.
    guess: Vec<f32>,
    /// Change per unit of noise at the beginning.
    slope: Vec<f32>,
}

impl Sampler for Heun {
    fn step(&mut self, mut step: Step<'_>, state: &mut [f32]) -> Result<(), DenoiseError> {
        step.call(state, step.timestep, &mut self.output)?;
        let clean = Clean::at(step.schedule, step.timestep);
        let Some(next) = step.next else {
            for (x, output) in state.iter_mut().zip(&self.output) {
                *x = clean.pred_x0(*x, *output);
            }
            return Ok(());
        };
        let (signal, noise) = shares(step.schedule, Some(step.timestep));
        let (signal_next, noise_next) = shares(step.schedule, Some(next));
        let (level, level_next) = (noise / signal, noise_next / signal_next);
        let (change, contrast) = ((level_next - level) as f32, signal_next as f32);
        self.slope.clear();
        self.guess.clear();
        for (x, output) in state.iter().zip(&self.output) {
            let whole = x / signal as f32;
            let slope = (whole - clean.pred_x0(*x, *output)) / level as f32;
            self.slope.push(slope);
            self.guess.push((whole + change * slope) * contrast);
        }
        (step.on_call)(&self.guess);
        step.call(&self.guess, next, &mut self.output)?;
        let clean = Clean::at(step.schedule, next);
        let pairs = self.guess.iter().zip(&self.output).zip(&self.slope);
        for (x, ((guess, output), slope)) in state.iter_mut().zip(pairs) {
            let slope_next =
                (guess / contrast - clean.pred_x0(*guess, *output)) / level_next as f32;
            *x = (*x / signal as f32 + change * f32::midpoint(*slope, slope_next)) * contrast;
        }
        Ok(())
    }
}
