//! Gradients of sums, copies and resampling: loops that memory bounds, in plain Rust over the threads.

use super::super::context::Context;
use super::super::shared::Shared;
use super::super::source::{MAX_SEGMENTS, Resampling, Segment};
use super::norm::Target;
use super::rows::SumArgs;

/// Values that a task takes.
const CHUNK: usize = 1 << 14;

/// `to (+)= from`.
///
/// # Panics
/// If `from` is shorter.
pub fn pass_on(context: &mut Context<'_, '_>, from: &[f32], to: Target<'_>) {
    let Target { values, accumulate } = to;
    let from = &from[..values.len()];
    context
        .pool
        .for_each_chunk(values, CHUNK, &|_, index, values| {
            let from = &from[index * CHUNK..][..values.len()];
            if accumulate {
                for (to, from) in values.iter_mut().zip(from) {
                    *to += from;
                }
            } else {
                values.copy_from_slice(from);
            }
        });
}

/// `values *= factor`.
pub fn scale(context: &mut Context<'_, '_>, values: &mut [f32], factor: f32) {
    context.pool.for_each_chunk(values, CHUNK, &|_, _, values| {
        for value in values {
            *value *= factor;
        }
    });
}

/// The gradient of `silu(x)` from that of its result, in place.
pub fn silu(context: &mut Context<'_, '_>, x: &[f32], grad: &mut [f32]) {
    let x = &x[..grad.len()];
    context.pool.for_each_chunk(grad, CHUNK, &|_, index, grad| {
        for (grad, x) in grad.iter_mut().zip(&x[index * CHUNK..]) {
            let s = 1.0 / (1.0 + (-x).exp());
            *grad *= s * (1.0 + x * (1.0 - s));
        }
    });
}

/// From the gradient of a concatenation (`segments`, of which the data are not read) to those of its parts.
///
/// # Shapes
/// `grad` is (B, H, W, C) over all segments.
pub fn split(
    context: &mut Context<'_, '_>,
    grad: &[f32],
    segments: &[Segment<'_>; MAX_SEGMENTS],
    targets: [Target<'_>; MAX_SEGMENTS],
) {
    let channels: usize = segments.iter().map(|segment| segment.channels).sum();
    let mut first = 0;
    for (segment, target) in segments.iter().zip(targets) {
        let (begin, count) = (first, segment.channels);
        first += count;
        if target.values.is_empty() {
            continue;
        }
        if count == channels {
            pass_on(context, grad, target);
            continue;
        }
        let pixels = CHUNK.div_ceil(channels);
        let Target { values, accumulate } = target;
        context
            .pool
            .for_each_chunk(values, pixels * count, &|_, index, values| {
                let grad = grad[index * pixels * channels..].chunks_exact(channels);
                for (to, from) in values.chunks_exact_mut(count).zip(grad) {
                    let from = &from[begin..][..count];
                    if accumulate {
                        for (to, from) in to.iter_mut().zip(from) {
                            *to += from;
                        }
                    } else {
                        to.copy_from_slice(from);
                    }
                }
            });
    }
}

/// Sums over the pixels of each image.
///
/// # Shapes
/// `from` is (B, pixels, C), `to` (B, C).
///
/// # Panics
/// If a slice is smaller than its shape.
pub fn column_sums(
    context: &mut Context<'_, '_>,
    from: &[f32],
    (batch, pixels, channels): (usize, usize, usize),
    to: &mut [f32],
) {
    let len = pixels * channels;
    let from = &from[..batch * len];
    let to = Shared::new(&mut to[..batch * channels]);
    let table = context.table;
    context.pool.for_each(batch, &|_, image| {
        // SAFETY: the slices hold what the arguments name, and each task has its own image.
        unsafe {
            (table.column_sums)(&SumArgs {
                pixels,
                channels,
                from: from[image * len..][..len].as_ptr(),
                to: to.at(image * channels, channels),
            });
        }
    });
}

/// The gradient of resampling: from that of the wanted size to that of the stored one.
///
/// # Shapes
/// `from` is (B, H, W, C) as resampled, `to` as stored (`height` and `width`).
pub fn resample(
    context: &mut Context<'_, '_>,
    resampling: Resampling,
    from: &[f32],
    (height, width, channels): (usize, usize, usize),
    to: &mut [f32],
) {
    let row_len = width * channels;
    context
        .pool
        .for_each_chunk(to, row_len, &|_, row, to| match resampling {
            Resampling::None => to.copy_from_slice(&from[row * row_len..][..row_len]),
            Resampling::Up => {
                // Image rows are even in number as resampled: rows count on over the batch.
                let from = &from[row * 4 * row_len..][..4 * row_len];
                let (upper, lower) = from.split_at(2 * row_len);
                let pairs = upper
                    .chunks_exact(2 * channels)
                    .zip(lower.chunks_exact(2 * channels));
                for (to, (upper, lower)) in to.chunks_exact_mut(channels).zip(pairs) {
                    let (a, b) = upper.split_at(channels);
                    let (c, d) = lower.split_at(channels);
                    for (i, to) in to.iter_mut().enumerate() {
                        *to = (a[i] + b[i]) + (c[i] + d[i]);
                    }
                }
            }
            Resampling::Down => {
                let (image, y) = (row / height, row % height);
                let small = (height / 2, width / 2 * channels);
                to.fill(0.0);
                if y / 2 < small.0 {
                    let from = &from[(image * small.0 + y / 2) * small.1..][..small.1];
                    let pairs = from.chunks_exact(channels);
                    for (to, from) in to.chunks_exact_mut(2 * channels).zip(pairs) {
                        let (left, right) = to.split_at_mut(channels);
                        for ((left, right), from) in left.iter_mut().zip(right).zip(from) {
                            *left = from * 0.25;
                            *right = from * 0.25;
                        }
                    }
                }
            }
        });
}

/// Spread a small gradient over a larger image with zeros between: value (y, x) goes to (first + y step, first + x step).
///
/// # Shapes
/// `from` is (B, h, w, C) with `small` = (h, w), `to` is (B, H, W, C) with `large` = (H, W).
pub fn spread(
    context: &mut Context<'_, '_>,
    from: &[f32],
    (small, large, channels): ((usize, usize), (usize, usize), usize),
    (first, step): (usize, usize),
    to: &mut [f32],
) {
    context
        .pool
        .for_each_chunk(to, large.1 * channels, &|_, row, to| {
            to.fill(0.0);
            let (image, y) = (row / large.0, row % large.0);
            let from_y = y.checked_sub(first).filter(|y| y % step == 0);
            let Some(from_y) = from_y.map(|y| y / step).filter(|&y| y < small.0) else {
                return;
            };
            let row_len = small.1 * channels;
            let from = &from[(image * small.0 + from_y) * row_len..][..row_len];
            let slots = to[first * channels..].chunks_mut(step * channels);
            for (slot, from) in slots.zip(from.chunks_exact(channels)) {
                slot[..channels].copy_from_slice(from);
            }
        });
}

/// Weights (k, k, in, out) as those of the convolution that gives the input's gradient: flipped in space, in and out
/// exchanged.
///
/// # Panics
/// If a slice has another size.
pub fn transpose_weights(
    context: &mut Context<'_, '_>,
    weights: &[f32],
    (taps, inputs, outputs): (usize, usize, usize),
    to: &mut [f32],
) {
    let tap_len = inputs * outputs;
    let rows = 16.min(outputs);
    let weights = &weights[..taps * tap_len];
    // Pieces of some output channels: each reads the same cache lines for all of them.
    let pieces = outputs.div_ceil(rows);
    let to = Shared::new(&mut to[..taps * tap_len]);
    context.pool.for_each(taps * pieces, &|_, task| {
        let (tap, first) = (task / pieces, task % pieces * rows);
        let count = rows.min(outputs - first);
        let from = &weights[(taps - 1 - tap) * tap_len..][..tap_len];
        // SAFETY: each task has its own rows of its own tap.
        let to = unsafe {
            let start = to.at(tap * tap_len + first * inputs, count * inputs);
            std::slice::from_raw_parts_mut(start, count * inputs)
        };
        for (input, row) in from.chunks_exact(outputs).enumerate() {
            for (output, value) in row[first..][..count].iter().enumerate() {
                to[output * inputs + input] = *value;
            }
        }
    });
}
