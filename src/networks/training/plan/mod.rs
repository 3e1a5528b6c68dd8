//! A network as operations whose gradients are known: the forward's order, reversed, is the backward's.
//!
//! Nothing here knows a device. Unlike the executors' plans, no activation takes another's place: the backward reads
//! them all again.

mod builder;
mod weights;

use std::ops::Range;

use self::builder::{Builder, Extras, Value};
use super::parameters::Parameters;
use crate::images::Geometry;
use crate::networks::description::{Network, TimeEmbedding};
use crate::networks::executors::cpu::kernels::attention::AttentionShape;
use crate::networks::executors::cpu::kernels::conv::ConvShape;
use crate::networks::executors::cpu::kernels::source::Resampling;
use crate::networks::executors::lowered::{PlanError, check};

/// An activation, by its place in [`Plan::activations`].
pub type ActivationId = usize;

/// The shape of an activation of one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activation {
    pub height: usize,
    /// Pixels a row.
    pub width: usize,
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
    pub input: Input,
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
    Product(Product),
    /// Attention after its projections.
    Attention {
        /// (B, pixels, 3, C).
        qkv: ActivationId,
        /// (B, pixels, C).
        to: ActivationId,
        shape: AttentionShape,
    },
    /// Concatenation or resampling by itself.
    Copy {
        input: Input,
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
