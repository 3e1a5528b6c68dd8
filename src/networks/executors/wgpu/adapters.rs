//! The graphics adapters of this machine: what they are, and whether networks can run on them.

use std::path::Path;
use std::sync::OnceLock;

use wgpu::{Adapter, Backend, Backends, DeviceType, Instance, InstanceDescriptor};

/// Workgroup memory of the product shader, the most that any takes: one kibibyte of places, and the two tiles.
const WORKGROUP_BYTES: u32 = 14 << 10;
/// Threads of the norm shader, the most that any has.
const WORKGROUP_THREADS: u32 = 256;
/// Storage buffers of a shader.
const STORAGE_BUFFERS: u32 = 5;

/// An adapter, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AdapterFacts {
    /// Its name by its driver.
    pub name: String,
    /// The interface that it is reached by, e.g. `Vulkan`.
    pub api: &'static str,
    /// What it is, e.g. `discrete GPU`.
    pub kind: &'static str,
    /// The driver and its version, as far as it tells.
    pub driver: String,
    /// The largest buffer that a shader may see as a whole, in bytes.
    pub largest_buffer: u64,
    /// Whether the processor does its work.
    pub is_software: bool,
    /// Why networks cannot run on it; `None` where they can.
    pub obstacle: Option<String>,
}

/// An instance of this module's own: the window has another, whose device is not shared with a worker's thread.
fn instance() -> Instance {
    let mut descriptor = InstanceDescriptor::new_without_display_handle_from_env();
    // OpenGL has no compute shaders worth the name, and lists every card a second time.
    descriptor.backends &= Backends::VULKAN | Backends::METAL | Backends::DX12;
    Instance::new(descriptor)
}

/// The adapters of this machine in the order of their numbers: those of hardware first, discrete cards before others,
/// each once. They are looked for once: asking all drivers takes a moment.
pub(super) fn adapters() -> &'static [Adapter] {
    static ADAPTERS: OnceLock<Vec<Adapter>> = OnceLock::new();
    ADAPTERS.get_or_init(|| {
        let found = pollster::block_on(instance().enumerate_adapters(Backends::all()));
        let mut adapters: Vec<Adapter> = Vec::new();
        for backend in [Backend::Metal, Backend::Vulkan, Backend::Dx12] {
            for adapter in found.iter().filter(|it| it.get_info().backend == backend) {
                if !adapters.iter().any(|other| is_same_card(other, adapter)) {
                    adapters.push(adapter.clone());
                }
            }
        }
        adapters.sort_by_key(|adapter| rank(adapter.get_info().device_type));
        adapters
    })
}

/// Whether the system has a card at all, as far as it tells without its drivers: asking these takes a moment, and Mesa's
/// print to standard error where there is neither a card nor a session.
pub fn may_have_card() -> bool {
    const FILES: [&str; 4] = ["/dev/dri", "/dev/nvidiactl", "/dev/dxg", "/dev/kgsl-3d0"];
    !cfg!(target_os = "linux") || FILES.iter().any(|file| Path::new(file).exists())
}

/// One card shows once for each interface. Two equal cards of one interface are two.
fn is_same_card(one: &Adapter, other: &Adapter) -> bool {
    let (one, other) = (one.get_info(), other.get_info());
    one.backend != other.backend && (one.vendor, one.device) == (other.vendor, other.device)
}

fn rank(kind: DeviceType) -> u8 {
    match kind {
        DeviceType::DiscreteGpu => 0,
        DeviceType::IntegratedGpu => 1,
        DeviceType::VirtualGpu => 2,
        DeviceType::Other => 3,
        DeviceType::Cpu => 4,
    }
}

impl AdapterFacts {
    pub fn of(adapter: &Adapter) -> Self {
        let (info, limits) = (adapter.get_info(), adapter.limits());
        let driver = format!("{} {}", info.driver, info.driver_info);
        Self {
            name: info.name,
            api: match info.backend {
                Backend::Vulkan => "Vulkan",
                Backend::Metal => "Metal",
                Backend::Dx12 => "DirectX 12",
                Backend::Gl => "OpenGL",
                Backend::BrowserWebGpu => "WebGPU",
                Backend::Noop => "none",
            },
            kind: match info.device_type {
                DeviceType::DiscreteGpu => "discrete GPU",
                DeviceType::IntegratedGpu => "integrated GPU",
                DeviceType::VirtualGpu => "virtual GPU",
                DeviceType::Cpu => "software",
                DeviceType::Other => "GPU",
            },
            driver: driver.trim().to_owned(),
            largest_buffer: (limits.max_buffer_size).min(limits.max_storage_buffer_binding_size),
            is_software: info.device_type == DeviceType::Cpu,
            obstacle: obstacle(&limits),
        }
    }
}

fn obstacle(limits: &wgpu::Limits) -> Option<String> {
    let needs = [
        (
            "bytes of workgroup memory",
            limits.max_compute_workgroup_storage_size,
            WORKGROUP_BYTES,
        ),
        (
            "threads in a workgroup",
            limits.max_compute_invocations_per_workgroup,
            WORKGROUP_THREADS,
        ),
        (
            "storage buffers in a shader",
            limits.max_storage_buffers_per_shader_stage,
            STORAGE_BUFFERS,
        ),
    ];
    needs
        .iter()
        .find(|(_, has, needed)| has < needed)
        .map(|(what, has, needed)| format!("it has {has} {what} of the {needed} needed"))
}
