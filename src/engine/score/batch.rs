//! One batch of a run: its originals are read, the detector makes an attempt on each, and what came of it is noted.

use std::time::{Duration, Instant};

use super::{Run, ScoreError};
use crate::detectors::{Attempt, Batch, Call, Watch};
use crate::diffusion::Interrupt as _;
use crate::engine::model::CALL_MARGIN;
use crate::engine::originals::Original;
use crate::engine::plan::Plan;
use crate::images::{ContentHash, Picture};
use crate::networks::distances::ComparedOriginal;
use crate::runs::file::LEFT_OUT;
use crate::runs::{AttemptResult, BatchChoice};

/// Memory for reconstructions that are kept for display, in bytes.
const PICTURE_BUDGET: usize = 1 << 30;

/// One image of a batch.
pub(super) struct Item {
    id: usize,
    original: Original,
}

impl Run<'_> {
    /// Read the batch's originals; what can't be read is reported once and left out from then on.
    pub(super) fn items(&mut self, ids: &[usize]) -> Vec<Item> {
        let readable: Vec<usize> = ids
            .iter()
            .copied()
            .filter(|id| !self.unreadable.contains(id))
            .collect();
        let mut items = Vec::with_capacity(readable.len());
        for (id, original) in self.originals.load(&self.request.images, &readable) {
            match original {
                Ok(original) => items.push(Item { id, original }),
                Err(reason) => {
                    let path = self.request.images[id].file.path.clone();
                    self.unreadable.insert(id);
                    self.progress.images_skipped += 1;
                    self.notice(format!("{LEFT_OUT}{reason}"), Some(path));
                }
            }
        }
        items
    }

    /// Make an attempt on each image of the batch. What is made of the originals on the way is kept.
    pub(super) fn attempt(
        &mut self,
        plan: &Plan,
        attempt: usize,
        items: &mut [Item],
    ) -> Result<Vec<Attempt>, ScoreError> {
        let images = &self.request.images;
        let contents: Vec<ContentHash> = (items.iter())
            .map(|item| images[item.id].file.hash)
            .collect();
        let mut originals: Vec<ComparedOriginal> = (items.iter())
            .map(|item| item.original.compared.clone())
            .collect();
        let (num_items, num_calls) = (items.len(), plan.detector.calls_of_attempt(attempt));
        let batch = Batch {
            geometry: self.engine.info.geometry,
            contents: &contents,
            originals: &mut originals,
        };
        let models = self.engine.models();
        let (progress, clock) = (&mut self.progress, &mut self.clock);
        let (control, observer) = (self.control, &mut *self.observer);
        let start = Instant::now();
        clock.first.get_or_insert(start);
        let paused_before = control.paused_for();
        let mut calls_secs = 0.0;
        let mut on_call = |call: Call<'_>| {
            clock.last = Some(Instant::now());
            let paused = control.paused_for().saturating_sub(paused_before);
            calls_secs = start.elapsed().saturating_sub(paused).as_secs_f64();
            progress.network_calls += call.num_network_calls as u64;
            progress.network_secs = clock.network_secs(control);
            let step = match num_calls {
                0 => String::new(), // It takes no calls.
                _ => format!("step {} of {num_calls}, ", call.num_done),
            };
            progress.activity =
                format!("Attempt {}, {step}{num_items} images at once", attempt + 1);
            if clock.is_due() {
                observer.progress(progress);
            }
            if call.num_done == num_calls {
                "Measuring".clone_into(&mut progress.activity);
            }
        };
        let watch = Watch {
            interrupt: control,
            on_call: &mut on_call,
        };
        let attempts = plan.detector.score(batch, attempt, models, watch)?;
        self.calls_secs = calls_secs;
        let detector = &self.request.settings.method.detector;
        let side = self.engine.info.geometry.side;
        // Beside other work the time says little of calls.
        if detector.each().len() < 2 || detector.other_secs(side) == 0.0 {
            self.adapt_batch(num_items, calls_secs / num_calls.max(1) as f64);
        }
        for (item, original) in items.iter_mut().zip(originals) {
            item.original.compared = original;
            self.originals.keep(item.id, &item.original);
        }
        Ok(attempts)
    }

    /// Fit the automatic batch to what calls take now, which may differ from when the model was timed.
    fn adapt_batch(&mut self, num_items: usize, call_secs: f64) {
        let asked = self.request.settings.execution.batch;
        if asked == BatchChoice::Auto && num_items == self.batch_size {
            let longest = self.engine.executors.batching.longest_call;
            self.batch_size = adapted_batch(num_items, call_secs, longest, self.batch_limit);
        }
    }

    /// What came of an attempt on each image of the batch; pictures are kept as far as memory goes.
    pub(super) fn results(
        &mut self,
        attempt: usize,
        items: Vec<Item>,
        attempts: Vec<Attempt>,
    ) -> Vec<AttemptResult> {
        let geometry = self.engine.info.geometry;
        let results = items.into_iter().zip(attempts).map(|(item, made)| {
            let is_kept = self.picture_bytes + geometry.len() <= PICTURE_BUDGET;
            let picture = (made.reconstruction.as_ref())
                .filter(|_| is_kept)
                .map(|unit| Picture::from_unit(geometry, unit));
            self.picture_bytes += picture.as_ref().map_or(0, |_| geometry.len());
            AttemptResult {
                image: item.id,
                attempt,
                values: made.values,
                known_mask: made.known_mask,
                original: item.original.picture,
                statistics: Some(item.original.statistics),
                inpainted: picture,
            }
        });
        results.collect()
    }
}

/// The batch to continue with after calls of `call_secs` seconds at `batch`: smaller where they took longer than
/// `longest`, larger, up to `limit`, where there is room for twice as many.
fn adapted_batch(batch: usize, call_secs: f64, longest: Duration, limit: usize) -> usize {
    let longest = longest.as_secs_f64();
    let fitting = (batch as f64 * CALL_MARGIN * longest / call_secs) as usize;
    if call_secs > longest {
        fitting.clamp(1, batch)
    } else if fitting >= 2 * batch {
        (2 * batch).min(limit.max(batch))
    } else {
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_batch_follows_the_speed_both_ways_within_its_limit() {
        let adapted = |batch, call_secs, limit| {
            adapted_batch(batch, call_secs, Duration::from_millis(100), limit)
        };
        assert_eq!(adapted(20, 0.08, 64), 20, "as timed");
        assert_eq!(
            adapted(20, 0.2, 64),
            8,
            "another program takes the processor"
        );
        assert_eq!(adapted(8, 0.032, 64), 16, "and leaves it again");
        assert_eq!(adapted(16, 0.064, 64), 16);
        assert_eq!(adapted(1, 3.0, 64), 1);
        assert_eq!(adapted(48, 0.001, 64), 64);
        assert_eq!(adapted(8, 0.001, 8), 8, "the device had no room for more");
    }
}
