//! The method's pure base: masks, distances, aggregation and the figures of merit.
//!
//! Plain Rust on slices, `f64` math. Nothing here knows of files, tensors, threads or windows.
//! The method is Liu et al., "Unsupervised Out-of-Distribution Detection with Diffusion
//! Inpainting" (ICML 2023, <https://arxiv.org/abs/2302.10326>), abbreviated LMD.

pub mod aggregate;
pub mod conformal;
pub mod distance;
pub mod figures;
pub mod histogram;
pub mod mask;
pub mod role;

pub use aggregate::Aggregate;
pub use distance::{Distance, Distances};
pub use mask::{KnownMask, MaskKind};
pub use role::Role;
