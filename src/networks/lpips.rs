//! LPIPS v0.1 (Zhang et al., CVPR 2018, <https://arxiv.org/abs/1801.03924>): its description, the weights of `AlexNet`, and
//! the interface of the executors that compute it.

use std::borrow::Cow;
use std::sync::Arc;

use lmd_inspector_lpips::ALEX as WEIGHTS;

use self::backbone::{Backbone, LayerDef, MaxPool};
use super::checkpoints::safetensors::Safetensors;
use super::checkpoints::tensors::sha256_hex;
use super::description::Conv2d;
use super::distances::FeatureDistance;
use super::weights::Weights;
use crate::diffusion::DenoiseError;
use crate::images::{Geometry, Picture};

pub mod backbone;

/// Subtracted from the channels of an image in [-1, 1] (the `lpips` package's `ScalingLayer`).
pub const SHIFT: [f32; 3] = [-0.030, -0.088, -0.188];
/// Divides the channels after [`SHIFT`].
pub const SCALE: [f32; 3] = [0.458, 0.448, 0.450];
/// Added to the norm over channels before activations are divided by it.
pub const NORM_EPS: f64 = 1e-10;

/// SHA-256 of the weights inside the binary, in hexadecimal digits.
pub fn bundled_sha256() -> String {
    sha256_hex(WEIGHTS)
}

/// The network: convolutions, each followed by `ReLU`, some of them tapped there.
#[derive(Clone, Debug)]
pub struct Lpips {
    /// In order.
    pub layers: Vec<LpipsLayer>,
    /// Side in pixels of the smallest image that reaches the last tap.
    pub smallest_side: usize,
}

/// A convolution and the weights of its tap.
#[derive(Clone, Debug)]
pub struct LpipsLayer {
    /// What comes first.
    pub pool: Option<MaxPool>,
    /// The convolution; `ReLU` follows.
    pub conv: Conv2d,
    /// (C): weights of the squared differences of the unit-normalized activations; `None` where they are not compared.
    pub linear: Option<Weights>,
}

/// The weights inside the binary do not fit.
#[derive(Debug, thiserror::Error)]
#[error("the LPIPS weights of this build are damaged: {0}")]
pub struct LpipsError(String);

/// The paper's default, whose weights are inside the binary.
pub static ALEXNET: Backbone = Backbone {
    name: "AlexNet",
    layers: &ALEXNET_LAYERS,
};

static ALEXNET_LAYERS: [LayerDef; 5] = ALEXNET_TABLE;

/// A constant too, for the sizes of taps.
const ALEXNET_TABLE: [LayerDef; 5] = {
    const POOL: MaxPool = MaxPool {
        size: 3,
        padding: 0,
        rounds_up: false,
    };
    [
        LayerDef::plain("net.slice1.0", [3, 64, 11])
            .spaced(4, 2)
            .tapped(),
        LayerDef::plain("net.slice2.3", [64, 192, 5])
            .pooled(POOL)
            .tapped(),
        LayerDef::plain("net.slice3.6", [192, 384, 3])
            .pooled(POOL)
            .tapped(),
        LayerDef::plain("net.slice4.8", [384, 256, 3]).tapped(),
        LayerDef::plain("net.slice5.10", [256, 256, 3]).tapped(),
    ]
};

/// Channels of each tap of `AlexNet`.
pub const TAP_CHANNELS: [usize; 5] = {
    let mut channels = [0; ALEXNET_TABLE.len()];
    let mut tap = 0;
    while tap < channels.len() {
        channels[tap] = ALEXNET_TABLE[tap].outputs();
        tap += 1;
    }
    channels
};

impl Lpips {
    /// With `AlexNet` and the weights inside the binary.
    pub fn bundled() -> Result<Self, LpipsError> {
        Self::parse(WEIGHTS).map_err(LpipsError)
    }

    fn parse(bytes: &'static [u8]) -> Result<Self, String> {
        let file = Safetensors::parse(Cow::Borrowed(bytes)).map_err(|error| error.to_string())?;
        ALEXNET.read(&mut |name, shape| {
            let values = file.read(name)?;
            if values.len() != shape.iter().product::<usize>() {
                return Err(format!("{name} must have the shape {shape:?}"));
            }
            Ok(values)
        })
    }
}

/// Side in pixels of the smallest image that LPIPS with `AlexNet` takes.
pub fn smallest_side() -> usize {
    ALEXNET.smallest_side()
}

/// Unit-normalized activations of one image at the taps, in the executor's own layout.
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

/// Computes LPIPS.
pub trait Perceptual: FeatureDistance {
    /// Where each reconstruction differs from its original: what the taps find, before they are averaged over pixels.
    ///
    /// # Shapes
    /// `unit` is (B, C, H, W) planar in [0, 1] with `B = originals.len()`; of each image one plane a tap.
    fn planes(
        &mut self,
        geometry: Geometry,
        originals: &[Arc<Features>],
        unit: &[f32],
    ) -> Result<Vec<Vec<TapPlane>>, DenoiseError>;
}

/// Weighted squared differences at a tap, summed over channels, one value a pixel of the tap.
#[derive(Clone, Debug, PartialEq)]
pub struct TapPlane {
    /// Width and height.
    pub side: usize,
    /// `side * side` values, row by row, 0 and up.
    pub values: Vec<f32>,
}

/// The spatial map of the `lpips` package (`spatial=True`): the sum of all taps' planes, each brought to the size of the
/// image bilinearly with half-pixel centers (`align_corners=False`).
///
/// Its mean is the distance up to what the resizing of the edges adds: exactly where the sides of the taps divide the
/// image's, within 0.1 % at 32 and 64 pixels.
pub fn spatial_map(planes: &[TapPlane], side: usize) -> Vec<f32> {
    let mut map = vec![0.0; side * side];
    for plane in planes {
        let places: Vec<(usize, usize, f32)> = (0..side)
            .map(|at| neighbors(at, side, plane.side))
            .collect();
        for (row, &(top, bottom, down)) in map.chunks_exact_mut(side).zip(&places) {
            for (slot, &(left, right, across)) in row.iter_mut().zip(&places) {
                let between = |y: usize| {
                    let line = &plane.values[y * plane.side..][..plane.side];
                    line[left] * (1.0 - across) + line[right] * across
                };
                *slot += between(top) * (1.0 - down) + between(bottom) * down;
            }
        }
    }
    map
}

/// The spatial map between two pictures, see [`spatial_map`].
///
/// Pictures hold 8 bits a value, so that a map's mean differs from the distance of the run by what rounding adds, and by
/// what [`spatial_map`] says.
///
/// # Errors
/// That they are not square or of different shapes, or what the network says.
pub fn map_between(
    perceptual: &mut dyn Perceptual,
    original: &Picture,
    other: &Picture,
) -> Result<Vec<f32>, DenoiseError> {
    let shape = |picture: &Picture| (picture.width, picture.height, picture.channels);
    if shape(original) != shape(other) || original.width != original.height {
        return Err(DenoiseError::Failed(format!(
            "LPIPS expects two square pictures of the same shape, got {:?} and {:?}",
            shape(original),
            shape(other)
        )));
    }
    let geometry = Geometry {
        channels: original.channels,
        side: original.width,
    };
    let features = perceptual.features(geometry, &original.to_unit())?;
    let planes = perceptual.planes(geometry, &features, &other.to_unit())?;
    let planes = planes.first().map_or(&[][..], Vec::as_slice);
    Ok(spatial_map(planes, geometry.side))
}

/// The two pixels of a line of `from` that pixel `at` of a line of `to` lies between, and how near to the second.
fn neighbors(at: usize, to: usize, from: usize) -> (usize, usize, f32) {
    let place = ((at as f32 + 0.5) * from as f32 / to as f32 - 0.5).max(0.0);
    let first = (place as usize).min(from - 1);
    (first, (first + 1).min(from - 1), place - first as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_weights_fit() {
        let lpips = Lpips::bundled().unwrap();
        let channels: Vec<usize> = lpips
            .layers
            .iter()
            .map(|layer| layer.linear.as_ref().unwrap().len())
            .collect();
        assert_eq!(channels, [64, 192, 384, 256, 256]);
        assert_eq!(channels, TAP_CHANNELS);
    }

    #[test]
    fn the_mean_of_a_map_is_the_mean_of_its_planes_where_sides_divide() {
        let plane = |side: usize, values: &[f32]| TapPlane {
            side,
            values: values.to_vec(),
        };
        let planes = [plane(2, &[0.0, 1.0, 2.0, 5.0]), plane(1, &[3.0])];
        let map = spatial_map(&planes, 8);
        assert_eq!((map[0], map[63]), (3.0, 8.0), "corners keep their values");
        // Half a pixel of the tap past the first center: 1/8 of the way to the next.
        assert_eq!(map[2], 3.0 + 0.125);
        let mean = map.iter().sum::<f32>() / 64.0;
        assert_eq!(mean, 2.0 + 3.0);
    }

    #[test]
    fn the_smallest_side_follows_from_the_pools() {
        // (31 + 4 - 11) / 4 + 1 = 7, pooled to 3, pooled to 1.
        assert_eq!(smallest_side(), 31);
    }
}
