//! Settings that several tests use.

use lmd_inspector::detectors::lmd::Lmd;
use lmd_inspector::diffusion::SamplerSettings;
use lmd_inspector::runs::RunSettings;

/// A run by LMD of few attempts and steps.
pub fn by_lmd(num_attempts: usize, num_steps: usize) -> RunSettings {
    RunSettings::by_lmd(Lmd {
        num_attempts,
        sampler: SamplerSettings {
            num_steps: Some(num_steps),
            ..SamplerSettings::default()
        },
        ..Lmd::default()
    })
}
