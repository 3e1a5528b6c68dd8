//! LPIPS v0.1 with `AlexNet` (Zhang et al., CVPR 2018, <https://arxiv.org/abs/1801.03924>): weights and the
//! interface of the executors that compute it.

use std::sync::Arc;

use crate::diffusion::DenoiseError;
use crate::images::Geometry;

/// Unit-normalized activations of one image at the five taps, in the executor's own layout.
#[derive(Clone, Debug)]
pub struct Features {
    /// One array a tap.
    pub taps: Vec<Vec<f32>>,
}

impl Features {
    /// Memory taken, in bytes.
    pub fn num_bytes(&self) -> usize {
        self.taps
            .iter()
            .map(|tap| tap.len() * size_of::<f32>())
            .sum()
    }
}

/// Computes LPIPS; an original's features are made once and used for every attempt.
pub trait Perceptual: Send {
    /// Features of a batch of images.
    ///
    /// # Shapes
    /// `unit` is (B, C, H, W) planar in [0, 1]; gray is repeated to three channels.
    fn features(
        &mut self,
        geometry: Geometry,
        unit: &[f32],
    ) -> Result<Vec<Arc<Features>>, DenoiseError>;

    /// Distance of each reconstruction from its original, 0 for equal images.
    ///
    /// # Shapes
    /// `unit` is (B, C, H, W) planar in [0, 1] with `B = originals.len()`.
    fn distances(
        &mut self,
        geometry: Geometry,
        originals: &[Arc<Features>],
        unit: &[f32],
    ) -> Result<Vec<f64>, DenoiseError>;
}
