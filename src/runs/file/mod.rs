//! `name.lmdrun`: a run in one file that survives a crash, a kill and a full disk, and opens on another machine.
//!
//! An SQLite database: manifest, images, attempts, pictures, notices and the stretches of work, a checksum a row. While a
//! run is written a log lies beside the file and belongs to it; on closing it is folded in. Each finished batch is
//! committed before it is reported, so a kill loses at most the batch in flight.
//!
//! A file may be a stranger's: opening it touches no path that it names, its tables must be those that this program
//! writes, and pictures are decoded within limits. Reading never writes to a file or its folder.

mod checksum;
mod copy;
mod database;
mod error;
mod machine;
mod manifest;
mod merge;
mod reader;
mod rows;
mod scores;
mod summary;
mod tables;
mod writer;

pub use copy::copy;
pub use database::SCHEMA_VERSION;
pub use error::FileError;
pub use machine::Continuation;
pub use manifest::{FolderRecord, KeepPictures, Manifest, ModelRecord, NewRun, Shard, Stretch};
pub use merge::{MergeError, merge};
pub use reader::{Effort, StoredImage, StoredRun, read};
pub use scores::{StoredScores, read_scores};
pub use summary::{LEFT_OUT, RunSummary, is_finished, summarize};
pub use writer::{RunWriter, create, resume};

pub(crate) use database::check_header;
pub(super) use database::log_path;

/// The ending of run files.
pub const EXTENSION: &str = "lmdrun";
