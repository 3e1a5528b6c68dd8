//! Inpainting in continuous time as `score_sde_pytorch` does it (`get_pc_inpainter` in `controllable_generation.py` at
//! 1618dde): a predictor, with or without a Langevin corrector before it.
//!
//! What differs from the lift's usual loop: times are spread over (0, 1] whatever the training timesteps; after each
//! half-step the known pixels are the original diffused to the time of the step, not to the next one; and the result's holes
//! keep the last step's noise, since the authors' code rebuilds the mean from the noisy state.

use super::denoiser::{DenoiseError, Denoiser, Interrupt};
use super::lift::{LiftBatch, LiftPlan, StepReport};
use super::moment::Moment;
use super::noise::{NoiseSource, Purpose};
use super::schedule::Process;

/// What comes before each predictor step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corrector {
    /// The known pixels are diffused again, and nothing else.
    None,
    /// A step along the score, and noise (Song et al. 2021, Algorithm 4).
    Langevin(StepSize),
}

/// By whose norms a corrector's step is sized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepSize {
    /// Each image's own: a result does not depend on the batch.
    PerImage,
    /// The mean over the images of a call, as the authors' code has it.
    PerBatch,
}

impl Corrector {
    /// Network calls of a step.
    pub(super) fn calls_per_step(self) -> usize {
        match self {
            Self::None => 1,
            Self::Langevin(_) => 2,
        }
    }
}

/// What an inpainting runs with.
pub(super) struct With<'a> {
    pub denoiser: &'a mut dyn Denoiser,
    pub noise: &'a dyn NoiseSource,
    pub interrupt: &'a dyn Interrupt,
}

/// Inpaint a batch in the model's range; as many steps as the plan has timesteps.
pub(super) fn inpaint(
    corrector: Corrector,
    plan: &LiftPlan<'_>,
    batch: LiftBatch<'_>,
    with: With<'_>,
    on_step: &mut dyn FnMut(StepReport<'_>),
) -> Result<Vec<f32>, DenoiseError> {
    let item_len = with.denoiser.geometry().len();
    let num_steps = plan.timesteps.len();
    let mut state = State {
        values: vec![0.0; batch.original_signed.len()],
        score: Vec::new(),
        drawn: vec![0.0; item_len],
        item_len,
        plan,
        batch,
        with,
    };
    state.start();
    let mut calls_done = 0;
    for step in 0..num_steps {
        let moment = plan.schedule.moment(step, num_steps);
        if let Corrector::Langevin(size) = corrector {
            state.correct(&moment, size, step)?;
        }
        state.put_back_known(&moment, Purpose::KnownAfterCorrector, step);
        if corrector != Corrector::None {
            calls_done += 1;
            on_step(StepReport {
                steps_done: calls_done,
                state_signed: &state.values,
            });
        }
        state.predict(&moment, num_steps, step)?;
        state.put_back_known(&moment, Purpose::Known, step);
        if step + 1 == num_steps {
            state.end(&moment);
        }
        calls_done += 1;
        on_step(StepReport {
            steps_done: calls_done,
            state_signed: &state.values,
        });
    }
    Ok(state.values)
}

/// A batch on its way.
struct State<'a, 'w> {
    /// (B, C, H, W).
    values: Vec<f32>,
    /// What the network gave last, as a score.
    score: Vec<f32>,
    /// Noise of one image.
    drawn: Vec<f32>,
    item_len: usize,
    plan: &'a LiftPlan<'a>,
    batch: LiftBatch<'a>,
    with: With<'w>,
}

impl State<'_, '_> {
    /// The clean original where it is known, and noise elsewhere.
    fn start(&mut self) {
        let schedule = self.plan.schedule;
        let noisiest = schedule.num_train_timesteps() - 1;
        let deviation = schedule.prior_deviation(noisiest) as f32;
        for (item, x) in self.values.chunks_exact_mut(self.item_len).enumerate() {
            self.with.noise.fill_normal(item, Purpose::Start, 0, x);
            for x in x {
                *x *= deviation;
            }
        }
        self.with_known(|x, original, _| *x = original);
    }

    /// Known pixels are the original at the end, with as much contrast as the process leaves it.
    fn end(&mut self, moment: &Moment) {
        let signal = moment.signal as f32;
        self.with_known(|x, original, _| *x = signal * original);
    }

    fn put_back_known(&mut self, moment: &Moment, purpose: Purpose, step: usize) {
        let (signal, deviation) = (moment.signal as f32, moment.deviation as f32);
        for item in 0..self.batch.known.len() {
            (self.with.noise).fill_normal(item, purpose, step, &mut self.drawn);
            self.known_of(item, |x, original, noise| {
                *x = signal * original + deviation * noise;
            });
        }
    }

    fn with_known(&mut self, change: impl Fn(&mut f32, f32, f32)) {
        for item in 0..self.batch.known.len() {
            self.known_of(item, &change);
        }
    }

    /// Change an image's known values, by the original and what was drawn last.
    fn known_of(&mut self, item: usize, change: impl Fn(&mut f32, f32, f32)) {
        let values = item * self.item_len..(item + 1) * self.item_len;
        let originals = &self.batch.original_signed[values.clone()];
        let slots = self.values[values].iter_mut();
        let known = self.batch.known[item].iter().cycle();
        for ((x, known), (original, noise)) in
            slots.zip(known).zip(originals.iter().zip(&self.drawn))
        {
            if *known {
                change(x, *original, *noise);
            }
        }
    }

    /// One network call, whose output becomes a score.
    fn call(&mut self, moment: &Moment) -> Result<(), DenoiseError> {
        self.with.interrupt.check()?;
        self.score.resize(self.values.len(), 0.0);
        let told = vec![moment.told as f32; self.values.len() / self.item_len];
        (self.with.denoiser).denoise(&self.values, &told, &mut self.score, self.with.interrupt)?;
        if self.plan.schedule.config().process != Process::VarianceExploding {
            // These networks predict the noise.
            let factor = (-1.0 / moment.deviation) as f32;
            self.score.iter_mut().for_each(|value| *value *= factor);
        }
        Ok(())
    }

    /// A step along the score, so long that noise and step have norms of the ratio `snr`.
    fn correct(
        &mut self,
        moment: &Moment,
        size: StepSize,
        step: usize,
    ) -> Result<(), DenoiseError> {
        self.call(moment)?;
        let len = self.item_len;
        let mut noise = vec![0.0; self.values.len()];
        for (item, drawn) in noise.chunks_exact_mut(len).enumerate() {
            (self.with.noise).fill_normal(item, Purpose::Corrector, step, drawn);
        }
        let norms = |values: &[f32]| values.chunks_exact(len).map(norm).collect::<Vec<f64>>();
        let (mut of_noise, mut of_score) = (norms(&noise), norms(&self.score));
        if size == StepSize::PerBatch {
            for norms in [&mut of_noise, &mut of_score] {
                let mean = norms.iter().sum::<f64>() / norms.len() as f64;
                norms.fill(mean);
            }
        }
        let snr = self.plan.schedule.config().snr;
        let items = self.values.chunks_exact_mut(len).enumerate();
        for (item, x) in items {
            let length = 2.0 * (snr * of_noise[item] / of_score[item]).powi(2) * moment.share;
            let (along, beside) = (length as f32, (2.0 * length).sqrt() as f32);
            let values = item * len..(item + 1) * len;
            let pairs = self.score[values.clone()].iter().zip(&noise[values]);
            for (x, (score, noise)) in x.iter_mut().zip(pairs) {
                *x += along * score + beside * noise;
            }
        }
        Ok(())
    }

    /// Euler and Maruyama's step of the reverse process, which is the reverse diffusion of a variance-exploding one.
    fn predict(
        &mut self,
        moment: &Moment,
        num_steps: usize,
        step: usize,
    ) -> Result<(), DenoiseError> {
        self.call(moment)?;
        let process = self.plan.schedule.config().process;
        let (growth, variance) = if process == Process::VarianceExploding {
            (0.0, moment.diffusion)
        } else {
            let steps = num_steps as f64;
            (moment.beta / 2.0 / steps, moment.diffusion / steps)
        };
        let (growth, along, beside) = (growth as f32, variance as f32, variance.sqrt() as f32);
        let items = self.values.chunks_exact_mut(self.item_len).enumerate();
        for (item, x) in items {
            (self.with.noise).fill_normal(item, Purpose::Step, step, &mut self.drawn);
            let scores = &self.score[item * self.item_len..];
            for (x, (score, noise)) in x.iter_mut().zip(scores.iter().zip(&self.drawn)) {
                *x += growth * *x + along * score + beside * noise;
            }
        }
        Ok(())
    }
}

fn norm(values: &[f32]) -> f64 {
    let squares = values.iter().map(|&value| f64::from(value).powi(2));
    squares.sum::<f64>().sqrt()
}
