//! From layout and settings to the description, taking every tensor by its name in the file.
//!
//! The order of layers is that of `guided_diffusion/unet.py` at 22e0df8; improved-diffusion's is the same.

use super::layout::{Block, Layout, NUM_GROUPS, Resampling};
use super::settings::Settings;
use crate::networks::checkpoints::tensors::TensorSource;
use crate::networks::description::{
    Attention, Conv2d, GroupNorm, Linear, Network, Resample, Resnet, ResnetResample, Stage,
    TimeEmbedding, TimeMode,
};
use crate::networks::weights::Weights;

/// Take every tensor of the network; complaints are collected by `weights`.
pub(super) fn build(
    layout: &Layout,
    settings: &Settings,
    weights: &mut dyn TensorSource,
) -> Network {
    let mut builder = Builder {
        layout,
        settings,
        weights,
        stages: vec![Stage::PushSkip],
        channels: layout.width,
        skips: vec![layout.width],
    };
    let (width, image_channels) = (layout.width, layout.image_channels);
    let time = TimeEmbedding {
        num_channels: width,
        fourier: None,
        flip_sin_to_cos: true,
        freq_shift: 0.0,
        max_period: 10_000.0,
        scale: settings.time_scale(),
        linear_1: builder.weights.linear("time_embed.0", width, 4 * width),
        linear_2: builder.weights.linear("time_embed.2", 4 * width, 4 * width),
    };
    let conv_in = builder
        .weights
        .conv("input_blocks.0.0", [image_channels, width, 3]);
    builder.down();
    builder.middle();
    builder.up();
    let norm_out = builder.norm("out.0", builder.channels);
    let num_outputs = image_channels * if layout.learns_variance { 2 } else { 1 };
    let conv_out = builder
        .weights
        .conv("out.2", [builder.channels, num_outputs, 3]);
    Network {
        in_channels: image_channels,
        out_channels: image_channels,
        image_size: settings.image_size,
        center_input: false,
        time,
        conv_in,
        stages: builder.stages,
        norm_out,
        conv_out: first_outputs(&conv_out, image_channels),
        divides_by_noise: false,
    }
}

/// The noise is in the first outputs; the others, for the variance, are not computed.
fn first_outputs(conv: &Conv2d, count: usize) -> Conv2d {
    let bias = conv.bias.as_ref().map(|bias| first_rows(bias, count));
    Conv2d {
        weight: first_rows(&conv.weight, count),
        bias,
        ..*conv
    }
}

fn first_rows(weights: &Weights, count: usize) -> Weights {
    gathered(weights, 0..count)
}

/// The rows of a tensor at these places, each once; all of a placeholder without values.
fn gathered(weights: &Weights, rows: impl Iterator<Item = usize>) -> Weights {
    let row_shape = weights.shape.get(1..).unwrap_or_default();
    let row_len: usize = row_shape.iter().product();
    let mut num_rows = 0;
    let mut values = Vec::new();
    for row in rows {
        num_rows += 1;
        let at = row * row_len;
        values.extend_from_slice(weights.values.get(at..at + row_len).unwrap_or_default());
    }
    Weights {
        shape: std::iter::once(num_rows)
            .chain(row_shape.iter().copied())
            .collect(),
        values: values.into(),
    }
}

struct Builder<'a> {
    layout: &'a Layout,
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
        for (index, block) in self.layout.input_blocks.iter().enumerate() {
            let prefix = format!("input_blocks.{}", index + 1);
            match block {
                Block::Layer {
                    channels, attends, ..
                } => self.layer(&prefix, *channels, *attends),
                Block::Down(Resampling::Conv) => {
                    let conv = self
                        .weights
                        .conv(&format!("{prefix}.0.op"), [self.channels, self.channels, 3]);
                    self.stages.push(Stage::Downsample(Resample {
                        conv: Conv2d { stride: 2, ..conv },
                    }));
                }
                Block::Down(Resampling::Resnet) => {
                    let resample = Some(ResnetResample::AverageDown);
                    self.resnet(&format!("{prefix}.0"), self.channels, resample);
                }
            }
            self.stages.push(Stage::PushSkip);
            self.skips.push(self.channels);
        }
    }

    fn middle(&mut self) {
        let last = if self.layout.middle_attends { 2 } else { 1 };
        self.resnet("middle_block.0", self.channels, None);
        if self.layout.middle_attends {
            self.attention("middle_block.1");
        }
        self.resnet(&format!("middle_block.{last}"), self.channels, None);
    }

    fn up(&mut self) {
        for (index, block) in self.layout.output_blocks.iter().enumerate() {
            let Block::Layer {
                channels,
                attends,
                up,
            } = *block
            else {
                continue;
            };
            let prefix = format!("output_blocks.{index}");
            self.stages.push(Stage::ConcatSkip);
            // A stack that runs empty shows as a misfit of the resnet's shape.
            self.channels += self.skips.pop().unwrap_or_default();
            self.layer(&prefix, channels, attends);
            let last = format!("{prefix}.{}", if attends { 2 } else { 1 });
            match up {
                None => {}
                Some(Resampling::Conv) => {
                    let conv = self
                        .weights
                        .conv(&format!("{last}.conv"), [channels, channels, 3]);
                    self.stages.push(Stage::Upsample(Resample { conv }));
                }
                Some(Resampling::Resnet) => {
                    self.resnet(&last, channels, Some(ResnetResample::NearestUp));
                }
            }
        }
    }

    fn layer(&mut self, prefix: &str, channels: usize, attends: bool) {
        self.resnet(&format!("{prefix}.0"), channels, None);
        if attends {
            self.attention(&format!("{prefix}.1"));
        }
    }

    fn resnet(&mut self, prefix: &str, outputs: usize, resample: Option<ResnetResample>) {
        let inputs = self.channels;
        let (time_mode, num_times) = if self.layout.scale_shift {
            (TimeMode::ScaleShift, 2 * outputs)
        } else {
            (TimeMode::Add, outputs)
        };
        let resnet = Resnet {
            norm1: self.norm(&format!("{prefix}.in_layers.0"), inputs),
            conv1: self
                .weights
                .conv(&format!("{prefix}.in_layers.2"), [inputs, outputs, 3]),
            time_proj: self.weights.linear(
                &format!("{prefix}.emb_layers.1"),
                4 * self.layout.width,
                num_times,
            ),
            time_mode,
            norm2: self.norm(&format!("{prefix}.out_layers.0"), outputs),
            conv2: self
                .weights
                .conv(&format!("{prefix}.out_layers.3"), [outputs, outputs, 3]),
            shortcut: (inputs != outputs).then(|| {
                self.weights
                    .conv(&format!("{prefix}.skip_connection"), [inputs, outputs, 1])
            }),
            resample,
            output_scale: 1.0,
        };
        self.stages.push(Stage::Resnet(Box::new(resnet)));
        self.channels = outputs;
    }

    fn attention(&mut self, prefix: &str) {
        let channels = self.channels;
        let num_heads = self.settings.num_heads(channels);
        let group_norm = Some(self.norm(&format!("{prefix}.norm"), channels));
        let weight = self.weights.take(
            &format!("{prefix}.qkv.weight"),
            &[3 * channels, channels, 1],
        );
        let bias = self
            .weights
            .take(&format!("{prefix}.qkv.bias"), &[3 * channels]);
        let project = |part: usize| {
            let rows = || (0..channels).map(|row| self.settings.qkv_row(part, row, channels));
            Linear {
                weight: Weights {
                    shape: vec![channels, channels],
                    ..gathered(&weight, rows())
                },
                bias: Some(gathered(&bias, rows())),
            }
        };
        let (to_q, to_k, to_v) = (project(0), project(1), project(2));
        let out = format!("{prefix}.proj_out");
        let to_out = Linear {
            weight: Weights {
                shape: vec![channels, channels],
                ..self
                    .weights
                    .take(&format!("{out}.weight"), &[channels, channels, 1])
            },
            bias: Some(self.weights.take(&format!("{out}.bias"), &[channels])),
        };
        self.stages.push(Stage::Attention(Box::new(Attention {
            group_norm,
            to_q,
            to_k,
            to_v,
            to_out,
            num_heads,
            output_scale: 1.0,
        })));
    }

    fn norm(&mut self, name: &str, channels: usize) -> GroupNorm {
        self.weights.norm(name, channels, NUM_GROUPS, 1e-5)
    }
}
