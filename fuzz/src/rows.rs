//! Rows of run files with the checksums that a stranger would write too.

use sha2::{Digest as _, Sha256};

/// A value of a row.
pub enum Value<'a> {
    /// A number.
    Int(i64),
    /// A text or blob.
    Bytes(&'a [u8]),
}

/// The checksum of a row, as `runs::file` makes it.
pub fn checksum(table: &str, values: &[Value<'_>]) -> Vec<u8> {
    let mut hash = Sha256::new();
    let mut add = |value: &Value<'_>| match value {
        Value::Int(number) => {
            hash.update(b"i");
            hash.update(number.to_le_bytes());
        }
        Value::Bytes(bytes) => {
            hash.update(b"b");
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        }
    };
    add(&Value::Bytes(table.as_bytes()));
    values.iter().for_each(&mut add);
    hash.finalize()[..16].to_vec()
}
