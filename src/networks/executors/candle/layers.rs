//! The description's layers as candle tensors.
//!
//! On the CPU candle's convolutions work image by image, while its matrix product folds a batch into rows and
//! then picks a kernel by their number. Linear layers are therefore 1x1 convolutions here: an image's result is
//! the same bits in any batch.

use candle_core::{D, DType, Device, Result, Tensor};

use crate::networks::description::{self as description, Padding, ResnetResample, TimeMode};
use crate::networks::weights::Weights;

fn tensor(weights: &Weights, device: &Device) -> Result<Tensor> {
    Tensor::from_slice(&weights.values, weights.shape.as_slice(), device)
}

/// Values of one a channel, to be broadcast over (B, C, H, W).
fn per_channel(weights: &Weights, device: &Device) -> Result<Tensor> {
    tensor(weights, device)?.reshape((1, weights.len(), 1, 1))
}

/// A convolution with its padding.
pub(super) struct Conv {
    weight: Tensor,
    bias: Option<Tensor>,
    stride: usize,
    padding: Padding,
}

impl Conv {
    pub(super) fn new(conv: &description::Conv2d, device: &Device) -> Result<Self> {
        let bias = conv.bias.as_ref();
        Ok(Self {
            weight: tensor(&conv.weight, device)?,
            bias: bias.map(|bias| per_channel(bias, device)).transpose()?,
            stride: conv.stride,
            padding: conv.padding,
        })
    }

    /// A linear layer over the channels of (B, C, H, W).
    pub(super) fn from_linear(linear: &description::Linear, device: &Device) -> Result<Self> {
        let weight = tensor(&linear.weight, device)?;
        let (outputs, inputs) = weight.dims2()?;
        let bias = linear.bias.as_ref();
        Ok(Self {
            weight: weight.reshape((outputs, inputs, 1, 1))?,
            bias: bias.map(|bias| per_channel(bias, device)).transpose()?,
            stride: 1,
            padding: Padding::Same(0),
        })
    }

    pub(super) fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        let ys = match self.padding {
            Padding::Same(padding) => xs.conv2d(&self.weight, padding, self.stride, 1, 1)?,
            Padding::RightBottom => xs
                .pad_with_zeros(D::Minus1, 0, 1)?
                .pad_with_zeros(D::Minus2, 0, 1)?
                .conv2d(&self.weight, 0, self.stride, 1, 1)?,
        };
        match &self.bias {
            Some(bias) => ys.broadcast_add(bias),
            None => Ok(ys),
        }
    }
}

/// Group normalization from primitives.
pub(super) struct GroupNorm {
    weight: Tensor,
    bias: Tensor,
    num_groups: usize,
    eps: f64,
}

impl GroupNorm {
    pub(super) fn new(norm: &description::GroupNorm, device: &Device) -> Result<Self> {
        Ok(Self {
            weight: per_channel(&norm.weight, device)?,
            bias: per_channel(&norm.bias, device)?,
            num_groups: norm.num_groups,
            eps: norm.eps,
        })
    }

    pub(super) fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        let (b, c, h, w) = xs.dims4()?;
        // (B, groups, values of a group)
        let groups = xs.reshape((b, self.num_groups, c / self.num_groups * h * w))?;
        let centered = groups.broadcast_sub(&groups.mean_keepdim(D::Minus1)?)?;
        let variance = centered.sqr()?.mean_keepdim(D::Minus1)?;
        centered
            .broadcast_div(&(variance + self.eps)?.sqrt()?)?
            .reshape((b, c, h, w))?
            .broadcast_mul(&self.weight)?
            .broadcast_add(&self.bias)
    }
}

/// A resnet block.
pub(super) struct Resnet {
    norm1: GroupNorm,
    conv1: Conv,
    time_proj: Conv,
    time_mode: TimeMode,
    norm2: GroupNorm,
    conv2: Conv,
    shortcut: Option<Conv>,
    resample: Option<ResnetResample>,
    output_scale: f64,
}

impl Resnet {
    pub(super) fn new(resnet: &description::Resnet, device: &Device) -> Result<Self> {
        let shortcut = resnet.shortcut.as_ref();
        Ok(Self {
            norm1: GroupNorm::new(&resnet.norm1, device)?,
            conv1: Conv::new(&resnet.conv1, device)?,
            time_proj: Conv::from_linear(&resnet.time_proj, device)?,
            time_mode: resnet.time_mode,
            norm2: GroupNorm::new(&resnet.norm2, device)?,
            conv2: Conv::new(&resnet.conv2, device)?,
            shortcut: shortcut.map(|conv| Conv::new(conv, device)).transpose()?,
            resample: resnet.resample,
            output_scale: resnet.output_scale,
        })
    }

    /// # Shapes
    /// `xs` is (B, C, H, W), `time` is `silu(embedding)` as (B, D, 1, 1).
    pub(super) fn forward(&self, xs: &Tensor, time: &Tensor) -> Result<Tensor> {
        let hidden = self.norm1.forward(xs)?.silu()?;
        let hidden = self.conv1.forward(&self.resample(&hidden)?)?;
        let time = self.time_proj.forward(time)?;
        let hidden = match self.time_mode {
            TimeMode::Add => self.norm2.forward(&hidden.broadcast_add(&time)?)?,
            TimeMode::ScaleShift => {
                let channels = hidden.dim(1)?;
                let scale = (time.narrow(1, 0, channels)? + 1.0)?;
                let shift = time.narrow(1, channels, channels)?;
                self.norm2
                    .forward(&hidden)?
                    .broadcast_mul(&scale)?
                    .broadcast_add(&shift)?
            }
        };
        let hidden = self.conv2.forward(&hidden.silu()?)?;
        let input = self.resample(xs)?;
        let input = match &self.shortcut {
            Some(conv) => conv.forward(&input)?,
            None => input,
        };
        scaled((input + hidden)?, self.output_scale)
    }

    fn resample(&self, xs: &Tensor) -> Result<Tensor> {
        match self.resample {
            None => Ok(xs.clone()),
            Some(ResnetResample::AverageDown) => xs.avg_pool2d(2),
            Some(ResnetResample::NearestUp) => double(xs),
            Some(ResnetResample::FirDown) => fir_down(xs),
            Some(ResnetResample::FirUp) => fir_up(xs),
        }
    }
}

/// Nearest doubling of width and height.
pub(super) fn double(xs: &Tensor) -> Result<Tensor> {
    let (_, _, h, w) = xs.dims4()?;
    xs.upsample_nearest2d(2 * h, 2 * w)
}

/// Halved by the filter of [`ResnetResample::FirDown`].
pub(super) fn fir_down(xs: &Tensor) -> Result<Tensor> {
    let (b, c, h, w) = xs.dims4()?;
    let planes = xs.reshape((b * c, 1, h, w))?;
    planes
        .conv2d(&fir(1.0 / 64.0, xs.device())?, 1, 2, 1, 1)?
        .reshape((b, c, h / 2, w / 2))
}

/// Doubled by the filter of [`ResnetResample::FirUp`].
pub(super) fn fir_up(xs: &Tensor) -> Result<Tensor> {
    let (b, c, h, w) = xs.dims4()?;
    let planes = xs.reshape((b * c, 1, h, w))?;
    planes
        .conv_transpose2d(&fir(1.0 / 16.0, xs.device())?, 1, 0, 2, 1)?
        .reshape((b, c, 2 * h, 2 * w))
}

/// (1, 1, 4, 4).
fn fir(factor: f32, device: &Device) -> Result<Tensor> {
    const TAPS: [f32; 4] = [1.0, 3.0, 3.0, 1.0];
    let kernel = TAPS.map(|a| TAPS.map(|b| a * b * factor));
    Tensor::from_slice(kernel.as_flattened(), (1, 1, 4, 4), device)
}

pub(super) fn scaled(xs: Tensor, factor: f64) -> Result<Tensor> {
    if factor == 1.0 { Ok(xs) } else { xs * factor }
}

/// Spatial self-attention.
pub(super) struct Attention {
    group_norm: Option<GroupNorm>,
    to_q: Conv,
    to_k: Conv,
    to_v: Conv,
    to_out: Conv,
    num_heads: usize,
    output_scale: f64,
}

impl Attention {
    pub(super) fn new(attention: &description::Attention, device: &Device) -> Result<Self> {
        let group_norm = attention.group_norm.as_ref();
        Ok(Self {
            group_norm: group_norm
                .map(|norm| GroupNorm::new(norm, device))
                .transpose()?,
            to_q: Conv::from_linear(&attention.to_q, device)?,
            to_k: Conv::from_linear(&attention.to_k, device)?,
            to_v: Conv::from_linear(&attention.to_v, device)?,
            to_out: Conv::from_linear(&attention.to_out, device)?,
            num_heads: attention.num_heads,
            output_scale: attention.output_scale,
        })
    }

    pub(super) fn forward(&self, xs: &Tensor) -> Result<Tensor> {
        let (b, c, h, w) = xs.dims4()?;
        let normed = match &self.group_norm {
            Some(norm) => norm.forward(xs)?,
            None => xs.clone(),
        };
        let width = c / self.num_heads;
        // (B * heads, width, pixels)
        let heads = |ys: Tensor| ys.reshape((b * self.num_heads, width, h * w));
        let queries = heads(self.to_q.forward(&normed)?)?;
        let keys = heads(self.to_k.forward(&normed)?)?;
        let values = heads(self.to_v.forward(&normed)?)?;
        let queries = (queries.t()?.contiguous()? * (width as f64).powf(-0.5))?;
        // (B * heads, pixels, pixels), a row for each query
        let weights = candle_nn::ops::softmax_last_dim(&queries.matmul(&keys)?)?;
        let mixed = weights.matmul(&values.t()?.contiguous()?)?;
        let mixed = mixed.t()?.contiguous()?.reshape((b, c, h, w))?;
        scaled((xs + self.to_out.forward(&mixed)?)?, self.output_scale)
    }
}

/// Copy a tensor's values into a slice of the same length.
pub(super) fn copy_to_slice(xs: &Tensor, slice: &mut [f32]) -> Result<()> {
    let values = xs.to_dtype(DType::F32)?.flatten_all()?.to_vec1::<f32>()?;
    if values.len() != slice.len() {
        candle_core::bail!("expected {} values, got {}", slice.len(), values.len());
    }
    slice.copy_from_slice(&values);
    Ok(())
}
