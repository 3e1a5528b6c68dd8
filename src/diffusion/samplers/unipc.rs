//! `UniPC` (Zhao et al. 2023, <https://arxiv.org/abs/2302.04867>) of second order, for the clean image, with `B(h) = e^h - 1`
//! (their bh2): the network's output at a step first mends the state that it was computed for, and then leads on from there.
//! An original put back between two steps is news to it: experimental for inpainting.

use super::rule::Clean;
use super::solvers::shares;
use super::{Rule, Sampler, SamplerDef, Step};
use crate::diffusion::denoiser::DenoiseError;
use crate::diffusion::schedule::Schedule;

pub(super) static SAMPLER: SamplerDef = SamplerDef {
    name: "unipc",
    label: "UniPC",
    help: "Second order, each step mended by the next one's network call, no noise, 25 steps unless --steps says otherwise; \
           experimental for inpainting",
    uses_eta: false,
    usual_steps: |num_train_timesteps| num_train_timesteps.min(25),
    rule: Rule::Steps(|_| Box::new(UniPc::default())),
};

/// A state with the clean image that was predicted for it.
struct Point {
    timestep: usize,
    /// (B, C, H, W).
    state: Vec<f32>,
    clean: Vec<f32>,
}

#[derive(Default)]
struct UniPc {
    /// The last step's beginning, mended.
    last: Option<Point>,
    /// The timestep before that one, and its clean image.
    before: Option<(usize, Vec<f32>)>,
}

/// Half the logarithm of the ratio of signal to noise.
fn log_ratio(schedule: &Schedule, timestep: usize) -> f64 {
    let (signal, noise) = shares(schedule, Some(timestep));
    (signal / noise).ln()
}

/// A step from one timestep to a less noisy one: `state * of_state + clean * of_clean + changes`, where the changes of the
/// clean image count `of_change`.
struct Stride {
    of_state: f32,
    of_clean: f32,
    of_change: f64,
    /// In log signal-to-noise ratio.
    length: f64,
}

impl Stride {
    fn new(schedule: &Schedule, from: usize, to: usize) -> Self {
        let (_, noise) = shares(schedule, Some(from));
        let (signal_to, noise_to) = shares(schedule, Some(to));
        let length = log_ratio(schedule, to) - log_ratio(schedule, from);
        let grown = signal_to * -(-length).exp_m1();
        Self {
            of_state: (noise_to / noise) as f32,
            of_clean: grown as f32,
            of_change: grown,
            length,
        }
    }
}

impl UniPc {
    /// How fast the clean image changes: by the last two, per unit of this step's length.
    fn slope(&self, schedule: &Schedule, length: f64) -> Option<(f64, &[f32])> {
        let (last, (before, clean)) = self.last.as_ref().zip(self.before.as_ref())?;
        let ratio = (log_ratio(schedule, *before) - log_ratio(schedule, last.timestep)) / length;
        Some((ratio, clean))
    }

    /// The state that a network call was made for, mended by what the call said.
    fn mended(&self, schedule: &Schedule, timestep: usize, clean: &[f32]) -> Option<Vec<f32>> {
        let last = self.last.as_ref()?;
        let step = Stride::new(schedule, last.timestep, timestep);
        let h = -step.length;
        // The integrals of exp(h r) and r exp(h r), over B(h), see their Eq. 13.
        let phi_1 = h.exp_m1();
        let phi_2 = phi_1 / h - 1.0;
        let phi_3 = phi_2 / h - 0.5;
        let (first, second) = (phi_2 / phi_1, 2.0 * phi_3 / phi_1);
        let slope = self.slope(schedule, step.length);
        let (of_before, of_now) = match slope {
            None => (0.0, 0.5),
            Some((ratio, _)) => {
                // The two conditions of second order: weights that sum to `first`, and with their places to `second`.
                let of_before = (second - first) / (ratio - 1.0);
                (of_before / ratio, first - of_before)
            }
        };
        let before = slope.map_or(&*last.clean, |(_, clean)| clean);
        let values = last.state.iter().zip(&last.clean).zip(clean).zip(before);
        let mended = values.map(|(((x, then), now), before)| {
            let change = of_now * f64::from(now - then) + of_before * f64::from(before - then);
            step.of_state * x + step.of_clean * then + (step.of_change * change) as f32
        });
        Some(mended.collect())
    }
}

impl Sampler for UniPc {
    fn step(&mut self, mut step: Step<'_>, state: &mut [f32]) -> Result<(), DenoiseError> {
        let mut clean = Vec::new();
        step.call(state, step.timestep, &mut clean)?;
        let predicted = Clean::at(step.schedule, step.timestep);
        for (output, x) in clean.iter_mut().zip(&*state) {
            *output = predicted.pred_x0(*x, *output);
        }
        let Some(next) = step.next else {
            state.copy_from_slice(&clean);
            return Ok(());
        };
        let mended = self.mended(step.schedule, step.timestep, &clean);
        let begin = Point {
            timestep: step.timestep,
            state: mended.unwrap_or_else(|| state.to_vec()),
            clean,
        };
        let last = self.last.replace(begin);
        self.before = last.map(|last| (last.timestep, last.clean));
        let Some(begin) = &self.last else {
            return Ok(());
        };
        let ahead = Stride::new(step.schedule, step.timestep, next);
        let (of_before, before) = match self.slope(step.schedule, ahead.length) {
            None => (0.0, &*begin.clean),
            Some((ratio, clean)) => (0.5 * ahead.of_change / ratio, clean),
        };
        let values = begin.state.iter().zip(&begin.clean).zip(before);
        for (out, ((x, clean), before)) in state.iter_mut().zip(values) {
            let change = of_before * f64::from(before - clean);
            *out = ahead.of_state * x + ahead.of_clean * clean + change as f32;
        }
        Ok(())
    }
}
