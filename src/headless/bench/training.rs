//! Timing of training steps.

use std::time::Instant;

use serde::Serialize;

use super::{Args, Failure, kernels, memory};
use crate::diffusion::NeverInterrupt;
use crate::images::{ContentHash, Geometry};
use crate::networks::checkpoints::{Blueprint, NetworkSize};
use crate::networks::executors::cpu::Machine;
use crate::networks::training::draws::{BatchBuffers, Draws, Examples};
use crate::networks::training::{CpuTrainer, Optimizer, TimestepDensity};

const GEOMETRY: Geometry = Geometry {
    channels: 1,
    side: 32,
};
const DEFAULT_BATCH: usize = 64;
const NUM_EXAMPLES: u8 = 200;

/// Times of one network's steps.
#[derive(Debug, Serialize)]
pub struct TrainingTimes {
    machine: String,
    network: String,
    parameters: usize,
    steps: Vec<StepTimes>,
    /// The process's largest resident size in bytes; `None` where the system does not say.
    peak_bytes: Option<usize>,
}

/// Times at one batch size. A step draws the noise, runs forward and backward, clips the gradient, and updates the
/// weights and their average.
#[derive(Debug, Serialize)]
struct StepTimes {
    batch: usize,
    median_ms: f64,
    min_ms: f64,
    num_steps: usize,
}

/// Steps of a new network for `--seconds` at each batch size, at least one after one that is not counted.
pub fn time(args: &Args, size: NetworkSize) -> Result<TrainingTimes, Failure> {
    let machine = Machine::new(&kernels(args)).map_err(Failure::bad_request)?;
    let blueprint = Blueprint::new(size, GEOMETRY)
        .map_err(|reason| Failure::failed(anyhow::Error::msg(reason)))?;
    let network = blueprint.initial(0);
    let parameters = network.num_parameters();
    let name = machine.to_string();
    let mut trainer = CpuTrainer::new(&network, machine).map_err(Failure::failed)?;
    let draws = Draws::new(0, blueprint.schedule().clone(), TimestepDensity::default());
    let examples = examples();
    let batches = args.batch.as_deref().unwrap_or(&[DEFAULT_BATCH]);
    let steps = batches
        .iter()
        .map(|&batch| {
            let mut seconds = Vec::new();
            let mut buffers = BatchBuffers::default();
            step(&mut trainer, &draws, &examples, batch, &mut buffers)?;
            let begin = Instant::now();
            while seconds.is_empty() || begin.elapsed().as_secs_f64() < args.seconds {
                let start = Instant::now();
                step(&mut trainer, &draws, &examples, batch, &mut buffers)?;
                seconds.push(start.elapsed().as_secs_f64());
            }
            seconds.sort_by(f64::total_cmp);
            Ok(StepTimes {
                batch,
                median_ms: seconds[seconds.len() / 2] * 1e3,
                min_ms: seconds[0] * 1e3,
                num_steps: seconds.len(),
            })
        })
        .collect::<Result<_, Failure>>()?;
    Ok(TrainingTimes {
        machine: name,
        network: size.to_string(),
        parameters,
        steps,
        peak_bytes: memory::peak(),
    })
}

fn step(
    trainer: &mut CpuTrainer,
    draws: &Draws,
    examples: &Examples,
    batch: usize,
    buffers: &mut BatchBuffers,
) -> Result<(), Failure> {
    let optimizer = Optimizer {
        learning_rate: 1e-3,
        warm_up: 100,
        num_steps: None,
        weight_decay: 0.0,
        longest_gradient: 1.0,
        average_decay: 0.999,
    };
    let place = (trainer.state().step, batch);
    draws.training(trainer.machine(), examples, place, buffers);
    trainer
        .step(&buffers.batch(), &optimizer, &NeverInterrupt)
        .map_err(Failure::failed)?;
    Ok(())
}

/// Waves: no kernel's time depends on what an image shows.
fn examples() -> Examples {
    let mut examples = Examples::new(GEOMETRY);
    for index in 0..NUM_EXAMPLES {
        let unit: Vec<f32> = (0..GEOMETRY.len())
            .map(|at| (at as f32 * (f32::from(index) + 1.0) * 0.01).sin() * 0.5 + 0.5)
            .collect();
        examples.push(ContentHash([index; 32]), &unit);
    }
    examples
}

/// The results as a short table.
pub fn text(times: &TrainingTimes) -> String {
    let mut lines = vec![
        format!(
            "{} network for gray 32x32 images, {:.2} M parameters, on {}",
            times.network,
            times.parameters as f64 / 1e6,
            times.machine
        ),
        "  batch  ms per training step (shortest)  images/s".to_owned(),
    ];
    lines.extend(times.steps.iter().map(|steps| {
        format!(
            "  {:>5}  {:>9.1} ({:.1})  {:>18.1}",
            steps.batch,
            steps.median_ms,
            steps.min_ms,
            steps.batch as f64 / steps.median_ms * 1e3
        )
    }));
    if let Some(peak) = times.peak_bytes {
        lines.push(format!(
            "largest resident size of the process {:.1} MiB",
            peak as f64 / (1024.0 * 1024.0)
        ));
    }
    lines.join("\n")
}
