//! The two lifts: inpainting under a mask (LMD, Algorithm 1), and denoising from a noisy start (Table 4).
//!
//! States and originals are planar (B, C, H, W) in [-1, 1] (`_signed`).

use rayon::prelude::*;

use super::ahead::Ahead;
use super::continuous::{self, With};
use super::denoiser::{DenoiseError, Denoiser, Interrupt};
use super::noise::{NoiseSource, Purpose};
use super::samplers::{Resampling, Rule, Sampler, SamplerSettings, Step, Visit};
use super::schedule::{PixelRange, Schedule};

/// Where a lift starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Pure noise.
    Noise,
    /// The original diffused to the first timestep.
    Diffused,
}

/// One lift, ready to be applied to batches.
#[derive(Clone, Debug)]
pub struct LiftPlan<'a> {
    /// Gives the alphas.
    pub schedule: &'a Schedule,
    /// Takes the steps.
    pub sampler: SamplerSettings,
    /// Timesteps to visit, noisiest first, strictly falling.
    pub timesteps: &'a [usize],
    /// Where it starts from.
    pub start: Start,
}

/// The images of one batch.
#[derive(Clone, Copy, Debug)]
pub struct LiftBatch<'a> {
    /// (B, C, H, W) in [-1, 1].
    pub original_signed: &'a [f32],
    /// One mask an image (H * W, `true` = known, the same for all channels); empty: nothing is held to
    /// the original.
    pub known: &'a [&'a [bool]],
}

/// Told after each network call and what follows it.
pub struct StepReport<'a> {
    /// Calls done, from 1.
    pub steps_done: usize,
    /// The state just reached, (B, C, H, W) in [-1, 1] where the original was put back.
    pub state_signed: &'a [f32],
}

/// Lift and map one batch back; returns the reconstructions, (B, C, H, W) with clean values in [-1, 1] (not clamped).
///
/// For each step from the noisiest down: denoise one step, diffuse the original to the timestep just
/// reached, put it back where it is known. The last step reaches the clean original, so known pixels of
/// the result are exact.
///
/// # Errors
/// What the network call says; nothing of the batch is kept then.
pub fn lift(
    plan: &LiftPlan<'_>,
    denoiser: &mut dyn Denoiser,
    batch: LiftBatch<'_>,
    noise: &dyn NoiseSource,
    interrupt: &dyn Interrupt,
    on_step: &mut dyn FnMut(StepReport<'_>),
) -> Result<Vec<f32>, DenoiseError> {
    let with = With {
        denoiser,
        noise,
        interrupt,
    };
    let pixels = plan.schedule.config().pixels;
    if pixels == PixelRange::Signed {
        return lift_in_range(plan, batch, with, on_step);
    }
    let mapped = |values: &[f32], by: fn(PixelRange, f32) -> f32| -> Vec<f32> {
        values.iter().map(|&value| by(pixels, value)).collect()
    };
    let batch = LiftBatch {
        original_signed: &mapped(batch.original_signed, PixelRange::from_signed),
        ..batch
    };
    let state = lift_in_range(plan, batch, with, &mut |report| {
        on_step(StepReport {
            state_signed: &mapped(report.state_signed, PixelRange::to_signed),
            ..report
        });
    })?;
    Ok(mapped(&state, PixelRange::to_signed))
}

/// The same with all values in the model's range.
fn lift_in_range(
    plan: &LiftPlan<'_>,
    batch: LiftBatch<'_>,
    with: With<'_>,
    on_step: &mut dyn FnMut(StepReport<'_>),
) -> Result<Vec<f32>, DenoiseError> {
    match plan.sampler.kind.def().rule {
        Rule::Steps(start) | Rule::TwoCalls(start) | Rule::FirstTwice(start) => {
            let sampler = &mut *start(plan.sampler);
            step_by_step(plan, batch, with, (sampler, Resampling::NEVER), on_step)
        }
        Rule::Resampled(start) => {
            let sampler = &mut *start(plan.sampler);
            step_by_step(
                plan,
                batch,
                with,
                (sampler, plan.sampler.resampling),
                on_step,
            )
        }
        Rule::Continuous(corrector) => continuous::inpaint(corrector, plan, batch, with, on_step),
    }
}

fn step_by_step(
    plan: &LiftPlan<'_>,
    batch: LiftBatch<'_>,
    with: With<'_>,
    (sampler, resampling): (&mut dyn Sampler, Resampling),
    on_step: &mut dyn FnMut(StepReport<'_>),
) -> Result<Vec<f32>, DenoiseError> {
    let With {
        denoiser,
        noise,
        interrupt,
    } = with;
    let item_len = denoiser.geometry().len();
    let mut known_noise = vec![0.0; item_len];
    let mut state = start_state(plan, batch.original_signed, item_len, noise);
    let purposes = [Purpose::Step, Purpose::Known];
    let used = if batch.known.is_empty() { 1 } else { 2 };
    let num_steps = plan.timesteps.len();
    let visits = resampling.visits(num_steps);
    // Each time that a step is taken draws noise of its own.
    let index_of = |visit: &Visit| visit.step + visit.repeat * num_steps;
    // The last step adds no noise.
    let noisy = |at: usize| {
        let visit = visits.get(at).filter(|visit| visit.step + 1 < num_steps);
        visit.map(index_of)
    };
    let lens = (state.len(), item_len);
    let mut ahead = Ahead::new(noise, lens, &purposes[..used], noisy(0));

    let mut calls_done = 0;
    let mut report = |state: &[f32]| {
        calls_done += 1;
        on_step(StepReport {
            steps_done: calls_done,
            state_signed: state,
        });
    };
    for (at, visit) in visits.iter().enumerate() {
        interrupt.check()?;
        let (step, index) = (visit.step, index_of(visit));
        let next = plan.timesteps.get(step + 1).copied();
        ahead.during(noisy(at + 1), |noise| {
            let taken = Step {
                schedule: plan.schedule,
                index,
                timestep: plan.timesteps[step],
                next,
                noise,
                denoiser: &mut *denoiser,
                interrupt,
                on_call: &mut report,
            };
            sampler.step(taken, &mut state)?;
            let items = state.chunks_exact_mut(item_len).zip(batch.known);
            for (item, (x, known)) in items.enumerate() {
                if next.is_some() {
                    noise.fill_normal(item, Purpose::Known, index, &mut known_noise);
                }
                let original = &batch.original_signed[item * item_len..][..item_len];
                let shares = Shares::at(plan.schedule, next);
                put_back_known(x, original, known, shares, &known_noise);
            }
            report(&state);
            if let (Some(next), Some(back_to)) = (next, visit.back_to) {
                let ends = (next, plan.timesteps[back_to]);
                let draw = |item: usize, drawn: &mut [f32]| {
                    noise.fill_normal(item, Purpose::Again, index, drawn);
                };
                diffuse_again(plan.schedule, ends, (&mut state, item_len), draw);
            }
            Ok::<_, DenoiseError>(())
        })?;
    }
    Ok(state)
}

/// Add noise to a state at a timestep until it is one at a noisier timestep.
fn diffuse_again(
    schedule: &Schedule,
    (from, to): (usize, usize),
    (state, item_len): (&mut [f32], usize),
    draw: impl Fn(usize, &mut [f32]),
) {
    let share = schedule.alpha_cumprod(Some(to)) / schedule.alpha_cumprod(Some(from));
    let added = schedule.noise_variance(Some(to)) - share * schedule.noise_variance(Some(from));
    let (signal, noise) = (share.sqrt() as f32, added.max(0.0).sqrt() as f32);
    let mut drawn = vec![0.0; item_len];
    for (item, x) in state.chunks_exact_mut(item_len).enumerate() {
        draw(item, &mut drawn);
        for (x, noise_drawn) in x.iter_mut().zip(&drawn) {
            *x = signal * *x + noise * noise_drawn;
        }
    }
}

fn start_state(
    plan: &LiftPlan<'_>,
    original_signed: &[f32],
    item_len: usize,
    noise: &dyn NoiseSource,
) -> Vec<f32> {
    let mut state = vec![0.0; original_signed.len()];
    let items = state.par_chunks_exact_mut(item_len).enumerate();
    items.for_each(|(item, x)| noise.fill_normal(item, Purpose::Start, 0, x));
    if plan.start == Start::Diffused {
        let shares = Shares::at(plan.schedule, plan.timesteps.first().copied());
        for (x, &original) in state.iter_mut().zip(original_signed) {
            *x = shares.diffuse(original, *x);
        }
        return state;
    }
    let first = plan.timesteps.first().copied().unwrap_or(0);
    let deviation = plan.schedule.prior_deviation(first) as f32;
    if deviation != 1.0 {
        for x in &mut state {
            *x *= deviation;
        }
    }
    state
}

/// What an image and noise contribute to a state.
#[derive(Clone, Copy)]
struct Shares {
    signal: f32,
    noise: f32,
    is_clean: bool,
}

impl Shares {
    /// Ho et al. 2020, Eq. 4.
    fn at(schedule: &Schedule, timestep: Option<usize>) -> Self {
        let alpha = schedule.alpha_cumprod(timestep);
        Self {
            signal: alpha.sqrt() as f32,
            noise: schedule.noise_variance(timestep).sqrt() as f32,
            is_clean: timestep.is_none(),
        }
    }

    /// At the clean end the original itself, whatever the noise.
    fn diffuse(self, original: f32, noise: f32) -> f32 {
        if self.is_clean {
            return original;
        }
        self.signal * original + self.noise * noise
    }
}

fn put_back_known(x: &mut [f32], original: &[f32], known: &[bool], shares: Shares, noise: &[f32]) {
    let values = x.iter_mut().zip(original.iter().zip(noise));
    for ((x, (&original, &noise)), &is_known) in values.zip(known.iter().cycle()) {
        if is_known {
            *x = shares.diffuse(original, noise);
        }
    }
}
