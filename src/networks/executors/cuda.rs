//! NVIDIA GPUs through candle, in builds with the `cuda` feature.

use candle_core::Device;

use super::candle::{CandleExecutor, probe};
use super::{Executor, ExecutorDef, ExecutorError, Listed};

pub static EXECUTOR: ExecutorDef = ExecutorDef {
    name: "cuda",
    label: "NVIDIA GPU",
    help: "An NVIDIA graphics card, in builds with --features cuda",
    rank: Some(10),
    is_numbered: true,
    is_built: cfg!(feature = "cuda"),
    open,
    list: || Listed::by_opening(&EXECUTOR, "GPU", Some("CUDA")),
};

fn open(ordinal: Option<usize>) -> Result<Box<dyn Executor>, ExecutorError> {
    if !EXECUTOR.is_built {
        return Err(ExecutorError::NoDevice(
            "this build has no CUDA support; build with `cargo build --release --features cuda`, or choose cpu"
                .to_owned(),
        ));
    }
    let device = probe("CUDA", || Device::new_cuda(ordinal.unwrap_or(0)))?;
    Ok(Box::new(CandleExecutor(device)))
}
