//! The whole way from image files to scores, with the time of the network and of LPIPS counted apart.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use serde::Serialize;

use super::Failure;
use crate::detectors::lmd::Lmd;
use crate::diffusion::{DenoiseError, Denoiser, Interrupt};
use crate::engine::{Control, Engine, RunRequest, score};
use crate::headless::collect::Collected;
use crate::images::Geometry;
use crate::images::samples::{self, Sample};
use crate::networks::checkpoints::Checkpoint;
use crate::networks::distances::FeatureDistance;
use crate::networks::executors::{DeviceChoice, Executors};
use crate::networks::lpips::{Features, Perceptual, TapPlane};
use crate::ood::Role;
use crate::runs::{ResultLog, RunSettings};

/// About as long as the run takes, in seconds.
const SECONDS: f64 = 8.0;
/// Images a role at least and at most: the samples that come with the program.
const IMAGES: (f64, f64) = (4.0, 200.0);
/// Two, since the originals' features are made in the first only.
const NUM_ATTEMPTS: usize = 2;
/// Denoising steps of the default settings.
const NUM_STEPS: f64 = 25.0;

/// Where the time of a run on the bundled samples goes.
#[derive(Clone, Debug, Serialize)]
pub struct Pipeline {
    /// What it ran on.
    pub device: String,
    /// Images scored.
    pub images: usize,
    /// Attempts per image.
    pub attempts: usize,
    /// Wall time in seconds, model loading left out.
    pub seconds: f64,
    /// Attempts a second.
    pub attempts_per_second: f64,
    /// Share of the time in network calls.
    pub network_share: f64,
    /// Share of the time in LPIPS.
    pub lpips_share: f64,
}

/// Run the bundled samples through the engine.
pub fn time(checkpoint: Checkpoint, device: DeviceChoice) -> Result<Pipeline, Failure> {
    let control = Control::default();
    let engine = Engine::new(checkpoint, device, &control).map_err(Failure::bad_request)?;
    let [network_nanos, lpips_nanos] = [Arc::<AtomicU64>::default(), Arc::default()];
    let mut engine = counted(engine, &network_nanos, &lpips_nanos);

    let calls_per_image = NUM_ATTEMPTS as f64 * NUM_STEPS;
    let images = engine.info.calls_per_second() * SECONDS / calls_per_image / 2.0;
    let folders = samples::extract().map_err(Failure::failed)?;
    let mut collected = Collected::default();
    let limit = Some(images.clamp(IMAGES.0, IMAGES.1) as usize);
    collected.add(Role::InDomain, &folders.of(Sample::FashionMnist), limit)?;
    collected.add(Role::OutOfDomain, &folders.of(Sample::Mnist), limit)?;
    let request = RunRequest {
        settings: RunSettings::by_lmd(Lmd {
            num_attempts: NUM_ATTEMPTS,
            ..Lmd::default()
        }),
        images: collected.images.into(),
        results: Arc::new(ResultLog::default()),
        saving: None,
    };
    let begin = Instant::now();
    let (_, outcome) = score::run(&mut engine, &request, &control, &mut Vec::new());
    outcome.map_err(Failure::failed)?;
    let seconds = begin.elapsed().as_secs_f64();
    let share = |nanos: &AtomicU64| nanos.load(Ordering::Relaxed) as f64 / 1e9 / seconds;
    Ok(Pipeline {
        device: engine.executors.device.label,
        images: request.images.len(),
        attempts: NUM_ATTEMPTS,
        seconds,
        attempts_per_second: (request.images.len() * NUM_ATTEMPTS) as f64 / seconds,
        network_share: share(&network_nanos),
        lpips_share: share(&lpips_nanos),
    })
}

/// The engine with its network's and LPIPS's time counted, in nanoseconds.
fn counted(engine: Engine, network_nanos: &Arc<AtomicU64>, lpips_nanos: &Arc<AtomicU64>) -> Engine {
    let Executors {
        denoiser,
        perceptual,
        device,
        batching,
    } = engine.executors;
    let executors = Executors {
        denoiser: Box::new(Counted {
            inner: denoiser,
            nanos: Arc::clone(network_nanos),
        }),
        perceptual: perceptual.map(|inner| -> Box<dyn Perceptual> {
            Box::new(Counted {
                inner,
                nanos: Arc::clone(lpips_nanos),
            })
        }),
        device,
        batching,
    };
    Engine {
        executors,
        ..engine
    }
}

/// Adds up the time of all calls.
struct Counted<T> {
    inner: T,
    nanos: Arc<AtomicU64>,
}

impl<T> Counted<T> {
    fn count<R>(&mut self, call: impl FnOnce(&mut T) -> R) -> R {
        let begin = Instant::now();
        let result = call(&mut self.inner);
        let nanos = begin.elapsed().as_nanos() as u64;
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
        result
    }
}

impl Denoiser for Counted<Box<dyn Denoiser>> {
    fn geometry(&self) -> Geometry {
        self.inner.geometry()
    }

    fn denoise(
        &mut self,
        sample: &[f32],
        timesteps: &[f32],
        output: &mut [f32],
        interrupt: &dyn Interrupt,
    ) -> Result<(), DenoiseError> {
        self.count(|inner| inner.denoise(sample, timesteps, output, interrupt))
    }
}

impl FeatureDistance for Counted<Box<dyn Perceptual>> {
    fn features(
        &mut self,
        geometry: Geometry,
        unit: &[f32],
    ) -> Result<Vec<Arc<Features>>, DenoiseError> {
        self.count(|inner| inner.features(geometry, unit))
    }

    fn distances(
        &mut self,
        geometry: Geometry,
        originals: &[Arc<Features>],
        unit: &[f32],
    ) -> Result<Vec<f64>, DenoiseError> {
        self.count(|inner| inner.distances(geometry, originals, unit))
    }

    fn tap_means(
        &mut self,
        geometry: Geometry,
        unit: &[f32],
        tap: usize,
    ) -> Result<Vec<Vec<f64>>, DenoiseError> {
        self.count(|inner| inner.tap_means(geometry, unit, tap))
    }
}

impl Perceptual for Counted<Box<dyn Perceptual>> {
    fn planes(
        &mut self,
        geometry: Geometry,
        originals: &[Arc<Features>],
        unit: &[f32],
    ) -> Result<Vec<Vec<TapPlane>>, DenoiseError> {
        self.count(|inner| inner.planes(geometry, originals, unit))
    }
}
