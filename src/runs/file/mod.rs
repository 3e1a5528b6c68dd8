//! `name.lmdrun`: a run in one file that survives a crash, a kill and a full disk, and opens on another machine.
//!
//! An SQLite database: manifest, images, attempts, pictures, notices and the segments of work, a checksum a row. While a
//! run is written a log lies beside the file and belongs to it: the file says so, the log is folded in every few seconds
//! and on closing, and one of another run is refused. Each finished batch is committed before it is reported, so a kill
//! loses at most the batch in flight.
//!
//! `schema` has the tables of every version. A file of an earlier one is read as it is and becomes one of this version,
//! through a copy, when it is written.
//!
//! A file may be a stranger's: opening it touches no path that it names, its tables must be those that this program
//! writes, and pictures are decoded within limits. Reading never writes to a file or its folder.

mod checksum;
mod copy;
mod database;
mod draft;
mod error;
mod growing;
mod inserts;
mod machine;
mod manifest;
mod merge;
mod migrate;
mod ownership;
mod private;
mod reader;
mod rename;
mod rows;
mod schema;
mod scores;
mod session;
mod state;
mod summary;
mod tables;
mod values;
mod wal;
mod writer;

use crate::images::write::RUN_EXTENSION;

pub use copy::copy;
pub use error::FileError;
pub use machine::Continuation;
pub use manifest::{FolderRecord, KeepPictures, Manifest, ModelRecord, NewRun, Segment, Shard};
pub use merge::{MEMORY as MERGE_MEMORY, MergeError, merge};
pub use reader::{Effort, StoredImage, StoredRun, read};
pub use rename::{RenameError, checked_name, rename, renamed};
pub use schema::SCHEMA_VERSION;
pub use scores::{StoredScores, read_scores};
pub use summary::{LEFT_OUT, RunSummary, num_left_out, num_missing, summarize};
pub use writer::{RunWriter, create, resume};

pub(crate) use database::check_header;
pub(super) use database::log_path;

/// The ending of run files.
pub const EXTENSION: &str = RUN_EXTENSION;
