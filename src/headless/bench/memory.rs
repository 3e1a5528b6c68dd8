//! Memory of the kernels, as they report it, and of the process.

use serde::Serialize;

use super::network::Contender;

/// Memory in bytes.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "keys of the JSON output, which has no types to say the unit"
)]
pub struct Memory {
    /// The model's weights as `f32`.
    pub model_bytes: usize,
    /// Weights in the form that the kernels read.
    pub prepared_weights_bytes: usize,
    /// The activations' buffer at the largest batch.
    pub activations_bytes: usize,
    /// The most activations that are needed at one time.
    pub largest_live_set_bytes: usize,
    /// Working memory of the threads.
    pub scratch_bytes: usize,
    /// The process's largest resident size; `None` where the system does not say.
    pub peak_bytes: Option<usize>,
}

/// Memory of the kernels among the contenders.
pub fn of(contenders: &[Contender], num_parameters: usize) -> Memory {
    let model_bytes = num_parameters * size_of::<f32>();
    let Some(kernels) = contenders.iter().find_map(Contender::kernels) else {
        return Memory::default();
    };
    let report = kernels.memory();
    Memory {
        model_bytes,
        prepared_weights_bytes: report.weights,
        activations_bytes: report.activations,
        largest_live_set_bytes: report.largest_live_set,
        scratch_bytes: report.scratch,
        peak_bytes: None,
    }
}

/// The process's largest resident size so far, from `/proc` (Linux).
pub fn peak() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
