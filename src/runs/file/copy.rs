//! Copies of a run file, through SQLite's backup: whole and standing alone, whatever its writer is doing.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::Backup;

use super::database::{self, Claim};
use super::draft::{self, Draft, Replace};
use super::error::FileError;
use super::state::State;
use super::writer::RunWriter;

/// Pages copied before a writer gets its turn.
const PAGES_A_STEP: i32 = 4096;

/// Copy a run that nobody writes; the original is only read.
pub fn copy(from: &Path, to: &Path) -> Result<(), FileError> {
    let opened = database::open_to_read(from)?;
    copy_from(&opened.connection, to, !opened.damage.is_empty())
}

impl RunWriter {
    /// Copy the run as it is now.
    pub fn copy_to(&self, to: &Path) -> Result<(), FileError> {
        copy_from(self.connection(), to, false)
    }
}

/// The copy appears whole; a file that is there already is replaced, as the dialog that named it has asked. The copy of a
/// run that has lost its log keeps saying so.
fn copy_from(from: &Connection, to: &Path, has_lost: bool) -> Result<(), FileError> {
    let _claim = Claim::new(to)?;
    let (draft, connection) = draft_of(from, to)?;
    close(&connection, has_lost).map_err(|error| draft.failed_in_sqlite(&error))?;
    draft.publish(connection, Replace::Allowed)
}

/// A copy in the making.
pub(super) fn draft_of(from: &Connection, to: &Path) -> Result<(Draft, Connection), FileError> {
    let (draft, mut connection) = Draft::create(to)?;
    Backup::new(from, &mut connection)
        .and_then(|backup| backup.run_to_completion(PAGES_A_STEP, Duration::ZERO, None))
        // The copy of a run that is being written expects a log of its own.
        .and_then(|()| draft::forgo_journal(&connection))
        .map_err(|error| draft.failed_in_sqlite(&error))?;
    Ok((draft, connection))
}

/// Nobody writes the copy, and no log of the original is its.
fn close(connection: &Connection, has_lost: bool) -> rusqlite::Result<()> {
    let version: i32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if version >= 2
        && let Some(state) = State::read(connection)?
    {
        let copied = state.copied(connection)?;
        let is_open = has_lost && state.is_open;
        let copied = State {
            is_open,
            since: state.since,
            ..copied
        };
        copied.write(connection)?;
    }
    Ok(())
}
