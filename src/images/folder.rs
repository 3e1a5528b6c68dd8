//! Listing the images of a folder.
//!
//! Content decides what is an image: a file that neither is named nor begins like one is left out without a word, one
//! that does but can't be read is listed with the reason.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use walkdir::{DirEntry, WalkDir};

use super::decode::{self, DecodeError};
use super::file::ImageFile;
use super::natural;

/// The images of one folder, in natural order of their paths below it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// Files whose header could be read, at least one.
    pub files: Vec<Arc<ImageFile>>,
    /// Files that look like images, and folders, that could not be read, each with the reason.
    pub unreadable: Vec<(PathBuf, String)>,
}

/// Why there is no listing.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// Neither a folder nor a file.
    #[error("there is no such folder or file: {}", path.display())]
    Missing {
        /// As asked for.
        path: PathBuf,
    },
    /// The folder itself can't be read.
    #[error("the folder can't be read: {source}: {}", path.display())]
    Unreadable {
        /// As asked for.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// No file that looks like an image.
    #[error(
        "the folder holds no images: expected PNG, JPEG, BMP, GIF, WebP or TIFF files in it or in its subfolders: {}",
        path.display()
    )]
    NoImages {
        /// As asked for.
        path: PathBuf,
    },
    /// Files that look like images, none of which can be read.
    #[error(
        "none of the {num_unreadable} image files can be read; the first one, {}: {reason}: {}",
        first.display(), path.display()
    )]
    NothingReadable {
        /// As asked for.
        path: PathBuf,
        /// How many there are.
        num_unreadable: usize,
        /// One of them.
        first: PathBuf,
        /// Why it can't be read.
        reason: String,
    },
    /// A single file that can't be read.
    #[error("{reason}: {}", path.display())]
    UnreadableFile {
        /// As asked for.
        path: PathBuf,
        /// Why.
        reason: DecodeError,
    },
    /// A table of labels.
    #[error(transparent)]
    Labels(#[from] super::labels::LabelsError),
    /// `progress` asked to stop.
    #[error("the listing was stopped")]
    Stopped,
}

/// Names of image files end so, in any case. Formats that can't be decoded are among them: their files are listed as
/// unreadable rather than left out.
const EXTENSIONS: [&str; 27] = [
    "avif", "bmp", "dds", "dib", "exr", "gif", "hdr", "heic", "heif", "ico", "jfif", "jp2", "jpe",
    "jpeg", "jpg", "jxl", "pbm", "pgm", "png", "pnm", "ppm", "psd", "qoi", "tga", "tif", "tiff",
    "webp",
];

/// List a folder and its subfolders, or a single image file.
///
/// Links are followed, nothing is visited twice, hidden files and folders are left out. Each file is read once for its
/// hash and its header; its pixels are decoded when they are used. `progress` is called for each file looked at, with
/// the number of readable images so far, and may stop the listing.
pub fn list(
    path: &Path,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Listing, ListError> {
    let metadata = path.metadata().map_err(|error| list_error(path, error))?;
    if !metadata.is_dir() {
        return list_file(path);
    }
    let mut found = find(path, progress)?;
    if found.candidates.is_empty() && found.unreadable.is_empty() {
        return Err(ListError::NoImages {
            path: path.to_owned(),
        });
    }
    found.candidates.sort_by(|a, b| natural::compare(a, b));

    let mut listing = Listing {
        files: Vec::new(),
        unreadable: found.unreadable,
    };
    for candidate in found.candidates {
        match describe(&candidate) {
            Ok(file) => listing.files.push(Arc::new(file)),
            Err(error) => listing.unreadable.push((candidate, error.to_string())),
        }
        if progress(listing.files.len()).is_break() {
            return Err(ListError::Stopped);
        }
    }
    listing
        .unreadable
        .sort_by(|(a, _), (b, _)| natural::compare(a, b));
    match (listing.files.is_empty(), listing.unreadable.first()) {
        (true, Some((first, reason))) => Err(ListError::NothingReadable {
            path: path.to_owned(),
            num_unreadable: listing.unreadable.len(),
            first: first.clone(),
            reason: reason.clone(),
        }),
        _ => Ok(listing),
    }
}

fn list_error(path: &Path, source: io::Error) -> ListError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound => ListError::Missing { path },
        _ => ListError::Unreadable { path, source },
    }
}

fn list_file(path: &Path) -> Result<Listing, ListError> {
    let file = describe(path).map_err(|reason| ListError::UnreadableFile {
        path: path.to_owned(),
        reason,
    })?;
    Ok(Listing {
        files: vec![Arc::new(file)],
        unreadable: Vec::new(),
    })
}

fn describe(path: &Path) -> Result<ImageFile, DecodeError> {
    let (hash, native) = decode::describe_file(path)?;
    Ok(ImageFile {
        path: path.to_owned(),
        hash,
        native,
    })
}

/// What a walk through a folder found, in no order.
#[derive(Default)]
struct Found {
    candidates: Vec<PathBuf>,
    unreadable: Vec<(PathBuf, String)>,
}

fn find(
    root: &Path,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Found, ListError> {
    let mut found = Found::default();
    let mut visited = HashSet::new();
    // Sorted, so that it does not depend on the file system which of two links to one file is listed.
    let walk = WalkDir::new(root)
        .follow_links(true)
        .sort_by(|a, b| natural::compare(a.file_name().as_ref(), b.file_name().as_ref()))
        .into_iter()
        .filter_entry(|entry| {
            (entry.depth() == 0 || !is_hidden(entry))
                // A folder or file met again under another name would be listed twice.
                && entry.path().canonicalize().map_or(true, |real| visited.insert(real))
        });
    for entry in walk {
        match entry {
            Ok(entry) => found.look_at(&entry),
            Err(error) => found.note(root, error)?,
        }
        if progress(0).is_break() {
            return Err(ListError::Stopped);
        }
    }
    Ok(found)
}

impl Found {
    fn look_at(&mut self, entry: &DirEntry) {
        if entry.file_type().is_dir() {
            return;
        }
        let path = entry.path();
        let is_named_like_one = has_image_extension(path);
        if !entry.file_type().is_file() {
            // Opening a pipe would wait for its writer.
            if is_named_like_one {
                self.unreadable
                    .push((path.to_owned(), "this is not a regular file".to_owned()));
            }
        } else if is_named_like_one || begins_like_an_image(path) {
            self.candidates.push(path.to_owned());
        }
    }

    fn note(&mut self, root: &Path, error: walkdir::Error) -> Result<(), ListError> {
        // A loop leads to what is being listed anyway.
        if error.loop_ancestor().is_some() {
            return Ok(());
        }
        let path = error.path().unwrap_or(root).to_owned();
        let depth = error.depth();
        let source = error
            .into_io_error()
            .unwrap_or_else(|| io::Error::other("it can't be read"));
        if depth == 0 {
            return Err(list_error(root, source));
        }
        let is_dead_link = source.kind() == io::ErrorKind::NotFound;
        if !is_dead_link || has_image_extension(&path) {
            let reason = if is_dead_link {
                "the link leads to nothing".to_owned()
            } else {
                DecodeError::Read(source).to_string()
            };
            self.unreadable.push((path, reason));
        }
        Ok(())
    }
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

fn has_image_extension(path: &Path) -> bool {
    path.extension()
        .and_then(|extension| extension.to_str())
        .is_some_and(|extension| {
            EXTENSIONS
                .iter()
                .any(|known| known.eq_ignore_ascii_case(extension))
        })
}

/// `false` for what can't be opened: without a name or a beginning nothing says that it is an image.
fn begins_like_an_image(path: &Path) -> bool {
    let mut start = Vec::new();
    File::open(path)
        .and_then(|file| {
            file.take(decode::NUM_MAGIC_BYTES as u64)
                .read_to_end(&mut start)
        })
        .is_ok()
        && decode::sniff(&start).is_some()
}
