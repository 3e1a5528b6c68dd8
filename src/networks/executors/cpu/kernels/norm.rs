//! Group normalization as one factor and one term a channel, from the sums that producers counted.

use super::context::Context;
use super::shared::Shared;
use super::source::MAX_SEGMENTS;
pub use crate::networks::executors::lowered::Norm;

/// Sums of one segment of what is normalized.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// (B, parts, 2, C).
    pub sums: &'a [f32],
    /// Parts of an image.
    pub parts: usize,
    /// C; 0 for an absent segment.
    pub channels: usize,
}

impl Part<'_> {
    /// Sum and sum of squares over some channels of an image.
    fn total(&self, image: usize, channels: std::ops::Range<usize>) -> (f64, f64) {
        let (mut sum, mut squares) = (0.0, 0.0);
        let row_len = 2 * self.channels;
        for row in self.sums[image * self.parts * row_len..]
            .chunks_exact(row_len)
            .take(self.parts)
        {
            let (row_sums, row_squares) = row.split_at(self.channels);
            for (value, square) in row_sums[channels.clone()]
                .iter()
                .zip(&row_squares[channels.clone()])
            {
                sum += f64::from(*value);
                squares += f64::from(*square);
            }
        }
        (sum, squares)
    }
}

/// Where each image's (scale, shift) stand: `norm(x) * (1 + scale) + shift`.
#[derive(Clone, Copy, Debug)]
pub struct TimeRows<'a> {
    /// All rows.
    pub rows: &'a [f32],
    /// Each image's row.
    pub starts: &'a [usize],
    /// Place in the row.
    pub offset: usize,
}

impl Norm {
    /// Write (factor, term) for each channel of each image, such that `x * factor + term` is the normalized `x`.
    ///
    /// # Shapes
    /// `to` is (B, 2, C).
    ///
    /// # Panics
    /// If a slice is smaller than its shape.
    pub fn coefficients(
        &self,
        context: &mut Context<'_, '_>,
        parts: &[Part<'_>; MAX_SEGMENTS],
        (batch, pixels): (usize, usize),
        time: Option<TimeRows<'_>>,
        to: &mut [f32],
    ) {
        let channels = self.weight.len();
        let shared = Shared::new(to);
        context.pool.for_each(batch, &|_, image| {
            // SAFETY: each task has its own image.
            let to = unsafe {
                let to = shared.at(image * 2 * channels, 2 * channels);
                std::slice::from_raw_parts_mut(to, 2 * channels)
            };
            let (factors, terms) = to.split_at_mut(channels);
            self.image_coefficients(parts, (image, pixels), factors, terms);
            if let Some(time) = time {
                let row = &time.rows[time.starts[image] + time.offset..][..2 * channels];
                let (scales, shifts) = row.split_at(channels);
                let slots = factors.iter_mut().zip(terms);
                for ((factor, term), (scale, shift)) in slots.zip(scales.iter().zip(shifts)) {
                    *factor *= 1.0 + scale;
                    *term = *term * (1.0 + scale) + shift;
                }
            }
        });
    }

    fn image_coefficients(
        &self,
        parts: &[Part<'_>; MAX_SEGMENTS],
        (image, pixels): (usize, usize),
        factors: &mut [f32],
        terms: &mut [f32],
    ) {
        let group_len = self.weight.len() / self.num_groups;
        let count = (group_len * pixels) as f64;
        for begin in (0..self.weight.len()).step_by(group_len) {
            let end = begin + group_len;
            let (mean, inverse) = moments(parts, image, begin..end, count, self.eps);
            for channel in begin..end {
                let factor = f64::from(self.weight[channel]) * inverse;
                factors[channel] = factor as f32;
                terms[channel] = (f64::from(self.bias[channel]) - mean * factor) as f32;
            }
        }
    }
}

/// The mean of a group of channels of an image, and one over its deviation.
pub(super) fn moments(
    parts: &[Part<'_>; MAX_SEGMENTS],
    image: usize,
    group: std::ops::Range<usize>,
    count: f64,
    eps: f64,
) -> (f64, f64) {
    let (mut sum, mut squares) = (0.0, 0.0);
    let mut first = 0;
    for part in parts.iter().filter(|part| part.channels > 0) {
        let inside = group.start.max(first)..group.end.min(first + part.channels);
        if !inside.is_empty() {
            let (part_sum, part_squares) =
                part.total(image, inside.start - first..inside.end - first);
            sum += part_sum;
            squares += part_squares;
        }
        first += part.channels;
    }
    let mean = sum / count;
    let variance = (squares / count - mean * mean).max(0.0);
    (mean, 1.0 / (variance + eps).sqrt())
}
