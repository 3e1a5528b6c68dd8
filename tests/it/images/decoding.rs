//! Formats, depths, limits and damage.

use std::fs;

use image::{DynamicImage, ImageBuffer, ImageFormat, Luma, Rgba};
use lmd_inspector::images::decode::{decode_bytes, decode_file};
use lmd_inspector::images::prepare::{prepare, thumbnail};
use lmd_inspector::images::{DecodeError, Geometry, ResizeMode};
use sha2::{Digest as _, Sha256};

use super::support::{crc32, encode, jpeg_with_orientation, picture, png_header};

/// Prepared at the picture's own size: its values as decoded.
fn values(bytes: &[u8], channels: usize, side: usize) -> Vec<f32> {
    prepare(
        &decode_bytes(bytes).unwrap(),
        Geometry { channels, side },
        ResizeMode::Crop,
    )
    .unit
}

#[test]
fn every_lossless_format_gives_the_same_values() {
    let picture = picture(24, 24);
    let reference = values(&encode(&picture, ImageFormat::Png), 3, 24);
    let expected: Vec<f32> = (0..3)
        .flat_map(|channel| {
            picture
                .as_rgb8()
                .unwrap()
                .pixels()
                .map(move |pixel| f32::from(pixel.0[channel]) / 255.0)
        })
        .collect();
    assert_eq!(reference, expected);
    for (format, name) in [
        (ImageFormat::Bmp, "bmp"),
        (ImageFormat::WebP, "webp"),
        (ImageFormat::Tiff, "tiff"),
    ] {
        let bytes = encode(&picture, format);
        assert_eq!(decode_bytes(&bytes).unwrap().native.format, name);
        assert_eq!(values(&bytes, 3, 24), reference, "{name}");
    }
}

#[test]
fn a_gif_gives_its_first_frame() {
    let frames = [10_u8, 200].map(|gray| {
        image::Frame::new(ImageBuffer::from_pixel(6, 5, Rgba([gray, gray, gray, 255])))
    });
    let mut bytes = Vec::new();
    image::codecs::gif::GifEncoder::new(&mut bytes)
        .encode_frames(frames)
        .unwrap();
    let decoded = decode_bytes(&bytes).unwrap();
    assert_eq!(decoded.native.format, "gif");
    assert_eq!((decoded.native.width, decoded.native.height), (6, 5));
    let unit = values(&bytes, 1, 2);
    assert!(
        unit.iter()
            .all(|&value| (value - 10.0 / 255.0).abs() < 0.01),
        "{unit:?}"
    );
}

#[test]
fn sixteen_bits_are_kept() {
    let gray = DynamicImage::from(ImageBuffer::from_fn(8, 8, |x, y| {
        Luma([(x * 1_003 + y) as u16])
    }));
    for format in [ImageFormat::Tiff, ImageFormat::Png] {
        let bytes = encode(&gray, format);
        assert_eq!(decode_bytes(&bytes).unwrap().native.color, "L16");
        let unit = values(&bytes, 1, 8);
        assert_eq!(unit[9], 1_004.0 / 65_535.0, "{format:?}");
    }
}

#[test]
fn every_exif_orientation_is_turned_upright() {
    let upright = DynamicImage::from(ImageBuffer::from_fn(32, 16, |x, y| {
        Luma([if x < 8 && y < 8 { 255_u8 } else { 0 }])
    }));
    // As stored, so that the orientation (1 to 8) brings the bright corner back to the top left.
    let stored = [
        upright.clone(),
        upright.fliph(),
        upright.rotate180(),
        upright.flipv(),
        upright.rotate90().fliph(),
        upright.rotate270(),
        upright.rotate270().fliph(),
        upright.rotate90(),
    ];
    for (picture, orientation) in stored.iter().zip(1..) {
        let decoded = decode_bytes(&jpeg_with_orientation(picture, orientation)).unwrap();
        let size = (decoded.native.width, decoded.native.height);
        assert_eq!(size, (32, 16), "orientation {orientation}");
        let small = thumbnail(&decoded, 4);
        assert_eq!((small.width, small.height, small.channels), (4, 2, 1));
        assert!(
            small.bytes[0] > 150 && small.bytes[1..].iter().all(|&byte| byte < 60),
            "orientation {orientation}: {:?}",
            small.bytes
        );
    }
}

#[test]
fn one_pixel_becomes_a_flat_square() {
    let bytes = encode(
        &DynamicImage::from(ImageBuffer::from_pixel(1, 1, Luma([51_u8]))),
        ImageFormat::Png,
    );
    for resize in ResizeMode::ALL {
        let pixels = prepare(
            &decode_bytes(&bytes).unwrap(),
            Geometry {
                channels: 3,
                side: 4,
            },
            resize,
        );
        assert!(
            pixels.unit.iter().all(|value| (value - 0.2).abs() < 1e-6),
            "{resize:?}"
        );
    }
}

#[test]
fn a_very_long_picture_is_padded_without_a_huge_square() {
    let bytes = encode(
        &DynamicImage::from(ImageBuffer::from_pixel(60_000, 1, Luma([255_u8]))),
        ImageFormat::Png,
    );
    let decoded = decode_bytes(&bytes).unwrap();
    let pixels = prepare(
        &decoded,
        Geometry {
            channels: 1,
            side: 8,
        },
        ResizeMode::Pad,
    );
    assert!(pixels.unit.iter().all(|&value| value < 1e-3));
    let small = thumbnail(&decoded, 100);
    assert_eq!((small.width, small.height), (100, 1));
}

#[test]
fn the_hash_is_that_of_the_bytes() {
    let bytes = encode(&picture(3, 3), ImageFormat::Png);
    let expected: [u8; 32] = Sha256::digest(&bytes).into();
    assert_eq!(decode_bytes(&bytes).unwrap().hash.0, expected);
}

#[test]
fn text_and_nothing_are_not_images() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.png");
    fs::write(&path, "BM is how some texts begin").unwrap();
    assert!(matches!(decode_file(&path), Err(DecodeError::NotAnImage)));
    fs::write(&path, "").unwrap();
    assert!(matches!(decode_file(&path), Err(DecodeError::Empty)));
    let missing = decode_file(&folder.path().join("missing.png"));
    assert!(matches!(missing, Err(DecodeError::Read(_))));
}

#[test]
fn a_cut_file_is_an_error_wherever_it_is_cut() {
    // Noise, so that the data is spread over the whole file.
    let mut state = 1_u32;
    let noise = DynamicImage::from(ImageBuffer::from_fn(40, 40, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        image::Rgb([(state >> 24) as u8, (state >> 16) as u8, (state >> 8) as u8])
    }));
    for format in [
        ImageFormat::Png,
        ImageFormat::Jpeg,
        ImageFormat::Bmp,
        ImageFormat::Gif,
        ImageFormat::WebP,
        ImageFormat::Tiff,
    ] {
        let bytes = encode(&noise, format);
        let whole = values(&bytes, 3, 40);
        let step = (bytes.len() / 150).max(1);
        for length in (0..bytes.len())
            .step_by(step)
            .chain(bytes.len() - 3..bytes.len())
        {
            // What follows the last pixel (an index of tags, a trailer) may be missing without harm.
            if let Ok(decoded) = decode_bytes(&bytes[..length]) {
                let unit = prepare(
                    &decoded,
                    Geometry {
                        channels: 3,
                        side: 40,
                    },
                    ResizeMode::Crop,
                )
                .unit;
                assert!(
                    unit == whole,
                    "{format:?} cut to {length} of {} bytes",
                    bytes.len()
                );
                assert!(
                    !matches!(format, ImageFormat::Png | ImageFormat::Jpeg),
                    "{format:?} cut to {length} of {} bytes",
                    bytes.len()
                );
            }
        }
    }
}

#[test]
fn a_bomb_is_refused_by_its_header() {
    let error = decode_bytes(&png_header(30_000, 30_000)).unwrap_err();
    assert!(
        matches!(
            error,
            DecodeError::PictureTooLarge {
                width: 30_000,
                height: 30_000
            }
        ),
        "{error}"
    );
    let largest = decode_bytes(&png_header(8192, 8192)).unwrap_err();
    assert!(matches!(largest, DecodeError::Damaged { .. }), "{largest}");
}

#[test]
fn a_file_over_the_limit_is_refused_unread() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.png");
    // Sparse: takes no room on the disk.
    fs::File::create(&path)
        .unwrap()
        .set_len((512 << 20) + 1)
        .unwrap();
    assert!(matches!(
        decode_file(&path),
        Err(DecodeError::FileTooLarge { .. })
    ));
}

/// A PNG of four pixels with the indices 0 to 3 and a palette of these colors.
fn png_of_indices(colors: &[[u8; 3]]) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let header = [
        &4_u32.to_be_bytes()[..],
        &1_u32.to_be_bytes(),
        &[2, 3, 0, 0, 0],
    ]
    .concat();
    // One stored block of zlib: no filter, then the indices in two bits each.
    let pixels = [0x78, 0x01, 1, 2, 0, 0xFD, 0xFF, 0, 0b0001_1011];
    let adler = {
        let (mut a, mut b) = (1_u32, 0_u32);
        for byte in [0, 0b0001_1011] {
            a += byte;
            b += a;
        }
        (b << 16) | a
    };
    let pixels = [&pixels[..], &adler.to_be_bytes()].concat();
    for (kind, data) in [
        (b"IHDR", header),
        (b"PLTE", colors.concat()),
        (b"IDAT", pixels),
        (b"IEND", Vec::new()),
    ] {
        bytes.extend((data.len() as u32).to_be_bytes());
        bytes.extend(kind);
        bytes.extend(&data);
        bytes.extend(crc32(&[&kind[..], &data].concat()).to_be_bytes());
    }
    bytes
}

#[test]
fn pixels_past_the_end_of_a_palette_are_refused() {
    let colors = [[9, 9, 9], [0, 0, 0], [200, 0, 0], [0, 90, 0]];
    let whole = decode_bytes(&png_of_indices(&colors)).unwrap();
    assert_eq!(whole.native.color, "Rgb8");
    let error = decode_bytes(&png_of_indices(&colors[..3])).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("past the end of its palette of 3"),
        "{error}"
    );
}

#[test]
fn gray_of_floating_point_is_told_in_words() {
    // A TIFF of one pixel: 32 bits per sample, IEEE.
    let mut bytes = b"II\x2A\0\x08\0\0\0".to_vec();
    let entries: [(u16, u16, u32); 9] = [
        (256, 3, 1),
        (257, 3, 1),
        (258, 3, 32),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8 + 2 + 9 * 12 + 4),
        (277, 3, 1),
        (279, 4, 4),
        (339, 3, 3),
    ];
    bytes.extend((entries.len() as u16).to_le_bytes());
    for (tag, kind, value) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    }
    bytes.extend([0; 4]);
    bytes.extend(0.5_f32.to_le_bytes());
    let error = decode_bytes(&bytes).unwrap_err().to_string();
    assert!(
        error.contains("32 bits") && error.contains("save it with 8"),
        "{error}"
    );
    assert!(!error.contains("Unknown"), "{error}");
}
