//! `SimCLRv2` on the same kernels: few images at once, since each is of 224x224 pixels inside.

use std::collections::TryReserveError;
use std::fmt;
use std::sync::{Arc, Mutex};

use super::denoiser::{Machine, out_of_memory};
use super::kernels::conv::ConvShape;
use super::kernels::{Aligned, Bias, Context, Finish, Residual, Scratch, Source};
use super::layer::Layer;
use super::pool::{average_pool, max_pool};
use crate::diffusion::DenoiseError;
use crate::images::{Geometry, resize_bicubic};
use crate::networks::description::{Conv2d, Padding};
use crate::networks::distances::FeatureDistance;
use crate::networks::executors::lowered::PreparedLayer as _;
use crate::networks::lpips::Features;
use crate::networks::simclr::{Block, Mix, NUM_FEATURES, SIDE, STEM_POOL, SimClr};

/// Images that go through the layers together: their activations take about 13 MB each.
const AT_ONCE: usize = 4;

/// The network on the CPU.
pub struct CpuSimClr {
    machine: Machine,
    stem: Vec<Conv>,
    blocks: Vec<PreparedBlock>,
    scratches: Vec<Mutex<Scratch>>,
    common: Scratch,
    activations: Activations,
}

struct Conv {
    layer: Layer,
    bias: Vec<f32>,
}

struct PreparedBlock {
    stride: usize,
    projection: Option<Conv>,
    reduce: Conv,
    branches: Conv,
    mix: Mix,
    expand: Conv,
}

/// (B, H, W, C) each.
#[derive(Default)]
struct Activations {
    current: Aligned,
    shortcut: Aligned,
    reduced: Aligned,
    branches: Aligned,
}

impl CpuSimClr {
    /// Pack the weights.
    pub fn new(network: &SimClr, machine: Machine) -> Self {
        let mut side = SIDE;
        let mut stem = Vec::with_capacity(network.stem.len());
        for conv in &network.stem {
            stem.push(Conv::new(conv, side));
            side = side.div_ceil(conv.stride);
        }
        side = STEM_POOL.out_side(side).unwrap_or(0);
        let mut blocks = Vec::with_capacity(network.blocks.len());
        for block in &network.blocks {
            blocks.push(PreparedBlock::new(block, side));
            side = side.div_ceil(block.stride);
        }
        Self {
            stem,
            blocks,
            scratches: machine.scratches(),
            machine,
            common: Scratch::default(),
            activations: Activations::default(),
        }
    }

    /// What the last layer sees in images, a few of them at once.
    fn sums(&mut self, geometry: Geometry, unit: &[f32]) -> Result<Vec<Sums>, DenoiseError> {
        let mut all = Vec::with_capacity(unit.len() / geometry.len());
        for images in unit.chunks(AT_ONCE * geometry.len()) {
            let made = self.run(geometry, images);
            let num_images = images.len() / geometry.len();
            all.extend(made.map_err(|error| out_of_memory(&error, num_images))?);
        }
        Ok(all)
    }

    fn run(&mut self, geometry: Geometry, unit: &[f32]) -> Result<Vec<Sums>, TryReserveError> {
        let batch = unit.len() / geometry.len();
        let Self {
            machine,
            stem,
            blocks,
            scratches,
            common,
            activations,
        } = self;
        let table = machine.table;
        machine.pool.run(|pool| {
            let mut context = Context {
                table,
                pool,
                scratches,
                common,
            };
            load(geometry, unit, &mut activations.current)?;
            let mut side = SIDE;
            let Activations {
                current, reduced, ..
            } = &mut *activations;
            for conv in &*stem {
                side = conv.run(&mut context, current, reduced, batch, true)?;
                std::mem::swap(current, reduced);
            }
            let channels = stem
                .last()
                .map_or(0, |conv| conv.layer.shape().out_channels);
            side = max_pool(current, reduced, (batch, side, channels), STEM_POOL)?;
            std::mem::swap(current, reduced);
            for block in blocks {
                side = block.run(&mut context, activations, (batch, side))?;
            }
            let len = side * side * NUM_FEATURES;
            let images = activations.current.as_slice().chunks_exact(len).take(batch);
            Ok(images.map(Sums::new).collect())
        })
    }
}

impl Conv {
    fn new(conv: &Conv2d, side: usize) -> Self {
        let kernel = conv.weight.shape[2];
        let (pad_before, pad_after) = match conv.padding {
            Padding::Same(pad) => (pad, pad),
            Padding::RightBottom => (0, 1),
        };
        let shape = ConvShape {
            in_channels: conv.weight.shape[1],
            out_channels: conv.weight.shape[0],
            kernel,
            stride: conv.stride,
            pad_before,
            pad_after,
            height: side,
            width: side,
        };
        Self {
            layer: Layer::new(shape, &conv.weight.values),
            bias: (conv.bias.as_ref()).map_or_else(Vec::new, |bias| bias.values.to_vec()),
        }
    }

    /// Into another activation; returns the side of the result.
    fn run(
        &self,
        context: &mut Context<'_, '_>,
        from: &Aligned,
        to: &mut Aligned,
        batch: usize,
        relu: bool,
    ) -> Result<usize, TryReserveError> {
        self.run_with(context, from, to, batch, (Residual::None, relu))
    }

    fn run_with(
        &self,
        context: &mut Context<'_, '_>,
        from: &Aligned,
        to: &mut Aligned,
        batch: usize,
        (residual, relu): (Residual<'_>, bool),
    ) -> Result<usize, TryReserveError> {
        let shape = self.layer.shape();
        let out_side = shape.out_height();
        to.try_grow(batch * out_side * out_side * shape.out_channels)?;
        let source = Source::plain(
            from.as_slice(),
            shape.in_channels,
            shape.height,
            shape.width,
        );
        let finish = Finish {
            bias: Bias::Same(&self.bias),
            residual,
            scale: 1.0,
            relu,
            sums: None,
        };
        self.layer
            .run(context, &source, batch, to.as_mut_slice(), finish);
        Ok(out_side)
    }
}

impl PreparedBlock {
    fn new(block: &Block, side: usize) -> Self {
        let after = side.div_ceil(block.stride);
        Self {
            stride: block.stride,
            projection: (block.projection.as_ref()).map(|conv| Conv::new(conv, after)),
            reduce: Conv::new(&block.reduce, side),
            branches: Conv::new(&block.branches, side),
            mix: block.mix.clone(),
            expand: Conv::new(&block.expand, after),
        }
    }

    /// From the current activation to the next one; returns its side.
    fn run(
        &self,
        context: &mut Context<'_, '_>,
        activations: &mut Activations,
        (batch, side): (usize, usize),
    ) -> Result<usize, TryReserveError> {
        let Activations {
            current,
            shortcut,
            reduced,
            branches,
        } = activations;
        if let Some(projection) = &self.projection {
            let channels = projection.layer.shape().in_channels;
            average_pool(current, reduced, (batch, side, channels), self.stride)?;
            projection.run(context, reduced, shortcut, batch, false)?;
        }
        self.reduce.run(context, current, reduced, batch, true)?;
        let side = self.branches.run(context, reduced, branches, batch, true)?;
        let channels = self.expand.layer.shape().in_channels;
        let len = side * side * channels;
        reduced.try_grow(batch * len)?;
        let mixed = &mut reduced.as_mut_slice()[..batch * len];
        context.pool.for_each_chunk(mixed, len, &|_, image, mixed| {
            let branches = &branches.as_slice()[image * 2 * len..][..2 * len];
            mix(&self.mix, branches, mixed, channels);
        });
        // The result takes the shortcut's place.
        if self.projection.is_some() {
            std::mem::swap(current, shortcut);
        }
        self.expand
            .run_with(context, reduced, current, batch, (Residual::InPlace, true))
    }
}

/// Planar [0, 1] to channels-last at the size that the network takes; gray becomes three equal channels.
fn load(geometry: Geometry, unit: &[f32], to: &mut Aligned) -> Result<(), TryReserveError> {
    const PIXELS: usize = SIDE * SIDE;
    let batch = unit.len() / geometry.len();
    to.try_grow(batch * PIXELS * 3)?;
    let images = to.as_mut_slice().chunks_exact_mut(PIXELS * 3);
    for (planes, image) in unit.chunks_exact(geometry.len()).zip(images) {
        let planes: Vec<Vec<f32>> = (planes.chunks_exact(geometry.pixels()))
            .map(|plane| resize_bicubic(plane, geometry.side, SIDE))
            .collect();
        for channel in 0..3 {
            let plane = &planes[channel % planes.len()];
            for (slot, value) in image[channel..].iter_mut().step_by(3).zip(plane) {
                *slot = *value;
            }
        }
    }
    Ok(())
}

/// One image's branches, (H, W, 2 C), to their weighted sum, (H, W, C).
fn mix(mix: &Mix, branches: &[f32], mixed: &mut [f32], channels: usize) {
    let mut means = vec![0.0_f64; channels];
    for pixel in branches.chunks_exact(2 * channels) {
        let (first, second) = pixel.split_at(channels);
        for (mean, (a, b)) in means.iter_mut().zip(first.iter().zip(second)) {
            *mean += f64::from(*a) + f64::from(*b);
        }
    }
    let num_pixels = (branches.len() / (2 * channels)) as f64;
    let dot = |row: &[f32], with: &[f64]| -> f64 {
        let terms = row.iter().zip(with);
        terms
            .map(|(weight, value)| f64::from(*weight) * value)
            .sum()
    };
    let (weight, bias) = &mix.squeeze;
    let rows = weight.values.chunks_exact(channels).zip(bias.values.iter());
    let squeezed: Vec<f64> = rows
        .map(|(row, bias)| (dot(row, &means) / num_pixels + f64::from(*bias)).max(0.0))
        .collect();
    let rows = mix.select.values.chunks_exact(squeezed.len());
    let selected: Vec<f64> = rows.map(|row| dot(row, &squeezed)).collect();
    let shares: Vec<(f32, f32)> = (0..channels)
        .map(|channel| {
            let share = 1.0 / (1.0 + (selected[channels + channel] - selected[channel]).exp());
            (share as f32, (1.0 - share) as f32)
        })
        .collect();
    let pixels = branches.chunks_exact(2 * channels);
    for (pixel, mixed) in pixels.zip(mixed.chunks_exact_mut(channels)) {
        let (first, second) = pixel.split_at(channels);
        let both = first.iter().zip(second).zip(&shares);
        for (slot, ((a, b), (of_a, of_b))) in mixed.iter_mut().zip(both) {
            *slot = a * of_a + b * of_b;
        }
    }
}

/// The last layer's activations of an image, summed over pixels.
struct Sums {
    of_channels: Vec<f64>,
    num_pixels: usize,
}

impl Sums {
    fn new(pixels: &[f32]) -> Self {
        let mut of_channels = vec![0.0_f64; NUM_FEATURES];
        let pixels = pixels.chunks_exact(NUM_FEATURES);
        let num_pixels = pixels.len();
        for pixel in pixels {
            for (sum, value) in of_channels.iter_mut().zip(pixel) {
                *sum += f64::from(*value);
            }
        }
        Self {
            of_channels,
            num_pixels,
        }
    }

    /// The mean, divided by its norm.
    fn of_length_one(&self) -> Vec<f32> {
        let sums = &self.of_channels;
        let norm = sums.iter().map(|sum| sum * sum).sum::<f64>().sqrt();
        let factor = 1.0 / norm.max(f64::MIN_POSITIVE);
        sums.iter().map(|sum| (sum * factor) as f32).collect()
    }

    fn mean(&self) -> Vec<f64> {
        let num_pixels = self.num_pixels as f64;
        let sums = self.of_channels.iter();
        sums.map(|sum| sum / num_pixels).collect()
    }
}

/// 1 - cos of the angle between two vectors of length 1: as half of their squared distance, which is exact where they are near.
fn cosine_distance(a: &[f32], b: &[f32]) -> f64 {
    let squares = a
        .iter()
        .zip(b)
        .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    squares.sum::<f64>() / 2.0
}

impl FeatureDistance for CpuSimClr {
    fn features(
        &mut self,
        geometry: Geometry,
        unit: &[f32],
    ) -> Result<Vec<Arc<Features>>, DenoiseError> {
        let sums = self.sums(geometry, unit)?;
        let features = sums.iter().map(|sums| Features {
            taps: vec![sums.of_length_one()],
        });
        Ok(features.map(Arc::new).collect())
    }

    fn distances(
        &mut self,
        geometry: Geometry,
        originals: &[Arc<Features>],
        unit: &[f32],
    ) -> Result<Vec<f64>, DenoiseError> {
        let features = self.features(geometry, unit)?;
        let pairs = originals.iter().zip(&features);
        Ok(pairs
            .map(|(a, b)| cosine_distance(&a.taps[0], &b.taps[0]))
            .collect())
    }

    /// It has one tap: the mean that its features are the direction of.
    fn tap_means(
        &mut self,
        geometry: Geometry,
        unit: &[f32],
        _tap: usize,
    ) -> Result<Vec<Vec<f64>>, DenoiseError> {
        let sums = self.sums(geometry, unit)?;
        Ok(sums.iter().map(Sums::mean).collect())
    }
}

impl fmt::Debug for CpuSimClr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CpuSimClr({})", self.machine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_directions_have_a_distance_and_equal_ones_none() {
        let (a, b) = ([0.6, 0.8], [0.8, 0.6]);
        assert!((cosine_distance(&a, &b) - 0.04).abs() < 1e-7);
        assert_eq!(cosine_distance(&a, &a), 0.0);
    }
}
