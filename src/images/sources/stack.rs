//! Stacks of pictures: arrays of 8-bit images in one file, as data sets come.
//!
//! A picture of a stack is given to the decoder as a PNG file of its pixels, written in one way only: its content hash, on
//! which noise and results hang, depends on its pixels and on nothing else. Its path is that of the file, then the name of
//! the stack with the picture's number from 0: `train-images.gz/train-images#00017`.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::Crc;

use super::listing::{self, ListError, Listing, Traits};
use super::opened::{OpenFiles, Stamp};
use super::{Wanted, zip};
use crate::images::decode::MAX_PIXELS;
use crate::images::input::{self, InputError};

/// Most pictures of a stack.
pub(super) const MOST_PICTURES: usize = 1 << 20;

/// Most bytes that a compressed file may unpack to, since they are kept in memory.
pub(super) const MOST_UNPACKED: u64 = 1 << 30;

/// Files that are kept open: each role may have some, and their pictures are read by turns.
const MOST_OPEN: usize = 4;

/// Pictures of one size, one after the other.
#[derive(Debug)]
pub(super) struct Stack {
    /// Without `#` or a separator.
    pub(super) name: String,
    pub(super) shape: Shape,
    pub(super) place: Place,
}

/// How the values of a stack lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) num_pictures: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    /// 1 or 3.
    pub(super) channels: usize,
    /// Whether each picture lies channel by channel (C, H, W) instead of pixel by pixel (H, W, C).
    pub(super) is_planar: bool,
}

/// Where the values are.
#[derive(Debug)]
pub(super) enum Place {
    /// In a file, from this byte on.
    File(File, u64),
    /// In memory, from this byte on.
    Memory(Vec<u8>, usize),
}

/// What is wrong with a file of stacks, a sentence without its path.
pub(super) type Reason = String;

impl Shape {
    /// Of an array of these dimensions, the usual orders told apart by where 1 or 3 channels are: (N, H, W), (H, W, C),
    /// (N, H, W, C), (N, C, H, W).
    pub(super) fn of(dimensions: &[usize]) -> Result<Self, Reason> {
        let has_colors = |count: usize| [1, 3].contains(&count);
        let (num_pictures, height, width, channels, is_planar) = match *dimensions {
            [height, width, channels] if has_colors(channels) => {
                (1, height, width, channels, false)
            }
            [count, height, width] => (count, height, width, 1, false),
            [count, height, width, channels] if has_colors(channels) => {
                (count, height, width, channels, false)
            }
            [count, channels, height, width] if has_colors(channels) => {
                (count, height, width, channels, true)
            }
            _ => {
                return Err(format!(
                    "its dimensions are {dimensions:?}; expected images as (N, H, W), (H, W, C), (N, H, W, C) or \
                     (N, C, H, W) with 1 or 3 channels"
                ));
            }
        };
        let shape = Self {
            num_pictures,
            height,
            width,
            channels,
            is_planar,
        };
        if num_pictures == 0 || height == 0 || width == 0 {
            return Err(format!(
                "it holds no pixels: its dimensions are {dimensions:?}"
            ));
        }
        if num_pictures > MOST_PICTURES {
            return Err(format!(
                "it holds {num_pictures} images, more than the limit of {MOST_PICTURES}; split it"
            ));
        }
        // The bounds of the factors keep their product far from overflow.
        let is_bounded = u32::try_from(height).is_ok() && u32::try_from(width).is_ok();
        if !is_bounded || height as u64 * width as u64 > MAX_PIXELS {
            return Err(format!(
                "its images have {width} x {height} pixels, more than the limit of 64 megapixels; make them smaller"
            ));
        }
        Ok(shape)
    }

    /// Bytes of one picture.
    pub(super) fn picture_len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// Bytes of all of them.
    pub(super) fn num_bytes(&self) -> u64 {
        self.picture_len() as u64 * self.num_pictures as u64
    }

    /// See that a file has as many bytes for the pictures as it must.
    pub(super) fn check_len(&self, got: u64) -> Result<(), Reason> {
        let expected = self.num_bytes();
        match got {
            _ if got < expected => Err(format!(
                "it is cut short: its header promises {expected} bytes of pixels and {got} are there; copy or download \
                 it again"
            )),
            _ if got > expected => Err(format!(
                "its header promises {expected} bytes of pixels and {got} are there"
            )),
            _ => Ok(()),
        }
    }
}

impl Stack {
    fn path_of(&self, root: &Path, index: usize) -> PathBuf {
        root.join(format!("{}#{index:05}", self.name))
    }

    /// The pixels of a picture, (H, W, C).
    fn pixels(&self, index: usize) -> io::Result<Vec<u8>> {
        let len = self.shape.picture_len();
        let mut values = vec![0; len];
        match &self.place {
            Place::File(file, start) => {
                zip::read_exact_at(file, &mut values, start + index as u64 * len as u64)?;
            }
            Place::Memory(bytes, start) => {
                let picture = bytes
                    .get(start + index * len..)
                    .and_then(|rest| rest.get(..len));
                values.copy_from_slice(picture.ok_or(io::ErrorKind::UnexpectedEof)?);
            }
        }
        if !self.shape.is_planar || self.shape.channels == 1 {
            return Ok(values);
        }
        let plane = len / self.shape.channels;
        Ok((0..plane)
            .flat_map(|pixel| values[pixel..].iter().step_by(plane).copied())
            .collect())
    }

    fn png(&self, index: usize) -> io::Result<Vec<u8>> {
        Ok(png(&self.shape, &self.pixels(index)?))
    }
}

/// List the pictures of a file's stacks; what `open` could not make a stack of comes as unreadable.
pub(super) fn list(
    path: &Path,
    open: Open,
    wanted: Wanted,
    traits: &mut Traits,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Listing, ListError> {
    let opened = opened(path, open).map_err(|reason| ListError::Stack {
        path: path.to_owned(),
        reason,
    })?;
    let unreadable = opened
        .refused
        .iter()
        .map(|(name, reason)| (path.join(name), reason.clone()))
        .collect();
    let mut candidates = Vec::new();
    for stack in &opened.stacks {
        let count = stack.shape.num_pictures.min(wanted.limit);
        candidates.extend((0..count).map(|index| stack.path_of(path, index)));
    }
    listing::describe_all(path, candidates, unreadable, wanted.limit, traits, progress)
}

/// Read one picture, as a PNG file.
pub(super) fn read(
    path: &Path,
    name: &Path,
    limit: u64,
    open: Open,
) -> Result<Vec<u8>, InputError> {
    let system = |message: String| InputError::System(io::Error::other(message));
    let opened = opened(path, open).map_err(system)?;
    let missing = || InputError::System(io::ErrorKind::NotFound.into());
    let (name, number) = name
        .to_str()
        .and_then(|name| name.rsplit_once('#'))
        .ok_or_else(missing)?;
    let stack = opened.stacks.iter().find(|stack| stack.name == name);
    let stack = stack.ok_or_else(missing)?;
    // Only as it is written: a picture has one path.
    let index = number
        .parse()
        .ok()
        .filter(|index| format!("{index:05}") == number && *index < stack.shape.num_pictures)
        .ok_or_else(missing)?;
    let png = stack.png(index).map_err(InputError::System)?;
    match png.len() as u64 {
        num_bytes if num_bytes > limit => Err(InputError::TooLarge { num_bytes, limit }),
        _ => Ok(png),
    }
}

/// What is in a file.
#[derive(Debug, Default)]
pub(super) struct Stacks {
    pub(super) stacks: Vec<Stack>,
    /// Names of arrays that look like images and can't be used, with the reason.
    pub(super) refused: Vec<(String, Reason)>,
}

/// Opens a file of a kind.
pub(super) type Open = fn(&Path) -> Result<Stacks, Reason>;

/// A file is unpacked once, not again for each picture of many thousands.
static OPENED: OpenFiles<Arc<Stacks>> = OpenFiles::new(MOST_OPEN);

fn opened(path: &Path, open: Open) -> Result<Arc<Stacks>, Reason> {
    let metadata = path.metadata().map_err(|error| error.to_string())?;
    let stamp = Stamp {
        num_bytes: metadata.len(),
        modified: metadata.modified().ok(),
    };
    OPENED.get(path, stamp, || open(path).map(Arc::new))
}

/// The first bytes of a regular file, fewer where it has no more.
pub(super) fn first_bytes(path: &Path, count: usize) -> Vec<u8> {
    use std::io::Read as _;
    let mut start = Vec::new();
    if let Ok((file, _)) = input::open(path) {
        // What can't be read is no file of a kind that is told by its start.
        file.take(count as u64).read_to_end(&mut start).ok();
    }
    start
}

/// A name for the stack of a file, by the file's own without these endings.
pub(super) fn name_by_file(path: &Path, endings: &[&str]) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let ending = endings.iter().find_map(|ending| name.strip_suffix(ending));
    ending.unwrap_or(&name).replace('#', "_")
}

/// A PNG file of 8-bit pixels, not compressed: the same bytes for the same pixels for ever.
fn png(shape: &Shape, pixels: &[u8]) -> Vec<u8> {
    const GRAY: u8 = 0;
    const RGB: u8 = 2;
    /// Bytes of a block of zlib data that is not compressed.
    const BLOCK: usize = 65_535;

    let color = if shape.channels == 1 { GRAY } else { RGB };
    let mut header = Vec::with_capacity(13);
    header.extend((shape.width as u32).to_be_bytes());
    header.extend((shape.height as u32).to_be_bytes());
    header.extend([8, color, 0, 0, 0]);

    let row_len = shape.width * shape.channels;
    let mut rows = Vec::with_capacity(pixels.len() + shape.height);
    for row in pixels.chunks_exact(row_len) {
        rows.push(0); // The row is not filtered.
        rows.extend(row);
    }
    let mut data = vec![0x78, 0x01];
    let num_blocks = rows.len().div_ceil(BLOCK);
    for (index, block) in rows.chunks(BLOCK).enumerate() {
        data.push(u8::from(index + 1 == num_blocks));
        data.extend((block.len() as u16).to_le_bytes());
        data.extend((!(block.len() as u16)).to_le_bytes());
        data.extend(block);
    }
    data.extend(adler32(&rows).to_be_bytes());

    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", &header), (b"IDAT", &data), (b"IEND", &Vec::new())] {
        png.extend((data.len() as u32).to_be_bytes());
        let mut crc = Crc::new();
        crc.update(kind);
        crc.update(data);
        png.extend(kind);
        png.extend(data);
        png.extend(crc.sum().to_be_bytes());
    }
    png
}

/// RFC 1950.
fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    /// So many additions of bytes do not overflow.
    const RUN: usize = 5552;

    let (mut a, mut b) = (1_u32, 0_u32);
    for run in bytes.chunks(RUN) {
        for &byte in run {
            a += u32::from(byte);
            b += a;
        }
        a %= MODULUS;
        b %= MODULUS;
    }
    b << 16 | a
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::decode::decode_bytes;

    fn shape(dimensions: &[usize]) -> Shape {
        Shape::of(dimensions).unwrap()
    }

    #[test]
    fn channels_are_found_in_every_usual_order() {
        let found = |dimensions: &[usize]| {
            let it = shape(dimensions);
            (
                it.num_pictures,
                it.height,
                it.width,
                it.channels,
                it.is_planar,
            )
        };
        assert_eq!(found(&[5, 28, 30]), (5, 28, 30, 1, false));
        assert_eq!(found(&[28, 30, 3]), (1, 28, 30, 3, false));
        assert_eq!(found(&[5, 28, 30, 3]), (5, 28, 30, 3, false));
        assert_eq!(found(&[5, 3, 28, 30]), (5, 28, 30, 3, true));
        assert_eq!(found(&[5, 1, 28, 30]), (5, 28, 30, 1, true));
        assert_eq!(found(&[1 << 20, 2, 2]).0, MOST_PICTURES);
    }

    #[test]
    fn other_shapes_are_refused_with_what_is_expected() {
        for (dimensions, says) in [
            (&[][..], "expected images as"),
            (&[60_000], "expected images as"),
            (&[60_000, 784], "expected images as"),
            (&[5, 28, 30, 4], "1 or 3 channels"),
            (&[2, 2, 2, 2, 2], "expected images as"),
            (&[0, 28, 28], "no pixels"),
            (&[5, 0, 28], "no pixels"),
            ((&[(1 << 20) + 1, 2, 2]), "more than the limit of 1048576"),
            ((&[2, 1 << 16, 1 << 16]), "64 megapixels"),
            (
                (&[usize::MAX, usize::MAX, usize::MAX]),
                "more than the limit",
            ),
            ((&[2, usize::MAX, 2]), "64 megapixels"),
        ] {
            let reason = Shape::of(dimensions).unwrap_err();
            assert!(reason.contains(says), "{dimensions:?}: {reason}");
        }
    }

    #[test]
    fn pixels_come_through_the_decoder_as_they_are() {
        // Of more than one block of zlib data, and of odd sizes.
        for dimensions in [&[2, 300, 251][..], &[2, 7, 5, 3], &[2, 3, 150, 170]] {
            let shape = shape(dimensions);
            let len = shape.picture_len();
            let values: Vec<u8> = (0..2 * len).map(|i| (i * 7 % 251) as u8).collect();
            let stack = Stack {
                name: "a".to_owned(),
                shape,
                place: Place::Memory([&[9; 4][..], &values].concat(), 4),
            };
            let decoded = decode_bytes(&stack.png(1).unwrap()).unwrap();
            let buffer = decoded.image.as_bytes();
            let plane = shape.height * shape.width;
            for (at, &value) in buffer.iter().enumerate() {
                let from = if shape.is_planar {
                    at % shape.channels * plane + at / shape.channels
                } else {
                    at
                };
                assert_eq!(value, values[len + from], "{dimensions:?} at {at}");
            }
            assert_eq!(buffer.len(), len);
            assert_eq!(decoded.native.num_bytes, stack.png(1).unwrap().len() as u64);
        }
    }

    #[test]
    fn the_content_of_a_picture_is_fixed_for_ever() {
        let bytes = png(&shape(&[1, 2, 2]), &[0, 1, 2, 255]);
        let hash = crate::images::decode::decode_bytes(&bytes).unwrap().hash;
        assert_eq!(
            hash.to_string(),
            "98fd7955d857000b20221d1a30245405c183c8a4a425e565787314abe3a615d3"
        );
        // As Python's zlib has it.
        assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
    }
}
