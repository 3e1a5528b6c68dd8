//! What can be wrong with a run file, a sentence each.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

/// Why a run file can't be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system refused.
    #[error("the run file can't be opened: {source}: {}", path.display())]
    Open {
        /// What it said.
        source: io::Error,
        path: PathBuf,
    },
    /// Not an SQLite database of this program.
    #[error("this is not a run file of LMD Inspector: {reason}: {}", path.display())]
    NotARun {
        /// What gave it away.
        reason: String,
        path: PathBuf,
    },
    /// Written by a later program.
    #[error(
        "the run file was written by a later version of LMD Inspector (format {found}, this program knows {known}); open it with that version: {}",
        path.display()
    )]
    LaterVersion {
        /// In the file.
        found: i64,
        /// The newest known.
        known: i32,
        path: PathBuf,
    },
    /// Another program works on it.
    #[error(
        "the run is in use: another program is writing it; wait until that has ended, or use a copy: {}",
        path.display()
    )]
    Busy { path: PathBuf },
    /// It can't be written.
    #[error(
        "the run file can't be written: {reason}; copy it to a folder that can be written to and continue with the copy: {}",
        path.display()
    )]
    ReadOnly { reason: String, path: PathBuf },
    /// No room.
    #[error(
        "the run file can't grow ({reason}); what was committed is kept: make room and continue it: {}",
        path.display()
    )]
    Full {
        /// What SQLite said.
        reason: String,
        path: PathBuf,
    },
    /// A new file can't be made; what was in its place stays.
    #[error(
        "the run file can't be made ({reason}); nothing was replaced: make room, or choose another place: {}",
        path.display()
    )]
    NotMade {
        /// What the system or SQLite said.
        reason: String,
        path: PathBuf,
    },
    /// There is no room for a copy to fold the log into.
    #[error(
        "the run file has a log beside it, and the copy that is needed to read both can't be made in the folder for \
         temporary files ({source}): {}; make room there, or set TMPDIR to another folder; the run file: {}",
        folder.display(),
        path.display()
    )]
    Private {
        /// What the system said.
        source: io::Error,
        /// The folder for temporary files.
        folder: PathBuf,
        /// The run file.
        path: PathBuf,
    },
    /// A log of another run, or of another moment of this one.
    #[error(
        "the log beside the run file is not this file's, but that of another run or of another moment of this one; both are \
         left as they are: put the file back that the log belongs to, or move the log away to open the run without it. The \
         log: {}; the run file: {}",
        log.display(),
        path.display()
    )]
    ForeignLog { log: PathBuf, path: PathBuf },
    /// A log without its file, where a file is to be made.
    #[error(
        "a log without its run file lies here, perhaps all that is left of a run: {}; move it away, or choose another name \
         than {}",
        log.display(),
        path.display()
    )]
    LogInTheWay { log: PathBuf, path: PathBuf },
    /// Its structure is broken.
    #[error("the run file is damaged: {reason}: {}", path.display())]
    Damaged {
        /// What was found.
        reason: String,
        path: PathBuf,
    },
    /// A target that may not be replaced.
    #[error(
        "the run file exists; choose another --output, allow --overwrite, or continue it by --resume: {}",
        path.display()
    )]
    Exists { path: PathBuf },
}

impl FileError {
    /// SQLite's error, said of this file.
    pub(super) fn from_sqlite(error: &rusqlite::Error, path: &Path) -> Self {
        let path = path.to_owned();
        let reason = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => Self::Full { reason, path },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Self::ReadOnly { reason, path }
            }
            Some(ErrorCode::NotADatabase) => Self::NotARun { reason, path },
            _ => Self::Damaged { reason, path },
        }
    }

    /// Whether it is for want of room.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::NotMade { .. })
    }
}
