//! Files of many images that stay open, or unpacked, from one image to the next.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// What tells a file from another one that took its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) num_bytes: u64,
    /// `None` where the system does not say.
    pub(super) modified: Option<SystemTime>,
}

impl Stamp {
    /// Of an open file of this size.
    pub(super) fn of(file: &File, num_bytes: u64) -> Self {
        let metadata = file.metadata();
        Self {
            num_bytes,
            modified: metadata.and_then(|metadata| metadata.modified()).ok(),
        }
    }
}

/// The files of one kind that were opened last, as they were then.
pub(super) struct OpenFiles<T> {
    most: usize,
    files: Mutex<Vec<(PathBuf, Stamp, T)>>,
}

impl<T: Clone> OpenFiles<T> {
    /// Keeps at most `most` files, at least 1.
    pub(super) const fn new(most: usize) -> Self {
        Self {
            most,
            files: Mutex::new(Vec::new()),
        }
    }

    /// The file at `path`, opened by `open` unless it is open since it got this stamp. Nobody waits for another one's
    /// opening: two at once are both right.
    pub(super) fn get<E>(
        &self,
        path: &Path,
        stamp: Stamp,
        open: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let lock = || self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same = |(known, as_of, _): &&(PathBuf, Stamp, T)| known == path && *as_of == stamp;
        let found = lock().iter().find(is_same).map(|(_, _, file)| file.clone());
        if let Some(file) = found {
            return Ok(file);
        }
        let file = open()?;
        let mut files = lock();
        files.retain(|(known, _, _)| known != path);
        if files.len() >= self.most {
            files.remove(0);
        }
        files.push((path.to_owned(), stamp, file.clone()));
        Ok(file)
    }
}
