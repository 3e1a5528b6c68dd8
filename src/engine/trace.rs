//! One attempt made again with every step kept, to be watched.

use super::originals::Originals;
use super::plan::Plan;
use super::score::ScoreError;
use super::{Control, Engine};
use crate::detectors::{Batch, Call, Models, Watch};
use crate::images::{Geometry, Picture};
use crate::runs::{RunImage, RunSettings};

/// Which attempt to make again.
#[derive(Clone, Debug)]
pub struct TraceRequest {
    /// The settings of its run.
    pub settings: RunSettings,
    /// The image.
    pub image: RunImage,
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
    let settings = &request.settings;
    let geometry = engine.info.geometry;
    let images = std::slice::from_ref(&request.image);
    let plan = Plan::new(settings, images, geometry, &engine.schedule)?;
    let mut loaded = Originals::new(geometry, settings.method.resize, 1).load(images, &[0]);
    let original = match loaded.pop() {
        Some((_, Ok(original))) => original,
        Some((_, Err(reason))) => return Err(ScoreError::Unreadable(reason)),
        None => return Err(ScoreError::NothingReadable(1)),
    };
    let batch = Batch {
        geometry,
        contents: &[request.image.file.hash],
        originals: &mut [original.compared],
    };
    let models = Models {
        schedule: &engine.schedule,
        denoiser: &mut *engine.executors.denoiser,
        perceptual: engine.executors.perceptual.as_deref_mut(),
    };
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

fn picture(geometry: Geometry, state_signed: &[f32]) -> Picture {
    let unit: Vec<f32> = state_signed
        .iter()
        .map(|&signed| f32::midpoint(signed, 1.0).clamp(0.0, 1.0))
        .collect();
    Picture::from_unit(geometry, &unit)
}
