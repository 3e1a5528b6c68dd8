//! Small diffusion models in the layout of diffusers' pipelines, as files: `README.md` says what they are of and whose.

use include_dir::include_dir;

pub use include_dir::{Dir, File};

/// Of clothing, 32x32 gray.
pub static FASHION_MNIST: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/fashion-mnist-32");
/// Of digits, 32x32 gray.
pub static MNIST: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/mnist-32");
/// Of head CTs, 64x64 gray, with a detector.
pub static HEAD_CT: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/headct-64");
