//! From a decoded picture to the model's square of `f32` values.

use std::path::Path;

use image::{DynamicImage, GrayImage, RgbImage};
use serde::{Deserialize, Serialize};

use super::decode::{self, DecodeError, Decoded};
use super::pixels::{Geometry, Picture, Pixels};
use super::resample::{self, Window};

/// How a picture that is not square is brought to the model's square.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResizeMode {
    /// The largest centered square.
    Crop,
    /// The whole picture, bars of black around it.
    Pad,
    /// The whole picture, distorted.
    Stretch,
}

impl ResizeMode {
    /// All ways, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Crop, Self::Pad, Self::Stretch];

    /// The name in files and options.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crop => "crop",
            Self::Pad => "pad",
            Self::Stretch => "stretch",
        }
    }

    /// What becomes the square, of a picture of `width` x `height`. An odd rest is split with the smaller half left and
    /// above, as PIL-based center crops do.
    fn window(self, width: u32, height: u32) -> Window {
        let square = |side: u32| Window {
            left: (i64::from(width) - i64::from(side)) / 2,
            top: (i64::from(height) - i64::from(side)) / 2,
            width: side,
            height: side,
        };
        match self {
            Self::Crop => square(width.min(height)),
            Self::Pad => square(width.max(height)),
            Self::Stretch => whole(width, height),
        }
    }
}

fn whole(width: u32, height: u32) -> Window {
    Window {
        left: 0,
        top: 0,
        width,
        height,
    }
}

/// The values that a model works on: transparency over white, gray by Rec. 601 for a gray model, gray repeated for an
/// RGB one, then [`ResizeMode`], then bilinear resizing, antialiased when shrinking; nothing is rounded to 8 bits.
pub fn prepare(decoded: &Decoded, geometry: Geometry, resize: ResizeMode) -> Pixels {
    let Geometry { channels, side } = geometry;
    let (width, height) = size(decoded);
    let window = resize.window(width, height);
    let interleaved = resample::resize(&decoded.image, window, side, side, channels);
    Pixels {
        geometry,
        unit: planar(&interleaved, channels),
    }
}

/// A small copy of the whole picture, at most `max_side` (at least 1) pixels per side and never enlarged.
pub fn thumbnail(decoded: &Decoded, max_side: usize) -> Picture {
    small_copy(&decoded.image, max_side)
}

/// A copy of at most `max_side` (at least 1) pixels per side, never enlarged.
pub fn shrink(picture: &Picture, max_side: usize) -> Picture {
    match dynamic(picture) {
        Some(image) if picture.width.max(picture.height) > max_side => small_copy(&image, max_side),
        _ => picture.clone(),
    }
}

/// The whole picture as a square of another size, in its own channels.
pub fn scaled(picture: &Picture, geometry: Geometry) -> Pixels {
    let Geometry { channels, side } = geometry;
    let image = dynamic(picture).unwrap_or_default();
    let whole = whole(image.width().max(1), image.height().max(1));
    let interleaved = resample::resize(&image, whole, side, side, channels);
    Pixels {
        geometry,
        unit: planar(&interleaved, channels),
    }
}

fn planar(interleaved: &[f32], channels: usize) -> Vec<f32> {
    (0..channels)
        .flat_map(|channel| interleaved.iter().skip(channel).step_by(channels).copied())
        .collect()
}

fn dynamic(picture: &Picture) -> Option<DynamicImage> {
    let (width, height) = (picture.width as u32, picture.height as u32);
    let bytes = picture.bytes.to_vec();
    if picture.channels == 3 {
        RgbImage::from_raw(width, height, bytes).map(DynamicImage::from)
    } else {
        GrayImage::from_raw(width, height, bytes).map(DynamicImage::from)
    }
}

fn small_copy(image: &DynamicImage, max_side: usize) -> Picture {
    let (width, height) = (image.width(), image.height());
    let shrink = (max_side as f64 / f64::from(width.max(height))).min(1.0);
    let shrunk = |length: u32| ((f64::from(length) * shrink).round() as usize).max(1);
    let channels = if image.color().has_color() { 3 } else { 1 };
    let (small_width, small_height) = (shrunk(width), shrunk(height));
    let unit = resample::resize(
        image,
        whole(width, height),
        small_width,
        small_height,
        channels,
    );
    Picture {
        width: small_width,
        height: small_height,
        channels,
        bytes: unit.into_iter().map(byte_from_unit).collect(),
    }
}

/// Read a mask image for [`KnownMask::new`](crate::ood::KnownMask::new): its gray values over the whole picture, resized
/// to `side * side` by taking the nearest pixel (PIL's `NEAREST`), row by row.
pub fn load_mask_luma(path: &Path, side: usize) -> Result<Vec<u8>, DecodeError> {
    let decoded = decode::decode_file(path)?;
    let (width, height) = size(&decoded);
    let whole = whole(width, height);
    let (width, height) = (width as usize, height as usize);
    let luma = resample::resize(&decoded.image, whole, width, height, 1);
    let nearest = |index: usize, length: usize| (2 * index + 1) * length / (2 * side);
    Ok((0..side * side)
        .map(|pixel| nearest(pixel / side, height) * width + nearest(pixel % side, width))
        .map(|source| byte_from_unit(luma[source]))
        .collect())
}

fn byte_from_unit(value: f32) -> u8 {
    (value * 255.0).round() as u8
}

fn size(decoded: &Decoded) -> (u32, u32) {
    (decoded.image.width(), decoded.image.height())
}
