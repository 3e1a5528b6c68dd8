//! Whether a file reaches its end marker.
//!
//! The JPEG decoder fills missing rows with gray and the PNG decoder does not look past the last row, so neither tells
//! a file that was cut short from a whole one.
//! That the data before the marker is all there is another question; for JPEGs [`super::jpeg`] answers it.

use image::ImageFormat;

/// Whether the end marker is there; `true` for formats whose decoders notice a missing end themselves.
pub(super) fn has_end(bytes: &[u8], format: ImageFormat) -> bool {
    match format {
        ImageFormat::Jpeg => jpeg_has_end(bytes),
        ImageFormat::Png => png_has_end(bytes),
        _ => true,
    }
}

/// Walk the chunks (length, type, data, checksum) up to `IEND`.
fn png_has_end(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some((length, tail)) = rest.split_first_chunk::<4>() {
        if tail.starts_with(b"IEND") {
            return tail.len() >= 8;
        }
        let num_skipped = (u32::from_be_bytes(*length) as usize).saturating_add(8);
        rest = tail.get(num_skipped..).unwrap_or_default();
    }
    false
}

/// Walk the segments (ITU-T T.81, annex B) up to the end-of-image marker.
///
/// A search for the marker's two bytes would stop at the end of the thumbnail that EXIF data may hold.
fn jpeg_has_end(bytes: &[u8]) -> bool {
    const START_OF_IMAGE: u8 = 0xD8;
    const END_OF_IMAGE: u8 = 0xD9;
    const START_OF_SCAN: u8 = 0xDA;

    let mut rest = bytes;
    loop {
        let Some((marker, tail)) = next_marker(rest) else {
            return false;
        };
        rest = match marker {
            END_OF_IMAGE => return true,
            // These stand alone.
            0x01 | 0xD0..=0xD7 | START_OF_IMAGE => tail,
            _ => {
                let Some(length) = tail.first_chunk::<2>() else {
                    return false;
                };
                let segment = tail.get(usize::from(u16::from_be_bytes(*length))..);
                match (marker, segment) {
                    (_, None) => return false,
                    (START_OF_SCAN, Some(scan)) => skip_data(scan),
                    (_, Some(next)) => next,
                }
            }
        };
    }
}

/// The next marker code and what follows it; bytes in front of it are skipped, as decoders do.
pub(super) fn next_marker(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let start = bytes.iter().position(|&byte| byte == 0xFF)?;
    let code = start + bytes[start..].iter().position(|&byte| byte != 0xFF)?;
    match bytes[code] {
        0 => next_marker_after_zero(&bytes[code..]),
        marker => Some((marker, &bytes[code + 1..])),
    }
}

/// `FF 00` is data, not a marker.
fn next_marker_after_zero(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let scan = skip_data(bytes);
    let (_, marker) = scan.split_first()?;
    let (&code, tail) = marker.split_first()?;
    Some((code, tail))
}

/// What follows the entropy-coded data: it ends before an `FF` that neither stuffs (`FF 00`), restarts (`FF D0` to
/// `FF D7`) nor pads (`FF FF`).
pub(super) fn skip_data(bytes: &[u8]) -> &[u8] {
    let end = bytes
        .windows(2)
        .position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xD0..=0xD7 | 0xFF));
    end.map_or(&[], |end| &bytes[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = &[0xFF, 0xD8, 0xFF, 0xE1, 0, 6, 0xFF, 0xD9, 0xFF, 0xD9];
    const SCAN: &[u8] = &[0xFF, 0xDA, 0, 3, 9, 1, 0xFF, 0, 0xFF, 0xD3, 5, 6];

    #[test]
    fn an_end_marker_inside_a_segment_does_not_count() {
        let cut = [HEAD, SCAN].concat();
        assert!(!jpeg_has_end(HEAD));
        assert!(!jpeg_has_end(&cut));
        assert!(jpeg_has_end(&[&cut[..], &[0xFF, 0xD9]].concat()));
        assert!(jpeg_has_end(&[&cut[..], &[0xFF, 0xFF, 0xD9, 7]].concat()));
    }

    #[test]
    fn several_scans_and_stray_bytes_are_walked_over() {
        let whole = [HEAD, &[3, 0xFF, 0, 4], SCAN, SCAN, &[0xFF, 0xD9]].concat();
        assert!(jpeg_has_end(&whole));
        for length in 0..whole.len() {
            assert!(!jpeg_has_end(&whole[..length]), "cut to {length} bytes");
        }
    }

    #[test]
    fn no_input_makes_the_walks_fail() {
        for bytes in [
            &[][..],
            &[0xFF],
            &[0xFF; 9],
            &[0xFF, 0xDA],
            &[0xFF, 0xE0, 0, 0, 0xFF],
        ] {
            assert!(!jpeg_has_end(bytes));
            assert!(!png_has_end(bytes));
        }
    }
}
