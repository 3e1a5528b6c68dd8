//! LMD Inspector finds images that do not belong: out-of-distribution detection by diffusion
//! inpainting (Lift, Map, Detect: Liu et al., ICML 2023, <https://arxiv.org/abs/2302.10326>).
//!
//! # Map
//! Each folder may name only those to its left (a test checks it); `headless` stands beside
//! `state` and `ui`.
//!
//! `ood ← images ← diffusion ← networks ← runs ← worker ← state ← ui`

pub mod diffusion;
pub mod headless;
pub mod images;
pub mod networks;
pub mod ood;
pub mod runs;
pub mod state;
pub mod ui;
pub mod worker;
