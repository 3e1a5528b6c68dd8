//! Fitting a detector on in-domain images: their features batch by batch, then what is learned of them all.

use std::sync::Arc;
use std::time::Instant;

use super::originals::{Original, Originals};
use super::plan::check_model;
use super::score::clock::Clock;
use super::{Control, Engine, EngineError, Notice, Observer, Progress, Severity};
use crate::detectors::fitted::numbers::Contents;
use crate::detectors::fitted::{DensityError, Features, Fit, Fitted, Fitting, Learning};
use crate::detectors::{AttemptError, Batch, Call, DetectorError, DetectorSpec, Target, Watch};
use crate::diffusion::{DenoiseError, Interrupt as _, Interrupted, Schedule};
use crate::images::{ContentHash, Geometry, ResizeMode};
use crate::networks::ModelIdentity;
use crate::networks::distances::ComparedOriginal;
use crate::ood::mask::MaskError;
use crate::runs::{BatchChoice, RunImage};

/// In-domain images that a detector is fitted on where nobody says how many, at most: more hardly change a density of a few
/// features.
const MOST_TO_FIT_ON: usize = 300;

/// How many of so many in-domain images a detector is fitted on where nobody says how many and the others are to be scored.
pub fn usual_share(num_images: usize) -> usize {
    (num_images / 3).min(MOST_TO_FIT_ON)
}

/// What is fitted, and on what.
#[derive(Clone, Debug)]
pub struct FitRequest {
    /// The detector; a fit that it has is left out of account.
    pub detector: DetectorSpec,
    /// Keys the fit.
    pub seed: u64,
    /// How a picture is brought to the model's square.
    pub resize: ResizeMode,
    /// Images in one network call.
    pub batch: BatchChoice,
    /// In-domain images, each content once.
    pub images: Arc<[RunImage]>,
}

/// Why there is no fit.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// The user stopped it.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// A detector that scores without.
    #[error("{0} is not fitted on images: it scores without a fit")]
    NothingToFit(&'static str),
    /// The detector's features.
    #[error(transparent)]
    Detector(#[from] DetectorError),
    #[error(transparent)]
    Density(DensityError),
    #[error(transparent)]
    Mask(#[from] MaskError),
    #[error(transparent)]
    Network(DenoiseError),
    #[error(
        "the network gave values that are not finite numbers for {num_void} of {num_images} images, so that nothing can be \
         fitted: its weights or its configuration are damaged, or do not belong together"
    )]
    NotFinite {
        /// Images with a feature that is not finite.
        num_void: usize,
        num_images: usize,
    },
}

impl From<DensityError> for FitError {
    fn from(error: DensityError) -> Self {
        match error {
            DensityError::Interrupted(interrupted) => interrupted.into(),
            error => Self::Density(error),
        }
    }
}

impl From<AttemptError> for FitError {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::Mask(error) => error.into(),
            AttemptError::Network(DenoiseError::Interrupted(interrupted)) => interrupted.into(),
            AttemptError::Network(error) => Self::Network(error),
        }
    }
}

impl FitRequest {
    /// The features that are fitted, and a refusal of what can be refused before work.
    pub fn features(
        &self,
        geometry: Geometry,
        schedule: &Schedule,
        model: &ModelIdentity,
    ) -> Result<Box<dyn Features>, FitError> {
        let settings = self.settings()?;
        check_model(&self.detector, model)?;
        let features = settings.features(&Target {
            geometry,
            schedule,
            model: model.fingerprint,
            resize: self.resize,
            seed: self.seed,
            measure: settings.choices(geometry.side)[0],
        })?;
        let (fewest, got) = (settings.fewest_images(), self.images.len());
        if got < fewest {
            return Err(DensityError::TooFew { fewest, got }.into());
        }
        Ok(features)
    }

    fn settings(&self) -> Result<&dyn Fitting, FitError> {
        let label = self.detector.about().label;
        self.detector.fitting().ok_or(FitError::NothingToFit(label))
    }
}

/// The request's detector, fitted on its images. What can't be read, or has no features, is left out and told.
pub fn fit(
    engine: &mut Engine,
    request: &FitRequest,
    control: &Control,
    observer: &mut dyn Observer,
) -> Result<DetectorSpec, FitError> {
    let info = Arc::clone(&engine.info);
    let features = request.features(info.geometry, &engine.schedule, &info.identity)?;
    let mut work = Work {
        batch_size: match request.batch {
            BatchChoice::Auto => engine.automatic_batch(),
            BatchChoice::Fixed(size) => size.max(1),
        },
        originals: Originals::new(info.geometry, request.resize, 1),
        progress: Progress {
            num_attempts: request.images.len(),
            num_images: request.images.len(),
            ..Progress::default()
        },
        engine,
        request,
        control,
        observer,
        features: &*features,
        rows: Vec::new(),
        contents: Vec::new(),
        clock: Clock::default(),
    };
    work.all_features()?;
    let Work {
        rows,
        contents,
        observer,
        mut progress,
        ..
    } = work;
    let settings = request.settings()?;
    let learning = Learning {
        geometry: info.geometry,
        seed: request.seed,
        interrupt: control,
        on_part: &mut |words, (done, of)| {
            progress.activity = words;
            progress.attempts_done = done;
            progress.num_attempts = of;
            observer.progress(&progress);
        },
    };
    let fitted = Fitted::from(Fit {
        learned: settings.learn(&rows, learning)?,
        seed: request.seed,
        model: (info.identity.fingerprint).filter(|_| settings.uses_model()),
        geometry: info.geometry,
        resize: request.resize,
        images: Contents::new(&contents),
    });
    if let Some(problem) = fitted.problem() {
        return Err(DensityError::Failed(problem.to_owned()).into());
    }
    let mut detector = request.detector.clone();
    if let Some(settings) = detector.fitting_mut() {
        settings.set_fitted(Some(fitted));
    }
    Ok(detector)
}

struct Work<'a> {
    engine: &'a mut Engine,
    request: &'a FitRequest,
    control: &'a Control,
    observer: &'a mut dyn Observer,
    features: &'a dyn Features,
    originals: Originals,
    batch_size: usize,
    /// Features of the images so far, and the contents of the same.
    rows: Vec<Vec<f64>>,
    contents: Vec<ContentHash>,
    clock: Clock,
    progress: Progress,
}

impl Work<'_> {
    fn all_features(&mut self) -> Result<(), FitError> {
        let ids: Vec<usize> = (0..self.request.images.len()).collect();
        let mut rest: &[usize] = &ids;
        let (mut num_void, mut num_seen) = (0, 0);
        while !rest.is_empty() {
            let (some, later) = rest.split_at(self.batch_size.min(rest.len()));
            rest = later;
            let items = self.read(some);
            let rows = self.features_of(&items)?;
            num_seen += rows.len();
            for ((id, _), row) in items.iter().zip(rows) {
                if row.iter().all(|value| value.is_finite()) {
                    self.rows.push(row);
                    self.contents.push(self.request.images[*id].file.hash);
                } else {
                    num_void += 1;
                }
            }
            self.progress.attempts_done += some.len();
            self.progress.images_done = self.progress.attempts_done;
            self.observer.progress(&self.progress);
        }
        if num_void * 2 > num_seen {
            return Err(FitError::NotFinite {
                num_void,
                num_images: num_seen,
            });
        }
        if num_void > 0 {
            let message = format!(
                "{num_void} images were left out, since the network gave values that are not finite numbers for them"
            );
            self.warn(message, None);
        }
        "Fitting the density".clone_into(&mut self.progress.activity);
        self.observer.progress(&self.progress);
        Ok(())
    }

    /// The images that can be read; the others are told.
    fn read(&mut self, ids: &[usize]) -> Vec<(usize, Original)> {
        let mut items = Vec::with_capacity(ids.len());
        for (id, original) in self.originals.load(&self.request.images, ids) {
            match original {
                Ok(original) => items.push((id, original)),
                Err(reason) => {
                    self.progress.images_skipped += 1;
                    let path = self.request.images[id].file.path.clone();
                    self.warn(format!("left out: {reason}"), Some(path));
                }
            }
        }
        items
    }

    /// Features of each image, in batches that the device has room for.
    fn features_of(&mut self, items: &[(usize, Original)]) -> Result<Vec<Vec<f64>>, FitError> {
        let mut rows = Vec::with_capacity(items.len());
        while rows.len() < items.len() {
            self.control.check()?;
            let rest = &items[rows.len()..];
            match self.batch(&rest[..self.batch_size.min(rest.len())]) {
                Ok(some) => rows.extend(some),
                Err(FitError::Network(DenoiseError::OutOfMemory { batch, .. })) if batch > 1 => {
                    self.batch_size = (batch.min(self.batch_size) / 2).max(1);
                }
                Err(FitError::Network(DenoiseError::DeviceLost(reason))) => {
                    self.continue_on_cpu(reason)?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(rows)
    }

    fn batch(&mut self, items: &[(usize, Original)]) -> Result<Vec<Vec<f64>>, FitError> {
        let contents: Vec<ContentHash> = (items.iter())
            .map(|(id, _)| self.request.images[*id].file.hash)
            .collect();
        let mut originals: Vec<ComparedOriginal> = (items.iter())
            .map(|(_, original)| original.compared.clone())
            .collect();
        let mut batch = Batch {
            geometry: self.engine.info.geometry,
            contents: &contents,
            originals: &mut originals,
        };
        let models = self.engine.models();
        let (progress, clock) = (&mut self.progress, &mut self.clock);
        let (control, observer) = (self.control, &mut *self.observer);
        clock.first.get_or_insert_with(Instant::now);
        progress.activity = format!("{} images at once", items.len());
        let mut on_call = |call: Call<'_>| {
            clock.last = Some(Instant::now());
            progress.network_calls += call.num_network_calls as u64;
            progress.network_secs = clock.network_secs(control);
            if clock.is_due() {
                observer.progress(progress);
            }
        };
        let watch = Watch {
            interrupt: control,
            on_call: &mut on_call,
        };
        Ok(self.features.of(&mut batch, models, watch)?)
    }

    /// The device is gone, for this reason: the fit continues with the batch in hand.
    fn continue_on_cpu(&mut self, reason: String) -> Result<(), FitError> {
        let lost = self.engine.info.device.label.clone();
        match self.engine.move_to_cpu(self.control) {
            Ok(()) => {}
            Err(EngineError::Interrupted(interrupted)) => return Err(interrupted.into()),
            Err(error) => {
                log::warn!("no CPU to continue on: {error}");
                return Err(FitError::Network(DenoiseError::DeviceLost(reason)));
            }
        }
        self.batch_size = self.engine.automatic_batch().min(self.batch_size);
        let device = self.engine.info.device.clone();
        self.warn(
            format!("{lost} was lost ({reason}); the fit continues on {device}"),
            None,
        );
        Ok(())
    }

    fn warn(&mut self, message: String, path: Option<std::path::PathBuf>) {
        self.observer.notice(Notice {
            severity: Severity::Warning,
            message,
            path,
        });
    }
}
