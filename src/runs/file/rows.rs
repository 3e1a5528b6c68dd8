//! The rows of a run file and their checksums, shared by writer and reader.

use super::checksum::{Checksum, LEN, stored_real};
use crate::ood::Distances;

/// A number of an image or attempt as SQLite keeps it.
pub(super) fn key(index: usize) -> i64 {
    (index as u64).cast_signed()
}

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
    pub fn reals(distances: &Distances) -> [Option<f64>; 3] {
        [distances.mse, distances.ssim, distances.lpips].map(stored_real)
    }

    pub fn distances(&self) -> Distances {
        let [mse, ssim, lpips] = self.distances.map(|value| value.unwrap_or(f64::NAN));
        Distances { mse, ssim, lpips }
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
