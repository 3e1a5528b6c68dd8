//! What happens to each value of a product before it is stored: bias, residual, scale, `ReLU`, and the sums that the
//! next group norm needs.

use super::vector::Vector;

/// The end of a product. Null pointers leave a part out.
#[derive(Clone, Copy, Debug)]
pub struct FinishArgs {
    /// Output channels.
    pub channels: usize,
    /// One value per channel.
    pub bias: *const f32,
    /// First pixel of the residual, `channels` values a pixel; may be the output itself.
    pub residual: *const f32,
    /// Factor on the sum of value, bias and residual.
    pub scale: f32,
    /// Whether negative values become zero.
    pub relu: bool,
    /// First pixel of the output.
    pub out: *mut f32,
    /// Distance between pixels of `out` and `residual`.
    pub pixel_stride: usize,
    /// One sum a channel, added to.
    pub sums: *mut f32,
    /// One sum of squares a channel, added to; null when `sums` is.
    pub squares: *mut f32,
}

impl FinishArgs {
    /// The bias of `lanes` channels.
    ///
    /// # Safety
    /// `channel + lanes <= channels`, and `V`'s features are enabled.
    #[inline(always)]
    pub unsafe fn bias_at<V: Vector>(&self, channel: usize, lanes: usize) -> V {
        // SAFETY: inside the bias by the caller's promise.
        unsafe {
            if self.bias.is_null() {
                V::splat(0.0)
            } else if lanes == V::LANES {
                V::load(self.bias.add(channel))
            } else {
                V::load_part(self.bias.add(channel), lanes)
            }
        }
    }

    /// Add to the sums of `lanes` channels.
    ///
    /// # Safety
    /// `channel + lanes <= channels`, and `V`'s features are enabled.
    #[inline(always)]
    pub unsafe fn add_sums<V: Vector>(&self, channel: usize, lanes: usize, sum: V, squares: V) {
        if self.sums.is_null() {
            return;
        }
        // SAFETY: inside the sums by the caller's promise.
        unsafe {
            let sums = self.sums.add(channel);
            let square_sums = self.squares.add(channel);
            if lanes == V::LANES {
                V::load(sums).add(sum).store(sums);
                V::load(square_sums).add(squares).store(square_sums);
            } else {
                V::load_part(sums, lanes).add(sum).store_part(sums, lanes);
                let squares = V::load_part(square_sums, lanes).add(squares);
                squares.store_part(square_sums, lanes);
            }
        }
    }
}

/// Finish and store the `lanes` channels of one pixel; returns them, zero outside.
///
/// # Safety
/// The pixel must lie inside `out` (and `residual`), and `V`'s features must be enabled in the caller.
#[inline(always)]
pub unsafe fn finish_value<V: Vector>(
    args: &FinishArgs,
    value: V,
    bias: V,
    pixel: usize,
    channel: usize,
    lanes: usize,
) -> V {
    let offset = pixel * args.pixel_stride + channel;
    // SAFETY: inside `out` and `residual` by the caller's promise.
    unsafe {
        let full = lanes == V::LANES;
        let mut value = value.add(bias);
        if !args.residual.is_null() {
            let from = args.residual.add(offset);
            let residual = if full {
                V::load(from)
            } else {
                V::load_part(from, lanes)
            };
            value = value.add(residual);
        }
        if args.scale != 1.0 {
            value = value.mul(V::splat(args.scale));
        }
        if args.relu {
            value = value.max(V::splat(0.0));
        }
        if full {
            value.store(args.out.add(offset));
            value
        } else {
            value.store_part(args.out.add(offset), lanes);
            // The unused lanes hold padding of the product, which is zero: the packed weights are.
            value
        }
    }
}

/// Finish `pixels` pixels of a product that stands in `from`, `from_stride` values a pixel.
///
/// # Safety
/// `from` must hold the pixels with channels padded to whole panels, the pointers of `args` must cover them, and
/// `V`'s features must be enabled in the caller.
#[inline(always)]
pub unsafe fn finish_pixels<V: Vector>(
    args: &FinishArgs,
    from: *const f32,
    from_stride: usize,
    pixels: usize,
) {
    // SAFETY: offsets stay inside what the caller promised.
    unsafe {
        let mut channel = 0;
        while channel < args.channels {
            let lanes = V::LANES.min(args.channels - channel);
            let bias = args.bias_at::<V>(channel, lanes);
            let (mut sum, mut squares) = (V::splat(0.0), V::splat(0.0));
            for pixel in 0..pixels {
                let value = V::load(from.add(pixel * from_stride + channel));
                let value = finish_value(args, value, bias, pixel, channel, lanes);
                sum = sum.add(value);
                squares = value.mul_add(value, squares);
            }
            args.add_sums(channel, lanes, sum, squares);
            channel += V::LANES;
        }
    }
}
