//! From modules and settings to the description, taking every tensor by its name.

use super::modules::{Module, Modules, Shortcut};
use super::settings::Settings;
use super::{FOURIER, MODULES};
use crate::networks::checkpoints::tensors::TensorSource;
use crate::networks::description::{
    Attention, Conv2d, GroupNorm, InputResidual, Linear, Network, OutputSkip, Padding, Resample,
    Resnet, ResnetResample, Stage, TimeEmbedding, TimeMode,
};
use crate::networks::weights::Weights;

/// Take every tensor of the network; complaints are collected by `weights`.
pub(super) fn build(
    modules: &Modules,
    settings: &Settings,
    weights: &mut dyn TensorSource,
) -> Network {
    let (width, image_channels) = (modules.width, modules.image_channels);
    let mut builder = Builder {
        modules,
        settings,
        weights,
        stages: vec![Stage::PushSkip],
        channels: width,
        skips: vec![width],
    };
    let first = modules.first();
    let fourier = modules.fourier;
    let fourier = fourier.map(|frequencies| builder.weights.take(FOURIER, &[frequencies]));
    let num_waves = modules.fourier.map_or(width, |frequencies| 2 * frequencies);
    let time = TimeEmbedding {
        num_channels: num_waves,
        fourier,
        flip_sin_to_cos: false,
        freq_shift: 1.0,
        max_period: 10_000.0,
        scale: 1.0,
        linear_1: builder
            .weights
            .linear(&format!("{MODULES}{}", first - 3), num_waves, 4 * width),
        linear_2: builder
            .weights
            .linear(&format!("{MODULES}{}", first - 2), 4 * width, 4 * width),
    };
    let conv_in = builder.weights.conv(
        &format!("{MODULES}{}", first - 1),
        [image_channels, width, 3],
    );
    builder.down();
    builder.middle();
    builder.up();
    let end = first + modules.body.len();
    let channels = modules.last_channels;
    let norm_out = builder.norm(&format!("{MODULES}{end}"), channels);
    let conv_out = builder.weights.conv(
        &format!("{MODULES}{}", end + 1),
        [channels, image_channels, 3],
    );
    Network {
        in_channels: image_channels,
        out_channels: image_channels,
        image_size: settings.image_size,
        center_input: settings.centers_input(),
        time,
        conv_in,
        stages: builder.stages,
        norm_out,
        conv_out,
        divides_by_noise: settings.divides_by_noise(),
    }
}

struct Builder<'a> {
    modules: &'a Modules,
    settings: &'a Settings,
    weights: &'a mut dyn TensorSource,
    stages: Vec<Stage>,
    /// Of the current activation.
    channels: usize,
    /// Channels of what is on the skip stack.
    skips: Vec<usize>,
}

impl Builder<'_> {
    fn down(&mut self) {
        let body = &self.modules.body[..self.modules.middle];
        for (index, module) in body.iter().enumerate() {
            let name = self.name(index);
            match module {
                Module::Attention => self.attention(&name),
                Module::Resnet { .. } => {
                    let resample = module.resamples().then_some(if self.settings.fir {
                        ResnetResample::FirDown
                    } else {
                        ResnetResample::AverageDown
                    });
                    self.resnet(&name, *module, resample);
                }
                Module::InputSkip => {
                    let size = [self.modules.image_channels, self.channels, 1];
                    let conv = self.weights.conv(&format!("{name}.Conv_0"), size);
                    self.stages.push(Stage::InputSkip(conv));
                }
                Module::InputResidual { inputs, outputs } => {
                    let size = [*inputs, *outputs, 3];
                    let conv = self.weights.conv(&format!("{name}.Conv2d_0"), size);
                    self.stages
                        .push(Stage::InputResidual(Box::new(InputResidual {
                            conv: after_filter(&conv),
                            scale: self.settings.residual_scale(),
                        })));
                }
                // Of the way up.
                Module::OutputNorm | Module::OutputConv => {}
                Module::Resample => {
                    let conv = self
                        .weights
                        .conv(&format!("{name}.Conv_0"), [self.channels, self.channels, 3]);
                    self.stages.push(Stage::Downsample(Resample {
                        conv: Conv2d {
                            stride: 2,
                            padding: Padding::RightBottom,
                            ..conv
                        },
                    }));
                }
            }
            // Attention and an image that is added belong to the resnet before them.
            let belongs = matches!(
                body.get(index + 1),
                Some(Module::Attention | Module::InputSkip | Module::InputResidual { .. })
            );
            if !belongs {
                self.stages.push(Stage::PushSkip);
                self.skips.push(self.channels);
            }
        }
    }

    fn middle(&mut self) {
        let middle = self.modules.middle;
        for (index, module) in self.modules.body.iter().enumerate().skip(middle).take(3) {
            let name = self.name(index);
            match module {
                Module::Resnet { .. } => self.resnet(&name, *module, None),
                _ => self.attention(&name),
            }
        }
    }

    fn up(&mut self) {
        let up = self.modules.middle + 3;
        for (index, module) in self.modules.body.iter().enumerate().skip(up) {
            let name = self.name(index);
            match module {
                Module::Attention => self.attention(&name),
                Module::Resnet { .. } if module.resamples() => {
                    let resample = if self.settings.fir {
                        ResnetResample::FirUp
                    } else {
                        ResnetResample::NearestUp
                    };
                    self.resnet(&name, *module, Some(resample));
                }
                Module::OutputNorm => {
                    let norm = self.norm(&name, self.channels);
                    let size = [self.channels, self.modules.image_channels, 3];
                    let conv = self.weights.conv(&self.name(index + 1), size);
                    self.stages
                        .push(Stage::OutputSkip(Box::new(OutputSkip { norm, conv })));
                }
                // Taken with the normalization before it, or of the way down.
                Module::OutputConv | Module::InputSkip | Module::InputResidual { .. } => {}
                Module::Resnet { .. } => {
                    self.stages.push(Stage::ConcatSkip);
                    // A stack that runs empty shows as a misfit of the resnet's shape.
                    self.channels += self.skips.pop().unwrap_or_default();
                    self.resnet(&name, *module, None);
                }
                Module::Resample => {
                    let conv = self
                        .weights
                        .conv(&format!("{name}.Conv_0"), [self.channels, self.channels, 3]);
                    self.stages.push(Stage::Upsample(Resample { conv }));
                }
            }
        }
    }

    /// Of a module of the body.
    fn name(&self, index: usize) -> String {
        format!("{MODULES}{}", self.modules.first() + index)
    }

    fn resnet(&mut self, name: &str, module: Module, resample: Option<ResnetResample>) {
        let Module::Resnet {
            outputs, shortcut, ..
        } = module
        else {
            return;
        };
        let inputs = self.channels;
        let resnet = Resnet {
            norm1: self.norm(&format!("{name}.GroupNorm_0"), inputs),
            conv1: self
                .weights
                .conv(&format!("{name}.Conv_0"), [inputs, outputs, 3]),
            time_proj: self.weights.linear(
                &format!("{name}.Dense_0"),
                4 * self.modules.width,
                outputs,
            ),
            time_mode: TimeMode::Add,
            norm2: self.norm(&format!("{name}.GroupNorm_1"), outputs),
            conv2: self
                .weights
                .conv(&format!("{name}.Conv_1"), [outputs, outputs, 3]),
            shortcut: match shortcut {
                Shortcut::None => None,
                Shortcut::Conv => Some(
                    self.weights
                        .conv(&format!("{name}.Conv_2"), [inputs, outputs, 1]),
                ),
                Shortcut::Matrix => {
                    let Linear { weight, bias } =
                        self.nin(&format!("{name}.NIN_0"), inputs, outputs);
                    Some(Conv2d {
                        weight: Weights {
                            shape: vec![outputs, inputs, 1, 1],
                            ..weight
                        },
                        bias,
                        stride: 1,
                        padding: Padding::Same(0),
                    })
                }
            },
            resample,
            output_scale: self.settings.residual_scale(),
        };
        self.stages.push(Stage::Resnet(Box::new(resnet)));
        self.channels = outputs;
    }

    fn attention(&mut self, name: &str) {
        let channels = self.channels;
        let attention = Attention {
            group_norm: Some(self.norm(&format!("{name}.GroupNorm_0"), channels)),
            to_q: self.nin(&format!("{name}.NIN_0"), channels, channels),
            to_k: self.nin(&format!("{name}.NIN_1"), channels, channels),
            to_v: self.nin(&format!("{name}.NIN_2"), channels, channels),
            to_out: self.nin(&format!("{name}.NIN_3"), channels, channels),
            num_heads: 1,
            output_scale: self.settings.residual_scale(),
        };
        self.stages.push(Stage::Attention(Box::new(attention)));
    }

    /// A layer for each pixel, whose matrix the file has as (in, out).
    fn nin(&mut self, name: &str, inputs: usize, outputs: usize) -> Linear {
        let stored = self.weights.take(&format!("{name}.W"), &[inputs, outputs]);
        let values: Vec<f32> = (0..outputs)
            .flat_map(|output| stored.values.iter().skip(output).step_by(outputs).copied())
            .collect();
        Linear {
            weight: Weights {
                shape: vec![outputs, inputs],
                values: values.into(),
            },
            bias: Some(self.weights.take(&format!("{name}.b"), &[outputs])),
        }
    }

    fn norm(&mut self, name: &str, channels: usize) -> GroupNorm {
        let num_groups = self.settings.num_groups(channels);
        self.weights.norm(name, channels, num_groups, 1e-6)
    }
}

/// A 3x3 convolution of stride 2 without padding after the filter [1, 3, 3, 1] with two zeros around the image, as one
/// convolution (`conv_downsample_2d`).
fn after_filter(conv: &Conv2d) -> Conv2d {
    const FILTER: [f64; 4] = [0.125, 0.375, 0.375, 0.125];
    const SIDE: usize = 6;
    let Weights { shape, values } = &conv.weight;
    let kernels = values.chunks_exact(9).flat_map(|kernel| {
        let mut filtered = [0.0; SIDE * SIDE];
        for (at, &weight) in kernel.iter().enumerate() {
            let (y, x) = (at / 3, at % 3);
            for (j, a) in FILTER.iter().enumerate() {
                for (i, b) in FILTER.iter().enumerate() {
                    filtered[(y + j) * SIDE + x + i] += f64::from(weight) * a * b;
                }
            }
        }
        filtered.map(|value| value as f32)
    });
    Conv2d {
        weight: Weights {
            shape: vec![shape[0], shape[1], SIDE, SIDE],
            values: kernels.collect(),
        },
        bias: conv.bias.clone(),
        stride: 2,
        padding: Padding::Same(2),
    }
}
