//! Training a model: from images to a folder that every diffusers program opens.
//!
//! What a run sees follows from its seed and its images' contents alone, and all that it has made lies in its
//! [`checkpoint`]: a run that was stopped continues with the bits that it would have had. Now and then the run looks at
//! what its model makes of images ([`look`]); these looks change nothing of it.

mod beginning;
pub mod card;
pub mod checkpoint;
pub mod cost;
pub mod data;
mod error;
mod finish;
pub mod history;
pub mod look;
mod memory;
pub mod request;
pub mod run;
pub mod settings;
pub mod survey;

pub use beginning::Start;
pub use data::{Gathered, Split};
pub use error::{Subject, TrainingError};
pub use history::{History, Validation, Watched};
pub use look::Look;
pub use request::TrainingRequest;
pub use run::{End, News, Training};
pub use settings::{Budget, TrainingSettings};
pub use survey::Survey;
