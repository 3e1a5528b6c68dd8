//! One attempt made again with every step kept, to be watched.

use super::originals::Originals;
use super::plan::Plan;
use super::score::ScoreError;
use super::{Control, Engine};
use crate::detectors::{Batch, Call, Watch};
use crate::images::{Geometry, Picture};
use crate::networks::distances::{ComparedOriginal, KeptFeatures};
use crate::runs::{RunImage, RunSettings};

/// Which attempt to make again.
#[derive(Clone, Debug)]
pub struct TraceRequest {
    /// The settings of its run.
    pub settings: RunSettings,
    pub image: RunImage,
    /// Its original as a run file keeps it, where the image file may not be read: rounded to 8 bits, so that the last step
    /// need not be the result to the last bit.
    pub original: Option<Picture>,
    /// The attempt, from 0.
    pub attempt: usize,
}

/// The state after each step of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// One picture per step, the first the noisiest, none where the detector takes no steps; the last is the result, bit for bit as the run made it, since noise
    /// depends on seed, content and attempt alone.
    pub steps: Vec<Picture>,
}

/// Make the attempt again.
///
/// # Errors
/// What a run would say, or that the image can't be read any more.
pub fn trace(
    engine: &mut Engine,
    request: &TraceRequest,
    control: &Control,
) -> Result<Trace, ScoreError> {
    let mut settings = request.settings.clone();
    settings.method.detector = settings.method.detector.that_makes_pictures().clone();
    if let Some(lmd) = settings.method.detector.lmd_mut() {
        // Pictures are asked for: these would be made ready for nothing.
        lmd.distance_weights.clear();
    }
    let settings = &settings;
    let geometry = engine.info.geometry;
    let images = std::slice::from_ref(&request.image);
    let plan = Plan::new(
        settings,
        images,
        geometry,
        &engine.schedule,
        &engine.info.identity,
    )?;
    let original = match &request.original {
        Some(kept) => kept_original(kept, geometry)?,
        None => read_original(settings, images, geometry)?,
    };
    let batch = Batch {
        geometry,
        contents: &[request.image.file.hash],
        originals: &mut [original],
    };
    let models = engine.models();
    let mut steps = Vec::with_capacity(plan.detector.calls_per_attempt());
    let watch = Watch {
        interrupt: control,
        on_call: &mut |call: Call<'_>| {
            steps.extend(call.state_signed.map(|state| picture(geometry, state)));
        },
    };
    plan.detector.score(batch, request.attempt, models, watch)?;
    Ok(Trace { steps })
}

fn read_original(
    settings: &RunSettings,
    images: &[RunImage],
    geometry: Geometry,
) -> Result<ComparedOriginal, ScoreError> {
    let mut loaded = Originals::new(geometry, settings.method.resize, 1).load(images, &[0]);
    match loaded.pop() {
        Some((_, Ok(original))) => Ok(original.compared),
        Some((_, Err(reason))) => Err(ScoreError::Unreadable(reason)),
        None => Err(ScoreError::NothingReadable(1)),
    }
}

fn kept_original(kept: &Picture, geometry: Geometry) -> Result<ComparedOriginal, ScoreError> {
    let size = (geometry.side, geometry.side, geometry.channels);
    if (kept.width, kept.height, kept.channels) != size {
        return Err(ScoreError::Unreadable(format!(
            "its original in the run file has {} x {} pixels, the model takes {} x {}",
            kept.width, kept.height, geometry.side, geometry.side
        )));
    }
    Ok(ComparedOriginal {
        unit: kept.to_unit().into(),
        features: KeptFeatures::default(),
    })
}

fn picture(geometry: Geometry, state_signed: &[f32]) -> Picture {
    let unit: Vec<f32> = state_signed
        .iter()
        .map(|&signed| f32::midpoint(signed, 1.0).clamp(0.0, 1.0))
        .collect();
    Picture::from_unit(geometry, &unit)
}
