//! Whether a run is being written, and which log belongs to it.
//!
//! A log is pages of its file, and SQLite folds in any that lies beside one. So the file says which log it expects, and
//! each log begins with a page that says whose it is.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::checksum::Checksum;

/// The one row of the table `state`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct State {
    /// A random name of the run: its copies share it.
    pub run: Vec<u8>,
    /// A random name of the opening for writing, the last one where none is under way.
    pub session: Vec<u8>,
    /// The session before this one.
    pub follows: Vec<u8>,
    /// Rounds of the log in this session: one ends when all of it is in the file, and the next begins at its start.
    pub generation: i64,
    /// Whether all of this round is in the file, where the file itself says so: the log's next round may follow.
    pub is_sealed: bool,
    /// Whether a writer was at work: then a log is expected beside the file.
    pub is_open: bool,
    /// When the session began, RFC 3339.
    pub since: String,
}

impl State {
    /// Of a file that nobody writes.
    pub fn new(connection: &Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            run: random_name(connection)?,
            session: random_name(connection)?,
            follows: Vec::new(),
            generation: 0,
            is_sealed: true,
            is_open: false,
            since: String::new(),
        })
    }

    /// Of a writer that begins now.
    pub fn opened(&self, connection: &Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            run: self.run.clone(),
            session: random_name(connection)?,
            follows: self.session.clone(),
            generation: 0,
            is_sealed: true,
            is_open: true,
            since: jiff::Timestamp::now().to_string(),
        })
    }

    /// Of a copy.
    pub fn copied(&self, connection: &Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            run: self.run.clone(),
            ..Self::new(connection)?
        })
    }

    /// `None` where the row is not there or does not match its checksum.
    pub fn read(connection: &Connection) -> rusqlite::Result<Option<Self>> {
        let sql = "SELECT run, session, follows, generation, is_sealed, is_open, since, checksum FROM state";
        let row = connection
            .query_row(sql, [], |row| {
                let state = Self {
                    run: row.get(0)?,
                    session: row.get(1)?,
                    follows: row.get(2)?,
                    generation: row.get(3)?,
                    is_sealed: row.get(4)?,
                    is_open: row.get(5)?,
                    since: row.get(6)?,
                };
                Ok((state, row.get::<_, Vec<u8>>(7)?))
            })
            .optional()?;
        Ok(row
            .filter(|(state, checksum)| *checksum == state.checksum())
            .map(|(state, _)| state))
    }

    pub fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO state VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                self.run,
                self.session,
                self.follows,
                self.generation,
                self.is_sealed,
                self.is_open,
                self.since,
                self.checksum()
            ])
            .map(|_| ())
    }

    /// Whether a log whose last word is `log` belongs to the file whose own is `self`.
    pub fn expects(&self, log: &Self) -> bool {
        let is_next = self.is_sealed && log.generation == self.generation + 1;
        let goes_on = self.session == log.session
            && (log.generation == self.generation || is_next)
            // Of a file that was closed only the log of its closing may be left.
            && (self.is_open || !log.is_open);
        // A writer that was killed as it began.
        let begins = !self.is_open && log.follows == self.session && log.generation == 0;
        self.run == log.run && (goes_on || begins)
    }

    fn checksum(&self) -> [u8; super::checksum::LEN] {
        Checksum::of("state")
            .bytes(&self.run)
            .bytes(&self.session)
            .bytes(&self.follows)
            .int(self.generation)
            .int(self.is_sealed.into())
            .int(self.is_open.into())
            .text(&self.since)
            .finish()
    }
}

fn random_name(connection: &Connection) -> rusqlite::Result<Vec<u8>> {
    connection.query_row("SELECT randomblob(16)", [], |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_follows_its_file_by_one_round_at_most() {
        let state = |session: u8, generation, is_sealed| State {
            run: vec![1],
            session: vec![session],
            follows: vec![session - 1],
            generation,
            is_sealed,
            is_open: true,
            since: String::new(),
        };
        // A round that is under way, one that was being folded in, and the first words of the next.
        assert!(state(1, 4, false).expects(&state(1, 4, false)));
        assert!(state(1, 4, false).expects(&state(1, 4, true)));
        assert!(state(1, 4, true).expects(&state(1, 5, false)));
        // A backup of an earlier round, whose pages since then are in no log.
        assert!(!state(1, 4, false).expects(&state(1, 5, false)));
        assert!(!state(1, 4, true).expects(&state(1, 6, true)));
        // A later file with an earlier log.
        assert!(!state(1, 5, false).expects(&state(1, 4, true)));
        assert!(!state(1, 4, true).expects(&state(2, 5, false)));
        // A log that was kept while its run was finished.
        let closed = State {
            is_open: false,
            ..state(1, 4, false)
        };
        assert!(!closed.expects(&state(1, 4, false)));
        assert!(closed.expects(&closed) && state(1, 4, false).expects(&closed));
        // A writer that was killed as it began, and one that went on.
        assert!(closed.expects(&state(2, 0, true)));
        assert!(!closed.expects(&state(2, 1, false)));
        assert!(!state(1, 4, true).expects(&state(2, 0, true)));
        assert!(!closed.expects(&state(3, 0, true)));
    }
}
