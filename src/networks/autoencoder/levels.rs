//! Images as levels, and how likely these are under logits.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::LEVELS;
use super::layers::contiguous;
use crate::images::Geometry;

/// Values whose surprise is added up by one thread.
const PART: usize = 1024;

/// Levels (B, H, W, C) of images in the order of the decoder's logits: the pixels of each parity (even rows and columns, odd
/// columns, odd rows, odd both), in each (B, H/2, W/2, C).
pub(super) fn by_parity(levels: &[u8], geometry: Geometry) -> [Vec<u8>; 4] {
    let Geometry { channels, side } = geometry;
    std::array::from_fn(|parity| {
        let rows = levels.chunks_exact(side * channels);
        let rows = rows.skip(parity / 2).step_by(2);
        rows.flat_map(|row| {
            let pixels = row.chunks_exact(channels);
            pixels.skip(parity % 2).step_by(2).flatten().copied()
        })
        .collect()
    })
}

/// Levels as units in [0, 1], (B, H, W, C).
pub(super) fn units(levels: &[u8], geometry: Geometry) -> Result<Tensor> {
    let Geometry { channels, side } = geometry;
    let values: Vec<f32> = levels
        .iter()
        .map(|level| f32::from(*level) / 255.0)
        .collect();
    let batch = levels.len() / geometry.len().max(1);
    Tensor::from_vec(
        values,
        (batch, side, side, channels),
        &candle_core::Device::Cpu,
    )
}

/// Minus the logarithm of each image's likelihood, in nats, by one parity's logits (pixels of all, C * 256). `levels` may be
/// those of one image for all.
pub(super) fn surprise(logits: &[f32], levels: &[u8], num_images: usize) -> Vec<f64> {
    let of_image = logits.len() / num_images.max(1);
    logits
        .par_chunks_exact(of_image.max(1))
        .enumerate()
        .map(|(image, logits)| {
            let len = of_image / LEVELS;
            let own = if levels.len() == len {
                levels
            } else {
                &levels[image * len..][..len]
            };
            let values = logits.chunks_exact(LEVELS).zip(own);
            values.map(|(logits, level)| of_value(logits, *level)).sum()
        })
        .collect()
}

/// Of one value.
fn of_value(logits: &[f32], level: u8) -> f64 {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = logits.iter().map(|logit| (logit - most).exp()).sum();
    f64::from(sum).ln() + f64::from(most - logits[usize::from(level)])
}

/// [`surprise`] with a gradient, over all images together: softmax less the level that is there.
pub(super) struct Surprise {
    /// Of each row of 256 logits.
    pub(super) levels: Vec<u8>,
}

impl CustomOp1 for Surprise {
    fn name(&self) -> &'static str {
        "surprise of levels"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let logits = contiguous(storage, layout)?;
        let parts = logits
            .par_chunks(PART * LEVELS)
            .zip(self.levels.par_chunks(PART));
        let parts: Vec<f64> = (parts.map(|(logits, levels)| surprise(logits, levels, 1)))
            .flatten_iter()
            .collect();
        let sum: f64 = parts.iter().sum();
        Ok((CpuStorage::F32(vec![sum as f32]), Shape::from(())))
    }

    fn bwd(&self, logits: &Tensor, _result: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let factor = gradient.to_scalar::<f32>()?;
        let op = SurpriseGradient {
            levels: &self.levels,
            factor,
        };
        Ok(Some(logits.apply_op1_no_bwd(&op)?))
    }
}

struct SurpriseGradient<'a> {
    levels: &'a [u8],
    factor: f32,
}

impl CustomOp1 for SurpriseGradient<'_> {
    fn name(&self) -> &'static str {
        "gradient of the surprise of levels"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut values = contiguous(storage, layout)?.to_vec();
        let all = values.par_chunks_exact_mut(LEVELS).zip(self.levels);
        all.for_each(|(logits, level)| {
            let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let mut sum = 0.0;
            for logit in logits.iter_mut() {
                *logit = (*logit - most).exp();
                sum += *logit;
            }
            let scale = self.factor / sum;
            for value in logits.iter_mut() {
                *value *= scale;
            }
            logits[usize::from(*level)] -= self.factor;
        });
        Ok((CpuStorage::F32(values), layout.shape().clone()))
    }
}

/// Minus the logarithm of the likelihood of all images together, in nats, with a gradient.
pub(super) fn total_surprise(parities: [Tensor; 4], levels: [Vec<u8>; 4]) -> Result<Tensor> {
    let parts = parities.into_iter().zip(levels);
    let parts = parts.map(|(logits, levels)| logits.apply_op1(Surprise { levels }));
    let parts: Vec<Tensor> = parts.collect::<Result<_>>()?;
    Tensor::stack(&parts, 0)?.sum_all()
}
