//! From modules and settings to the description, taking every tensor by its name.

use super::MODULES;
use super::modules::{FIRST, Module, Modules, Shortcut};
use super::settings::Settings;
use crate::networks::checkpoints::tensors::TensorSource;
use crate::networks::description::{
    Attention, Conv2d, GroupNorm, Linear, Network, Padding, Resample, Resnet, ResnetResample,
    Stage, TimeEmbedding, TimeMode,
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
    let time = TimeEmbedding {
        num_channels: width,
        flip_sin_to_cos: false,
        freq_shift: 1.0,
        max_period: 10_000.0,
        scale: 1.0,
        linear_1: builder
            .weights
            .linear(&format!("{MODULES}0"), width, 4 * width),
        linear_2: builder
            .weights
            .linear(&format!("{MODULES}1"), 4 * width, 4 * width),
    };
    let conv_in = builder
        .weights
        .conv(&format!("{MODULES}2"), [image_channels, width, 3]);
    builder.down();
    builder.middle();
    builder.up();
    let end = FIRST + modules.body.len();
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
        center_input: false,
        time,
        conv_in,
        stages: builder.stages,
        norm_out,
        conv_out,
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
            let name = format!("{MODULES}{}", FIRST + index);
            match module {
                Module::Attention => self.attention(&name),
                Module::Resnet { .. } => {
                    let resample = module.resamples().then_some(ResnetResample::AverageDown);
                    self.resnet(&name, *module, resample);
                }
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
            // An attention belongs to the resnet before it.
            if body.get(index + 1) != Some(&Module::Attention) {
                self.stages.push(Stage::PushSkip);
                self.skips.push(self.channels);
            }
        }
    }

    fn middle(&mut self) {
        let middle = self.modules.middle;
        for (index, module) in self.modules.body.iter().enumerate().skip(middle).take(3) {
            let name = format!("{MODULES}{}", FIRST + index);
            match module {
                Module::Resnet { .. } => self.resnet(&name, *module, None),
                Module::Attention | Module::Resample => self.attention(&name),
            }
        }
    }

    fn up(&mut self) {
        let up = self.modules.middle + 3;
        for (index, module) in self.modules.body.iter().enumerate().skip(up) {
            let name = format!("{MODULES}{}", FIRST + index);
            match module {
                Module::Attention => self.attention(&name),
                Module::Resnet { .. } if module.resamples() => {
                    self.resnet(&name, *module, Some(ResnetResample::NearestUp));
                }
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
