//! Results of a run, shared between the worker that appends and whoever looks on.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::images::{ImageFile, Picture};
use crate::ood::{Distances, KnownMask, Role};

/// One image of a run; its position in the run's list is its id.
#[derive(Clone, Debug, PartialEq)]
pub struct RunImage {
    /// The file.
    pub file: Arc<ImageFile>,
    /// What the image is there for.
    pub role: Role,
    /// The folder it came from: figures are also given for each out-of-domain folder.
    pub folder: Arc<PathBuf>,
}

/// One finished reconstruction of one image.
#[derive(Clone, Debug)]
pub struct AttemptResult {
    /// Index into the run's images.
    pub image: usize,
    /// From 0.
    pub attempt: usize,
    /// All three distances between original and reconstruction.
    pub distances: Distances,
    /// Which pixels were known; `None` for the denoising lift.
    pub known_mask: Option<Arc<KnownMask>>,
    /// The prepared original, as the model saw it; one allocation shared by all attempts of an image.
    pub original: Picture,
    /// The reconstruction, clamped and rounded to 8 bits; `None` once the picture budget is spent.
    pub inpainted: Option<Picture>,
}

/// An append-only log of results: the worker pushes, readers take what is new to them.
///
/// The worker never waits for a reader; the lock is held for a push or a copy only.
#[derive(Debug, Default)]
pub struct ResultLog {
    results: Mutex<Vec<Arc<AttemptResult>>>,
}

impl ResultLog {
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
