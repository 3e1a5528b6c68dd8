//! What is known of one image file.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// SHA-256 of an image file's bytes: the identity that noise and results hang on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(pub [u8; 32]);

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl ContentHash {
    /// The hash that is written so; `None` if these are not 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        // `from_str_radix` takes a sign.
        if text.len() != 2 * bytes.len() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One image file, decoded once to be described.
#[derive(Clone, Debug, PartialEq)]
pub struct ImageFile {
    /// Where it was found.
    pub path: PathBuf,
    /// Identity of its content.
    pub hash: ContentHash,
    /// What the file holds, before any preparation.
    pub native: NativeInfo,
}

/// The file's own properties: what the confound guard compares between folders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NativeInfo {
    /// Width in pixels after EXIF orientation.
    pub width: u32,
    /// Height in pixels after EXIF orientation.
    pub height: u32,
    /// Lower-case format name as decided by content, e.g. `png`.
    pub format: String,
    /// Color type as decoded, e.g. `L8`, `Rgb8`, `La16`.
    pub color: String,
    /// Size of the file in bytes.
    pub num_bytes: u64,
    /// For a JPEG the quality setting of libjpeg, from 1 to 100, that its quantization table is nearest to.
    #[serde(default)]
    pub jpeg_quality: Option<u8>,
}
