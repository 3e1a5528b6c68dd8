//! A zip archive of images, read where it lies; nothing is unpacked.
//!
//! An archive is a stranger's file: what it says of its size is believed only as far as its data can make it true.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::Crc;
use flate2::read::DeflateDecoder;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::archive::{MOST_ENTRIES, NO_NAME, is_hidden, no_such_file, path_in};
use super::listing::{self, ListError, Listing, Traits};
use super::opened::{OpenFiles, Stamp};
use super::{Source, Wanted, has_image_extension};
use crate::images::decode;
use crate::images::input::{self, InputError};

pub(super) static SOURCE: Source = Source {
    name: "zip archive",
    has_roles: false,
    is_one: is_archive,
    list,
    read_inside: Some(read),
};

/// Deflated data becomes at most so many times larger.
pub(super) const MOST_EXPANSION: u64 = 1032;

/// Archives that are kept open: each role may have some, and their images are read by turns.
const MOST_OPEN: usize = 16;

/// A file that begins as an archive does: with an entry, or with the end of an empty list of them.
fn is_archive(path: &Path) -> bool {
    let mut start = [0; 4];
    input::open(path).is_ok_and(|(mut file, _)| file.read_exact(&mut start).is_ok())
        && [*b"PK\x03\x04", *b"PK\x05\x06"].contains(&start)
}

fn list(
    path: &Path,
    wanted: Wanted,
    traits: &mut Traits,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Listing, ListError> {
    let refused = |reason: String| ListError::Archive {
        path: path.to_owned(),
        reason,
    };
    let mut archive = open(path).map_err(|error| refused(error.to_string()))?;
    if archive.len() > MOST_ENTRIES {
        let count = archive.len();
        return Err(refused(format!(
            "it has {count} entries, more than the limit of {MOST_ENTRIES}; split it"
        )));
    }
    // A small archive of entries that share their data may unpack to more than any disk holds.
    if (archive.has_overlapping_entries()).map_err(|error| refused(error.to_string()))? {
        return Err(refused("some of its entries share their data".to_owned()));
    }
    let (mut candidates, mut unreadable) = (Vec::new(), Vec::new());
    for index in 0..archive.len() {
        match candidate(path, &mut archive, index) {
            Ok(found) => candidates.extend(found),
            Err(refusal) => unreadable.push(refusal),
        }
        if progress(0).is_break() {
            return Err(ListError::Stopped);
        }
    }
    if candidates.is_empty() && unreadable.is_empty() {
        let path = path.to_owned();
        return Err(ListError::NoImagesInside { path });
    }
    listing::describe_all(path, candidates, unreadable, wanted.limit, traits, progress)
}

/// The path of an entry that looks like an image; why it has none, where its name can't be one.
fn candidate(
    path: &Path,
    archive: &mut ZipArchive<Place>,
    index: usize,
) -> Result<Option<PathBuf>, (PathBuf, String)> {
    let refused = |error: ZipError| (path.to_owned(), format!("entry {index}: {error}"));
    let entry = archive.by_index_data(index).map_err(refused)?;
    let name = entry.name().map_err(refused)?.into_owned();
    if entry.is_dir() || is_hidden(&name) {
        return Ok(None);
    }
    let (shown, is_told) = path_in(path, &name);
    let is_image = has_image_extension(Path::new(&name)) || begins_like_an_image(archive, index);
    match (is_image, is_told) {
        (false, _) => Ok(None),
        (true, true) => Ok(Some(shown)),
        (true, false) => Err((shown, NO_NAME.to_owned())),
    }
}

fn begins_like_an_image(archive: &mut ZipArchive<Place>, index: usize) -> bool {
    let mut start = Vec::new();
    let most = decode::NUM_MAGIC_BYTES as u64;
    let mut read = || {
        let data = unpacked(archive, index)?;
        data.take(most).read_to_end(&mut start)
    };
    read().is_ok() && decode::begins_like_one(&start)
}

/// Read one entry.
pub(super) fn read(path: &Path, name: &Path, limit: u64) -> Result<Vec<u8>, InputError> {
    let mut archive = open(path)?;
    let index = (name.to_str())
        .and_then(|name| archive.index_for_name(name))
        .ok_or_else(no_such_file)?;
    let entry = archive
        .by_index_data(index)
        .map_err(|error| system(error.into()))?;
    let (num_bytes, checksum) = (entry.size(), entry.crc32());
    if num_bytes > limit {
        return Err(InputError::TooLarge { num_bytes, limit });
    }
    if num_bytes > entry.compressed_size().saturating_mul(MOST_EXPANSION) {
        return Err(system(damaged()));
    }
    let mut bytes = input::room_for(num_bytes)?;
    // One byte more than it says shows an entry that says too little.
    let data = unpacked(&mut archive, index).map_err(system)?;
    (data.take(num_bytes + 1).read_to_end(&mut bytes)).map_err(|_any| system(damaged()))?;
    let mut crc = Crc::new();
    crc.update(&bytes);
    if bytes.len() as u64 != num_bytes || crc.sum() != checksum {
        return Err(system(damaged()));
    }
    Ok(bytes)
}

fn system(error: io::Error) -> InputError {
    InputError::System(error)
}

fn damaged() -> io::Error {
    io::Error::other(
        "its data in the archive is not what the archive says; copy or download the archive again",
    )
}

/// The bytes of an entry, as many as its data makes.
fn unpacked(archive: &mut ZipArchive<Place>, index: usize) -> io::Result<Box<dyn Read + '_>> {
    let entry = archive.by_index_raw(index)?;
    if entry.encrypted() {
        return Err(io::Error::other(
            "it is encrypted in the archive; unpack the archive and name the folder",
        ));
    }
    match entry.compression() {
        CompressionMethod::Stored => Ok(Box::new(entry)),
        CompressionMethod::DEFLATE => Ok(Box::new(DeflateDecoder::new(entry))),
        other => Err(io::Error::other(format!(
            "it is compressed by {other} in the archive; expected stored or deflated files; unpack the archive and name \
             the folder"
        ))),
    }
}

/// The list of entries is read once, not again for each image of many thousands.
static OPENED: OpenFiles<ZipArchive<Place>> = OpenFiles::new(MOST_OPEN);

pub(super) fn open(path: &Path) -> Result<ZipArchive<Place>, InputError> {
    let (file, num_bytes) = input::open(path)?;
    OPENED.get(path, Stamp::of(&file, num_bytes), || {
        let place = Place {
            file: Arc::new(file),
            num_bytes,
            position: 0,
        };
        ZipArchive::new(place).map_err(|error| system(error.into()))
    })
}

/// A place in an open file. Copies share the file and not the place, so that threads read side by side.
#[derive(Clone, Debug)]
pub(super) struct Place {
    file: Arc<File>,
    num_bytes: u64,
    position: u64,
}

impl Read for Place {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = read_at(&self.file, buffer, self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Place {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.num_bytes.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// Fill a buffer from a file, from this byte on.
pub(super) fn read_exact_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<()> {
    let mut filled = 0;
    while filled < buffer.len() {
        match read_at(file, &mut buffer[filled..], at + filled as u64)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => filled += count,
        }
    }
    Ok(())
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, at)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, at)
}
