//! The typed description of a UNet denoiser that every loader fills and every executor runs.
//!
//! The body is a list of [`Stage`]s for a machine with one current activation and a stack of skip
//! activations, and two images beside them, one on the way in and one on the way out. That covers diffusers'
//! `UNet2DModel`, `score_sde`'s DDPM (one attention after the up resnets) and NCSN++ (pyramids of images) and `OpenAI`'s
//! layout without an executor knowing any of them.

use super::weights::Weights;

/// A complete denoiser.
#[derive(Clone, Debug)]
pub struct Network {
    /// 1 or 3.
    pub in_channels: usize,
    /// Channels of the prediction that are used: equal to `in_channels`.
    pub out_channels: usize,
    /// Width and height of an image in pixels.
    pub image_size: usize,
    /// Whether the input is mapped by `2x - 1` first (diffusers' `center_input_sample`).
    pub center_input: bool,
    /// Timestep to embedding vector.
    pub time: TimeEmbedding,
    /// First convolution; its output is the first current activation (push it with [`Stage::PushSkip`]).
    pub conv_in: Conv2d,
    /// Everything between the first and the last convolution.
    pub stages: Vec<Stage>,
    /// Last normalization, followed by `SiLU`.
    pub norm_out: GroupNorm,
    /// Last convolution. What the stages put together as [`Stage::OutputSkip`] is doubled and added to its output.
    pub conv_out: Conv2d,
    /// Whether the output is divided by what the network is told, which is then the noise's deviation.
    pub divides_by_noise: bool,
}

/// One step of the body, on the current activation `h`.
#[derive(Clone, Debug)]
pub enum Stage {
    /// `h = resnet(h, time)`.
    Resnet(Box<Resnet>),
    /// `h = attention(h)`, residual included.
    Attention(Box<Attention>),
    /// `h = downsample(h)`: half the width and height.
    Downsample(Resample),
    /// `h = upsample(h)`: twice the width and height.
    Upsample(Resample),
    /// Push a copy of `h` on the skip stack.
    PushSkip,
    /// Pop the skip stack: `h = concat(h, skip)` over channels, `h` first.
    ConcatSkip,
    /// `image = halved(image)`, then `h = h + conv(image)`, a convolution of one pixel. The first image is the network's input
    /// (mapped by `2x - 1` where that is centered); it is halved by the filter of [`ResnetResample::FirDown`].
    InputSkip(Conv2d),
    /// `image = (conv(image) + h) * scale`, then `h = image`. The convolution halves.
    InputResidual(Box<InputResidual>),
    /// `output = doubled(output) + conv(silu(norm(h)))`; the first of them has nothing to double. The filter is that of
    /// [`ResnetResample::FirUp`].
    OutputSkip(Box<OutputSkip>),
}

/// See [`Stage::InputResidual`].
#[derive(Clone, Debug)]
pub struct InputResidual {
    /// Stride 2.
    pub conv: Conv2d,
    /// Factor on the sum.
    pub scale: f64,
}

/// See [`Stage::OutputSkip`].
#[derive(Clone, Debug)]
pub struct OutputSkip {
    pub norm: GroupNorm,
    /// To the channels of an image.
    pub conv: Conv2d,
}

/// Embedding of the timestep or the noise level, and its two linear layers: `linear_2(silu(linear_1(waves(t))))`.
#[derive(Clone, Debug)]
pub struct TimeEmbedding {
    /// Width of the sinusoid; even or odd (an odd one is padded with a zero).
    pub num_channels: usize,
    /// Frequencies W of a Gaussian Fourier embedding, half as many as channels: `[sin, cos](2 pi W ln(level))` takes the
    /// sinusoid's place, and none of its fields count.
    pub fourier: Option<Weights>,
    /// `true`: [cos, sin]; `false`: [sin, cos].
    pub flip_sin_to_cos: bool,
    /// Frequencies are `exp(-ln(max_period) * i / (half - freq_shift))`.
    pub freq_shift: f64,
    /// 10,000 in every known family.
    pub max_period: f64,
    /// Timesteps are multiplied by this first: 1, or 1000 / T where a network was trained so (`OpenAI`'s
    /// `rescale_timesteps`).
    pub scale: f64,
    /// (D, `num_channels`).
    pub linear_1: Linear,
    /// (D, D).
    pub linear_2: Linear,
}

/// `y = x W^T + b`.
#[derive(Clone, Debug)]
pub struct Linear {
    /// (out, in).
    pub weight: Weights,
    /// (out), absent in some attention projections.
    pub bias: Option<Weights>,
}

/// A two-dimensional convolution.
#[derive(Clone, Debug)]
pub struct Conv2d {
    /// (out, in, k, k).
    pub weight: Weights,
    /// (out).
    pub bias: Option<Weights>,
    /// Step in both axes.
    pub stride: usize,
    /// Zeros around the input.
    pub padding: Padding,
}

/// Zeros added around the input of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// The same number on all four sides.
    Same(usize),
    /// One column right and one row below only (`downsample_padding` 0).
    RightBottom,
}

/// Group normalization over (C/groups, H, W).
#[derive(Clone, Debug)]
pub struct GroupNorm {
    /// (C).
    pub weight: Weights,
    /// (C).
    pub bias: Weights,
    /// Divides C.
    pub num_groups: usize,
    /// Added to the variance.
    pub eps: f64,
}

/// `ResnetBlock2D`: `(shortcut(x) + conv2(silu(norm2(conv1(silu(norm1(x))), time)))) * output_scale`.
#[derive(Clone, Debug)]
pub struct Resnet {
    /// Before the first convolution.
    pub norm1: GroupNorm,
    /// 3x3.
    pub conv1: Conv2d,
    /// (out or 2 out, D), applied to `silu(embedding)`.
    pub time_proj: Linear,
    /// How the projected time enters.
    pub time_mode: TimeMode,
    /// Before the second convolution.
    pub norm2: GroupNorm,
    /// 3x3.
    pub conv2: Conv2d,
    /// 1x1 on the (resampled) input where the channel count changes.
    pub shortcut: Option<Conv2d>,
    /// Resampling of both branches after `silu(norm1(x))`.
    pub resample: Option<ResnetResample>,
    /// Factor on the sum: 1, or 1 / `mid_block_scale_factor`.
    pub output_scale: f64,
}

/// How the projected time embedding acts on the hidden activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeMode {
    /// Added before `norm2`.
    Add,
    /// First half scales, second half shifts: `norm2(h) * (1 + scale) + shift`.
    ScaleShift,
}

/// Resampling inside a resnet block, without weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResnetResample {
    /// 2x2 average.
    AverageDown,
    /// Nearest, factor 2.
    NearestUp,
    /// Every second value of what the filter [1, 3, 3, 1] / 8 makes along both axes, with zeros around the image.
    FirDown,
    /// Twice as many values, each 3/4 of the nearest and 1/4 of the next one along both axes, with zeros around the image.
    FirUp,
}

/// A resampling layer of its own.
#[derive(Clone, Debug)]
pub struct Resample {
    /// Down: a stride-2 convolution. Up: a stride-1 convolution after nearest doubling.
    pub conv: Conv2d,
}

/// Spatial self-attention with residual: `(x + to_out(attn(group_norm(x)))) * output_scale`.
#[derive(Clone, Debug)]
pub struct Attention {
    /// Before the projections; no activation. `None` in the middle block of diffusers models with
    /// `resnet_time_scale_shift` "`scale_shift`" and no `attn_norm_num_groups`.
    pub group_norm: Option<GroupNorm>,
    /// (C, C).
    pub to_q: Linear,
    /// (C, C).
    pub to_k: Linear,
    /// (C, C).
    pub to_v: Linear,
    /// (C, C).
    pub to_out: Linear,
    /// Heads share C evenly; logits are scaled by (C / heads)^-0.5.
    pub num_heads: usize,
    /// Factor on the sum: 1, or 1 / `mid_block_scale_factor`.
    pub output_scale: f64,
}
