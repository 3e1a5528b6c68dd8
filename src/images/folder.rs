//! Listing the images of a folder.
//!
//! Content decides what is an image: a file that neither is named nor begins like one is left out without a word, one
//! that does but can't be read is listed with the reason.

use std::collections::HashMap;
use std::io::{self, Read as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use walkdir::{DirEntry, WalkDir};

use super::decode::{self, DecodeError};
use super::file::ImageFile;
use super::write::is_named_like_a_run;
use super::{input, natural};

/// The images of one folder, in natural order of their paths below it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// Files whose header could be read, at least one.
    pub files: Vec<Arc<ImageFile>>,
    /// Files that look like images, and folders, that could not be read, each with the reason.
    pub unreadable: Vec<(PathBuf, String)>,
    /// What else to tell of the files, a sentence each.
    pub notes: Vec<String>,
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
    /// A folder of nothing but this program's charts.
    #[error(
        "this is a report folder: its pictures are charts that this program drew (run.lmdrun lies beside them); name a \
         folder of images: {}",
        path.display()
    )]
    Report {
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

impl ListError {
    /// The sentence without the path at its end, for where that is shown beside it.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Missing { .. } => "there is no such folder or file".to_owned(),
            Self::Unreadable { source, .. } => format!("the folder can't be read: {source}"),
            Self::NoImages { .. } => "the folder holds no images".to_owned(),
            Self::Report { .. } => "this is a report folder, which holds charts".to_owned(),
            Self::NothingReadable {
                num_unreadable,
                reason,
                ..
            } => {
                format!("none of its {num_unreadable} image files can be read, for one: {reason}")
            }
            Self::UnreadableFile { reason, .. } => reason.to_string(),
            Self::Labels(_) | Self::Stopped => self.to_string(),
        }
    }
}

/// The charts of a report folder, by their names; the run file beside them tells it from any other folder.
const REPORT_CHARTS: [&str; 3] = ["contact-sheet.png", "histogram.png", "roc.png"];
const REPORT_MARK: &str = "run.lmdrun";

/// Files of 16 bits that are decoded to see how many of them are used: it is done for a note.
const MOST_LOOKED_INTO: usize = 4;

/// Names of image files end so, in any case. Formats that can't be decoded are among them: their files are listed as
/// unreadable rather than left out.
const EXTENSIONS: [&str; 27] = [
    "avif", "bmp", "dds", "dib", "exr", "gif", "hdr", "heic", "heif", "ico", "jfif", "jp2", "jpe",
    "jpeg", "jpg", "jxl", "pbm", "pgm", "png", "pnm", "ppm", "psd", "qoi", "tga", "tif", "tiff",
    "webp",
];

/// List a folder and its subfolders, or a single image file.
///
/// Links are followed, nothing is visited twice, hidden files and folders are left out, and so are the charts of this
/// program's reports. Each file is read once for its hash and its header; its pixels are decoded when they are used.
/// `progress` is called for each file looked at, with the number of readable images so far, and may stop the listing.
pub fn list(
    path: &Path,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Listing, ListError> {
    list_first(path, usize::MAX, progress)
}

/// As [`list`], but end after `limit` readable files in natural order: what comes later is not even opened.
pub fn list_first(
    path: &Path,
    limit: usize,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Listing, ListError> {
    let mut traits = Traits::default();
    let mut listing = list_noting(path, limit, &mut traits, progress)?;
    listing.notes = traits.notes(&listing.files);
    Ok(listing)
}

/// As [`list_first`], for a part of what is listed: the notes are made of all parts together.
pub(super) fn list_noting(
    path: &Path,
    limit: usize,
    traits: &mut Traits,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Listing, ListError> {
    let metadata = path.metadata().map_err(|error| list_error(path, error))?;
    if !metadata.is_dir() {
        return list_file(path, traits);
    }
    let mut found = find(path, progress)?;
    if found.candidates.is_empty() && found.unreadable.is_empty() {
        let path = path.to_owned();
        return Err(if found.charts.is_empty() {
            ListError::NoImages { path }
        } else {
            ListError::Report { path }
        });
    }
    traits.charts.append(&mut found.charts);
    found.candidates.sort_by(|a, b| natural::compare(a, b));

    let mut listing = Listing {
        unreadable: found.unreadable,
        ..Listing::default()
    };
    for candidate in found.candidates {
        if listing.files.len() >= limit {
            break;
        }
        match describe(&candidate, traits) {
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

/// What a listing tells of its files together.
#[derive(Default)]
pub(super) struct Traits {
    /// Files of which the first of several pictures is used, and one of them.
    num_of_several: usize,
    of_several: Option<PathBuf>,
    /// Of this program's reports; left out.
    charts: Vec<PathBuf>,
}

impl Traits {
    /// A sentence for each thing that some of the files are.
    pub(super) fn notes(&self, files: &[Arc<ImageFile>]) -> Vec<String> {
        let several = self.of_several.as_ref().map(|path| {
            format!(
                "{} several pictures (frames or pages), of which the first is used, e.g. {}",
                match self.num_of_several {
                    1 => "1 file holds".to_owned(),
                    count => format!("{count} files hold"),
                },
                path.display()
            )
        });
        let charts = self.charts.first().map(|path| {
            format!(
                "{} left out, since this program drew {} for a report, e.g. {}",
                match self.charts.len() {
                    1 => "1 chart is".to_owned(),
                    count => format!("{count} charts are"),
                },
                if self.charts.len() == 1 { "it" } else { "them" },
                path.display()
            )
        });
        [several, unused_bits(files), charts]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// Cameras of 10, 12 or 14 bits that write files of 16 leave the upper ones empty, and the picture is nearly black.
fn unused_bits(files: &[Arc<ImageFile>]) -> Option<String> {
    const WORTH_TELLING: u32 = 14;
    let is_deep = |file: &&Arc<ImageFile>| file.native.color.ends_with("16");
    let deep: Vec<&Arc<ImageFile>> = files
        .iter()
        .filter(is_deep)
        .take(MOST_LOOKED_INTO)
        .collect();
    let used = deep
        .iter()
        .map(|file| decode::decode_file(&file.path).ok()?.used_bits())
        .collect::<Option<Vec<u32>>>()?
        .into_iter()
        .max()?;
    (1..=WORTH_TELLING).contains(&used).then(|| {
        let num_deep = files.iter().filter(is_deep).count();
        format!(
            "{} stored with 16 bits per channel; those looked at use {used} bits or fewer (values up to {}), so that they \
             are scored as nearly black pictures; stretch their values to 16 bits if that is not meant, e.g. {}",
            match num_deep {
                1 => "1 file is".to_owned(),
                count => format!("{count} files are"),
            },
            (1_u32 << used) - 1,
            deep[0].path.display()
        )
    })
}

fn list_error(path: &Path, source: io::Error) -> ListError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound => ListError::Missing { path },
        _ => ListError::Unreadable { path, source },
    }
}

fn list_file(path: &Path, traits: &mut Traits) -> Result<Listing, ListError> {
    let file = describe(path, traits).map_err(|reason| ListError::UnreadableFile {
        path: path.to_owned(),
        reason,
    })?;
    Ok(Listing {
        files: vec![Arc::new(file)],
        ..Listing::default()
    })
}

fn describe(path: &Path, traits: &mut Traits) -> Result<ImageFile, DecodeError> {
    let described = decode::describe_file(path)?;
    if described.has_more_pictures {
        traits.num_of_several += 1;
        traits.of_several.get_or_insert_with(|| path.to_owned());
    }
    Ok(ImageFile {
        path: path.to_owned(),
        hash: described.hash,
        native: described.native,
    })
}

/// What a walk through a folder found, in no order.
#[derive(Default)]
struct Found {
    candidates: Vec<PathBuf>,
    unreadable: Vec<(PathBuf, String)>,
    /// Of this program's reports.
    charts: Vec<PathBuf>,
}

fn find(
    root: &Path,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Found, ListError> {
    let mut found = Found::default();
    let mut visited = Visited::default();
    // Sorted, so that it does not depend on the file system which of two links to one file is listed.
    let walk = WalkDir::new(root)
        .follow_links(true)
        .sort_by(|a, b| natural::compare(a.file_name().as_ref(), b.file_name().as_ref()))
        .into_iter()
        .filter_entry(|entry| {
            (entry.depth() == 0 || !is_hidden(entry))
                // A folder or file met again under another name would be listed twice.
                && visited.is_new(entry)
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

/// Folders and files met so far: one met again under another name would be listed twice.
///
/// They are told apart by their numbers on the file system, since to resolve each path takes long far down in it. A hard
/// link is a file of its own.
#[derive(Default)]
struct Visited {
    /// Whether each was met through a link.
    met: HashMap<Identity, bool>,
}

#[cfg(unix)]
type Identity = (u64, u64);
#[cfg(not(unix))]
type Identity = PathBuf;

#[cfg(unix)]
fn identity(entry: &DirEntry) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    // Of what a link leads to, since links are followed.
    let metadata = entry.metadata().ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(entry: &DirEntry) -> Option<Identity> {
    entry.path().canonicalize().ok()
}

impl Visited {
    /// `true` also for what can't be looked at, so that it is told.
    fn is_new(&mut self, entry: &DirEntry) -> bool {
        let Some(identity) = identity(entry) else {
            return true;
        };
        let is_link = entry.path_is_symlink();
        match self.met.get(&identity) {
            // Two names without a link: hard links.
            Some(false) if !is_link && !entry.file_type().is_dir() => true,
            Some(_) => false,
            None => {
                self.met.insert(identity, is_link);
                true
            }
        }
    }
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
        } else if is_chart_of_a_report(entry) {
            self.charts.push(path.to_owned());
        } else if is_named_like_one || (!is_named_like_a_run(path) && begins_like_an_image(path)) {
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
                DecodeError::Read(input::InputError::System(source)).to_string()
            };
            self.unreadable.push((path, reason));
        }
        Ok(())
    }
}

fn is_hidden(entry: &DirEntry) -> bool {
    entry.file_name().as_encoded_bytes().starts_with(b".")
}

/// Whether this program drew it.
fn is_chart_of_a_report(entry: &DirEntry) -> bool {
    REPORT_CHARTS.iter().any(|name| entry.file_name() == *name)
        && entry.path().with_file_name(REPORT_MARK).is_file()
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
    input::open(path).is_ok_and(|(file, _)| {
        file.take(decode::NUM_MAGIC_BYTES as u64)
            .read_to_end(&mut start)
            .is_ok()
    }) && decode::sniff(&start).is_some()
}
