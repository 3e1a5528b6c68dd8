//! The SQLite side of a run file: opening files that may be a stranger's.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::error::FileError;
use super::migrate;
use super::ownership::{self, Rows};
use super::private::PrivateFolder;
use super::schema::{APPLICATION_ID, SCHEMA_VERSION, tables};
use super::state::State;

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

/// Look at the header before SQLite does: what is no run file is not even locked. Returns the version of its format.
pub(crate) fn check_header(path: &Path) -> Result<i32, FileError> {
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
    match i32::try_from(number(60)) {
        Ok(0) => Err(not_a_run("it has no format version")),
        Ok(version) if version <= SCHEMA_VERSION => Ok(version),
        _ => Err(FileError::LaterVersion {
            found: i64::from(number(60)),
            known: SCHEMA_VERSION,
            path: path.to_owned(),
        }),
    }
}

/// An open run file, and the folder of its copy if it is one.
pub(super) struct ReadOnly {
    pub connection: Connection,
    /// What was lost before it was opened, a sentence each.
    pub damage: Vec<String>,
    copy: Option<PrivateFolder>,
}

/// Open a file to read it: neither it nor its folder is written to. Where a log lies beside it (its writer was killed),
/// a private copy of both is opened. One of an earlier version shows the tables of this one.
pub(super) fn open_to_read(path: &Path) -> Result<ReadOnly, FileError> {
    Claim::check_free(path)?;
    open_claimed_to_read(path)
}

/// As [`open_to_read`], by whoever has the claim to the file or knows that nobody has.
pub(super) fn open_claimed_to_read(path: &Path) -> Result<ReadOnly, FileError> {
    let version = check_header(path)?;
    if ownership::has_companion(path) {
        check_not_written(path)?;
    }
    let mut opened = match ownership::check(path, version)? {
        None => ReadOnly {
            connection: open_as_it_is(path, version)?,
            damage: Vec::new(),
            copy: None,
        },
        Some(wal) => {
            let mut opened = open_copy(path, version)?;
            opened.damage = wal.lost();
            opened
        }
    };
    if opened.copy.is_none() && version >= 2 {
        opened.damage = missing_log(&opened.connection, path);
    }
    opened.damage.extend(
        migrate::show_as_present(&opened.connection, version)
            .map_err(|error| FileError::from_sqlite(&error, path))?,
    );
    Ok(opened)
}

/// What a file without a log has lost, a sentence: one that was being written has one.
pub(super) fn missing_log(connection: &Connection, path: &Path) -> Vec<String> {
    match State::read(connection) {
        Ok(Some(state)) if state.is_open => vec![format!(
            "the run was being written (since {}) and its log is missing: {} belongs beside the file; unless another program \
             has folded it in, the attempts of the last seconds before the end are lost",
            state.since,
            log_path(path).file_name().unwrap_or_default().display()
        )],
        Ok(Some(_)) => Vec::new(),
        _ => vec!["whether its writer closed it can't be read".to_owned()],
    }
}

/// Open a private copy of a file and its log.
fn open_copy(path: &Path, version: i32) -> Result<ReadOnly, FileError> {
    let folder = PrivateFolder::new(path)?;
    let copy = folder.path().join("copy.lmdrun");
    let copied = |from: &Path, to: &Path| {
        fs::copy(from, to)
            .and_then(|_| make_writable(to))
            .map_err(|source| folder.failed(source))
    };
    copied(path, &copy)?;
    let before = (version < 2)
        .then(|| open_plain(&copy, path).map(|connection| Rows::of(&connection)))
        .transpose()?;
    copied(&log_path(path), &log_path(&copy))?;
    let opened = open_plain(&copy, path).and_then(|connection| {
        leave_log(&connection).map_err(|error| FileError::from_sqlite(&error, path))?;
        take_lock(&connection, path)?;
        check_schema(&connection, path, version)?;
        Ok(connection)
    });
    let is_own = match (&before, &opened) {
        (None, _) => true,
        (Some(before), Ok(connection)) => before.may_become(&Rows::of(connection)),
        // A whole file does not break by its own log.
        (Some(before), Err(_)) => !before.is_whole,
    };
    if !is_own {
        return Err(FileError::ForeignLog {
            log: log_path(path),
            path: path.to_owned(),
        });
    }
    let connection = opened?;
    Ok(ReadOnly {
        connection,
        damage: Vec::new(),
        copy: Some(folder),
    })
}

/// Open a file without its log: nothing is written, and no lock is taken.
pub(super) fn open_as_it_is(path: &Path, version: i32) -> Result<Connection, FileError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = open_immutable(path, flags)?;
    harden(&connection, path)?;
    check_schema(&connection, path, version)?;
    Ok(connection)
}

/// Whether another process writes the file.
pub(super) fn is_written(path: &Path) -> bool {
    matches!(check_not_written(path), Err(FileError::Busy { .. }))
}

/// A copy of a read-only file is read-only too, and SQLite has to fold its log in.
pub(super) fn make_writable(path: &Path) -> io::Result<()> {
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
pub(super) fn check_not_written(path: &Path) -> Result<(), FileError> {
    // The probe below would roll it back.
    ownership::refuse_journal(path)?;
    let Ok(connection) = open_plain(path, path) else {
        return Ok(()); // Where it can't be written, nobody writes it from here.
    };
    let probe = leave_log(&connection)
        .and_then(|()| connection.pragma_update(None, "locking_mode", "EXCLUSIVE"))
        .and_then(|()| connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())));
    match probe.map_err(|error| FileError::from_sqlite(&error, path)) {
        Err(busy @ FileError::Busy { .. }) => Err(busy),
        _ => Ok(()), // What else is wrong shows when the copy is opened.
    }
}

/// Refuse a file that can't be written, before SQLite says so in its own words.
pub(super) fn check_writable(path: &Path) -> Result<(), FileError> {
    let read_only = |reason: String| FileError::ReadOnly {
        reason,
        path: path.to_owned(),
    };
    let marked = fs::metadata(path).is_ok_and(|metadata| metadata.permissions().readonly());
    if marked {
        return Err(read_only("it is marked read-only".to_owned()));
    }
    match fs::OpenOptions::new().write(true).open(path) {
        Ok(_) => Ok(()),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
            ) =>
        {
            Err(read_only(error.to_string()))
        }
        Err(source) => Err(FileError::Open {
            source,
            path: path.to_owned(),
        }),
    }
}

/// Open a file of the present version to write it, alone. Its log must be its own; it is not folded in when the
/// connection closes.
pub(super) fn open_to_write(path: &Path) -> Result<Connection, FileError> {
    let failed = |error: rusqlite::Error| FileError::from_sqlite(&error, path);
    let connection = open_plain(path, path)?;
    leave_log(&connection).map_err(failed)?;
    take_lock(&connection, path)?;
    check_schema(&connection, path, SCHEMA_VERSION)?;
    // In memory: it would guard one page while the mode changes, and a file beside this one may be anybody's.
    for mode in ["MEMORY", "WAL"] {
        connection
            .pragma_update_and_check(None, "journal_mode", mode, |_| Ok(()))
            .map_err(failed)?;
    }
    // Each batch is on the disk before it is reported, also when the power fails.
    connection
        .pragma_update(None, "synchronous", "FULL")
        .and_then(|()| {
            connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))
        })
        .map_err(failed)?;
    Ok(connection)
}

/// When the connection closes, leave the log as it is.
pub(super) fn leave_log(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map(|_| ())
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
    let connection = Connection::open_with_flags(path, flags).map_err(|error| {
        // SQLite does not tell a folder that takes no files from a process that may open no more.
        match fs::OpenOptions::new().read(true).write(true).open(path) {
            Err(source) if source.kind() != io::ErrorKind::PermissionDenied => FileError::Open {
                source,
                path: shown.to_owned(),
            },
            _ => FileError::from_sqlite(&error, shown),
        }
    })?;
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
fn check_schema(connection: &Connection, path: &Path, version: i32) -> Result<(), FileError> {
    let failed = |error: rusqlite::Error| FileError::from_sqlite(&error, path);
    let mut statement = connection
        .prepare("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
        .map_err(failed)?;
    let found: HashSet<(String, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .and_then(Iterator::collect)
        .map_err(failed)?;
    let expected: HashSet<(String, String)> = tables(version)
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

#[cfg(test)]
mod tests {
    use super::super::session::Session;
    use super::*;

    /// A file with this program's tables.
    fn file(folder: &Path) -> PathBuf {
        let path = folder.join("run.lmdrun");
        let connection = Connection::open(&path).unwrap();
        for (_, sql) in tables(SCHEMA_VERSION) {
            connection.execute_batch(sql).unwrap();
        }
        connection
            .pragma_update(None, "application_id", APPLICATION_ID)
            .unwrap();
        connection
            .pragma_update(None, "user_version", SCHEMA_VERSION)
            .unwrap();
        State::new(&connection).unwrap().write(&connection).unwrap();
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
        let mut writer = open_to_write(&path).unwrap();
        check(&writer);
        let mut session = Session::begin(&mut writer, &path).unwrap();
        session
            .commit(&mut writer, |transaction| {
                transaction.execute_batch("INSERT INTO notices VALUES (1, 'x', x'00')")
            })
            .unwrap();
        let copy = folder.path().join("copy.lmdrun");
        fs::copy(&path, &copy).unwrap();
        fs::copy(log_path(&path), log_path(&copy)).unwrap();
        assert!(fs::metadata(log_path(&copy)).unwrap().len() > 0);
        check(&open_to_read(&copy).unwrap().connection);
    }
}
