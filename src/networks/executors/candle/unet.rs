//! The denoiser on a candle device.

use candle_core::{Device, Result, Tensor};

use super::call_error;
use super::layers::{
    Attention, Conv, GroupNorm, Resnet, copy_to_slice, double, fir_down, fir_up, scaled,
};
use crate::diffusion::{DenoiseError, Denoiser, Interrupt};
use crate::images::Geometry;
use crate::networks::description::{self, Network, TimeEmbedding};
use crate::networks::executors::lowered::divide_by_noise;

/// A network on a candle device.
pub struct CandleDenoiser {
    geometry: Geometry,
    center_input: bool,
    time: TimeEmbedding,
    linear_1: Conv,
    linear_2: Conv,
    conv_in: Conv,
    stages: Vec<Stage>,
    norm_out: GroupNorm,
    conv_out: Conv,
    divides_by_noise: bool,
    device: Device,
}

enum Stage {
    Resnet(Box<Resnet>),
    Attention(Box<Attention>),
    Downsample(Conv),
    Upsample(Conv),
    PushSkip,
    ConcatSkip,
    InputSkip(Conv),
    InputResidual(Conv, f64),
    OutputSkip(GroupNorm, Conv),
}

/// What stages keep for each other.
struct Kept {
    skips: Vec<Tensor>,
    /// The image on the way in.
    image: Tensor,
    /// The image on the way out.
    output: Option<Tensor>,
}

impl Stage {
    fn new(stage: &description::Stage, device: &Device) -> Result<Self> {
        Ok(match stage {
            description::Stage::Resnet(resnet) => {
                Self::Resnet(Box::new(Resnet::new(resnet, device)?))
            }
            description::Stage::Attention(attention) => {
                Self::Attention(Box::new(Attention::new(attention, device)?))
            }
            description::Stage::Downsample(resample) => {
                Self::Downsample(Conv::new(&resample.conv, device)?)
            }
            description::Stage::Upsample(resample) => {
                Self::Upsample(Conv::new(&resample.conv, device)?)
            }
            description::Stage::PushSkip => Self::PushSkip,
            description::Stage::ConcatSkip => Self::ConcatSkip,
            description::Stage::InputSkip(conv) => Self::InputSkip(Conv::new(conv, device)?),
            description::Stage::InputResidual(residual) => {
                Self::InputResidual(Conv::new(&residual.conv, device)?, residual.scale)
            }
            description::Stage::OutputSkip(skip) => Self::OutputSkip(
                GroupNorm::new(&skip.norm, device)?,
                Conv::new(&skip.conv, device)?,
            ),
        })
    }

    fn apply(&self, xs: &Tensor, time: &Tensor, kept: &mut Kept) -> Result<Tensor> {
        match self {
            Self::Resnet(resnet) => resnet.forward(xs, time),
            Self::Attention(attention) => attention.forward(xs),
            Self::Downsample(conv) => conv.forward(xs),
            Self::Upsample(conv) => conv.forward(&double(xs)?),
            Self::PushSkip => {
                kept.skips.push(xs.clone());
                Ok(xs.clone())
            }
            Self::ConcatSkip => match kept.skips.pop() {
                Some(skip) => Tensor::cat(&[xs, &skip], 1),
                None => candle_core::bail!("more skips are used than were kept"),
            },
            Self::InputSkip(conv) => {
                kept.image = fir_down(&kept.image)?;
                xs + conv.forward(&kept.image)?
            }
            Self::InputResidual(conv, scale) => {
                kept.image = scaled((conv.forward(&kept.image)? + xs)?, *scale)?;
                Ok(kept.image.clone())
            }
            Self::OutputSkip(norm, conv) => {
                kept.output = Some(add_to_output(kept.output.take(), norm, conv, xs)?);
                Ok(xs.clone())
            }
        }
    }
}

/// An output's convolution on top of the image on the way out, if there is one.
fn add_to_output(
    output: Option<Tensor>,
    norm: &GroupNorm,
    conv: &Conv,
    xs: &Tensor,
) -> Result<Tensor> {
    let head = conv.forward(&norm.forward(xs)?.silu()?)?;
    match output {
        Some(output) => fir_up(&output)? + head,
        None => Ok(head),
    }
}

impl CandleDenoiser {
    /// Copy a network's weights to a device.
    pub fn new(network: &Network, device: &Device) -> Result<Self> {
        let stages = network
            .stages
            .iter()
            .map(|stage| Stage::new(stage, device))
            .collect::<Result<_>>()?;
        Ok(Self {
            geometry: Geometry {
                channels: network.in_channels,
                side: network.image_size,
            },
            center_input: network.center_input,
            time: network.time.clone(),
            linear_1: Conv::from_linear(&network.time.linear_1, device)?,
            linear_2: Conv::from_linear(&network.time.linear_2, device)?,
            conv_in: Conv::new(&network.conv_in, device)?,
            stages,
            norm_out: GroupNorm::new(&network.norm_out, device)?,
            conv_out: Conv::new(&network.conv_out, device)?,
            divides_by_noise: network.divides_by_noise,
            device: device.clone(),
        })
    }

    /// `silu(embedding)` as (B, D, 1, 1): what every resnet starts from.
    fn embed(&self, timesteps: &[f32]) -> Result<Tensor> {
        let width = self.time.num_channels;
        let sinusoids: Vec<f32> = timesteps
            .iter()
            .flat_map(|&timestep| self.time.sinusoid(timestep))
            .collect();
        let shape = (timesteps.len(), width, 1, 1);
        let sinusoids = Tensor::from_vec(sinusoids, shape, &self.device)?;
        let hidden = self.linear_1.forward(&sinusoids)?.silu()?;
        self.linear_2.forward(&hidden)?.silu()
    }

    /// The sample as the network takes it.
    fn start(&self, sample: &[f32], batch: usize) -> Result<Tensor> {
        let Geometry { channels, side } = self.geometry;
        let xs = Tensor::from_slice(sample, (batch, channels, side, side), &self.device)?;
        if self.center_input {
            xs.affine(2.0, -1.0)
        } else {
            Ok(xs)
        }
    }
}

impl Denoiser for CandleDenoiser {
    fn geometry(&self) -> Geometry {
        self.geometry
    }

    fn denoise(
        &mut self,
        sample: &[f32],
        timesteps: &[f32],
        output: &mut [f32],
        interrupt: &dyn Interrupt,
    ) -> std::result::Result<(), DenoiseError> {
        let batch = timesteps.len();
        let failed = |error: candle_core::Error| call_error(&error, batch);
        if batch == 0 {
            return Ok(());
        }
        interrupt.check()?;
        let time = self.embed(timesteps).map_err(failed)?;
        let image = self.start(sample, batch).map_err(failed)?;
        let mut xs = self.conv_in.forward(&image).map_err(failed)?;
        let mut kept = Kept {
            skips: Vec::new(),
            image,
            output: None,
        };
        for stage in &self.stages {
            interrupt.check()?;
            xs = stage.apply(&xs, &time, &mut kept).map_err(failed)?;
        }
        interrupt.check()?;
        add_to_output(kept.output, &self.norm_out, &self.conv_out, &xs)
            .and_then(|xs| copy_to_slice(&xs, output))
            .map_err(failed)?;
        if self.divides_by_noise {
            divide_by_noise(output, timesteps);
        }
        Ok(())
    }
}
