//! Whether the log beside a run file is that file's: SQLite itself would fold in any.
//!
//! All of it is found out on private copies; neither the file nor the log is touched.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode};

use super::database::{self, log_path};
use super::error::FileError;
use super::private::PrivateFolder;
use super::state::State;
use super::wal::{self, Wal};

/// Bytes of a file's beginning that are copied to look at its state: the tables' text and roots lie there.
const HEAD: u64 = 64 * 4096;

/// The log beside a file, once it is known that SQLite may take it; `None` where there is none.
///
/// Of the first format, which names no owner, only [`check_rows`] can tell.
pub(super) fn check(path: &Path, version: i32) -> Result<Option<Wal>, FileError> {
    let foreign = |log: PathBuf| FileError::ForeignLog {
        log,
        path: path.to_owned(),
    };
    let open = |source| FileError::Open {
        source,
        path: path.to_owned(),
    };
    refuse_journal(path)?;
    let log = log_path(path);
    if !has_bytes(&log) {
        return Ok(None);
    }
    let wal = wal::scan(&log).map_err(open)?;
    if wal.pages.is_empty() || version < 2 {
        return Ok(Some(wal));
    }
    let head = Head::read(path).map_err(open)?;
    let is_own = wal.page_size == head.page_size && {
        let folder = PrivateFolder::new(path)?;
        // A part of a file shows its state or an error, never another state.
        is_own(&folder, path, &log, &head, &wal).map_err(|source| folder.failed(source))?
    };
    if is_own {
        Ok(Some(wal))
    } else {
        Err(foreign(log))
    }
}

/// Refuse a file with a rollback journal beside it: this program keeps its own in memory, and SQLite would roll the file
/// back by any that lies there.
pub(super) fn refuse_journal(path: &Path) -> Result<(), FileError> {
    let journal = beside(path, "-journal");
    if has_bytes(&journal) {
        return Err(FileError::ForeignLog {
            log: journal,
            path: path.to_owned(),
        });
    }
    Ok(())
}

/// Whether a log or a journal lies beside a file.
pub(super) fn has_companion(path: &Path) -> bool {
    has_bytes(&beside(path, "-journal")) || has_bytes(&log_path(path))
}

fn has_bytes(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.len() > 0)
}

/// What lies beside a file under its name and an ending.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

/// Sizes from a database's header.
struct Head {
    page_size: u32,
    num_pages: u32,
}

impl Head {
    fn read(path: &Path) -> io::Result<Self> {
        let mut header = [0; 100];
        File::open(path)?.read_exact(&mut header)?;
        let page_size = match u16::from_be_bytes([header[16], header[17]]) {
            1 => 65_536,
            size => u32::from(size),
        };
        Ok(Self {
            page_size,
            num_pages: u32::from_be_bytes(std::array::from_fn(|index| header[28 + index])),
        })
    }
}

fn is_own(
    folder: &PrivateFolder,
    path: &Path,
    log: &Path,
    head: &Head,
    wal: &Wal,
) -> io::Result<bool> {
    let copy = folder.path().join("head.lmdrun");
    copy_part(path, &copy, 0, HEAD)?;
    // A writer that was killed while it folded its log in may have left a file that is shorter than its header says.
    let length = u64::from(head.num_pages) * u64::from(head.page_size);
    let file = fs::OpenOptions::new().write(true).open(&copy)?;
    file.set_len(length.max(fs::metadata(path)?.len()))?;
    drop(file);
    let Some(page) = look(&copy, root_of_state)? else {
        return Ok(false);
    };
    if !wal.pages.contains(&page) {
        return Ok(false); // Each log of this format begins with it.
    }
    let page_size = u64::from(head.page_size);
    copy_part(path, &copy, (u64::from(page) - 1) * page_size, page_size)?;
    let Some(expected) = look(&copy, State::read)?.flatten() else {
        return Ok(false);
    };
    fs::copy(log, log_path(&copy))?;
    database::make_writable(&log_path(&copy))?;
    let told = look(&copy, |connection| {
        Ok((root_of_state(connection)?, State::read(connection)?))
    })?;
    Ok(matches!(told, Some((root, Some(log))) if root == page && expected.expects(&log)))
}

/// Ask a private copy; `None` where its content gives no answer. What the system refuses, e.g. another open file, says nothing
/// of the content and is an error.
fn look<T>(
    copy: &Path,
    ask: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> io::Result<Option<T>> {
    let connection =
        database::open_plain(copy, copy).map_err(|error| io::Error::other(error.to_string()))?;
    let answer = database::leave_log(&connection)
        .and_then(|()| connection.pragma_update(None, "locking_mode", "EXCLUSIVE"))
        .and_then(|()| ask(&connection));
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) => match error.sqlite_error_code() {
            Some(
                ErrorCode::CannotOpen
                | ErrorCode::DiskFull
                | ErrorCode::OutOfMemory
                | ErrorCode::SystemIoFailure,
            ) => Err(io::Error::other(error)),
            _ => Ok(None),
        },
    }
}

fn root_of_state(connection: &Connection) -> rusqlite::Result<u32> {
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'state'";
    connection.query_row(sql, [], |row| row.get(0))
}

/// Copy `length` bytes from `start` on to the same place of another file.
fn copy_part(from: &Path, to: &Path, start: u64, length: u64) -> io::Result<()> {
    let mut source = File::open(from)?;
    source.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    source.take(length).read_to_end(&mut bytes)?;
    let mut target = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(to)?;
    target.seek(SeekFrom::Start(start))?;
    target.write_all(&bytes)
}

/// What a file of the first format holds without its log.
pub(super) struct Rows {
    manifest: Option<(String, Vec<u8>)>,
    attempts: Vec<(i64, i64, Vec<u8>)>,
    /// Whether SQLite finds nothing wrong with its structure.
    pub is_whole: bool,
}

impl Rows {
    /// Look at an open file.
    pub fn of(connection: &Connection) -> Self {
        let manifest = connection.query_row("SELECT json, checksum FROM manifest", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        });
        let attempts = connection
            .prepare("SELECT image, attempt, checksum FROM attempts ORDER BY image, attempt")
            .and_then(|mut statement| {
                statement
                    .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                    .collect::<rusqlite::Result<Vec<_>>>()
            });
        let check: rusqlite::Result<String> =
            connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
        Self {
            manifest: manifest.ok(),
            attempts: attempts.unwrap_or_default(),
            is_whole: check.is_ok_and(|finding| finding == "ok"),
        }
    }

    /// Whether a log can have made `later` of this: a run keeps its manifest and its attempts, and stays whole.
    pub fn may_become(&self, later: &Self) -> bool {
        let has_all = (self.attempts.iter()).all(|row| later.attempts.binary_search(row).is_ok());
        let is_same = self.manifest.is_none() || self.manifest == later.manifest;
        is_same && has_all && (later.is_whole || !self.is_whole)
    }
}
