//! The gradients of whole networks against PyTorch, and against themselves at other numbers of threads.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor};
use lmd_inspector::diffusion::NeverInterrupt;
use lmd_inspector::networks::Network;
use lmd_inspector::networks::checkpoints::{Blueprint, ModelSource};
use lmd_inspector::networks::training::{Batch, CpuTrainer, Optimizer, parameters};

use super::{machine, machine_with};
use crate::cpu::isas;
use crate::networks::{fixture, load_fixture};

/// Relative to the largest magnitude of a tensor's gradient; the references are in `f64`, from which PyTorch's own gradients in
/// `f32` are up to 1.1e-5, by machine.
const TOLERANCE: f64 = 1e-5;

/// Networks with every kind of layer.
const NETWORKS: [&str; 4] = [
    "defaults-no-attention",
    "google-cifar-like",
    "gray-attn-heads",
    "resnet-resample-scale-shift",
];

struct Case {
    network: Network,
    names: Vec<String>,
    /// Channels last.
    noisy: Vec<f32>,
    target: Vec<f32>,
    timesteps: Vec<f32>,
    expected: HashMap<String, Tensor>,
}

fn load(path: &std::path::Path) -> HashMap<String, Tensor> {
    candle_core::safetensors::load(path, &Device::Cpu).unwrap()
}

fn wide(tensor: &Tensor) -> Vec<f64> {
    let flat = tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap();
    flat.to_vec1().unwrap()
}

/// (B, C, H, W) as (B, H, W, C).
fn channels_last(tensor: &Tensor) -> Vec<f32> {
    let moved = tensor.to_dtype(DType::F32).unwrap().permute((0, 2, 3, 1));
    moved.unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

fn case(name: &str) -> Case {
    let folder = fixture("unet").join(name);
    let inputs = load(&folder.join("expected.safetensors"));
    let expected = load(&fixture("training").join(format!("{name}.safetensors")));
    let blueprint = Blueprint::of(&ModelSource::Path(folder)).unwrap();
    let names = blueprint.tensors().into_iter().map(|(name, _)| name);
    Case {
        network: load_fixture(name).network,
        names: names.collect(),
        noisy: channels_last(&inputs["sample"]),
        target: channels_last(&expected["target"]),
        timesteps: wide(&inputs["timestep"])
            .iter()
            .map(|t| *t as f32)
            .collect(),
        expected,
    }
}

impl Case {
    fn batch(&self) -> Batch<'_> {
        Batch {
            noisy: &self.noisy,
            timesteps: &self.timesteps,
            target: &self.target,
        }
    }
}

#[test]
fn gradients_of_all_tensors_agree_with_pytorch() {
    let cases = NETWORKS.map(|name| (name, case(name)));
    let mut worst = (0.0, String::new());
    for (isa, (name, case)) in isas().flat_map(|isa| cases.iter().map(move |case| (isa, case))) {
        let mut trainer = CpuTrainer::new(&case.network, machine_with(isa, 2)).unwrap();
        let losses = trainer.backward(&case.batch(), &NeverInterrupt).unwrap();
        for (got, expected) in losses.iter().zip(wide(&case.expected["losses"])) {
            assert!(
                (got / expected - 1.0).abs() < 1e-5,
                "{name}: loss {got}, expected {expected}"
            );
        }
        let parameters = &trainer.plan().parameters;
        let mut gradient = parameters.apply(trainer.gradient(), &case.network);
        let tensors = parameters::tensors(&mut gradient);
        assert_eq!(tensors.len(), case.names.len(), "{name}");
        let whole_of = |tensor: &str| wide(&case.expected[&format!("{tensor}.whole")]);
        let most = case
            .names
            .iter()
            .map(|tensor| whole_of(tensor)[0])
            .fold(0.0, f64::max);
        for (tensor, got) in case.names.iter().zip(tensors) {
            let whole = whole_of(tensor);
            let kept = wide(&case.expected[&format!("{tensor}.gradient")]);
            let (largest, length) = (whole[0], whole[1]);
            // Of what does not matter, e.g. the keys' bias, the gradient is zero in exact arithmetic.
            let scale = if largest < 1e-9 { most } else { largest };
            let stride = (got.len() / 64).max(1);
            for (index, (expected, got)) in kept
                .iter()
                .zip(got.values.iter().step_by(stride))
                .enumerate()
            {
                let difference = (expected - f64::from(*got)).abs() / scale;
                if difference > worst.0 {
                    worst = (
                        difference,
                        format!(
                            "{name} by {isa}: {tensor}, value {index}: {got}, expected {expected}"
                        ),
                    );
                }
            }
            let got = got
                .values
                .iter()
                .map(|v| f64::from(*v) * f64::from(*v))
                .sum::<f64>()
                .sqrt();
            let difference = (got - length).abs() / scale.max(length);
            if difference > worst.0 {
                worst = (
                    difference,
                    format!("{name} by {isa}: length of {tensor}: {got}, expected {length}"),
                );
            }
        }
    }
    assert!(
        worst.0 <= TOLERANCE,
        "{:.2e} of the largest: {}",
        worst.0,
        worst.1
    );
}

#[test]
fn steps_are_the_same_bits_at_any_number_of_threads() {
    let optimizer = Optimizer {
        learning_rate: 1e-3,
        warm_up: 2,
        num_steps: Some(10),
        weight_decay: 1e-2,
        longest_gradient: 1.0,
        average_decay: 0.999,
    };
    for name in NETWORKS {
        let case = case(name);
        let run = |threads: usize| {
            let mut trainer = CpuTrainer::new(&case.network, machine(threads)).unwrap();
            let reports: Vec<_> = (0..3)
                .map(|_| {
                    trainer
                        .step(&case.batch(), &optimizer, &NeverInterrupt)
                        .unwrap()
                })
                .collect();
            (reports, trainer.state().clone())
        };
        let alone = run(1);
        assert!(alone.0[2].loss < alone.0[0].loss, "{name}: {:?}", alone.0);
        assert!(alone == run(2), "{name}: two threads");
        assert!(alone == run(3), "{name}: three threads");
    }
}

#[test]
fn weights_go_through_the_flat_buffer_unchanged() {
    for name in NETWORKS {
        let case = case(name);
        let trainer = CpuTrainer::new(&case.network, machine(1)).unwrap();
        let plan = trainer.plan();
        assert_eq!(
            plan.parameters.len(),
            case.network.num_parameters(),
            "{name}"
        );
        let mut back = plan
            .parameters
            .apply(&trainer.state().weights, &case.network);
        let mut network = case.network.clone();
        assert!(
            parameters::tensors(&mut back) == parameters::tensors(&mut network),
            "{name}"
        );
    }
}

#[test]
fn a_gradient_that_is_not_finite_changes_no_weight() {
    let mut case = case("gray-attn-heads");
    case.noisy[5] = f32::NAN;
    let optimizer = Optimizer {
        learning_rate: 1e-3,
        warm_up: 0,
        num_steps: None,
        weight_decay: 0.0,
        longest_gradient: 1.0,
        average_decay: 0.999,
    };
    let mut trainer = CpuTrainer::new(&case.network, machine(1)).unwrap();
    let before = trainer.state().clone();
    let report = trainer
        .step(&case.batch(), &optimizer, &NeverInterrupt)
        .unwrap();
    assert!(
        !report.is_applied && !report.gradient_norm.is_finite(),
        "{report:?}"
    );
    let after = trainer.state();
    assert_eq!((after.step, after.applied), (1, 0));
    assert!(
        after.weights == before.weights
            && after.first == before.first
            && after.average == before.average
    );
}
