//! candle's plain CPU path, to compare the kernels with.

use candle_core::Device;

use super::candle::CandleExecutor;
use super::{DeviceChoice, ExecutorDef, Listed};

pub static EXECUTOR: ExecutorDef = ExecutorDef {
    name: "candle-cpu",
    label: "CPU (candle)",
    help: "The processor by candle's plain path, for comparison",
    rank: None,
    is_numbered: false,
    is_built: true,
    open: |_| Ok(Box::new(CandleExecutor(Device::Cpu))),
    list: || Listed::by_opening(&EXECUTOR, "processor", None),
};

impl DeviceChoice {
    /// candle's plain CPU path.
    pub const CANDLE_CPU: Self = Self::first_of(&EXECUTOR);
}
