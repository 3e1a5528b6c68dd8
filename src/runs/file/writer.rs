//! Writing a run file: one writer, a transaction a batch.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, params};

use super::database::{self, Claim};
use super::draft::{Draft, Replace};
use super::error::FileError;
use super::inserts::{drop_all_but_medians, insert, insert_image, json_of, put_segment};
use super::manifest::{KeepPictures, Manifest, Segment};
use super::reader::{self, Effort, StoredRun};
use super::rows::{key, numbered_checksum, picture_checksum};
use super::schema::{APPLICATION_ID, SCHEMA_VERSION, tables};
use super::session::Session;
use super::state::State;
use super::{migrate, ownership};
use crate::networks::executors::DeviceInfo;
use crate::ood::MeasureId;
use crate::runs::results::{AttemptResult, RunImage};

/// How long a file that another program has just made in the same place may be looked at by it.
const SHORT_USE: Duration = Duration::from_secs(1);

/// The one writer of a run file.
pub struct RunWriter {
    connection: Connection,
    path: PathBuf,
    place: Place,
    keep_pictures: KeepPictures,
    num_attempts: usize,
    distance: MeasureId,
    measures: Arc<[MeasureId]>,
    /// Images whose prepared original is in the file.
    with_original: HashSet<usize>,
    /// Attempts in the file, by image; only where some pictures go once all are there.
    num_done: HashMap<usize, usize>,
    segments: Vec<(i64, Segment)>,
    // Given back after the connection is closed: fields drop in order.
    _claim: Claim,
}

/// Where rows go.
enum Place {
    /// Into the file itself, each transaction at once.
    File(Session),
    /// Into a draft, which takes the file's place when it is finished.
    Draft(Draft, Replace),
    /// It is closed.
    Nowhere,
}

impl std::fmt::Debug for RunWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunWriter")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// Begin a run file. `positions` are the images' places in the list that all shards of a run share; `mask_luma` is the mask
/// file at the model's size, where that is the mask.
///
/// The file appears whole, with its manifest and images; one that is there already is replaced only where
/// `may_overwrite`, and not while another program writes it.
pub fn create(
    path: &Path,
    manifest: &Manifest,
    images: &[(RunImage, usize)],
    mask_luma: &[u8],
    may_overwrite: bool,
) -> Result<RunWriter, FileError> {
    let mut writer = draft(path, manifest, images, mask_luma, may_overwrite)?;
    let state =
        State::read(&writer.connection).map_err(|error| FileError::from_sqlite(&error, path))?;
    writer.publish()?;
    writer.connection = open_new(path, state.as_ref())?;
    writer.begin_session()?;
    Ok(writer)
}

/// Write a run file that appears only when it is finished: until then what is in its place stays as it is.
pub(super) fn draft(
    path: &Path,
    manifest: &Manifest,
    images: &[(RunImage, usize)],
    mask_luma: &[u8],
    may_overwrite: bool,
) -> Result<RunWriter, FileError> {
    let claim = Claim::new(path)?;
    if fs::symlink_metadata(path).is_ok() {
        if !may_overwrite {
            return Err(FileError::Exists {
                path: path.to_owned(),
            });
        }
        if database::check_header(path).is_ok() {
            // Looked at again when the draft is finished.
            database::check_not_written(path)?;
        }
    }
    let (draft, mut connection) = Draft::create(path)?;
    fill(&mut connection, manifest, images, mask_luma)
        .map_err(|error| draft.failed_in_sqlite(&error))?;
    Ok(RunWriter {
        connection,
        path: path.to_owned(),
        place: Place::Draft(draft, Replace::allowed_if(may_overwrite)),
        keep_pictures: manifest.keep_pictures,
        num_attempts: manifest.settings().method.detector.num_attempts(),
        distance: manifest.settings().view.measure,
        measures: manifest.measures.clone().into(),
        with_original: HashSet::new(),
        num_done: HashMap::new(),
        segments: Vec::new(),
        _claim: claim,
    })
}

fn fill(
    connection: &mut Connection,
    manifest: &Manifest,
    images: &[(RunImage, usize)],
    mask_luma: &[u8],
) -> rusqlite::Result<()> {
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    let transaction = connection.transaction()?;
    for (_, sql) in tables(SCHEMA_VERSION) {
        transaction.execute_batch(sql)?;
    }
    State::new(&transaction)?.write(&transaction)?;
    let json = json_of(manifest);
    transaction.execute(
        "INSERT INTO manifest VALUES (1, ?1, ?2)",
        params![json, numbered_checksum("manifest", 1, json.as_bytes())],
    )?;
    if !mask_luma.is_empty() {
        transaction.execute(
            "INSERT INTO mask VALUES (1, ?1, ?2)",
            params![mask_luma, numbered_checksum("mask", 1, mask_luma)],
        )?;
    }
    for (id, (image, position)) in images.iter().enumerate() {
        insert_image(&transaction, id, image, *position)?;
    }
    transaction.commit()
}

/// Open a file that was just put in its place, unless another program has replaced it in that moment: its attempts are not
/// to be mixed with ours.
fn open_new(path: &Path, state: Option<&State>) -> Result<Connection, FileError> {
    let start = Instant::now();
    let connection = loop {
        match database::open_to_write(path) {
            Err(FileError::Busy { .. }) if start.elapsed() < SHORT_USE => {
                std::thread::sleep(Duration::from_millis(20));
            }
            opened => break opened?,
        }
    };
    let found = State::read(&connection).map_err(|error| FileError::from_sqlite(&error, path))?;
    let is_ours = match (&found, state) {
        (Some(found), Some(state)) => found.run == state.run,
        _ => false,
    };
    if is_ours {
        Ok(connection)
    } else {
        Err(FileError::Exists {
            path: path.to_owned(),
        })
    }
}

/// Open a run to continue it: what it holds, and its writer. Rows that do not match their checksum are removed, so that
/// their attempts are made again; a file whose structure is damaged is refused and left as it is, and so is one with a log
/// beside it that is not its own. A file of an earlier version becomes one of this version first.
pub fn resume(path: &Path) -> Result<(RunWriter, StoredRun), FileError> {
    let claim = Claim::new(path)?;
    let version = database::check_header(path)?;
    database::check_writable(path)?;
    database::check_not_written(path)?;
    let (connection, stored) = if version < SCHEMA_VERSION {
        let mut opened = database::open_claimed_to_read(path)?;
        let lost = std::mem::take(&mut opened.damage);
        let stored = whole(reader::load(&opened.connection, path, lost)?)?;
        migrate::upgrade(opened, path)?;
        (database::open_to_write(path)?, stored)
    } else {
        let lost = lost_before(path)?;
        let connection = database::open_to_write(path)?;
        let stored = whole(reader::load(&connection, path, lost)?)?;
        (connection, stored)
    };
    let mut writer = RunWriter {
        connection,
        path: path.to_owned(),
        place: Place::Nowhere,
        keep_pictures: stored.manifest.keep_pictures,
        num_attempts: stored.manifest.settings().method.detector.num_attempts(),
        distance: stored.manifest.settings().view.measure,
        measures: stored.manifest.measures.clone().into(),
        with_original: HashSet::new(),
        num_done: HashMap::new(),
        segments: Vec::new(),
        _claim: claim,
    };
    writer.with_original = stored
        .stored_images
        .iter()
        .enumerate()
        .filter(|(_, image)| image.original_png.is_some())
        .map(|(id, _)| id)
        .collect();
    for result in &stored.results {
        *writer.num_done.entry(result.image).or_default() += 1;
    }
    writer.begin_session()?;
    if !stored.damage.is_empty() {
        writer.remove_all_but(&stored)?;
    }
    Ok((writer, stored))
}

/// What the log beside a file of this version has lost, a sentence each; a log that is not its own is refused.
fn lost_before(path: &Path) -> Result<Vec<String>, FileError> {
    if let Some(wal) = ownership::check(path, SCHEMA_VERSION)? {
        return Ok(wal.lost());
    }
    let connection = database::open_as_it_is(path, SCHEMA_VERSION)?;
    Ok(database::missing_log(&connection, path))
}

/// Refuse a run that can't be continued in its file.
fn whole(stored: StoredRun) -> Result<StoredRun, FileError> {
    let are_images_whole = stored.stored_images.iter().all(|image| image.is_whole);
    if stored.is_structure_damaged || !are_images_whole {
        return Err(FileError::Damaged {
            reason: format!(
                "{}; what can be read of it can be exported, or merged into a new run",
                stored.damage.join("; ")
            ),
            path: stored.path,
        });
    }
    Ok(stored)
}

impl RunWriter {
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    fn failed(&self, error: &rusqlite::Error) -> FileError {
        match &self.place {
            Place::Draft(draft, _) => draft.failed_in_sqlite(error),
            _ => FileError::from_sqlite(error, &self.path),
        }
    }

    /// From now on, write into the file itself.
    fn begin_session(&mut self) -> Result<(), FileError> {
        let session = Session::begin(&mut self.connection, &self.path)
            .map_err(|error| FileError::from_sqlite(&error, &self.path))?;
        self.place = Place::File(session);
        Ok(())
    }

    /// Put a finished draft in its place.
    fn publish(&mut self) -> Result<(), FileError> {
        let Place::Draft(draft, replace) = std::mem::replace(&mut self.place, Place::Nowhere)
        else {
            return Ok(());
        };
        // The draft must be closed before it moves.
        let closed = Connection::open_in_memory().map_err(|error| self.failed(&error))?;
        draft.publish(std::mem::replace(&mut self.connection, closed), replace)
    }

    /// Do something in one transaction.
    pub(super) fn commit<T>(
        &mut self,
        act: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, FileError> {
        let done = match &mut self.place {
            Place::File(session) => session.commit(&mut self.connection, act),
            Place::Draft(..) | Place::Nowhere => (|| {
                let transaction = self.connection.transaction()?;
                let value = act(&transaction)?;
                transaction.commit()?;
                Ok(value)
            })(),
        };
        done.map_err(|error| self.failed(&error))
    }

    /// Bound the file's size in pages of 4 KiB; commits that need more fail as on a full disk.
    pub fn set_most_pages(&self, num_pages: u32) -> Result<(), FileError> {
        self.connection
            .pragma_update_and_check(None, "max_page_count", num_pages, |_| Ok(()))
            .map_err(|error| self.failed(&error))
    }

    /// Note that work begins on this device.
    pub fn begin_segment(&mut self, device: &DeviceInfo) -> Result<(), FileError> {
        let segment = Segment::now(device);
        let id = self.add_segment(&segment)?;
        self.segments.push((id, segment));
        Ok(())
    }

    /// Note how much work was done since the file was opened.
    pub fn end_segment(&mut self, network_calls: u64, seconds: f64) -> Result<(), FileError> {
        let Some(((id, segment), earlier)) = self.segments.split_last_mut() else {
            return Ok(());
        };
        let earlier_calls: u64 = earlier.iter().map(|(_, it)| it.network_calls).sum();
        let earlier_seconds: f64 = earlier.iter().map(|(_, it)| it.seconds).sum();
        segment.network_calls = network_calls.saturating_sub(earlier_calls);
        segment.seconds = (seconds - earlier_seconds).max(0.0);
        let (id, segment) = (*id, segment.clone());
        self.commit(|transaction| put_segment(transaction, id, &segment))
    }

    /// End the segment with the work done since the file was opened, and begin another on this device.
    pub fn change_device(
        &mut self,
        device: &DeviceInfo,
        network_calls: u64,
        seconds: f64,
    ) -> Result<(), FileError> {
        self.end_segment(network_calls, seconds)?;
        self.begin_segment(device)
    }

    /// The segments of work since the file was opened, with their numbers.
    pub fn segments(&self) -> &[(i64, Segment)] {
        &self.segments
    }

    /// Copy a segment of another run; returns its number in this one.
    pub fn add_segment(&mut self, segment: &Segment) -> Result<i64, FileError> {
        self.commit(|transaction| {
            let sql = "SELECT coalesce(max(id), 0) + 1 FROM stretches";
            let id = transaction.query_row(sql, [], |row| row.get(0))?;
            put_segment(transaction, id, segment).map(|()| id)
        })
    }

    /// Keep a notice; one that is there already is not kept twice.
    pub fn add_notice(&mut self, message: &str) -> Result<(), FileError> {
        self.commit(|transaction| {
            let (id, is_known): (i64, bool) = transaction.query_row(
                "SELECT coalesce(max(id), 0) + 1, coalesce(max(message = ?1), 0) FROM notices",
                [message],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            if is_known {
                return Ok(());
            }
            let checksum = numbered_checksum("notices", id, message.as_bytes());
            transaction
                .execute(
                    "INSERT INTO notices VALUES (?1, ?2, ?3)",
                    params![id, message, checksum],
                )
                .map(|_| ())
        })
    }

    /// Commit one finished batch; `attempt_seconds` is each attempt's share of the time. Either all of it is in the file
    /// afterwards, or nothing.
    pub fn append(
        &mut self,
        batch: &[AttemptResult],
        attempt_seconds: f64,
    ) -> Result<(), FileError> {
        let effort = Effort {
            seconds: attempt_seconds,
            segment: self.segments.last().map_or(0, |(id, _)| *id),
        };
        self.append_made(batch, &vec![effort; batch.len()])
    }

    /// Commit attempts that were made earlier, e.g. by another run, each with how it came about.
    pub fn append_made(
        &mut self,
        batch: &[AttemptResult],
        efforts: &[Effort],
    ) -> Result<(), FileError> {
        let done = self.done_with(batch);
        let (with_original, keep) = (std::mem::take(&mut self.with_original), self.keep_pictures);
        let distance = self.distance;
        let measures = Arc::clone(&self.measures);
        let added = self.commit(|transaction| {
            let added = insert(transaction, batch, efforts, &measures, &with_original, keep)?;
            if keep == KeepPictures::Median {
                drop_all_but_medians(transaction, &measures, distance, &done)?;
            }
            Ok(added)
        });
        self.with_original = with_original;
        self.with_original.extend(added?);
        for result in batch {
            *self.num_done.entry(result.image).or_default() += 1;
        }
        Ok(())
    }

    /// Images of which all attempts are there once a batch is.
    fn done_with(&self, batch: &[AttemptResult]) -> Vec<usize> {
        let mut counts: HashMap<usize, usize> = HashMap::new();
        for result in batch {
            let known = self.num_done.get(&result.image).copied();
            *counts
                .entry(result.image)
                .or_insert_with(|| known.unwrap_or(0)) += 1;
        }
        let mut done: Vec<usize> = counts
            .into_iter()
            .filter(|(_, count)| *count == self.num_attempts)
            .map(|(image, _)| image)
            .collect();
        done.sort_unstable();
        done
    }

    /// Remove the rows that were left out when the file was read.
    fn remove_all_but(&mut self, stored: &StoredRun) -> Result<(), FileError> {
        let kept: HashSet<(i64, i64)> = stored
            .results
            .iter()
            .map(|result| (key(result.image), key(result.attempt)))
            .collect();
        self.commit(|transaction| {
            let attempts: Vec<(i64, i64)> = transaction
                .prepare("SELECT image, attempt FROM attempts")?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            // By their checksums: of a large run not all pictures were loaded.
            let pictures: Vec<((i64, i64), bool)> = transaction
                .prepare("SELECT image, attempt, png, checksum FROM pictures NOT INDEXED")?
                .query_map([], |row| {
                    let (image, attempt) = (row.get(0)?, row.get(1)?);
                    let (png, checksum): (Vec<u8>, Vec<u8>) = (row.get(2)?, row.get(3)?);
                    let is_whole = checksum == picture_checksum(image, attempt, &png);
                    Ok(((image, attempt), is_whole))
                })?
                .collect::<rusqlite::Result<_>>()?;
            let attempts = attempts.into_iter().map(|key| ("attempts", key, true));
            let pictures =
                (pictures.into_iter()).map(|(key, is_whole)| ("pictures", key, is_whole));
            for (table, key, is_whole) in attempts.chain(pictures) {
                if !is_whole || !kept.contains(&key) {
                    transaction.execute(
                        &format!("DELETE FROM {table} WHERE image = ?1 AND attempt = ?2"),
                        [key.0, key.1],
                    )?;
                }
            }
            Ok(())
        })
    }

    /// Close, so that the file stands alone: its log is folded in, or a draft takes its place.
    pub fn finish(mut self) -> Result<(), FileError> {
        self.close()
    }

    fn close(&mut self) -> Result<(), FileError> {
        match &mut self.place {
            Place::File(session) => {
                let ended = session.end(&mut self.connection);
                self.place = Place::Nowhere;
                ended.map_err(|error| self.failed(&error))
            }
            Place::Draft(..) => self.publish(),
            Place::Nowhere => Ok(()),
        }
    }
}

impl Drop for RunWriter {
    fn drop(&mut self) {
        if let Place::File(_) = self.place {
            // `finish` says what went wrong; what is committed is safe in the log either way.
            self.close().ok();
        }
    }
}
