//! Results of a run, shared between the worker that appends and whoever looks on.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::file::{FileError, RunWriter};
use crate::images::{ImageFile, ImageStatistics, Picture};
use crate::ood::{KnownMask, Role, Values};

/// One image of a run; its position in the run's list is its id.
#[derive(Clone, Debug)]
pub struct RunImage {
    pub file: Arc<ImageFile>,
    /// What the image is there for.
    pub role: Role,
    /// The folder it came from: figures are also given for each out-of-domain folder.
    pub folder: Arc<PathBuf>,
}

impl PartialEq for RunImage {
    fn eq(&self, other: &Self) -> bool {
        // Lists of many thousands are compared, and mostly share their files: paths are slow to compare.
        fn is_same<T: PartialEq>(a: &Arc<T>, b: &Arc<T>) -> bool {
            Arc::ptr_eq(a, b) || a == b
        }
        self.role == other.role
            && is_same(&self.file, &other.file)
            && is_same(&self.folder, &other.folder)
    }
}

/// One finished attempt on one image.
#[derive(Clone, Debug)]
pub struct AttemptResult {
    /// Index into the run's images.
    pub image: usize,
    /// From 0.
    pub attempt: usize,
    /// All that was measured.
    pub values: Values,
    /// Which pixels were known; `None` where none were hidden.
    pub known_mask: Option<Arc<KnownMask>>,
    /// The prepared original, as the model saw it; one allocation shared by all attempts of an image.
    pub original: Picture,
    /// Of `original`; `None` where that has been lost.
    pub statistics: Option<ImageStatistics>,
    /// The reconstruction, clamped and rounded to 8 bits; `None` where the detector makes none, and once the picture budget is
    /// spent.
    pub inpainted: Option<Picture>,
}

/// An append-only log of results: the worker pushes, readers take what is new to them.
///
/// The worker never waits for a reader; the lock is held for a push or a copy only.
/// A log may have a run file: the worker then commits a batch to it before readers see it, and what the file held when
/// the log began counts as done.
#[derive(Debug, Default)]
pub struct ResultLog {
    results: Mutex<Vec<Arc<AttemptResult>>>,
    file: Mutex<Option<RunWriter>>,
}

impl ResultLog {
    /// A log that continues from earlier results and writes to a run file.
    pub fn with_file(writer: RunWriter, earlier: Vec<AttemptResult>) -> Self {
        Self {
            results: Mutex::new(earlier.into_iter().map(Arc::new).collect()),
            file: Mutex::new(Some(writer)),
        }
    }

    /// Do something with the run file, if there is one.
    pub fn with_writer<T>(&self, act: impl FnOnce(&mut RunWriter) -> T) -> Option<T> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.as_mut().map(act)
    }

    /// From now on, write to a run file that holds what the log does.
    pub fn attach_file(&self, writer: RunWriter) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        *file = Some(writer);
    }

    /// Close the run file, if there is one; the log continues without.
    pub fn close_file(&self) -> Result<(), FileError> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.take().map_or(Ok(()), RunWriter::finish)
    }

    /// Append one batch.
    pub fn extend(&self, batch: impl IntoIterator<Item = AttemptResult>) {
        self.results
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(batch.into_iter().map(Arc::new));
    }

    /// Everything appended after the first `seen` results, in order.
    pub fn since(&self, seen: usize) -> Vec<Arc<AttemptResult>> {
        let results = self.results.lock().unwrap_or_else(PoisonError::into_inner);
        results.get(seen..).unwrap_or_default().to_vec()
    }
}
