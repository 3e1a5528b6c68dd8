//! The rows of a run file and their checksums, shared by writer and reader.

use super::checksum::{Checksum, LEN, stored_real};
use std::sync::{Arc, LazyLock};

use crate::networks::distances::{LPIPS, MSE, SSIM};
use crate::ood::{MeasureId, Values};

/// A number of an image or attempt as SQLite keeps it.
pub(super) fn key(index: usize) -> i64 {
    (index as u64).cast_signed()
}

/// What the columns of an attempt hold.
const COLUMNS: [MeasureId; 3] = [MSE, SSIM, LPIPS];

/// One finished reconstruction, in a file's terms.
#[derive(Clone, Copy, Debug)]
pub(super) struct AttemptRow {
    pub image: i64,
    pub attempt: i64,
    /// MSE, 1 - SSIM and LPIPS; `None` is not a number.
    pub distances: [Option<f64>; 3],
    pub seconds: f64,
    pub stretch: i64,
}

impl AttemptRow {
    pub fn reals(values: &Values) -> [Option<f64>; 3] {
        COLUMNS.map(|id| stored_real(values.of(id)))
    }

    pub fn values(&self) -> Values {
        static IDS: LazyLock<Arc<[MeasureId]>> = LazyLock::new(|| Arc::from(COLUMNS));
        Values::new(&IDS, self.distances.map(|value| value.unwrap_or(f64::NAN)))
    }

    pub fn checksum(&self) -> [u8; LEN] {
        let [mse, ssim, lpips] = self.distances;
        Checksum::of("attempts")
            .int(self.image)
            .int(self.attempt)
            .real(mse)
            .real(ssim)
            .real(lpips)
            .real(stored_real(self.seconds))
            .int(self.stretch)
            .finish()
    }
}

pub(super) fn picture_checksum(image: i64, attempt: i64, png: &[u8]) -> [u8; LEN] {
    Checksum::of("pictures")
        .int(image)
        .int(attempt)
        .bytes(png)
        .finish()
}

/// Of a row that is a number and its content: originals, notices, stretches, the manifest, the mask.
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
