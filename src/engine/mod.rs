//! What a run does, without threads: an opened model, the plan of a run, its scoring, and what is made of its results.
//!
//! Work happens on the thread that calls; a [`Control`] pauses or stops it from another one, and it is watched through an
//! [`Observer`]. Nothing here may know of threads, of messages between them, or of who watches: a window and a command line
//! do the same work.

pub mod assess;
pub mod comparing;
pub mod control;
pub mod converting;
pub mod copying;
pub mod doctor;
pub mod export;
pub mod failure;
pub mod fitting;
pub mod formats;
pub mod limits;
pub mod maps;
pub mod model;
pub mod observer;
pub mod opened;
pub mod originals;
pub mod plan;
pub mod plots;
pub mod preview;
pub mod ranking;
pub mod request;
pub mod resuming;
pub mod saving;
pub mod score;
pub mod similar;
pub mod trace;
pub mod training;

pub use self::control::{Answer, Control};
pub use self::failure::{error_chain, panic_message};
pub use self::model::{Engine, EngineError, ModelInfo};
pub use self::observer::{Notice, Observer, Progress, SavingNews, Severity};
pub use self::request::{NewFile, RunRequest, SaveRequest};
