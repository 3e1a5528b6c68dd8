//! What goes into a run file's tables, row by row.

use std::collections::HashSet;
use std::sync::Arc;

use rusqlite::{Connection, Transaction, params};

use super::checksum::stored_real;
use super::manifest::{KeepPictures, Segment};
use super::reader::Effort;
use super::rows::{AttemptRow, ImageRow, key, numbered_checksum, picture_checksum};
use super::values;
use crate::images::Picture;
use crate::images::write::encode_png;
use crate::ood::MeasureId;
use crate::ood::aggregate::median_attempts;
use crate::runs::report::text_from_path;
use crate::runs::results::{AttemptResult, RunImage};

/// Plain data of this program's own, which always has a JSON form.
pub(super) fn json_of(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

pub(super) fn insert_image(
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

/// Returns the images whose original was added.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    batch: &[AttemptResult],
    efforts: &[Effort],
    measures: &[MeasureId],
    with_original: &HashSet<usize>,
    keep: KeepPictures,
) -> rusqlite::Result<Vec<usize>> {
    let mut added = Vec::new();
    for (result, effort) in batch.iter().zip(efforts) {
        let row = AttemptRow {
            image: key(result.image),
            attempt: key(result.attempt),
            values: values::to_bytes(measures, &result.values),
            seconds: stored_real(effort.seconds).unwrap_or(0.0),
            segment: effort.segment,
        };
        row.insert(transaction, &row.checksum())?;
        if !with_original.contains(&result.image) && !added.contains(&result.image) {
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
        if let (Some(picture), KeepPictures::All | KeepPictures::Median) = (&result.inpainted, keep)
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
    Ok(added)
}

/// Of images that are done, keep only the median attempt's picture.
pub(super) fn drop_all_but_medians(
    transaction: &Transaction<'_>,
    measures: &Arc<[MeasureId]>,
    distance: MeasureId,
    done: &[usize],
) -> rusqlite::Result<()> {
    for &image in done {
        let rows: Vec<(i64, Vec<u8>)> = transaction
            .prepare_cached("SELECT attempt, \"values\" FROM attempts WHERE image = ?1")?
            .query_map([key(image)], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let distances: Vec<f64> = rows
            .iter()
            .map(|(_, bytes)| {
                values::from_bytes(measures, bytes).map_or(f64::NAN, |values| {
                    crate::detectors::measures::value(&values, distance)
                })
            })
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

pub(super) fn put_segment(
    connection: &Connection,
    id: i64,
    segment: &Segment,
) -> rusqlite::Result<()> {
    let json = json_of(segment);
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

fn png(picture: &Picture) -> rusqlite::Result<Vec<u8>> {
    encode_png(picture).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}
