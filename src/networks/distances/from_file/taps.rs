//! The network of a distance without the comparison: what its layers see in an image.

use std::fmt;
use std::path::Path;

use super::halves::{half_of, whole};
use super::{
    DistanceWeights, FROM_FILE, FromFileDef, Lazy, NamedTensors, Prepare, WeightsError, foreign,
    lazily, locked, read, refuse_other,
};
use crate::diffusion::DenoiseError;
use crate::images::Geometry;
use crate::networks::distances::PIXELS_AT_ONCE;

/// A network from a file, on this project's CPU kernels.
pub struct TapNetwork {
    def: &'static FromFileDef,
    network: Lazy,
}

/// Read a file, see which network it holds and check all of it. LPIPS's linear layers may be there and may be missing.
///
/// # Errors
/// That there is no network of these in it.
pub fn identify_network(path: &Path) -> Result<DistanceWeights, WeightsError> {
    let tensors = read(path, "a network")?;
    let unusable = |reason| WeightsError::Unusable {
        reason,
        path: path.to_owned(),
    };
    let complete = FROM_FILE.iter().find(|def| (def.recognizes)(&tensors));
    let def = match (complete, half_of(&tensors, path)) {
        (Some(def), _) => def,
        (None, Some((def, half))) if !half.is_linear => def,
        (None, Some((def, _))) => {
            return Err(unusable(format!(
                "they are LPIPS's linear layers without the network below them; give torchvision's {} (its file in torch's \
                 cache of checkpoints)",
                def.network
            )));
        }
        (None, None) => return Err(unusable(foreign(&tensors))),
    };
    let weights = whole(def, (path, &tensors), None);
    drop(read_network(def, &tensors).map_err(unusable)?);
    Ok(weights)
}

fn read_network(def: &FromFileDef, tensors: &NamedTensors) -> Result<Prepare, String> {
    (def.read_network)(tensors).map_err(|reason| {
        format!(
            "they seem to be those of {}, but {reason}; write or download the file again",
            def.network
        )
    })
}

impl DistanceWeights {
    /// The network alone; it makes itself ready when it is used first.
    ///
    /// # Errors
    /// That its file is missing, or is another one by now.
    pub fn open_network(&self) -> Result<TapNetwork, WeightsError> {
        let def = self.def()?;
        let tensors = read(&self.file, def.network)?;
        refuse_other(def, &self.file, &self.sha256, &tensors.sha256)?;
        let prepare = read_network(def, &tensors).map_err(|reason| WeightsError::Unusable {
            reason,
            path: self.file.clone(),
        })?;
        Ok(TapNetwork {
            def,
            network: lazily(prepare),
        })
    }

    /// Channels of each of the network's taps; none where this program does not know it.
    pub fn tap_channels(&self) -> Vec<usize> {
        self.def()
            .map_or_else(|_| Vec::new(), |def| (def.tap_channels)())
    }

    /// Width and height in pixels of the smallest images that the network takes.
    pub fn smallest_side(&self) -> usize {
        self.def().map_or(1, |def| (def.smallest_side)())
    }
}

impl TapNetwork {
    /// The mean over pixels of each channel's activations at a tap, from 0: one row per image.
    ///
    /// # Shapes
    /// `unit` is (B, C, H, W) planar in [0, 1]; gray is repeated to three channels.
    pub fn tap_means(
        &self,
        geometry: Geometry,
        unit: &[f32],
        tap: usize,
    ) -> Result<Vec<Vec<f64>>, DenoiseError> {
        let mut network = locked(&self.network)?;
        let at_once = (PIXELS_AT_ONCE / geometry.pixels()).max(1);
        let mut means = Vec::with_capacity(unit.len() / geometry.len());
        for images in unit.chunks(at_once * geometry.len()) {
            means.extend(network.tap_means(geometry, images, tap)?);
        }
        Ok(means)
    }
}

impl fmt::Debug for TapNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TapNetwork({})", self.def.network)
    }
}
