//! A run: its settings, its results, and what is written of it.

pub mod attempts;
pub mod calibration;
pub mod confounds;
mod digest;
pub mod file;
pub mod fit_file;
pub mod formats;
pub mod marks;
pub mod report;
pub mod results;
pub mod run_library;
pub mod settings;
pub mod verdicts;

pub use attempts::AttemptsByImage;
pub use calibration::Calibration;
pub use marks::{ImageMarks, MarkChange, Marks};
pub use results::{AttemptResult, ResultLog, RunImage};
pub use settings::{BatchChoice, DeviceChoice, Method, RunSettings};
pub use verdicts::{CalibrationSet, Candidate, Verdict};
