//! Training of any [`Network`](super::description::Network) on the CPU's kernels.
//!
//! [`parameters`] lays all weights out in one flat buffer; [`plan`] lists the operations of the one description, and
//! [`CpuTrainer`] runs them forwards and backwards: each operation has its gradient beside it, and there is no graph at
//! run time. [`draws`] decides what each step sees. Nothing here knows files or progress: that is the engine's.

pub mod draws;
pub mod optimizer;
pub mod parameters;
mod pass;
pub mod plan;
mod time;
pub mod trainer;

pub use draws::TimestepDensity;
pub use optimizer::Optimizer;
pub use parameters::Parameters;
pub use plan::Plan;
pub use trainer::{Batch, CpuTrainer, StepReport, TrainError, TrainState};
