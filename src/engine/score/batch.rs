//! One batch of a run: its originals are read, lifted and mapped back, and what was made of them is measured.

use std::sync::Arc;
use std::time::Instant;

use super::{Run, ScoreError};
use crate::detectors::measures;
use crate::diffusion::PhiloxNoise;
use crate::diffusion::lift::{LiftBatch, LiftPlan, StepReport, lift};
use crate::diffusion::noise::PhiloxStream;
use crate::engine::model::{CALL_MARGIN, LONGEST_CALL};
use crate::engine::originals::Original;
use crate::engine::plan::Plan;
use crate::images::{Geometry, Picture};
use crate::networks::distances::{Compared, ComparedOriginal};
use crate::ood::{KnownMask, Values};
use crate::runs::file::LEFT_OUT;
use crate::runs::{AttemptResult, BatchChoice};

/// Memory for reconstructions that are kept for display, in bytes.
const PICTURE_BUDGET: usize = 1 << 30;

/// One image of a batch.
pub(super) struct Item {
    id: usize,
    original: Original,
    known_mask: Option<Arc<KnownMask>>,
}

/// What the network made of an image.
pub(super) struct Reconstruction {
    /// (C, H, W) in [0, 1].
    unit: Vec<f32>,
    /// Whether the network gave a finite number for each value. Clamping, and the maxima inside LPIPS, turn some of the
    /// others into plain numbers.
    is_finite: bool,
}

impl Reconstruction {
    fn new(state_signed: &[f32]) -> Self {
        Self {
            unit: (state_signed.iter())
                .map(|&signed| f32::midpoint(signed, 1.0).clamp(0.0, 1.0))
                .collect(),
            is_finite: state_signed.iter().all(|value| value.is_finite()),
        }
    }
}

impl Run<'_> {
    /// Read the batch's originals; what can't be read is reported once and left out from then on.
    pub(super) fn items(
        &mut self,
        plan: &Plan,
        attempt: usize,
        ids: &[usize],
    ) -> Result<Vec<Item>, ScoreError> {
        let readable: Vec<usize> = ids
            .iter()
            .copied()
            .filter(|id| !self.unreadable.contains(id))
            .collect();
        let mut items = Vec::with_capacity(readable.len());
        for (id, original) in self.originals.load(&self.request.images, &readable) {
            let file = &self.request.images[id].file;
            match original {
                Ok(original) => items.push(Item {
                    id,
                    original,
                    known_mask: plan.known_mask(&file.hash, attempt)?,
                }),
                Err(reason) => {
                    self.unreadable.insert(id);
                    self.progress.images_skipped += 1;
                    self.notice(format!("{LEFT_OUT}{reason}"), Some(file.path.clone()));
                }
            }
        }
        Ok(items)
    }

    /// Lift the batch and map it back.
    pub(super) fn reconstruct(
        &mut self,
        plan: &Plan,
        attempt: usize,
        items: &[Item],
    ) -> Result<Vec<Reconstruction>, ScoreError> {
        let settings = &self.request.settings;
        let streams = items
            .iter()
            .map(|item| {
                let hash = &self.request.images[item.id].file.hash;
                PhiloxStream::new(settings.seed, hash, attempt)
            })
            .collect();
        let original_signed: Vec<f32> = items
            .iter()
            .flat_map(|item| {
                item.original
                    .compared
                    .unit
                    .iter()
                    .map(|unit| 2.0 * unit - 1.0)
            })
            .collect();
        let known: Vec<&[bool]> = items
            .iter()
            .filter_map(|item| item.known_mask.as_deref().map(KnownMask::known))
            .collect();
        let lift_plan = LiftPlan {
            schedule: &self.engine.schedule,
            sampler: settings.sampler,
            timesteps: &plan.timesteps,
            start: plan.start,
        };
        let batch = LiftBatch {
            original_signed: &original_signed,
            known: &known,
        };
        let (progress, clock) = (&mut self.progress, &mut self.clock);
        let (control, observer) = (self.control, &mut *self.observer);
        let num_items = items.len();
        let num_steps = plan.timesteps.len();
        let start = Instant::now();
        clock.first.get_or_insert(start);
        let mut on_step = |step: StepReport<'_>| {
            clock.last = Some(Instant::now());
            progress.network_calls += num_items as u64;
            progress.network_secs = clock.network_secs(control);
            progress.activity = format!(
                "Attempt {}, step {} of {num_steps}, {num_items} images at once",
                attempt + 1,
                step.steps_done
            );
            if clock.is_due() {
                observer.progress(progress);
            }
        };
        let paused_before = control.paused_for();
        let state = lift(
            &lift_plan,
            &mut *self.engine.executors.denoiser,
            batch,
            &PhiloxNoise { streams },
            control,
            &mut on_step,
        )?;
        let paused = control.paused_for().saturating_sub(paused_before);
        let secs = start.elapsed().saturating_sub(paused).as_secs_f64();
        self.lift_secs = secs;
        self.adapt_batch(num_items, secs / num_steps as f64);
        Ok(state
            .chunks_exact(self.engine.info.geometry.len())
            .map(Reconstruction::new)
            .collect())
    }

    /// Fit the automatic batch to what calls take now, which may differ from when the model was timed.
    fn adapt_batch(&mut self, num_items: usize, call_secs: f64) {
        if self.request.settings.batch == BatchChoice::Auto && num_items == self.batch_size {
            self.batch_size = adapted_batch(num_items, call_secs, self.batch_limit);
        }
    }

    pub(super) fn measure(
        &mut self,
        attempt: usize,
        items: &mut [Item],
        reconstructions: &[Reconstruction],
    ) -> Result<Vec<AttemptResult>, ScoreError> {
        let geometry = self.engine.info.geometry;
        let values = self.values(geometry, items, reconstructions)?;
        let results = items
            .iter()
            .zip(reconstructions)
            .zip(values)
            .map(|((item, reconstruction), values)| {
                let original = &item.original;
                let picture_len = geometry.len();
                let is_kept = self.picture_bytes + picture_len <= PICTURE_BUDGET;
                self.picture_bytes += if is_kept { picture_len } else { 0 };
                AttemptResult {
                    image: item.id,
                    attempt,
                    values,
                    known_mask: item.known_mask.clone(),
                    original: original.picture.clone(),
                    statistics: Some(original.statistics),
                    inpainted: is_kept.then(|| Picture::from_unit(geometry, &reconstruction.unit)),
                }
            })
            .collect();
        Ok(results)
    }

    /// All that the run measures of each image of the batch. What the originals' side of it takes is made once and kept.
    fn values(
        &mut self,
        geometry: Geometry,
        items: &mut [Item],
        reconstructions: &[Reconstruction],
    ) -> Result<Vec<Values>, ScoreError> {
        let mut originals: Vec<ComparedOriginal> = (items.iter())
            .map(|item| item.original.compared.clone())
            .collect();
        let unit: Vec<f32> = (reconstructions.iter())
            .flat_map(|reconstruction| reconstruction.unit.iter().copied())
            .collect();
        let mut compared = Compared {
            geometry,
            originals: &mut originals,
            reconstructions: &unit,
            perceptual: self.engine.executors.perceptual.as_deref_mut(),
        };
        let distances = measures::of_run(geometry.side, self.request.settings.distance);
        let columns = distances
            .iter()
            .map(|distance| distance.distances(&mut compared))
            .collect::<Result<Vec<_>, _>>()?;
        for (item, original) in items.iter_mut().zip(originals) {
            item.original.compared = original;
            self.originals.keep(item.id, &item.original);
        }
        let values = (reconstructions.iter().enumerate()).map(|(index, reconstruction)| {
            let value = |column: &Vec<f64>| {
                if reconstruction.is_finite {
                    column[index]
                } else {
                    f64::NAN
                }
            };
            Values::new(
                &self.measures,
                columns.iter().map(value).collect::<Vec<f64>>(),
            )
        });
        Ok(values.collect())
    }
}

/// The batch to continue with after calls of `call_secs` seconds at `batch`: smaller where they took too long, larger,
/// up to `limit`, where there is room for twice as many.
fn adapted_batch(batch: usize, call_secs: f64, limit: usize) -> usize {
    let longest = LONGEST_CALL.as_secs_f64();
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
        assert_eq!(adapted_batch(20, 0.08, 64), 20, "as timed");
        assert_eq!(
            adapted_batch(20, 0.2, 64),
            8,
            "another program takes the processor"
        );
        assert_eq!(adapted_batch(8, 0.032, 64), 16, "and leaves it again");
        assert_eq!(adapted_batch(16, 0.064, 64), 16);
        assert_eq!(adapted_batch(1, 3.0, 64), 1);
        assert_eq!(adapted_batch(48, 0.001, 64), 64);
        assert_eq!(
            adapted_batch(8, 0.001, 8),
            8,
            "the device had no room for more"
        );
    }
}
