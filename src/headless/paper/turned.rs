//! Test images upside down, as an IDX file of their own beside the tables.

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use flate2::read::MultiGzDecoder;

use crate::images::input;
use crate::images::write::write_atomically;

/// The magic number of images of bytes, and how many bytes the header has with its three sizes.
const MAGIC: [u8; 4] = [0, 0, 8, 3];
const HEADER: usize = 16;
/// No test set is larger.
const MOST_BYTES: u64 = 256 << 20;

/// Write the first `limit` images of an IDX file, each turned by half a circle, unless the file is there already.
pub fn write(from: &Path, to: &Path, limit: usize) -> anyhow::Result<()> {
    let packed = input::read(from, MOST_BYTES)?;
    let bytes = if packed.starts_with(&MAGIC) {
        packed
    } else {
        let mut bytes = Vec::new();
        let mut unpacked = MultiGzDecoder::new(&*packed).take(MOST_BYTES);
        unpacked.read_to_end(&mut bytes)?;
        bytes
    };
    let turned = turned(&bytes, limit).context("it is no IDX file of images of bytes")?;
    if std::fs::read(to).is_ok_and(|there| there == turned) {
        return Ok(());
    }
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    Ok(write_atomically(to, &turned)?)
}

/// `None` where this is no such file.
fn turned(bytes: &[u8], limit: usize) -> Option<Vec<u8>> {
    let pixels = bytes.strip_prefix(&MAGIC)?.get(HEADER - MAGIC.len()..)?;
    let size = |place: usize| {
        let field = bytes[4 * place..][..4].try_into().ok()?;
        usize::try_from(u32::from_be_bytes(field)).ok()
    };
    let (count, len) = (size(1)?, size(2)?.checked_mul(size(3)?)?);
    if len == 0 || pixels.len() != count.checked_mul(len)? {
        return None;
    }
    let count = count.min(limit);
    let mut turned = bytes[..HEADER].to_vec();
    turned[4..8].copy_from_slice(&u32::try_from(count).ok()?.to_be_bytes());
    for image in pixels.chunks_exact(len).take(count) {
        turned.extend(image.iter().rev());
    }
    Some(turned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_image_is_turned_by_itself_and_what_is_cut_short_is_refused() {
        let header = |count: u8| [&MAGIC[..], &[0, 0, 0, count, 0, 0, 0, 2, 0, 0, 0, 3]].concat();
        let bytes = [header(2), (1..=12).collect()].concat();
        let expected = [header(1), vec![6, 5, 4, 3, 2, 1]].concat();
        assert_eq!(turned(&bytes, 1).unwrap(), expected);
        assert_eq!(&turned(&bytes, 9).unwrap()[22..], [12, 11, 10, 9, 8, 7]);
        assert_eq!(turned(&bytes[..27], 1), None);
        assert_eq!(turned(&bytes[..15], 1), None);
        assert_eq!(turned(&[], 1), None);
    }
}
