//! A checksum of one row: what a disk, a transfer or an editor changed shows, and is left out.

use sha2::{Digest as _, Sha256};

/// Bytes kept of the SHA-256 of a row.
pub(super) const LEN: usize = 16;

/// The checksum of a row in the making. Each value is hashed with its kind and length, so that no two rows of a table
/// look alike.
pub(super) struct Checksum(Sha256);

impl Checksum {
    /// Of a row of this table.
    pub fn of(table: &str) -> Self {
        Self(Sha256::new()).bytes(table.as_bytes())
    }

    pub fn int(mut self, value: i64) -> Self {
        self.0.update(b"i");
        self.0.update(value.to_le_bytes());
        self
    }

    /// `None` is what SQLite makes of a value that is not a number.
    pub fn real(mut self, value: Option<f64>) -> Self {
        self.0.update(b"r");
        if let Some(value) = value {
            self.0.update(value.to_bits().to_le_bytes());
        }
        self
    }

    pub fn bytes(mut self, value: &[u8]) -> Self {
        self.0.update(b"b");
        self.0.update((value.len() as u64).to_le_bytes());
        self.0.update(value);
        self
    }

    pub fn text(self, value: &str) -> Self {
        self.bytes(value.as_bytes())
    }

    pub fn finish(self) -> [u8; LEN] {
        let digest = self.0.finalize();
        std::array::from_fn(|index| digest[index])
    }
}

/// A number as SQLite keeps it: no NaN, and a single zero.
pub(super) fn stored_real(value: f64) -> Option<f64> {
    (!value.is_nan()).then_some(value + 0.0)
}
