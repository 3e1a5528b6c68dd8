//! Training: gradients against PyTorch's, steps, what is learnt, and what is kept.

use lmd_inspector::networks::executors::cpu::{CpuOptions, Isa, Machine};

mod bad_input;
mod calibration;
mod command;
mod gradients;
#[cfg(unix)]
mod killed;
mod learning;
mod looks;
mod runs;

pub(crate) fn machine(threads: usize) -> Machine {
    let options = CpuOptions {
        threads: Some(threads),
        isa: None,
    };
    Machine::new(&options).unwrap()
}

pub(crate) fn machine_with(isa: Isa, threads: usize) -> Machine {
    let options = CpuOptions {
        threads: Some(threads),
        isa: Some(isa),
    };
    Machine::new(&options).unwrap()
}
