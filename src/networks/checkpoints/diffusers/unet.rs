//! From a checked configuration and a weights file to the description.
//!
//! The order of layers is that of diffusers 0.42's `UNet2DModel`, `unet_2d_blocks.py` and `resnet.py`.

use super::config::{Block, MidBlock, Resampling, SKIP_ATTENTION_GROUPS, UnetConfig, quarter};
use crate::networks::checkpoints::tensors::TensorSource;
use crate::networks::description::{
    Attention, Conv2d, GroupNorm, Network, OutputSkip, Resample, Resnet, ResnetResample, Stage,
    TimeEmbedding, TimeMode,
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
    let num_waves = if config.is_told_noise {
        2 * first
    } else {
        first
    };
    let time = TimeEmbedding {
        num_channels: num_waves,
        flip_sin_to_cos: config.flip_sin_to_cos,
        freq_shift: config.freq_shift,
        max_period: 10_000.0,
        scale: 1.0,
        linear_1: builder
            .weights
            .linear("time_embedding.linear_1", num_waves, time_dim),
        linear_2: builder
            .weights
            .linear("time_embedding.linear_2", time_dim, time_dim),
        fourier: (config.is_told_noise).then(|| builder.weights.take("time_proj.weight", &[first])),
    };
    builder.down();
    if let Some(mid) = &config.mid_block {
        builder.mid(mid);
    }
    builder.up();
    let norm_out = builder.norm("conv_norm_out", first, builder.groups(first));
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
        divides_by_noise: config.is_told_noise,
    }
}

/// Factor on the sums of a block's layers.
fn scale_of(block: Block) -> f64 {
    if block.is_skip() {
        std::f64::consts::FRAC_1_SQRT_2
    } else {
        1.0
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
                self.layer(
                    &format!("{prefix}.resnets.{j}"),
                    *block,
                    [inputs, 0, outputs],
                );
                if block.attention {
                    self.block_attention(&format!("{prefix}.attentions.{j}"), *block, outputs);
                }
                self.stages.push(Stage::PushSkip);
                inputs = outputs;
            }
            if i + 1 < channels.len() {
                self.downsample(&prefix, *block, outputs);
                if block.is_skip() {
                    let size = [self.config.channels, outputs, 1];
                    let conv = self.weights.conv(&format!("{prefix}.skip_conv"), size);
                    self.stages.push(Stage::InputSkip(conv));
                }
                self.stages.push(Stage::PushSkip);
            }
        }
    }

    fn mid(&mut self, mid: &MidBlock) {
        let channels = self.config.block_out_channels[self.config.block_out_channels.len() - 1];
        let scale = 1.0 / mid.scale_factor;
        for j in 0..2 {
            let prefix = format!("mid_block.resnets.{j}");
            let groups = self.groups(channels);
            let mut resnet = self.resnet(&prefix, [channels; 2], [groups; 2], None);
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
                let attends = block.attention && (!block.is_skip() || j + 1 == num_layers);
                let channels = [inputs, skip, outputs];
                self.layer(&format!("{prefix}.resnets.{j}"), *block, channels);
                if attends {
                    // Those of skip blocks have one attention.
                    let j = if block.is_skip() { 0 } else { j };
                    self.block_attention(&format!("{prefix}.attentions.{j}"), *block, outputs);
                }
                inputs = outputs;
            }
            if block.is_skip() && i + 1 < channels.len() {
                let norm = self.norm(&format!("{prefix}.skip_norm"), outputs, quarter(outputs));
                let size = [outputs, self.config.channels, 3];
                let conv = self.weights.conv(&format!("{prefix}.skip_conv"), size);
                self.stages
                    .push(Stage::OutputSkip(Box::new(OutputSkip { norm, conv })));
            }
            if i + 1 < channels.len() {
                self.upsample(&prefix, *block, outputs);
            }
        }
    }

    /// A resnet that takes so many channels from below and so many of a skip, and gives so many.
    fn layer(&mut self, name: &str, block: Block, [below, skip, outputs]: [usize; 3]) {
        let inputs = below + skip;
        let groups = match (block.is_skip(), block.attention && skip > 0) {
            (false, _) => [self.groups(inputs), self.groups(outputs)],
            (true, false) => [quarter(inputs), quarter(outputs)],
            // diffusers divides only one of the two terms there.
            (true, true) => [
                (below + skip / 4).clamp(1, SKIP_ATTENTION_GROUPS),
                quarter(outputs),
            ],
        };
        let mut resnet = self.resnet(name, [inputs, outputs], groups, None);
        resnet.output_scale = scale_of(block);
        self.stages.push(Stage::Resnet(Box::new(resnet)));
    }

    fn block_attention(&mut self, name: &str, block: Block, channels: usize) {
        let groups = if block.is_skip() {
            SKIP_ATTENTION_GROUPS
        } else {
            self.groups(channels)
        };
        let mut attention = self.attention(name, channels, Some(groups));
        attention.output_scale = scale_of(block);
        self.stages.push(Stage::Attention(Box::new(attention)));
    }

    /// Groups of a normalization outside of skip blocks.
    fn groups(&self, channels: usize) -> usize {
        (self.config.norm_num_groups).unwrap_or_else(|| quarter(channels))
    }

    /// A resnet that resamples, as a stage.
    fn resampling(&mut self, name: &str, block: Block, channels: usize, by: ResnetResample) {
        let groups = if block.is_skip() {
            quarter(channels)
        } else {
            self.groups(channels)
        };
        let mut resnet = self.resnet(name, [channels; 2], [groups; 2], Some(by));
        if block.is_skip() {
            let name = format!("{name}.conv_shortcut");
            resnet.shortcut = Some(self.weights.conv(&name, [channels, channels, 1]));
        }
        resnet.output_scale = scale_of(block);
        self.stages.push(Stage::Resnet(Box::new(resnet)));
    }

    fn downsample(&mut self, prefix: &str, block: Block, channels: usize) {
        match block.resampling {
            Resampling::Conv => {
                let prefix = format!("{prefix}.downsamplers.0");
                let padding = self.config.downsample_padding;
                let conv = self
                    .weights
                    .conv(&format!("{prefix}.conv"), [channels, channels, 3]);
                self.stages.push(Stage::Downsample(Resample {
                    conv: Conv2d {
                        stride: 2,
                        padding,
                        ..conv
                    },
                }));
            }
            Resampling::Resnet => {
                let name = format!("{prefix}.downsamplers.0");
                self.resampling(&name, block, channels, ResnetResample::AverageDown);
            }
            Resampling::Skip => {
                let name = format!("{prefix}.resnet_down");
                self.resampling(&name, block, channels, ResnetResample::FirDown);
            }
        }
    }

    fn upsample(&mut self, prefix: &str, block: Block, channels: usize) {
        match block.resampling {
            Resampling::Conv => {
                let name = format!("{prefix}.upsamplers.0.conv");
                let conv = self.weights.conv(&name, [channels, channels, 3]);
                self.stages.push(Stage::Upsample(Resample { conv }));
            }
            Resampling::Resnet => {
                let name = format!("{prefix}.upsamplers.0");
                self.resampling(&name, block, channels, ResnetResample::NearestUp);
            }
            Resampling::Skip => {
                let name = format!("{prefix}.resnet_up");
                self.resampling(&name, block, channels, ResnetResample::FirUp);
            }
        }
    }

    fn resnet(
        &mut self,
        prefix: &str,
        [inputs, outputs]: [usize; 2],
        [groups, groups_out]: [usize; 2],
        resample: Option<ResnetResample>,
    ) -> Resnet {
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
            norm2: self.norm(&format!("{prefix}.norm2"), outputs, groups_out),
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
