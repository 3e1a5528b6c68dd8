//! What a network costs: parameters, and operations for one image and call.

use super::description::{
    Attention, Conv2d, GroupNorm, Linear, Network, Padding, Resnet, ResnetResample, Stage,
};
use super::weights::Weights;

impl Network {
    /// Number of weight values.
    pub fn num_parameters(&self) -> usize {
        let stages: usize = self.stages.iter().map(stage_parameters).sum();
        conv_parameters(&self.conv_in)
            + self.time.fourier.as_ref().map_or(0, Weights::len)
            + linear_parameters(&self.time.linear_1)
            + linear_parameters(&self.time.linear_2)
            + stages
            + norm_parameters(&self.norm_out)
            + conv_parameters(&self.conv_out)
    }

    /// Floating-point operations of one image's call: two for each multiply-add of the convolutions
    /// (computed directly), linear layers and attention products. Normalizations, activations and filters of resampling are
    /// not counted.
    pub fn flops_per_image(&self) -> u64 {
        let mut side = self.image_size;
        let mut macs = conv_macs(&self.conv_in, &mut side)
            + linear_macs(&self.time.linear_1)
            + linear_macs(&self.time.linear_2);
        for stage in &self.stages {
            macs += stage_macs(stage, &mut side);
        }
        macs += conv_macs(&self.conv_out, &mut side);
        2 * macs
    }
}

fn conv_parameters(conv: &Conv2d) -> usize {
    conv.weight.len() + conv.bias.as_ref().map_or(0, Weights::len)
}

fn linear_parameters(linear: &Linear) -> usize {
    linear.weight.len() + linear.bias.as_ref().map_or(0, Weights::len)
}

fn norm_parameters(norm: &GroupNorm) -> usize {
    norm.weight.len() + norm.bias.len()
}

fn stage_parameters(stage: &Stage) -> usize {
    match stage {
        Stage::Resnet(resnet) => {
            norm_parameters(&resnet.norm1)
                + conv_parameters(&resnet.conv1)
                + linear_parameters(&resnet.time_proj)
                + norm_parameters(&resnet.norm2)
                + conv_parameters(&resnet.conv2)
                + resnet.shortcut.as_ref().map_or(0, conv_parameters)
        }
        Stage::Attention(attention) => {
            attention.group_norm.as_ref().map_or(0, norm_parameters)
                + projections(attention).map(linear_parameters).sum::<usize>()
        }
        Stage::Downsample(resample) | Stage::Upsample(resample) => conv_parameters(&resample.conv),
        Stage::InputSkip(conv) => conv_parameters(conv),
        Stage::InputResidual(residual) => conv_parameters(&residual.conv),
        Stage::OutputSkip(skip) => norm_parameters(&skip.norm) + conv_parameters(&skip.conv),
        Stage::PushSkip | Stage::ConcatSkip => 0,
    }
}

fn projections(attention: &Attention) -> impl Iterator<Item = &Linear> {
    [
        &attention.to_q,
        &attention.to_k,
        &attention.to_v,
        &attention.to_out,
    ]
    .into_iter()
}

fn stage_macs(stage: &Stage, side: &mut usize) -> u64 {
    match stage {
        Stage::Resnet(resnet) => resnet_macs(resnet, side),
        Stage::Attention(attention) => {
            let pixels = (*side * *side) as u64;
            let channels = attention.to_v.weight.shape[0] as u64;
            let projected: u64 = projections(attention).map(linear_macs).sum();
            pixels * projected + 2 * pixels * pixels * channels
        }
        Stage::Downsample(resample) => conv_macs(&resample.conv, side),
        Stage::Upsample(resample) => {
            *side *= 2;
            conv_macs(&resample.conv, side)
        }
        Stage::InputSkip(conv) => conv_macs(conv, side),
        // It works on an image of the size before.
        Stage::InputResidual(residual) => conv_macs(&residual.conv, &mut (2 * *side)),
        Stage::OutputSkip(skip) => conv_macs(&skip.conv, side),
        Stage::PushSkip | Stage::ConcatSkip => 0,
    }
}

fn resnet_macs(resnet: &Resnet, side: &mut usize) -> u64 {
    match resnet.resample {
        Some(ResnetResample::AverageDown | ResnetResample::FirDown) => *side /= 2,
        Some(ResnetResample::NearestUp | ResnetResample::FirUp) => *side *= 2,
        None => {}
    }
    let shortcut = resnet
        .shortcut
        .as_ref()
        .map_or(0, |conv| conv_macs(conv, side));
    conv_macs(&resnet.conv1, side)
        + conv_macs(&resnet.conv2, side)
        + shortcut
        + linear_macs(&resnet.time_proj)
}

/// Multiply-adds on a square input of `side`, which becomes the output's.
fn conv_macs(conv: &Conv2d, side: &mut usize) -> u64 {
    let kernel = conv.weight.shape[2];
    let zeros = match conv.padding {
        Padding::Same(padding) => 2 * padding,
        Padding::RightBottom => 1,
    };
    *side = ((*side + zeros).saturating_sub(kernel)) / conv.stride + 1;
    weight_size(&conv.weight.shape) * (*side * *side) as u64
}

fn linear_macs(linear: &Linear) -> u64 {
    weight_size(&linear.weight.shape)
}

fn weight_size(shape: &[usize]) -> u64 {
    shape.iter().map(|&size| size as u64).product()
}
