//! Copies of a run file, through SQLite's backup: whole and standing alone, whatever its writer is doing.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::Backup;

use super::database;
use super::error::FileError;
use super::writer::RunWriter;

/// Pages copied before a writer gets its turn.
const PAGES_A_STEP: i32 = 4096;

/// Copy a run that nobody writes; the original is only read.
pub fn copy(from: &Path, to: &Path) -> Result<(), FileError> {
    let opened = database::open_to_read(from)?;
    copy_from(&opened.connection, to)
}

impl RunWriter {
    /// Copy the run as it is now.
    pub fn copy_to(&self, to: &Path) -> Result<(), FileError> {
        copy_from(self.connection(), to)
    }
}

/// The copy appears whole; a file that is there already is replaced, as the dialog that named it has asked.
fn copy_from(from: &Connection, to: &Path) -> Result<(), FileError> {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = to.with_file_name(name);
    let open = |source| FileError::Open {
        source,
        path: to.to_owned(),
    };
    let failed = |error: rusqlite::Error| FileError::from_sqlite(&error, to);
    let copied = fs::File::create(&temporary)
        .map_err(open)
        .and_then(|_| database::open_plain(&temporary, to))
        .and_then(|mut connection| {
            Backup::new(from, &mut connection)
                .and_then(|backup| backup.run_to_completion(PAGES_A_STEP, Duration::ZERO, None))
                .and_then(|()| {
                    connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
                })
                .map_err(failed)
        })
        .and_then(|()| fs::rename(&temporary, to).map_err(open));
    if copied.is_err() {
        // The first error is the one to tell; the leftover may not even exist.
        fs::remove_file(&temporary).ok();
    }
    copied
}
