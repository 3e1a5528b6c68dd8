//! Distances between an original and its reconstruction, each an entry of [`DISTANCES`], or of [`FROM_FILE`] where its weights
//! come from a file.

use std::sync::Arc;

use crate::diffusion::DenoiseError;
use crate::images::Geometry;
use crate::networks::lpips::{Features, Perceptual};
use crate::ood::{Measure, MeasureId};

pub mod from_file;
mod lpips;
mod lpips_squeeze;
mod lpips_vgg;
mod mae;
mod mse;
mod simclr;
mod ssim;

pub use from_file::{
    DistanceWeights, FROM_FILE, FromFileDef, Half, Identified, TapNetwork, WeightsError,
};
pub use lpips::LPIPS;
pub use lpips_squeeze::LPIPS_SQUEEZE;
pub use lpips_vgg::LPIPS_VGG;
pub use mae::{MAE, mae};
pub use mse::{MSE, mse};
pub use simclr::SIMCLR;
pub use ssim::{SSIM, ssim};

/// All distances that need no file, in the order in which files hold them: new ones come last.
pub static DISTANCES: &[&dyn Distance] = &[&mse::Mse, &ssim::Ssim, &lpips::Lpips, &mae::Mae];

/// A way to measure how far a reconstruction is from its original.
pub trait Distance: Send + Sync {
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
    /// What networks of distances see in it.
    pub features: KeptFeatures,
}

/// Features of an original by each distance that has made them.
#[derive(Clone, Debug, Default)]
pub struct KeptFeatures(Vec<(MeasureId, Arc<Features>)>);

impl KeptFeatures {
    /// Memory taken, in bytes.
    pub fn num_bytes(&self) -> usize {
        self.0
            .iter()
            .map(|(_, features)| features.num_bytes())
            .sum()
    }

    fn of(&self, distance: MeasureId) -> Option<&Arc<Features>> {
        let found = self.0.iter().find(|(id, _)| *id == distance);
        found.map(|(_, features)| features)
    }
}

/// Compares images by what a network sees in them; an original's features are made once and used for every attempt.
pub trait FeatureDistance: Send {
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

    /// The mean over pixels of each channel's activations at a tap, from 0, as they are before they are normalized: one row
    /// per image.
    ///
    /// # Shapes
    /// `unit` is (B, C, H, W) planar in [0, 1]; gray is repeated to three channels.
    fn tap_means(
        &mut self,
        geometry: Geometry,
        unit: &[f32],
        tap: usize,
    ) -> Result<Vec<Vec<f64>>, DenoiseError>;
}

/// Pixels that go through a network together: the activations of VGG16 take 256 bytes for each, twice.
const PIXELS_AT_ONCE: usize = 1 << 18;

/// The distance of each reconstruction from its original by a network, a few images at once; the originals' features are kept
/// under the distance's name.
fn compare<N: FeatureDistance + ?Sized>(
    network: &mut N,
    distance: MeasureId,
    compared: &mut Compared<'_>,
) -> Result<Vec<f64>, DenoiseError> {
    let geometry = compared.geometry;
    let at_once = (PIXELS_AT_ONCE / geometry.pixels()).max(1);
    let mut distances = Vec::with_capacity(compared.originals.len());
    let parts = (compared.originals.chunks_mut(at_once))
        .zip(compared.reconstructions.chunks(at_once * geometry.len()));
    for (originals, reconstructions) in parts {
        let missing = |original: &&mut ComparedOriginal| original.features.of(distance).is_none();
        let unit: Vec<f32> = (originals.iter_mut().filter(missing))
            .flat_map(|original| original.unit.iter().copied())
            .collect();
        if !unit.is_empty() {
            let made = network.features(geometry, &unit)?;
            for (original, features) in originals.iter_mut().filter(missing).zip(made) {
                original.features.0.push((distance, features));
            }
        }
        let features: Vec<_> = (originals.iter())
            .filter_map(|original| original.features.of(distance).cloned())
            .collect();
        distances.extend(network.distances(geometry, &features, reconstructions)?);
    }
    Ok(distances)
}

impl Compared<'_> {
    /// Each original with its reconstruction, (C, H, W) planar in [0, 1].
    pub fn pairs(&self) -> impl Iterator<Item = (&[f32], &[f32])> {
        let reconstructions = self.reconstructions.chunks_exact(self.geometry.len());
        (self.originals.iter().map(|original| &*original.unit)).zip(reconstructions)
    }
}
