//! LPIPS on the same kernels: convolutions with `ReLU` fused, all images of a batch at once.

use std::collections::TryReserveError;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::denoiser::{Machine, out_of_memory};
use super::kernels::conv::{Conv, ConvShape};
use super::kernels::{Aligned, Bias, Context, Finish, Residual, Scratch, Source};
use super::pool::max_pool;
use crate::diffusion::DenoiseError;
use crate::images::Geometry;
use crate::networks::description::Padding;
use crate::networks::distances::FeatureDistance;
use crate::networks::executors::lowered::PlanError;
use crate::networks::lpips::backbone::MaxPool;
use crate::networks::lpips::{Features, Lpips, NORM_EPS, Perceptual, SCALE, SHIFT, TapPlane};

/// LPIPS on the CPU.
pub struct CpuPerceptual {
    machine: Machine,
    layers: Vec<Layer>,
    smallest_side: usize,
    scratches: Vec<Mutex<Scratch>>,
    common: Scratch,
    /// The input of a layer and its output, in turn.
    activations: [Aligned; 2],
}

struct Layer {
    pool: Option<MaxPool>,
    conv: Conv,
    bias: Vec<f32>,
    /// Empty where the activations are not compared.
    linear: Vec<f32>,
}

/// What to do with a tapped layer's activations, (B, H, W, C); its linear weights come with them.
type Tap<'a> = dyn FnMut(&mut Context<'_, '_>, &[f32], &[f32]) + Send + 'a;

impl CpuPerceptual {
    /// Pack the weights.
    pub fn new(lpips: &Lpips, machine: Machine) -> Result<Self, PlanError> {
        let layers = lpips.layers.iter().map(|layer| {
            let conv = &layer.conv;
            let (&[out_channels, in_channels, kernel, _], Padding::Same(pad)) =
                (conv.weight.shape.as_slice(), conv.padding)
            else {
                return Err(PlanError::Mismatch {
                    layer: "LPIPS",
                    expected: "convolutions padded on all sides".to_owned(),
                    got: format!("{:?} and {:?}", conv.weight.shape, conv.padding),
                });
            };
            let shape = ConvShape {
                in_channels,
                out_channels,
                kernel,
                stride: conv.stride,
                pad_before: pad,
                pad_after: pad,
                // Set for each call: LPIPS takes images of any size.
                height: kernel,
                width: kernel,
            };
            Ok(Layer {
                pool: layer.pool,
                conv: Conv::new(shape, &conv.weight.values),
                bias: conv
                    .bias
                    .as_ref()
                    .map(|bias| bias.values.to_vec())
                    .unwrap_or_default(),
                linear: (layer.linear.as_ref())
                    .map(|linear| linear.values.to_vec())
                    .unwrap_or_default(),
            })
        });
        Ok(Self {
            layers: layers.collect::<Result<_, _>>()?,
            smallest_side: lpips.smallest_side,
            scratches: machine.scratches(),
            machine,
            common: Scratch::default(),
            activations: Default::default(),
        })
    }

    /// Run the layers, showing the activations at each tap.
    fn run(
        &mut self,
        geometry: Geometry,
        unit: &[f32],
        tap: &mut Tap<'_>,
    ) -> Result<(), DenoiseError> {
        let batch = unit.len() / geometry.len();
        if unit.len() != batch * geometry.len() || ![1, 3].contains(&geometry.channels) {
            let expected = format!("images of {} values in 1 or 3 channels", geometry.len());
            let got = format!("{} values in {} channels", unit.len(), geometry.channels);
            return Err(DenoiseError::Failed(format!(
                "LPIPS expects {expected}, got {got}"
            )));
        }
        if geometry.side < self.smallest_side {
            let side = geometry.side;
            return Err(DenoiseError::Failed(format!(
                "images of {side}x{side} pixels are too small for LPIPS"
            )));
        }
        let Self {
            machine,
            layers,
            smallest_side: _,
            scratches,
            common,
            activations: [current, next],
        } = self;
        let table = machine.table;
        let grown = machine.pool.run(|pool| {
            let mut context = Context {
                table,
                pool,
                scratches,
                common,
            };
            load(geometry, unit, current)?;
            let (mut side, mut channels) = (geometry.side, 3);
            for layer in layers.iter_mut() {
                if let Some(pool) = layer.pool {
                    side = max_pool(current, next, (batch, side, channels), pool)?;
                    std::mem::swap(current, next);
                }
                layer.conv.resize(side, side);
                let shape = *layer.conv.shape();
                let out_len = batch * shape.out_height() * shape.out_width() * shape.out_channels;
                next.try_grow(out_len)?;
                let finish = Finish {
                    bias: Bias::Same(&layer.bias),
                    residual: Residual::None,
                    scale: 1.0,
                    relu: true,
                    sums: None,
                };
                let source = Source::plain(current.as_slice(), channels, side, side);
                layer
                    .conv
                    .run(&mut context, &source, batch, next.as_mut_slice(), finish);
                (side, channels) = (shape.out_height(), shape.out_channels);
                if !layer.linear.is_empty() {
                    tap(&mut context, &layer.linear, &next.as_slice()[..out_len]);
                }
                std::mem::swap(current, next);
            }
            Ok(())
        });
        grown.map_err(|error: TryReserveError| out_of_memory(&error, batch))
    }
}

/// Takes, for one image and tap, its index, the differences of its pixels and how many there are.
type Comparison<'a> = dyn Fn(usize, &mut dyn Iterator<Item = f32>, usize) + Sync + 'a;

impl CpuPerceptual {
    /// Hold images against the features of originals at each tap.
    fn compare(
        &mut self,
        geometry: Geometry,
        originals: &[Arc<Features>],
        unit: &[f32],
        comparison: &Comparison<'_>,
    ) -> Result<(), DenoiseError> {
        let batch = originals.len();
        if unit.len() != batch * geometry.len() {
            let got = unit.len() / geometry.len();
            return Err(DenoiseError::Failed(format!(
                "LPIPS expects {batch} images, got {got}"
            )));
        }
        let mut tap = 0;
        self.run(geometry, unit, &mut |context, linear, values| {
            let len = values.len() / batch.max(1);
            context.pool.for_each(batch, &|_, image| {
                let original = originals[image]
                    .taps
                    .get(tap)
                    .map_or(&[][..], Vec::as_slice);
                let values = &values[image * len..][..len];
                let num_pixels = len / linear.len();
                let mut differences = differences(linear, original, values);
                comparison(image, &mut differences, num_pixels);
            });
            tap += 1;
        })
    }
}

/// Planar [0, 1] to channels-last, normalized as `AlexNet` was trained; gray becomes three equal channels.
fn load(geometry: Geometry, unit: &[f32], to: &mut Aligned) -> Result<(), TryReserveError> {
    let pixels = geometry.pixels();
    let len = unit.len() / geometry.channels * 3;
    to.try_grow(len)?;
    let to = &mut to.as_mut_slice()[..len];
    for (planes, image) in unit
        .chunks_exact(geometry.len())
        .zip(to.chunks_exact_mut(3 * pixels))
    {
        for (channel, (shift, scale)) in SHIFT.into_iter().zip(SCALE).enumerate() {
            let plane = &planes[channel % geometry.channels * pixels..][..pixels];
            for (slot, value) in image[channel..].iter_mut().step_by(3).zip(plane) {
                *slot = (value * 2.0 - 1.0 - shift) / scale;
            }
        }
    }
    Ok(())
}

/// One over the norm of a pixel's channels.
fn inverse_norm(pixel: &[f32]) -> f32 {
    let squares: f32 = lanes_sum(pixel, |value, _| value * value);
    1.0 / (squares.sqrt() + NORM_EPS as f32)
}

/// The sum of a term for each value, in eight running sums so that the compiler can vectorize it.
fn lanes_sum(values: &[f32], term: impl Fn(f32, usize) -> f32) -> f32 {
    let mut sums = [0.0; 8];
    for (chunk, values) in values.chunks(sums.len()).enumerate() {
        for (lane, (sum, value)) in sums.iter_mut().zip(values).enumerate() {
            *sum += term(*value, chunk * 8 + lane);
        }
    }
    sums.iter().sum()
}

/// Each pixel's channels divided by their norm.
fn normalized(values: &[f32], channels: usize) -> Vec<f32> {
    let mut normalized = Vec::with_capacity(values.len());
    for pixel in values.chunks_exact(channels) {
        let factor = inverse_norm(pixel);
        normalized.extend(pixel.iter().map(|value| value * factor));
    }
    normalized
}

/// The mean of each channel over the pixels.
fn channel_means(values: &[f32], channels: usize) -> Vec<f64> {
    let mut means = vec![0.0; channels];
    for pixel in values.chunks_exact(channels) {
        for (mean, value) in means.iter_mut().zip(pixel) {
            *mean += f64::from(*value);
        }
    }
    let num_pixels = (values.len() / channels) as f64;
    means.iter().map(|sum| sum / num_pixels).collect()
}

/// For each pixel the weighted squared differences of normalized channels; `original` is normalized already.
fn differences<'a>(
    linear: &'a [f32],
    original: &'a [f32],
    values: &'a [f32],
) -> impl Iterator<Item = f32> + 'a {
    let channels = linear.len();
    let originals = original.chunks_exact(channels);
    originals
        .zip(values.chunks_exact(channels))
        .map(|(original, pixel)| {
            let factor = inverse_norm(pixel);
            let square = |value: f32, channel: usize| {
                let difference = value * factor - original[channel];
                difference * difference * linear[channel]
            };
            lanes_sum(pixel, square)
        })
}

impl FeatureDistance for CpuPerceptual {
    fn features(
        &mut self,
        geometry: Geometry,
        unit: &[f32],
    ) -> Result<Vec<Arc<Features>>, DenoiseError> {
        let batch = unit.len() / geometry.len();
        let features: Vec<Mutex<Vec<Vec<f32>>>> = (0..batch).map(|_| Mutex::default()).collect();
        self.run(geometry, unit, &mut |context, linear, values| {
            let len = values.len() / batch;
            context.pool.for_each(batch, &|_, image| {
                let tap = normalized(&values[image * len..][..len], linear.len());
                lock(&features[image]).push(tap);
            });
        })?;
        let taps = features.into_iter().map(unlocked);
        Ok(taps.map(|taps| Arc::new(Features { taps })).collect())
    }

    fn distances(
        &mut self,
        geometry: Geometry,
        originals: &[Arc<Features>],
        unit: &[f32],
    ) -> Result<Vec<f64>, DenoiseError> {
        let distances: Vec<Mutex<f64>> = originals.iter().map(|_| Mutex::default()).collect();
        self.compare(geometry, originals, unit, &|image, differences, len| {
            let sum: f64 = differences.map(f64::from).sum();
            *lock(&distances[image]) += sum / len as f64;
        })?;
        Ok(distances.into_iter().map(unlocked).collect())
    }

    fn tap_means(
        &mut self,
        geometry: Geometry,
        unit: &[f32],
        tap: usize,
    ) -> Result<Vec<Vec<f64>>, DenoiseError> {
        let batch = unit.len() / geometry.len();
        let means: Vec<Mutex<Vec<f64>>> = (0..batch).map(|_| Mutex::default()).collect();
        let mut index = 0;
        self.run(geometry, unit, &mut |context, linear, values| {
            if index == tap {
                let len = values.len() / batch;
                context.pool.for_each(batch, &|_, image| {
                    let values = &values[image * len..][..len];
                    *lock(&means[image]) = channel_means(values, linear.len());
                });
            }
            index += 1;
        })?;
        Ok(means.into_iter().map(unlocked).collect())
    }
}

impl Perceptual for CpuPerceptual {
    fn planes(
        &mut self,
        geometry: Geometry,
        originals: &[Arc<Features>],
        unit: &[f32],
    ) -> Result<Vec<Vec<TapPlane>>, DenoiseError> {
        let planes: Vec<Mutex<Vec<TapPlane>>> =
            originals.iter().map(|_| Mutex::default()).collect();
        self.compare(geometry, originals, unit, &|image, differences, len| {
            let plane = TapPlane {
                side: len.isqrt(),
                values: differences.collect(),
            };
            lock(&planes[image]).push(plane);
        })?;
        Ok(planes.into_iter().map(unlocked).collect())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unlocked<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for CpuPerceptual {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CpuPerceptual({})", self.machine)
    }
}
