//! Kernels over the pixels of an image: gradients of normalization, `SiLU` and softmax, sums over pixels.

use super::super::vector::Vector;

/// Pixels that are summed before their sum is added: terms of both signs nearly cancel, and one long chain would lose the
/// digits that are left.
const BLOCK: usize = 32;

/// Some channels of an image's pixels: what was normalized, and a gradient beside it.
#[derive(Clone, Copy, Debug)]
pub struct NormArgs {
    /// Pixels of the image.
    pub pixels: usize,
    pub channels: usize,
    /// First pixel of what was normalized.
    pub x: *const f32,
    /// Distance between its pixels.
    pub x_stride: usize,
    /// First pixel of the gradient.
    pub grad: *mut f32,
    /// Distance between its pixels.
    pub grad_stride: usize,
    /// One factor a channel of the forward's `silu(x * factor + term)`.
    pub factor: *const f32,
    /// One term a channel.
    pub term: *const f32,
    /// Whether `SiLU` followed.
    pub silu: bool,
    /// One sum of the gradient a channel, set.
    pub sums: *mut f32,
    /// What is taken off `x` in each channel before it is multiplied: about its mean, of which nothing is to be left.
    pub center: *const f32,
    /// One sum of the gradient times the centered `x` a channel, set.
    pub products: *mut f32,
}

/// `grad *= silu'(x * factor + term)`, and its sums over the pixels.
///
/// # Safety
/// The pointers of `args` must cover the image, and `V`'s features must be enabled in the caller.
#[inline(always)]
pub unsafe fn norm_grad_sums<V: Vector>(args: &NormArgs) {
    // SAFETY: passed on.
    unsafe {
        if args.silu {
            norm_sums::<V, true>(args);
        } else {
            norm_sums::<V, false>(args);
        }
    }
}

#[inline(always)]
unsafe fn norm_sums<V: Vector, const SILU: bool>(args: &NormArgs) {
    // SAFETY: offsets stay inside the image that the caller promised.
    unsafe {
        let one = V::splat(1.0);
        let mut channel = 0;
        while channel < args.channels {
            let lanes = V::LANES.min(args.channels - channel);
            let center = V::load_part_or_all(args.center.add(channel), lanes);
            let (mut factor, mut term) = (one, V::splat(0.0));
            if SILU {
                factor = V::load_part_or_all(args.factor.add(channel), lanes);
                term = V::load_part_or_all(args.term.add(channel), lanes);
            }
            let (mut sum, mut product) = (V::splat(0.0), V::splat(0.0));
            let mut first = 0;
            while first < args.pixels {
                let end = args.pixels.min(first + BLOCK);
                let (mut block_sum, mut block_product) = (V::splat(0.0), V::splat(0.0));
                for pixel in first..end {
                    let x = args.x.add(pixel * args.x_stride + channel);
                    let x = V::load_part_or_all(x, lanes);
                    let at = args.grad.add(pixel * args.grad_stride + channel);
                    let mut grad = V::load_part_or_all(at, lanes);
                    if SILU {
                        // silu'(y) = s (1 + y (1 - s)) with s the logistic function of y.
                        let y = x.mul_add(factor, term);
                        let s = one.div(one.add(V::splat(0.0).sub(y).exp()));
                        grad = s.mul(y.mul_add(one.sub(s), one)).mul(grad);
                        grad.store_part_or_all(at, lanes);
                    }
                    block_sum = block_sum.add(grad);
                    block_product = grad.mul_add(x.sub(center), block_product);
                }
                sum = sum.add(block_sum);
                product = product.add(block_product);
                first = end;
            }
            sum.store_part_or_all(args.sums.add(channel), lanes);
            product.store_part_or_all(args.products.add(channel), lanes);
            channel += V::LANES;
        }
    }
}

/// Some channels of an image's pixels, on the way to the gradient of what was normalized.
#[derive(Clone, Copy, Debug)]
pub struct ApplyArgs {
    /// Pixels of the image.
    pub pixels: usize,
    pub channels: usize,
    /// First pixel of what was normalized; it and `to` have this distance between pixels.
    pub x: *const f32,
    /// Distance between pixels of `x` and `to`.
    pub x_stride: usize,
    /// First pixel of the gradient after the normalization.
    pub grad: *const f32,
    /// Distance between its pixels.
    pub grad_stride: usize,
    /// Three factors a channel, `factor_stride` apart: of the gradient, of `x`, and a term.
    pub factors: *const f32,
    /// Distance between the three.
    pub factor_stride: usize,
    /// First pixel of what is written.
    pub to: *mut f32,
    /// Whether it is added to.
    pub accumulate: bool,
}

/// `to (+)= grad * k1 + x * k2 + k3`.
///
/// # Safety
/// The pointers of `args` must cover the image, and `V`'s features must be enabled in the caller.
#[inline(always)]
pub unsafe fn norm_grad_apply<V: Vector>(args: &ApplyArgs) {
    // SAFETY: offsets stay inside the image that the caller promised.
    unsafe {
        let mut channel = 0;
        while channel < args.channels {
            let lanes = V::LANES.min(args.channels - channel);
            let mut factors = [V::splat(0.0); 3];
            for (index, factor) in factors.iter_mut().enumerate() {
                let from = args.factors.add(index * args.factor_stride + channel);
                *factor = V::load_part_or_all(from, lanes);
            }
            for pixel in 0..args.pixels {
                let at = pixel * args.x_stride + channel;
                let grad = args.grad.add(pixel * args.grad_stride + channel);
                let grad = V::load_part_or_all(grad, lanes);
                let x = V::load_part_or_all(args.x.add(at), lanes);
                let mut value = grad.mul_add(factors[0], x.mul_add(factors[1], factors[2]));
                if args.accumulate {
                    value = value.add(V::load_part_or_all(args.to.add(at), lanes));
                }
                value.store_part_or_all(args.to.add(at), lanes);
            }
            channel += V::LANES;
        }
    }
}

/// Sums over the pixels of an image.
#[derive(Clone, Copy, Debug)]
pub struct SumArgs {
    pub pixels: usize,
    /// Channels, also the distance between pixels.
    pub channels: usize,
    /// First pixel.
    pub from: *const f32,
    /// One sum a channel, set.
    pub to: *mut f32,
}

/// Sum the pixels.
///
/// # Safety
/// The pointers of `args` must cover the image and its channels, and `V`'s features must be enabled in the caller.
#[inline(always)]
pub unsafe fn column_sums<V: Vector>(args: &SumArgs) {
    // SAFETY: offsets stay inside the image that the caller promised.
    unsafe {
        let mut channel = 0;
        while channel < args.channels {
            let lanes = V::LANES.min(args.channels - channel);
            let mut sum = V::splat(0.0);
            let mut first = 0;
            while first < args.pixels {
                let end = args.pixels.min(first + BLOCK);
                let mut block_sum = V::splat(0.0);
                for pixel in first..end {
                    let from = args.from.add(pixel * args.channels + channel);
                    block_sum = block_sum.add(V::load_part_or_all(from, lanes));
                }
                sum = sum.add(block_sum);
                first = end;
            }
            sum.store_part_or_all(args.to.add(channel), lanes);
            channel += V::LANES;
        }
    }
}

/// A row of a softmax and the gradient of its values.
#[derive(Clone, Copy, Debug)]
pub struct SoftmaxArgs {
    /// Values of the row.
    pub count: usize,
    /// Exponentials, which become the softmax.
    pub values: *mut f32,
    /// Gradient of the softmax, which becomes that of its unscaled arguments.
    pub grad: *mut f32,
    /// One over the exponentials' sum.
    pub factor: f32,
    /// Factor of the arguments.
    pub scale: f32,
}

/// `p = e * factor; grad = p (grad - sum of p grad) * scale`.
///
/// # Safety
/// Both rows must hold `count` values, and `V`'s features must be enabled in the caller.
#[inline(always)]
pub unsafe fn softmax_grad<V: Vector>(args: &SoftmaxArgs) {
    // SAFETY: offsets stay below `count`.
    unsafe {
        let factor = V::splat(args.factor);
        let mut sums = V::splat(0.0);
        let mut i = 0;
        while i < args.count {
            let lanes = V::LANES.min(args.count - i);
            let p = V::load_part_or_all(args.values.add(i), lanes).mul(factor);
            p.store_part_or_all(args.values.add(i), lanes);
            sums = p.mul_add(V::load_part_or_all(args.grad.add(i), lanes), sums);
            i += V::LANES;
        }
        let (mean, scale) = (V::splat(sums.sum()), V::splat(args.scale));
        let mut i = 0;
        while i < args.count {
            let lanes = V::LANES.min(args.count - i);
            let p = V::load_part_or_all(args.values.add(i), lanes);
            let grad = V::load_part_or_all(args.grad.add(i), lanes);
            let grad = p.mul(grad.sub(mean)).mul(scale);
            grad.store_part_or_all(args.grad.add(i), lanes);
            i += V::LANES;
        }
    }
}
