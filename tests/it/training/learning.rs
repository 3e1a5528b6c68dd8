//! What a few hundred steps learn.

use lmd_inspector::diffusion::NeverInterrupt;
use lmd_inspector::images::{ContentHash, Geometry};
use lmd_inspector::networks::checkpoints::{Blueprint, NetworkSize};
use lmd_inspector::networks::training::draws::{BatchBuffers, Draws, Examples};
use lmd_inspector::networks::training::{CpuTrainer, Optimizer, TimestepDensity};

use super::machine;

/// Images of one bright bar each, at a row or a column of its own.
pub(crate) fn bars(geometry: Geometry, count: usize) -> Examples {
    let Geometry { channels, side } = geometry;
    let mut examples = Examples::new(geometry);
    for index in 0..count {
        let is_row = index % 2 == 0;
        let place = index / 2 % side;
        let unit: Vec<f32> = (0..channels * side * side)
            .map(|at| {
                let (y, x) = (at / side % side, at % side);
                let is_bright = if is_row { y == place } else { x == place };
                if is_bright { 0.9 } else { 0.1 }
            })
            .collect();
        examples.push(ContentHash([index as u8; 32]), &unit);
    }
    examples
}

#[test]
fn sixteen_images_are_learnt_by_heart() {
    let geometry = Geometry {
        channels: 1,
        side: 8,
    };
    let examples = bars(geometry, 16);
    let blueprint = Blueprint::new(NetworkSize::Tiny, geometry).unwrap();
    let mut trainer = CpuTrainer::new(&blueprint.initial(1), machine(2)).unwrap();
    let draws = Draws::new(1, blueprint.schedule().clone(), TimestepDensity::default());
    let num_steps = 150;
    let optimizer = Optimizer {
        learning_rate: 2e-3,
        warm_up: 10,
        num_steps: Some(num_steps),
        weight_decay: 0.0,
        longest_gradient: 1.0,
        average_decay: 0.98,
    };
    let mut batch = BatchBuffers::default();
    let mut losses = Vec::new();
    for step in 0..num_steps {
        draws.training(trainer.machine(), &examples, (step, 32), &mut batch);
        let report = trainer
            .step(&batch.batch(), &optimizer, &NeverInterrupt)
            .unwrap();
        losses.push(report.loss);
    }
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let (first, last) = (losses[0], mean(&losses[num_steps - 20..]));
    assert!(
        first > 0.8,
        "noise has a variance of 1, the first loss is {first}"
    );
    assert!(last < 0.2, "{last}");
    // The averaged weights have learnt it too, on noise that no step saw.
    let mut fresh = Vec::new();
    for band in 0..4 {
        draws.validation(trainer.machine(), &examples, (0..16, band), &mut batch);
        fresh.extend(
            trainer
                .losses_of_average(&batch.batch(), &NeverInterrupt)
                .unwrap(),
        );
    }
    assert!(mean(&fresh) < 0.2, "{}", mean(&fresh));
}
