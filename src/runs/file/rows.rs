//! The rows of a run file and their checksums, shared by writer and reader.

use rusqlite::{Connection, params};

use super::checksum::{Checksum, LEN, stored_real};

/// A number of an image or attempt as SQLite keeps it.
pub(super) fn key(index: usize) -> i64 {
    (index as u64).cast_signed()
}

/// One finished reconstruction, in a file's terms.
#[derive(Clone, Debug)]
pub(super) struct AttemptRow {
    pub image: i64,
    pub attempt: i64,
    /// See [`super::values`].
    pub values: Vec<u8>,
    pub seconds: f64,
    pub segment: i64,
}

impl AttemptRow {
    pub fn checksum(&self) -> [u8; LEN] {
        Checksum::of("attempts")
            .int(self.image)
            .int(self.attempt)
            .bytes(&self.values)
            .real(stored_real(self.seconds))
            .int(self.segment)
            .finish()
    }

    /// Into the table `attempts`.
    pub fn insert(&self, connection: &Connection, checksum: &[u8]) -> rusqlite::Result<()> {
        connection
            .prepare_cached("INSERT INTO attempts VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![
                self.image,
                self.attempt,
                self.values,
                self.seconds,
                self.segment,
                checksum
            ])
            .map(|_| ())
    }
}

pub(super) fn picture_checksum(image: i64, attempt: i64, png: &[u8]) -> [u8; LEN] {
    Checksum::of("pictures")
        .int(image)
        .int(attempt)
        .bytes(png)
        .finish()
}

/// Of a row that is a number and its content: originals, notices, segments, the manifest, the mask.
pub(super) fn numbered_checksum(table: &str, id: i64, content: &[u8]) -> [u8; LEN] {
    Checksum::of(table).int(id).bytes(content).finish()
}

/// One image, in a file's terms.
pub(super) struct ImageRow {
    pub id: i64,
    pub position: i64,
    pub path: String,
    pub folder: String,
    pub role: String,
    pub content: Vec<u8>,
    pub native: String,
}

impl ImageRow {
    pub fn checksum(&self) -> [u8; LEN] {
        Checksum::of("images")
            .int(self.id)
            .int(self.position)
            .text(&self.path)
            .text(&self.folder)
            .text(&self.role)
            .bytes(&self.content)
            .text(&self.native)
            .finish()
    }
}
