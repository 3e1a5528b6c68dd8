//! The gradient of group normalization and the `SiLU` after it.

use super::super::context::{Context, scratch_of};
use super::super::isa::Table;
use super::super::norm::{Norm, Part, moments};
use super::super::shared::Shared;
use super::super::source::{MAX_SEGMENTS, Segment};
use super::rows::{ApplyArgs, NormArgs};

/// Where the gradient of one segment goes.
#[derive(Debug, Default)]
pub struct Target<'a> {
    /// (B, H, W, C) of the segment; empty for an absent one, or for one whose gradient nobody needs.
    pub values: &'a mut [f32],
    /// Whether it is added to.
    pub accumulate: bool,
}

/// All that the forward knew.
#[derive(Clone, Copy, Debug)]
pub struct NormGradient<'a> {
    pub norm: &'a Norm,
    /// What was normalized.
    pub segments: [Segment<'a>; MAX_SEGMENTS],
    /// Sums over it.
    pub parts: &'a [Part<'a>; MAX_SEGMENTS],
    /// (B, 2, C): the factors and terms that were applied.
    pub coefficients: &'a [f32],
    /// Whether `SiLU` followed.
    pub silu: bool,
    /// Pixels of an image.
    pub pixels: usize,
}

impl NormGradient<'_> {
    /// From the gradient after normalization and `SiLU` to that of the segments.
    ///
    /// # Shapes
    /// `grad` is (B, H, W, C) over all segments, and is used up. `sums`, (B, 2, C), becomes each image's gradient of the
    /// normalization's weight and bias.
    ///
    /// # Panics
    /// If a slice is smaller than its shape.
    pub fn run(
        &self,
        context: &mut Context<'_, '_>,
        batch: usize,
        grad: &mut [f32],
        targets: [Target<'_>; MAX_SEGMENTS],
        sums: &mut [f32],
    ) {
        let channels = self.norm.weight.len();
        let grad = Shared::new(&mut grad[..batch * self.pixels * channels]);
        let sums = Shared::new(&mut sums[..batch * 2 * channels]);
        let targets = targets.map(|target| {
            let wanted = !target.values.is_empty();
            wanted.then(|| (Shared::new(target.values), target.accumulate))
        });
        let (table, scratches) = (context.table, context.scratches);
        context.pool.for_each(batch, &|thread, image| {
            let mut scratch = scratch_of(scratches, thread);
            scratch.rows.grow(3 * channels);
            let factors = &mut scratch.rows.as_mut_slice()[..3 * channels];
            // SAFETY: each task has its own image of every buffer.
            unsafe {
                let grad = grad.at(image * self.pixels * channels, self.pixels * channels);
                let sums = sums.at(image * 2 * channels, 2 * channels);
                self.centers(image, &mut factors[..channels]);
                self.sum(table, image, (grad, &factors[..channels]), sums);
                let sums = std::slice::from_raw_parts_mut(sums, 2 * channels);
                self.factors(image, sums, factors);
                self.apply(table, image, grad, factors, &targets);
            }
        });
    }

    /// Segments with their first channels.
    fn placed(&self) -> impl Iterator<Item = (usize, usize, &Segment<'_>)> {
        self.segments
            .iter()
            .enumerate()
            .scan(0, |first, (index, segment)| {
                let begin = *first;
                *first += segment.channels;
                Some((index, begin, segment))
            })
            .filter(|(_, _, segment)| segment.channels > 0)
    }

    /// The mean of each channel's group.
    fn centers(&self, image: usize, centers: &mut [f32]) {
        let group_len = centers.len() / self.norm.num_groups;
        let count = (group_len * self.pixels) as f64;
        for (index, group) in centers.chunks_exact_mut(group_len).enumerate() {
            let begin = index * group_len;
            let group_of = begin..begin + group_len;
            let (mean, _) = moments(self.parts, image, group_of, count, self.norm.eps);
            group.fill(mean as f32);
        }
    }

    /// The first pass: the gradient before `SiLU`, and its sums.
    ///
    /// # Safety
    /// `grad` must cover the image and `sums` two values a channel, both for this task alone.
    unsafe fn sum(
        &self,
        table: &Table,
        image: usize,
        (grad, centers): (*mut f32, &[f32]),
        sums: *mut f32,
    ) {
        let channels = self.norm.weight.len();
        let coefficients = &self.coefficients[image * 2 * channels..][..2 * channels];
        for (_, first, segment) in self.placed() {
            let len = self.pixels * segment.channels;
            let x = &segment.data[image * len..][..len];
            // SAFETY: the slices hold what the arguments name; the segment's channels lie inside those of `grad`.
            unsafe {
                (table.norm_grad_sums)(&NormArgs {
                    pixels: self.pixels,
                    channels: segment.channels,
                    x: x.as_ptr(),
                    x_stride: segment.channels,
                    grad: grad.add(first),
                    grad_stride: channels,
                    factor: coefficients[first..][..segment.channels].as_ptr(),
                    term: coefficients[channels + first..][..segment.channels].as_ptr(),
                    silu: self.silu,
                    sums: sums.add(channels + first),
                    center: centers[first..][..segment.channels].as_ptr(),
                    products: sums.add(first),
                });
            }
        }
    }

    /// From sums (products with the centered x, plain) to gradients of weight and bias, and the factors of the second pass.
    fn factors(&self, image: usize, sums: &mut [f32], factors: &mut [f32]) {
        let channels = self.norm.weight.len();
        let applied = &self.coefficients[image * 2 * channels..][..channels];
        let group_len = channels / self.norm.num_groups;
        let count = (group_len * self.pixels) as f64;
        let (products, sums) = sums.split_at_mut(channels);
        for begin in (0..channels).step_by(group_len) {
            let group = begin..begin + group_len;
            let (mean, inverse) = moments(self.parts, image, group.clone(), count, self.norm.eps);
            let (mut plain, mut along) = (0.0, 0.0);
            for channel in group.clone() {
                let (sum, factor) = (f64::from(sums[channel]), f64::from(applied[channel]));
                // The center was rounded.
                let left = f64::from(mean as f32) - mean;
                let normalized = (f64::from(products[channel]) + left * sum) * inverse;
                products[channel] = normalized as f32;
                plain += factor * sum;
                along += factor * normalized;
            }
            // dx = factor dy - (plain + x_hat along) / n with x_hat = (x - mean) inverse.
            let slope = -along * inverse / count;
            for channel in group {
                factors[channel] = applied[channel];
                factors[channels + channel] = slope as f32;
                factors[2 * channels + channel] = (-plain / count - mean * slope) as f32;
            }
        }
    }

    /// The second pass.
    ///
    /// # Safety
    /// `grad` must cover the image, and no other task may use this image of the targets.
    unsafe fn apply(
        &self,
        table: &Table,
        image: usize,
        grad: *const f32,
        factors: &[f32],
        targets: &[Option<(Shared<'_>, bool)>; MAX_SEGMENTS],
    ) {
        let channels = self.norm.weight.len();
        for (index, first, segment) in self.placed() {
            let Some((target, accumulate)) = targets[index] else {
                continue;
            };
            let len = self.pixels * segment.channels;
            // SAFETY: the slices hold what the arguments name; `at` checks the target's span.
            unsafe {
                (table.norm_grad_apply)(&ApplyArgs {
                    pixels: self.pixels,
                    channels: segment.channels,
                    x: segment.data[image * len..][..len].as_ptr(),
                    x_stride: segment.channels,
                    grad: grad.add(first),
                    grad_stride: channels,
                    factors: factors[first..].as_ptr(),
                    factor_stride: channels,
                    to: target.at(image * len, len),
                    accumulate,
                });
            }
        }
    }
}
