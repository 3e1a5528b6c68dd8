//! One image as `AlexNet` sees it.

use std::sync::Arc;

use super::SimilarError;
use crate::images::prepare::scaled;
use crate::images::{Geometry, Picture};
use crate::networks::executors::cpu::{CpuOptions, Machine};
use crate::networks::executors::{Executor as _, ExecutorError};
use crate::networks::lpips::{Lpips, Perceptual};

/// The layer, from 0.
const TAP: usize = 2;
/// Pixels per side that pictures are brought to: the third layer would see hardly more than one place of smaller ones, and
/// larger ones take long without telling more.
const SIDES: std::ops::RangeInclusive<usize> = 64..=128;
/// Pixels per side of the copy that is compared pixel by pixel.
const SMALL_SIDE: usize = 32;

/// What is kept of an image.
#[derive(Clone, Debug)]
pub struct Look {
    /// Of length 1.
    row: Arc<[f32]>,
    small: Picture,
}

impl Look {
    /// What the network sees, at length 1.
    pub(super) fn row(&self) -> &[f32] {
        &self.row
    }

    /// The cosine of the angle between what the network sees in two images.
    pub(super) fn cosine(&self, other: &Self) -> f64 {
        f64::from(product(&self.row, &other.row))
    }

    /// The correlation of the pixels of two small copies, -1 to 1: brightness and contrast do not matter. 0 where they differ
    /// in shape, or one is of a single color.
    pub(super) fn pixel_correlation(&self, other: &Self) -> f64 {
        let shape = |look: &Self| (look.small.width, look.small.height, look.small.channels);
        if shape(self) != shape(other) {
            return 0.0;
        }
        if self.small.bytes == other.small.bytes {
            return 1.0;
        }
        let (a, b) = (&self.small.bytes, &other.small.bytes);
        let (mean_a, mean_b) = (mean(a), mean(b));
        let (mut products, mut squares_a, mut squares_b) = (0.0, 0.0, 0.0);
        for (a, b) in a.iter().zip(b.iter()) {
            let (a, b) = (f64::from(*a) - mean_a, f64::from(*b) - mean_b);
            products += a * b;
            squares_a += a * a;
            squares_b += b * b;
        }
        let scale = (squares_a * squares_b).sqrt();
        if scale > 0.0 { products / scale } else { 0.0 }
    }
}

fn mean(bytes: &[u8]) -> f64 {
    bytes.iter().map(|&byte| f64::from(byte)).sum::<f64>() / bytes.len().max(1) as f64
}

/// In running sums side by side, so that the compiler can vectorize it.
fn product(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 16];
    for (a, b) in a.chunks(sums.len()).zip(b.chunks(sums.len())) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += a * b;
        }
    }
    sums.iter().sum()
}

/// Looks at images, on the CPU.
pub struct Looker(Box<dyn Perceptual>);

impl Looker {
    /// Make the network ready, on so many threads of its own; `None` for those of the process, for which a run would wait.
    pub fn open(threads: Option<usize>) -> Result<Self, SimilarError> {
        let options = CpuOptions {
            threads,
            ..CpuOptions::default()
        };
        let machine =
            Machine::new(&options).map_err(|error| ExecutorError::NoDevice(error.to_string()))?;
        let lpips = Lpips::bundled().map_err(|error| SimilarError::Failed(error.to_string()))?;
        Ok(Self(machine.perceptual(&Arc::new(lpips))?))
    }

    /// Look at a few images of one shape.
    pub(super) fn look_at(&mut self, pictures: &[&Picture]) -> Result<Vec<Look>, SimilarError> {
        let Some(first) = pictures.first() else {
            return Ok(Vec::new());
        };
        let side = (first.width.max(first.height)).clamp(*SIDES.start(), *SIDES.end());
        let geometry = Geometry {
            channels: first.channels,
            side,
        };
        let units: Vec<f32> = (pictures.iter())
            .flat_map(|picture| scaled(picture, geometry).unit)
            .collect();
        let means = (self.0.tap_means(geometry, &units, TAP))
            .map_err(|error| SimilarError::Failed(error.to_string()))?;
        let looks = means.into_iter().zip(pictures);
        Ok(looks
            .map(|(means, picture)| Look {
                row: at_length_one(&means),
                small: picture.shrunk(SMALL_SIDE),
            })
            .collect())
    }
}

fn at_length_one(values: &[f64]) -> Arc<[f32]> {
    let length = values.iter().map(|value| value * value).sum::<f64>().sqrt();
    let factor = if length > 0.0 { 1.0 / length } else { 0.0 };
    values.iter().map(|value| (value * factor) as f32).collect()
}
