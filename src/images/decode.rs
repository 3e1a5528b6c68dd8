//! Decoding image files within limits.
//!
//! The format is decided by content, never by the name.
//! A file that is cut short is an error: some decoders fill what is missing with gray, and such a picture must not be
//! scored as if it were whole.

use std::io::Cursor;
use std::path::Path;

use image::error::UnsupportedErrorKind;
use image::metadata::Orientation;
use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits,
};
use sha2::{Digest as _, Sha256};

use super::file::{ContentHash, NativeInfo};
use super::guard;
use super::input::InputError;
use super::sources;

mod complete;
mod dicom;
mod frames;
mod huffman;
mod jpeg;
mod palette;
mod quality;

/// Most pixels of a picture: 64 megapixels, e.g. 8192 x 8192.
pub const MAX_PIXELS: u64 = 64 << 20;

/// Most bytes of a file, and most bytes of a decoded picture: 512 MiB.
pub const MAX_BYTES: u64 = 512 << 20;

/// Number of leading bytes that decide a file's format.
pub(super) const NUM_MAGIC_BYTES: usize = dicom::NUM_MAGIC_BYTES;

/// One picture, its colors and depth as stored, turned upright.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// SHA-256 of the file's bytes.
    pub hash: ContentHash,
    /// What the file holds.
    pub native: NativeInfo,
    pub(super) image: DynamicImage,
}

/// Why a file gives no picture.
///
/// The messages are whole sentences without the path, which the caller knows and shows beside them.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The operating system refused, or it is a pipe or a device.
    #[error("the file can't be read: {0}")]
    Read(InputError),
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// More bytes than [`MAX_BYTES`].
    #[error("the file has {num_bytes} bytes, more than the limit of 512 MiB")]
    FileTooLarge {
        /// Size of the file.
        num_bytes: u64,
    },
    /// More pixels than [`MAX_PIXELS`], or more decoded bytes than [`MAX_BYTES`].
    #[error(
        "the picture has {width} x {height} pixels, more than the limit of 64 megapixels and 512 MiB; make it smaller"
    )]
    PictureTooLarge {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// A header without pixels.
    #[error("the picture has no pixels ({width} x {height})")]
    NoPixels {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// Content of no known format.
    #[error("the content is not an image: expected PNG, JPEG, BMP, GIF, WebP or TIFF data")]
    NotAnImage,
    /// A DICOM file, and a program without the feature `medical`.
    #[error(
        "this program was built without DICOM; install a package of it, build it by `cargo build --release --features \
         medical`, or save the image as PNG with 16 bits"
    )]
    NotBuiltForDicom,
    /// The end is missing.
    #[error(
        "the {format} data is cut short: its end marker is missing; copy or download the file again"
    )]
    Truncated {
        /// Name of the format, e.g. `PNG`.
        format: &'static str,
    },
    /// The end is there, and something before it is not.
    #[error(
        "the {format} data is incomplete: a part of the picture is missing; copy or download the file again"
    )]
    Incomplete {
        /// Name of the format, e.g. `JPEG`.
        format: &'static str,
    },
    /// The decoder gave up.
    #[error("the {format} data is damaged, cut short or of an unsupported kind: {reason}")]
    Damaged {
        /// Name of the format, e.g. `PNG`.
        format: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// Pixels that have no color.
    #[error(
        "the {format} data is damaged: some pixels point past the end of its palette of {num_colors} colors"
    )]
    PastPalette {
        /// Name of the format, e.g. `PNG`.
        format: &'static str,
        /// Colors in the palette.
        num_colors: usize,
    },
}

impl DecodeError {
    /// Whether nothing is there.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Read(error) if error.is_missing())
    }
}

/// What can be said of a file without decoding its pixels.
#[derive(Clone, Debug, PartialEq)]
pub struct Description {
    /// SHA-256 of the file's bytes.
    pub hash: ContentHash,
    /// What the file holds.
    pub native: NativeInfo,
    /// Whether more pictures follow the first one, which is the one that is decoded: frames or pages.
    pub has_more_pictures: bool,
}

/// Read and decode one file.
pub fn decode_file(path: &Path) -> Result<Decoded, DecodeError> {
    decode_bytes(&read_bounded(path)?)
}

/// Decode a file that was described before; `None` if its bytes are others now. That none of its data is missing was
/// found then, so that the codes of a JPEG are not walked again.
pub fn decode_described(
    path: &Path,
    expected: &ContentHash,
) -> Result<Option<Decoded>, DecodeError> {
    let bytes = read_bounded(path)?;
    let hash = hash(&bytes);
    let format = (!dicom::is_one(&bytes)).then(|| sniffed(&bytes));
    let format = format.transpose()?;
    if hash != *expected {
        return Ok(None);
    }
    let (native, image) = match format {
        None => dicom::decode(&bytes)?,
        Some(format) => guarded(name(format), || decode_pixels(&bytes, format))?,
    };
    Ok(Some(Decoded {
        hash,
        native,
        image,
    }))
}

/// Decode one file's bytes.
pub fn decode_bytes(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    let (native, image) = if dicom::is_one(bytes) {
        dicom::decode(bytes)?
    } else {
        let format = check_format(bytes)?;
        guarded(name(format), || decode_pixels(bytes, format))?
    };
    Ok(Decoded {
        hash: hash(bytes),
        native,
        image,
    })
}

/// Identify one file by its bytes and describe it by its header; its pixels are not decoded.
pub fn describe_file(path: &Path) -> Result<Description, DecodeError> {
    let bytes = read_bounded(path)?;
    let (native, has_more_pictures) = if dicom::is_one(&bytes) {
        dicom::describe(&bytes)?
    } else {
        let native = describe_bytes(&bytes)?;
        (native, frames::has_more(&bytes, sniffed(&bytes)?))
    };
    Ok(Description {
        hash: hash(&bytes),
        has_more_pictures,
        native,
    })
}

/// The SHA-256 of a file's bytes, whatever they are.
pub fn hash_file(path: &Path) -> Result<ContentHash, DecodeError> {
    Ok(hash(&read_bounded(path)?))
}

/// Describe one file's bytes by their header; no pixels are decoded.
pub fn describe_bytes(bytes: &[u8]) -> Result<NativeInfo, DecodeError> {
    if dicom::is_one(bytes) {
        return Ok(dicom::describe(bytes)?.0);
    }
    let format = check_format(bytes)?;
    guarded(name(format), || Ok(open(bytes, format)?.native))
}

impl Decoded {
    /// The bits that its largest value needs, where it is stored with 16.
    pub(super) fn used_bits(&self) -> Option<u32> {
        let samples: &[u16] = match &self.image {
            DynamicImage::ImageLuma16(buffer) => buffer.as_raw(),
            DynamicImage::ImageRgb16(buffer) => buffer.as_raw(),
            // Where nothing is transparent, the alpha values alone need all bits.
            DynamicImage::ImageLumaA16(buffer) => {
                return Some(bits(buffer.pixels().map(|pixel| pixel.0[0])));
            }
            DynamicImage::ImageRgba16(buffer) => {
                let most = |pixel: &image::Rgba<u16>| pixel.0[0].max(pixel.0[1]).max(pixel.0[2]);
                return Some(bits(buffer.pixels().map(most)));
            }
            _ => return None,
        };
        Some(bits(samples.iter().copied()))
    }
}

fn bits(values: impl Iterator<Item = u16>) -> u32 {
    let largest = values.max().unwrap_or(0);
    u16::BITS - largest.leading_zeros()
}

/// Whether the first bytes of a file announce a picture, of a kind that can be decoded, if not by every build.
pub(super) fn begins_like_one(start: &[u8]) -> bool {
    sniff(start).is_some() || dicom::is_one(start)
}

/// The format that the first bytes of a file announce.
fn sniff(start: &[u8]) -> Option<ImageFormat> {
    match image::guess_format(start).ok()? {
        // Two letters are too few to tell a picture from a text.
        ImageFormat::Bmp if !is_bmp_header(start) => None,
        format if format_name(format).is_some() => Some(format),
        _ => None,
    }
}

/// Four reserved zero bytes and the size of a known information header follow the two letters.
fn is_bmp_header(start: &[u8]) -> bool {
    let reserved = start.get(6..10);
    let header_size = start.get(14).copied();
    reserved == Some(&[0; 4])
        && matches!(header_size, Some(12 | 16 | 40 | 52 | 56 | 64 | 108 | 124))
}

/// Name for people of a format that can be decoded; its lower case is [`NativeInfo::format`].
fn format_name(format: ImageFormat) -> Option<&'static str> {
    Some(match format {
        ImageFormat::Png => "PNG",
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Bmp => "BMP",
        ImageFormat::Gif => "GIF",
        ImageFormat::WebP => "WebP",
        ImageFormat::Tiff => "TIFF",
        _ => return None,
    })
}

fn name(format: ImageFormat) -> &'static str {
    format_name(format).unwrap_or("image")
}

fn read_bounded(path: &Path) -> Result<Vec<u8>, DecodeError> {
    sources::read(path, MAX_BYTES).map_err(|error| match error {
        InputError::TooLarge { num_bytes, .. } => DecodeError::FileTooLarge { num_bytes },
        other => DecodeError::Read(other),
    })
}

fn hash(bytes: &[u8]) -> ContentHash {
    ContentHash(Sha256::digest(bytes).into())
}

fn sniffed(bytes: &[u8]) -> Result<ImageFormat, DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    sniff(&bytes[..bytes.len().min(NUM_MAGIC_BYTES)]).ok_or(DecodeError::NotAnImage)
}

fn check_format(bytes: &[u8]) -> Result<ImageFormat, DecodeError> {
    let format = sniffed(bytes)?;
    let name = name(format);
    if !complete::has_end(bytes, format) {
        Err(DecodeError::Truncated { format: name })
    } else if format == ImageFormat::Jpeg && jpeg::is_incomplete(bytes) {
        Err(DecodeError::Incomplete { format: name })
    } else {
        Ok(format)
    }
}

/// Turn a decoder's panic on a malformed file into an error of that file.
fn guarded<T>(
    format: &'static str,
    decode: impl FnOnce() -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    guard::guarded(decode).unwrap_or_else(|| {
        Err(DecodeError::Damaged {
            format,
            reason: "the decoder stopped on an internal error".to_owned(),
        })
    })
}

/// A decoder that has read the header, which lies within the limits.
struct Opened<D> {
    decoder: D,
    native: NativeInfo,
    orientation: Orientation,
}

fn open(bytes: &[u8], format: ImageFormat) -> Result<Opened<impl ImageDecoder>, DecodeError> {
    let damaged = |error: ImageError| damaged(format, &error);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(damaged)?;

    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(DecodeError::NoPixels { width, height });
    }
    let num_pixels = u64::from(width) * u64::from(height);
    if num_pixels > MAX_PIXELS || decoder.total_bytes() > MAX_BYTES {
        return Err(DecodeError::PictureTooLarge { width, height });
    }
    let orientation = decoder.orientation().map_err(damaged)?;
    let (width, height) = match orientation {
        Orientation::Rotate90
        | Orientation::Rotate270
        | Orientation::Rotate90FlipH
        | Orientation::Rotate270FlipH => (height, width),
        _ => (width, height),
    };
    Ok(Opened {
        native: NativeInfo {
            width,
            height,
            format: name(format).to_lowercase(),
            color: format!("{:?}", decoder.color_type()),
            num_bytes: bytes.len() as u64,
            jpeg_quality: (format == ImageFormat::Jpeg)
                .then(|| quality::quality(bytes))
                .flatten(),
        },
        decoder,
        orientation,
    })
}

fn decode_pixels(
    bytes: &[u8],
    format: ImageFormat,
) -> Result<(NativeInfo, DynamicImage), DecodeError> {
    let opened = open(bytes, format)?;
    let mut image =
        DynamicImage::from_decoder(opened.decoder).map_err(|error| damaged(format, &error))?;
    let floats = match &image {
        DynamicImage::ImageRgb32F(buffer) => buffer.as_raw().as_slice(),
        DynamicImage::ImageRgba32F(buffer) => buffer.as_raw().as_slice(),
        _ => &[],
    };
    if !floats.iter().all(|value| value.is_finite()) {
        return Err(DecodeError::Damaged {
            format: name(format),
            reason: "some of its values are not finite numbers".to_owned(),
        });
    }
    if format == ImageFormat::Png
        && let Some(patched) = palette::with_other_colors_past_the_end(bytes)
    {
        let again = DynamicImage::from_decoder(open(&patched.bytes, format)?.decoder)
            .map_err(|error| damaged(format, &error))?;
        if again != image {
            return Err(DecodeError::PastPalette {
                format: name(format),
                num_colors: patched.num_colors,
            });
        }
    }
    image.apply_orientation(opened.orientation);
    Ok((opened.native, image))
}

fn damaged(format: ImageFormat, error: &ImageError) -> DecodeError {
    let reason = match error {
        ImageError::Unsupported(unsupported) => match unsupported.kind() {
            UnsupportedErrorKind::Color(ExtendedColorType::Unknown(bits)) => format!(
                "its pixels of {bits} bits are of a kind that is not read, such as floating-point gray; save it with 8 \
                 or 16 bits per channel"
            ),
            _ => error.to_string(),
        },
        _ => error.to_string(),
    };
    DecodeError::Damaged {
        format: name(format),
        reason,
    }
}
