//! Where images come from: one list of the kinds of sources, by which each place that a user names is read.
//!
//! A new kind is a file beside this one and its entry in [`SOURCES`]. An image of a source that is a file itself, such as
//! an archive, has a path that begins with that file: `archive.zip/inner/name.png`. [`read`] is the one place where an
//! image's bytes are read, wherever they lie.

mod archive;
mod columns;
mod file;
pub(super) mod folder;
pub mod held_out;
mod idx;
pub mod labels;
mod listing;
mod npy;
mod npz;
mod opened;
mod parquet;
pub mod rows;
mod stack;
pub mod table;
mod tar;
pub mod words;
mod zip;

use std::ops::ControlFlow;
use std::path::{Component, Path};

pub use listing::{ListError, Listing};

use self::listing::Traits;
use super::input::{self, InputError};
use crate::ood::Role;

/// All kinds of sources. A path is of the first one that takes it; the last one takes any.
pub static SOURCES: &[&Source] = &[
    &held_out::SOURCE,
    &labels::SOURCE,
    &rows::SOURCE,
    &folder::SOURCE,
    &idx::SOURCE,
    &npy::SOURCE,
    &npz::SOURCE,
    &zip::SOURCE,
    &tar::SOURCE,
    &parquet::SOURCE,
    &file::SOURCE,
];

/// A kind of source.
#[derive(Debug)]
pub struct Source {
    /// What it is called.
    pub name: &'static str,
    /// Whether it says itself which role its images have, so that it is a source only where one is asked for.
    has_roles: bool,
    /// Whether a path, at which something is, is one.
    is_one: fn(&Path) -> bool,
    /// List its images; `progress` as in [`list`].
    list: List,
    /// Read an image inside it, if it is a file itself; given its path, the image's name in it, and the most bytes.
    read_inside: Option<ReadInside>,
}

type ReadInside = fn(&Path, &Path, u64) -> Result<Vec<u8>, InputError>;

type List = fn(
    &Path,
    Wanted,
    &mut Traits,
    &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Listing, ListError>;

/// Which images of a source are listed.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Those of this role, where the source says which have it; `None` where no role is asked for.
    pub role: Option<Role>,
    /// At most so many that can be read, the first ones in natural order.
    pub limit: usize,
}

impl Wanted {
    /// All of them; tables of labels, whose images have roles, are not taken for sources.
    pub fn all() -> Self {
        Self {
            role: None,
            limit: usize::MAX,
        }
    }

    /// The first ones for a role.
    pub fn of_role(role: Role, limit: Option<usize>) -> Self {
        Self {
            role: Some(role),
            limit: limit.unwrap_or(usize::MAX),
        }
    }
}

/// List the images of a source. A table of labels may name none of a role; any other source holds at least one.
///
/// Each image is read once for its hash and its header; its pixels are decoded when they are used. `progress` is called
/// for each file looked at, with the number of readable images so far, and may stop the listing.
pub fn list(
    path: &Path,
    wanted: Wanted,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Listing, ListError> {
    let mut traits = Traits::default();
    let mut listing = list_part(path, wanted, &mut traits, progress)?;
    listing.notes = traits.notes(&listing.files);
    Ok(listing)
}

/// As [`list`], for a part of what is listed: the notes are made of all parts together.
fn list_part(
    path: &Path,
    wanted: Wanted,
    traits: &mut Traits,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Listing, ListError> {
    if let Err(error) = path.metadata()
        && inside(path).is_none()
        && held_out::model_of(path).is_none()
        && rows::part_of(path).is_none()
    {
        return Err(listing::error_of(path, error));
    }
    let is_one =
        |source: &Source| (wanted.role.is_some() || !source.has_roles) && (source.is_one)(path);
    let source = SOURCES.iter().find(|source| is_one(source));
    (source.unwrap_or(&&file::SOURCE).list)(path, wanted, traits, progress)
}

/// Whether there is something to list at a path that a table names: a file, or an image inside of one.
pub fn is_there(path: &Path) -> bool {
    path.exists() || inside(path).is_some() || held_out::model_of(path).is_some()
}

/// Read an image of at most `limit` bytes, from its file or from inside a source.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, InputError> {
    match inside(path) {
        Some((read_inside, source, name)) => read_inside(source, name, limit),
        None => input::read(path, limit),
    }
}

/// The file that holds an image: its own, or the source that it is inside of.
pub fn file_of(path: &Path) -> &Path {
    inside(path).map_or(path, |(_, source, _)| source)
}

/// How to read an image that is no file, the source that it is in, and its name there.
fn inside(path: &Path) -> Option<(ReadInside, &Path, &Path)> {
    // Most images are files in folders, which one question to the system shows. Where a name in an archive has `..` in
    // it, some systems take the path for one that leads out of the archive; it never does.
    let has_detour = path.components().any(|part| part == Component::ParentDir);
    let folder = path.parent()?;
    if !has_detour && (folder.as_os_str().is_empty() || folder.is_dir()) {
        return None;
    }
    let source = path.ancestors().skip(1).find(|part| part.is_file())?;
    let name = path.strip_prefix(source).ok()?;
    let kind = SOURCES
        .iter()
        .find(|kind| kind.read_inside.is_some() && (kind.is_one)(source))?;
    Some((kind.read_inside?, source, name))
}

/// Names of image files end so, in any case. Formats that can't be decoded are among them: their files are listed as
/// unreadable rather than left out.
const EXTENSIONS: [&str; 29] = [
    "avif", "bmp", "dcm", "dds", "dib", "dicom", "exr", "gif", "hdr", "heic", "heif", "ico",
    "jfif", "jp2", "jpe", "jpeg", "jpg", "jxl", "pbm", "pgm", "png", "pnm", "ppm", "psd", "qoi",
    "tga", "tif", "tiff", "webp",
];

pub fn has_image_extension(path: &Path) -> bool {
    path.extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|extension| {
            EXTENSIONS
                .iter()
                .any(|known| known.eq_ignore_ascii_case(extension))
        })
}
