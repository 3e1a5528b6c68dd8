//! Every kernel on every instruction set of this machine against plain `f64` loops.
//!
//! Names nothing outside the kernels, so that `scripts/check-kernels` can build them alone: under the address
//! sanitizer, and for `AArch64`.

use std::sync::Mutex;

use super::attention::AttentionShape;
use super::conv::{Conv, ConvShape};
use super::source::{MAX_SEGMENTS, Resampling};
use super::winograd::{Tile, Winograd};
use super::{Bias, Context, Finish, Isa, Residual, Scratch, Segment, Source, ThreadPool};

/// Relative to the output's largest magnitude; F(4x4, 3x3) loses most.
const TOLERANCE: f64 = 2e-5;

/// A small generator of our own: what is drawn must not change with a dependency's version.
pub(super) struct Draws(pub(super) u64);

impl Draws {
    fn next(&mut self) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    pub(super) fn below(&mut self, count: usize) -> usize {
        self.next() as usize % count
    }

    pub(super) fn values(&mut self, count: usize) -> Vec<f32> {
        (0..count)
            .map(|_| self.next() as f32 / (1_u32 << 30) as f32 - 1.0)
            .collect()
    }
}

pub(super) fn isas() -> impl Iterator<Item = Isa> {
    let all = [Isa::Portable, Isa::Avx2, Isa::Avx512, Isa::Neon];
    all.into_iter().filter(|isa| isa.is_available())
}

pub(super) fn with_context(
    isa: Isa,
    threads: usize,
    work: impl FnOnce(&mut Context<'_, '_>) + Send,
) {
    let pool = ThreadPool::new(threads).unwrap();
    let scratches: Vec<Mutex<Scratch>> = (0..threads).map(|_| Mutex::default()).collect();
    let mut common = Scratch::default();
    pool.run(|pool| {
        work(&mut Context {
            table: isa.table().unwrap(),
            pool,
            scratches: &scratches,
            common: &mut common,
        });
    });
}

/// One product with everything that can be fused into it.
pub(super) struct Case {
    pub(super) shape: ConvShape,
    pub(super) batch: usize,
    segments: Vec<(usize, Vec<f32>)>,
    stored_size: (usize, usize),
    resampling: Resampling,
    norm: Option<Vec<f32>>,
    silu: bool,
    weights: Vec<f32>,
    bias: Vec<f32>,
    residual: Option<Vec<f32>>,
    scale: f32,
    relu: bool,
}

impl Case {
    pub(super) fn draw(draws: &mut Draws, kernel: usize) -> Self {
        let stored_size = (1 + draws.below(9), 1 + draws.below(9));
        let out_channels = [1, 3, 16, 17, 40][draws.below(5)];
        Self::of_size(draws, (kernel, out_channels), stored_size)
    }

    pub(super) fn of_size(
        draws: &mut Draws,
        (kernel, out_channels): (usize, usize),
        stored_size: (usize, usize),
    ) -> Self {
        let (resampling, height, width) = match draws.below(4) {
            0 => (Resampling::Up, stored_size.0 * 2, stored_size.1 * 2),
            1 if stored_size.0 > 1 && stored_size.1 > 1 => {
                (Resampling::Down, stored_size.0 / 2, stored_size.1 / 2)
            }
            _ => (Resampling::None, stored_size.0, stored_size.1),
        };
        let batch = 1 + draws.below(3);
        let segments: Vec<_> = [(); 2][..=draws.below(2)]
            .iter()
            .map(|()| {
                let channels = [1, 3, 8, 16, 19, 33][draws.below(6)];
                let len = batch * stored_size.0 * stored_size.1 * channels;
                (channels, draws.values(len))
            })
            .collect();
        let in_channels = segments.iter().map(|segment| segment.0).sum();
        let shape = ConvShape::same(kernel, (in_channels, out_channels), (height, width));
        let out_len = batch * height * width * out_channels;
        Self {
            batch,
            stored_size,
            resampling,
            norm: (draws.below(2) == 0).then(|| draws.values(batch * 2 * in_channels)),
            silu: draws.below(2) == 0,
            weights: draws.values(out_channels * shape.depth()),
            bias: draws.values(out_channels),
            residual: (draws.below(2) == 0).then(|| draws.values(out_len)),
            scale: [1.0, 0.5][draws.below(2)],
            relu: draws.below(4) == 0,
            segments,
            shape,
        }
    }

    /// The input's value at a padded place, after normalization, `SiLU` and resampling; zero outside of the image.
    pub(super) fn input(&self, image: usize, padded: (usize, usize), channel: usize) -> f64 {
        let inside =
            |at: usize, len: usize| at.checked_sub(self.shape.pad_before).filter(|&at| at < len);
        let (Some(y), Some(x)) = (
            inside(padded.0, self.shape.height),
            inside(padded.1, self.shape.width),
        ) else {
            return 0.0;
        };
        match self.resampling {
            Resampling::None => self.stored(image, y, x, channel),
            Resampling::Up => self.stored(image, y / 2, x / 2, channel),
            Resampling::Down => {
                let corner = |dy, dx| self.stored(image, 2 * y + dy, 2 * x + dx, channel);
                (corner(0, 0) + corner(0, 1) + corner(1, 0) + corner(1, 1)) / 4.0
            }
        }
    }

    fn stored(&self, image: usize, y: usize, x: usize, channel: usize) -> f64 {
        let mut inside = channel;
        let segment = self.segments.iter().find(|(channels, _)| {
            let found = inside < *channels;
            inside -= if found { 0 } else { *channels };
            found
        });
        let (channels, data) = segment.unwrap();
        let pixel = (image * self.stored_size.0 + y) * self.stored_size.1 + x;
        let mut value = f64::from(data[pixel * channels + inside]);
        if let Some(norm) = &self.norm {
            let row = &norm[image * 2 * self.shape.in_channels..];
            value =
                value * f64::from(row[channel]) + f64::from(row[self.shape.in_channels + channel]);
        }
        if self.silu {
            value / (1.0 + (-value).exp())
        } else {
            value
        }
    }

    /// (B, H, W, C) by the definition.
    fn reference(&self) -> Vec<f64> {
        let shape = &self.shape;
        let (height, width, kernel) = (shape.out_height(), shape.out_width(), shape.kernel);
        let mut out = Vec::new();
        for image in 0..self.batch {
            for place in 0..height * width {
                let (y, x) = (place / width, place % width);
                for channel in 0..shape.out_channels {
                    let mut sum = f64::from(self.bias[channel]);
                    for tap in 0..kernel * kernel {
                        let padded = (
                            y * shape.stride + tap / kernel,
                            x * shape.stride + tap % kernel,
                        );
                        for from in 0..shape.in_channels {
                            let weight = (channel * shape.in_channels + from) * kernel * kernel;
                            sum += self.input(image, padded, from)
                                * f64::from(self.weights[weight + tap]);
                        }
                    }
                    if let Some(residual) = &self.residual {
                        sum += f64::from(residual[out.len()]);
                    }
                    sum *= f64::from(self.scale);
                    out.push(if self.relu { sum.max(0.0) } else { sum });
                }
            }
        }
        out
    }

    pub(super) fn source(&self) -> Source<'_> {
        let mut segments = [Segment::default(); MAX_SEGMENTS];
        for (slot, (channels, data)) in segments.iter_mut().zip(&self.segments) {
            *slot = Segment {
                data,
                channels: *channels,
            };
        }
        Source {
            segments,
            height: self.shape.height,
            width: self.shape.width,
            stored_size: self.stored_size,
            norm: self.norm.as_deref(),
            silu: self.silu,
            resampling: self.resampling,
        }
    }

    /// Run one form of the layer; checks values, and the sums for the next normalization.
    fn check(
        &self,
        (isa, threads): (Isa, usize),
        parts: usize,
        run: impl FnOnce(&mut Context<'_, '_>, &Source<'_>, &mut [f32], Finish<'_>) + Send,
    ) {
        let expected = self.reference();
        let channels = self.shape.out_channels;
        let mut out = vec![f32::NAN; expected.len()];
        let mut sums = vec![f32::NAN; self.batch * parts * 2 * channels];
        with_context(isa, threads, |context| {
            let finish = Finish {
                bias: Bias::Same(&self.bias),
                residual: self
                    .residual
                    .as_deref()
                    .map_or(Residual::None, Residual::From),
                scale: self.scale,
                relu: self.relu,
                sums: Some(&mut sums),
            };
            run(context, &self.source(), &mut out, finish);
        });
        let case = format!("{isa}, {threads} threads, {:?}", self.shape);
        compare(&expected, &out, &case);

        let image_len = expected.len() / self.batch;
        for image in 0..self.batch {
            let values = &expected[image * image_len..][..image_len];
            let rows = &sums[image * parts * 2 * channels..][..parts * 2 * channels];
            let (mut totals, mut squares) = (vec![0.0; channels], vec![0.0; channels]);
            for (index, value) in values.iter().enumerate() {
                totals[index % channels] += value;
                squares[index % channels] += value * value;
            }
            let expected = [totals, squares].concat();
            let mut got = vec![0.0; 2 * channels];
            for (index, value) in rows.iter().enumerate() {
                got[index % (2 * channels)] += *value;
            }
            compare(&expected, &got, &format!("sums of {case}"));
        }
    }
}

#[track_caller]
pub(super) fn compare(expected: &[f64], got: &[f32], case: &str) {
    let largest = expected
        .iter()
        .fold(1e-30, |most: f64, v| most.max(v.abs()));
    for (index, (expected, got)) in expected.iter().zip(got).enumerate() {
        let difference = (expected - f64::from(*got)).abs() / largest;
        assert!(
            difference <= TOLERANCE,
            "value {index}: {expected} expected, got {got}: {case}"
        );
    }
}

#[test]
fn direct_convolutions_agree_with_their_definition() {
    for isa in isas() {
        let mut draws = Draws(1);
        for round in 0..36 {
            let kernel = [1, 3, 5][round % 3];
            let mut case = Case::draw(&mut draws, kernel);
            let shape = &mut case.shape;
            if round % 4 == 3 && shape.height > kernel && shape.width > kernel {
                // diffusers' asymmetric padding, or a plain step.
                (shape.stride, shape.pad_before, shape.pad_after) =
                    [(2, 0, 1), (2, kernel / 2, kernel / 2)][round / 4 % 2];
                case.residual = None;
            }
            let conv = Conv::new(case.shape, &case.weights);
            let run = |context: &mut Context<'_, '_>,
                       source: &Source<'_>,
                       out: &mut [f32],
                       finish: Finish<'_>| {
                conv.run(context, source, case.batch, out, finish);
            };
            case.check((isa, 1 + round % 2), conv.num_parts(), run);
        }
    }
}

#[test]
fn winograd_convolutions_agree_with_their_definition() {
    for isa in isas() {
        let mut draws = Draws(2);
        for round in 0..48 {
            let case = Case::draw(&mut draws, 3);
            let tile = [Tile::Two, Tile::Four, Tile::FineFour][round % 3];
            let conv = Winograd::new(case.shape, tile, &case.weights);
            let run = |context: &mut Context<'_, '_>,
                       source: &Source<'_>,
                       out: &mut [f32],
                       finish: Finish<'_>| {
                conv.run(context, source, case.batch, out, finish);
            };
            case.check((isa, 1 + round / 3 % 2), conv.num_parts(), run);
        }
    }
}

#[test]
fn attention_agrees_with_its_definition() {
    for isa in isas() {
        let mut draws = Draws(3);
        for round in 0..12 {
            let heads = 1 + draws.below(3);
            let depth = [1, 4, 8, 17, 32][draws.below(5)];
            let shape = AttentionShape {
                pixels: [1, 4, 15, 49, 64][draws.below(5)],
                channels: heads * depth,
                heads,
            };
            let (batch, channels, pixels) = (1 + round % 2, shape.channels, shape.pixels);
            let qkv = draws.values(batch * pixels * 3 * channels);
            let value = |image: usize, pixel: usize, part: usize, channel: usize| {
                f64::from(qkv[((image * pixels + pixel) * 3 + part) * channels + channel])
            };
            let mut expected = Vec::new();
            for place in 0..batch * pixels {
                let (image, query) = (place / pixels, place % pixels);
                for channel in 0..channels {
                    let first = channel / depth * depth;
                    let logit = |key: usize| {
                        let product =
                            |c: usize| value(image, query, 0, c) * value(image, key, 1, c);
                        (first..first + depth).map(product).sum::<f64>() / (depth as f64).sqrt()
                    };
                    let weights: Vec<f64> = (0..pixels).map(|key| logit(key).exp()).collect();
                    let mixed = weights.iter().enumerate();
                    let sum: f64 = mixed
                        .map(|(key, w)| w * value(image, key, 2, channel))
                        .sum();
                    expected.push(sum / weights.iter().sum::<f64>());
                }
            }
            let mut out = vec![f32::NAN; expected.len()];
            with_context(isa, 1 + round % 2, |context| {
                shape.run(context, &qkv, batch, &mut out);
            });
            compare(&expected, &out, &format!("{isa}, {shape:?}"));
        }
    }
}

#[test]
fn exponentials_hold_over_the_whole_range() {
    for isa in isas() {
        let table = isa.table().unwrap();
        let mut draws = Draws(4);
        for count in [1, 3, 4, 7, 8, 15, 16, 17, 61] {
            let values: Vec<f32> = draws.values(count).iter().map(|v| v * 80.0).collect();
            let largest = values.iter().fold(f32::MIN, |most, v| most.max(*v));
            let mut row = values.clone();
            // SAFETY: `row` holds `count` values, and the table belongs to this machine.
            let sum = unsafe { (table.exp_row)(row.as_mut_ptr(), count, 0.5) };
            let mut total = 0.0;
            for (value, got) in values.iter().zip(&row) {
                let expected = ((f64::from(*value) - f64::from(largest)) * 0.5).exp();
                total += expected;
                let error = (f64::from(*got) - expected).abs() / expected;
                // The argument itself carries half a unit in its last place, up to 80 * 6e-8.
                assert!(error < 6e-6, "{isa}: exp gave {got}, expected {expected}");
            }
            assert!(
                (f64::from(sum) - total).abs() / total < 1e-6,
                "{isa}: the sum is {sum}, expected {total}"
            );
        }
    }
}
