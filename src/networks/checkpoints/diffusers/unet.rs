//! From a checked configuration and a weights file to the description.
//!
//! The order of layers is that of diffusers 0.42's `UNet2DModel`, `unet_2d_blocks.py` and `resnet.py`.

use super::config::{Block, MidBlock, Resampling, UnetConfig};
use crate::networks::checkpoints::tensors::TensorSource;
use crate::networks::description::{
    Attention, Conv2d, GroupNorm, Network, Resample, Resnet, ResnetResample, Stage, TimeEmbedding,
    TimeMode,
};

/// Take every tensor of the network; complaints are collected by `weights`.
pub(super) fn build(config: &UnetConfig, weights: &mut dyn TensorSource) -> Network {
    let mut builder = Builder {
        config,
        weights,
        stages: vec![Stage::PushSkip],
    };
    let first = config.block_out_channels[0];
    let time_dim = config.time_embedding_dim;
    let conv_in = builder.weights.conv("conv_in", [config.channels, first, 3]);
    let time = TimeEmbedding {
        num_channels: first,
        flip_sin_to_cos: config.flip_sin_to_cos,
        freq_shift: config.freq_shift,
        max_period: 10_000.0,
        scale: 1.0,
        linear_1: builder
            .weights
            .linear("time_embedding.linear_1", first, time_dim),
        linear_2: builder
            .weights
            .linear("time_embedding.linear_2", time_dim, time_dim),
    };
    builder.down();
    if let Some(mid) = &config.mid_block {
        builder.mid(mid);
    }
    builder.up();
    let norm_out = builder.norm("conv_norm_out", first, config.norm_num_groups);
    let conv_out = builder
        .weights
        .conv("conv_out", [first, config.channels, 3]);
    Network {
        in_channels: config.channels,
        out_channels: config.channels,
        image_size: config.image_size,
        center_input: config.center_input,
        time,
        conv_in,
        stages: builder.stages,
        norm_out,
        conv_out,
    }
}

struct Builder<'a> {
    config: &'a UnetConfig,
    weights: &'a mut dyn TensorSource,
    stages: Vec<Stage>,
}

impl Builder<'_> {
    fn down(&mut self) {
        let channels = &self.config.block_out_channels;
        let mut inputs = channels[0];
        for (i, (block, &outputs)) in self.config.down_blocks.iter().zip(channels).enumerate() {
            let prefix = format!("down_blocks.{i}");
            for j in 0..self.config.layers_per_block {
                self.layer(&prefix, *block, j, inputs, outputs);
                self.stages.push(Stage::PushSkip);
                inputs = outputs;
            }
            if i + 1 < channels.len() {
                self.downsample(&prefix, *block, outputs);
                self.stages.push(Stage::PushSkip);
            }
        }
    }

    fn mid(&mut self, mid: &MidBlock) {
        let channels = self.config.block_out_channels[self.config.block_out_channels.len() - 1];
        let scale = 1.0 / mid.scale_factor;
        for j in 0..2 {
            let prefix = format!("mid_block.resnets.{j}");
            let mut resnet = self.resnet(&prefix, channels, channels, None);
            resnet.output_scale = scale;
            self.stages.push(Stage::Resnet(Box::new(resnet)));
            if j == 0 && mid.attention {
                let groups = mid.attention_groups;
                let mut attention = self.attention("mid_block.attentions.0", channels, groups);
                attention.output_scale = scale;
                self.stages.push(Stage::Attention(Box::new(attention)));
            }
        }
    }

    fn up(&mut self) {
        let channels: Vec<usize> = self
            .config
            .block_out_channels
            .iter()
            .rev()
            .copied()
            .collect();
        let mut inputs = channels[0];
        for (i, (block, &outputs)) in self.config.up_blocks.iter().zip(&channels).enumerate() {
            let prefix = format!("up_blocks.{i}");
            let num_layers = self.config.layers_per_block + 1;
            for j in 0..num_layers {
                // The last resnet meets the skip that the block below was given.
                let below = channels[(i + 1).min(channels.len() - 1)];
                let skip = if j + 1 == num_layers { below } else { outputs };
                self.stages.push(Stage::ConcatSkip);
                self.layer(&prefix, *block, j, inputs + skip, outputs);
                inputs = outputs;
            }
            if i + 1 < channels.len() {
                self.upsample(&prefix, *block, outputs);
            }
        }
    }

    /// One resnet, and its attention where the block has them.
    fn layer(&mut self, prefix: &str, block: Block, j: usize, inputs: usize, outputs: usize) {
        let resnet = self.resnet(&format!("{prefix}.resnets.{j}"), inputs, outputs, None);
        self.stages.push(Stage::Resnet(Box::new(resnet)));
        if block.attention {
            let groups = Some(self.config.norm_num_groups);
            let attention = self.attention(&format!("{prefix}.attentions.{j}"), outputs, groups);
            self.stages.push(Stage::Attention(Box::new(attention)));
        }
    }

    fn downsample(&mut self, prefix: &str, block: Block, channels: usize) {
        let prefix = format!("{prefix}.downsamplers.0");
        let stage = match block.resampling {
            Resampling::Conv => {
                let padding = self.config.downsample_padding;
                let conv = self
                    .weights
                    .conv(&format!("{prefix}.conv"), [channels, channels, 3]);
                Stage::Downsample(Resample {
                    conv: Conv2d {
                        stride: 2,
                        padding,
                        ..conv
                    },
                })
            }
            Resampling::Resnet => {
                let resample = Some(ResnetResample::AverageDown);
                Stage::Resnet(Box::new(self.resnet(&prefix, channels, channels, resample)))
            }
        };
        self.stages.push(stage);
    }

    fn upsample(&mut self, prefix: &str, block: Block, channels: usize) {
        let prefix = format!("{prefix}.upsamplers.0");
        let stage = match block.resampling {
            Resampling::Conv => {
                let name = format!("{prefix}.conv");
                let conv = self.weights.conv(&name, [channels, channels, 3]);
                Stage::Upsample(Resample { conv })
            }
            Resampling::Resnet => {
                let resample = Some(ResnetResample::NearestUp);
                Stage::Resnet(Box::new(self.resnet(&prefix, channels, channels, resample)))
            }
        };
        self.stages.push(stage);
    }

    fn resnet(
        &mut self,
        prefix: &str,
        inputs: usize,
        outputs: usize,
        resample: Option<ResnetResample>,
    ) -> Resnet {
        let groups = self.config.norm_num_groups;
        let time_mode = self.config.time_mode;
        let time_outputs = match time_mode {
            TimeMode::Add => outputs,
            TimeMode::ScaleShift => 2 * outputs,
        };
        let time_inputs = self.config.time_embedding_dim;
        Resnet {
            norm1: self.norm(&format!("{prefix}.norm1"), inputs, groups),
            conv1: self
                .weights
                .conv(&format!("{prefix}.conv1"), [inputs, outputs, 3]),
            time_proj: self.weights.linear(
                &format!("{prefix}.time_emb_proj"),
                time_inputs,
                time_outputs,
            ),
            time_mode,
            norm2: self.norm(&format!("{prefix}.norm2"), outputs, groups),
            conv2: self
                .weights
                .conv(&format!("{prefix}.conv2"), [outputs, outputs, 3]),
            shortcut: (inputs != outputs).then(|| {
                let name = format!("{prefix}.conv_shortcut");
                self.weights.conv(&name, [inputs, outputs, 1])
            }),
            resample,
            output_scale: 1.0,
        }
    }

    fn attention(&mut self, prefix: &str, channels: usize, groups: Option<usize>) -> Attention {
        let mut project = |name: &str| {
            self.weights
                .linear(&format!("{prefix}.{name}"), channels, channels)
        };
        let (to_q, to_k, to_v) = (project("to_q"), project("to_k"), project("to_v"));
        let to_out = project("to_out.0");
        Attention {
            group_norm: groups
                .map(|groups| self.norm(&format!("{prefix}.group_norm"), channels, groups)),
            to_q,
            to_k,
            to_v,
            to_out,
            num_heads: channels / self.config.head_dim(channels),
            output_scale: 1.0,
        }
    }

    fn norm(&mut self, name: &str, channels: usize, num_groups: usize) -> GroupNorm {
        let eps = self.config.norm_eps;
        self.weights.norm(name, channels, num_groups, eps)
    }
}
