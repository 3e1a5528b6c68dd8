//! Writing a run file: one writer, a transaction a batch.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, params};

use super::checksum::stored_real;
use super::database::{self, APPLICATION_ID, Claim, SCHEMA_VERSION, TABLES};
use super::error::FileError;
use super::manifest::{KeepPictures, Manifest, Stretch};
use super::reader::{self, Effort, StoredRun};
use super::rows::{AttemptRow, ImageRow, key, numbered_checksum, picture_checksum};
use crate::detectors::measures;
use crate::images::Picture;
use crate::images::write::encode_png;
use crate::ood::MeasureId;
use crate::ood::aggregate::median_attempts;
use crate::runs::report::text_from_path;
use crate::runs::results::{AttemptResult, RunImage};

/// The one writer of a run file.
pub struct RunWriter {
    connection: Connection,
    path: PathBuf,
    keep_pictures: KeepPictures,
    num_attempts: usize,
    distance: MeasureId,
    /// Images whose prepared original is in the file.
    with_original: HashSet<usize>,
    /// Attempts in the file, by image; only where some pictures go once all are there.
    num_done: HashMap<usize, usize>,
    stretch: Option<(i64, Stretch)>,
    // Given back after the connection is closed: fields drop in order.
    _claim: Claim,
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
    let claim = Claim::new(path)?;
    let open = |source| FileError::Open {
        source,
        path: path.to_owned(),
    };
    if fs::symlink_metadata(path).is_ok() {
        if !may_overwrite {
            return Err(FileError::Exists {
                path: path.to_owned(),
            });
        }
        if database::check_header(path).is_ok() {
            // Whatever else is wrong with it goes with it.
            if let Err(busy @ FileError::Busy { .. }) = database::open_to_write(path) {
                return Err(busy);
            }
        }
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let made = fs::File::create(&temporary)
        .map_err(open)
        .and_then(|_| fill(&temporary, path, manifest, images, mask_luma))
        .and_then(|()| {
            // A log of the file that is replaced would be taken for this one's.
            match fs::remove_file(database::log_path(path)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(open(error)),
                _ => fs::rename(&temporary, path).map_err(open),
            }
        });
    if let Err(error) = made {
        // The first error is the one to tell; the leftover may not even exist.
        fs::remove_file(&temporary).ok();
        return Err(error);
    }
    let connection = database::open_to_write(path)?;
    Ok(RunWriter {
        connection,
        path: path.to_owned(),
        keep_pictures: manifest.keep_pictures,
        num_attempts: manifest.settings().num_attempts,
        distance: manifest.settings().distance,
        with_original: HashSet::new(),
        num_done: HashMap::new(),
        stretch: None,
        _claim: claim,
    })
}

fn fill(
    temporary: &Path,
    shown: &Path,
    manifest: &Manifest,
    images: &[(RunImage, usize)],
    mask_luma: &[u8],
) -> Result<(), FileError> {
    let mut connection = database::open_plain(temporary, shown)?;
    let failed = |error: rusqlite::Error| FileError::from_sqlite(&error, shown);
    (|| {
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        connection.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        let transaction = connection.transaction()?;
        for (_, sql) in TABLES {
            transaction.execute_batch(sql)?;
        }
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
    })()
    .map_err(failed)
}

/// Plain data of this program's own, which always has a JSON form.
fn json_of(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn insert_image(
    transaction: &Transaction<'_>,
    id: usize,
    image: &RunImage,
    position: usize,
) -> rusqlite::Result<()> {
    let row = ImageRow {
        id: key(id),
        position: key(position),
        path: text_from_path(&image.file.path),
        folder: text_from_path(&image.folder),
        role: image.role.name().to_owned(),
        content: image.file.hash.0.to_vec(),
        native: json_of(&image.file.native),
    };
    transaction
        .prepare_cached("INSERT INTO images VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
        .execute(params![
            row.id,
            row.position,
            row.path,
            row.folder,
            row.role,
            row.content,
            row.native,
            row.checksum()
        ])
        .map(|_| ())
}

/// Open a run to go on with it: what it holds, and its writer. Rows that do not match their checksum are removed, so that
/// their attempts are made again; a file whose structure is damaged is refused and left as it is.
pub fn resume(path: &Path) -> Result<(RunWriter, StoredRun), FileError> {
    let claim = Claim::new(path)?;
    let connection = database::open_to_write(path)?;
    let stored = reader::load(&connection, path)?;
    let whole = stored.stored_images.iter().all(|image| image.is_whole);
    if stored.is_structure_damaged || !whole {
        return Err(FileError::Damaged {
            reason: format!(
                "{}; what can be read of it can be exported, or merged into a new run",
                stored.damage.join("; ")
            ),
            path: path.to_owned(),
        });
    }
    let mut writer = RunWriter {
        connection,
        path: path.to_owned(),
        keep_pictures: stored.manifest.keep_pictures,
        num_attempts: stored.manifest.settings().num_attempts,
        distance: stored.manifest.settings().distance,
        with_original: HashSet::new(),
        num_done: HashMap::new(),
        stretch: None,
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
    if !stored.damage.is_empty() {
        writer.remove_all_but(&stored)?;
    }
    Ok((writer, stored))
}

impl RunWriter {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    fn failed(&self, error: &rusqlite::Error) -> FileError {
        FileError::from_sqlite(error, &self.path)
    }

    /// Bound the file's size in pages of 4 KiB; commits that need more fail as on a full disk.
    pub fn set_most_pages(&self, num_pages: u32) -> Result<(), FileError> {
        self.connection
            .pragma_update_and_check(None, "max_page_count", num_pages, |_| Ok(()))
            .map_err(|error| self.failed(&error))
    }

    /// Note that work begins on this device.
    pub fn begin_stretch(&mut self, device: &str) -> Result<(), FileError> {
        let stretch = Stretch::now(device);
        let id = self.add_stretch(&stretch)?;
        self.stretch = Some((id, stretch));
        Ok(())
    }

    /// Note how much work was done in this stretch.
    pub fn end_stretch(&mut self, network_calls: u64, seconds: f64) -> Result<(), FileError> {
        let Some((id, stretch)) = &mut self.stretch else {
            return Ok(());
        };
        stretch.network_calls = network_calls;
        stretch.seconds = seconds;
        put_stretch(&self.connection, *id, stretch)
            .map_err(|error| FileError::from_sqlite(&error, &self.path))
    }

    /// The stretch of work under way, with its number.
    pub fn stretch(&self) -> Option<&(i64, Stretch)> {
        self.stretch.as_ref()
    }

    /// Copy a stretch of another run; returns its number in this one.
    pub fn add_stretch(&mut self, stretch: &Stretch) -> Result<i64, FileError> {
        self.connection
            .query_row(
                "SELECT coalesce(max(id), 0) + 1 FROM stretches",
                [],
                |row| row.get(0),
            )
            .and_then(|id: i64| put_stretch(&self.connection, id, stretch).map(|()| id))
            .map_err(|error| self.failed(&error))
    }

    /// Keep a notice; one that is there already is not kept twice.
    pub fn add_notice(&mut self, message: &str) -> Result<(), FileError> {
        let add = || -> rusqlite::Result<()> {
            let (id, is_known): (i64, bool) = self.connection.query_row(
                "SELECT coalesce(max(id), 0) + 1, coalesce(max(message = ?1), 0) FROM notices",
                [message],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            if is_known {
                return Ok(());
            }
            self.connection
                .execute(
                    "INSERT INTO notices VALUES (?1, ?2, ?3)",
                    params![
                        id,
                        message,
                        numbered_checksum("notices", id, message.as_bytes())
                    ],
                )
                .map(|_| ())
        };
        add().map_err(|error| self.failed(&error))
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
            stretch: self.stretch.as_ref().map_or(0, |(id, _)| *id),
        };
        self.append_made(batch, &vec![effort; batch.len()])
    }

    /// Commit attempts that were made earlier, e.g. by another run, each with how it came about.
    pub fn append_made(
        &mut self,
        batch: &[AttemptResult],
        efforts: &[Effort],
    ) -> Result<(), FileError> {
        let added = self
            .insert(batch, efforts)
            .map_err(|error| self.failed(&error))?;
        self.with_original.extend(added);
        for result in batch {
            *self.num_done.entry(result.image).or_default() += 1;
        }
        Ok(())
    }

    /// Returns the images whose original was added.
    fn insert(
        &mut self,
        batch: &[AttemptResult],
        efforts: &[Effort],
    ) -> rusqlite::Result<Vec<usize>> {
        let mut added = Vec::new();
        let done = self.done_with(batch);
        let transaction = self.connection.transaction()?;
        for (result, effort) in batch.iter().zip(efforts) {
            let row = AttemptRow {
                image: key(result.image),
                attempt: key(result.attempt),
                distances: AttemptRow::reals(&result.values),
                seconds: stored_real(effort.seconds).unwrap_or(0.0),
                stretch: effort.stretch,
            };
            insert_attempt(&transaction, &row)?;
            if !self.with_original.contains(&result.image) && !added.contains(&result.image) {
                let png = png(&result.original)?;
                transaction
                    .prepare_cached("INSERT OR REPLACE INTO originals VALUES (?1, ?2, ?3)")?
                    .execute(params![
                        row.image,
                        png,
                        numbered_checksum("originals", row.image, &png)
                    ])?;
                added.push(result.image);
            }
            if let (Some(picture), KeepPictures::All | KeepPictures::Median) =
                (&result.inpainted, self.keep_pictures)
            {
                let png = png(picture)?;
                transaction
                    .prepare_cached("INSERT OR REPLACE INTO pictures VALUES (?1, ?2, ?3, ?4)")?
                    .execute(params![
                        row.image,
                        row.attempt,
                        png,
                        picture_checksum(row.image, row.attempt, &png)
                    ])?;
            }
        }
        if self.keep_pictures == KeepPictures::Median {
            drop_all_but_medians(&transaction, self.distance, &done)?;
        }
        transaction.commit()?;
        Ok(added)
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
        let with_picture: HashSet<(i64, i64)> = stored
            .results
            .iter()
            .filter(|result| result.inpainted.is_some())
            .map(|result| (key(result.image), key(result.attempt)))
            .collect();
        let remove = |connection: &mut Connection| -> rusqlite::Result<()> {
            let transaction = connection.transaction()?;
            for (table, kept) in [("attempts", &kept), ("pictures", &with_picture)] {
                let keys: Vec<(i64, i64)> = transaction
                    .prepare(&format!("SELECT image, attempt FROM {table}"))?
                    .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect::<rusqlite::Result<_>>()?;
                for (image, attempt) in keys.into_iter().filter(|key| !kept.contains(key)) {
                    transaction.execute(
                        &format!("DELETE FROM {table} WHERE image = ?1 AND attempt = ?2"),
                        [image, attempt],
                    )?;
                }
            }
            transaction.commit()
        };
        remove(&mut self.connection).map_err(|error| FileError::from_sqlite(&error, &self.path))
    }

    /// Fold the log in and close, so that the file stands alone.
    pub fn finish(self) -> Result<(), FileError> {
        fold_in(&self.connection).map_err(|error| self.failed(&error))
    }
}

impl Drop for RunWriter {
    fn drop(&mut self) {
        // `finish` says what went wrong; what is committed is safe in the log either way.
        fold_in(&self.connection).ok();
    }
}

/// Of images that are done, keep only the median attempt's picture.
fn drop_all_but_medians(
    transaction: &Transaction<'_>,
    distance: MeasureId,
    done: &[usize],
) -> rusqlite::Result<()> {
    let column = measures::column(&distance);
    let sql = format!("SELECT attempt, {column} FROM attempts WHERE image = ?1");
    for &image in done {
        let rows: Vec<(i64, Option<f64>)> = transaction
            .prepare_cached(&sql)?
            .query_map([key(image)], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let distances: Vec<f64> = rows
            .iter()
            .map(|(_, distance)| distance.unwrap_or(f64::NAN))
            .collect();
        let kept = median_attempts(&distances)
            .first()
            .and_then(|&index| rows.get(index).map(|(attempt, _)| *attempt));
        transaction.execute(
            "DELETE FROM pictures WHERE image = ?1 AND attempt IS NOT ?2",
            params![key(image), kept],
        )?;
    }
    Ok(())
}

fn fold_in(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)")?;
    // Other programs can then open it in a folder that they can't write to.
    connection.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
}

fn put_stretch(connection: &Connection, id: i64, stretch: &Stretch) -> rusqlite::Result<()> {
    let json = json_of(stretch);
    connection
        .execute(
            "INSERT OR REPLACE INTO stretches VALUES (?1, ?2, ?3)",
            params![
                id,
                json,
                numbered_checksum("stretches", id, json.as_bytes())
            ],
        )
        .map(|_| ())
}

fn insert_attempt(transaction: &Transaction<'_>, row: &AttemptRow) -> rusqlite::Result<()> {
    let [mse, ssim, lpips] = row.distances;
    transaction
        .prepare_cached("INSERT INTO attempts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
        .execute(params![
            row.image,
            row.attempt,
            mse,
            ssim,
            lpips,
            row.seconds,
            row.stretch,
            row.checksum()
        ])
        .map(|_| ())
}

fn png(picture: &Picture) -> rusqlite::Result<Vec<u8>> {
    encode_png(picture).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}
