//! What a file is that is no checkpoint, by its first bytes.

/// Bytes that are enough to tell.
pub(super) const NUM_BYTES: usize = 16;

/// A kind of file that people take for a checkpoint, or choose by mistake.
struct Kind {
    /// Its first bytes, after `offset` of them.
    magic: &'static [u8],
    offset: usize,
    what: &'static str,
    /// What would work.
    instead: &'static str,
}

const ORIGINAL: &str = "give the .safetensors, .bin or .pth file that it was made of";
const PICTURE: &str = "give the model's folder or weights; pictures are added below, as folders";
const UNPACK: &str = "unpack it and give the folder with config.json in it";

static KINDS: [Kind; 14] = [
    kind(b"GGUF", 0, "a GGUF file", ORIGINAL),
    kind(b"TFL3", 4, "a TensorFlow Lite file", ORIGINAL),
    kind(
        b"\x89HDF\r\n",
        0,
        "an HDF5 file, as Keras writes them,",
        "give a model of PyTorch",
    ),
    kind(b"\x89PNG\r\n", 0, "a PNG picture", PICTURE),
    kind(b"\xff\xd8\xff", 0, "a JPEG picture", PICTURE),
    kind(b"GIF8", 0, "a GIF picture", PICTURE),
    kind(b"WEBP", 8, "a WebP picture", PICTURE),
    kind(
        b"%PDF",
        0,
        "a PDF file",
        "give the model's folder or weights",
    ),
    kind(
        b"\x93NUMPY",
        0,
        "a NumPy array",
        "save the weights as .safetensors",
    ),
    kind(
        b"SQLite format 3",
        0,
        "a database, such as a run file,",
        "open a run with lmd FILE, or by Recent runs in the window",
    ),
    kind(b"\x1f\x8b", 0, "a gzip archive", UNPACK),
    kind(b"\xfd7zXZ", 0, "an xz archive", UNPACK),
    kind(b"7z\xbc\xaf", 0, "a 7-Zip archive", UNPACK),
    kind(b"Rar!", 0, "a RAR archive", UNPACK),
];

const fn kind(
    magic: &'static [u8],
    offset: usize,
    what: &'static str,
    instead: &'static str,
) -> Kind {
    Kind {
        magic,
        offset,
        what,
        instead,
    }
}

/// What it is, and what would work, where it is known to be no checkpoint.
pub(super) fn foreign(first: &[u8]) -> Option<(&'static str, &'static str)> {
    // ONNX has no mark of its own: a message with a version, then the name of its producer.
    if matches!(first, [8, _, 0x12, 1..=u8::MAX, ..]) {
        return Some(("an ONNX file", ORIGINAL));
    }
    let mut kinds = KINDS.iter();
    let found = kinds.find(|kind| {
        let rest = first.get(kind.offset..).unwrap_or_default();
        rest.starts_with(kind.magic)
    })?;
    Some((found.what, found.instead))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_are_not_taken_for_something_else() {
        // A pickle, a zip file, and a safetensors header after its length, here one that looks like ONNX.
        let header = [&0x12_07_08_u64.to_le_bytes()[..], b"{\"conv_in\""].concat();
        for first in [&b"\x80\x02}q\x00."[..], b"PK\x03\x04\x00\x00", &header] {
            assert_eq!(foreign(first), None, "{first:?}");
        }
        assert_eq!(foreign(b""), None);
        let (what, _) = foreign(b"\x08\x07\x12\x07pytorch").unwrap();
        assert_eq!(what, "an ONNX file");
    }
}
