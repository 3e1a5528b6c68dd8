//! The method's pure base: masks, distances, aggregation and the figures of merit.
//!
//! Plain Rust on slices, `f64` math. Nothing here knows of files, tensors, threads or windows.
//! The method is Liu et al., "Unsupervised Out-of-Distribution Detection with Diffusion
//! Inpainting" (ICML 2023, <https://arxiv.org/abs/2302.10326>), abbreviated LMD.

pub mod aggregate;
pub mod auroc;
pub mod base64;
pub mod beta;
pub mod combining;
pub mod conformal;
pub mod confusion;
pub mod correlation;
pub mod discoveries;
pub mod fence;
pub mod figures;
pub mod histogram;
pub mod interval;
pub mod mask;
pub mod measure;
pub mod paired;
pub mod principal;
pub mod proportion;
pub mod random;
pub mod roc_band;
pub mod role;
pub mod text;
pub mod threshold;

pub use aggregate::Aggregate;
pub use confusion::{Confusion, Outcome};
pub use interval::Interval;
pub use mask::{KnownMask, MaskKind};
pub use measure::{Measure, MeasureId, NOT_MEASURED, Values};
pub use proportion::Proportion;
pub use role::{PerRole, Role};
pub use threshold::{Costs, ThresholdRule};
