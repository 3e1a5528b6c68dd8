//! Random networks against candle's plain path: odd sizes, odd channels, stages in any order.

use candle_core::Device;
use lmd_inspector::networks::description::{
    Attention, Conv2d, GroupNorm, InputResidual, Linear, Network, OutputSkip, Padding, Resample,
    Resnet, ResnetResample, Stage, TimeEmbedding, TimeMode,
};
use lmd_inspector::networks::executors::candle::CandleDenoiser;
use lmd_inspector::networks::{Weights, executors::cpu::Isa};
use proptest::prelude::*;
use proptest::test_runner::TestRng;

use super::{call, denoiser, relative_difference};
use crate::networks::values;

/// Relative to the output's largest magnitude.
const TOLERANCE: f32 = 1e-4;

const EMBEDDING: usize = 12;

/// Draws networks; keeps account of the current activation.
struct Maker<'a> {
    rng: &'a mut TestRng,
    channels: usize,
    side: usize,
    /// How often the side was doubled; negative where it was halved.
    level: i32,
    /// Channels and sides of the skip stack.
    /// Activations side by side that the current one consists of: the kernels take four.
    parts: usize,
    /// Channels, side and parts.
    skips: Vec<(usize, usize, usize)>,
    image_size: usize,
    image_channels: usize,
    /// Channels and side of the image on the way in.
    image: (usize, usize),
    has_output: bool,
}

impl Maker<'_> {
    fn below(&mut self, count: usize) -> usize {
        self.rng.random_range(0..count)
    }

    fn weights(&mut self, shape: &[usize], scale: f32) -> Weights {
        let count = shape.iter().product();
        let seed = self.rng.random();
        Weights {
            shape: shape.to_vec(),
            values: values(count, seed)
                .into_iter()
                .map(|value| value * scale)
                .collect(),
        }
    }

    fn bias(&mut self, count: usize) -> Option<Weights> {
        (self.below(4) > 0).then(|| self.weights(&[count], 0.5))
    }

    fn linear(&mut self, outputs: usize, inputs: usize) -> Linear {
        Linear {
            weight: self.weights(&[outputs, inputs], (3.0 / inputs as f32).sqrt()),
            bias: self.bias(outputs),
        }
    }

    fn conv(&mut self, outputs: usize, inputs: usize, kernel: usize) -> Conv2d {
        let fan_in = (inputs * kernel * kernel) as f32;
        Conv2d {
            weight: self.weights(&[outputs, inputs, kernel, kernel], (3.0 / fan_in).sqrt()),
            bias: self.bias(outputs),
            stride: 1,
            padding: Padding::Same(kernel / 2),
        }
    }

    fn norm(&mut self, channels: usize) -> GroupNorm {
        let mut weight = self.weights(&[channels], 0.5);
        weight.values = weight.values.iter().map(|value| 1.0 + value).collect();
        GroupNorm {
            weight,
            bias: self.weights(&[channels], 0.5),
            num_groups: [1, 2, 4][self.below(3)],
            eps: 1e-5,
        }
    }

    fn some_channels(&mut self) -> usize {
        4 * [1, 3, 4, 5, 9][self.below(5)]
    }

    fn output_scale(&mut self) -> f64 {
        [1.0, 1.0, 0.7][self.below(3)]
    }

    fn resnet(&mut self) -> Stage {
        let inputs = self.channels;
        let outputs = if self.below(2) == 0 {
            inputs
        } else {
            self.some_channels()
        };
        let resample = match self.below(6) {
            0 if self.level >= 0 && self.side.is_multiple_of(2) => {
                let all = [ResnetResample::AverageDown, ResnetResample::FirDown];
                Some(all[self.below(2)])
            }
            1 if self.level <= 0 => {
                let all = [ResnetResample::NearestUp, ResnetResample::FirUp];
                Some(all[self.below(2)])
            }
            _ => None,
        };
        let (time_mode, factor) = if self.below(2) == 0 {
            (TimeMode::Add, 1)
        } else {
            (TimeMode::ScaleShift, 2)
        };
        let resnet = Resnet {
            norm1: self.norm(inputs),
            conv1: self.conv(outputs, inputs, 3),
            time_proj: self.linear(factor * outputs, EMBEDDING),
            time_mode,
            norm2: self.norm(outputs),
            conv2: self.conv(outputs, outputs, 3),
            shortcut: (outputs != inputs).then(|| self.conv(outputs, inputs, 1)),
            resample,
            output_scale: self.output_scale(),
        };
        self.channels = outputs;
        self.parts = 1;
        match resample {
            Some(ResnetResample::AverageDown | ResnetResample::FirDown) => self.halve(),
            Some(ResnetResample::NearestUp | ResnetResample::FirUp) => self.double(),
            None => {}
        }
        Stage::Resnet(Box::new(resnet))
    }

    fn attention(&mut self) -> Stage {
        let channels = self.channels;
        Stage::Attention(Box::new(Attention {
            group_norm: (self.below(4) > 0).then(|| self.norm(channels)),
            to_q: self.linear(channels, channels),
            to_k: self.linear(channels, channels),
            to_v: self.linear(channels, channels),
            to_out: self.linear(channels, channels),
            num_heads: [1, 2, 4][self.below(3)],
            output_scale: self.output_scale(),
        }))
    }

    fn halve(&mut self) {
        self.side /= 2;
        self.level -= 1;
    }

    fn double(&mut self) {
        self.side *= 2;
        self.level += 1;
    }

    fn downsample(&mut self) -> Stage {
        let outputs = self.some_channels();
        let mut conv = self.conv(outputs, self.channels, 3);
        conv.stride = 2;
        if self.below(2) == 0 {
            conv.padding = Padding::RightBottom;
        }
        self.channels = outputs;
        self.parts = 1;
        self.halve();
        Stage::Downsample(Resample { conv })
    }

    fn upsample(&mut self) -> Stage {
        let outputs = self.some_channels();
        let conv = self.conv(outputs, self.channels, 3);
        self.channels = outputs;
        self.parts = 1;
        self.double();
        Stage::Upsample(Resample { conv })
    }

    fn stage(&mut self) -> Option<Stage> {
        match self.below(10) {
            8 if self.image.1 == 2 * self.side => Some(self.input_image()),
            9 if 2 * self.side == self.image_size && !self.has_output => {
                self.has_output = true;
                Some(Stage::OutputSkip(Box::new(OutputSkip {
                    norm: self.norm(self.channels),
                    conv: self.conv(self.image_channels, self.channels, 3),
                })))
            }
            0 if self.side <= 20 => Some(self.attention()),
            1 if self.level >= 0 && self.side.is_multiple_of(2) => Some(self.downsample()),
            2 if self.level < 0 => Some(self.upsample()),
            3 | 4 => {
                self.skips.push((self.channels, self.side, self.parts));
                Some(Stage::PushSkip)
            }
            5 | 6
                if self.channels < 60
                    && (self.skips.last()).is_some_and(|&(_, side, parts)| {
                        side == self.side && self.parts + parts <= 4
                    }) =>
            {
                let (channels, _, parts) = self.skips.pop().unwrap();
                self.channels += channels;
                self.parts += parts;
                Some(Stage::ConcatSkip)
            }
            7 => Some(self.resnet()),
            _ => None,
        }
    }

    /// The image on the way in, added or merged.
    fn input_image(&mut self) -> Stage {
        let (channels, side) = (self.image.0, self.side);
        if self.below(2) == 0 {
            self.image = (channels, side);
            self.parts = 1;
            return Stage::InputSkip(self.conv(self.channels, channels, 1));
        }
        let mut conv = self.conv(self.channels, channels, 6);
        conv.stride = 2;
        conv.padding = Padding::Same(2);
        self.image = (self.channels, side);
        self.parts = 1;
        Stage::InputResidual(Box::new(InputResidual {
            conv,
            scale: self.output_scale(),
        }))
    }

    fn network(mut self, image_channels: usize) -> Network {
        let image_size = self.side;
        let channels = self.channels;
        let conv_in = self.conv(channels, image_channels, 3);
        let mut stages = Vec::new();
        while stages.len() < 9 {
            let Some(stage) = self.stage() else { continue };
            let concatenated = matches!(stage, Stage::ConcatSkip);
            stages.push(stage);
            if concatenated && self.below(3) > 0 {
                stages.push(self.resnet());
            }
        }
        if self.level < 0 {
            stages.push(self.upsample());
        } else if self.level > 0 {
            stages.push(self.downsample());
        }
        let num_channels = [8, 7][self.below(2)];
        Network {
            in_channels: image_channels,
            out_channels: image_channels,
            image_size,
            center_input: self.below(2) == 0,
            time: TimeEmbedding {
                num_channels,
                fourier: None,
                flip_sin_to_cos: self.below(2) == 0,
                freq_shift: self.below(2) as f64,
                max_period: 10_000.0,
                scale: [1.0, 0.25][self.below(2)],
                linear_1: self.linear(EMBEDDING, num_channels),
                linear_2: self.linear(EMBEDDING, EMBEDDING),
            },
            norm_out: self.norm(self.channels),
            conv_out: self.conv(image_channels, self.channels, 3),
            conv_in,
            stages,
            divides_by_noise: false,
        }
    }
}

pub(crate) fn networks() -> impl Strategy<Value = Network> {
    let sides = prop::sample::select(vec![8, 11, 12, 16, 17, 28, 30]);
    (sides, prop::sample::select(vec![1, 3])).prop_perturb(|(side, image_channels), mut rng| {
        let mut maker = Maker {
            rng: &mut rng,
            channels: 0,
            side,
            level: 0,
            parts: 1,
            skips: Vec::new(),
            image_size: side,
            image_channels,
            image: (image_channels, side),
            has_output: false,
        };
        maker.channels = maker.some_channels();
        maker.network(image_channels)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn random_networks_agree_with_candle(network in networks(), batch in 1..=33_usize, threads in 1..=3_usize) {
        let pixels = network.image_size * network.image_size;
        // Large batches of small images only: this is a debug build.
        let batch = batch.min(4 * 1024 / pixels).max(1);
        let sample = values(batch * network.in_channels * pixels, 3);
        let timesteps: Vec<f32> = (0..batch).map(|i| 37.5 * (i / 2) as f32).collect();
        let mut candle = CandleDenoiser::new(&network, &Device::Cpu).unwrap();
        let expected = call(&mut candle, &sample, &timesteps);
        for isa in [Isa::detect(), Isa::Portable] {
            let mut denoiser = denoiser(&network, isa, threads);
            // Twice: the second call finds memory as the first left it.
            for _ in 0..2 {
                let got = call(&mut denoiser, &sample, &timesteps);
                let difference = relative_difference(&expected, &got);
                prop_assert!(difference < TOLERANCE, "{isa}: {difference} for {}", describe(&network));
            }
            let memory = denoiser.memory();
            prop_assert!(memory.activations * 2 <= memory.largest_live_set * 3, "{memory:?}");
        }
    }
}

pub(crate) fn describe(network: &Network) -> String {
    let stages: Vec<&str> = network
        .stages
        .iter()
        .map(|stage| match stage {
            Stage::Resnet(_) => "resnet",
            Stage::Attention(_) => "attention",
            Stage::Downsample(_) => "down",
            Stage::Upsample(_) => "up",
            Stage::PushSkip => "push",
            Stage::ConcatSkip => "concat",
            Stage::InputSkip(_) => "input skip",
            Stage::InputResidual(_) => "input residual",
            Stage::OutputSkip(_) => "output skip",
        })
        .collect();
    format!("{0}x{0}: {1}", network.image_size, stages.join(", "))
}
