//! A training step of a tiny network on 64 gray images of 32x32 pixels, on one and on all threads.
//!
//! `benches/compare/training.py` times the same step in PyTorch.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use lmd_inspector::diffusion::NeverInterrupt;
use lmd_inspector::images::{ContentHash, Geometry};
use lmd_inspector::networks::checkpoints::{Blueprint, NetworkSize};
use lmd_inspector::networks::executors::cpu::{CpuOptions, Machine};
use lmd_inspector::networks::training::draws::{BatchBuffers, Draws, Examples};
use lmd_inspector::networks::training::{CpuTrainer, Optimizer};

const GEOMETRY: Geometry = Geometry {
    channels: 1,
    side: 32,
};
const BATCH: usize = 64;

fn examples() -> Examples {
    let mut examples = Examples::new(GEOMETRY);
    for index in 0..200_u8 {
        let unit: Vec<f32> = (0..GEOMETRY.len())
            .map(|at| (at as f32 * (f32::from(index) + 1.0) * 0.01).sin() * 0.5 + 0.5)
            .collect();
        examples.push(ContentHash([index; 32]), &unit);
    }
    examples
}

fn steps(criterion: &mut Criterion) {
    let optimizer = Optimizer {
        learning_rate: 1e-3,
        warm_up: 100,
        num_steps: None,
        weight_decay: 0.0,
        longest_gradient: 1.0,
        average_decay: 0.999,
    };
    let examples = examples();
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    let mut group = criterion.benchmark_group("training step");
    group.sample_size(10);
    for threads in [1, all] {
        let options = CpuOptions {
            threads: Some(threads),
            isa: None,
        };
        let (Ok(machine), Ok(blueprint)) = (
            Machine::new(&options),
            Blueprint::new(NetworkSize::Tiny, GEOMETRY),
        ) else {
            continue;
        };
        let Ok(mut trainer) = CpuTrainer::new(&blueprint.initial(0), machine) else {
            continue;
        };
        let draws = Draws::new(0, blueprint.schedule().clone(), false);
        let mut batch = BatchBuffers::default();
        group.bench_function(
            BenchmarkId::new("tiny", format!("{threads} threads")),
            |bencher| {
                bencher.iter(|| {
                    let place = (trainer.state().step, BATCH);
                    draws.training(trainer.machine(), &examples, place, &mut batch);
                    trainer.step(&batch.batch(), &optimizer, &NeverInterrupt)
                });
            },
        );
    }
    group.finish();
}

criterion_group!(benches, steps);
criterion_main!(benches);
