//! A network as operations whose gradients are known: the forward's order, reversed, is the backward's.
//!
//! Nothing here knows a device. Unlike the executors' plans, no activation takes another's place: the backward reads
//! them all again.

use std::ops::Range;

use super::parameters::Parameters;
use crate::images::Geometry;
use crate::networks::description::{
    Attention, Conv2d, GroupNorm, Linear, Network, Padding, Resnet, ResnetResample, Stage,
    TimeEmbedding, TimeMode,
};
use crate::networks::executors::cpu::kernels::attention::AttentionShape;
use crate::networks::executors::cpu::kernels::conv::ConvShape;
use crate::networks::executors::cpu::kernels::source::{MAX_SEGMENTS, Resampling};
use crate::networks::executors::lowered::{PlanError, check, check_norm, mismatch};

/// An activation, by its place in [`Plan::activations`].
pub type ActivationId = usize;

/// The shape of an activation of one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activation {
    /// Rows.
    pub height: usize,
    /// Pixels a row.
    pub width: usize,
    /// Channels.
    pub channels: usize,
    /// The activation that this one is a copy of.
    pub copy_of: Option<ActivationId>,
}

impl Activation {
    /// Values of one image.
    pub fn image_len(&self) -> usize {
        self.height * self.width * self.channels
    }
}

/// A convolution or linear layer.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Sizes.
    pub shape: ConvShape,
    /// (k, k, in, out) in the flat buffer.
    pub weight: Range<usize>,
    /// (out) in the flat buffer.
    pub bias: Option<Range<usize>>,
}

/// A group normalization.
#[derive(Clone, Debug)]
pub struct Norm {
    /// (C) in the flat buffer.
    pub weight: Range<usize>,
    /// (C) in the flat buffer.
    pub bias: Range<usize>,
    /// Divides C.
    pub num_groups: usize,
    /// Added to the variance.
    pub eps: f64,
}

/// What an operation reads, and what happens to it on the way.
#[derive(Clone, Debug)]
pub struct Input {
    /// Concatenated over channels; no activation stands here twice.
    pub segments: Vec<ActivationId>,
    /// Rows and pixels a row as stored.
    pub stored_size: (usize, usize),
    /// The same after resampling.
    pub size: (usize, usize),
    /// Applied first.
    pub norm: Option<usize>,
    /// Place of the normalization's (scale, shift) in a time row.
    pub time: Option<usize>,
    /// Whether `SiLU` follows.
    pub silu: bool,
    /// Resampling after that.
    pub resampling: Resampling,
}

/// A layer with what is fused into it: `(layer(input) + bias + residual) * scale`.
#[derive(Clone, Debug)]
pub struct Product {
    /// Index of the layer.
    pub layer: usize,
    /// Its input.
    pub input: Input,
    /// Its output.
    pub to: ActivationId,
    /// Place of each image's bias in a time row; it includes the layer's own.
    pub time_bias: Option<usize>,
    /// Added to each value.
    pub residual: Option<ActivationId>,
    /// Factor on the sum.
    pub scale: f32,
}

/// One step of a pass.
#[derive(Clone, Debug)]
pub enum Operation {
    /// A layer.
    Product(Product),
    /// Attention after its projections.
    Attention {
        /// (B, pixels, 3, C).
        qkv: ActivationId,
        /// (B, pixels, C).
        to: ActivationId,
        /// Sizes.
        shape: AttentionShape,
    },
    /// Concatenation or resampling by itself.
    Copy {
        /// From.
        input: Input,
        /// To.
        to: ActivationId,
    },
}

impl Operation {
    /// The activation that it writes.
    pub fn to(&self) -> ActivationId {
        match self {
            Self::Product(product) => product.to,
            Self::Attention { to, .. } | Self::Copy { to, .. } => *to,
        }
    }

    /// The activations that it reads, but for a residual.
    pub fn inputs(&self) -> &[ActivationId] {
        match self {
            Self::Product(product) => &product.input.segments,
            Self::Attention { qkv, .. } => std::slice::from_ref(qkv),
            Self::Copy { input, .. } => &input.segments,
        }
    }

    /// The activation that it adds.
    pub fn residual(&self) -> Option<ActivationId> {
        match self {
            Self::Product(product) => product.residual,
            Self::Attention { .. } | Self::Copy { .. } => None,
        }
    }
}

/// The time embedding: two layers, and the projections of all resnets side by side.
#[derive(Clone, Debug)]
pub struct Time {
    /// Its sinusoid is used; the weights are in the flat buffer.
    pub embedding: TimeEmbedding,
    /// The two layers.
    pub linears: [Layer; 2],
    /// All projections.
    pub projections: Layer,
    /// Biases of first convolutions that are added to their projections' biases: place in the row, values.
    pub extra: Vec<(usize, Range<usize>)>,
}

/// A network to train.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The shape of an image.
    pub geometry: Geometry,
    /// Whether the input is mapped by `2x - 1` first.
    pub center_input: bool,
    /// Places of all weights.
    pub parameters: Parameters,
    /// All activations; the first is the sample, the last the prediction.
    pub activations: Vec<Activation>,
    /// Layers that operations refer to.
    pub layers: Vec<Layer>,
    /// Normalizations that operations refer to.
    pub norms: Vec<Norm>,
    /// In the forward's order.
    pub operations: Vec<Operation>,
    /// The time embedding.
    pub time: Time,
}

impl Plan {
    /// Plan the training of a network.
    pub fn new(network: &Network) -> Result<Self, PlanError> {
        let geometry = Geometry {
            channels: network.in_channels,
            side: network.image_size,
        };
        check("the network", network.in_channels, network.out_channels)?;
        let mut builder = Builder::new(network)?;
        let sample = builder.activation(geometry.side, geometry.side, geometry.channels);
        let mut value = Value {
            segments: vec![sample],
            height: geometry.side,
            width: geometry.side,
        };
        value = builder.first(network, &value)?;
        for stage in &network.stages {
            value = builder.stage(stage, value)?;
        }
        let norm = builder.norm(&network.norm_out, builder.channels(&value))?;
        let layer = builder.conv(&network.conv_out, (value.height, value.width))?;
        let input = Input {
            norm: Some(norm),
            silu: true,
            ..value.input()
        };
        let value = builder.product(layer, input, &Extras::default())?;
        check(
            "the last convolution",
            network.out_channels,
            builder.channels(&value),
        )?;
        check("the last convolution", geometry.side, value.height)?;
        Ok(Self {
            geometry,
            center_input: network.center_input,
            parameters: builder.parameters,
            activations: builder.activations,
            layers: builder.layers,
            norms: builder.norms,
            operations: builder.operations,
            time: builder.time,
        })
    }
}

/// The current activation: segments of one size.
#[derive(Clone)]
struct Value {
    segments: Vec<ActivationId>,
    height: usize,
    width: usize,
}

impl Value {
    fn input(&self) -> Input {
        Input {
            segments: self.segments.clone(),
            stored_size: (self.height, self.width),
            size: (self.height, self.width),
            norm: None,
            time: None,
            silu: false,
            resampling: Resampling::None,
        }
    }
}

/// What a product does besides its layer.
struct Extras {
    time_bias: Option<usize>,
    residual: Option<ActivationId>,
    scale: f64,
}

impl Default for Extras {
    fn default() -> Self {
        Self {
            time_bias: None,
            residual: None,
            scale: 1.0,
        }
    }
}

struct Builder {
    parameters: Parameters,
    activations: Vec<Activation>,
    layers: Vec<Layer>,
    norms: Vec<Norm>,
    operations: Vec<Operation>,
    skips: Vec<Value>,
    time: Time,
    /// Place of the next projection in a time row.
    next_projection: usize,
}

impl Builder {
    fn new(network: &Network) -> Result<Self, PlanError> {
        let outputs = |linear: &Linear| linear.weight.shape.first().copied().unwrap_or(0);
        let embedding = &network.time;
        let row_len = network.stages.iter().map(|stage| match stage {
            Stage::Resnet(resnet) => outputs(&resnet.time_proj),
            _ => 0,
        });
        let row_len: usize = row_len.sum();
        let width = outputs(&embedding.linear_2);
        check("the time embedding", outputs(&embedding.linear_1), width)?;
        let projection = network.stages.iter().find_map(|stage| match stage {
            Stage::Resnet(resnet) => Some(&resnet.time_proj),
            _ => None,
        });
        let mut parameters = Parameters::default();
        let mut block = |linear: Option<&Linear>, inputs: usize, outputs: usize| {
            let has_bias = linear.is_some_and(|linear| linear.bias.is_some());
            Layer {
                shape: ConvShape::linear(inputs, outputs, 1, 1),
                weight: parameters.reserve(inputs * outputs),
                bias: has_bias.then(|| parameters.reserve(outputs)),
            }
        };
        let time = Time {
            linears: [
                block(Some(&embedding.linear_1), embedding.num_channels, width),
                block(Some(&embedding.linear_2), width, width),
            ],
            projections: block(projection, width, row_len),
            embedding: embedding.clone(),
            extra: Vec::new(),
        };
        Ok(Self {
            parameters,
            activations: Vec::new(),
            layers: Vec::new(),
            norms: Vec::new(),
            operations: Vec::new(),
            skips: Vec::new(),
            time,
            next_projection: 0,
        })
    }

    fn activation(&mut self, height: usize, width: usize, channels: usize) -> ActivationId {
        self.activations.push(Activation {
            height,
            width,
            channels,
            copy_of: None,
        });
        self.activations.len() - 1
    }

    fn channels(&self, value: &Value) -> usize {
        let channels = value
            .segments
            .iter()
            .map(|&id| self.activations[id].channels);
        channels.sum()
    }

    /// The first convolution, and then the embedding's layers, in the order of the tensors.
    fn first(&mut self, network: &Network, sample: &Value) -> Result<Value, PlanError> {
        let layer = self.conv(&network.conv_in, (sample.height, sample.width))?;
        let embedding = [&network.time.linear_1, &network.time.linear_2];
        for (index, linear) in embedding.into_iter().enumerate() {
            let layer = self.time.linears[index].clone();
            self.place_linear(linear, &layer, 0)?;
        }
        self.product(layer, sample.input(), &Extras::default())
    }

    fn stage(&mut self, stage: &Stage, value: Value) -> Result<Value, PlanError> {
        match stage {
            Stage::Resnet(resnet) => self.resnet(resnet, &value),
            Stage::Attention(attention) => self.attention(attention, &value),
            Stage::Downsample(resample) => {
                let layer = self.conv(&resample.conv, (value.height, value.width))?;
                self.product(layer, value.input(), &Extras::default())
            }
            Stage::Upsample(resample) => {
                let input = resampled(value.input(), Some(ResnetResample::NearestUp));
                let layer = self.conv(&resample.conv, input.size)?;
                self.product(layer, input, &Extras::default())
            }
            Stage::PushSkip => {
                self.skips.push(value.clone());
                Ok(value)
            }
            Stage::ConcatSkip => self.concat(value),
        }
    }

    fn resnet(&mut self, resnet: &Resnet, value: &Value) -> Result<Value, PlanError> {
        let norm = self.norm(&resnet.norm1, self.channels(value))?;
        let plain = resampled(value.input(), resnet.resample);
        let conv1 = self.conv(&resnet.conv1, plain.size)?;
        let channels = self.layers[conv1].shape.out_channels;
        let place = self.projection(resnet, channels, conv1)?;
        let norm2 = self.norm(&resnet.norm2, channels)?;
        let conv2 = self.conv(&resnet.conv2, plain.size)?;
        let shortcut = resnet.shortcut.as_ref();
        let shortcut = shortcut
            .map(|conv| self.conv(conv, plain.size))
            .transpose()?;

        let input = Input {
            norm: Some(norm),
            silu: true,
            ..plain.clone()
        };
        let is_added = resnet.time_mode == TimeMode::Add;
        let extras = Extras {
            time_bias: is_added.then_some(place),
            ..Extras::default()
        };
        let hidden = self.product(conv1, input, &extras)?;
        let residual = match shortcut {
            Some(layer) => self.product(layer, plain, &Extras::default())?,
            None if resnet.resample.is_some() || value.segments.len() > 1 => self.copy(plain),
            None => value.clone(),
        };
        check("a resnet's sum", self.channels(&residual), channels)?;
        let input = Input {
            norm: Some(norm2),
            time: (!is_added).then_some(place),
            silu: true,
            ..hidden.input()
        };
        let extras = Extras {
            residual: residual.segments.first().copied(),
            scale: resnet.output_scale,
            ..Extras::default()
        };
        self.product(conv2, input, &extras)
    }

    /// A resnet's place in the time rows.
    fn projection(
        &mut self,
        resnet: &Resnet,
        channels: usize,
        conv1: usize,
    ) -> Result<usize, PlanError> {
        let outputs = resnet.time_proj.weight.shape.first().copied().unwrap_or(0);
        let place = self.next_projection;
        self.next_projection += outputs;
        let layer = self.time.projections.clone();
        self.place_linear(&resnet.time_proj, &layer, place)?;
        match resnet.time_mode {
            TimeMode::Add => {
                check("a time projection", channels, outputs)?;
                if let Some(bias) = self.layers[conv1].bias.clone() {
                    self.time.extra.push((place, bias));
                }
            }
            TimeMode::ScaleShift => check("a time projection", 2 * channels, outputs)?,
        }
        Ok(place)
    }

    fn attention(&mut self, attention: &Attention, value: &Value) -> Result<Value, PlanError> {
        let channels = self.channels(value);
        if attention.num_heads == 0 || !channels.is_multiple_of(attention.num_heads) {
            let heads = format!("channels divisible into {} heads", attention.num_heads);
            return Err(mismatch(
                "attention",
                &heads,
                format!("{channels} channels"),
            ));
        }
        let size = (value.height, value.width);
        let mut block = |linear: &Linear, outputs: usize| Layer {
            shape: ConvShape::linear(channels, outputs, size.0, size.1),
            weight: self.parameters.reserve(channels * outputs),
            bias: (linear.bias.as_ref()).map(|_| self.parameters.reserve(outputs)),
        };
        let qkv = block(&attention.to_q, 3 * channels);
        let out = block(&attention.to_out, channels);
        let projections = [&attention.to_q, &attention.to_k, &attention.to_v];
        for (index, linear) in projections.into_iter().enumerate() {
            check("an attention projection", channels, linear.weight.shape[0])?;
            self.place_linear(linear, &qkv, index * channels)?;
        }
        self.place_linear(&attention.to_out, &out, 0)?;
        let norm = attention.group_norm.as_ref();
        let norm = norm.map(|norm| self.norm(norm, channels)).transpose()?;

        self.layers.extend([qkv, out]);
        let (qkv, out) = (self.layers.len() - 2, self.layers.len() - 1);
        let input = Input {
            norm,
            ..value.input()
        };
        let qkv = self.product(qkv, input, &Extras::default())?;
        let to = self.activation(size.0, size.1, channels);
        self.operations.push(Operation::Attention {
            qkv: qkv.segments[0],
            to,
            shape: AttentionShape {
                pixels: size.0 * size.1,
                channels,
                heads: attention.num_heads,
            },
        });
        let mixed = Value {
            segments: vec![to],
            ..value.clone()
        };
        let residual = if value.segments.len() > 1 {
            self.copy(value.input())
        } else {
            value.clone()
        };
        let extras = Extras {
            residual: residual.segments.first().copied(),
            scale: attention.output_scale,
            ..Extras::default()
        };
        self.product(out, mixed.input(), &extras)
    }

    fn concat(&mut self, value: Value) -> Result<Value, PlanError> {
        let skip = self.skips.pop().ok_or(PlanError::NoSkip)?;
        if (value.height, value.width) != (skip.height, skip.width) {
            let size = |value: &Value| format!("{}x{} pixels", value.height, value.width);
            return Err(mismatch("a skip connection", &size(&value), size(&skip)));
        }
        let mut segments = value.segments;
        for id in skip.segments {
            // A gradient is written for each segment: an activation that would stand here twice is copied.
            let id = if segments.contains(&id) {
                self.duplicate(id)
            } else {
                id
            };
            segments.push(id);
        }
        if segments.len() > MAX_SEGMENTS {
            let most = format!("at most {MAX_SEGMENTS} activations");
            return Err(mismatch(
                "a concatenation",
                &most,
                segments.len().to_string(),
            ));
        }
        Ok(Value { segments, ..skip })
    }

    fn duplicate(&mut self, id: ActivationId) -> ActivationId {
        let Activation { height, width, .. } = self.activations[id];
        let segments = vec![id];
        let value = Value {
            segments,
            height,
            width,
        };
        let copy = self.copy(value.input()).segments[0];
        self.activations[copy].copy_of = Some(id);
        copy
    }

    /// One segment with the (resampled) values.
    fn copy(&mut self, input: Input) -> Value {
        let (height, width) = input.size;
        let channels = input
            .segments
            .iter()
            .map(|&id| self.activations[id].channels);
        let to = self.activation(height, width, channels.sum());
        self.operations.push(Operation::Copy { input, to });
        Value {
            segments: vec![to],
            height,
            width,
        }
    }

    fn product(&mut self, layer: usize, input: Input, extras: &Extras) -> Result<Value, PlanError> {
        let shape = self.layers[layer].shape;
        let channels = input
            .segments
            .iter()
            .map(|&id| self.activations[id].channels);
        check("a convolution", shape.in_channels, channels.sum())?;
        let (height, width) = (shape.out_height(), shape.out_width());
        let to = self.activation(height, width, shape.out_channels);
        self.operations.push(Operation::Product(Product {
            layer,
            input,
            to,
            time_bias: extras.time_bias,
            residual: extras.residual,
            scale: extras.scale as f32,
        }));
        Ok(Value {
            segments: vec![to],
            height,
            width,
        })
    }

    fn conv(&mut self, conv: &Conv2d, (height, width): (usize, usize)) -> Result<usize, PlanError> {
        let (pad_before, pad_after) = match conv.padding {
            Padding::Same(pad) => (pad, pad),
            Padding::RightBottom => (0, 1),
        };
        let &[out_channels, in_channels, kernel, _] = conv.weight.shape.as_slice() else {
            let got = format!("{:?}", conv.weight.shape);
            return Err(mismatch("a convolution", "4 weight axes", got));
        };
        let shape = ConvShape {
            in_channels,
            out_channels,
            kernel,
            stride: conv.stride,
            pad_before,
            pad_after,
            height,
            width,
        };
        check(
            "a convolution's weights",
            out_channels * shape.depth(),
            conv.weight.len(),
        )?;
        // What the gradient of the input asks for; every known family's kernels are so.
        let is_centered = kernel % 2 == 1 && pad_before.max(pad_after) <= kernel / 2;
        if conv.stride == 0 || !is_centered || height.min(width) + pad_before + pad_after < kernel {
            let expected = "an odd kernel no larger than its padded image";
            let got = format!("{kernel}x{kernel} on {height}x{width} pixels");
            return Err(mismatch("a convolution", expected, got));
        }
        let weight = self.parameters.reserve(conv.weight.len());
        self.parameters
            .place_weight(&conv.weight, &weight, (0, out_channels));
        let bias = if let Some(values) = &conv.bias {
            check("a bias", out_channels, values.len())?;
            let bias = self.parameters.reserve(out_channels);
            self.parameters.place_vector(values, &bias, 0);
            Some(bias)
        } else {
            None
        };
        self.layers.push(Layer {
            shape,
            weight,
            bias,
        });
        Ok(self.layers.len() - 1)
    }

    /// A linear layer's tensors in a block, its outputs from `column` on.
    fn place_linear(
        &mut self,
        linear: &Linear,
        layer: &Layer,
        column: usize,
    ) -> Result<(), PlanError> {
        let &[outputs, inputs] = linear.weight.shape.as_slice() else {
            let got = format!("{:?}", linear.weight.shape);
            return Err(mismatch("a linear layer", "2 weight axes", got));
        };
        check("a linear layer", layer.shape.in_channels, inputs)?;
        check(
            "a linear layer's weights",
            inputs * outputs,
            linear.weight.len(),
        )?;
        let stride = layer.shape.out_channels;
        self.parameters
            .place_weight(&linear.weight, &layer.weight, (column, stride));
        match (&linear.bias, &layer.bias) {
            (Some(values), Some(block)) => {
                check("a bias", outputs, values.len())?;
                self.parameters.place_vector(values, block, column);
                Ok(())
            }
            (None, None) => Ok(()),
            // They are applied as one layer.
            _ => {
                let got = "a mixture".to_owned();
                Err(mismatch(
                    "a group of linear layers",
                    "biases in all or in none",
                    got,
                ))
            }
        }
    }

    fn norm(&mut self, norm: &GroupNorm, channels: usize) -> Result<usize, PlanError> {
        check_norm(norm, channels)?;
        let (weight, bias) = (
            self.parameters.reserve(channels),
            self.parameters.reserve(channels),
        );
        self.parameters.place_vector(&norm.weight, &weight, 0);
        self.parameters.place_vector(&norm.bias, &bias, 0);
        self.norms.push(Norm {
            weight,
            bias,
            num_groups: norm.num_groups,
            eps: norm.eps,
        });
        Ok(self.norms.len() - 1)
    }
}

fn resampled(input: Input, resampling: Option<ResnetResample>) -> Input {
    let (height, width) = input.size;
    match resampling {
        None => input,
        Some(ResnetResample::NearestUp) => Input {
            size: (height * 2, width * 2),
            resampling: Resampling::Up,
            ..input
        },
        Some(ResnetResample::AverageDown) => Input {
            size: (height / 2, width / 2),
            resampling: Resampling::Down,
            ..input
        },
    }
}
