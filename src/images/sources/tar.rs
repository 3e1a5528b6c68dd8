//! A tar archive of images, such as a shard of a `WebDataset`, read where it lies; nothing is unpacked.
//!
//! Its entries are found once, by their headers; an image is read from its place in the file. What lies beside the images,
//! such as labels, is left out.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use tar::{Archive, EntryType};

use super::archive::{MOST_ENTRIES, NO_NAME, is_hidden, no_such_file, path_in};
use super::listing::{self, ListError, Listing, Traits};
use super::opened::{OpenFiles, Stamp};
use super::{Source, Wanted, has_image_extension, stack, zip};
use crate::images::decode;
use crate::images::input::{self, InputError};

pub(super) static SOURCE: Source = Source {
    name: "tar archive",
    has_roles: false,
    is_one,
    list,
    read_inside: Some(read),
};

/// Archives that are kept open: each role may have some, and their images are read by turns.
const MOST_OPEN: usize = 16;

/// Headers and data begin at multiples of so many bytes.
const BLOCK: u64 = 512;

/// Where a header says what it is, after which POSIX and GNU differ.
const MAGIC: (usize, &[u8]) = (257, b"ustar");

/// Names of archives that are compressed, in lower case, and what unpacks these.
const COMPRESSED: [(&str, &str); 8] = [
    (".tar.gz", "gunzip"),
    (".tgz", "gunzip"),
    (".tar.bz2", "bunzip2"),
    (".tbz2", "bunzip2"),
    (".tar.xz", "unxz"),
    (".txz", "unxz"),
    (".tar.zst", "unzstd"),
    (".tzst", "unzstd"),
];

/// By its start, or by its name: one that is named so and is not so is to be told what is wrong with it.
fn is_one(path: &Path) -> bool {
    let (at, magic) = MAGIC;
    let is_named_so = has_ending(path, ".tar") || unpacked_by(path).is_some();
    (is_named_so && path.is_file()) || stack::first_bytes(path, at + magic.len()).ends_with(magic)
}

fn has_ending(path: &Path, ending: &str) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.to_ascii_lowercase().ends_with(ending)
}

/// What unpacks a compressed archive of this name.
fn unpacked_by(path: &Path) -> Option<&'static str> {
    let is_so = |(ending, _): &&(&str, &str)| has_ending(path, ending);
    COMPRESSED.iter().find(is_so).map(|(_, program)| *program)
}

/// Where the bytes of an entry are.
#[derive(Clone, Copy, Debug)]
struct Extent {
    start: u64,
    num_bytes: u64,
}

/// What is in an archive, found once.
#[derive(Debug)]
struct Index {
    file: File,
    /// By name; of several entries of one name the last one, as unpacking has it.
    entries: BTreeMap<String, Extent>,
    /// Entries that can't be images though they look like some, each with the reason; without a name what is wrong with the
    /// archive itself.
    refused: Vec<(String, String)>,
}

fn list(
    path: &Path,
    wanted: Wanted,
    traits: &mut Traits,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Listing, ListError> {
    let index = open(path).map_err(|error| ListError::Archive {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    let (mut candidates, mut unreadable) = (Vec::new(), Vec::new());
    for (name, extent) in &index.entries {
        if progress(0).is_break() {
            return Err(ListError::Stopped);
        }
        if !has_image_extension(Path::new(name)) && !begins_like_an_image(&index.file, *extent) {
            continue;
        }
        match path_in(path, name) {
            (shown, true) => candidates.push(shown),
            (shown, false) => unreadable.push((shown, NO_NAME.to_owned())),
        }
    }
    for (name, reason) in &index.refused {
        let of = match name.as_str() {
            "" => path.to_owned(),
            name => path_in(path, name).0,
        };
        unreadable.push((of, reason.clone()));
    }
    if candidates.is_empty() && unreadable.is_empty() {
        let path = path.to_owned();
        return Err(ListError::NoImagesInside { path });
    }
    listing::describe_all(path, candidates, unreadable, wanted.limit, traits, progress)
}

fn begins_like_an_image(file: &File, extent: Extent) -> bool {
    let most = extent.num_bytes.min(decode::NUM_MAGIC_BYTES as u64);
    let mut start = vec![0; most as usize];
    zip::read_exact_at(file, &mut start, extent.start).is_ok() && decode::begins_like_one(&start)
}

/// Read one entry.
fn read(path: &Path, name: &Path, limit: u64) -> Result<Vec<u8>, InputError> {
    let index = open(path)?;
    let extent = (name.to_str())
        .and_then(|name| index.entries.get(name))
        .ok_or_else(no_such_file)?;
    let num_bytes = extent.num_bytes;
    if num_bytes > limit {
        return Err(InputError::TooLarge { num_bytes, limit });
    }
    // All of it is in the file, which the index has made sure of.
    let mut bytes = input::room_for(num_bytes)?;
    bytes.resize(num_bytes as usize, 0);
    zip::read_exact_at(&index.file, &mut bytes, extent.start).map_err(InputError::System)?;
    Ok(bytes)
}

/// The entries are found once, not again for each image of many thousands.
static OPENED: OpenFiles<Arc<Index>> = OpenFiles::new(MOST_OPEN);

fn open(path: &Path) -> Result<Arc<Index>, InputError> {
    let (file, num_bytes) = input::open(path)?;
    OPENED.get(path, Stamp::of(&file, num_bytes), || {
        if let Some(program) = unpacked_by(path) {
            return Err(InputError::System(io::Error::other(format!(
                "it is compressed, and images of a compressed archive can't be read one by one; unpack it by `{program}`"
            ))));
        }
        let index = index(file, num_bytes).map_err(InputError::System)?;
        Ok(Arc::new(index))
    })
}

fn index(file: File, num_bytes: u64) -> io::Result<Index> {
    let (mut entries, mut refused) = (BTreeMap::new(), Vec::new());
    let mut num_entries = 0;
    let mut end = 0;
    let mut archive = Archive::new(&file);
    for entry in archive.entries_with_seek()? {
        let entry = match entry {
            Ok(entry) => entry,
            // What comes before is as it was written.
            Err(error) if num_entries > 0 => {
                refused.push((String::new(), cut_short(end, &error.to_string())));
                end = num_bytes;
                break;
            }
            Err(error) => {
                let says = format!("it doesn't begin as a tar archive does ({error})");
                return Err(io::Error::other(says));
            }
        };
        num_entries += 1;
        if num_entries > MOST_ENTRIES {
            return Err(io::Error::other(format!(
                "it has more than the limit of {MOST_ENTRIES} entries; split it"
            )));
        }
        let extent = Extent {
            start: entry.raw_file_position(),
            num_bytes: entry.size(),
        };
        let kind = entry.header().entry_type();
        let stored = if kind == EntryType::GNUSparse {
            0
        } else {
            extent.num_bytes
        };
        let after = extent.start.checked_add(stored);
        let Some(after) = after.filter(|after| *after <= num_bytes) else {
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let says = format!("its {stored} bytes reach beyond the file");
            refused.push((inner_name(&name).to_owned(), cut_short(extent.start, &says)));
            end = num_bytes;
            break;
        };
        end = after.next_multiple_of(BLOCK);
        let name = entry.path_bytes();
        let Ok(name) = str::from_utf8(&name) else {
            refused.push((
                String::from_utf8_lossy(&name).into_owned(),
                NO_NAME.to_owned(),
            ));
            continue;
        };
        let name = inner_name(name);
        match kind {
            // Old archives have no other sign of a folder.
            _ if is_hidden(name) || name.ends_with('/') => {}
            EntryType::Regular | EntryType::Continuous => {
                entries.insert(name.to_owned(), extent);
            }
            EntryType::GNUSparse if has_image_extension(Path::new(name)) => {
                let says = "it is stored with holes; unpack the archive and name the folder";
                refused.push((name.to_owned(), says.to_owned()));
            }
            // Folders and links: what a link leads to is listed itself.
            _ => {}
        }
    }
    if num_entries == 0 {
        return Err(io::Error::other("it is empty"));
    }
    // An archive ends with blocks of zeros; one without may have been cut between two of its files.
    if end >= num_bytes && refused.is_empty() {
        refused.push((
            String::new(),
            cut_short(num_bytes, "its end mark is missing"),
        ));
    }
    Ok(Index {
        file,
        entries,
        refused,
    })
}

/// A name as unpacking takes it, below the folder that it is unpacked to.
fn inner_name(name: &str) -> &str {
    let mut name = name;
    while let Some(rest) = name.strip_prefix("./").or_else(|| name.strip_prefix('/')) {
        name = rest;
    }
    name
}

fn cut_short(at: u64, says: &str) -> String {
    format!(
        "the archive is damaged or cut short at byte {at} ({says}): images after it are not listed; copy or download it \
         again"
    )
}
