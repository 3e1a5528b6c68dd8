//! At which quality a JPEG was written, told from its quantization table.

use super::complete::next_marker;
use super::jpeg::split_segment;

/// The table of libjpeg for luminance (ITU-T T.81, table K.1), in the zigzag order of files.
const LUMINANCE: [u16; 64] = [
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37,
    29, 40, 58, 51, 61, 60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81,
    87, 95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
];

/// The setting from 1 to 100 of libjpeg whose table is nearest to that of the picture's first component: exact for
/// files of libjpeg, Pillow and most other programs, a likeness for those with tables of their own. `None` where there
/// is no table.
pub(super) fn quality(bytes: &[u8]) -> Option<u8> {
    let table = first_table(bytes)?;
    let distance = |quality: &u8| -> u32 {
        let pairs = scaled(*quality).into_iter().zip(table);
        pairs.map(|(a, b)| u32::from(a.abs_diff(b))).sum()
    };
    (1..=100).min_by_key(distance)
}

/// `jpeg_quality_scaling` and `jpeg_add_quant_table` of libjpeg, for baseline files.
fn scaled(quality: u8) -> [u16; 64] {
    let quality = u32::from(quality);
    let percent = if quality < 50 {
        5000 / quality
    } else {
        200 - 2 * quality
    };
    LUMINANCE.map(|value| ((u32::from(value) * percent + 50) / 100).clamp(1, 255) as u16)
}

/// The quantization table that the first component of the frame names.
fn first_table(bytes: &[u8]) -> Option<[u16; 64]> {
    let mut tables = [None; 4];
    let mut slot = None;
    let mut rest = bytes;
    loop {
        let (marker, tail) = next_marker(rest)?;
        rest = match marker {
            // A table may come after the frame that names it, but not after the first scan.
            0xD9 | 0xDA => return *tables.get(usize::from(slot?))?,
            0x01 | 0xD0..=0xD8 => tail,
            _ => {
                let (segment, next) = split_segment(tail)?;
                match marker {
                    0xDB => take_tables(segment, &mut tables)?,
                    // Start of frame; C4, C8 and CC are other segments.
                    0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                        slot = segment.get(8).copied();
                    }
                    _ => {}
                }
                next
            }
        };
    }
}

/// T.81 B.2.4.1: tables of 8 or 16 bits an element.
fn take_tables(mut segment: &[u8], tables: &mut [Option<[u16; 64]>; 4]) -> Option<()> {
    while let Some((&kind, tail)) = segment.split_first() {
        let width = if kind >> 4 == 0 { 1 } else { 2 };
        let (elements, tail) = tail.split_at_checked(64 * width)?;
        let table = std::array::from_fn(|index| {
            let element = &elements[index * width..][..width];
            element
                .iter()
                .fold(0, |value, &byte| value << 8 | u16::from(byte))
        });
        *tables.get_mut(usize::from(kind & 15))? = Some(table);
        segment = tail;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_told_from_its_own_table() {
        for quality in 1..=100 {
            let mut bytes = vec![0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0];
            bytes.extend(scaled(quality).map(|value| value as u8));
            bytes.extend([0xFF, 0xC0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0]);
            bytes.extend([0xFF, 0xDA]);
            assert_eq!(super::quality(&bytes), Some(quality));
            for length in 0..bytes.len() {
                assert_eq!(super::quality(&bytes[..length]), None, "{length} bytes");
            }
        }
    }

    #[test]
    fn a_table_of_sixteen_bits_is_read_and_a_missing_one_is_none() {
        let frame = [0xFF, 0xC1, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 1];
        let mut bytes = vec![0xFF, 0xD8];
        bytes.extend(frame);
        bytes.extend([0xFF, 0xDB, 0, 131, 0x11]);
        bytes.extend(scaled(30).into_iter().flat_map(u16::to_be_bytes));
        bytes.extend([0xFF, 0xDA]);
        assert_eq!(super::quality(&bytes), Some(30));
        let without = [&[0xFF, 0xD8][..], &frame, &[0xFF, 0xDA]].concat();
        assert_eq!(super::quality(&without), None);
    }
}
