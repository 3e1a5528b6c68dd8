//! Whether a file holds more pictures than the one that is decoded: frames of an animation or pages.

use image::ImageFormat;

/// More links between the pages of a TIFF than are followed.
const MOST_PAGES: usize = 1000;

/// Whether another picture follows the first; `false` where the file's structure can't be followed.
pub(super) fn has_more(bytes: &[u8], format: ImageFormat) -> bool {
    match format {
        ImageFormat::Png => png_has_more(bytes),
        ImageFormat::Gif => gif_has_more(bytes).unwrap_or(false),
        ImageFormat::WebP => webp_has_more(bytes),
        ImageFormat::Tiff => tiff_has_more(bytes).unwrap_or(false),
        _ => false,
    }
}

/// `acTL`, before the pixels, says how many frames an APNG has.
fn png_has_more(bytes: &[u8]) -> bool {
    super::palette::chunks(bytes)
        .take_while(|chunk| chunk.kind != *b"IDAT")
        .find(|chunk| chunk.kind == *b"acTL")
        .and_then(|chunk| chunk.data.first_chunk::<4>())
        .is_some_and(|count| u32::from_be_bytes(*count) > 1)
}

/// Walk the blocks up to a second image descriptor.
fn gif_has_more(bytes: &[u8]) -> Option<bool> {
    let flags = *bytes.get(10)?;
    let mut rest = bytes.get(13 + color_table_len(flags)..)?;
    let mut num_pictures = 0;
    loop {
        let (&block, tail) = rest.split_first()?;
        rest = match block {
            0x21 => after_blocks(tail.get(1..)?)?,
            0x2C => {
                num_pictures += 1;
                if num_pictures == 2 {
                    return Some(true);
                }
                let flags = *tail.get(8)?;
                // The descriptor, its colors and the size of its codes.
                after_blocks(tail.get(9 + color_table_len(flags) + 1..)?)?
            }
            _ => return Some(false),
        };
    }
}

fn color_table_len(flags: u8) -> usize {
    if flags & 0x80 == 0 {
        0
    } else {
        3 << ((flags & 7) + 1)
    }
}

/// What follows a chain of data blocks, each with its length in front, which ends in one of length 0.
fn after_blocks(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        let (&length, tail) = rest.split_first()?;
        rest = tail.get(usize::from(length)..)?;
        if length == 0 {
            return Some(rest);
        }
    }
}

/// Count the `ANMF` chunks.
fn webp_has_more(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(12..).unwrap_or_default();
    let mut num_frames = 0;
    while let Some((kind, tail)) = rest.split_first_chunk::<4>() {
        let Some((length, tail)) = tail.split_first_chunk::<4>() else {
            break;
        };
        num_frames += usize::from(kind == b"ANMF");
        let length = u32::from_le_bytes(*length) as usize;
        rest = tail
            .get(length.saturating_add(length % 2)..)
            .unwrap_or_default();
    }
    num_frames > 1
}

/// Follow the directories; smaller copies and masks of the first page are no pages.
fn tiff_has_more(bytes: &[u8]) -> Option<bool> {
    let is_little = match bytes.first_chunk::<4>()? {
        b"II\x2A\0" => true,
        b"MM\0\x2A" => false,
        _ => return None,
    };
    let read16 = |at: usize| {
        let pair = *bytes.get(at..)?.first_chunk::<2>()?;
        Some(if is_little {
            u16::from_le_bytes(pair)
        } else {
            u16::from_be_bytes(pair)
        })
    };
    let read32 = |at: usize| {
        let four = *bytes.get(at..)?.first_chunk::<4>()?;
        Some(if is_little {
            u32::from_le_bytes(four)
        } else {
            u32::from_be_bytes(four)
        })
    };
    let mut directory = read32(4)? as usize;
    for page in 0..MOST_PAGES {
        let num_entries = usize::from(read16(directory)?);
        let entries = directory + 2;
        let subfile_type = (0..num_entries)
            .map(|index| entries + 12 * index)
            .find(|&entry| read16(entry) == Some(254))
            .and_then(|entry| read32(entry + 8))
            .unwrap_or(0);
        if page > 0 && subfile_type & 0b101 == 0 {
            return Some(true);
        }
        directory = read32(entries + 12 * num_entries)? as usize;
        if directory == 0 {
            return Some(false);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::codecs::gif::GifEncoder;
    use image::{DynamicImage, Frame, RgbaImage};

    use super::*;

    #[test]
    fn frames_of_a_gif_are_told_from_one_picture() {
        let gif = |num_frames: usize| {
            let mut bytes = Vec::new();
            let mut encoder = GifEncoder::new(&mut bytes);
            for index in 0..num_frames {
                let color = image::Rgba([index as u8 * 90, 7, 200, 255]);
                encoder
                    .encode_frame(Frame::new(RgbaImage::from_pixel(9, 5, color)))
                    .unwrap();
            }
            drop(encoder);
            bytes
        };
        assert!(!has_more(&gif(1), ImageFormat::Gif));
        let two = gif(2);
        assert!(has_more(&two, ImageFormat::Gif));
        for length in 0..two.len() {
            // Nothing but that it ends.
            has_more(&two[..length], ImageFormat::Gif);
        }
    }

    /// A TIFF's directories alone, by their subfile types.
    fn tiff(types: &[u32]) -> Vec<u8> {
        let mut bytes = b"II\x2A\0\x08\0\0\0".to_vec();
        for (index, subfile_type) in types.iter().enumerate() {
            bytes.extend([1, 0, 254, 0, 4, 0, 1, 0, 0, 0]);
            bytes.extend(subfile_type.to_le_bytes());
            let next = if index + 1 < types.len() {
                bytes.len() as u32 + 4
            } else {
                0
            };
            bytes.extend(next.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn pages_of_a_tiff_are_told_from_smaller_copies() {
        let more = |bytes: &[u8]| has_more(bytes, ImageFormat::Tiff);
        assert!(!more(&tiff(&[0])));
        assert!(more(&tiff(&[0, 0])));
        assert!(more(&tiff(&[2, 2])));
        assert!(!more(&tiff(&[0, 1, 1])));
        assert!(more(&tiff(&[0, 1, 0])));
        let mut endless = tiff(&[0]);
        let end = endless.len() - 4;
        endless[end] = 8;
        endless[end - 4] = 1;
        assert!(!more(&endless), "a directory that follows itself");
    }

    #[test]
    fn animated_png_and_webp_say_so_in_their_chunks() {
        let mut png = Cursor::new(Vec::new());
        DynamicImage::new_luma8(4, 4)
            .write_to(&mut png, ImageFormat::Png)
            .unwrap();
        let png = png.into_inner();
        assert!(!has_more(&png, ImageFormat::Png));
        let control = [&[0, 0, 0, 8][..], b"acTL", &[0, 0, 0, 3, 0, 0, 0, 0]].concat();
        let header = 8 + 25;
        let animated = [&png[..header], &control, &[0; 4], &png[header..]].concat();
        assert!(has_more(&animated, ImageFormat::Png));

        let frame = [&b"ANMF"[..], &[3, 0, 0, 0, 1, 2, 3, 0]].concat();
        let webp = |frames: usize| [&b"RIFF\0\0\0\0WEBP"[..], &frame.repeat(frames)].concat();
        assert!(!has_more(&webp(1), ImageFormat::WebP));
        assert!(has_more(&webp(2), ImageFormat::WebP));
    }
}
