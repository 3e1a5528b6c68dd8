//! A run file in the making, beside its target: that stays as it is until the new one is whole and on the disk.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;

use super::database;
use super::error::FileError;
use super::ownership::{self, beside};

/// What SQLite may keep beside a file.
const COMPANIONS: [&str; 3] = ["-wal", "-journal", "-shm"];

/// Whether a file that is there may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replace {
    Never,
    Allowed,
}

impl Replace {
    pub fn allowed_if(may_overwrite: bool) -> Self {
        if may_overwrite {
            Self::Allowed
        } else {
            Self::Never
        }
    }
}

/// The file beside the target; removed when dropped.
#[derive(Debug)]
pub(super) struct Draft {
    temporary: PathBuf,
    target: PathBuf,
}

impl Draft {
    /// An empty file, and a connection that writes it.
    pub fn create(target: &Path) -> Result<(Self, Connection), FileError> {
        static NUM_MADE: AtomicU64 = AtomicU64::new(0);
        let number = NUM_MADE.fetch_add(1, Ordering::Relaxed);
        let ending = format!(".{}-{number}.tmp", std::process::id());
        let draft = Self {
            temporary: beside(target, &ending),
            target: target.to_owned(),
        };
        File::create(&draft.temporary).map_err(|error| draft.failed(&error))?;
        let connection = database::open_plain(&draft.temporary, target)?;
        forgo_journal(&connection).map_err(|error| draft.failed_in_sqlite(&error))?;
        Ok((draft, connection))
    }

    /// SQLite's error, said of the target.
    pub fn failed_in_sqlite(&self, error: &rusqlite::Error) -> FileError {
        match FileError::from_sqlite(error, &self.target) {
            FileError::Full { reason, path } => FileError::NotMade { reason, path },
            other => other,
        }
    }

    fn failed(&self, error: &io::Error) -> FileError {
        FileError::NotMade {
            reason: error.to_string(),
            path: self.target.clone(),
        }
    }

    /// Put the finished file in the target's place, whole and at once. One that is there is replaced only where that is
    /// allowed and nobody writes it; with it goes its log.
    pub fn publish(self, connection: Connection, replace: Replace) -> Result<(), FileError> {
        connection
            .close()
            .map_err(|(_, error)| self.failed_in_sqlite(&error))?;
        File::open(&self.temporary)
            .and_then(|file| file.sync_all())
            .map_err(|error| self.failed(&error))?;
        match replace {
            Replace::Never => take_name(&self.temporary, &self.target)?,
            Replace::Allowed => self.take_the_place()?,
        }
        sync_folder_of(&self.target);
        Ok(())
    }

    fn take_the_place(&self) -> Result<(), FileError> {
        if database::check_header(&self.target).is_ok() {
            database::check_not_written(&self.target)?;
            // So that the old run, if it stays, does not lose its log, and the new one never lies beside it.
            fold_in(&self.target);
        }
        fs::rename(&self.temporary, &self.target).map_err(|error| self.failed(&error))?;
        for ending in COMPANIONS {
            match fs::remove_file(beside(&self.target, ending)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(self.failed(&error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Some other error is the one to tell; the leftovers may not even exist.
        fs::remove_file(&self.temporary).ok();
        remove_companions(&self.temporary);
    }
}

/// Remove what SQLite kept beside a file that is gone; it may not even be there.
pub(super) fn remove_companions(path: &Path) {
    for ending in COMPANIONS {
        fs::remove_file(beside(path, ending)).ok();
    }
}

/// Give a file the name `target`, which nothing may have yet; where the file system has links, it keeps its own beside it.
pub(super) fn take_name(file: &Path, target: &Path) -> Result<(), FileError> {
    if let Some(log) = leftover(target) {
        return Err(FileError::LogInTheWay {
            log,
            path: target.to_owned(),
        });
    }
    let exists = || FileError::Exists {
        path: target.to_owned(),
    };
    let failed = |error: io::Error| FileError::NotMade {
        reason: error.to_string(),
        path: target.to_owned(),
    };
    match fs::hard_link(file, target) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(exists()),
        // Not every file system has links; there the name is taken first.
        Err(_) => match File::create_new(target) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(exists()),
            Err(error) => Err(failed(error)),
            Ok(_) => fs::rename(file, target).map_err(|error| {
                // What was made to take the name is empty.
                fs::remove_file(target).ok();
                failed(error)
            }),
        },
    }
}

/// Nobody continues with a draft that was not finished, so nothing is kept to roll it back by, and it is synced once.
pub(super) fn forgo_journal(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update_and_check(None, "journal_mode", "MEMORY", |_| Ok(()))
}

/// A log where no file is: all that is left of somebody's run, perhaps.
fn leftover(target: &Path) -> Option<PathBuf> {
    let log = database::log_path(target);
    let has_log = fs::metadata(&log).is_ok_and(|log| log.len() > 0);
    // In this order: a run that begins in this moment has its file before its log.
    let is_left = has_log && fs::symlink_metadata(target).is_err();
    is_left.then_some(log)
}

/// Fold a file's own log in, if there is one and it can be done.
fn fold_in(path: &Path) {
    let own = database::check_header(path)
        .and_then(|version| ownership::check(path, version).map(|wal| (version, wal)));
    if let Ok((2.., Some(_))) = own {
        fold_in_own(path);
    }
}

/// Fold a log in that is known to be the file's, if that can be done.
pub(super) fn fold_in_own(path: &Path) {
    if let Ok(connection) = database::open_plain(path, path) {
        // The file is to be replaced; should that fail, its log still lies beside it.
        connection
            .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
            .ok();
    }
}

/// Names are on the disk once their folder is; where that can't be asked for, the system does it in its own time.
pub(super) fn sync_folder_of(path: &Path) {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    File::open(parent).and_then(|folder| folder.sync_all()).ok();
}
