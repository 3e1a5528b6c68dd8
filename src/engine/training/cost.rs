//! What a training costs, before it begins.

use std::time::Instant;

use super::settings::TrainingSettings;
use crate::diffusion::{Interrupt, Interrupted};
use crate::images::Geometry;
use crate::networks::Network;
use crate::networks::checkpoints::{Blueprint, NetworkSize};
use crate::networks::executors::cpu::Machine;
use crate::networks::training::draws::{BatchBuffers, Draws, Examples};
use crate::networks::training::{CpuTrainer, TimestepDensity, TrainError, trainer};

/// Steps that a model of a few thousand images needs to be of use, about.
pub const USUAL_STEPS: usize = 3000;

/// A new network and what it costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NetworkCost {
    /// Which.
    pub size: NetworkSize,
    /// Number of weights.
    pub num_parameters: usize,
    /// Seconds that a step of a usual batch takes, about.
    pub step_secs: f64,
}

impl NetworkCost {
    /// Of all new networks for these images, on a machine: the smallest is timed, the others have more arithmetic. There
    /// are none for sides that no network has.
    pub(super) fn all(
        examples: &Examples,
        machine: Machine,
        interrupt: &dyn Interrupt,
    ) -> Result<Vec<Self>, TrainError> {
        let geometry = examples.geometry();
        let Some((blueprint, network)) = network(NetworkSize::Tiny, geometry) else {
            return Ok(Vec::new());
        };
        let flops = network.flops_per_image() as f64;
        let mut trainer = CpuTrainer::new(&network, machine)?;
        let draws = Draws::new(0, blueprint.schedule().clone(), TimestepDensity::default());
        let batch = TrainingSettings::USUAL_BATCH;
        let secs = step_secs(&mut trainer, &draws, examples, batch, interrupt)?;
        let costs = NetworkSize::ALL.into_iter().filter_map(|size| {
            let (_, network) = self::network(size, geometry)?;
            Some(Self {
                size,
                num_parameters: network.num_parameters(),
                step_secs: secs * network.flops_per_image() as f64 / flops,
            })
        });
        Ok(costs.collect())
    }

    /// Seconds that so many steps take.
    pub fn secs(&self, num_steps: usize) -> f64 {
        num_steps as f64 * self.step_secs
    }
}

fn network(size: NetworkSize, geometry: Geometry) -> Option<(Blueprint, Network)> {
    let blueprint = Blueprint::new(size, geometry).ok()?;
    let network = blueprint.initial(0);
    Some((blueprint, network))
}

/// Seconds that a step takes, about, by a few of its images; the trainer's state does not change.
pub(super) fn step_secs(
    trainer: &mut CpuTrainer,
    draws: &Draws,
    examples: &Examples,
    size: usize,
    interrupt: &dyn Interrupt,
) -> Result<f64, Interrupted> {
    let timed = size.min(trainer::GROUP);
    let mut batch = BatchBuffers::default();
    draws.training(trainer.machine(), examples, (0, timed), &mut batch);
    let mut secs = f64::INFINITY;
    // The first pass warms the caches.
    for _ in 0..2 {
        let start = Instant::now();
        trainer.backward(&batch.batch(), interrupt)?;
        secs = secs.min(start.elapsed().as_secs_f64());
    }
    Ok(secs * size as f64 / timed as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diffusion::NeverInterrupt;
    use crate::images::ContentHash;
    use crate::networks::executors::cpu::CpuOptions;

    fn costs(side: usize) -> Vec<NetworkCost> {
        let geometry = Geometry { channels: 1, side };
        let mut examples = Examples::new(geometry);
        examples.push(ContentHash([0; 32]), &vec![0.5; geometry.len()]);
        let machine = Machine::new(&CpuOptions::default()).unwrap();
        NetworkCost::all(&examples, machine, &NeverInterrupt).unwrap()
    }

    #[test]
    fn larger_networks_cost_more_and_a_side_without_any_has_none() {
        let all = costs(16);
        assert_eq!(all.len(), 4);
        assert!(
            all.is_sorted_by(|a, b| a.num_parameters < b.num_parameters && a.secs(1) < b.secs(1)),
            "{all:?}"
        );
        assert_eq!(all[0].secs(10), 10.0 * all[0].step_secs);
        assert!(costs(33).is_empty());
    }
}
