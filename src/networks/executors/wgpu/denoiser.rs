//! Runs a compiled network on a graphics device behind [`Denoiser`].

use std::sync::Arc;

use wgpu::{
    BindGroup, BindGroupDescriptor, BindGroupEntry, BindingResource, Buffer, BufferBinding,
    BufferDescriptor, BufferSize, BufferUsages, ComputePipeline, PollType,
};

use super::device::{Gpu, GpuError, PARAM_BYTES};
use super::layer::Layer;
use super::pace::Pace;
use super::steps::{self, Step, WeightsAt};
use crate::diffusion::{DenoiseError, Denoiser, Interrupt, check_lengths};
use crate::images::Geometry;
use crate::networks::description::Network;
use crate::networks::executors::lowered::arena::Layout;
use crate::networks::executors::lowered::time::TimeTable;
use crate::networks::executors::lowered::{Norm, Plan, PlanError, Prepared, divide_by_noise};

/// Why a network could not be prepared.
#[derive(Debug, thiserror::Error)]
pub(super) enum PrepareError {
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Gpu(#[from] GpuError),
    #[error("one image of this model needs more memory in one piece than the device gives")]
    TooLarge,
}

/// A network on a device.
pub struct WgpuDenoiser {
    pub(super) gpu: Arc<Gpu>,
    geometry: Geometry,
    divides_by_noise: bool,
    layout: Layout,
    pub(super) time: TimeTable,
    pub(super) steps: Vec<BoundStep>,
    /// Images that one pass may have by the device's limits.
    most_images: usize,
    /// The most bytes of activations that are taken; `None` for what the device gives.
    memory_limit: Option<u64>,
    buffers: Option<Buffers>,
    pub(super) pace: Pace,
    /// Working memory of the host.
    pub(super) bytes: Vec<u8>,
}

/// A step with its shader and its weights.
pub(super) struct BoundStep {
    pub step: Step,
    pub pipeline: ComputePipeline,
    weights: Buffer,
}

/// What passes write to, with room for `capacity` images; kept between calls.
pub(super) struct Buffers {
    capacity: usize,
    /// Rows of the time table.
    pub times: Buffer,
    /// See `starts` in `common.wgsl`.
    pub starts: Buffer,
    /// See `planes` there.
    pub planes: Buffer,
    /// The output on its way to the host.
    pub staging: Buffer,
    /// One for each step.
    pub groups: Vec<BindGroup>,
}

impl WgpuDenoiser {
    /// Compile a network and put its weights on the device.
    pub(super) fn new(
        network: &Network,
        gpu: Arc<Gpu>,
        memory_limit: Option<u64>,
    ) -> Result<Self, PrepareError> {
        let plan = Plan::<Layer>::new(network)?;
        let steps = steps::steps(&plan);
        let pipelines = steps.iter().map(|step| gpu.pipeline(&step.variant));
        let pipelines: Vec<ComputePipeline> = pipelines.collect::<Result<_, _>>()?;
        let steps = gpu.guarded(|| {
            let layers: Vec<Buffer> = plan.layers.iter().map(|it| layer(&gpu, it)).collect();
            let norms: Vec<Buffer> = plan.norms.iter().map(|it| norm(&gpu, it)).collect();
            let none = gpu.upload(&[0.0; 4]);
            let bound = steps.iter().zip(pipelines).map(|(step, pipeline)| {
                let weights = match step.weights {
                    WeightsAt::None => &none,
                    WeightsAt::Layer(index) => &layers[index],
                    WeightsAt::Norm(index) => &norms[index],
                };
                BoundStep {
                    step: *step,
                    pipeline,
                    weights: weights.clone(),
                }
            });
            bound.collect::<Vec<_>>()
        })?;
        let mut denoiser = Self {
            gpu,
            geometry: plan.geometry,
            divides_by_noise: plan.divides_by_noise,
            layout: plan.layout,
            time: plan.time,
            steps,
            most_images: 0,
            memory_limit,
            buffers: None,
            pace: Pace::default(),
            bytes: Vec::new(),
        };
        denoiser.most_images = denoiser.most_images();
        if denoiser.most_images == 0 {
            return Err(PrepareError::TooLarge);
        }
        Ok(denoiser)
    }

    /// Images of a pass by the device's limits on buffers and dispatches.
    fn most_images(&self) -> usize {
        let limits = &self.gpu.limits;
        let bytes = limits
            .max_storage_buffer_binding_size
            .min(limits.max_buffer_size);
        let values = [self.layout.total, self.time.row_len(), self.geometry.len()];
        let by_memory = values
            .into_iter()
            .map(|len| bytes as usize / (4 * len.max(1)));
        let most = limits.max_compute_workgroups_per_dimension as usize;
        let by_grid = (self.steps.iter()).map(|bound| bound.step.grid.most_images(most));
        by_memory.chain(by_grid).min().unwrap_or(0)
    }

    /// Images of the next pass.
    fn pass_len(&self, num_images: usize) -> usize {
        let most = num_images.min(self.most_images);
        if self.gpu.facts.is_software {
            // Nobody resets a processor.
            return most;
        }
        let costs = self.steps.iter().map(|bound| bound.step.cost);
        most.min(self.pace.most_images(costs.max().unwrap_or(0)))
    }

    /// Make room for so many images.
    fn grow(&mut self, capacity: usize) -> Result<Buffers, GpuError> {
        if let Some(buffers) = self.buffers.take_if(|buffers| buffers.capacity >= capacity) {
            return Ok(buffers);
        }
        // What is there is given back first, and a device gives back what it is asked to look after.
        self.buffers = None;
        self.gpu.device.poll(PollType::Poll).ok();
        let arena_bytes = 4 * (self.layout.total * capacity) as u64;
        if self.memory_limit.is_some_and(|limit| arena_bytes > limit) {
            return Err(GpuError::OutOfMemory(format!(
                "{arena_bytes} bytes of activations are more than it may take"
            )));
        }
        let gpu = &self.gpu;
        let buffers = gpu.guarded(|| Buffers::new(self, capacity, arena_bytes))?;
        Ok(buffers)
    }

    fn run_pass(
        &mut self,
        sample: &[f32],
        timesteps: &[f32],
        output: &mut [f32],
        interrupt: &dyn Interrupt,
    ) -> Result<(), GpuError> {
        let gpu = Arc::clone(&self.gpu);
        let buffers = self.grow(timesteps.len())?;
        let run = gpu.guarded(|| self.pass(&buffers, (sample, timesteps), output, interrupt));
        self.buffers = Some(buffers);
        run?
    }
}

impl Denoiser for WgpuDenoiser {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn denoise(
        &mut self,
        sample: &[f32],
        timesteps: &[f32],
        output: &mut [f32],
        interrupt: &dyn Interrupt,
    ) -> Result<(), DenoiseError> {
        check_lengths(self.geometry, sample, timesteps, output)?;
        let len = self.geometry.len();
        let mut first = 0;
        while first < timesteps.len() {
            let count = self.pass_len(timesteps.len() - first);
            let images = first * len..(first + count) * len;
            let told = &timesteps[first..first + count];
            let (sample, output) = (&sample[images.clone()], &mut output[images]);
            self.run_pass(sample, told, output, interrupt)
                .map_err(|error| denoise_error(error, count))?;
            first += count;
        }
        if self.divides_by_noise {
            divide_by_noise(output, timesteps);
        }
        Ok(())
    }
}

fn denoise_error(error: GpuError, batch: usize) -> DenoiseError {
    match error {
        GpuError::Interrupted(interrupted) => interrupted.into(),
        GpuError::OutOfMemory(message) => DenoiseError::OutOfMemory { batch, message },
        GpuError::Lost(message) => DenoiseError::DeviceLost(message),
        GpuError::Failed(message) => DenoiseError::Failed(message),
    }
}

/// A layer's weights, then its bias.
fn layer(gpu: &Gpu, prepared: &Prepared<Layer>) -> Buffer {
    let layer = &prepared.layer;
    let mut values = Vec::with_capacity(layer.weights.len() + layer.padded_channels());
    values.extend_from_slice(&layer.weights);
    values.extend_from_slice(&prepared.bias);
    values.resize(layer.weights.len() + layer.padded_channels(), 0.0);
    gpu.upload(&values)
}

/// Factors, then terms.
fn norm(gpu: &Gpu, norm: &Norm) -> Buffer {
    let mut values = [norm.weight.as_slice(), &norm.bias].concat();
    values.resize(values.len().next_multiple_of(4), 0.0);
    gpu.upload(&values)
}

impl Buffers {
    fn new(denoiser: &WgpuDenoiser, capacity: usize, arena_bytes: u64) -> Self {
        let gpu = &denoiser.gpu;
        let buffer = |bytes: u64, usage| {
            gpu.device.create_buffer(&BufferDescriptor {
                label: None,
                size: bytes.max(16),
                usage,
                mapped_at_creation: false,
            })
        };
        let storage = BufferUsages::STORAGE | BufferUsages::COPY_DST;
        let bytes_for = |values: usize| 4 * (values * capacity) as u64;
        let planes_bytes = bytes_for(denoiser.geometry.len());
        let arena = buffer(arena_bytes, BufferUsages::STORAGE);
        let times = buffer(bytes_for(denoiser.time.row_len()), storage);
        let starts = buffer(bytes_for(1) + 4, storage);
        let planes = buffer(planes_bytes, storage | BufferUsages::COPY_SRC);
        let staging = buffer(
            planes_bytes,
            BufferUsages::MAP_READ | BufferUsages::COPY_DST,
        );

        let stride = gpu.param_stride();
        let num_steps = denoiser.steps.len() as u64;
        let params = buffer(
            stride * num_steps,
            BufferUsages::UNIFORM | BufferUsages::COPY_DST,
        );
        for (place, bound) in (0..).step_by(stride as usize).zip(&denoiser.steps) {
            let words = bound.step.params(&denoiser.layout, capacity);
            let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
            gpu.queue.write_buffer(&params, place, &bytes);
        }
        let groups = denoiser.steps.iter().map(|bound| {
            let of_params = BindingResource::Buffer(BufferBinding {
                buffer: &params,
                offset: 0,
                size: BufferSize::new(PARAM_BYTES),
            });
            let others = [&arena, &bound.weights, &times, &starts, &planes];
            let resources =
                std::iter::once(of_params).chain(others.map(|buffer| buffer.as_entire_binding()));
            let entries: Vec<BindGroupEntry<'_>> = (0..)
                .zip(resources)
                .map(|(binding, resource)| BindGroupEntry { binding, resource })
                .collect();
            gpu.device.create_bind_group(&BindGroupDescriptor {
                label: None,
                layout: &gpu.bindings,
                entries: &entries,
            })
        });
        let groups = groups.collect();
        Self {
            capacity,
            times,
            starts,
            planes,
            staging,
            groups,
        }
    }
}
