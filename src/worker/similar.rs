//! How alike images are, found on a thread of its own beside a run.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;

use super::handle::Outbox;
use super::library::aside;
use super::priority::give_way;
use super::protocol::{Control, JobId, LibraryEvent, RunImage, SimilarRequest};
use crate::engine::error_chain;
use crate::engine::similar::files::near_duplicates;
use crate::engine::similar::{Looker, Similar, SimilarError};

/// Threads of the network: the others are left to a run.
const THREADS: usize = 1;
/// How often progress is told at most.
const REPORT_INTERVAL: Duration = Duration::from_millis(50);

/// Compare images; the answer comes when all are.
pub(super) fn compare_aside(
    job: JobId,
    request: SimilarRequest,
    control: Control,
    outbox: &mut Outbox<LibraryEvent>,
    side: &Sender<LibraryEvent>,
) {
    let reply = side.clone();
    let task = move || {
        give_way();
        let mut told: Option<Instant> = None;
        let mut progress = |num_images: usize| {
            if told.is_none_or(|told| told.elapsed() >= REPORT_INTERVAL) {
                told = Some(Instant::now());
                // Only news.
                reply
                    .try_send(LibraryEvent::Comparing { job, num_images })
                    .ok();
            }
        };
        let similar = compared(&request, &control, &mut progress)
            .map(Arc::new)
            .map_err(|error| error_chain(&error));
        // The receiver goes only with the whole library thread.
        reply.send(LibraryEvent::Compared { job, similar }).ok();
    };
    if let Err(error) = aside("similar", task) {
        outbox.post(LibraryEvent::Compared {
            job,
            similar: Err(format!("no thread to compare the images: {error}")),
        });
    }
}

/// Look for images that are nearly the same in two roles. Where that can't be done nothing is said: the run can begin all the
/// same.
pub(super) fn compare_files_aside(
    job: JobId,
    images: Arc<[RunImage]>,
    control: Control,
    side: &Sender<LibraryEvent>,
) {
    let reply = side.clone();
    let task = move || {
        give_way();
        let found = Looker::open(Some(THREADS))
            .and_then(|mut looker| near_duplicates(&images, &mut looker, &control));
        match found {
            Ok(warning) => {
                // The receiver goes only with the whole library thread.
                reply
                    .send(LibraryEvent::FilesCompared { job, warning })
                    .ok();
            }
            Err(SimilarError::Interrupted(_)) => {}
            Err(error) => log::warn!("images were not compared before a run: {error}"),
        }
    };
    if let Err(error) = aside("files alike", task) {
        log::warn!("images were not compared before a run: {error}");
    }
}

fn compared(
    request: &SimilarRequest,
    control: &Control,
    progress: &mut dyn FnMut(usize),
) -> Result<Similar, SimilarError> {
    let mut looker = Looker::open(Some(THREADS))?;
    Similar::of(request, &mut looker, control, progress)
}
