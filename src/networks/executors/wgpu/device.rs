//! An open adapter: its device, its queue, its compiled shaders, and what goes wrong on it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use wgpu::{
    Adapter, BindGroupLayout, BindGroupLayoutDescriptor, BindGroupLayoutEntry, BindingType, Buffer,
    BufferBindingType, BufferDescriptor, BufferSize, BufferUsages, ComputePipeline,
    ComputePipelineDescriptor, Device, DeviceDescriptor, ErrorFilter, Limits,
    PipelineCompilationOptions, PipelineLayout, PipelineLayoutDescriptor, PollError, PollType,
    Queue, ShaderModuleDescriptor, ShaderSource, ShaderStages, SubmissionIndex,
};

use super::adapters::AdapterFacts;
use super::shaders::Variant;
use super::steps::PARAM_WORDS;
use crate::diffusion::{Interrupt, Interrupted};

/// How long a piece of work may take before the device counts as hung. Pieces are of milliseconds on a card; software
/// may need many seconds for one layer of a large network.
const LONGEST_SILENCE: Duration = Duration::from_mins(5);
/// How often a wait looks for an interruption.
const GLANCE: Duration = Duration::from_millis(20);
/// How long a device that refuses work may take to say that it is gone.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// Bytes of `Params`.
pub(super) const PARAM_BYTES: u64 = 4 * PARAM_WORDS as u64;

/// Why work on the device came to nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum GpuError {
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// A buffer of this many bytes could not be had.
    #[error("{0}")]
    OutOfMemory(String),
    /// The driver took the device away; nothing works on it any more.
    #[error("{0}")]
    Lost(String),
    #[error("{0}")]
    Failed(String),
}

/// An open device.
pub(super) struct Gpu {
    pub device: Device,
    pub queue: Queue,
    pub facts: AdapterFacts,
    pub limits: Limits,
    pub bindings: BindGroupLayout,
    layout: PipelineLayout,
    pipelines: Mutex<HashMap<Variant, ComputePipeline>>,
    /// Why it was lost.
    loss: Arc<Mutex<Option<String>>>,
}

impl Gpu {
    /// Open an adapter with all that it has to give.
    pub fn open(adapter: &Adapter) -> Result<Self, GpuError> {
        let facts = AdapterFacts::of(adapter);
        if let Some(obstacle) = &facts.obstacle {
            return Err(GpuError::Failed(obstacle.clone()));
        }
        // The defaults allow buffers of 256 MiB.
        let limits = adapter.limits();
        let descriptor = DeviceDescriptor {
            label: Some("networks"),
            required_limits: limits.clone(),
            ..DeviceDescriptor::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
            .map_err(|error| GpuError::Failed(error.to_string()))?;
        let loss = Arc::new(Mutex::new(None));
        let noted = Arc::clone(&loss);
        device.set_device_lost_callback(move |reason, message| {
            let why = if message.is_empty() {
                format!("{reason:?}")
            } else {
                message
            };
            lock(&noted).get_or_insert(why);
        });
        // The default panics. What is not caught by a scope follows from a loss, which is noticed on its own.
        device.on_uncaptured_error(Arc::new(|error| log::warn!("graphics device: {error}")));
        let bindings = bindings(&device);
        let layout = device.create_pipeline_layout(&PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&bindings)],
            immediate_size: 0,
        });
        Ok(Self {
            device,
            queue,
            facts,
            limits,
            bindings,
            layout,
            pipelines: Mutex::default(),
            loss,
        })
    }

    /// Do something on the device, and learn what was wrong with it.
    pub fn guarded<T>(&self, work: impl FnOnce() -> T) -> Result<T, GpuError> {
        self.check()?;
        let filters = [
            ErrorFilter::OutOfMemory,
            ErrorFilter::Validation,
            ErrorFilter::Internal,
        ];
        let scopes = filters.map(|filter| self.device.push_error_scope(filter));
        let done = work();
        let mut found = None;
        // The last that was pushed comes first.
        for scope in scopes.into_iter().rev() {
            found = pollster::block_on(scope.pop()).or(found);
        }
        if found.is_some() {
            self.notice_loss();
        }
        self.check()?;
        match found {
            None => Ok(done),
            Some(error @ wgpu::Error::OutOfMemory { .. }) => {
                Err(GpuError::OutOfMemory(error.to_string()))
            }
            Some(error) => Err(GpuError::Failed(error.to_string())),
        }
    }

    /// A buffer of weights.
    pub fn upload(&self, values: &[f32]) -> Buffer {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_ne_bytes())
            .collect();
        let buffer = self.device.create_buffer(&BufferDescriptor {
            label: None,
            size: bytes.len() as u64,
            usage: BufferUsages::STORAGE | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.queue.write_buffer(&buffer, 0, &bytes);
        buffer
    }

    /// Distance between the parameters of two steps.
    pub fn param_stride(&self) -> u64 {
        let alignment = u64::from(self.limits.min_uniform_buffer_offset_alignment);
        PARAM_BYTES.next_multiple_of(alignment.max(1))
    }

    /// Whether the device still is there.
    pub fn check(&self) -> Result<(), GpuError> {
        match &*lock(&self.loss) {
            None => Ok(()),
            Some(why) => Err(GpuError::Lost(why.clone())),
        }
    }

    /// A shader, compiled on first use.
    pub fn pipeline(&self, variant: &Variant) -> Result<ComputePipeline, GpuError> {
        if let Some(pipeline) = lock(&self.pipelines).get(variant) {
            return Ok(pipeline.clone());
        }
        let pipeline = self.guarded(|| {
            let module = self.device.create_shader_module(ShaderModuleDescriptor {
                label: None,
                source: ShaderSource::Wgsl(variant.source().into()),
            });
            self.device
                .create_compute_pipeline(&ComputePipelineDescriptor {
                    label: None,
                    layout: Some(&self.layout),
                    module: &module,
                    entry_point: Some(variant.entry()),
                    compilation_options: PipelineCompilationOptions {
                        // Every shader writes its workgroup memory before it reads it.
                        zero_initialize_workgroup_memory: false,
                        ..PipelineCompilationOptions::default()
                    },
                    cache: None,
                })
        })?;
        lock(&self.pipelines).insert(*variant, pipeline.clone());
        Ok(pipeline)
    }

    /// Wait until a submission is done, looking for interruptions and losses meanwhile.
    pub fn wait(
        &self,
        submission: &SubmissionIndex,
        interrupt: &dyn Interrupt,
    ) -> Result<(), GpuError> {
        let begin = Instant::now();
        loop {
            let polled = self.device.poll(PollType::Wait {
                submission_index: Some(submission.clone()),
                timeout: Some(GLANCE),
            });
            self.check()?;
            match polled {
                Ok(_) => return Ok(()),
                Err(PollError::Timeout) if begin.elapsed() < LONGEST_SILENCE => {
                    interrupt.check()?;
                }
                Err(PollError::Timeout) => {
                    let seconds = LONGEST_SILENCE.as_secs();
                    return Err(GpuError::Lost(format!("no answer for {seconds} seconds")));
                }
                Err(error) => {
                    self.notice_loss();
                    self.check()?;
                    return Err(GpuError::Failed(error.to_string()));
                }
            }
        }
    }

    /// Let the device say that it is gone: it does so when it is looked after and nothing is under way any more, not when
    /// work is refused.
    fn notice_loss(&self) {
        let rest = PollType::Wait {
            submission_index: None,
            timeout: Some(LAST_WORDS),
        };
        self.device.poll(rest).ok();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What every shader sees: see `common.wgsl`.
fn bindings(device: &Device) -> BindGroupLayout {
    let storage = |read_only| BindingType::Buffer {
        ty: BufferBindingType::Storage { read_only },
        has_dynamic_offset: false,
        min_binding_size: None,
    };
    let params = BindingType::Buffer {
        ty: BufferBindingType::Uniform,
        has_dynamic_offset: true,
        min_binding_size: BufferSize::new(PARAM_BYTES),
    };
    let types = [
        params,
        storage(false),
        storage(true),
        storage(true),
        storage(true),
        storage(false),
    ];
    let entries: Vec<BindGroupLayoutEntry> = (0..)
        .zip(types)
        .map(|(binding, ty)| BindGroupLayoutEntry {
            binding,
            visibility: ShaderStages::COMPUTE,
            ty,
            count: None,
        })
        .collect();
    device.create_bind_group_layout(&BindGroupLayoutDescriptor {
        label: None,
        entries: &entries,
    })
}
