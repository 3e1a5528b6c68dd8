//! The SQLite side of a run file: its schema, and opening files that may be a stranger's.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::FileError;

/// `LMDR`, in the header of each run file.
pub(super) const APPLICATION_ID: u32 = 0x4C4D_4452;

/// The newest format that this program knows.
pub const SCHEMA_VERSION: i32 = 1;

/// The tables as SQLite keeps their text; a file with any other is not opened.
pub(super) const TABLES: [(&str, &str); 8] = [
    (
        "manifest",
        "CREATE TABLE manifest (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL, checksum BLOB NOT NULL) STRICT",
    ),
    (
        "mask",
        "CREATE TABLE mask (id INTEGER PRIMARY KEY CHECK (id = 1), luma BLOB NOT NULL, checksum BLOB NOT NULL) STRICT",
    ),
    (
        "images",
        "CREATE TABLE images (id INTEGER PRIMARY KEY, position INTEGER NOT NULL, path TEXT NOT NULL, folder TEXT NOT NULL, role TEXT NOT NULL, content BLOB NOT NULL, native TEXT NOT NULL, checksum BLOB NOT NULL) STRICT",
    ),
    (
        "originals",
        "CREATE TABLE originals (image INTEGER PRIMARY KEY, png BLOB NOT NULL, checksum BLOB NOT NULL) STRICT",
    ),
    (
        "attempts",
        "CREATE TABLE attempts (image INTEGER NOT NULL, attempt INTEGER NOT NULL, mse REAL, ssim_distance REAL, lpips REAL, seconds REAL NOT NULL, stretch INTEGER NOT NULL, checksum BLOB NOT NULL, PRIMARY KEY (image, attempt)) STRICT, WITHOUT ROWID",
    ),
    (
        "pictures",
        "CREATE TABLE pictures (image INTEGER NOT NULL, attempt INTEGER NOT NULL, png BLOB NOT NULL, checksum BLOB NOT NULL, PRIMARY KEY (image, attempt)) STRICT",
    ),
    (
        "notices",
        "CREATE TABLE notices (id INTEGER PRIMARY KEY, message TEXT NOT NULL, checksum BLOB NOT NULL) STRICT",
    ),
    (
        "stretches",
        "CREATE TABLE stretches (id INTEGER PRIMARY KEY, json TEXT NOT NULL, checksum BLOB NOT NULL) STRICT",
    ),
];

/// Files that this process writes. Opening such a file a second time would drop SQLite's lock on it: POSIX releases a
/// process's locks when any descriptor of the file is closed.
static CLAIMS: Mutex<Option<HashSet<PathBuf>>> = Mutex::new(None);

/// This process's claim to write a file, given back when dropped.
#[derive(Debug)]
pub(super) struct Claim(PathBuf);

impl Claim {
    pub fn new(path: &Path) -> Result<Self, FileError> {
        let real = real_path(path);
        let mut claims = CLAIMS.lock().unwrap_or_else(PoisonError::into_inner);
        if claims.get_or_insert_default().insert(real.clone()) {
            Ok(Self(real))
        } else {
            Err(FileError::Busy {
                path: path.to_owned(),
            })
        }
    }

    /// Refuse a file that this process writes.
    fn check_free(path: &Path) -> Result<(), FileError> {
        let claims = CLAIMS.lock().unwrap_or_else(PoisonError::into_inner);
        match claims.as_ref() {
            Some(claims) if claims.contains(&real_path(path)) => Err(FileError::Busy {
                path: path.to_owned(),
            }),
            _ => Ok(()),
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut claims = CLAIMS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(claims) = claims.as_mut() {
            claims.remove(&self.0);
        }
    }
}

fn real_path(path: &Path) -> PathBuf {
    path.canonicalize()
        .or_else(|_| std::path::absolute(path))
        .unwrap_or_else(|_| path.to_owned())
}

/// The write-ahead log beside a run file.
pub(in crate::runs) fn log_path(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push("-wal");
    path.with_file_name(name)
}

/// Look at the header before SQLite does: what is no run file is not even locked.
pub(crate) fn check_header(path: &Path) -> Result<(), FileError> {
    let open = |source| FileError::Open {
        source,
        path: path.to_owned(),
    };
    let not_a_run = |reason: &str| FileError::NotARun {
        reason: reason.to_owned(),
        path: path.to_owned(),
    };
    let metadata = fs::metadata(path).map_err(open)?;
    if !metadata.is_file() {
        return Err(not_a_run("it is not a regular file"));
    }
    let mut header = [0; 100];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    match read {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            return Err(not_a_run("it is shorter than any"));
        }
        Err(error) => return Err(open(error)),
    }
    let number = |at: usize| u32::from_be_bytes(std::array::from_fn(|index| header[at + index]));
    if !header.starts_with(b"SQLite format 3\0") || number(68) != APPLICATION_ID {
        return Err(not_a_run("its first bytes are those of another format"));
    }
    match number(60) {
        0 => Err(not_a_run("it has no format version")),
        version if version > SCHEMA_VERSION.unsigned_abs() => Err(FileError::LaterVersion {
            found: i64::from(version),
            known: SCHEMA_VERSION,
            path: path.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// An open run file, and the folder of its copy if it is one.
pub(super) struct ReadOnly {
    pub connection: Connection,
    _copy: Option<TemporaryFolder>,
}

/// Open a file to read it: neither it nor its folder is written to. Where a log lies beside it (its writer was killed),
/// a private copy of both is opened.
pub(super) fn open_to_read(path: &Path) -> Result<ReadOnly, FileError> {
    Claim::check_free(path)?;
    check_header(path)?;
    let log = log_path(path);
    let has_log = fs::metadata(&log).is_ok_and(|log| log.len() > 0);
    if !has_log {
        return Ok(ReadOnly {
            connection: open_as_it_is(path)?,
            _copy: None,
        });
    }
    check_not_written(path)?;
    let failed = |source| FileError::Open {
        source,
        path: path.to_owned(),
    };
    let folder = TemporaryFolder::new().map_err(failed)?;
    let copy = folder.0.join("copy.lmdrun");
    fs::copy(path, &copy).map_err(failed)?;
    fs::copy(&log, log_path(&copy)).map_err(failed)?;
    make_writable(&copy).map_err(failed)?;
    make_writable(&log_path(&copy)).map_err(failed)?;
    let connection = open_plain(&copy, path)?;
    take_lock(&connection, path)?;
    check_schema(&connection, path)?;
    Ok(ReadOnly {
        connection,
        _copy: Some(folder),
    })
}

/// Open a file without its log: nothing is written, and no lock is taken.
pub(super) fn open_as_it_is(path: &Path) -> Result<Connection, FileError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open_immutable(path, flags)?;
    harden(&connection, path)?;
    check_schema(&connection, path)?;
    Ok(connection)
}

/// Whether another process writes the file.
pub(super) fn is_written(path: &Path) -> bool {
    matches!(check_not_written(path), Err(FileError::Busy { .. }))
}

/// A copy of a read-only file is read-only too, and SQLite has to fold its log in.
fn make_writable(path: &Path) -> io::Result<()> {
    let mut permissions = fs::metadata(path)?.permissions();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        permissions.set_mode(0o600);
    }
    #[cfg(not(unix))]
    permissions.set_readonly(false);
    fs::set_permissions(path, permissions)
}

/// Refuse a file that another process holds. Nothing is written: the log is neither folded in nor removed.
fn check_not_written(path: &Path) -> Result<(), FileError> {
    let Ok(connection) = open_plain(path, path) else {
        return Ok(()); // Where it can't be written, nobody writes it from here.
    };
    let probe = connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .and_then(|_| connection.pragma_update(None, "locking_mode", "EXCLUSIVE"))
        .and_then(|()| connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())));
    match probe.map_err(|error| FileError::from_sqlite(&error, path)) {
        Err(busy @ FileError::Busy { .. }) => Err(busy),
        _ => Ok(()), // What else is wrong shows when the copy is opened.
    }
}

/// Open a file to write it, alone.
pub(super) fn open_to_write(path: &Path) -> Result<Connection, FileError> {
    check_header(path)?;
    let read_only = fs::metadata(path).is_ok_and(|metadata| metadata.permissions().readonly());
    if read_only {
        return Err(FileError::ReadOnly {
            reason: "it is marked read-only".to_owned(),
            path: path.to_owned(),
        });
    }
    let connection = open_plain(path, path)?;
    take_lock(&connection, path)?;
    check_schema(&connection, path)?;
    let failed = |error: rusqlite::Error| FileError::from_sqlite(&error, path);
    connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
        .map_err(failed)?;
    // Each batch is on the disk before it is reported, also when the power fails.
    connection
        .pragma_update(None, "synchronous", "FULL")
        .map_err(failed)?;
    Ok(connection)
}

/// Lock the file for as long as the connection lives, so that there is one writer.
fn take_lock(connection: &Connection, path: &Path) -> Result<(), FileError> {
    connection
        .pragma_update(None, "locking_mode", "EXCLUSIVE")
        .and_then(|()| connection.execute_batch("BEGIN EXCLUSIVE; COMMIT"))
        .map_err(|error| FileError::from_sqlite(&error, path))
}

/// A connection to an existing file, `shown` in its errors.
pub(super) fn open_plain(path: &Path, shown: &Path) -> Result<Connection, FileError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)
        .map_err(|error| FileError::from_sqlite(&error, shown))?;
    harden(&connection, shown)?;
    Ok(connection)
}

fn open_immutable(path: &Path, flags: OpenFlags) -> Result<Connection, FileError> {
    use std::fmt::Write as _;
    let absolute = std::path::absolute(path).map_err(|source| FileError::Open {
        source,
        path: path.to_owned(),
    })?;
    let mut uri = String::from("file:");
    for &byte in absolute.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~:".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            write!(uri, "%{byte:02X}").expect("writing to a string does not fail");
        }
    }
    uri.push_str("?immutable=1");
    Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)
        .map_err(|error| FileError::from_sqlite(&error, path))
}

/// Trust nothing that the file brings along (<https://www.sqlite.org/security.html>).
fn harden(connection: &Connection, path: &Path) -> Result<(), FileError> {
    let set = |config, value| connection.set_db_config(config, value).map(|_| ());
    set(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)
        .and_then(|()| set(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false))
        .and_then(|()| set(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false))
        .and_then(|()| set(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false))
        .and_then(|()| connection.pragma_update(None, "cell_size_check", true))
        .and_then(|()| connection.pragma_update(None, "mmap_size", 0))
        .and_then(|()| connection.busy_timeout(std::time::Duration::ZERO))
        .map_err(|error| FileError::from_sqlite(&error, path))
}

/// Refuse a file with any table, view or trigger that this program does not write.
fn check_schema(connection: &Connection, path: &Path) -> Result<(), FileError> {
    let failed = |error: rusqlite::Error| FileError::from_sqlite(&error, path);
    let mut statement = connection
        .prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
        .map_err(failed)?;
    let found: HashSet<(String, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .and_then(Iterator::collect)
        .map_err(failed)?;
    let expected: HashSet<(String, String)> = TABLES
        .iter()
        .map(|&(name, sql)| (name.to_owned(), sql.to_owned()))
        .collect();
    if found == expected {
        Ok(())
    } else {
        Err(FileError::NotARun {
            reason: "its tables are not those that this program writes".to_owned(),
            path: path.to_owned(),
        })
    }
}

/// A private folder, removed when dropped.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn new() -> io::Result<Self> {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NUM_MADE: AtomicU64 = AtomicU64::new(0);
        let unique = format!(
            "lmd-run-{}-{}-{}",
            std::process::id(),
            NUM_MADE.fetch_add(1, Ordering::Relaxed),
            jiff::Timestamp::now().as_nanosecond()
        );
        let folder = std::env::temp_dir().join(unique);
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt as _;
            builder.mode(0o700); // Pictures may be private.
        }
        builder.create(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // The system clears its temporary folder in any case.
        fs::remove_dir_all(&self.0).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with this program's tables.
    fn file(folder: &Path) -> PathBuf {
        let path = folder.join("run.lmdrun");
        let connection = Connection::open(&path).unwrap();
        for (_, sql) in TABLES {
            connection.execute_batch(sql).unwrap();
        }
        connection
            .pragma_update(None, "application_id", APPLICATION_ID)
            .unwrap();
        connection
            .pragma_update(None, "user_version", SCHEMA_VERSION)
            .unwrap();
        connection.close().unwrap();
        path
    }

    #[test]
    fn nothing_that_a_file_brings_along_is_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path());
        let check = |connection: &Connection| {
            let is_on = |config| connection.db_config(config).unwrap();
            assert!(is_on(DbConfig::SQLITE_DBCONFIG_DEFENSIVE));
            assert!(!is_on(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA));
            assert!(!is_on(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER));
            assert!(!is_on(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW));
            let trusted: i64 = connection
                .pragma_query_value(None, "trusted_schema", |row| row.get(0))
                .unwrap();
            assert_eq!(trusted, 0);
            // Defensive mode at work: the tables' text can't be rewritten.
            let error = connection
                .execute_batch("PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = ''")
                .unwrap_err();
            assert!(error.to_string().contains("may not be modified"), "{error}");
        };
        check(&open_to_read(&path).unwrap().connection);
        // With a log beside it, a copy is opened.
        let writer = open_to_write(&path).unwrap();
        check(&writer);
        writer
            .execute_batch("INSERT INTO notices VALUES (1, 'x', x'00')")
            .unwrap();
        let copy = folder.path().join("copy.lmdrun");
        fs::copy(&path, &copy).unwrap();
        fs::copy(log_path(&path), log_path(&copy)).unwrap();
        assert!(fs::metadata(log_path(&copy)).unwrap().len() > 0);
        check(&open_to_read(&copy).unwrap().connection);
    }
}
