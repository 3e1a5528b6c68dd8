//! Whether a PNG's pixels point past the end of its palette.
//!
//! The decoder makes them black and says nothing, and it does not give the pixels as they are stored.
//! So the palette is filled up with white, and what is decoded then shows where it was too short.

/// One chunk: its type and its content.
pub(super) struct Chunk<'a> {
    pub kind: [u8; 4],
    pub data: &'a [u8],
    /// Where its length is, from the start of the file.
    start: usize,
}

/// The chunks of a PNG, as far as they are whole.
pub(super) fn chunks(bytes: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let mut start = 8;
    std::iter::from_fn(move || {
        let (length, tail) = bytes.get(start..)?.split_first_chunk::<4>()?;
        let (kind, tail) = tail.split_first_chunk::<4>()?;
        let data = tail.get(..u32::from_be_bytes(*length) as usize)?;
        let chunk = Chunk {
            kind: *kind,
            data,
            start,
        };
        start += 12 + data.len();
        Some(chunk)
    })
}

/// A PNG with a longer palette.
pub(super) struct Patched {
    pub bytes: Vec<u8>,
    /// Colors of the palette that the file has.
    pub num_colors: usize,
}

/// The same file with white for the colors that its palette lacks; `None` where it lacks none.
pub(super) fn with_other_colors_past_the_end(bytes: &[u8]) -> Option<Patched> {
    let mut before_pixels = chunks(bytes).take_while(|chunk| chunk.kind != *b"IDAT");
    let header = before_pixels.next()?;
    let (&depth, &color_type) = (header.data.get(8)?, header.data.get(9)?);
    if color_type != 3 || depth > 8 {
        return None;
    }
    let palette = before_pixels.find(|chunk| chunk.kind == *b"PLTE")?;
    let num_colors = palette.data.len() / 3;
    // Decoders ignore alpha values of which there are too many, and would not do so with a longer palette.
    let has_room = before_pixels
        .filter(|chunk| chunk.kind == *b"tRNS")
        .all(|alphas| alphas.data.len() <= num_colors);
    let num_missing = (1_usize << depth).checked_sub(num_colors)?;
    if num_missing == 0 || !has_room {
        return None;
    }
    let colors = [&palette.data[..3 * num_colors], &vec![255; 3 * num_missing]].concat();
    let checked = [&b"PLTE"[..], &colors].concat();
    let end = palette.start + 12 + palette.data.len();
    let patched = [
        bytes.get(..palette.start)?,
        &(colors.len() as u32).to_be_bytes(),
        &checked,
        &crc32(&checked).to_be_bytes(),
        bytes.get(end..)?,
    ]
    .concat();
    Some(Patched {
        bytes: patched,
        num_colors,
    })
}

/// The checksum of chunks (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            }
        })
    })
}
