//! Files of earlier versions: shown as the present one while they are read, made into it when they are written.

use std::path::Path;

use rusqlite::{Connection, params};

use super::checksum::{Checksum, stored_real};
use super::copy;
use super::database::ReadOnly;
use super::draft::{self, Replace};
use super::error::FileError;
use super::rows::{AttemptRow, numbered_checksum};
use super::schema::{ATTEMPTS, SCHEMA_VERSION, STATE};
use super::state::State;
use super::tables::{Damage, each_row};
use super::values;
use crate::ood::Values;

/// Give a connection to an older file the tables of this version that it lacks, in memory: a temporary table hides the
/// file's own of the same name, and the file is not written. Returns what can't be read, a sentence each.
pub(super) fn show_as_present(
    connection: &Connection,
    version: i32,
) -> rusqlite::Result<Vec<String>> {
    if version >= 2 {
        return Ok(Vec::new());
    }
    let mut damage = Damage::default();
    let attempts = attempts_of_version_1(connection, &mut damage);
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    let (_, sql) = ATTEMPTS;
    connection.execute_batch(&sql.replacen("TABLE", "TEMP TABLE", 1))?;
    for (row, is_whole) in attempts {
        // One that did not match its checksum must not come to match it.
        let checksum = row.checksum();
        let kept: &[u8] = if is_whole { &checksum } else { &[] };
        row.insert(connection, kept)?;
    }
    Ok(damage.finish())
}

/// Replace an older file by one of this version with the same content. The old one stays whole until the new one is;
/// rows that do not match their checksum don't come along, so they must have been told before.
pub(super) fn upgrade(opened: ReadOnly, path: &Path) -> Result<(), FileError> {
    let (draft, mut connection) = copy::draft_of(&opened.connection, path)?;
    let version: i32 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|error| draft.failed_in_sqlite(&error))?;
    drop(opened);
    if version < 2 {
        from_1_to_2(&mut connection).map_err(|error| draft.failed_in_sqlite(&error))?;
        // Its log was read as its own. It goes into the old file, so that a kill between the new file's taking the name and
        // the old log's going leaves no log beside a file that it is not of.
        draft::fold_in_own(path);
    }
    draft.publish(connection, Replace::Allowed)
}

fn from_1_to_2(connection: &mut Connection) -> rusqlite::Result<()> {
    let attempts = attempts_of_version_1(connection, &mut Damage::default());
    let transaction = connection.transaction()?;
    transaction.execute_batch("DROP TABLE attempts")?;
    for (_, sql) in [STATE, ATTEMPTS] {
        transaction.execute_batch(sql)?;
    }
    for (row, _) in attempts.iter().filter(|(_, is_whole)| *is_whole) {
        row.insert(&transaction, &row.checksum())?;
    }
    State::new(&transaction)?.write(&transaction)?;
    let json: String = transaction.query_row("SELECT json FROM manifest", [], |row| row.get(0))?;
    let json = with_measures(json);
    transaction.execute(
        "UPDATE manifest SET json = ?1, checksum = ?2",
        params![json, numbered_checksum("manifest", 1, json.as_bytes())],
    )?;
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()?;
    connection.execute_batch("PRAGMA incremental_vacuum")
}

/// The first format did not say what its three columns were.
fn with_measures(json: String) -> String {
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&json) {
        Ok(mut manifest) => {
            manifest.insert(
                "measures".to_owned(),
                serde_json::to_value(values::FIRST).unwrap_or_default(),
            );
            serde_json::Value::Object(manifest).to_string()
        }
        Err(_) => json, // A run whose manifest can't be read was refused before.
    }
}

/// The attempts, and whether each matches its checksum.
fn attempts_of_version_1(connection: &Connection, damage: &mut Damage) -> Vec<(AttemptRow, bool)> {
    let mut attempts = Vec::new();
    each_row(
        connection,
        "SELECT image, attempt, mse, ssim_distance, lpips, seconds, stretch, checksum FROM main.attempts",
        damage,
        "attempts",
        |row| {
            let distances: [Option<f64>; 3] = [row.get(2)?, row.get(3)?, row.get(4)?];
            // Where the reconstruction has values that are not finite numbers, MSE is none; LPIPS took some for numbers.
            let is_void = distances[0].is_none();
            let shown = if is_void { [None; 3] } else { distances };
            let measured = values::FIRST.into_iter().zip(shown);
            let measured: Values = measured
                .map(|(measure, value)| (measure, value.unwrap_or(f64::NAN)))
                .collect();
            let attempt = AttemptRow {
                image: row.get(0)?,
                attempt: row.get(1)?,
                values: values::to_bytes(&values::FIRST, &measured),
                seconds: row.get(5)?,
                segment: row.get(6)?,
            };
            let checksum = distances
                .into_iter()
                .fold(
                    Checksum::of("attempts")
                        .int(attempt.image)
                        .int(attempt.attempt),
                    Checksum::real,
                )
                .real(stored_real(attempt.seconds))
                .int(attempt.segment)
                .finish();
            Ok((attempt, row.get::<_, Vec<u8>>(7)? == checksum))
        },
        |row, _| attempts.push(row),
    );
    attempts
}
