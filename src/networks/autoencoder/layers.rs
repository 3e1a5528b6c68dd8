//! Layers as products of matrices over neighborhoods. Images are (B, H, W, C).

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use super::{Mode, Parameter};

/// What keeps a variance from 0 (PyTorch's default).
const EPSILON: f64 = 1e-5;
/// How much of a running statistic a batch replaces (PyTorch's default).
const MOMENTUM: f64 = 0.1;

/// A convolution of 4x4 with stride 2 and a zero on each side.
///
/// # Shapes
/// The weight is (4 * 4 * C, out) in the order (row, column, channel).
pub(super) fn halve(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    let (batch, height, width, _) = x.dims4()?;
    let near = Window {
        stride: 2,
        taps: (4, 4),
        before: (1, 1),
    };
    let near = x.contiguous()?.apply_op1(near)?;
    near.matmul(weight)?
        .reshape((batch, height / 2, width / 2, ()))
}

/// A transposed convolution of 4x4 with stride 2 and padding 1, for each of the four parities of output pixels: (even, even),
/// (even, odd), (odd, even), (odd, odd), each (B * H * W, out).
///
/// # Shapes
/// The weights are (2 * 2 * C, out) for each parity, in the order (row, column, channel) of the 2x2 inputs that reach it.
pub(super) fn double<T: Parameter>(x: &Tensor, weights: &[T]) -> Result<[Tensor; 4]> {
    let x = x.contiguous()?;
    let parity = |index: usize| {
        let near = Window {
            stride: 1,
            taps: (2, 2),
            before: (1 - index / 2, 1 - index % 2),
        };
        x.apply_op1(near)?.matmul(weights[index].tensor())
    };
    Ok([parity(0)?, parity(1)?, parity(2)?, parity(3)?])
}

/// The image that has these parities, of twice the size that they came from.
pub(super) fn interleave(
    parities: &[Tensor; 4],
    (batch, height, width, _): (usize, usize, usize, usize),
) -> Result<Tensor> {
    let channels = parities[0].dim(1)?;
    let of_rows = |pair: &[Tensor]| {
        let columns = (pair.iter()).map(|it| it.reshape((batch, height, width, channels)));
        let columns: Vec<Tensor> = columns.collect::<Result<_>>()?;
        Tensor::stack(&columns, 3)?.reshape((batch, height, 2 * width, channels))
    };
    let rows = [of_rows(&parities[..2])?, of_rows(&parities[2..])?];
    Tensor::stack(&rows, 2)?.reshape((batch, 2 * height, 2 * width, channels))
}

/// Batch normalization over all pixels, by (factor, term, running mean, running variance), each (C).
pub(super) fn normalize<T: Parameter>(x: &Tensor, norm: &[T], mode: Mode) -> Result<Tensor> {
    let channels = x.dim(3)?;
    let pixels = x.reshape(((), channels))?;
    let [factor, term, known_mean, known_variance] = [0, 1, 2, 3].map(|at| norm[at].tensor());
    let (mean, variance) = match mode {
        Mode::Inference => (known_mean.detach(), known_variance.detach()),
        Mode::Training => {
            let mean = pixels.mean(0)?;
            let variance = pixels.broadcast_sub(&mean)?.sqr()?.mean(0)?;
            let count = pixels.dim(0)? as f64;
            let unbiased = (variance.detach() * (count / (count - 1.0).max(1.0)))?;
            let follow = |known: &Tensor, new: &Tensor| {
                (known * (1.0 - MOMENTUM))? + (new.detach() * MOMENTUM)?
            };
            norm[2].remember(&follow(known_mean, &mean)?)?;
            norm[3].remember(&follow(known_variance, &unbiased)?)?;
            (mean, variance)
        }
    };
    let factor = (factor / (variance + EPSILON)?.sqrt()?)?;
    pixels
        .broadcast_sub(&mean)?
        .broadcast_mul(&factor)?
        .broadcast_add(term)?
        .reshape(x.shape())
}

/// The pixels around each place, side by side, with zeros beside the image: (B, H, W, C) to (B * rows * columns, taps * C), a
/// place for each `stride` pixels.
#[derive(Clone, Copy, Debug)]
struct Window {
    stride: usize,
    /// Rows and columns.
    taps: (usize, usize),
    /// How many of them lie before the place.
    before: (usize, usize),
}

/// The gradient of [`Window`]: back to images of these sizes.
#[derive(Clone, Copy, Debug)]
struct WindowGradient {
    window: Window,
    dims: [usize; 4],
}

impl Window {
    /// Calls `each(pixel, tap)` for the values of all pixels of an image that a place sees, in pixels of the image and in taps of
    /// all places.
    fn walk(&self, [_, height, width, _]: [usize; 4], mut each: impl FnMut(usize, usize)) {
        let (rows, columns) = (height / self.stride, width / self.stride);
        let mut place = 0;
        let inside = |at: usize, tap: usize, before: usize, size: usize| {
            (at * self.stride + tap)
                .checked_sub(before)
                .filter(|at| *at < size)
        };
        for row in 0..rows {
            for column in 0..columns {
                for tap_row in 0..self.taps.0 {
                    let y = inside(row, tap_row, self.before.0, height);
                    for tap_column in 0..self.taps.1 {
                        let x = inside(column, tap_column, self.before.1, width);
                        if let (Some(y), Some(x)) = (y, x) {
                            each(y * width + x, place);
                        }
                        place += 1;
                    }
                }
            }
        }
    }

    /// Values that the places of one image see.
    fn len(&self, [_, height, width, channels]: [usize; 4]) -> usize {
        self.places(height, width) * self.taps.0 * self.taps.1 * channels
    }

    fn places(&self, height: usize, width: usize) -> usize {
        (height / self.stride) * (width / self.stride)
    }
}

impl CustomOp1 for Window {
    fn name(&self) -> &'static str {
        "window"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let from = contiguous(storage, layout)?;
        let (batch, height, width, channels) = layout.shape().dims4()?;
        let dims = [batch, height, width, channels];
        let len = self.len(dims);
        let mut to = vec![0.0; batch * len];
        let images = to
            .par_chunks_exact_mut(len)
            .zip(from.par_chunks_exact(height * width * channels));
        images.for_each(|(to, from)| {
            self.walk(dims, |pixel, tap| {
                to[tap * channels..][..channels]
                    .copy_from_slice(&from[pixel * channels..][..channels]);
            });
        });
        let rows = batch * self.places(height, width);
        Ok((
            CpuStorage::F32(to),
            Shape::from((rows, self.taps.0 * self.taps.1 * channels)),
        ))
    }

    fn bwd(&self, x: &Tensor, _result: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let (batch, height, width, channels) = x.dims4()?;
        let op = WindowGradient {
            window: *self,
            dims: [batch, height, width, channels],
        };
        Ok(Some(gradient.contiguous()?.apply_op1_no_bwd(&op)?))
    }
}

impl CustomOp1 for WindowGradient {
    fn name(&self) -> &'static str {
        "gradient of a window"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let from = contiguous(storage, layout)?;
        let [batch, height, width, channels] = self.dims;
        let len = height * width * channels;
        let mut to = vec![0.0; batch * len];
        let images = to
            .par_chunks_exact_mut(len)
            .zip(from.par_chunks_exact(self.window.len(self.dims)));
        images.for_each(|(to, from)| {
            self.window.walk(self.dims, |pixel, tap| {
                let to = &mut to[pixel * channels..][..channels];
                for (to, from) in to.iter_mut().zip(&from[tap * channels..][..channels]) {
                    *to += from;
                }
            });
        });
        Ok((
            CpuStorage::F32(to),
            Shape::from((batch, height, width, channels)),
        ))
    }
}

/// The values of a tensor that lies in one piece.
pub(super) fn contiguous<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let values = storage.as_slice::<f32>()?;
    match layout.contiguous_offsets() {
        Some((begin, end)) => Ok(&values[begin..end]),
        None => bail!("the tensor does not lie in one piece"),
    }
}
