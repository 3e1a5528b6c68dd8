//! LPIPS on a candle device.

use std::sync::Arc;

use candle_core::{D, Device, Result, Tensor};

use super::call_error;
use super::layers::Conv;
use crate::diffusion::DenoiseError;
use crate::images::Geometry;
use crate::networks::distances::FeatureDistance;
use crate::networks::lpips::backbone::MaxPool;
use crate::networks::lpips::{Features, Lpips, NORM_EPS, Perceptual, SCALE, SHIFT, TapPlane};

/// LPIPS on a candle device.
pub struct CandlePerceptual {
    layers: Vec<Layer>,
    shift: Tensor,
    scale: Tensor,
    device: Device,
}

struct Layer {
    pool: Option<MaxPool>,
    conv: Conv,
    /// (1, C, 1, 1); `None` where the activations are not compared.
    linear: Option<Tensor>,
}

impl CandlePerceptual {
    /// Copy the weights to a device.
    pub fn new(lpips: &Lpips, device: &Device) -> Result<Self> {
        let layers = lpips
            .layers
            .iter()
            .map(|layer| {
                let linear = layer.linear.as_ref().map(|linear| {
                    Tensor::from_slice(&linear.values, (1, linear.len(), 1, 1), device)
                });
                Ok(Layer {
                    pool: layer.pool,
                    conv: Conv::new(&layer.conv, device)?,
                    linear: linear.transpose()?,
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            layers,
            shift: Tensor::from_slice(&SHIFT, (1, 3, 1, 1), device)?,
            scale: Tensor::from_slice(&SCALE, (1, 3, 1, 1), device)?,
            device: device.clone(),
        })
    }

    /// Activations at the taps, each (B, C, H, W).
    fn activations(&self, geometry: Geometry, unit: &[f32]) -> Result<Vec<Tensor>> {
        let Geometry { channels, side } = geometry;
        let batch = unit.len() / geometry.len();
        let images = Tensor::from_slice(unit, (batch, channels, side, side), &self.device)?
            .affine(2.0, -1.0)?
            // Gray becomes three equal channels.
            .broadcast_as((batch, 3, side, side))?;
        let mut xs = images
            .broadcast_sub(&self.shift)?
            .broadcast_div(&self.scale)?;
        let mut taps = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            if let Some(pool) = layer.pool {
                xs = max_pool(&xs, pool)?;
            }
            xs = layer.conv.forward(&xs)?.relu()?;
            if layer.linear.is_some() {
                taps.push(xs.clone());
            }
        }
        Ok(taps)
    }

    /// The same, unit-normalized.
    fn taps(&self, geometry: Geometry, unit: &[f32]) -> Result<Vec<Tensor>> {
        let activations = self.activations(geometry, unit)?.into_iter();
        activations
            .map(|xs| {
                let norm = xs.sqr()?.sum_keepdim(1)?.sqrt()?;
                xs.broadcast_div(&(norm + NORM_EPS)?)
            })
            .collect()
    }

    /// The mean over pixels of each channel at a tap, for each image.
    fn channel_means(&self, geometry: Geometry, unit: &[f32], tap: usize) -> Result<Vec<Vec<f64>>> {
        let activations = self.activations(geometry, unit)?;
        let means = activations[tap].flatten_from(2)?.mean(D::Minus1)?;
        let rows = means.to_vec2::<f32>()?.into_iter();
        Ok(rows
            .map(|row| row.into_iter().map(f64::from).collect())
            .collect())
    }

    fn split(taps: &[Tensor]) -> Result<Vec<Arc<Features>>> {
        let batch = taps.first().map_or(Ok(0), |tap| tap.dim(0))?;
        (0..batch)
            .map(|i| {
                let taps = taps
                    .iter()
                    .map(|tap| tap.get(i)?.flatten_all()?.to_vec1())
                    .collect::<Result<_>>()?;
                Ok(Arc::new(Features { taps }))
            })
            .collect()
    }

    /// Weighted squared differences at a tap, summed over channels, (B, H, W).
    fn plane(&self, tap_index: usize, originals: &[Arc<Features>], tap: &Tensor) -> Result<Tensor> {
        let kept: Vec<f32> = originals
            .iter()
            .filter_map(|features| features.taps.get(tap_index))
            .flatten()
            .copied()
            .collect();
        let kept = Tensor::from_vec(kept, tap.dims4()?, &self.device)?;
        let mut linears = self.layers.iter().filter_map(|layer| layer.linear.as_ref());
        let linear = linears
            .nth(tap_index)
            .ok_or_else(|| candle_core::Error::Msg(format!("LPIPS has no tap {tap_index}")))?;
        (tap - kept)?.sqr()?.broadcast_mul(linear)?.sum(1)
    }

    fn compare(&self, originals: &[Arc<Features>], taps: &[Tensor]) -> Result<Vec<f64>> {
        let mut distances = vec![0.0; originals.len()];
        for (i, tap) in taps.iter().enumerate() {
            let plane = self.plane(i, originals, tap)?;
            let (_, h, w) = plane.dims3()?;
            let sums = plane.flatten_from(1)?.sum(D::Minus1)?.to_vec1::<f32>()?;
            for (distance, sum) in distances.iter_mut().zip(sums) {
                *distance += f64::from(sum) / (h * w) as f64;
            }
        }
        Ok(distances)
    }

    fn split_planes(
        &self,
        originals: &[Arc<Features>],
        taps: &[Tensor],
    ) -> Result<Vec<Vec<TapPlane>>> {
        let mut planes = vec![Vec::with_capacity(taps.len()); originals.len()];
        for (i, tap) in taps.iter().enumerate() {
            let plane = self.plane(i, originals, tap)?;
            let (_, side, _) = plane.dims3()?;
            for (planes, values) in planes.iter_mut().zip(plane.flatten_from(1)?.to_vec2()?) {
                planes.push(TapPlane { side, values });
            }
        }
        Ok(planes)
    }
}

/// Of values that are not negative.
fn max_pool(xs: &Tensor, pool: MaxPool) -> Result<Tensor> {
    let side = xs.dim(3)?;
    let covered = pool
        .out_side(side)
        .map_or(0, |out| 2 * (out - 1) + pool.size);
    let after = covered.saturating_sub(side + pool.padding);
    xs.pad_with_zeros(2, pool.padding, after)?
        .pad_with_zeros(3, pool.padding, after)?
        .max_pool2d_with_stride(pool.size, 2)
}

impl FeatureDistance for CandlePerceptual {
    fn features(
        &mut self,
        geometry: Geometry,
        unit: &[f32],
    ) -> std::result::Result<Vec<Arc<Features>>, DenoiseError> {
        self.taps(geometry, unit)
            .and_then(|taps| Self::split(&taps))
            .map_err(|error| call_error(&error, unit.len() / geometry.len()))
    }

    fn distances(
        &mut self,
        geometry: Geometry,
        originals: &[Arc<Features>],
        unit: &[f32],
    ) -> std::result::Result<Vec<f64>, DenoiseError> {
        self.taps(geometry, unit)
            .and_then(|taps| self.compare(originals, &taps))
            .map_err(|error| call_error(&error, originals.len()))
    }

    fn tap_means(
        &mut self,
        geometry: Geometry,
        unit: &[f32],
        tap: usize,
    ) -> std::result::Result<Vec<Vec<f64>>, DenoiseError> {
        self.channel_means(geometry, unit, tap)
            .map_err(|error| call_error(&error, unit.len() / geometry.len()))
    }
}

impl Perceptual for CandlePerceptual {
    fn planes(
        &mut self,
        geometry: Geometry,
        originals: &[Arc<Features>],
        unit: &[f32],
    ) -> std::result::Result<Vec<Vec<TapPlane>>, DenoiseError> {
        self.taps(geometry, unit)
            .and_then(|taps| self.split_planes(originals, &taps))
            .map_err(|error| call_error(&error, originals.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_that_are_not_whole_count_where_they_are_asked_for() {
        // torch.nn.MaxPool2d(3, 2, ceil_mode=True), then without, of 0 to 15 in rows of four.
        let values: Vec<f32> = (0_u8..16).map(f32::from).collect();
        let xs = Tensor::from_slice(&values, (1, 1, 4, 4), &Device::Cpu).unwrap();
        for (rounds_up, wanted) in [(true, vec![10.0, 11.0, 14.0, 15.0]), (false, vec![10.0])] {
            let pool = MaxPool {
                size: 3,
                padding: 0,
                rounds_up,
            };
            let pooled = max_pool(&xs, pool).unwrap().flatten_all().unwrap();
            assert_eq!(pooled.to_vec1::<f32>().unwrap(), wanted);
        }
    }
}
