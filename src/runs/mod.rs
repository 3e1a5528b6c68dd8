//! A run: its settings, its results, and what is written of it.

pub mod confounds;
pub mod detector;
pub mod file;
pub mod formats;
pub mod masks;
pub mod report;
pub mod results;
pub mod settings;
pub mod shelf;
pub mod verdicts;

pub use detector::Detector;
pub use results::{AttemptResult, ResultLog, RunImage};
pub use settings::{BatchChoice, DeviceChoice, Lift, RunSettings};
pub use verdicts::{Candidate, Verdict, Yardstick};
