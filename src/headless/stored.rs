//! The scores of a run file, where a command would otherwise make them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use super::drive::Scored;
use super::{Failure, output};
use crate::engine::Progress;
use crate::networks::ModelIdentity;
use crate::runs::file::{self, Manifest, StoredScores};
use crate::runs::settings::Method;
use crate::runs::{AttemptResult, RunImage};

/// Whether a run is of this method, model and images; `found` is its method, by which it may have been fitted.
pub fn is_same_run(
    run: &StoredScores,
    found: &Method,
    method: &Method,
    identity: &ModelIdentity,
    images: &[RunImage],
) -> bool {
    found == method
        && (run.manifest.model.identity)
            .compare(identity)
            .difference()
            .is_none()
        && run.images.len() == images.len()
        && (run.images.iter().zip(images))
            .all(|(a, b)| a.role == b.role && a.file.hash == b.file.hash)
}

/// Read a run. Images without all their attempts are left out and noted: their scores are not comparable.
pub fn read(path: &Path) -> Result<(Manifest, Scored), Failure> {
    let stored = file::read(path).map_err(Failure::bad_request)?;
    let num_attempts = stored.manifest.settings().method.detector.num_attempts();
    let mut num_done: HashMap<usize, usize> = HashMap::new();
    for result in &stored.results {
        *num_done.entry(result.image).or_default() += 1;
    }
    let is_whole = |image: usize| num_done.get(&image) == Some(&num_attempts);
    let num_whole = (0..stored.images.len()).filter(|id| is_whole(*id)).count();
    let num_skipped = stored.manifest.num_skipped + file::num_left_out(&stored.notices);
    let mut notes = [stored.notices, stored.damage].concat();
    let num_left_out = stored.images.len() - num_whole;
    let how = format!("lmd score --resume {}", output::quoted(path));
    if num_whole == 0 {
        return Err(Failure::bad_request(anyhow::anyhow!(
            "no image of the run has all its {num_attempts} attempts; finish it first, by {how}: {}",
            path.display()
        )));
    }
    if num_left_out > 0 {
        notes.push(format!(
            "{num_left_out} images are left out, since the run has not all their attempts (to finish it: {how})"
        ));
    }
    let results: Vec<Arc<AttemptResult>> = (stored.results.into_iter())
        .filter(|result| is_whole(result.image))
        .map(Arc::new)
        .collect();
    let scored = Scored {
        images: stored.images,
        results,
        progress: Progress::default(),
        num_skipped,
        notes,
        interrupted: None,
    };
    Ok((stored.manifest, scored))
}
