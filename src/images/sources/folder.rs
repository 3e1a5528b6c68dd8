//! A folder and its subfolders.
//!
//! Content decides what is an image: a file that neither is named nor begins like one is left out without a word, one
//! that does but can't be read is listed with the reason. A folder without images but with shards of them stands for theirs.

use std::collections::HashMap;
use std::io::{self, Read as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::listing::{self, ListError, Listing, Traits};
use super::{Source, Wanted, has_image_extension, rows};
use crate::images::decode::{self, DecodeError};
use crate::images::write::is_named_like_a_run;
use crate::images::{input, natural};

pub(super) static SOURCE: Source = Source {
    name: "folder",
    has_roles: false,
    is_one: Path::is_dir,
    list,
    read_inside: None,
};

/// The charts of a report folder, by their names; the run file beside them tells it from any other folder.
const REPORT_CHARTS: [&str; 3] = ["contact-sheet.png", "histogram.png", "roc.png"];
const REPORT_MARK: &str = "run.lmdrun";

/// Names of shards end so.
const SHARDS: [&str; 2] = ["parquet", "tar"];

/// Links are followed, nothing is visited twice, hidden files and folders are left out, and so are the charts of this
/// program's reports.
fn list(
    path: &Path,
    wanted: Wanted,
    traits: &mut Traits,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Listing, ListError> {
    let mut found = find(path, progress)?;
    if found.candidates.is_empty() && found.unreadable.is_empty() {
        if !found.shards.is_empty() {
            return list_shards(path, found.shards, wanted, traits, progress);
        }
        let path = path.to_owned();
        return Err(if found.charts.is_empty() {
            ListError::NoImages { path }
        } else {
            ListError::Report { path }
        });
    }
    traits.charts.append(&mut found.charts);
    let Found {
        candidates,
        unreadable,
        ..
    } = found;
    listing::describe_all(path, candidates, unreadable, wanted.limit, traits, progress)
}

/// The images of a folder that holds none itself but shards of them, one shard after the other.
fn list_shards(
    path: &Path,
    mut shards: Vec<PathBuf>,
    wanted: Wanted,
    traits: &mut Traits,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Listing, ListError> {
    shards.sort_by(|a, b| natural::compare(a, b));
    let shards = shards.into_iter().map(|shard| (shard, None));
    rows::list_images(shards, wanted.limit, traits, progress)?.with_something(path)
}

/// How many files a listing of a folder would open; content is not looked at where the name says what a file is.
pub(in crate::images) fn count(path: &Path) -> usize {
    let found = find(path, &mut |_| ControlFlow::Continue(()));
    found.map_or(0, |found| found.candidates.len() + found.unreadable.len())
}

/// What a walk through a folder found, in no order.
#[derive(Default)]
struct Found {
    candidates: Vec<PathBuf>,
    unreadable: Vec<(PathBuf, String)>,
    /// Of this program's reports.
    charts: Vec<PathBuf>,
    /// Files of many images, as data sets that are too large for files of their own come.
    shards: Vec<PathBuf>,
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
        } else if SHARDS.iter().any(|it| {
            path.extension()
                .is_some_and(|is| is.eq_ignore_ascii_case(it))
        }) {
            self.shards.push(path.to_owned());
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
            return Err(listing::error_of(root, source));
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

/// `false` for what can't be opened: without a name or a beginning nothing says that it is an image.
fn begins_like_an_image(path: &Path) -> bool {
    let mut start = Vec::new();
    input::open(path).is_ok_and(|(file, _)| {
        file.take(decode::NUM_MAGIC_BYTES as u64)
            .read_to_end(&mut start)
            .is_ok()
    }) && decode::begins_like_one(&start)
}
