//! The scoring loop: attempt 0 of all images first, then attempt 1, and so on, in batches that mix images.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::model::{CALL_MARGIN, LARGEST_BATCH, LONGEST_CALL};
use super::originals::{Original, Originals};
use super::plan::{Plan, PlanError};
use super::resuming::Refusal;
use super::saving::Keeper;
use super::{Control, Engine, Notice, Observer, Progress, RunRequest, Severity};
use crate::detectors::measures;
use crate::diffusion::lift::{LiftBatch, LiftPlan, StepReport, lift};
use crate::diffusion::noise::PhiloxStream;
use crate::diffusion::{DenoiseError, Interrupt as _, Interrupted, PhiloxNoise};
use crate::images::{Geometry, Picture};
use crate::networks::distances::{Compared, ComparedOriginal};
use crate::ood::mask::MaskError;
use crate::ood::{KnownMask, MeasureId, Values};
use crate::runs::file::{FileError, LEFT_OUT};
use crate::runs::{AttemptResult, BatchChoice};

/// The shortest time between two reports of progress.
const REPORT_INTERVAL: Duration = Duration::from_millis(16);
/// Memory for reconstructions that are kept for display, in bytes.
const PICTURE_BUDGET: usize = 1 << 30;

/// Attempts after which a network that gives no numbers is known as such.
const ENOUGH_TO_TELL: usize = 16;

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    /// The user stopped it.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// Refused before work.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A mask could not be made.
    #[error(transparent)]
    Mask(#[from] MaskError),
    /// The network.
    #[error(transparent)]
    Network(DenoiseError),
    /// The one image can't be read.
    #[error("the image can't be read: {0}")]
    Unreadable(String),
    /// No image could be read.
    #[error("none of the {0} images could be read; the notices say why")]
    NothingReadable(usize),
    /// The network gives no numbers.
    #[error(
        "the network gave values that are not finite numbers for {num_void} of {num_measured} attempts, so that nothing \
         can be measured: its weights or its configuration are damaged, or do not belong together"
    )]
    NotFinite {
        /// Attempts of which nothing could be measured.
        num_void: usize,
        /// Attempts made.
        num_measured: usize,
    },
    /// The run file.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not the same run any more.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl From<DenoiseError> for ScoreError {
    fn from(err: DenoiseError) -> Self {
        match err {
            DenoiseError::Interrupted(interrupted) => Self::Interrupted(interrupted),
            other => Self::Network(other),
        }
    }
}

/// Score a request's images, in a file where it asks for one; results go to its log, the rest to `observer`. Says where
/// it stood at the end.
pub fn run(
    engine: &mut Engine,
    request: &RunRequest,
    control: &Control,
    observer: &mut dyn Observer,
) -> (Progress, Result<(), ScoreError>) {
    let keeper = Keeper { request, control };
    let (progress, outcome) = match keeper.begin(engine, observer) {
        Ok(()) => score(engine, request, control, observer),
        Err(error) => (Progress::default(), Err(error)),
    };
    keeper.end(&progress, observer);
    (progress, outcome)
}

fn score(
    engine: &mut Engine,
    request: &RunRequest,
    control: &Control,
    observer: &mut dyn Observer,
) -> (Progress, Result<(), ScoreError>) {
    let measures = measures::ids_of_run(engine.info.geometry.side, request.settings.distance);
    let mut run = Run {
        originals: Originals::new(
            engine.info.geometry,
            request.settings.fit,
            request.settings.num_attempts,
        ),
        batch_size: match request.settings.batch {
            BatchChoice::Auto => engine.automatic_batch(),
            BatchChoice::Fixed(size) => size.max(1),
        },
        batch_limit: LARGEST_BATCH,
        engine,
        request,
        control,
        observer,
        measures,
        unreadable: HashSet::new(),
        picture_bytes: 0,
        num_measured: 0,
        num_void: 0,
        lift_secs: 0.0,
        clock: Clock::default(),
        progress: Progress {
            num_attempts: request.images.len() * request.settings.num_attempts,
            num_images: request.images.len(),
            activity: "Preparing".to_owned(),
            ..Progress::default()
        },
    };
    let outcome = run.all_attempts();
    run.progress.network_secs = run.clock.network_secs(control);
    (run.progress, outcome)
}

/// What the network made of an image.
struct Reconstruction {
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

struct Run<'a> {
    engine: &'a mut Engine,
    request: &'a RunRequest,
    control: &'a Control,
    observer: &'a mut dyn Observer,
    originals: Originals,
    batch_size: usize,
    /// The automatic batch grows up to this: what the device had room for.
    batch_limit: usize,
    /// What each attempt's values are.
    measures: Arc<[MeasureId]>,
    unreadable: HashSet<usize>,
    picture_bytes: usize,
    num_measured: usize,
    /// Attempts of which nothing is a finite number.
    num_void: usize,
    /// Seconds of the last batch's lift and way back, pauses left out.
    lift_secs: f64,
    clock: Clock,
    progress: Progress,
}

/// Wall time from the first to the last network call, pauses left out.
#[derive(Default)]
struct Clock {
    first: Option<Instant>,
    last: Option<Instant>,
    last_report: Option<Instant>,
}

impl Clock {
    fn network_secs(&self, control: &Control) -> f64 {
        let (Some(first), Some(last)) = (self.first, self.last) else {
            return 0.0;
        };
        (last - first)
            .saturating_sub(control.paused_for())
            .as_secs_f64()
    }

    /// Whether it is time for another report.
    fn is_due(&mut self) -> bool {
        let is_due = self
            .last_report
            .is_none_or(|last| last.elapsed() >= REPORT_INTERVAL);
        if is_due {
            self.last_report = Some(Instant::now());
        }
        is_due
    }
}

/// One image of a batch.
struct Item {
    id: usize,
    original: Original,
    known_mask: Option<Arc<KnownMask>>,
}

impl Run<'_> {
    fn all_attempts(&mut self) -> Result<(), ScoreError> {
        let settings = &self.request.settings;
        let info = Arc::clone(&self.engine.info);
        let plan = Plan::new(
            settings,
            &self.request.images,
            info.geometry,
            info.num_train_timesteps,
        )?;
        let done: HashSet<(usize, usize)> = (self.request.results.since(0).iter())
            .map(|result| (result.image, result.attempt))
            .collect();
        for attempt in 0..settings.num_attempts {
            let order: Vec<usize> = (plan.order.iter().copied())
                .filter(|&image| !done.contains(&(image, attempt)))
                .collect();
            self.count(attempt, plan.order.len() - order.len());
            let mut rest: &[usize] = &order;
            while !rest.is_empty() {
                self.control.check()?;
                let (batch, later) = rest.split_at(self.batch_size.min(rest.len()));
                match self.score_batch(&plan, attempt, batch) {
                    Ok(()) => rest = later,
                    Err(ScoreError::Network(DenoiseError::OutOfMemory {
                        batch: failed, ..
                    })) if failed > 1 => {
                        self.halve_batch(failed);
                    }
                    Err(err) => return Err(err),
                }
            }
            if self.unreadable.len() == self.request.images.len() {
                return Err(ScoreError::NothingReadable(self.unreadable.len()));
            }
        }
        Ok(())
    }

    /// `failed` images at once, as many as an executor takes together or fewer, were too many.
    fn halve_batch(&mut self, failed: usize) {
        let before = failed.min(self.batch_size);
        self.batch_size = (before / 2).max(1);
        self.batch_limit = self.batch_size;
        self.notice(
            format!(
                "the device has no room for {before} images at once; the run goes on with {}",
                self.batch_size
            ),
            None,
        );
    }

    fn score_batch(
        &mut self,
        plan: &Plan,
        attempt: usize,
        ids: &[usize],
    ) -> Result<(), ScoreError> {
        let mut items = self.items(plan, attempt, ids)?;
        if !items.is_empty() {
            let reconstructions = self.reconstruct(plan, attempt, &items)?;
            "Measuring distances".clone_into(&mut self.progress.activity);
            let results = self.measure(attempt, &mut items, &reconstructions)?;
            let attempt_seconds = self.lift_secs / results.len().max(1) as f64;
            let keeper = Keeper {
                request: self.request,
                control: self.control,
            };
            let finding = self.check_finite(&results);
            keeper.commit(results, attempt_seconds, self.observer)?;
            finding?;
        }
        self.count(attempt, ids.len());
        self.report();
        Ok(())
    }

    /// Attempts that are done, now or by an earlier stretch of the run.
    fn count(&mut self, attempt: usize, num_images: usize) {
        self.progress.attempts_done += num_images;
        if attempt + 1 == self.request.settings.num_attempts {
            self.progress.images_done += num_images;
        }
    }

    /// Read the batch's originals; what can't be read is reported once and left out from then on.
    fn items(
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
    fn reconstruct(
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

    fn measure(
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
                    measures: Some(original.measures),
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

    /// End a run whose network gives no numbers: its figures would be of the few attempts where it happens to.
    fn check_finite(&mut self, results: &[AttemptResult]) -> Result<(), ScoreError> {
        self.num_measured += results.len();
        self.num_void += results
            .iter()
            .filter(|result| result.values.are_void())
            .count();
        let enough = ENOUGH_TO_TELL.min(self.progress.num_attempts);
        if self.num_measured >= enough && self.num_void * 2 > self.num_measured {
            return Err(ScoreError::NotFinite {
                num_void: self.num_void,
                num_measured: self.num_measured,
            });
        }
        Ok(())
    }

    fn report(&mut self) {
        if self.clock.is_due() {
            self.observer.progress(&self.progress);
        }
    }

    fn notice(&mut self, message: String, path: Option<std::path::PathBuf>) {
        let place = path
            .as_ref()
            .map_or_else(String::new, |path| format!(": {}", path.display()));
        let note = format!("{message}{place}");
        // A disk that is full shows at the next batch.
        (self.request.results).with_writer(|writer| writer.add_notice(&note).ok());
        self.observer.notice(Notice {
            severity: Severity::Warning,
            message,
            path,
        });
    }
}

/// The batch to go on with after calls of `call_secs` seconds at `batch`: smaller where they took too long, larger,
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
