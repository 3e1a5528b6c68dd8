//! Runs a compiled network behind [`Denoiser`].

use std::collections::TryReserveError;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::Plan;
use super::kernels::norm::{Part, TimeRows};
use super::kernels::source::MAX_SEGMENTS;
use super::kernels::{
    Aligned, Bias, Context, Finish, Isa, Residual, Scratch, Segment, Source, Table, ThreadPool,
};
use super::profile::{self, Profile};
use crate::diffusion::{DenoiseError, Denoiser, Interrupt, check_lengths};
use crate::images::Geometry;
use crate::networks::description::Network;
use crate::networks::executors::lowered::arena::BufferId;
use crate::networks::executors::lowered::operation::{
    BiasAt, Input, Operation, Product, ResidualAt,
};
use crate::networks::executors::lowered::{Fir, PlanError, divide_by_noise};

/// Images that go through the layers together: enough to share the fetching of weights, few enough that
/// activations stay in the last-level cache.
const GROUP: usize = 8;

/// How to run on the CPU.
#[derive(Clone, Debug, Default)]
pub struct CpuOptions {
    /// Threads; `None` for the process's pool, a thread for each physical core.
    pub threads: Option<usize>,
    /// Instruction set; `None` for the best that the machine has.
    pub isa: Option<Isa>,
}

/// Why the executor could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CpuError {
    /// The network does not fit together.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// No threads.
    #[error("the worker threads could not be started: {0}")]
    Threads(String),
    /// The machine has not the instruction set that was asked for.
    #[error("this machine or build has no {0} kernels")]
    NoIsa(Isa),
}

/// Threads and kernels that executors share.
#[derive(Clone)]
pub struct Machine {
    pub(in crate::networks) pool: Arc<ThreadPool>,
    pub(in crate::networks) table: &'static Table,
    isa: Isa,
}

impl Machine {
    /// Start or find threads, choose kernels.
    pub fn new(options: &CpuOptions) -> Result<Self, CpuError> {
        let isa = options.isa.unwrap_or_else(Isa::detect);
        let table = isa.table().ok_or(CpuError::NoIsa(isa))?;
        let pool = match options.threads {
            None => ThreadPool::of_process().map_err(CpuError::Threads)?,
            Some(threads) => ThreadPool::new(threads)
                .map(Arc::new)
                .map_err(|error| CpuError::Threads(error.to_string()))?,
        };
        Ok(Self { pool, table, isa })
    }

    /// Threads that share the work.
    pub fn num_threads(&self) -> usize {
        self.pool.num_threads()
    }

    /// The instruction set of its kernels.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    pub(in crate::networks) fn scratches(&self) -> Vec<Mutex<Scratch>> {
        (0..self.pool.num_threads())
            .map(|_| Mutex::default())
            .collect()
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = self.pool.num_threads();
        let plural = if threads == 1 { "" } else { "s" };
        write!(f, "CPU ({}, {threads} thread{plural})", self.isa)
    }
}

/// Memory that an executor holds, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryReport {
    /// Prepared weights.
    pub weights: usize,
    /// The activations' buffer.
    pub activations: usize,
    /// The largest set of activations that are needed at one time, for the same batch.
    pub largest_live_set: usize,
    /// Working memory of the threads.
    pub scratch: usize,
}

/// The project's own CPU executor.
#[derive(Debug)]
pub struct CpuDenoiser {
    plan: Plan,
    machine: Machine,
    memory: Memory,
    profile: Profile,
}

/// What calls write to; kept between them.
#[derive(Debug)]
struct Memory {
    arena: Aligned,
    /// Images that the arena has room for.
    capacity: usize,
    scratches: Vec<Mutex<Scratch>>,
    common: Scratch,
    /// Where each image's row of the time table starts.
    starts: Vec<usize>,
}

impl CpuDenoiser {
    /// Prepare a network; it is not needed afterwards.
    pub fn new(network: &Network, options: &CpuOptions) -> Result<Self, CpuError> {
        let machine = Machine::new(options)?;
        Ok(Self::on(network, machine)?)
    }

    /// Prepare a network for a machine.
    pub fn on(network: &Network, machine: Machine) -> Result<Self, PlanError> {
        Ok(Self {
            plan: Plan::new(network)?,
            memory: Memory {
                arena: Aligned::default(),
                capacity: 0,
                scratches: machine.scratches(),
                common: Scratch::default(),
                starts: Vec::new(),
            },
            machine,
            profile: Profile::default(),
        })
    }

    /// Threads and kernels.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Time spent since the last call of [`Self::reset_profile`].
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Forget the time spent.
    pub fn reset_profile(&mut self) {
        self.profile = Profile::default();
    }

    /// Memory held now.
    pub fn memory(&self) -> MemoryReport {
        let memory = &self.memory;
        let scratches = memory
            .scratches
            .iter()
            .map(|scratch| scratch.lock().map_or(0, |scratch| scratch.num_bytes()));
        MemoryReport {
            weights: self.plan.weight_bytes(),
            activations: memory.arena.len() * size_of::<f32>(),
            largest_live_set: self.plan.layout.largest_live * memory.capacity * size_of::<f32>(),
            scratch: scratches.sum::<usize>() + memory.common.num_bytes(),
        }
    }

    fn run_group(
        &mut self,
        sample: &[f32],
        timesteps: &[f32],
        output: &mut [f32],
        interrupt: &dyn Interrupt,
    ) -> Result<(), DenoiseError> {
        let begin = Instant::now();
        let (plan, memory, profile) = (&mut self.plan, &mut self.memory, &mut self.profile);
        let batch = timesteps.len();
        plan.time.look_up(timesteps, &mut memory.starts);
        profile.add("time embedding", begin.elapsed());
        if batch > memory.capacity {
            memory.capacity = 0;
            memory
                .arena
                .try_grow(plan.layout.total * batch)
                .map_err(|error| out_of_memory(&error, batch))?;
            memory.capacity = batch;
        }
        let (plan, table) = (&*plan, self.machine.table);
        self.machine.pool.run(|pool| {
            let mut call = Call {
                plan,
                batch,
                arena: memory.arena.as_mut_slice(),
                starts: &memory.starts,
                context: Context {
                    table,
                    pool,
                    scratches: &memory.scratches,
                    common: &mut memory.common,
                },
            };
            for operation in &plan.operations {
                interrupt.check()?;
                let begin = Instant::now();
                call.run(operation, sample, output);
                profile.add(profile::kind(plan, operation), begin.elapsed());
            }
            profile.num_images += batch;
            Ok(())
        })
    }
}

impl Denoiser for CpuDenoiser {
    fn geometry(&self) -> Geometry {
        self.plan.geometry
    }

    fn denoise(
        &mut self,
        sample: &[f32],
        timesteps: &[f32],
        output: &mut [f32],
        interrupt: &dyn Interrupt,
    ) -> Result<(), DenoiseError> {
        check_lengths(self.plan.geometry, sample, timesteps, output)?;
        let len = self.plan.geometry.len();
        let samples = sample
            .chunks(GROUP * len)
            .zip(output.chunks_mut(GROUP * len));
        for (timesteps, (sample, output)) in timesteps.chunks(GROUP).zip(samples) {
            self.run_group(sample, timesteps, output, interrupt)?;
            if self.plan.divides_by_noise {
                divide_by_noise(output, timesteps);
            }
        }
        Ok(())
    }
}

/// There is no memory for this many images at once.
pub(super) fn out_of_memory(error: &TryReserveError, batch: usize) -> DenoiseError {
    DenoiseError::OutOfMemory {
        batch,
        message: error.to_string(),
    }
}

/// One pass through the operations.
struct Call<'a, 'b, 'c> {
    plan: &'a Plan,
    batch: usize,
    arena: &'a mut [f32],
    starts: &'a [usize],
    context: Context<'b, 'c>,
}

impl Call<'_, '_, '_> {
    fn run(&mut self, operation: &Operation, sample: &[f32], output: &mut [f32]) {
        match operation {
            Operation::Load { to } => self.load(*to, sample),
            Operation::Store { from } => self.store(*from, output),
            Operation::Norm { .. } => self.norm(operation),
            Operation::Product(product) => self.product(product),
            Operation::Attention { qkv, to, shape } => {
                let (batch, context) = (self.batch, &mut self.context);
                let ([out], [qkv]) = views(self.plan, batch, self.arena, [Some(*to)], [Some(*qkv)]);
                shape.run(context, qkv, batch, out);
            }
            Operation::Copy { input, to } => self.copy(input, *to),
            Operation::Fir {
                input,
                direction,
                to,
            } => self.filter(input, *direction, *to),
        }
    }

    fn load(&mut self, to: BufferId, sample: &[f32]) {
        let Geometry { channels, .. } = self.plan.geometry;
        let pixels = self.plan.geometry.pixels();
        let stride = self.plan.layout.range(to, 1).len();
        let ([to], []) = views(self.plan, self.batch, self.arena, [Some(to)], []);
        debug_assert!(
            to.len() == stride * self.batch,
            "the sample's buffer holds {} values",
            to.len()
        );
        let (factor, term) = if self.plan.center_input {
            (2.0, -1.0)
        } else {
            (1.0, 0.0)
        };
        for (planes, to) in sample
            .chunks_exact(channels * pixels)
            .zip(to.chunks_exact_mut(channels * pixels))
        {
            for (channel, plane) in planes.chunks_exact(pixels).enumerate() {
                for (slot, value) in to[channel..].iter_mut().step_by(channels).zip(plane) {
                    *slot = value * factor + term;
                }
            }
        }
    }

    fn store(&mut self, from: BufferId, output: &mut [f32]) {
        let Geometry { channels, .. } = self.plan.geometry;
        let pixels = self.plan.geometry.pixels();
        let ([], [from]) = views(self.plan, self.batch, self.arena, [], [Some(from)]);
        for (planes, from) in output
            .chunks_exact_mut(channels * pixels)
            .zip(from.chunks_exact(channels * pixels))
        {
            for (channel, plane) in planes.chunks_exact_mut(pixels).enumerate() {
                for (slot, value) in plane
                    .iter_mut()
                    .zip(from[channel..].iter().step_by(channels))
                {
                    *slot = *value;
                }
            }
        }
    }

    fn norm(&mut self, operation: &Operation) {
        let Operation::Norm {
            segments,
            pixels,
            norm,
            time,
            to,
        } = operation
        else {
            return;
        };
        let sums = segments.map(|stored| stored.and_then(|stored| stored.sums));
        let buffers = sums.map(|sums| sums.map(|sums| sums.buffer));
        let ([to], views) = views(self.plan, self.batch, self.arena, [Some(*to)], buffers);
        let parts = std::array::from_fn(|index| Part {
            sums: views[index],
            parts: sums[index].map_or(1, |sums| sums.parts),
            channels: segments[index].map_or(0, |stored| stored.channels),
        });
        let time = time.map(|offset| TimeRows {
            rows: self.plan.time.rows(),
            starts: self.starts,
            offset,
        });
        let sizes = (self.batch, *pixels);
        self.plan.norms[*norm].coefficients(&mut self.context, &parts, sizes, time, to);
    }

    fn product(&mut self, product: &Product) {
        let prepared = &self.plan.layers[product.layer];
        let input = &product.input;
        let residual = match product.residual {
            ResidualAt::Buffer(buffer) => Some(buffer),
            ResidualAt::None | ResidualAt::InPlace => None,
        };
        let [a, b, c, d] = input
            .segments
            .map(|stored| stored.map(|stored| stored.data));
        let ([out, sums], [a, b, c, d, norm, residual_view]) = views(
            self.plan,
            self.batch,
            self.arena,
            [Some(product.to), product.sums],
            [a, b, c, d, input.norm, residual],
        );
        let finish = Finish {
            bias: match product.bias {
                BiasAt::Layer => Bias::Same(&prepared.bias),
                BiasAt::Time(offset) => Bias::PerImage {
                    table: self.plan.time.rows(),
                    starts: self.starts,
                    offset,
                },
            },
            residual: match product.residual {
                ResidualAt::None => Residual::None,
                ResidualAt::InPlace => Residual::InPlace,
                ResidualAt::Buffer(_) => Residual::From(residual_view),
            },
            scale: product.scale,
            relu: false,
            sums: product.sums.is_some().then_some(sums),
        };
        let source = source(input, [a, b, c, d], norm);
        prepared
            .layer
            .run(&mut self.context, &source, self.batch, out, finish);
    }

    fn copy(&mut self, input: &Input, to: BufferId) {
        let (to, source) = moved(self.plan, self.batch, self.arena, (input, to));
        let image_len = input.size.0 * input.size.1 * input.channels();
        for (image, to) in to.chunks_exact_mut(image_len).take(self.batch).enumerate() {
            source.write_rows(self.context.table, (image, 0), to);
        }
    }

    fn filter(&mut self, input: &Input, direction: Fir, to: BufferId) {
        let (to, source) = moved(self.plan, self.batch, self.arena, (input, to));
        direction.run(&mut self.context, &source, self.batch, to);
    }
}

/// A buffer, and the input that is to be brought there.
fn moved<'a>(
    plan: &Plan,
    batch: usize,
    arena: &'a mut [f32],
    (input, to): (&Input, BufferId),
) -> (&'a mut [f32], Source<'a>) {
    let [a, b, c, d] = input
        .segments
        .map(|stored| stored.map(|stored| stored.data));
    let inputs = [a, b, c, d, input.norm];
    let ([to], [a, b, c, d, norm]) = views(plan, batch, arena, [Some(to)], inputs);
    (to, source(input, [a, b, c, d], norm))
}

fn source<'a>(input: &Input, segments: [&'a [f32]; MAX_SEGMENTS], norm: &'a [f32]) -> Source<'a> {
    Source {
        segments: std::array::from_fn(|index| Segment {
            data: segments[index],
            channels: input.segments[index].map_or(0, |stored| stored.channels),
        }),
        height: input.size.0,
        width: input.size.1,
        stored_size: input.stored_size,
        norm: input.norm.is_some().then_some(norm),
        silu: input.silu,
        resampling: input.resampling,
    }
}

/// The buffers of an operation, cut from the arena: outputs to write, inputs to read. `None` gives an empty slice.
fn views<'a, const M: usize, const N: usize>(
    plan: &Plan,
    batch: usize,
    arena: &'a mut [f32],
    outputs: [Option<BufferId>; M],
    inputs: [Option<BufferId>; N],
) -> ([&'a mut [f32]; M], [&'a [f32]; N]) {
    const MOST: usize = 8;
    const { assert!(M + N <= MOST, "an operation has at most 8 buffers") };
    let range =
        |buffer: &Option<BufferId>| buffer.map_or(0..0, |buffer| plan.layout.range(buffer, batch));
    // An input may be named twice (a skip connection without a layer between): it is cut once.
    let first = inputs.map(|buffer| {
        inputs
            .iter()
            .position(|other| *other == buffer)
            .unwrap_or(0)
    });
    let ranges = std::array::from_fn(|slot: usize| {
        let input = slot.checked_sub(M);
        match input {
            None => range(&outputs[slot]),
            Some(input) if input < N && first[input] == input => range(&inputs[input]),
            Some(_) => 0..0,
        }
    });
    let slices: [&mut [f32]; MOST] = match arena.get_disjoint_mut(ranges) {
        Ok(slices) => slices,
        Err(error) => unreachable!("buffers that live together lie apart: {error}"),
    };
    let mut slices = slices.into_iter();
    let written = std::array::from_fn(|_| slices.next().unwrap_or_default());
    let cut: [&'a [f32]; MOST] =
        std::array::from_fn(|_| slices.next().map_or(&[][..], |slice| &*slice));
    (written, std::array::from_fn(|input| cut[first[input]]))
}
