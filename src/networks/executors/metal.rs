//! Apple GPUs through candle, in builds with the `metal` feature.

use candle_core::Device;

use super::candle::{CandleExecutor, probe};
use super::{Executor, ExecutorDef, ExecutorError, Listed};

pub static EXECUTOR: ExecutorDef = ExecutorDef {
    name: "metal",
    label: "Apple GPU",
    help: "An Apple graphics processor, in builds with --features metal",
    rank: Some(20),
    is_numbered: false,
    is_built: cfg!(feature = "metal"),
    open,
    list: || Listed::by_opening(&EXECUTOR, "GPU", Some("Metal")),
};

fn open(_ordinal: Option<usize>) -> Result<Box<dyn Executor>, ExecutorError> {
    if !EXECUTOR.is_built {
        return Err(ExecutorError::NoDevice(
            "this build has no Metal support; build with `cargo build --release --features metal` on a Mac, or \
             choose cpu"
                .to_owned(),
        ));
    }
    let device = probe("Metal", || Device::new_metal(0))?;
    Ok(Box::new(CandleExecutor(device)))
}
