//! LMD Inspector finds images that do not belong: out-of-distribution detection by diffusion
//! inpainting (Lift, Map, Detect: Liu et al., ICML 2023, <https://arxiv.org/abs/2302.10326>).
//!
//! # Map
//! Each folder may name only those to its left (a test checks it); `headless` stands above
//! `engine`, beside `worker`, `state` and `ui`: it names none of these, and none names it.
//!
//! `ood ← images ← diffusion ← networks ← detectors ← runs ← engine ← worker ← state ← ui`
//!
//! | folder | what a reader finds there |
//! | --- | --- |
//! | [`ood`] | masks, measures, aggregation, figures of merit, thresholds: plain Rust on slices |
//! | [`images`] | sources of images, decoding within limits, preprocessing, the bundled samples |
//! | [`diffusion`] | schedules, samplers, noise streams, the two lifts, over the [`diffusion::Denoiser`] trait |
//! | [`networks`] | one description of a UNet; checkpoint loaders that make it; executors that run it; training; distances |
//! | [`detectors`] | detectors behind one trait, each with its settings: LMD with its masks, the quick scan, those fitted on in-domain images; measures and scores |
//! | [`runs`] | a run's settings (method, view, selection, execution), its results, and what is written of them |
//! | [`engine`] | what a run does, without threads: plan, scoring, fits of detectors, training, traces, figures that take long; and whether it can, on this machine |
//! | [`worker`] | the threads for inference, files and training, and the messages to and from them |
//! | [`headless`] | the subcommands of `lmd` |
//! | [`state`] | what the window knows: settings, session, the run that is shown, actions |
//! | [`ui`] | what the window draws |
//!
//! # Where candle ends
//! candle converts the values of checkpoint files, and runs networks by CUDA or Metal in builds that ask for it: there
//! its breadth counts. Otherwise they run on this project's own kernels ([`networks::executors::cpu`]) and shaders
//! ([`networks::executors::wgpu`]), one list of operations behind the same trait: a sampler's network calls are small,
//! repeated and known in advance, so weights are prepared once and memory is planned once, which candle's general
//! tensors cannot do. `lmd bench --compare candle-cpu` measures the difference.

pub mod detectors;
pub mod diffusion;
pub mod engine;
pub mod headless;
pub mod images;
pub mod networks;
pub mod ood;
pub mod runs;
pub mod state;
pub mod ui;
pub mod worker;
