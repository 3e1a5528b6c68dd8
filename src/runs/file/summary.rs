//! What a list of runs shows of a file, without its scores and pictures.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rusqlite::Connection;

use super::database::{self, Claim};
use super::error::FileError;
use super::manifest::Manifest;
use super::reader;

/// How the notice of an image that was left out begins; its attempts are not waited for.
pub const LEFT_OUT: &str = "left out of the run: ";

/// A run in a line.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSummary {
    pub path: PathBuf,
    /// What the run was made of.
    pub manifest: Manifest,
    /// Attempts in the file; without those that are still in its log.
    pub num_done: usize,
    /// Images that could not be read while it ran.
    pub num_left_out: usize,
    /// Size of the file and its log, in bytes.
    pub num_bytes: u64,
    /// When it was last written.
    pub modified: SystemTime,
    /// Whether its writer closed it; if not, it was killed or is at work.
    pub is_closed: bool,
    /// Whether a writer is at work on it.
    pub is_held: bool,
}

impl RunSummary {
    /// Whether every attempt is there of every image that could be read.
    pub fn is_finished(&self) -> bool {
        let num_missing = num_missing(
            self.num_done,
            self.manifest.num_images,
            self.num_left_out,
            self.manifest.settings().method.detector.num_attempts(),
        );
        self.is_closed && num_missing == 0
    }
}

/// Attempts that a run still lacks when it has `num_done` of `num_attempts` per image: those of images that could not be
/// read are not waited for.
///
/// A run that lacks none is finished; the word has no other meaning in this program.
pub fn num_missing(
    num_done: usize,
    num_images: usize,
    num_left_out: usize,
    num_attempts: usize,
) -> usize {
    let num_readable = num_images.saturating_sub(num_left_out);
    (num_readable * num_attempts).saturating_sub(num_done)
}

/// Images that could not be read, by the notices of their run.
pub fn num_left_out<'a>(notices: impl IntoIterator<Item = &'a String>) -> usize {
    let notices = notices.into_iter();
    notices
        .filter(|notice| notice.starts_with(LEFT_OUT))
        .count()
}

/// Look at a run file; nothing is written, copied or locked.
pub fn summarize(path: &Path) -> Result<RunSummary, FileError> {
    // Kept to the end: a second opening of a file that this process writes would drop the lock on it.
    let _claim = Claim::new(path)?;
    let version = database::check_header(path)?;
    let open = |source| FileError::Open {
        source,
        path: path.to_owned(),
    };
    let metadata = fs::metadata(path).map_err(open)?;
    let log_bytes = fs::metadata(database::log_path(path)).map_or(0, |log| log.len());
    let connection = database::open_as_it_is(path, version)?;
    let manifest = reader::manifest(&connection).map_err(|reason| FileError::Damaged {
        reason,
        path: path.to_owned(),
    })?;
    let num_done = count(&connection, "SELECT count(*) FROM attempts");
    let num_left_out = count(
        &connection,
        &format!(
            "SELECT count(*) FROM notices WHERE substr(message, 1, {}) = '{LEFT_OUT}'",
            LEFT_OUT.len()
        ),
    );
    drop(connection);
    let is_closed = log_bytes == 0;
    Ok(RunSummary {
        path: path.to_owned(),
        manifest,
        num_done,
        num_left_out,
        num_bytes: metadata.len() + log_bytes,
        modified: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        is_closed,
        is_held: !is_closed && database::is_written(path),
    })
}

/// A count of rows; a damaged table counts as empty, opening the run says what is wrong.
fn count(connection: &Connection, sql: &str) -> usize {
    connection
        .query_row(sql, [], |row| row.get::<_, i64>(0))
        .ok()
        .and_then(|count| usize::try_from(count).ok())
        .unwrap_or(0)
}
