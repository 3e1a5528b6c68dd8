//! `AdamW` (Loshchilov & Hutter 2019, <https://arxiv.org/abs/1711.05101>) and the running average of the weights, in
//! one pass over flat buffers.

use super::super::context::Context;
use super::super::shared::Shared;
use super::super::vector::Vector;

/// Values that a task takes; also those that one `f32` sum of squares covers.
const CHUNK: usize = 4096;

/// The constants of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// Learning rate over the first moment's bias correction.
    pub rate: f32,
    /// One over the second moment's bias correction.
    pub second_correction: f32,
    /// Decay of the first moment.
    pub beta_1: f32,
    /// Decay of the second moment.
    pub beta_2: f32,
    /// Added to the root of the second moment.
    pub eps: f32,
    /// Share of each weight that goes at each step: learning rate times weight decay.
    pub decay: f32,
    /// Factor on the gradient: 1, or less where it is clipped.
    pub clip: f32,
    /// Share of the weights that enters their running average.
    pub average_share: f32,
}

/// What a step changes, all of one length.
#[derive(Debug)]
pub struct Moments<'a> {
    pub weights: &'a mut [f32],
    /// Running mean of the gradient.
    pub first: &'a mut [f32],
    /// Running mean of its square.
    pub second: &'a mut [f32],
    /// Running average of the weights.
    pub average: &'a mut [f32],
}

/// Pointers to a piece of all of them.
#[derive(Clone, Copy, Debug)]
pub struct AdamArgs {
    pub count: usize,
    pub weights: *mut f32,
    /// First moments.
    pub first: *mut f32,
    /// Second moments.
    pub second: *mut f32,
    /// Averaged weights.
    pub average: *mut f32,
    pub grad: *const f32,
    pub step: AdamStep,
}

/// One piece.
///
/// # Safety
/// The pointers of `args` must cover `count` values, and `V`'s features must be enabled in the caller.
#[inline(always)]
pub unsafe fn adam<V: Vector>(args: &AdamArgs) {
    let AdamStep {
        rate,
        second_correction,
        beta_1,
        beta_2,
        eps,
        decay,
        clip,
        average_share,
    } = args.step;
    // SAFETY: offsets stay below `count`.
    unsafe {
        let (share_1, share_2) = (V::splat(1.0 - beta_1), V::splat(1.0 - beta_2));
        let (keep, clip) = (V::splat(1.0 - decay), V::splat(clip));
        let (rate, correction) = (V::splat(rate), V::splat(second_correction));
        let (eps, average_share) = (V::splat(eps), V::splat(average_share));
        let mut i = 0;
        while i < args.count {
            let lanes = V::LANES.min(args.count - i);
            let grad = V::load_part_or_all(args.grad.add(i), lanes).mul(clip);
            let first = V::load_part_or_all(args.first.add(i), lanes);
            let first = grad.sub(first).mul_add(share_1, first);
            first.store_part_or_all(args.first.add(i), lanes);
            let second = V::load_part_or_all(args.second.add(i), lanes);
            let second = grad.mul(grad).sub(second).mul_add(share_2, second);
            second.store_part_or_all(args.second.add(i), lanes);
            let root = second.mul(correction).sqrt().add(eps);
            let weight = V::load_part_or_all(args.weights.add(i), lanes).mul(keep);
            let weight = weight.sub(first.mul(rate).div(root));
            weight.store_part_or_all(args.weights.add(i), lanes);
            let average = V::load_part_or_all(args.average.add(i), lanes);
            let average = weight.sub(average).mul_add(average_share, average);
            average.store_part_or_all(args.average.add(i), lanes);
            i += V::LANES;
        }
    }
}

/// The sum of squares of `count` values.
///
/// # Safety
/// `values` must hold them, and `V`'s features must be enabled in the caller.
#[inline(always)]
pub unsafe fn square_sum<V: Vector>(values: *const f32, count: usize) -> f32 {
    // SAFETY: offsets stay below `count`.
    unsafe {
        let mut sums = V::splat(0.0);
        let mut i = 0;
        while i < count {
            let lanes = V::LANES.min(count - i);
            let value = V::load_part_or_all(values.add(i), lanes);
            sums = value.mul_add(value, sums);
            i += V::LANES;
        }
        sums.sum()
    }
}

/// Take a step.
///
/// # Panics
/// If the slices differ in length.
pub fn step(context: &mut Context<'_, '_>, moments: Moments<'_>, grad: &[f32], step: AdamStep) {
    let len = grad.len();
    let Moments {
        weights,
        first,
        second,
        average,
    } = moments;
    for slice in [&*weights, first, second, average] {
        assert_eq!(slice.len(), len, "the optimizer's buffers");
    }
    let [weights, first, second, average] = [weights, first, second, average].map(Shared::new);
    let table = context.table;
    context.pool.for_each(len.div_ceil(CHUNK), &|_, task| {
        let begin = task * CHUNK;
        let count = CHUNK.min(len - begin);
        // SAFETY: each task has its own values of all buffers.
        unsafe {
            (table.adam)(&AdamArgs {
                count,
                weights: weights.at(begin, count),
                first: first.at(begin, count),
                second: second.at(begin, count),
                average: average.at(begin, count),
                grad: grad[begin..][..count].as_ptr(),
                step,
            });
        }
    });
}

/// The gradient's length; not finite where a value is not, or where its square does not fit into an `f32`.
pub fn norm(context: &mut Context<'_, '_>, grad: &[f32]) -> f64 {
    let mut sums = vec![0.0; grad.len().div_ceil(CHUNK)];
    let table = context.table;
    context.pool.for_each_chunk(&mut sums, 1, &|_, task, sum| {
        let chunk = &grad[task * CHUNK..grad.len().min((task + 1) * CHUNK)];
        // SAFETY: the chunk holds as many values.
        sum[0] = unsafe { (table.square_sum)(chunk.as_ptr(), chunk.len()) };
    });
    sums.iter().map(|sum| f64::from(*sum)).sum::<f64>().sqrt()
}
