//! A stored run in one of the formats of [`crate::runs::formats`], as files that replace none.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::images::write::write_new;
use crate::runs::file;
use crate::runs::formats::{Content, Format, RunView};
use crate::runs::report::ImageScores;

/// Names that are tried for a file before it is given up.
const MOST_NAMES: usize = 1000;

/// Why a run could not be written in a format.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The run could not be read.
    #[error(transparent)]
    Read(#[from] file::FileError),
    /// The run has nothing for the format, or that could not be made.
    #[error("there is nothing to write: {0}")]
    Nothing(String),
    /// A file or folder could not be written.
    #[error("could not write ({source}): {}", path.display())]
    Write {
        /// What the system said.
        source: io::Error,
        /// The file or folder.
        path: PathBuf,
    },
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The file, or the folder of the files.
    pub path: PathBuf,
    /// What is missing from it, in sentences: attempts of a run that has not ended, damaged rows.
    pub caveats: Vec<String>,
}

/// Write the run in the file `run` in one format into a folder, which is made where it is missing.
///
/// A file of the format's name that is there already stays: the new one is called `scores-2.csv` and so on.
pub fn write_format(run: &Path, folder: &Path, format: &Format) -> Result<Written, FormatError> {
    let stored = file::read(run)?;
    let missing = stored.what_is_missing();
    let caveats = stored.damage.iter().cloned().chain(missing).collect();
    let view = RunView::new(stored);
    make(folder)?;
    let path = match format.content {
        Content::Text(text) => {
            let report = view.report();
            let text = text(&report, &ImageScores::collect(&report))
                .map_err(|nothing| FormatError::Nothing(nothing.to_owned()))?;
            write_fresh(folder, format.file_name, text.as_bytes())?
        }
        Content::File(bytes) => {
            let bytes = bytes(&view).map_err(FormatError::Nothing)?;
            write_fresh(folder, format.file_name, &bytes)?
        }
        Content::Folder(files) => {
            let folder = fresh_folder(folder, format.name)?;
            for (name, bytes) in files(&view) {
                let bytes = bytes.map_err(FormatError::Nothing)?;
                let path = folder.join(name);
                write_new(&path, &bytes).map_err(|source| FormatError::Write { source, path })?;
            }
            folder
        }
    };
    Ok(Written { path, caveats })
}

fn make(folder: &Path) -> Result<(), FormatError> {
    fs::create_dir_all(folder).map_err(|source| FormatError::Write {
        source,
        path: folder.to_owned(),
    })
}

/// `name`, then `name` with -2, -3, … before what follows its first dot.
fn names(name: &str) -> impl Iterator<Item = String> {
    let (stem, extension) = match name.split_once('.') {
        Some((stem, extension)) => (stem.to_owned(), format!(".{extension}")),
        None => (name.to_owned(), String::new()),
    };
    (1..MOST_NAMES).map(move |number| match number {
        1 => format!("{stem}{extension}"),
        _ => format!("{stem}-{number}{extension}"),
    })
}

fn write_fresh(folder: &Path, name: &str, bytes: &[u8]) -> Result<PathBuf, FormatError> {
    attempt(folder, name, |path| write_new(path, bytes))
}

fn fresh_folder(folder: &Path, name: &str) -> Result<PathBuf, FormatError> {
    attempt(folder, name, |path| fs::create_dir(path))
}

/// Try names until one is free.
fn attempt(
    folder: &Path,
    name: &str,
    create: impl Fn(&Path) -> io::Result<()>,
) -> Result<PathBuf, FormatError> {
    let mut last = None;
    for name in names(name) {
        let path = folder.join(name);
        match create(&path) {
            Ok(()) => return Ok(path),
            Err(source) if source.kind() == io::ErrorKind::AlreadyExists => {
                last = Some(FormatError::Write { source, path });
            }
            Err(source) => return Err(FormatError::Write { source, path }),
        }
    }
    Err(last.unwrap_or_else(|| FormatError::Nothing("no name is free".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_there_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let write = |bytes: &[u8]| write_fresh(folder.path(), "scores.csv", bytes).unwrap();
        assert_eq!(write(b"first"), folder.path().join("scores.csv"));
        assert_eq!(write(b"second"), folder.path().join("scores-2.csv"));
        assert_eq!(
            fs::read(folder.path().join("scores.csv")).unwrap(),
            b"first"
        );
    }
}
