//! NumPy's `.npz` files: a zip archive of arrays, some of which are images.

use std::path::Path;

use super::archive::MOST_ENTRIES;
use super::npy::Array;
use super::stack::{self, MOST_UNPACKED, Place, Reason, Stack, Stacks};
use super::{Source, zip};

pub(super) static SOURCE: Source = Source {
    name: "NumPy archive",
    has_roles: false,
    is_one,
    list: |path, wanted, traits, progress| stack::list(path, open, wanted, traits, progress),
    read_inside: Some(|path, name, limit| stack::read(path, name, limit, open)),
};

/// Images have at least so many dimensions; arrays with fewer are labels and the like, and left out without a word.
const FEWEST_DIMENSIONS: usize = 3;

/// Bytes of an entry's header before its name, whose length is among them.
const ENTRY_HEADER: usize = 30;

/// A zip archive that is named so, or whose first entry is an array.
fn is_one(path: &Path) -> bool {
    if path.extension().is_some_and(|extension| extension == "npz") {
        return path.is_file();
    }
    let start = stack::first_bytes(path, ENTRY_HEADER + usize::from(u8::MAX));
    start.starts_with(b"PK\x03\x04")
        && (start.get(26..28)).is_some_and(|len| {
            let len = usize::from(u16::from_le_bytes([len[0], len[1]]));
            let name = start.get(ENTRY_HEADER..ENTRY_HEADER + len);
            name.is_some_and(|name| name.ends_with(b".npy"))
        })
}

fn open(path: &Path) -> Result<Stacks, Reason> {
    let names = array_names(path)?;
    let mut stacks = Stacks::default();
    let mut room = MOST_UNPACKED;
    for name in names {
        if name.contains(['#', '/', '\\']) {
            let reason = "its name in the archive is not that of an array".to_owned();
            stacks
                .refused
                .push((name.replace(['/', '\\'], "_"), reason));
            continue;
        }
        let bytes = match zip::read(path, Path::new(&name), room) {
            Ok(bytes) => bytes,
            Err(error) => {
                stacks.refused.push((name, error.to_string()));
                continue;
            }
        };
        // Also those that are not kept: a small archive may promise more than anybody wants to unpack.
        room -= bytes.len() as u64;
        match images(&bytes) {
            Ok(None) => {}
            Ok(Some((shape, start))) => {
                stacks.stacks.push(Stack {
                    name: name.strip_suffix(".npy").unwrap_or(&name).to_owned(),
                    shape,
                    place: Place::Memory(bytes, start),
                });
            }
            Err(reason) => stacks.refused.push((name, reason)),
        }
    }
    if stacks.stacks.is_empty() && stacks.refused.is_empty() {
        return Err(
            "it holds no images: expected arrays of uint8 as (N, H, W), (N, H, W, C) or (N, C, H, W)"
                .to_owned(),
        );
    }
    Ok(stacks)
}

/// The entries that are arrays.
fn array_names(path: &Path) -> Result<Vec<String>, Reason> {
    let mut archive = zip::open(path).map_err(|error| error.to_string())?;
    if (archive.has_overlapping_entries()).map_err(|error| error.to_string())? {
        return Err("some of its entries share their data".to_owned());
    }
    if archive.len() > MOST_ENTRIES {
        return Err(format!(
            "it has {} entries, more than the limit of {}",
            archive.len(),
            MOST_ENTRIES
        ));
    }
    let names = archive.file_names().filter_map(Result::ok);
    Ok(names
        .filter(|name| name.ends_with(".npy"))
        .map(std::borrow::Cow::into_owned)
        .collect())
}

/// The images of an array and where its values begin; `None` where it is of another kind.
fn images(bytes: &[u8]) -> Result<Option<(stack::Shape, usize)>, Reason> {
    let array = Array::read(&mut &*bytes)?;
    if array.dimensions.len() < FEWEST_DIMENSIONS {
        return Ok(None);
    }
    let shape = array.images()?;
    shape.check_len(bytes.len() as u64 - array.start)?;
    Ok(Some((shape, array.start as usize)))
}
