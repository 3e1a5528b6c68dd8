//! Distances between an original and its reconstruction, each an entry of [`DISTANCES`].

use std::sync::Arc;

use crate::diffusion::DenoiseError;
use crate::images::Geometry;
use crate::networks::lpips::{Features, Perceptual};
use crate::ood::Measure;

mod lpips;
mod mae;
mod mse;
mod ssim;

pub use lpips::LPIPS;
pub use mae::{MAE, mae};
pub use mse::{MSE, mse};
pub use ssim::{SSIM, ssim};

/// All distances, in the order in which files hold them: new ones come last.
pub static DISTANCES: &[&dyn Distance] = &[&mse::Mse, &ssim::Ssim, &lpips::Lpips, &mae::Mae];

/// A way to measure how far a reconstruction is from its original.
pub trait Distance: Sync {
    /// What is told of it.
    fn measure(&self) -> &'static Measure;

    /// Width and height in pixels of the smallest images that it is defined for.
    fn smallest_side(&self) -> usize;

    /// Whether each run measures it, or only one that is asked for it.
    fn is_always_measured(&self) -> bool {
        true
    }

    /// The distance of each reconstruction from its original, 0 for equal images; NaN where it is not defined.
    fn distances(&self, compared: &mut Compared<'_>) -> Result<Vec<f64>, DenoiseError>;
}

/// A batch of originals and their reconstructions.
pub struct Compared<'a> {
    /// Of each image.
    pub geometry: Geometry,
    pub originals: &'a mut [ComparedOriginal],
    /// (B, C, H, W) planar in [0, 1], in the order of the originals.
    pub reconstructions: &'a [f32],
    /// Runs LPIPS; `None` where images are too small for it.
    pub perceptual: Option<&'a mut (dyn Perceptual + 'static)>,
}

/// An original with what distances have made of it: it is the same in every attempt.
#[derive(Clone, Debug)]
pub struct ComparedOriginal {
    /// (C, H, W) planar in [0, 1].
    pub unit: Arc<[f32]>,
    /// LPIPS features, once they are known.
    pub features: Option<Arc<Features>>,
}

impl Compared<'_> {
    /// Each original with its reconstruction, (C, H, W) planar in [0, 1].
    pub fn pairs(&self) -> impl Iterator<Item = (&[f32], &[f32])> {
        let reconstructions = self.reconstructions.chunks_exact(self.geometry.len());
        (self.originals.iter().map(|original| &*original.unit)).zip(reconstructions)
    }
}
