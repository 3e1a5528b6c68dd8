//! The CPU's trainer: a network's weights, what the optimizer keeps of them, and the steps that change them.

mod buffers;
mod layers;
mod memory;
mod state;

use std::sync::Mutex;

pub(super) use self::buffers::{Buffers, OperationBuffers, is_same};
use self::layers::{PreparedLayer, finish, prepare};
pub use self::memory::bytes_needed;
pub use self::state::{Batch, StepReport, TrainError, TrainState};
use super::optimizer::Optimizer;
use super::plan::Plan;
use super::time::TimePass;
use crate::diffusion::{Interrupt, Interrupted};
use crate::networks::description::Network;
use crate::networks::executors::cpu::Machine;
use crate::networks::executors::cpu::kernels::gradients::{Moments, optimizer as kernels};
use crate::networks::executors::cpu::kernels::norm::Norm;
use crate::networks::executors::cpu::kernels::{Aligned, Context, Scratch};

/// Images that go through forward and backward together: activations and their gradients do not grow with the batch.
pub const GROUP: usize = 8;

/// Trains a network on the CPU.
///
/// A step gives the same bits at any number of threads.
#[derive(Debug)]
pub struct CpuTrainer {
    pub(super) plan: Plan,
    pub(super) buffers: Buffers,
    pub(super) layers: Vec<PreparedLayer>,
    pub(super) norms: Vec<Norm>,
    pub(super) time: TimePass,
    machine: Machine,
    memory: Memory,
    state: TrainState,
    gradient: Vec<f32>,
}

/// Working memory.
#[derive(Debug)]
struct Memory {
    arena: Aligned,
    scratches: Vec<Mutex<Scratch>>,
    common: Scratch,
    /// Weights turned round for a backward layer.
    turned: Vec<f32>,
}

/// One pass over a group, from the pool's thread.
pub(super) struct Pass<'a, 'b, 'c> {
    pub(super) plan: &'a Plan,
    pub(super) buffers: &'a Buffers,
    pub(super) layers: &'a mut [PreparedLayer],
    pub(super) norms: &'a [Norm],
    pub(super) weights: &'a [f32],
    pub(super) gradient: &'a mut [f32],
    pub(super) arena: &'a mut [f32],
    /// (images of the batch, row): all projections of the time embedding.
    pub(super) rows: &'a [f32],
    pub(super) row_grads: &'a mut [f32],
    /// Where each image's row starts.
    pub(super) starts: &'a [usize],
    pub(super) batch: usize,
    pub(super) context: Context<'b, 'c>,
}

impl CpuTrainer {
    /// Prepare a network on a machine.
    pub fn new(network: &Network, machine: Machine) -> Result<Self, TrainError> {
        let plan = Plan::new(network)?;
        let weights = plan.parameters.read(network);
        Self::with_state(plan, TrainState::new(weights), machine)
    }

    /// Continue from a state that this network's training has reached.
    ///
    /// # Panics
    /// If the state is of another layout.
    pub fn with_state(plan: Plan, state: TrainState, machine: Machine) -> Result<Self, TrainError> {
        assert_eq!(
            state.weights.len(),
            plan.parameters.len(),
            "weights of the state"
        );
        let layers: Vec<PreparedLayer> = (0..plan.layers.len())
            .map(|index| PreparedLayer::new(&plan, index))
            .collect();
        let norms = plan.norms.iter().map(|norm| Norm {
            weight: vec![0.0; norm.weight.len()],
            bias: vec![0.0; norm.bias.len()],
            num_groups: norm.num_groups,
            eps: norm.eps,
        });
        let buffers = Buffers::new(&plan, &layers);
        let mut arena = Aligned::default();
        let len = buffers.layout.total * GROUP;
        let bytes = len * size_of::<f32>();
        arena
            .try_grow(len)
            .map_err(|source| TrainError::OutOfMemory { bytes, source })?;
        let longest = plan.layers.iter().map(|layer| layer.weight.len()).max();
        Ok(Self {
            norms: norms.collect(),
            time: TimePass::new(&plan.time),
            memory: Memory {
                arena,
                scratches: machine.scratches(),
                common: Scratch::default(),
                turned: vec![0.0; longest.unwrap_or(0)],
            },
            gradient: vec![0.0; state.weights.len()],
            machine,
            buffers,
            layers,
            plan,
            state,
        })
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// What was made so far.
    pub fn state(&self) -> &TrainState {
        &self.state
    }

    /// Threads and kernels.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The gradient of the last step, before clipping.
    pub fn gradient(&self) -> &[f32] {
        &self.gradient
    }

    /// One step.
    ///
    /// # Panics
    /// If the batch's slices do not fit together.
    pub fn step(
        &mut self,
        batch: &Batch<'_>,
        optimizer: &Optimizer,
        interrupt: &dyn Interrupt,
    ) -> Result<StepReport, TrainError> {
        let loss = self.backward(batch, interrupt)?;
        let loss = loss.iter().sum::<f64>() / loss.len() as f64;
        let Self {
            machine,
            memory,
            gradient,
            state,
            ..
        } = self;
        let report = machine.pool.run(|pool| {
            let mut context = Context {
                table: machine.table,
                pool,
                scratches: &memory.scratches,
                common: &mut memory.common,
            };
            let gradient_norm = kernels::norm(&mut context, gradient);
            let is_applied = gradient_norm.is_finite() && loss.is_finite();
            if is_applied {
                state.applied += 1;
                let constants = optimizer.constants(state.step, state.applied, gradient_norm);
                let moments = Moments {
                    weights: &mut state.weights,
                    first: &mut state.first,
                    second: &mut state.second,
                    average: &mut state.average,
                };
                kernels::step(&mut context, moments, gradient, constants);
            }
            state.step += 1;
            StepReport {
                loss,
                gradient_norm,
                is_applied,
            }
        });
        Ok(report)
    }

    /// Each image's mean squared error; the gradient of their mean is kept.
    ///
    /// # Panics
    /// If the batch's slices do not fit together.
    pub fn backward(
        &mut self,
        batch: &Batch<'_>,
        interrupt: &dyn Interrupt,
    ) -> Result<Vec<f64>, Interrupted> {
        let weights = std::mem::take(&mut self.state.weights);
        let losses = self.run(batch, &weights, true, interrupt);
        self.state.weights = weights;
        losses
    }

    /// Each image's mean squared error under the averaged weights; nothing is kept.
    ///
    /// # Panics
    /// If the batch's slices do not fit together.
    pub fn losses_of_average(
        &mut self,
        batch: &Batch<'_>,
        interrupt: &dyn Interrupt,
    ) -> Result<Vec<f64>, Interrupted> {
        let average = std::mem::take(&mut self.state.average);
        let losses = self.run(batch, &average, false, interrupt);
        self.state.average = average;
        losses
    }

    fn run(
        &mut self,
        batch: &Batch<'_>,
        weights: &[f32],
        has_backward: bool,
        interrupt: &dyn Interrupt,
    ) -> Result<Vec<f64>, Interrupted> {
        let count = batch.timesteps.len();
        let image_len = self.plan.geometry.len();
        assert_eq!(batch.noisy.len(), count * image_len, "values of the batch");
        assert_eq!(
            batch.target.len(),
            count * image_len,
            "values of the target"
        );
        let Self {
            plan,
            buffers,
            layers,
            norms,
            time,
            machine,
            memory,
            gradient,
            ..
        } = self;
        machine.pool.run(|pool| {
            let Memory {
                arena,
                scratches,
                common,
                turned,
            } = memory;
            let mut context = Context {
                table: machine.table,
                pool,
                scratches,
                common,
            };
            let turned = has_backward.then_some(&mut turned[..]);
            prepare(&mut context, plan, (layers, norms), weights, turned);
            time.forward(&mut context, &plan.time, weights, batch.timesteps);
            gradient.fill(0.0);
            let row_len = plan.time.projections.shape.out_channels;
            let starts: Vec<usize> = (0..count).map(|image| image * row_len).collect();
            let mut losses = Vec::with_capacity(count);
            for first in (0..count).step_by(GROUP) {
                interrupt.check()?;
                let images = first..(first + GROUP).min(count);
                let values = images.start * image_len..images.end * image_len;
                let (rows, row_grads) = time.rows();
                let mut pass = Pass {
                    plan,
                    buffers,
                    layers,
                    norms,
                    weights,
                    gradient,
                    arena: arena.as_mut_slice(),
                    rows,
                    row_grads,
                    starts: &starts[images.clone()],
                    batch: images.len(),
                    context: context.again(),
                };
                pass.forward(&batch.noisy[values.clone()]);
                losses.extend(pass.loss(&batch.target[values], count));
                if has_backward {
                    pass.backward();
                }
            }
            if has_backward {
                finish(&mut context, plan, layers, gradient);
                time.backward(&mut context, &plan.time, weights, gradient, count);
            }
            Ok(losses)
        })
    }
}
