//! The loop: steps, validation, checkpoints, and the model at the end.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::checkpoint::{Index, Validation, WorkFolder};
use super::data::Split;
use super::settings::TrainingSettings;
use super::{TrainingError, card, memory};
use crate::diffusion::{Interrupt, Interrupted};
use crate::images::ContentHash;
use crate::networks::Network;
use crate::networks::checkpoints::Blueprint;
use crate::networks::executors::cpu::Machine;
use crate::networks::training::draws::{BANDS, BatchBuffers, Draws, Examples};
use crate::networks::training::{CpuTrainer, Plan, TrainError, TrainState, trainer};

/// Time between checkpoints.
const SAVE_EVERY: Duration = Duration::from_mins(2);
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
#[derive(Clone, Copy, Debug, PartialEq)]
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
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The model is there.
    Done,
    /// It was stopped; what was made is kept.
    Stopped {
        /// Steps taken.
        step: usize,
        /// The working folder.
        folder: PathBuf,
    },
}

/// A training run.
pub struct Training {
    index: Index,
    blueprint: Blueprint,
    /// The description; its weights are those of the beginning.
    network: Network,
    trainer: CpuTrainer,
    draws: Draws,
    examples: Examples,
    monitor: Examples,
    images: Vec<ContentHash>,
    split: Split,
    output: PathBuf,
    folder: WorkFolder,
    num_not_finite: usize,
    saved_step: usize,
    /// When [`History::secs`](super::checkpoint::History) was brought up to date.
    clock: Instant,
}

impl Training {
    /// Begin a run of a network's description, from its weights; `began_from` names the model that they are of.
    pub fn begin(
        settings: TrainingSettings,
        (blueprint, network, began_from): (Blueprint, Network, Option<String>),
        all: &Examples,
        output: &Path,
        machine: Machine,
    ) -> Result<Self, TrainingError> {
        refuse_existing(output)?;
        let plan = Plan::new(&network).map_err(TrainError::from)?;
        memory::check(trainer::bytes_needed(&plan))?;
        let state = TrainState::new(plan.parameters.read(&network));
        let folder = WorkFolder::create(output)?;
        let index = Index::new(settings, blueprint.to_json(), began_from, all.hashes());
        let run = Self::with_state(
            index,
            blueprint,
            network,
            (plan, state),
            all,
            output,
            folder,
            machine,
        )?;
        // A place that can't be written to shows before any work.
        run.folder.save(run.index.clone(), run.trainer.state())?;
        Ok(run)
    }

    /// Continue a run; its images must be those that it began with.
    pub fn resume(
        (index, state): (Index, TrainState),
        all: &Examples,
        output: &Path,
        folder: WorkFolder,
        machine: Machine,
    ) -> Result<Self, TrainingError> {
        refuse_existing(output)?;
        let damaged = |reason: String| TrainingError::DamagedCheckpoint {
            reason,
            path: folder.path().to_owned(),
        };
        check_images(&index.images, all.hashes())?;
        let blueprint = Blueprint::from_json(&index.blueprint).map_err(damaged)?;
        let network = blueprint.initial(index.settings.seed);
        let plan = Plan::new(&network).map_err(TrainError::from)?;
        if plan.parameters.len() != state.weights.len() {
            return Err(damaged("its weights are of another network".to_owned()));
        }
        memory::check(trainer::bytes_needed(&plan))?;
        Self::with_state(
            index,
            blueprint,
            network,
            (plan, state),
            all,
            output,
            folder,
            machine,
        )
    }

    #[expect(clippy::too_many_arguments, reason = "both ways to begin meet here")]
    fn with_state(
        index: Index,
        blueprint: Blueprint,
        network: Network,
        (plan, state): (Plan, TrainState),
        all: &Examples,
        output: &Path,
        folder: WorkFolder,
        machine: Machine,
    ) -> Result<Self, TrainingError> {
        let split = Split::new(all.hashes());
        let (examples, monitor) = split.apply(all);
        let settings = &index.settings;
        let schedule = blueprint.schedule().clone();
        let draws = Draws::new(settings.seed, schedule, settings.has_flips);
        Ok(Self {
            saved_step: state.step,
            trainer: CpuTrainer::with_state(plan, state, machine)?,
            draws,
            index,
            blueprint,
            network,
            examples,
            monitor,
            images: all.hashes().to_vec(),
            split,
            output: output.to_owned(),
            folder,
            num_not_finite: 0,
            clock: Instant::now(),
        })
    }

    /// Facts of the run.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Images that steps see, and that are watched.
    pub fn counts(&self) -> (usize, usize) {
        (self.examples.len(), self.monitor.len())
    }

    /// What was made so far.
    pub fn state(&self) -> &TrainState {
        self.trainer.state()
    }

    /// Train to the end, or until a stop is asked for.
    pub fn run(
        mut self,
        interrupt: &dyn Interrupt,
        observer: &mut dyn FnMut(News),
    ) -> Result<End, TrainingError> {
        self.clock = Instant::now();
        let mut saved = Instant::now();
        let mut batch = BatchBuffers::default();
        loop {
            let step = self.trainer.state().step;
            if self
                .index
                .num_steps
                .is_some_and(|num_steps| step >= num_steps)
            {
                break;
            }
            match self.advance(&mut batch, interrupt, observer) {
                Ok(()) => {}
                Err(TrainingError::Train(TrainError::Interrupted(Interrupted))) => {
                    return self.stopped();
                }
                Err(error) => return Err(error),
            }
            if self.num_not_finite == 0 && saved.elapsed() >= SAVE_EVERY {
                self.save()?;
                saved = Instant::now();
            }
        }
        self.save()?;
        self.finish()
    }

    fn stopped(mut self) -> Result<End, TrainingError> {
        // A state that may be about to diverge does not take the place of a good one.
        if self.num_not_finite == 0 {
            self.save()?;
        }
        Ok(End::Stopped {
            step: self.saved_step,
            folder: self.folder.path().to_owned(),
        })
    }

    /// One step, and the validation that is due after it.
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
        self.tick();
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
            self.tick();
        }
        Ok(())
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

    /// Bring the time up to date.
    fn tick(&mut self) {
        let now = Instant::now();
        self.index.history.secs += (now - self.clock).as_secs_f64();
        self.clock = now;
    }

    fn save(&mut self) -> Result<(), TrainingError> {
        self.folder.save(self.index.clone(), self.trainer.state())?;
        self.saved_step = self.trainer.state().step;
        Ok(())
    }

    /// Write the averaged weights as a model, then remove the work on it.
    fn finish(mut self) -> Result<End, TrainingError> {
        self.index.step = self.trainer.state().step;
        let plan = self.trainer.plan();
        let average = &self.trainer.state().average;
        let network = plan.parameters.apply(average, &self.network);
        let made = self.folder.path().join("model");
        self.write_model(&made, &network)
            .and_then(|()| publish(&made, &self.output))
            .map_err(|source| TrainingError::Write {
                what: "the model",
                source,
                path: self.output.clone(),
            })?;
        // The model is whole: what is left of the work does no harm.
        if let Err(error) = self.folder.remove() {
            log::warn!("the training's folder can't be removed: {error}");
        }
        Ok(End::Done)
    }

    fn write_model(&self, folder: &Path, network: &Network) -> std::io::Result<()> {
        // One that a crash left half written.
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        self.blueprint.write(folder, network)?;
        let name = self
            .output
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let parameters = network.num_parameters();
        let card = card::card(&name, parameters, &self.index, &self.images, &self.split);
        let record = card::record(&self.index, &self.images, &self.split)?;
        for (name, bytes) in [("README.md", card.as_bytes()), ("training.json", &record)] {
            let path = folder.join(name);
            fs::write(&path, bytes)?;
            fs::File::open(&path)?.sync_all()?;
        }
        Ok(())
    }
}

/// Give the model its place; what has appeared there meanwhile stays.
fn publish(made: &Path, output: &Path) -> std::io::Result<()> {
    if output.exists() {
        return Err(std::io::ErrorKind::AlreadyExists.into());
    }
    fs::rename(made, output)
}

fn refuse_existing(output: &Path) -> Result<(), TrainingError> {
    if output.symlink_metadata().is_ok() {
        return Err(TrainingError::OutputExists {
            path: output.to_owned(),
        });
    }
    Ok(())
}

fn check_images(before: &[String], now: &[ContentHash]) -> Result<(), TrainingError> {
    let now: std::collections::BTreeSet<String> = now.iter().map(ToString::to_string).collect();
    let missing = before.iter().filter(|hash| !now.contains(*hash)).count();
    let added = now.len() + missing - before.len().min(now.len() + missing);
    if missing + added == 0 {
        return Ok(());
    }
    Err(TrainingError::OtherImages {
        count: before.len(),
        missing,
        added,
    })
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
    fn other_images_are_told_from_the_same_ones() {
        let hashes = |range: std::ops::Range<u8>| -> Vec<ContentHash> {
            range.map(|index| ContentHash([index; 32])).collect()
        };
        let before: Vec<String> = hashes(0..5).iter().map(ToString::to_string).collect();
        check_images(&before, &hashes(0..5)).unwrap();
        for (now, told) in [
            (0..4, "(1 of 5 are missing, 0 are new)"),
            (0..7, "(0 of 5 are missing, 2 are new)"),
            (2..6, "(2 of 5 are missing, 1 are new)"),
        ] {
            let error = check_images(&before, &hashes(now)).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn validations_are_spread_over_the_run_and_end_it() {
        let due: Vec<usize> = (1..=210).filter(|&step| is_due(step, 210)).collect();
        assert_eq!(due, [50, 100, 150, 200, 210]);
        assert_eq!(
            (1..=10_000).filter(|&step| is_due(step, 10_000)).count(),
            20
        );
    }
}
