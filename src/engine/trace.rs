//! One attempt made again with every step kept, to be watched.

use super::originals::Originals;
use super::plan::Plan;
use super::score::ScoreError;
use super::{Control, Engine};
use crate::diffusion::PhiloxNoise;
use crate::diffusion::lift::{LiftBatch, LiftPlan, StepReport, lift};
use crate::diffusion::noise::PhiloxStream;
use crate::images::{Geometry, Picture};
use crate::ood::KnownMask;
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
    /// One picture a step, the first the noisiest; the last is the result, bit for bit as the run made it, since noise
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
    let plan = Plan::new(settings, images, geometry, engine.info.num_train_timesteps)?;
    let hash = &request.image.file.hash;
    let mut loaded = Originals::new(geometry, settings.resize, 1).load(images, &[0]);
    let original = match loaded.pop() {
        Some((_, Ok(original))) => original,
        Some((_, Err(reason))) => return Err(ScoreError::Unreadable(reason)),
        None => return Err(ScoreError::NothingReadable(1)),
    };
    let known_mask = plan.known_mask(hash, request.attempt)?;
    let known: Vec<&[bool]> = known_mask
        .as_deref()
        .map(KnownMask::known)
        .into_iter()
        .collect();
    let original_signed: Vec<f32> = original
        .compared
        .unit
        .iter()
        .map(|unit| 2.0 * unit - 1.0)
        .collect();
    let lift_plan = LiftPlan {
        schedule: &engine.schedule,
        sampler: settings.sampler,
        timesteps: &plan.timesteps,
        start: plan.start,
    };
    let batch = LiftBatch {
        original_signed: &original_signed,
        known: &known,
    };
    let noise = PhiloxNoise {
        streams: vec![PhiloxStream::new(settings.seed, hash, request.attempt)],
    };
    let mut steps = Vec::with_capacity(plan.timesteps.len());
    lift(
        &lift_plan,
        &mut *engine.executors.denoiser,
        batch,
        &noise,
        control,
        &mut |step: StepReport<'_>| steps.push(picture(geometry, step.state_signed)),
    )?;
    Ok(Trace { steps })
}

fn picture(geometry: Geometry, state_signed: &[f32]) -> Picture {
    let unit: Vec<f32> = state_signed
        .iter()
        .map(|&signed| f32::midpoint(signed, 1.0).clamp(0.0, 1.0))
        .collect();
    Picture::from_unit(geometry, &unit)
}
