//! The CPU's trainer: a network's weights, what the optimizer keeps of them, and the steps that change them.

use std::collections::TryReserveError;
use std::ops::Range;
use std::sync::Mutex;

use super::optimizer::Optimizer;
use super::plan::{ActivationId, Operation, Plan};
use super::time::TimePass;
use crate::diffusion::{Interrupt, Interrupted};
use crate::networks::description::Network;
use crate::networks::executors::cpu::Machine;
use crate::networks::executors::cpu::kernels::conv::ConvShape;
use crate::networks::executors::cpu::kernels::gradients::{
    Moments, WeightGradient, elementwise, optimizer as kernels,
};
use crate::networks::executors::cpu::kernels::norm::Norm;
use crate::networks::executors::cpu::kernels::{Aligned, Context, Scratch};
use crate::networks::executors::cpu::layer::Layer;
use crate::networks::executors::lowered::arena::{BufferId, Layout, Needs};
use crate::networks::executors::lowered::{PlanError, PreparedLayer as _};

/// Images that go through forward and backward together: activations and their gradients do not grow with the batch.
pub const GROUP: usize = 8;

/// Why training can't begin or continue.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The network does not fit together, or has parts without a gradient here.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The activations do not fit.
    #[error(
        "there is not enough memory for training this network, which needs {} MB for its activations; choose a smaller \
         network or size",
        bytes / 1_000_000
    )]
    OutOfMemory {
        /// Bytes asked for.
        bytes: usize,
        /// What the system said.
        source: TryReserveError,
    },
    /// A stop was asked for; the weights are those of the last whole step.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Noisy images, and what the network should say of them.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// (B, H, W, C).
    pub noisy: &'a [f32],
    /// (B).
    pub timesteps: &'a [f32],
    /// (B, H, W, C).
    pub target: &'a [f32],
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// Mean squared error before the step.
    pub loss: f64,
    /// Length of the gradient before it was clipped.
    pub gradient_norm: f64,
    /// Whether the weights were changed: they are not where the gradient is not finite.
    pub is_applied: bool,
}

/// What a training run has made so far; with the data it decides everything that follows.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainState {
    /// Weights in the layout of [`Parameters`](super::Parameters).
    pub weights: Vec<f32>,
    /// Running mean of the gradient.
    pub first: Vec<f32>,
    /// Running mean of its square.
    pub second: Vec<f32>,
    /// Running average of the weights.
    pub average: Vec<f32>,
    /// Steps taken.
    pub step: usize,
    /// Steps that changed the weights.
    pub applied: usize,
}

impl TrainState {
    /// Before the first step.
    pub fn new(weights: Vec<f32>) -> Self {
        Self {
            first: vec![0.0; weights.len()],
            second: vec![0.0; weights.len()],
            average: weights.clone(),
            weights,
            step: 0,
            applied: 0,
        }
    }
}

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

/// A layer in the forms that a step needs.
#[derive(Debug)]
pub(super) struct PreparedLayer {
    pub(super) forward: Layer,
    /// To the gradient of the input; absent where nobody needs it.
    pub(super) backward: Option<Layer>,
    pub(super) gradient: WeightGradient,
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

/// Places of everything that a pass writes, in one arena.
#[derive(Debug)]
pub(super) struct Buffers {
    layout: Layout,
    /// One for each activation.
    pub(super) data: Vec<BufferId>,
    /// One for each activation; `None` for the sample.
    pub(super) grads: Vec<Option<BufferId>>,
    /// One for each activation that a product writes.
    pub(super) sums: Vec<Option<Sums>>,
    /// One for each operation.
    pub(super) operations: Vec<OperationBuffers>,
}

/// What an activation's producer counts for the next normalization.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sums {
    pub(super) buffer: BufferId,
    pub(super) parts: usize,
}

/// What an operation needs besides activations.
#[derive(Clone, Debug, Default)]
pub(super) struct OperationBuffers {
    /// Factors and terms of its normalization.
    pub(super) coefficients: Option<BufferId>,
    /// Gradient of the output, spread out for a stride.
    pub(super) spread: Option<BufferId>,
    /// Gradient at the layer's own input.
    pub(super) wanted: Option<BufferId>,
    /// The same before resampling.
    pub(super) stored: Option<BufferId>,
    /// Sums over pixels: gradients of bias and normalization.
    pub(super) columns: Option<BufferId>,
    /// Whether its inputs' gradients are added to what others gave.
    pub(super) accumulate: Vec<bool>,
    /// The same for its residual; `None` where the residual takes over the output's gradient as it is.
    pub(super) accumulate_residual: Option<bool>,
}

impl Buffers {
    fn new(plan: &Plan, layers: &[PreparedLayer]) -> Self {
        let mut planner = Planner::new(plan, layers);
        for at in 0..plan.operations.len() {
            planner.forward(at);
        }
        for at in (0..plan.operations.len()).rev() {
            planner.backward(at);
        }
        let last = planner.time_of_backward(0);
        let Planner {
            needs,
            data,
            grads,
            sums,
            operations,
            ..
        } = planner;
        Self {
            layout: needs.place(last + 1),
            data,
            grads,
            sums,
            operations,
        }
    }

    pub(super) fn range(&self, buffer: Option<BufferId>, batch: usize) -> Range<usize> {
        buffer.map_or(0..0, |buffer| self.layout.range(buffer, batch))
    }
}

/// Plans the buffers of forward and backward: operation `i` runs at time `i` and again at time `2 n - i`.
struct Planner<'a> {
    plan: &'a Plan,
    layers: &'a [PreparedLayer],
    needs: Needs,
    data: Vec<BufferId>,
    grads: Vec<Option<BufferId>>,
    sums: Vec<Option<Sums>>,
    operations: Vec<OperationBuffers>,
}

impl<'a> Planner<'a> {
    fn new(plan: &'a Plan, layers: &'a [PreparedLayer]) -> Self {
        let mut needs = Needs::default();
        let sample = needs.create(plan.activations[0].image_len(), 0);
        let num = plan.activations.len();
        Self {
            plan,
            layers,
            needs,
            data: vec![sample; num],
            grads: vec![None; num],
            sums: vec![None; num],
            operations: vec![OperationBuffers::default(); plan.operations.len()],
        }
    }

    fn time_of_backward(&self, at: usize) -> usize {
        2 * self.plan.operations.len() - at
    }

    fn forward(&mut self, at: usize) {
        let operation = &self.plan.operations[at];
        let to = operation.to();
        self.data[to] = self.needs.create(self.plan.activations[to].image_len(), at);
        let again = self.time_of_backward(at);
        for &id in operation.inputs() {
            self.needs.touch(self.data[id], again);
        }
        if let Some(id) = operation.residual() {
            self.needs.touch(self.data[id], at);
        }
        // The prediction is read by the loss.
        self.needs.touch(self.data[to], at + 1);
        if let Operation::Copy { .. } = operation {
            self.sums[to] = self.plan.activations[to]
                .copy_of
                .and_then(|id| self.sums[id]);
        }
        let Operation::Product(product) = operation else {
            return;
        };
        if let Some(norm) = product.input.norm {
            let channels = self.plan.norms[norm].weight.len();
            let buffer = self.needs.create(2 * channels, at);
            self.needs.touch(buffer, again);
            self.operations[at].coefficients = Some(buffer);
            for &id in operation.inputs() {
                if let Some(sums) = self.sums[id] {
                    self.needs.touch(sums.buffer, again);
                }
            }
        }
        let parts = self.layers[product.layer].forward.num_parts();
        let channels = self.plan.activations[to].channels;
        self.sums[to] = Some(Sums {
            buffer: self.needs.create(parts * 2 * channels, at),
            parts,
        });
    }

    fn backward(&mut self, at: usize) {
        let now = self.time_of_backward(at);
        let plan = self.plan;
        let operation = &plan.operations[at];
        let to = operation.to();
        let grad = self.grads[to].unwrap_or_else(|| {
            // The prediction's: the loss writes it.
            self.needs
                .create(plan.activations[to].image_len(), plan.operations.len())
        });
        self.grads[to] = Some(grad);
        self.needs.touch(grad, now);
        let mut buffers = std::mem::take(&mut self.operations[at]);
        buffers.accumulate = (operation.inputs().iter())
            .map(|&id| self.gradient(id, now))
            .collect();
        if let Some(id) = operation.residual() {
            // Nobody needs the output's gradient afterwards: it becomes the residual's where that has none yet.
            buffers.accumulate_residual = self.grads[id].map(|_| true);
            if let Some(own) = self.grads[id] {
                self.needs.touch(own, now);
            } else {
                self.grads[id] = Some(grad);
            }
        }
        if let Operation::Product(product) = operation {
            let shape = plan.layers[product.layer].shape;
            let columns = shape.out_channels.max(2 * shape.in_channels);
            buffers.columns = Some(self.needs.create(columns, now));
            if !is_same(&shape) {
                let len = shape.height * shape.width * shape.out_channels;
                buffers.spread = Some(self.needs.create(len, now));
            }
            let is_direct = product.input.norm.is_none() && product.input.segments.len() == 1;
            let is_resampled = product.input.stored_size != product.input.size;
            if is_resampled || !is_direct {
                let len = shape.height * shape.width * shape.in_channels;
                buffers.wanted = Some(self.needs.create(len, now));
            }
            if is_resampled {
                let (height, width) = product.input.stored_size;
                let len = height * width * shape.in_channels;
                buffers.stored = Some(self.needs.create(len, now));
            }
        } else if let Operation::Copy { input, .. } = operation
            && input.stored_size != input.size
        {
            let channels = plan.activations[to].channels;
            let (height, width) = input.stored_size;
            buffers.stored = Some(self.needs.create(height * width * channels, now));
        }
        self.operations[at] = buffers;
    }

    /// Make sure that an input has a gradient; whether it has been written before.
    fn gradient(&mut self, id: ActivationId, now: usize) -> bool {
        if id == 0 {
            return false;
        }
        let known = self.grads[id];
        let len = self.plan.activations[id].image_len();
        let buffer = known.unwrap_or_else(|| self.needs.create(len, now));
        self.needs.touch(buffer, now);
        self.grads[id] = Some(buffer);
        known.is_some()
    }
}

/// Whether a convolution leaves the size as it is, with as many zeros on all sides.
pub(super) fn is_same(shape: &ConvShape) -> bool {
    let half = shape.kernel / 2;
    (shape.stride, shape.pad_before, shape.pad_after) == (1, half, half)
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

    /// The plan.
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

/// The gradients of all layers' weights, from what the groups have gathered.
fn finish(
    context: &mut Context<'_, '_>,
    plan: &Plan,
    layers: &[PreparedLayer],
    gradient: &mut [f32],
) {
    for (layer, planned) in layers.iter().zip(&plan.layers) {
        let to = &mut gradient[planned.weight.clone()];
        layer.gradient.finish(context, to);
    }
}

impl PreparedLayer {
    fn new(plan: &Plan, index: usize) -> Self {
        let shape = plan.layers[index].shape;
        let reads_sample = plan.operations.iter().any(|operation| {
            let is_own = matches!(operation, Operation::Product(p) if p.layer == index);
            is_own && operation.inputs() == [0]
        });
        let turned = (shape.out_channels, shape.in_channels);
        let backward = ConvShape::same(shape.kernel, turned, (shape.height, shape.width));
        Self {
            forward: Layer::blank(shape),
            backward: (!reads_sample).then(|| Layer::blank(backward)),
            gradient: WeightGradient::new(shape),
        }
    }
}

/// Give all layers and normalizations the weights; those of the backward, through `turned`, where there is to be one.
fn prepare(
    context: &mut Context<'_, '_>,
    plan: &Plan,
    (layers, norms): (&mut [PreparedLayer], &mut [Norm]),
    weights: &[f32],
    mut turned: Option<&mut [f32]>,
) {
    for (layer, planned) in layers.iter_mut().zip(&plan.layers) {
        let values = &weights[planned.weight.clone()];
        layer.forward.set(context, values);
        let Some(turned) = &mut turned else {
            continue;
        };
        layer.gradient.clear(context);
        if let Some(backward) = &mut layer.backward {
            let shape = &planned.shape;
            let taps = shape.kernel * shape.kernel;
            let sizes = (taps, shape.in_channels, shape.out_channels);
            let turned = &mut turned[..values.len()];
            elementwise::transpose_weights(context, values, sizes, turned);
            backward.set(context, turned);
        }
    }
    for (norm, planned) in norms.iter_mut().zip(&plan.norms) {
        norm.weight
            .copy_from_slice(&weights[planned.weight.clone()]);
        norm.bias.copy_from_slice(&weights[planned.bias.clone()]);
    }
}

/// Memory that training a network takes, about, in bytes.
pub fn bytes_needed(plan: &Plan) -> usize {
    // Weights, gradient, two moments, average, and a description's copy; both directions' prepared weights, of which
    // Winograd's are 36 / 9 as many; data and gradients of activations.
    let parameters = plan.parameters.len();
    let prepared: usize = plan
        .layers
        .iter()
        .map(|layer| {
            let factor = if layer.shape.kernel == 3 { 4 } else { 1 };
            2 * factor * layer.weight.len() * size_of::<f32>()
                + WeightGradient::bytes_of(&layer.shape)
        })
        .sum();
    let activations: usize = plan
        .activations
        .iter()
        .map(super::plan::Activation::image_len)
        .sum();
    6 * parameters * size_of::<f32>() + prepared + 2 * GROUP * activations * size_of::<f32>()
}
