//! IDX files, as MNIST and the data sets after it come: `train-images-idx3-ubyte`, also gzipped.
//!
//! Four bytes of magic (two zeros, the type of the values, the number of dimensions), a big-endian size per dimension, the
//! values (<http://yann.lecun.com/exdb/mnist/>).

use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::stack::{self, MOST_UNPACKED, Place, Reason, Shape, Stack, Stacks};
use super::{Source, zip};
use crate::images::input;

pub(super) static SOURCE: Source = Source {
    name: "IDX file",
    has_roles: false,
    is_one,
    list: |path, wanted, traits, progress| stack::list(path, open, wanted, traits, progress),
    read_inside: Some(|path, name, limit| stack::read(path, name, limit, open)),
};

const GZIP: [u8; 2] = [0x1F, 0x8B];
const UNSIGNED_BYTES: u8 = 0x08;

/// Names of the types of values, by their number in the magic.
const TYPES: [(u8, &str); 6] = [
    (UNSIGNED_BYTES, "unsigned bytes"),
    (0x09, "signed bytes"),
    (0x0B, "16-bit integers"),
    (0x0C, "32-bit integers"),
    (0x0D, "32-bit floating-point numbers"),
    (0x0E, "64-bit floating-point numbers"),
];

/// By its start, or by its name: one that is named so and is not so is to be told what is wrong with it.
fn is_one(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    if name.ends_with("-ubyte") && name.contains("idx") && path.is_file() {
        return true;
    }
    let start = stack::first_bytes(path, 4);
    if start.starts_with(&GZIP) {
        let mut start = [0; 4];
        let unpacked = input::open(path)
            .is_ok_and(|(file, _)| MultiGzDecoder::new(file).read_exact(&mut start).is_ok());
        return unpacked && is_magic(&start);
    }
    is_magic(&start)
}

fn is_magic(start: &[u8]) -> bool {
    matches!(start, [0, 0, kind, 1..=4] if TYPES.iter().any(|(known, _)| known == kind))
}

fn open(path: &Path) -> Result<Stacks, Reason> {
    let (mut file, num_bytes) = input::open(path).map_err(|error| error.to_string())?;
    let name = stack::name_by_file(path, &[".gz"]);
    let (shape, place) = if stack::first_bytes(path, 2) == GZIP {
        let (shape, values) = unpack(file, num_bytes)?;
        (shape, Place::Memory(values, 0))
    } else {
        let (shape, start) = header(&mut file)?;
        shape.check_len(num_bytes.saturating_sub(start))?;
        (shape, Place::File(file, start))
    };
    Ok(Stacks {
        stacks: vec![Stack { name, shape, place }],
        refused: Vec::new(),
    })
}

/// The shape of the pictures, and how many bytes the header has.
fn header(from: &mut impl Read) -> Result<(Shape, u64), Reason> {
    let mut bytes = |what: &str| {
        let mut bytes = [0; 4];
        match from.read_exact(&mut bytes) {
            Ok(()) => Ok(bytes),
            Err(error) => Err(format!("its {what} can't be read: {error}")),
        }
    };
    let magic = bytes("magic number")?;
    if !is_magic(&magic) {
        return Err(format!(
            "its magic number is {:08x}, expected 00000803 (images of bytes)",
            u32::from_be_bytes(magic)
        ));
    }
    let [_, _, kind, num_dimensions] = magic;
    if num_dimensions < 3 {
        return Err(format!(
            "it holds labels or single numbers, not images: its number of dimensions is {num_dimensions}, expected 3 or 4"
        ));
    }
    if kind != UNSIGNED_BYTES {
        let kind = TYPES.iter().find(|(known, _)| *known == kind);
        return Err(format!(
            "its values are {}, expected {}",
            kind.map_or("of another type", |(_, name)| name),
            TYPES[0].1
        ));
    }
    let dimensions = (0..num_dimensions)
        .map(|_| Ok(u32::from_be_bytes(bytes("header")?) as usize))
        .collect::<Result<Vec<usize>, Reason>>()?;
    Ok((shape(&dimensions)?, 4 + 4 * u64::from(num_dimensions)))
}

/// Three dimensions are (N, H, W) here, also where the images are one or three pixels wide.
fn shape(dimensions: &[usize]) -> Result<Shape, Reason> {
    match *dimensions {
        [count, height, width] => Shape::of(&[count, height, width, 1]),
        _ => Shape::of(dimensions),
    }
}

/// The pictures of a gzipped file, whose header and checksum must be true of them.
fn unpack(file: impl Read, num_packed: u64) -> Result<(Shape, Vec<u8>), Reason> {
    let mut unpacked = MultiGzDecoder::new(file);
    let (shape, _) = header(&mut unpacked)?;
    let expected = shape.num_bytes();
    if expected > MOST_UNPACKED {
        return Err(format!(
            "it unpacks to {expected} bytes, more than the limit of {MOST_UNPACKED}; unpack it by gunzip"
        ));
    }
    if expected > num_packed.saturating_mul(zip::MOST_EXPANSION) {
        return Err(format!(
            "its header promises {expected} bytes of pixels, more than its {num_packed} compressed bytes can hold"
        ));
    }
    let mut values = Vec::new();
    if values.try_reserve_exact(expected as usize).is_err() {
        return Err(format!(
            "its {expected} bytes do not fit into the memory that the program can have"
        ));
    }
    // One byte more than the header says shows a file that has more, and lets the checksum be compared.
    (unpacked.take(expected + 1).read_to_end(&mut values)).map_err(|error| {
        format!("its compressed data is damaged or cut short ({error}); copy or download it again")
    })?;
    shape.check_len(values.len() as u64)?;
    Ok((shape, values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_are_no_images_are_refused_with_what_they_are() {
        for (bytes, says) in [
            (&b"\0\0\x08\x01\0\0\0\x05"[..], "labels"),
            (
                b"\0\0\x0D\x03\0\0\0\x05\0\0\0\x05\0\0\0\x05",
                "32-bit floating-point",
            ),
            (b"\x89PNG\0\0\0\x05", "89504e47, expected 00000803"),
            (b"\0\0\x08\x03\0\0\0\x05\0\0", "header can't be read"),
            (b"\0\0", "magic number can't be read"),
            (
                b"\0\0\x08\x03\0\0\0\x05\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
                "64 megapixels",
            ),
            (b"\0\0\x08\x03\0\0\0\0\0\0\0\x05\0\0\0\x05", "no pixels"),
        ] {
            let reason = header(&mut &*bytes).unwrap_err();
            assert!(reason.contains(says), "{reason}");
        }
        let (shape, start) =
            header(&mut &b"\0\0\x08\x03\0\0\0\x09\0\0\0\x02\0\0\0\x03"[..]).unwrap();
        assert_eq!((shape.num_pictures, shape.height, shape.width), (9, 2, 3));
        assert_eq!((shape.channels, start), (1, 16));
    }
}
