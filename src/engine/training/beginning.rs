//! How a run begins, and how one continues that was stopped.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::checkpoint::{Index, WorkFolder};
use super::data::Split;
use super::look::Viewer;
use super::run::{Pace, Training};
use super::settings::TrainingSettings;
use super::{TrainingError, memory};
use crate::images::ContentHash;
use crate::networks::Network;
use crate::networks::checkpoints::Blueprint;
use crate::networks::executors::cpu::Machine;
use crate::networks::training::draws::{Draws, Examples};
use crate::networks::training::{CpuTrainer, Plan, TrainError, TrainState};

/// What a new run begins from.
#[derive(Clone, Debug)]
pub struct Start {
    /// The network's description.
    pub blueprint: Blueprint,
    /// The same with its weights.
    pub network: Network,
    /// The model that the weights are of, for people; `None` for random ones.
    pub began_from: Option<String>,
    /// Where the images were listed.
    pub sources: Vec<PathBuf>,
}

/// A run's network with what was made of it.
struct Model {
    blueprint: Blueprint,
    network: Network,
    plan: Plan,
    state: TrainState,
}

impl Training {
    /// Begin a run, from the weights of `start`.
    pub fn begin(
        settings: TrainingSettings,
        start: Start,
        all: &Examples,
        output: &Path,
        machine: Machine,
    ) -> Result<Self, TrainingError> {
        refuse_existing(output)?;
        let plan = Plan::new(&start.network).map_err(TrainError::from)?;
        memory::check(&plan)?;
        let state = TrainState::new(plan.parameters.read(&start.network));
        let folder = WorkFolder::create(output)?;
        let index = Index::new(settings, &start, all.hashes());
        let model = Model {
            blueprint: start.blueprint,
            network: start.network,
            plan,
            state,
        };
        let run = Self::of(index, model, all, (output, folder), machine)?;
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
        memory::check(&plan)?;
        let model = Model {
            blueprint,
            network,
            plan,
            state,
        };
        Self::of(index, model, all, (output, folder), machine)
    }

    fn of(
        index: Index,
        model: Model,
        all: &Examples,
        (output, folder): (&Path, WorkFolder),
        machine: Machine,
    ) -> Result<Self, TrainingError> {
        let split = Split::new(all.hashes());
        let (examples, monitor) = split.apply(all);
        let settings = &index.settings;
        let schedule = model.blueprint.schedule().clone();
        let viewer = Viewer::new(machine.clone(), schedule.clone(), settings.seed, &monitor)
            .inspect_err(|error| log::warn!("the model in training can't be looked at: {error}"))
            .ok(); // Said above; the run does not need it.
        let draws =
            Draws::new(settings.seed, schedule, settings.timesteps).with_flips(settings.has_flips);
        Ok(Self {
            saved_step: model.state.step,
            trainer: CpuTrainer::with_state(model.plan, model.state, machine)?,
            draws,
            index,
            blueprint: model.blueprint,
            network: model.network,
            examples,
            monitor,
            images: all.hashes().to_vec(),
            split,
            output: output.to_owned(),
            folder,
            num_not_finite: 0,
            clock: Instant::now(),
            paused: Duration::ZERO,
            pace: Pace::default(),
            save_every: Self::USUAL_SAVE_EVERY,
            viewer,
            last_look: None,
        })
    }
}

/// Refuse to train where something lies already.
pub(super) fn refuse_existing(output: &Path) -> Result<(), TrainingError> {
    if output.symlink_metadata().is_ok() {
        return Err(TrainingError::OutputExists {
            path: output.to_owned(),
        });
    }
    Ok(())
}

fn check_images(before: &[String], now: &[ContentHash]) -> Result<(), TrainingError> {
    let now: BTreeSet<String> = now.iter().map(ToString::to_string).collect();
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
}
