//! The scoring loop: attempt 0 of all images first, then attempt 1, and so on, in batches that mix images.

mod batch;
pub(super) mod clock;
mod loss;

use std::collections::HashSet;
use std::sync::Arc;

use self::clock::Clock;
use super::originals::Originals;
use super::plan::{Plan, PlanError};
use super::resuming::Refusal;
use super::saving::Recorder;
use super::{Control, Engine, Notice, Observer, Progress, RunRequest, Severity};
use crate::detectors::AttemptError;
use crate::diffusion::{DenoiseError, Interrupt as _, Interrupted};
use crate::ood::Values;
use crate::ood::mask::MaskError;
use crate::runs::file::FileError;
use crate::runs::{AttemptResult, BatchChoice};

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

impl From<AttemptError> for ScoreError {
    fn from(err: AttemptError) -> Self {
        match err {
            AttemptError::Mask(err) => err.into(),
            AttemptError::Network(err) => err.into(),
        }
    }
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
    run_from(engine, request, 0, control, observer)
}

/// As [`run`], for the images from `first` on: those before it are done, or could not be read.
pub fn run_from(
    engine: &mut Engine,
    request: &RunRequest,
    first: usize,
    control: &Control,
    observer: &mut dyn Observer,
) -> (Progress, Result<(), ScoreError>) {
    let recorder = Recorder { request, control };
    let (progress, outcome) = match recorder.begin(engine, observer) {
        Ok(()) => score(engine, request, first, control, observer),
        Err(error) => (Progress::default(), Err(error)),
    };
    recorder.end(&progress, observer);
    (progress, outcome)
}

fn score(
    engine: &mut Engine,
    request: &RunRequest,
    first: usize,
    control: &Control,
    observer: &mut dyn Observer,
) -> (Progress, Result<(), ScoreError>) {
    let settings = &request.settings;
    let num_attempts = settings.method.detector.num_attempts();
    let mut run = Run {
        originals: Originals::new(engine.info.geometry, settings.method.resize, num_attempts),
        batch_size: match settings.execution.batch {
            BatchChoice::Auto => engine.automatic_batch(),
            BatchChoice::Fixed(size) => size.max(1),
        },
        batch_limit: engine.executors.batching.largest,
        engine,
        request,
        first,
        control,
        observer,
        unreadable: HashSet::new(),
        picture_bytes: 0,
        num_measured: 0,
        num_void: 0,
        calls_secs: 0.0,
        clock: Clock::default(),
        progress: Progress {
            num_attempts: request.images.len() * num_attempts,
            num_images: request.images.len(),
            activity: "Preparing".to_owned(),
            ..Progress::default()
        },
    };
    let outcome = run.all_attempts();
    run.progress.network_secs = run.clock.network_secs(control);
    (run.progress, outcome)
}

struct Run<'a> {
    engine: &'a mut Engine,
    request: &'a RunRequest,
    first: usize,
    control: &'a Control,
    observer: &'a mut dyn Observer,
    originals: Originals,
    batch_size: usize,
    /// The automatic batch grows up to this: what the device had room for.
    batch_limit: usize,
    unreadable: HashSet<usize>,
    picture_bytes: usize,
    num_measured: usize,
    /// Attempts of which nothing is a finite number.
    num_void: usize,
    /// Seconds of the last batch's network calls, pauses left out.
    calls_secs: f64,
    clock: Clock,
    progress: Progress,
}

impl Run<'_> {
    fn all_attempts(&mut self) -> Result<(), ScoreError> {
        let settings = &self.request.settings;
        let info = Arc::clone(&self.engine.info);
        let plan = Plan::new(
            settings,
            &self.request.images,
            info.geometry,
            &self.engine.schedule,
            &info.identity,
        )?;
        let done: HashSet<(usize, usize)> = (self.request.results.since(0).iter())
            .map(|result| (result.image, result.attempt))
            .collect();
        for attempt in 0..settings.method.detector.num_attempts() {
            let order: Vec<usize> = (plan.order.iter().copied())
                .filter(|&image| image >= self.first && !done.contains(&(image, attempt)))
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
                    Err(ScoreError::Network(DenoiseError::DeviceLost(reason))) => {
                        self.continue_on_cpu(reason)?;
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
                "the device has no room for {before} images at once; the run continues with {}",
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
        let mut items = self.items(ids);
        if !items.is_empty() {
            let attempts = self.attempt(plan, attempt, &mut items)?;
            let results = self.results(attempt, items, attempts);
            let attempt_seconds = self.calls_secs / results.len().max(1) as f64;
            let recorder = Recorder {
                request: self.request,
                control: self.control,
            };
            let finding = self.check_finite(&results);
            recorder.commit(results, attempt_seconds, self.observer)?;
            finding?;
        }
        self.count(attempt, ids.len());
        self.report();
        Ok(())
    }

    /// Attempts that are done, now or by an earlier segment of the run.
    fn count(&mut self, attempt: usize, num_images: usize) {
        self.progress.attempts_done += num_images;
        if attempt + 1 == self.request.settings.method.detector.num_attempts() {
            self.progress.images_done += num_images;
        }
    }

    /// Whether the network gave an attempt no numbers, whatever detectors without one have found.
    fn is_void(&self, values: &Values) -> bool {
        let settings = &self.request.settings;
        let each = settings.method.detector.each();
        if each.len() < 2 {
            return values.are_void();
        }
        let side = self.engine.info.geometry.side;
        let mut by_network = each.iter().filter(|part| part.uses_model());
        by_network.any(|part| {
            let ids = part.measures(side, settings.view.measure);
            let measured: Vec<f64> = ids.into_iter().filter_map(|id| values.get(id)).collect();
            !measured.is_empty() && !measured.iter().any(|value| value.is_finite())
        })
    }

    /// End a run whose network gives no numbers: its figures would be of the few attempts where it happens to.
    fn check_finite(&mut self, results: &[AttemptResult]) -> Result<(), ScoreError> {
        self.num_measured += results.len();
        let num_void = (results.iter())
            .filter(|result| self.is_void(&result.values))
            .count();
        self.num_void += num_void;
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
