//! Pools over channels-last activations.

use std::collections::TryReserveError;

use super::kernels::Aligned;
use crate::networks::lpips::backbone::MaxPool;

/// The largest values of windows at every second pixel; returns the side of the result.
///
/// # Shapes
/// From (B, side, side, C) to (B, out, out, C). Where `from` holds no negative values, padding never is the largest.
pub(super) fn max_pool(
    from: &Aligned,
    to: &mut Aligned,
    (batch, side, channels): (usize, usize, usize),
    pool: MaxPool,
) -> Result<usize, TryReserveError> {
    let out_side = pool.out_side(side).unwrap_or(0);
    let len = batch * out_side * out_side * channels;
    to.try_grow(len)?;
    let images = from.as_slice().chunks_exact(side * side * channels);
    let out_images = to.as_mut_slice()[..len].chunks_exact_mut(out_side * out_side * channels);
    // The window at a place of the result, what lies outside of the image left out.
    let window = |at: usize| {
        let end = (2 * at + pool.size).saturating_sub(pool.padding).min(side);
        (2 * at).saturating_sub(pool.padding)..end
    };
    for (image, out) in images.zip(out_images) {
        for (pixel, slots) in out.chunks_exact_mut(channels).enumerate() {
            slots.fill(f32::MIN);
            for y in window(pixel / out_side) {
                for x in window(pixel % out_side) {
                    let values = &image[(y * side + x) * channels..];
                    for (slot, value) in slots.iter_mut().zip(values) {
                        *slot = slot.max(*value);
                    }
                }
            }
        }
    }
    Ok(out_side)
}

/// The means of windows of 2x2 pixels at every `stride`-th one, with a column and a row of zeros at the right and the bottom;
/// returns the side of the result.
///
/// # Shapes
/// From (B, side, side, C) to (B, out, out, C).
pub(super) fn average_pool(
    from: &Aligned,
    to: &mut Aligned,
    (batch, side, channels): (usize, usize, usize),
    stride: usize,
) -> Result<usize, TryReserveError> {
    let out_side = (side - 1) / stride + 1;
    let len = batch * out_side * out_side * channels;
    to.try_grow(len)?;
    let images = from.as_slice().chunks_exact(side * side * channels);
    let out_images = to.as_mut_slice()[..len].chunks_exact_mut(out_side * out_side * channels);
    let window = |at: usize| at * stride..(at * stride + 2).min(side);
    for (image, out) in images.zip(out_images) {
        for (pixel, slots) in out.chunks_exact_mut(channels).enumerate() {
            slots.fill(0.0);
            for y in window(pixel / out_side) {
                for x in window(pixel % out_side) {
                    let values = &image[(y * side + x) * channels..];
                    for (slot, value) in slots.iter_mut().zip(values) {
                        *slot += 0.25 * *value;
                    }
                }
            }
        }
    }
    Ok(out_side)
}
