//! What a trainer is given, what it makes of it, and why it can't.

use std::collections::TryReserveError;

use crate::diffusion::Interrupted;
use crate::networks::executors::lowered::PlanError;

/// Why training can't begin or continue.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The network does not fit together, or has parts without a gradient here.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The activations do not fit.
    #[error(
        "there is not enough memory for training this network, which needs {} MB for its activations; choose a smaller \
         network or size",
        bytes / 1_000_000
    )]
    OutOfMemory {
        /// Bytes asked for.
        bytes: usize,
        /// What the system said.
        source: TryReserveError,
    },
    /// A stop was asked for; the weights are those of the last whole step.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

/// Noisy images, and what the network should say of them.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// (B, H, W, C).
    pub noisy: &'a [f32],
    /// (B).
    pub timesteps: &'a [f32],
    /// (B, H, W, C).
    pub target: &'a [f32],
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepReport {
    /// Mean squared error before the step.
    pub loss: f64,
    /// Length of the gradient before it was clipped.
    pub gradient_norm: f64,
    /// Whether the weights were changed: they are not where the gradient is not finite.
    pub is_applied: bool,
}

/// What a training run has made so far; with the data it decides everything that follows.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainState {
    /// Weights in the layout of the plan's parameters.
    pub weights: Vec<f32>,
    /// Running mean of the gradient.
    pub first: Vec<f32>,
    /// Running mean of its square.
    pub second: Vec<f32>,
    /// Running average of the weights.
    pub average: Vec<f32>,
    /// Steps taken.
    pub step: usize,
    /// Steps that changed the weights.
    pub applied: usize,
}

impl TrainState {
    /// Before the first step.
    pub fn new(weights: Vec<f32>) -> Self {
        Self {
            first: vec![0.0; weights.len()],
            second: vec![0.0; weights.len()],
            average: weights.clone(),
            weights,
            step: 0,
            applied: 0,
        }
    }
}
