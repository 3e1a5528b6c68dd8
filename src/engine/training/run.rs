//! The loop: steps, validation, looks at the model, and checkpoints.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::TrainingError;
use super::checkpoint::{Index, WorkFolder};
use super::cost::step_secs;
use super::data::Split;
use super::history::Validation;
use super::look::{Look, Viewer, seen};
use super::settings::TrainingSettings;
use crate::diffusion::{Interrupt, Interrupted};
use crate::images::ContentHash;
use crate::networks::Network;
use crate::networks::checkpoints::Blueprint;
use crate::networks::training::draws::{BANDS, BatchBuffers, Draws, Examples};
use crate::networks::training::{CpuTrainer, TrainError, TrainState};

/// Time until a checkpoint that could not be written is tried again.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
/// Validations of a run.
const NUM_VALIDATIONS: usize = 20;
/// Fewest steps between two of them.
const FEWEST_STEPS_BETWEEN: usize = 50;
/// Images that are watched, at most.
const MOST_WATCHED: usize = 128;
/// Steps without a finite gradient, in a row, that end a run.
const MOST_NOT_FINITE: usize = 3;
/// Share of a step's loss in the running mean.
const SMOOTHING: f64 = 0.02;

/// What is told on the way.
#[derive(Clone, Debug)]
pub enum News {
    /// A step was taken.
    Step {
        /// Steps taken.
        step: usize,
        /// Steps of the whole run, once they are known.
        num_steps: Option<usize>,
        /// Running mean of the loss.
        loss: f64,
        /// Time that training took so far, of earlier sessions too, in seconds.
        secs: f64,
    },
    /// A step whose gradient was not finite was left out.
    Skipped {
        /// Steps taken.
        step: usize,
    },
    /// The held-out images were looked at.
    Validated(Validation),
    /// What the model makes of images by now.
    Looked(Arc<Look>),
    /// Neither figure of the held-out images got better over a fifth of the run: stopping now would lose little.
    StopOffered {
        /// Steps taken.
        step: usize,
    },
    /// Something can't be written: the run waits until it can. The sentence says what.
    Stuck(String),
    /// It was written, the run continues.
    Unstuck,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// All steps were taken: [`Training::finish`] writes the model.
    Complete,
    /// It was stopped; what was made is kept.
    Stopped {
        /// Steps that are kept.
        step: usize,
        /// The working folder.
        folder: PathBuf,
    },
}

/// A training run.
pub struct Training {
    pub(super) index: Index,
    pub(super) blueprint: Blueprint,
    /// The description; its weights are those of the beginning.
    pub(super) network: Network,
    pub(super) trainer: CpuTrainer,
    pub(super) draws: Draws,
    pub(super) examples: Examples,
    pub(super) monitor: Examples,
    pub(super) images: Vec<ContentHash>,
    pub(super) split: Split,
    pub(super) output: PathBuf,
    pub(super) folder: WorkFolder,
    pub(super) num_not_finite: usize,
    pub(super) saved_step: usize,
    /// When [`History::secs`](super::History::secs) was brought up to date, and the pauses until then.
    pub(super) clock: Instant,
    pub(super) paused: Duration,
    pub(super) pace: Pace,
    pub(super) save_every: Duration,
    /// None where a model like this can't be looked at.
    pub(super) viewer: Option<Viewer>,
    pub(super) last_look: Option<Arc<Look>>,
}

/// How often the model is looked at: a look takes the run's time.
pub(super) struct Pace {
    every: Duration,
    /// A look is followed by at least so many times the time it took.
    rest: u32,
    next: Instant,
}

impl Default for Pace {
    fn default() -> Self {
        /// So that something is to be seen soon.
        const FIRST: Duration = Duration::from_secs(30);
        Self {
            every: Duration::from_mins(2),
            // So that looks are a twentieth of the time at most.
            rest: 20,
            next: Instant::now() + FIRST,
        }
    }
}

impl Pace {
    fn is_due(&self) -> bool {
        Instant::now() >= self.next
    }

    fn looked(&mut self, took: Duration) {
        self.next = Instant::now() + self.every.max(took * self.rest);
    }
}

impl Training {
    /// Time between checkpoints where nothing else is asked for.
    pub const USUAL_SAVE_EVERY: Duration = Duration::from_mins(2);

    /// Write a checkpoint this often.
    #[must_use]
    pub fn saving_every(mut self, every: Duration) -> Self {
        self.save_every = every;
        self
    }

    /// Look at the model this often, however long a look takes.
    #[must_use]
    pub fn looking_every(mut self, every: Duration) -> Self {
        self.pace = Pace {
            every,
            rest: 0,
            next: Instant::now() + every,
        };
        self
    }

    /// Facts of the run.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Images that steps see, and that are watched.
    pub fn counts(&self) -> (usize, usize) {
        (self.examples.len(), self.monitor.len())
    }

    /// The model folder that will be made.
    pub fn output(&self) -> &Path {
        &self.output
    }

    /// What was made so far.
    pub fn state(&self) -> &TrainState {
        self.trainer.state()
    }

    /// Seconds that a step takes, about, by a few images; nothing of the run changes.
    pub fn estimated_step_secs(&mut self, interrupt: &dyn Interrupt) -> Result<f64, TrainingError> {
        let size = self.index.settings.batch;
        let (trainer, draws) = (&mut self.trainer, &self.draws);
        step_secs(trainer, draws, &self.examples, size, interrupt)
            .map_err(|interrupted| TrainError::from(interrupted).into())
    }

    /// Train until all steps are taken, or until a stop is asked for.
    pub fn run(
        &mut self,
        interrupt: &dyn Interrupt,
        observer: &mut dyn FnMut(News),
    ) -> Result<End, TrainingError> {
        self.clock = Instant::now();
        self.paused = interrupt.paused_for();
        let mut saved = Instant::now();
        let mut batch = BatchBuffers::default();
        while !self.is_complete() {
            let turn = interrupt
                .check()
                .map_err(|interrupted| TrainError::from(interrupted).into())
                .and_then(|()| self.advance(&mut batch, interrupt, observer));
            match turn {
                Ok(()) => {}
                Err(TrainingError::Train(TrainError::Interrupted(Interrupted))) => {
                    return self.stopped();
                }
                Err(error) => return Err(error),
            }
            if self.num_not_finite == 0 && saved.elapsed() >= self.save_every {
                self.save_or_wait(interrupt, observer)?;
                saved = Instant::now();
            }
        }
        self.save_or_wait(interrupt, observer)?;
        Ok(End::Complete)
    }

    fn is_complete(&self) -> bool {
        let step = self.trainer.state().step;
        self.index
            .num_steps
            .is_some_and(|num_steps| step >= num_steps)
    }

    fn stopped(&mut self) -> Result<End, TrainingError> {
        // A state that may be about to diverge does not take the place of a good one.
        if self.num_not_finite == 0 {
            self.save()?;
        }
        Ok(End::Stopped {
            step: self.saved_step,
            folder: self.folder.path().to_owned(),
        })
    }

    /// One step, and what is due after it.
    fn advance(
        &mut self,
        batch: &mut BatchBuffers,
        interrupt: &dyn Interrupt,
        observer: &mut dyn FnMut(News),
    ) -> Result<(), TrainingError> {
        let settings = &self.index.settings;
        let step = self.trainer.state().step;
        let place = (step, settings.batch);
        self.draws
            .training(self.trainer.machine(), &self.examples, place, batch);
        let optimizer = settings.optimizer(self.index.num_steps);
        let report = self.trainer.step(&batch.batch(), &optimizer, interrupt)?;
        let step = step + 1;
        self.tick(interrupt);
        if !report.is_applied {
            observer(News::Skipped { step });
            return self.count_not_finite(step);
        }
        self.num_not_finite = 0;
        let history = &mut self.index.history;
        let before = history.smoothed.unwrap_or(report.loss);
        let loss = before + SMOOTHING * (report.loss - before);
        history.smoothed = Some(loss);
        if step == TrainingSettings::TIMED_STEPS && self.index.num_steps.is_none() {
            let num_steps = self.index.settings.steps_in_budget(self.index.history.secs);
            self.index.num_steps = Some(num_steps);
        }
        let num_steps = self.index.num_steps;
        observer(News::Step {
            step,
            num_steps,
            loss,
            secs: self.index.history.secs,
        });
        if num_steps.is_some_and(|num_steps| is_due(step, num_steps)) {
            self.index.history.losses.push((step, loss));
            // A stop here repeats nothing: the step is done, and the validation is left out.
            if let Some(validation) = self.validate(batch, interrupt)? {
                self.index.history.validations.push(validation);
                observer(News::Validated(validation));
            }
            self.offer_to_stop(step, observer);
        }
        if self.pace.is_due() && !self.is_complete() {
            self.look(interrupt, observer)?;
            self.offer_to_stop(step, observer);
        }
        self.tick(interrupt);
        Ok(())
    }

    fn offer_to_stop(&mut self, step: usize, observer: &mut dyn FnMut(News)) {
        let history = &mut self.index.history;
        let is_stalled =
            (self.index.num_steps).is_some_and(|num_steps| history.is_stalled(num_steps));
        if is_stalled && history.stop_offered.is_none() && !self.is_complete() {
            self.index.history.stop_offered = Some(step);
            observer(News::StopOffered { step });
        }
    }

    fn count_not_finite(&mut self, step: usize) -> Result<(), TrainingError> {
        self.num_not_finite += 1;
        if self.num_not_finite < MOST_NOT_FINITE {
            return Ok(());
        }
        Err(TrainingError::NotFinite {
            times: self.num_not_finite,
            step,
            rate: self.index.settings.learning_rate,
            kept: self.saved_step,
            path: self.folder.path().to_owned(),
        })
    }

    /// The averaged weights on held-out images, noise and timesteps always the same; `None` without such images.
    fn validate(
        &mut self,
        batch: &mut BatchBuffers,
        interrupt: &dyn Interrupt,
    ) -> Result<Option<Validation>, TrainingError> {
        let count = self.monitor.len().min(MOST_WATCHED);
        if count == 0 {
            return Ok(None);
        }
        let mut bands = [0.0; BANDS];
        for (band, mean) in bands.iter_mut().enumerate() {
            let machine = self.trainer.machine();
            self.draws
                .validation(machine, &self.monitor, (0..count, band), batch);
            let losses = self
                .trainer
                .losses_of_average(&batch.batch(), interrupt)
                .map_err(TrainError::from)?;
            *mean = losses.iter().sum::<f64>() / count as f64;
        }
        let step = self.trainer.state().step;
        Ok(Some(Validation { step, bands }))
    }

    /// See what the averaged weights make of images. Their pictures lie in the working folder until the model is there.
    pub(super) fn look(
        &mut self,
        interrupt: &dyn Interrupt,
        observer: &mut dyn FnMut(News),
    ) -> Result<(), TrainingError> {
        let began = Instant::now();
        let state = self.trainer.state();
        let parameters = &self.trainer.plan().parameters;
        let network = parameters.apply(&state.average, &self.network);
        let look = (self.viewer.as_mut())
            .map(|viewer| seen(viewer.look(&network, state.step, interrupt)))
            .transpose()
            .map_err(TrainError::from)?
            .flatten();
        if let Some(look) = look.map(Arc::new) {
            if let Err(error) = look.write(self.folder.path()) {
                // Only to be looked at: a full disk shows at the next checkpoint.
                log::warn!("the pictures of the training can't be written: {error}");
            }
            self.index.history.watched.extend(look.watched.clone());
            self.last_look = Some(Arc::clone(&look));
            observer(News::Looked(look));
        }
        self.pace.looked(began.elapsed());
        Ok(())
    }

    /// Bring the time up to date.
    fn tick(&mut self, interrupt: &dyn Interrupt) {
        let (now, paused) = (Instant::now(), interrupt.paused_for());
        let passed = (now - self.clock).saturating_sub(paused.saturating_sub(self.paused));
        self.index.history.secs += passed.as_secs_f64();
        (self.clock, self.paused) = (now, paused);
    }

    fn save(&mut self) -> Result<(), TrainingError> {
        self.folder.save(self.index.clone(), self.trainer.state())?;
        self.saved_step = self.trainer.state().step;
        Ok(())
    }

    fn save_or_wait(
        &mut self,
        interrupt: &dyn Interrupt,
        observer: &mut dyn FnMut(News),
    ) -> Result<(), TrainingError> {
        until_written(interrupt, observer, || self.save())?;
        // Time spent waiting for room is none of training.
        self.clock = Instant::now();
        self.paused = interrupt.paused_for();
        Ok(())
    }
}

/// Write again and again until it works; a stop meanwhile gives the error. What was written before stays.
pub(super) fn until_written<T>(
    interrupt: &dyn Interrupt,
    observer: &mut dyn FnMut(News),
    mut write: impl FnMut() -> Result<T, TrainingError>,
) -> Result<T, TrainingError> {
    const SLICE: Duration = Duration::from_millis(50);
    let mut is_told = false;
    loop {
        let error = match write() {
            Ok(written) => {
                if is_told {
                    observer(News::Unstuck);
                }
                return Ok(written);
            }
            Err(error) => error,
        };
        if !std::mem::replace(&mut is_told, true) {
            observer(News::Stuck(error.to_string()));
        }
        let failed = Instant::now();
        while failed.elapsed() < TRY_AGAIN_AFTER {
            if interrupt.check().is_err() {
                return Err(error);
            }
            std::thread::sleep(SLICE);
        }
    }
}

/// Whether the held-out images are looked at after a step.
fn is_due(step: usize, num_steps: usize) -> bool {
    let every = (num_steps / NUM_VALIDATIONS).max(FEWEST_STEPS_BETWEEN);
    step == num_steps || step.is_multiple_of(every)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validations_are_spread_over_the_run_and_end_it() {
        let due: Vec<usize> = (1..=210).filter(|&step| is_due(step, 210)).collect();
        assert_eq!(due, [50, 100, 150, 200, 210]);
        assert_eq!(
            (1..=10_000).filter(|&step| is_due(step, 10_000)).count(),
            20
        );
    }

    #[test]
    fn looks_take_a_twentieth_of_the_time_at_most() {
        let mut pace = Pace {
            every: Duration::ZERO,
            next: Instant::now(),
            ..Pace::default()
        };
        assert!(pace.is_due());
        pace.looked(Duration::from_mins(1));
        let wait = pace.next - Instant::now();
        assert!(
            (19.0..20.1).contains(&(wait.as_secs_f64() / 60.0)),
            "{wait:?}"
        );
    }
}
