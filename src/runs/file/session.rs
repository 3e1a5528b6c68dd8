//! One opening of a run file for writing: what is committed goes into the log, and the log into the file every few seconds,
//! so that little is lost with a log.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction};

use super::database::log_path;
use super::draft::sync_folder_of;
use super::state::State;

/// Time between two foldings of the log.
const INTERVAL: Duration = Duration::from_secs(5);
/// A log of more bytes is folded in at once.
const LARGEST_LOG: u64 = 16 << 20;
/// Once it was, it is cut to as many.
const KEPT_LOG: i64 = 1 << 20;

/// See [`State`] for how log and file are tied together.
pub(super) struct Session {
    state: State,
    log: PathBuf,
    /// Whether the next transaction begins a new round of the log.
    is_restarting: bool,
    folded: Instant,
}

impl Session {
    /// Say in the file itself that it is being written, and that it has a log from now on.
    pub fn begin(connection: &mut Connection, path: &Path) -> rusqlite::Result<Self> {
        let found = State::read(connection)?;
        let state = found.map_or_else(|| State::new(connection), Ok)?;
        let mut session = Self {
            state,
            log: log_path(path),
            is_restarting: false,
            folded: Instant::now(),
        };
        if session.state.is_open {
            // Its writer was killed: what it left is folded in before anything is added.
            session.commit_as(connection, |state| state.is_open = false, |_| Ok(()))?;
            session.fold(connection)?;
        }
        let state = session.state.opened(connection)?;
        state.write(connection)?;
        session.state = state;
        session.fold(connection)?;
        connection.pragma_update_and_check(None, "journal_size_limit", KEPT_LOG, |_| Ok(()))?;
        sync_folder_of(path);
        Ok(session)
    }

    /// Do something in one transaction.
    pub fn commit<T>(
        &mut self,
        connection: &mut Connection,
        act: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let is_last = self.is_due();
        let value = self.commit_as(connection, |state| state.is_sealed |= is_last, act)?;
        if is_last {
            // What is committed is safe in the log; there will be another time.
            self.fold(connection).ok();
        }
        Ok(value)
    }

    /// Do something and change the state in one transaction. The first one of each round of the log says whose it is.
    fn commit_as<T>(
        &mut self,
        connection: &mut Connection,
        change: impl FnOnce(&mut State),
        act: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let mut state = self.state.clone();
        if self.is_restarting {
            state.generation += 1;
            state.is_sealed = false;
        }
        change(&mut state);
        let transaction = connection.transaction()?;
        let value = act(&transaction)?;
        if state != self.state {
            state.write(&transaction)?;
        }
        transaction.commit()?;
        self.state = state;
        self.is_restarting = false;
        Ok(value)
    }

    fn is_due(&self) -> bool {
        let is_large = || {
            let log = std::fs::metadata(&self.log);
            !self.is_restarting && log.is_ok_and(|log| log.len() > LARGEST_LOG)
        };
        self.folded.elapsed() >= INTERVAL || is_large()
    }

    /// Copy the log's pages into the file. The log stays, and is written again from its start on.
    fn fold(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.folded = Instant::now();
        self.is_restarting = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
            let (is_busy, num_frames, num_folded): (bool, i64, i64) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(!is_busy && num_frames == num_folded)
        })?;
        Ok(())
    }

    /// Fold the log in and say in the file that it stands alone.
    pub fn end(&mut self, connection: &mut Connection) -> rusqlite::Result<()> {
        self.commit_as(
            connection,
            |state| state.is_open = false,
            |transaction| transaction.execute_batch("PRAGMA incremental_vacuum"),
        )?;
        connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
        // Other programs can then open it in a folder that they can't write to.
        connection.pragma_update_and_check(None, "journal_mode", "MEMORY", |_| Ok(()))
    }
}
