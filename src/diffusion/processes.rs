//! A schedule of each process, for tests.

use super::schedule::{Betas, Process, ScheduleConfig};

/// As Ho et al. 2020 have it.
pub fn preserving() -> ScheduleConfig {
    ScheduleConfig::default()
}

/// As the paper's models have it.
pub fn sub_preserving() -> ScheduleConfig {
    ScheduleConfig {
        process: Process::SubVariancePreserving,
        betas: Betas::Continuous,
        beta_start: 0.1,
        beta_end: 20.0,
        ..ScheduleConfig::default()
    }
}

/// As `score_sde`'s models have it, but that it predicts the noise.
pub fn exploding() -> ScheduleConfig {
    ScheduleConfig {
        process: Process::VarianceExploding,
        betas: Betas::Geometric,
        beta_start: 0.01,
        beta_end: 50.0,
        ..ScheduleConfig::default()
    }
}
