//! Timing of network calls, all contenders by turns.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::ContenderTimes;
use crate::diffusion::{DenoiseError, Denoiser, NeverInterrupt};
use crate::networks::executors::cpu::CpuDenoiser;

/// Turns of each contender at each batch size.
const TURNS: u32 = 5;

/// Something that runs the network.
pub struct Contender {
    name: String,
    runner: Runner,
    batches: Vec<BatchTimes>,
}

enum Runner {
    /// Boxed: its plan and profile are large.
    Own(Box<CpuDenoiser>),
    Rival(Box<dyn Denoiser>),
}

/// Times at one batch size.
#[derive(Clone, Debug, Serialize)]
pub struct BatchTimes {
    /// Images in a call.
    pub batch: usize,
    /// Images a second, from the median call.
    pub calls_per_second: f64,
    /// The same as 10^9 operations a second, convolutions counted as direct ones.
    pub gflops: f64,
    /// Milliseconds of the median call.
    pub median_ms: f64,
    /// Milliseconds of the shortest call.
    pub min_ms: f64,
    /// Calls timed.
    pub num_calls: usize,
    /// Share of the time for each kind of operation, the largest first; empty for rivals.
    pub shares: Vec<(String, f64)>,
}

impl Contender {
    /// This project's kernels.
    pub fn own(denoiser: CpuDenoiser) -> Self {
        Self {
            name: denoiser.machine().to_string(),
            runner: Runner::Own(Box::new(denoiser)),
            batches: Vec::new(),
        }
    }

    /// Anything else.
    pub fn rival(name: String, denoiser: Box<dyn Denoiser>) -> Self {
        Self {
            name,
            runner: Runner::Rival(denoiser),
            batches: Vec::new(),
        }
    }

    /// What it runs on.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The kernels, if this is them.
    pub fn kernels(&self) -> Option<&CpuDenoiser> {
        match &self.runner {
            Runner::Own(denoiser) => Some(denoiser),
            Runner::Rival(_) => None,
        }
    }

    /// What was measured.
    pub fn times(self) -> ContenderTimes {
        ContenderTimes {
            name: self.name,
            batches: self.batches,
        }
    }

    fn denoiser(&mut self) -> &mut dyn Denoiser {
        match &mut self.runner {
            Runner::Own(denoiser) => denoiser.as_mut(),
            Runner::Rival(denoiser) => denoiser.as_mut(),
        }
    }

    fn shares(&self) -> Vec<(String, f64)> {
        let Some(denoiser) = self.kernels() else {
            return Vec::new();
        };
        let profile = denoiser.profile();
        let total = profile.total().as_secs_f64();
        let entries = profile.entries().into_iter();
        entries
            .map(|(kind, time)| (kind.to_owned(), time.as_secs_f64() / total))
            .collect()
    }
}

/// Time one batch size for all contenders, adding to their times.
pub fn time_batch(
    contenders: &mut [Contender],
    batch: usize,
    seconds: Duration,
    flops_per_call: u64,
) -> Result<(), DenoiseError> {
    let mut calls: Vec<Vec<f64>> = vec![Vec::new(); contenders.len()];
    for contender in contenders.iter_mut() {
        // The first call of a size allocates and warms the caches.
        run_for(contender, batch, Duration::ZERO, &mut Vec::new())?;
        if let Runner::Own(denoiser) = &mut contender.runner {
            denoiser.reset_profile();
        }
    }
    for _ in 0..TURNS {
        for (contender, calls) in contenders.iter_mut().zip(&mut calls) {
            run_for(contender, batch, seconds / TURNS, calls)?;
        }
    }
    for (contender, mut calls) in contenders.iter_mut().zip(calls) {
        calls.sort_by(f64::total_cmp);
        let median = calls[calls.len() / 2];
        let calls_per_second = batch as f64 / median;
        let shares = contender.shares();
        contender.batches.push(BatchTimes {
            batch,
            calls_per_second,
            gflops: calls_per_second * flops_per_call as f64 / 1e9,
            median_ms: median * 1e3,
            min_ms: calls[0] * 1e3,
            num_calls: calls.len(),
            shares,
        });
    }
    Ok(())
}

/// Calls until the time is over, at least one.
fn run_for(
    contender: &mut Contender,
    batch: usize,
    time: Duration,
    calls: &mut Vec<f64>,
) -> Result<(), DenoiseError> {
    let denoiser = contender.denoiser();
    let len = batch * denoiser.geometry().len();
    // Any values in the range of noise do: no kernel's time depends on them.
    let sample: Vec<f32> = (0..len).map(|i| (i as f32 * 0.7).sin() * 2.0).collect();
    let mut output = vec![0.0; len];
    let timesteps = vec![500.0; batch];
    let begin = Instant::now();
    loop {
        let start = Instant::now();
        denoiser.denoise(&sample, &timesteps, &mut output, &NeverInterrupt)?;
        calls.push(start.elapsed().as_secs_f64());
        if begin.elapsed() >= time {
            return Ok(());
        }
    }
}
