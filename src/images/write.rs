//! Writing files so that a reader finds the old one or the new one, never half of one.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};

use super::pixels::Picture;

/// Write beside `path` and rename; nothing is left behind on failure.
pub fn write_atomically(path: &Path, contents: &[u8]) -> io::Result<()> {
    static NUM_WRITTEN: AtomicU64 = AtomicU64::new(0);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(
        ".{}-{}.tmp",
        std::process::id(),
        NUM_WRITTEN.fetch_add(1, Ordering::Relaxed)
    ));
    let temporary = path.with_file_name(name);
    let written = File::create(&temporary)
        .and_then(|mut file| file.write_all(contents))
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The first error is the one to tell; the leftover may not even exist.
        fs::remove_file(&temporary).ok();
    }
    written
}

/// The bytes of a picture's PNG file.
pub fn encode_png(picture: &Picture) -> io::Result<Vec<u8>> {
    let color = if picture.channels == 3 {
        ExtendedColorType::Rgb8
    } else {
        ExtendedColorType::L8
    };
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(
            &picture.bytes,
            picture.width as u32,
            picture.height as u32,
            color,
        )
        .map_err(io::Error::other)?;
    Ok(bytes)
}
