//! Every kernel of training on every instruction set of this machine: products against plain `f64` loops, gradients
//! against differences of the forward in `f64`.

use super::super::aligned::Aligned;
use super::super::attention::AttentionShape;
use super::super::context::Context;
use super::super::conv::{Conv, ConvShape};
use super::super::norm::{Norm, Part};
use super::super::output::{Bias, Finish, Residual};
use super::super::source::{MAX_SEGMENTS, Resampling, Segment, Source};
use super::super::tests::{Case, Draws, compare, isas, with_context};
use super::super::winograd::{Tile, Winograd};
use super::optimizer::{self, AdamStep, Moments};
use super::{NormGradient, Target, WeightGradient, elementwise};

/// A step of the `f64` forward for central differences.
const STEP: f64 = 1e-5;

fn target(values: &mut [f32], accumulate: bool) -> Target<'_> {
    Target { values, accumulate }
}

fn plain_finish<'a>() -> Finish<'a> {
    Finish {
        bias: Bias::Same(&[]),
        residual: Residual::None,
        scale: 1.0,
        relu: false,
        sums: None,
    }
}

/// The gradient by (k, k, in, out), by its definition.
fn weight_gradient(case: &Case, grad: &[f32]) -> Vec<f64> {
    let shape = &case.shape;
    let (height, width, out) = (shape.out_height(), shape.out_width(), shape.out_channels);
    let mut expected = vec![0.0; shape.depth() * out];
    for (place, grads) in grad.chunks_exact(out).enumerate() {
        let (image, y, x) = (
            place / (height * width),
            place / width % height,
            place % width,
        );
        for row in 0..shape.depth() {
            let (tap, channel) = (row / shape.in_channels, row % shape.in_channels);
            let padded = (
                y * shape.stride + tap / shape.kernel,
                x * shape.stride + tap % shape.kernel,
            );
            let input = case.input(image, padded, channel);
            for (to, grad) in expected[row * out..][..out].iter_mut().zip(grads) {
                *to += input * f64::from(*grad);
            }
        }
    }
    expected
}

#[test]
fn weight_gradients_agree_with_their_definition_at_any_number_of_threads() {
    for isa in isas() {
        let mut draws = Draws(11);
        for round in 0..40 {
            let mut case = Case::draw(&mut draws, [3, 3, 1, 5][round % 4]);
            let shape = &mut case.shape;
            if round % 8 == 7 && shape.height > 5 && shape.width > 5 {
                (shape.stride, shape.pad_before, shape.pad_after) =
                    [(2, 0, 1), (2, 1, 1)][round / 8 % 2];
            }
            // More pixels than a block of few outputs has.
            if round == 39 {
                case = Case::of_size(&mut draws, (3, 1), (40, 37));
            }
            let shape = &case.shape;
            let len = case.batch * shape.out_height() * shape.out_width() * shape.out_channels;
            let grad = draws.values(len);
            let expected: Vec<f64> = weight_gradient(&case, &grad)
                .iter()
                .map(|v| 2.0 * v)
                .collect();
            let run = |threads: usize| {
                let mut got = vec![f32::NAN; expected.len()];
                with_context(isa, threads, |context| {
                    let mut gradient = WeightGradient::new(case.shape);
                    // What is gathered before clearing must not count, what two batches give must add up.
                    gradient.add(context, &case.source(), case.batch, &grad);
                    gradient.clear(context);
                    gradient.add(context, &case.source(), case.batch, &grad);
                    gradient.add(context, &case.source(), case.batch, &grad);
                    gradient.finish(context, &mut got);
                });
                got
            };
            let got = run(1);
            compare(&expected, &got, &format!("{isa}, {:?}", case.shape));
            assert_eq!(got, run(2), "two threads: {isa}, {:?}", case.shape);
            assert_eq!(got, run(3), "three threads: {isa}, {:?}", case.shape);
        }
    }
}

#[test]
fn weights_that_are_set_are_those_that_were_given() {
    for isa in isas() {
        let mut draws = Draws(12);
        for round in 0..27 {
            let kernel = [1, 3, 3][round % 3];
            let case = Case::draw(&mut draws, kernel);
            let (shape, taps) = (case.shape, kernel * kernel);
            let (ci, co) = (shape.in_channels, shape.out_channels);
            let weights = draws.values(co * ci * taps);
            let mut moved = vec![0.0; weights.len()];
            for (index, weight) in weights.iter().enumerate() {
                let (out, channel, tap) = (index / (ci * taps), index / taps % ci, index % taps);
                moved[(tap * ci + channel) * co + out] = *weight;
            }
            let len = case.batch * shape.height * shape.width * co;
            let (mut expected, mut got) = (vec![0.0; len], vec![0.0; len]);
            with_context(isa, 1 + round % 2, |context| {
                let source = case.source();
                if round % 3 == 2 {
                    let tile = [Tile::Two, Tile::Four, Tile::FineFour][round / 3 % 3];
                    let mut conv = Winograd::new(shape, tile, &weights);
                    conv.run(context, &source, case.batch, &mut expected, plain_finish());
                    conv = Winograd::blank(shape, tile);
                    conv.set(context, &moved);
                    conv.run(context, &source, case.batch, &mut got, plain_finish());
                } else {
                    let mut conv = Conv::new(shape, &weights);
                    conv.run(context, &source, case.batch, &mut expected, plain_finish());
                    conv = Conv::blank(shape);
                    conv.set(context, &moved);
                    conv.run(context, &source, case.batch, &mut got, plain_finish());
                }
            });
            // Both ways compute in `f64` and round once.
            assert_eq!(expected, got, "{isa}, {shape:?}");
        }
    }
}

/// `sum over outputs of weight * silu(norm(x))` of one image, in `f64`.
struct NormLoss<'a> {
    norm: &'a Norm,
    silu: bool,
    pixels: usize,
    weights: &'a [f32],
}

impl NormLoss<'_> {
    fn of(&self, x: &[f64], weight: &[f64], bias: &[f64]) -> f64 {
        let channels = weight.len();
        let group_len = channels / self.norm.num_groups;
        let mut loss = 0.0;
        for begin in (0..channels).step_by(group_len) {
            let group = begin..begin + group_len;
            let values = || {
                x.chunks_exact(channels)
                    .flat_map(|pixel| &pixel[group.clone()])
            };
            let count = (group_len * self.pixels) as f64;
            let mean = values().sum::<f64>() / count;
            let variance = values().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
            for pixel in 0..self.pixels {
                for channel in group.clone() {
                    let at = pixel * channels + channel;
                    let normalized = (x[at] - mean) / (variance + self.norm.eps).sqrt();
                    let y = normalized * weight[channel] + bias[channel];
                    let y = if self.silu { y / (1.0 + (-y).exp()) } else { y };
                    loss += f64::from(self.weights[at]) * y;
                }
            }
        }
        loss
    }
}

/// Central differences of a function of `values`.
fn differences(values: &[f64], mut function: impl FnMut(&[f64]) -> f64) -> Vec<f64> {
    let mut moved = values.to_vec();
    (0..values.len())
        .map(|index| {
            moved[index] = values[index] + STEP;
            let above = function(&moved);
            moved[index] = values[index] - STEP;
            let below = function(&moved);
            moved[index] = values[index];
            (above - below) / (2.0 * STEP)
        })
        .collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v)).collect()
}

/// Sums and sums of squares of each image's channels, in one part.
fn sums_of(x: &[f32], channels: usize, batch: usize) -> Vec<f32> {
    let mut sums = vec![0.0; batch * 2 * channels];
    let image_len = x.len() / batch;
    for (index, value) in x.iter().enumerate() {
        let place = index / image_len * 2 * channels + index % channels;
        sums[place] += value;
        sums[place + channels] += value * value;
    }
    sums
}

/// Two activations side by side under one normalization.
struct NormCase {
    norm: Norm,
    silu: bool,
    batch: usize,
    pixels: usize,
    channels: [usize; 2],
    data: [Vec<f32>; 2],
    /// Gradient after the normalization.
    weights: Vec<f32>,
    /// What the first activation's gradient is added to.
    before: Vec<f32>,
}

/// Gradients of the two activations, and each image's of weight and bias.
struct NormGradients {
    data: [Vec<f32>; 2],
    parameters: Vec<f32>,
}

impl NormCase {
    fn draw(draws: &mut Draws, round: usize) -> Self {
        let (num_groups, channels) = [
            (2, [6, 4]),
            (1, [3, 0]),
            (4, [17, 3]),
            (3, [33, 0]),
            (8, [16, 8]),
        ][round % 5];
        let (batch, pixels) = (1 + round % 3, [1, 6, 40][round % 3]);
        let all = channels[0] + channels[1];
        let mut norm = Norm {
            weight: draws.values(all),
            bias: draws.values(all),
            num_groups,
            eps: 1e-2,
        };
        norm.weight[0] = 0.0; // A dead channel must not divide by its weight.
        Self {
            norm,
            silu: round.is_multiple_of(2),
            batch,
            pixels,
            channels,
            data: channels.map(|channels| draws.values(batch * pixels * channels)),
            weights: draws.values(batch * pixels * all),
            before: draws.values(batch * pixels * channels[0]),
        }
    }

    fn run(&self, context: &mut Context<'_, '_>) -> NormGradients {
        let all = self.norm.weight.len();
        let channels = |index: usize| self.channels.get(index).copied().unwrap_or(0);
        let sums: Vec<Vec<f32>> = (0..2)
            .map(|index| sums_of(&self.data[index], channels(index).max(1), self.batch))
            .collect();
        let parts: [Part<'_>; MAX_SEGMENTS] = std::array::from_fn(|index| Part {
            sums: sums.get(index).map_or(&[][..], |sums| sums),
            parts: 1,
            channels: channels(index),
        });
        let segments = std::array::from_fn(|index| Segment {
            data: self.data.get(index).map_or(&[][..], |data| data),
            channels: channels(index),
        });
        let mut coefficients = vec![0.0; self.batch * 2 * all];
        let sizes = (self.batch, self.pixels);
        self.norm
            .coefficients(context, &parts, sizes, None, &mut coefficients);
        let gradient = NormGradient {
            norm: &self.norm,
            segments,
            parts: &parts,
            coefficients: &coefficients,
            silu: self.silu,
            pixels: self.pixels,
        };
        let mut first = self.before.clone();
        let mut second = vec![f32::NAN; self.data[1].len()];
        let mut parameters = vec![f32::NAN; self.batch * 2 * all];
        let targets = [
            target(&mut first, true),
            target(&mut second, false),
            Target::default(),
            Target::default(),
        ];
        let mut grad = self.weights.clone();
        gradient.run(context, self.batch, &mut grad, targets, &mut parameters);
        for (sum, before) in first.iter_mut().zip(&self.before) {
            *sum -= before;
        }
        NormGradients {
            data: [first, second],
            parameters,
        }
    }

    /// Two activations of an image as one.
    fn joined(&self, data: &[Vec<f32>; 2], image: usize) -> Vec<f32> {
        let pixels = image * self.pixels..(image + 1) * self.pixels;
        let of = |index: usize, pixel: usize| {
            let channels = self.channels[index];
            &data[index][pixel * channels..][..channels]
        };
        pixels
            .flat_map(|pixel| [of(0, pixel), of(1, pixel)].concat())
            .collect()
    }

    fn check(&self, got: &NormGradients, image: usize, case: &str) {
        let all = self.norm.weight.len();
        let len = self.pixels * all;
        let loss = NormLoss {
            norm: &self.norm,
            silu: self.silu,
            pixels: self.pixels,
            weights: &self.weights[image * len..][..len],
        };
        let x = wide(&self.joined(&self.data, image));
        let (weight, bias) = (wide(&self.norm.weight), wide(&self.norm.bias));
        let expected = differences(&x, |x| loss.of(x, &weight, &bias));
        let given = self.joined(&got.data, image);
        compare(&expected, &given, &format!("input: {case}"));
        let row = &got.parameters[image * 2 * all..][..2 * all];
        let expected = differences(&weight, |weight| loss.of(&x, weight, &bias));
        compare(&expected, &row[..all], &format!("weight: {case}"));
        let expected = differences(&bias, |bias| loss.of(&x, &weight, bias));
        compare(&expected, &row[all..], &format!("bias: {case}"));
    }
}

#[test]
fn norm_gradients_agree_with_differences() {
    for isa in isas() {
        let mut draws = Draws(13);
        for round in 0..15 {
            let case = NormCase::draw(&mut draws, round);
            let mut got = None;
            with_context(isa, 1 + round % 2, |context| got = Some(case.run(context)));
            let got = got.unwrap();
            for image in 0..case.batch {
                case.check(&got, image, &format!("{isa}, round {round}, image {image}"));
            }
        }
    }
}

/// `sum of weight * softmax(q k^T / sqrt d) v` of one image, in `f64`.
fn attention_loss(shape: &AttentionShape, qkv: &[f64], weights: &[f32]) -> f64 {
    let (pixels, channels) = (shape.pixels, shape.channels);
    let depth = channels / shape.heads;
    let at =
        |pixel: usize, part: usize, channel: usize| qkv[(pixel * 3 + part) * channels + channel];
    let mut loss = 0.0;
    for head in 0..shape.heads {
        let of_head = head * depth..(head + 1) * depth;
        for query in 0..pixels {
            let logit = |key: usize| -> f64 {
                let dot = of_head.clone().map(|c| at(query, 0, c) * at(key, 1, c));
                dot.sum::<f64>() / (depth as f64).sqrt()
            };
            let exponentials: Vec<f64> = (0..pixels).map(|key| logit(key).exp()).collect();
            let sum: f64 = exponentials.iter().sum();
            for channel in of_head.clone() {
                let keys = exponentials.iter().enumerate();
                let mixed: f64 = keys.map(|(key, e)| e / sum * at(key, 2, channel)).sum();
                loss += f64::from(weights[query * channels + channel]) * mixed;
            }
        }
    }
    loss
}

#[test]
fn attention_gradients_agree_with_differences_at_any_number_of_threads() {
    for isa in isas() {
        let mut draws = Draws(14);
        for (pixels, depth, heads) in [(1, 1, 1), (4, 8, 1), (15, 3, 2), (16, 16, 1), (50, 5, 1)] {
            let (batch, channels) = (2, depth * heads);
            let shape = AttentionShape {
                pixels,
                channels,
                heads,
            };
            let qkv = draws.values(batch * pixels * 3 * channels);
            let grad = draws.values(batch * pixels * channels);
            let run = |threads| {
                let mut got = vec![f32::NAN; qkv.len()];
                with_context(isa, threads, |context| {
                    super::attention_backward(&shape, context, (&qkv, &grad), batch, &mut got);
                });
                got
            };
            let got = run(1);
            assert_eq!(got, run(3), "{isa}, {shape:?}");
            for image in 0..batch {
                let len = pixels * channels;
                let weights = &grad[image * len..][..len];
                let values = wide(&qkv[image * 3 * len..][..3 * len]);
                let expected = differences(&values, |qkv| attention_loss(&shape, qkv, weights));
                let got = &got[image * 3 * len..][..3 * len];
                compare(&expected, got, &format!("{isa}, {shape:?}"));
            }
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(a, b)| f64::from(*a) * f64::from(*b))
        .sum()
}

/// A linear map and its gradient are adjoint: `<map x, y> = <x, gradient y>`.
#[track_caller]
fn adjoint(mapped: &[f32], y: &[f32], x: &[f32], gradient: &[f32], case: &str) {
    let (left, right) = (dot(mapped, y), dot(x, gradient));
    let size = dot(mapped, mapped).sqrt() * dot(y, y).sqrt();
    assert!(
        (left - right).abs() <= 1e-5 * size,
        "{left} and {right} of {size}: {case}"
    );
}

#[test]
fn resampling_and_its_gradient_are_adjoint() {
    let mut draws = Draws(15);
    for (height, width, channels) in [(4, 4, 3), (2, 6, 1), (5, 3, 2), (1, 2, 4)] {
        for resampling in [Resampling::None, Resampling::Up, Resampling::Down] {
            let (tall, broad) = match resampling {
                Resampling::None => (height, width),
                Resampling::Up => (2 * height, 2 * width),
                Resampling::Down => (height / 2, width / 2),
            };
            let x = draws.values(2 * height * width * channels);
            let y = draws.values(2 * tall * broad * channels);
            let mut mapped = vec![0.0; y.len()];
            let mut gradient = vec![f32::NAN; x.len()];
            let isa = isas().last().unwrap();
            with_context(isa, 2, |context| {
                let source = Source {
                    height: tall,
                    width: broad,
                    resampling,
                    ..Source::plain(&x, channels, height, width)
                };
                let image_len = tall * broad * channels;
                for (image, to) in mapped.chunks_exact_mut(image_len.max(1)).enumerate() {
                    source.write_rows(context.table, (image, 0), to);
                }
                elementwise::resample(
                    context,
                    resampling,
                    &y,
                    (height, width, channels),
                    &mut gradient,
                );
            });
            adjoint(
                &mapped,
                &y,
                &x,
                &gradient,
                &format!("{resampling:?} of {height}x{width}"),
            );
        }
    }
}

/// The gradient of a convolution's input is the convolution, with weights turned round, of its output's gradient spread
/// out.
#[test]
fn input_gradients_of_any_step_and_padding_are_adjoint() {
    let mut draws = Draws(16);
    for (kernel, stride, pad_before, pad_after) in [
        (3, 1, 1, 1),
        (3, 2, 1, 1),
        (3, 2, 0, 1),
        (1, 1, 0, 0),
        (5, 1, 2, 2),
    ] {
        let (ci, co, batch) = (5, 18, 2);
        let shape = ConvShape {
            in_channels: ci,
            out_channels: co,
            kernel,
            stride,
            pad_before,
            pad_after,
            height: 8,
            width: 6,
        };
        let weights = draws.values(kernel * kernel * ci * co);
        let x = draws.values(batch * 8 * 6 * ci);
        let (height, width) = (shape.out_height(), shape.out_width());
        let y = draws.values(batch * height * width * co);
        let (mut mapped, mut gradient) = (vec![0.0; y.len()], vec![0.0; x.len()]);
        with_context(isas().last().unwrap(), 2, |context| {
            let mut conv = Conv::blank(shape);
            conv.set(context, &weights);
            conv.run(
                context,
                &Source::plain(&x, ci, 8, 6),
                batch,
                &mut mapped,
                plain_finish(),
            );
            let mut turned = vec![f32::NAN; weights.len()];
            elementwise::transpose_weights(
                context,
                &weights,
                (kernel * kernel, ci, co),
                &mut turned,
            );
            let mut back = Conv::blank(ConvShape::same(kernel, (co, ci), (8, 6)));
            back.set(context, &turned);
            let mut spread = vec![f32::NAN; batch * 8 * 6 * co];
            let sizes = ((height, width), (8, 6), co);
            elementwise::spread(
                context,
                &y,
                sizes,
                (kernel / 2 - pad_before, stride),
                &mut spread,
            );
            let source = Source::plain(&spread, co, 8, 6);
            back.run(context, &source, batch, &mut gradient, plain_finish());
        });
        adjoint(&mapped, &y, &x, &gradient, &format!("{shape:?}"));
    }
}

#[test]
fn concatenations_are_taken_apart_and_pixels_are_summed() {
    let mut draws = Draws(17);
    let (channels, pixels) = ([3, 16, 5], 7);
    let grad = draws.values(2 * pixels * 24);
    let segments: [Segment<'_>; MAX_SEGMENTS] = std::array::from_fn(|index| Segment {
        data: &[],
        channels: channels.get(index).copied().unwrap_or(0),
    });
    let mut parts = channels.map(|channels| vec![1.0; 2 * pixels * channels]);
    let mut sums = vec![0.0; 2 * 24];
    with_context(isas().last().unwrap(), 2, |context| {
        let [a, b, c] = &mut parts;
        let targets = [
            target(a, false),
            target(b, true),
            target(c, false),
            Target::default(),
        ];
        elementwise::split(context, &grad, &segments, targets);
        elementwise::column_sums(context, &grad, (2, pixels, 24), &mut sums);
    });
    for (pixel, row) in grad.chunks_exact(24).enumerate() {
        assert_eq!(parts[0][pixel * 3..][..3], row[..3]);
        assert_eq!(parts[1][pixel * 16], row[3] + 1.0);
        assert_eq!(parts[2][pixel * 5..][..5], row[19..]);
    }
    let expected: Vec<f64> = (0..48)
        .map(|place| {
            let image = &grad[place / 24 * pixels * 24..][..pixels * 24];
            image
                .iter()
                .skip(place % 24)
                .step_by(24)
                .map(|v| f64::from(*v))
                .sum()
        })
        .collect();
    compare(&expected, &sums, "sums over pixels");
}

#[test]
fn the_optimizer_takes_the_steps_of_its_definition() {
    for isa in isas() {
        let mut draws = Draws(18);
        let len = 4096 + 21;
        let [mut weights, grad] = [(); 2].map(|()| draws.values(len));
        let (mut first, mut second, mut average) =
            (vec![0.0; len], vec![0.0; len], weights.clone());
        let (mut w, mut m, mut v) = (wide(&weights), vec![0.0; len], vec![0.0; len]);
        let mut a = w.clone();
        for step in 1..=3 {
            let (beta_1, beta_2, rate, decay, clip, share) =
                (0.9_f64, 0.999_f64, 1e-2, 1e-3, 0.25, 0.1);
            let (one, two) = (1.0 - beta_1.powi(step), 1.0 - beta_2.powi(step));
            let constants = AdamStep {
                rate: (rate / one) as f32,
                second_correction: (1.0 / two) as f32,
                beta_1: beta_1 as f32,
                beta_2: beta_2 as f32,
                eps: 1e-8,
                decay: decay as f32,
                clip: clip as f32,
                average_share: share as f32,
            };
            with_context(isa, 2, |context: &mut Context<'_, '_>| {
                let moments = Moments {
                    weights: &mut weights,
                    first: &mut first,
                    second: &mut second,
                    average: &mut average,
                };
                optimizer::step(context, moments, &grad, constants);
            });
            for (i, grad) in grad.iter().enumerate() {
                let g = f64::from(*grad) * clip;
                m[i] = beta_1 * m[i] + (1.0 - beta_1) * g;
                v[i] = beta_2 * v[i] + (1.0 - beta_2) * g * g;
                w[i] = w[i] * (1.0 - decay) - rate * (m[i] / one) / ((v[i] / two).sqrt() + 1e-8);
                a[i] += share * (w[i] - a[i]);
            }
        }
        compare(&w, &weights, &format!("{isa}: weights"));
        compare(&a, &average, &format!("{isa}: average"));
        compare(&m, &first, &format!("{isa}: first moment"));
        let mut norms = [0.0; 2];
        let mut broken = Aligned::zeroed(len);
        broken.as_mut_slice()[len - 1] = f32::NAN;
        with_context(isa, 2, |context| {
            norms = [
                optimizer::norm(context, &grad),
                optimizer::norm(context, broken.as_slice()),
            ];
        });
        let expected = wide(&grad).iter().map(|v| v * v).sum::<f64>().sqrt();
        assert!(
            (norms[0] / expected - 1.0).abs() < 1e-6,
            "{isa}: {} {expected}",
            norms[0]
        );
        assert!(norms[1].is_nan(), "{isa}: {}", norms[1]);
    }
}
