//! The variational autoencoder of likelihood regret (Xiao et al. 2020, <https://arxiv.org/abs/2003.02977>): a small network that
//! is trained on in-domain images and says how likely an image is, level by level.
//!
//! Its layers are products of matrices over neighborhoods, which candle differentiates with products as fast as its own;
//! gradients of candle's convolutions, transposed ones above all, run value by value. The plan of
//! [`training`](super::training) would need transposed convolutions, normalization over a batch and an output of 256 levels
//! per value for a network that trains in minutes: not worth their kernels.
//!
//! Images are levels (B, H, W, C), whole numbers from 0 to 255.

mod layers;
mod levels;
mod regret;
#[cfg(test)]
mod tests;
mod training;

use candle_core::{Device, Result, Tensor, Var};

pub use self::regret::{Draws, Regret, RegretError, Surprise};
pub use self::training::{Training, TrainingError, train};
use crate::images::Geometry;

/// Of a channel's levels.
const LEVELS: usize = 256;
/// Pixels per side where the encoder's convolutions end.
const LAST_SIDE: usize = 4;
/// Channels after the first convolution; each later one doubles them (the authors' `ngf`).
const USUAL_WIDTH: usize = 32;
/// Numbers that an image is encoded in (the authors' `nz`).
const USUAL_LATENTS: usize = 100;

/// Sizes of an autoencoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Of the images.
    pub geometry: Geometry,
    /// Channels after the first convolution.
    pub width: usize,
    /// Numbers that an image is encoded in.
    pub latents: usize,
}

impl Shape {
    /// Each doubling has four times the weights, and the published network is of 32 pixels: at 256, there would be 27 million.
    pub const MOST_PIXELS_PER_SIDE: usize = 128;

    /// The published sizes for images of this shape; `None` where the side is no power of two from 8 to
    /// [`Self::MOST_PIXELS_PER_SIDE`].
    pub fn usual(geometry: Geometry) -> Option<Self> {
        let sides = 2 * LAST_SIDE..=Self::MOST_PIXELS_PER_SIDE;
        let fits = geometry.side.is_power_of_two() && sides.contains(&geometry.side);
        (fits && geometry.channels <= 3).then_some(Self {
            geometry,
            width: USUAL_WIDTH,
            latents: USUAL_LATENTS,
        })
    }

    /// Channels at each side, from the encoder's first convolution to its last.
    fn widths(&self) -> Vec<usize> {
        let halvings = (self.geometry.side / LAST_SIDE).ilog2();
        (0..halvings).map(|level| self.width << level).collect()
    }

    /// Values after the encoder's last convolution.
    fn last_len(&self) -> usize {
        LAST_SIDE * LAST_SIDE * self.widths().last().copied().unwrap_or(self.width)
    }

    /// Numbers of each tensor: the encoder's, with the latents' mean and log-variance, then the decoder's.
    fn tensors(&self) -> [Vec<Part>; 2] {
        let (channels, widths) = (self.geometry.channels, self.widths());
        let mut encoder = Vec::new();
        let mut before = channels;
        for &width in &widths {
            encoder.push(Part::weight(16 * before, width));
            encoder.extend(Part::norm(width));
            before = width;
        }
        for _ in 0..2 {
            encoder.push(Part::weight(self.last_len(), self.latents));
            encoder.push(Part::zeros(self.latents));
        }
        let mut decoder = vec![Part::weight(self.latents, self.last_len())];
        let mut after = widths.iter().rev().skip(1).copied().collect::<Vec<_>>();
        after.push(channels * LEVELS);
        let mut before = widths.last().copied().unwrap_or(self.width);
        for after in after {
            decoder.extend(Part::norm(before));
            decoder.extend((0..4).map(|_| Part::weight(4 * before, after)));
            before = after;
        }
        [encoder, decoder]
    }

    /// Numbers of all tensors.
    pub fn num_parameters(&self) -> usize {
        self.tensors().iter().flatten().map(Part::len).sum()
    }
}

/// A tensor's sizes, and how it begins.
#[derive(Clone, Debug, PartialEq)]
struct Part {
    dims: Vec<usize>,
    start: Start,
}

/// How a tensor begins (the authors' `weights_init`).
#[derive(Clone, Copy, Debug, PartialEq)]
enum Start {
    /// Normal around a mean with a standard deviation of .02.
    Around(f32),
    /// This value; training gives it no gradient where it is a running statistic.
    At(f32),
}

impl Part {
    fn weight(rows: usize, columns: usize) -> Self {
        Self {
            dims: vec![rows, columns],
            start: Start::Around(0.0),
        }
    }

    fn zeros(len: usize) -> Self {
        Self {
            dims: vec![len],
            start: Start::At(0.0),
        }
    }

    /// Factor, term, running mean and running variance.
    fn norm(channels: usize) -> [Self; 4] {
        [
            Start::Around(1.0),
            Start::At(0.0),
            Start::At(0.0),
            Start::At(1.0),
        ]
        .map(|start| Self {
            dims: vec![channels],
            start,
        })
    }

    fn len(&self) -> usize {
        self.dims.iter().product()
    }
}

/// A trained autoencoder.
#[derive(Clone, Debug)]
pub struct Autoencoder {
    shape: Shape,
    encoder: Vec<Tensor>,
    decoder: Vec<Tensor>,
}

impl Autoencoder {
    /// Of all numbers in their order; `None` where there are more or fewer than the shape has.
    pub fn new(shape: Shape, numbers: &[f32]) -> Option<Self> {
        if numbers.len() != shape.num_parameters() {
            return None;
        }
        let mut rest = numbers;
        let mut take = |parts: Vec<Part>| -> Result<Vec<Tensor>> {
            let tensors = parts.into_iter().map(|part| {
                let (some, later) = rest.split_at(part.len());
                rest = later;
                Tensor::from_slice(some, part.dims, &Device::Cpu)
            });
            tensors.collect()
        };
        let [encoder, decoder] = shape.tensors();
        Some(Self {
            shape,
            encoder: take(encoder).ok()?,
            decoder: take(decoder).ok()?,
        })
    }

    /// All numbers, as [`Self::new`] takes them.
    ///
    /// # Errors
    /// That memory is short.
    pub fn numbers(&self) -> Result<Vec<f32>> {
        let mut numbers = Vec::with_capacity(self.shape.num_parameters());
        for tensor in self.encoder.iter().chain(&self.decoder) {
            numbers.extend(tensor.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok(numbers)
    }

    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    fn decoder(&self) -> Decoder<'_> {
        Decoder {
            tensors: &self.decoder,
        }
    }
}

/// Mean and log-variance of the latents of each image, (B, latents).
struct Encoded {
    mean: Tensor,
    log_variance: Tensor,
}

impl Encoded {
    /// Latents by standard normals, (B, latents).
    fn sample(&self, normals: &Tensor) -> Result<Tensor> {
        &self.mean + ((&self.log_variance * 0.5)?.exp()? * normals)?
    }

    /// Kullback-Leibler divergence of the latents' distribution from the standard normal, (B).
    fn divergence(&self) -> Result<Tensor> {
        let terms = ((self.mean.sqr()? + self.log_variance.exp()?)? - &self.log_variance)? - 1.0;
        terms?.sum(1)? * 0.5
    }
}

/// How layers normalize.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// By the batch's own mean and variance, which are remembered.
    Training,
    /// By what training remembered.
    Inference,
}

/// The encoder over tensors in the order of [`Shape::tensors`].
struct Encoder<'a, T> {
    shape: &'a Shape,
    tensors: &'a [T],
}

/// The decoder, likewise.
struct Decoder<'a, T = Tensor> {
    tensors: &'a [T],
}

impl<T: Parameter> Encoder<'_, T> {
    /// From units (B, H, W, C) in [0, 1].
    fn run(&self, units: &Tensor, mode: Mode) -> Result<Encoded> {
        let mut x = units.clone();
        let mut rest = self.tensors;
        for _ in self.shape.widths() {
            x = layers::halve(&x, rest[0].tensor())?;
            x = layers::normalize(&x, &rest[1..5], mode)?.relu()?;
            rest = &rest[5..];
        }
        let x = x.flatten_from(1)?;
        let linear = |at: usize| {
            x.matmul(rest[at].tensor())?
                .broadcast_add(rest[at + 1].tensor())
        };
        Ok(Encoded {
            mean: linear(0)?,
            log_variance: linear(2)?,
        })
    }
}

impl<T: Parameter> Decoder<'_, T> {
    /// From latents (B, latents) to logits of the levels: for each of the four [parities](levels::by_parity) of pixels,
    /// (pixels of the batch, channels * 256).
    fn run(&self, latents: &Tensor, mode: Mode) -> Result<[Tensor; 4]> {
        let batch = latents.dim(0)?;
        let x = latents.matmul(self.tensors[0].tensor())?;
        let mut rest = &self.tensors[1..];
        let mut x = x.reshape((batch, LAST_SIDE, LAST_SIDE, ()))?;
        loop {
            x = layers::normalize(&x, &rest[..4], mode)?.relu()?;
            let parities = layers::double(&x, &rest[4..8])?;
            rest = &rest[8..];
            if rest.is_empty() {
                return Ok(parities);
            }
            x = layers::interleave(&parities, x.dims4()?)?;
        }
    }
}

/// A tensor of a network in use or in training.
trait Parameter {
    fn tensor(&self) -> &Tensor;

    /// Take a new value; only a network in training does.
    fn remember(&self, value: &Tensor) -> Result<()>;
}

impl Parameter for Tensor {
    fn tensor(&self) -> &Tensor {
        self
    }

    fn remember(&self, _value: &Tensor) -> Result<()> {
        candle_core::bail!("a network that is not in training remembers nothing")
    }
}

impl Parameter for Var {
    fn tensor(&self) -> &Tensor {
        self.as_tensor()
    }

    fn remember(&self, value: &Tensor) -> Result<()> {
        self.set(value)
    }
}
