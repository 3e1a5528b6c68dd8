//! The shaders on the first graphics device, which a processor may act (Mesa's llvmpipe): numbers, not speed.

use lmd_inspector::networks::executors::wgpu::{Limits, Wgpu};

use crate::binary::not_run;

mod bits;
mod commands;
mod faults;
mod loss;
mod references;

/// The device of these tests.
pub(crate) const FIRST: &str = "gpu:0";

/// The first graphics device; says so where there is none.
pub(crate) fn device() -> Option<Wgpu> {
    within(Limits::default())
}

fn within(limits: Limits) -> Option<Wgpu> {
    match Wgpu::open(0, &limits) {
        Ok(device) => Some(device),
        Err(error) => {
            not_run(&format!("shaders, since {error}"));
            None
        }
    }
}
