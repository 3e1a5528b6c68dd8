//! Places of everything that a pass writes, planned once: what lives together lies apart.

use std::ops::Range;

use super::super::plan::{ActivationId, Operation, Plan};
use super::layers::PreparedLayer;
use crate::networks::executors::cpu::kernels::conv::ConvShape;
use crate::networks::executors::lowered::PreparedLayer as _;
use crate::networks::executors::lowered::arena::{BufferId, Layout, Needs};

/// Places of everything that a pass writes, in one arena.
#[derive(Debug)]
pub(in crate::networks::training) struct Buffers {
    pub(super) layout: Layout,
    /// One for each activation.
    pub(in crate::networks::training) data: Vec<BufferId>,
    /// One for each activation; `None` for the sample.
    pub(in crate::networks::training) grads: Vec<Option<BufferId>>,
    /// One for each activation that a product writes.
    pub(in crate::networks::training) sums: Vec<Option<Sums>>,
    /// One for each operation.
    pub(in crate::networks::training) operations: Vec<OperationBuffers>,
}

/// What an activation's producer counts for the next normalization.
#[derive(Clone, Copy, Debug)]
pub(in crate::networks::training) struct Sums {
    pub(in crate::networks::training) buffer: BufferId,
    pub(in crate::networks::training) parts: usize,
}

/// What an operation needs besides activations.
#[derive(Clone, Debug, Default)]
pub(in crate::networks::training) struct OperationBuffers {
    /// Factors and terms of its normalization.
    pub(in crate::networks::training) coefficients: Option<BufferId>,
    /// Gradient of the output, spread out for a stride.
    pub(in crate::networks::training) spread: Option<BufferId>,
    /// Gradient at the layer's own input.
    pub(in crate::networks::training) wanted: Option<BufferId>,
    /// The same before resampling.
    pub(in crate::networks::training) stored: Option<BufferId>,
    /// Sums over pixels: gradients of bias and normalization.
    pub(in crate::networks::training) columns: Option<BufferId>,
    /// Whether its inputs' gradients are added to what others gave.
    pub(in crate::networks::training) accumulate: Vec<bool>,
    /// The same for its residual; `None` where the residual takes over the output's gradient as it is.
    pub(in crate::networks::training) accumulate_residual: Option<bool>,
}

impl Buffers {
    pub(super) fn new(plan: &Plan, layers: &[PreparedLayer]) -> Self {
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

    pub(in crate::networks::training) fn range(
        &self,
        buffer: Option<BufferId>,
        batch: usize,
    ) -> Range<usize> {
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
pub(in crate::networks::training) fn is_same(shape: &ConvShape) -> bool {
    let half = shape.kernel / 2;
    (shape.stride, shape.pad_before, shape.pad_after) == (1, half, half)
}
