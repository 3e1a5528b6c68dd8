//! `SimCLRv2` `r50_1x_sk1` (Chen et al., NeurIPS 2020, <https://arxiv.org/abs/2006.10029>): a ResNet-50 with a stem of three
//! convolutions and selective kernels (Li et al., CVPR 2019, <https://arxiv.org/abs/1903.06586>), without its head.
//!
//! The names, and the zeros that the pools before projections count, are those of the conversion to PyTorch that its weights
//! are passed on in (Separius/SimCLRv2-Pytorch).

use super::description::{Conv2d, Padding};
use super::lpips::backbone::{MaxPool, Take};
use super::weights::Weights;

/// Side in pixels of the images that it looks at.
pub const SIDE: usize = 224;
/// What an image is seen by.
pub const NUM_FEATURES: usize = 4 * STAGES[3].1;
/// After the stem.
pub const STEM_POOL: MaxPool = MaxPool {
    size: 3,
    padding: 1,
    rounds_up: false,
};

/// Added to the variance by batch normalizations.
const EPS: f64 = 1e-5;
/// Channels in and out of the stem's convolutions, and their strides.
const STEM: [(usize, usize, usize); 3] = [(3, 32, 2), (32, 32, 1), (32, 64, 1)];
/// Blocks, channels inside of them and the first one's stride.
const STAGES: [(usize, usize, usize); 4] = [(3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, 2)];
/// Channels between the two layers that weigh the kernels.
const SQUEEZED: usize = 32;

/// The network up to the mean over pixels; batch normalizations are part of the convolutions before them.
#[derive(Clone, Debug)]
pub struct SimClr {
    /// `ReLU` follows each, and [`STEM_POOL`] the last one.
    pub stem: Vec<Conv2d>,
    pub blocks: Vec<Block>,
}

/// `relu(shortcut(x) + expand(mix(relu(branches(relu(reduce(x)))))))`.
#[derive(Clone, Debug)]
pub struct Block {
    /// Of the branches, and of the mean over 2x2 pixels before the projection.
    pub stride: usize,
    /// 1x1 on that mean; `None` where the shortcut is x itself.
    pub projection: Option<Conv2d>,
    /// 1x1.
    pub reduce: Conv2d,
    /// 3x3 to the channels of both branches, one after the other.
    pub branches: Conv2d,
    pub mix: Mix,
    /// 1x1.
    pub expand: Conv2d,
}

/// The sum of both branches, weighed for each channel by the softmax over both of `select(relu(squeeze(m)))`, where m is the
/// mean over pixels of the branches' plain sum.
#[derive(Clone, Debug)]
pub struct Mix {
    /// (32, C) and (32).
    pub squeeze: (Weights, Weights),
    /// (2 C, 32).
    pub select: Weights,
}

/// The name of the stem's first weights, and their shape: what tells it from networks of other widths.
pub const FIRST: (&str, [usize; 4]) = ("net.0.0.weight", [32, 3, 3, 3]);
/// A name that networks without selective kernels lack.
pub const OF_KERNELS: &str = "net.1.blocks.0.net.2.main_conv.0.weight";
/// A name that deeper networks have.
pub const OF_DEEPER: &str = "net.3.blocks.6.net.0.weight";

impl SimClr {
    /// From weights under the names of the conversion.
    ///
    /// # Errors
    /// What `tensors` says.
    pub fn read(tensors: &mut Take<'_>) -> Result<Self, String> {
        let stem = STEM
            .iter()
            .enumerate()
            .map(|(index, &(inputs, outputs, stride))| {
                let (conv, norm) = (
                    format!("net.0.{}", 2 * index),
                    format!("net.0.{}.0", 2 * index + 1),
                );
                folded(tensors, (&conv, &norm), [inputs, outputs, 3, stride])
            });
        let stem = stem.collect::<Result<_, _>>()?;
        let mut blocks = Vec::new();
        let mut inputs = STEM[2].1;
        for (stage, &(num_blocks, channels, stride)) in (1..).zip(&STAGES) {
            for index in 0..num_blocks {
                let name = format!("net.{stage}.blocks.{index}");
                let stride = if index == 0 { stride } else { 1 };
                blocks.push(Block::read(tensors, &name, [inputs, channels, stride])?);
                inputs = 4 * channels;
            }
        }
        Ok(Self { stem, blocks })
    }
}

impl Block {
    fn read(
        tensors: &mut Take<'_>,
        name: &str,
        [inputs, channels, stride]: [usize; 3],
    ) -> Result<Self, String> {
        let mut conv = |conv: &str, norm: &str, sizes| {
            let (conv, norm) = (format!("{name}.{conv}"), format!("{name}.{norm}"));
            folded(tensors, (&conv, &norm), sizes)
        };
        let outputs = 4 * channels;
        let projection = (inputs != outputs)
            .then(|| {
                conv(
                    "projection.shortcut.2",
                    "projection.bn.0",
                    [inputs, outputs, 1, 1],
                )
            })
            .transpose()?;
        let reduce = conv("net.0", "net.1.0", [inputs, channels, 1, 1])?;
        let both = 2 * channels;
        let branches = conv(
            "net.2.main_conv.0",
            "net.2.main_conv.1.0",
            [channels, both, 3, stride],
        )?;
        let squeeze = conv(
            "net.2.mixing_conv.0",
            "net.2.mixing_conv.1.0",
            [channels, SQUEEZED, 1, 1],
        )?;
        let expand = conv("net.3", "net.4.0", [channels, outputs, 1, 1])?;
        let select = format!("{name}.net.2.mixing_conv.2.weight");
        let select = tensors(&select, &[both, SQUEEZED, 1, 1])?;
        Ok(Self {
            stride,
            projection,
            reduce,
            branches,
            mix: Mix {
                squeeze: (
                    squeeze.weight,
                    squeeze.bias.unwrap_or_else(|| zeros(SQUEEZED)),
                ),
                select: Weights {
                    shape: vec![both, SQUEEZED],
                    values: select.into(),
                },
            },
            expand,
        })
    }
}

fn zeros(len: usize) -> Weights {
    Weights {
        shape: vec![len],
        values: vec![0.0; len].into(),
    }
}

/// A convolution with the batch normalization after it, by the names of both and by inputs, outputs, kernel and stride.
fn folded(
    tensors: &mut Take<'_>,
    (conv, norm): (&str, &str),
    [inputs, outputs, kernel, stride]: [usize; 4],
) -> Result<Conv2d, String> {
    let shape = [outputs, inputs, kernel, kernel];
    let mut weight = tensors(&format!("{conv}.weight"), &shape)?;
    let mut of_norm = |part: &str| tensors(&format!("{norm}.{part}"), &[outputs]);
    let (scale, shift) = (of_norm("weight")?, of_norm("bias")?);
    let (mean, variance) = (of_norm("running_mean")?, of_norm("running_var")?);
    let mut bias = Vec::with_capacity(outputs);
    for (channel, kernels) in weight
        .chunks_exact_mut(inputs * kernel * kernel)
        .enumerate()
    {
        let factor = f64::from(scale[channel]) / (f64::from(variance[channel]) + EPS).sqrt();
        for value in kernels {
            *value = (f64::from(*value) * factor) as f32;
        }
        bias.push((f64::from(shift[channel]) - f64::from(mean[channel]) * factor) as f32);
    }
    Ok(Conv2d {
        weight: Weights {
            shape: shape.to_vec(),
            values: weight.into(),
        },
        bias: Some(Weights {
            shape: vec![outputs],
            values: bias.into(),
        }),
        stride,
        padding: Padding::Same(kernel / 2),
    })
}
