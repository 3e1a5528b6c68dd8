//! What every source of images gives: the images that can be read, and what is to tell of the others.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::images::decode::{self, DecodeError};
use crate::images::file::ImageFile;
use crate::images::natural;

/// The images of one source, in natural order of their paths below it.
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
    /// No entry that looks like an image.
    #[error(
        "the archive holds no images: expected PNG, JPEG, BMP, GIF, WebP or TIFF files in it: {}",
        path.display()
    )]
    NoImagesInside {
        /// As asked for.
        path: PathBuf,
    },
    /// The archive itself can't be read.
    #[error("the archive can't be read: {reason}: {}", path.display())]
    Archive {
        /// As asked for.
        path: PathBuf,
        reason: String,
    },
    /// A file of many images can't be used.
    #[error("the images of this file can't be used: {reason}: {}", path.display())]
    Stack {
        /// As asked for.
        path: PathBuf,
        reason: String,
    },
    /// The images that a model's training has left alone.
    #[error("the held-out images of this model can't be used: {reason}: {}", path.display())]
    HeldOut {
        /// As asked for.
        path: PathBuf,
        reason: String,
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
        reason: DecodeError,
    },
    /// A table.
    #[error(transparent)]
    Table(#[from] super::table::TableError),
    /// No row has the label.
    #[error("the table names no images of `{}`: {}", part.display(), path.display())]
    NoSuchPart {
        /// Split and label.
        part: PathBuf,
        /// Of the table.
        path: PathBuf,
    },
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
            Self::NoImagesInside { .. } => "the archive holds no images".to_owned(),
            Self::Archive { reason, .. } => format!("the archive can't be read: {reason}"),
            Self::Stack { reason, .. } => format!("the images can't be used: {reason}"),
            Self::HeldOut { reason, .. } => format!("the held-out images can't be used: {reason}"),
            Self::Report { .. } => "this is a report folder, which holds charts".to_owned(),
            Self::NothingReadable {
                num_unreadable,
                reason,
                ..
            } => {
                format!("none of its {num_unreadable} image files can be read, for one: {reason}")
            }
            Self::UnreadableFile { reason, .. } => reason.to_string(),
            Self::Table(_) | Self::NoSuchPart { .. } | Self::Stopped => self.to_string(),
        }
    }
}

/// Files of 16 bits that are decoded to see how many of them are used: it is done for a note.
const MOST_LOOKED_INTO: usize = 4;

/// Describe what was found in natural order, until `limit` images can be read: what comes later is not even opened.
pub(super) fn describe_all(
    root: &Path,
    mut candidates: Vec<PathBuf>,
    unreadable: Vec<(PathBuf, String)>,
    limit: usize,
    traits: &mut Traits,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Listing, ListError> {
    candidates.sort_by(|a, b| natural::compare(a, b));
    let mut listing = Listing {
        unreadable,
        ..Listing::default()
    };
    for candidate in candidates {
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
    listing.with_something(root)
}

impl Listing {
    /// Refuse a listing of `root` in which nothing can be read.
    pub(super) fn with_something(self, root: &Path) -> Result<Self, ListError> {
        match (self.files.is_empty(), self.unreadable.first()) {
            (true, Some((first, reason))) => Err(ListError::NothingReadable {
                path: root.to_owned(),
                num_unreadable: self.unreadable.len(),
                first: first.clone(),
                reason: reason.clone(),
            }),
            _ => Ok(self),
        }
    }
}

/// What a listing tells of its files together.
#[derive(Default)]
pub(super) struct Traits {
    /// Files of which the first of several pictures is used, and one of them.
    num_of_several: usize,
    of_several: Option<PathBuf>,
    /// Of this program's reports; left out.
    pub(super) charts: Vec<PathBuf>,
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

pub(super) fn error_of(path: &Path, source: io::Error) -> ListError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::NotFound => ListError::Missing { path },
        _ => ListError::Unreadable { path, source },
    }
}

pub(super) fn describe(path: &Path, traits: &mut Traits) -> Result<ImageFile, DecodeError> {
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
