//! The one thing a sampler knows of a network.

use std::time::Duration;

use crate::images::Geometry;

/// A stop was asked for; the work in hand was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopped on request")]
pub struct Interrupted;

/// Asked between the layers of a network call and between steps.
///
/// An implementation may block in `check` while the user has paused.
pub trait Interrupt: Sync {
    /// `Err` when the work should be dropped.
    fn check(&self) -> Result<(), Interrupted>;

    /// Time that checks have spent waiting in a pause, for times that leave pauses out.
    fn paused_for(&self) -> Duration {
        Duration::ZERO
    }
}

/// Never stops.
#[derive(Clone, Copy, Debug, Default)]
pub struct NeverInterrupt;

impl Interrupt for NeverInterrupt {
    fn check(&self) -> Result<(), Interrupted> {
        Ok(())
    }
}

/// Why a network call gave no output.
#[derive(Debug, thiserror::Error)]
pub enum DenoiseError {
    /// The user stopped it.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The device has no room for a batch of this size; a smaller one may fit.
    #[error("not enough device memory for a batch of {batch} images: {message}")]
    OutOfMemory {
        /// Images in the failed call.
        batch: usize,
        /// What the device said.
        message: String,
    },
    /// The device is gone: its driver reset it, or it was unplugged. Nothing works on it any more.
    #[error("the device was lost: {0}")]
    DeviceLost(String),
    /// The executor failed otherwise.
    #[error("the network call failed: {0}")]
    Failed(String),
}

/// A network that predicts noise (or whatever its schedule's prediction type says) from a noisy image.
pub trait Denoiser: Send {
    /// The shape of one input image.
    fn geometry(&self) -> Geometry;

    /// One network call.
    ///
    /// # Shapes
    /// `sample` and `output` are (B, C, H, W) with `B = timesteps.len()`, planar, contiguous.
    /// `timesteps` are training timesteps, one an image (not necessarily equal or whole).
    ///
    /// An image's output is the same bits at any batch size and position on CPU executors.
    fn denoise(
        &mut self,
        sample: &[f32],
        timesteps: &[f32],
        output: &mut [f32],
        interrupt: &dyn Interrupt,
    ) -> Result<(), DenoiseError>;
}

/// Whether a call's sample and output hold an image for each timestep.
pub fn check_lengths(
    geometry: Geometry,
    sample: &[f32],
    timesteps: &[f32],
    output: &[f32],
) -> Result<(), DenoiseError> {
    let len = geometry.len();
    for (name, got) in [("sample", sample.len()), ("output", output.len())] {
        if got != len * timesteps.len() {
            let expected = format!("{} images of {len} values", timesteps.len());
            return Err(DenoiseError::Failed(format!(
                "the {name} should hold {expected}, got {got} values"
            )));
        }
    }
    Ok(())
}
