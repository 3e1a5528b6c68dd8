//! Compiles a network to operations on prepared layers and planned buffers.

use super::arena::{BufferId, Layout, Needs};
use super::kernels::attention::AttentionShape;
use super::kernels::conv::ConvShape;
use super::kernels::norm::Norm;
use super::kernels::source::{MAX_SEGMENTS, Resampling};
use super::layer::Layer;
use super::operation::{BiasAt, Input, Operation, Product, ResidualAt, Stored, Sums};
use super::time::TimeTable;
use crate::images::Geometry;
use crate::networks::description::{
    Attention, Conv2d, GroupNorm, Linear, Network, Padding, Resample, Resnet, ResnetResample,
    Stage, TimeMode,
};

/// Why a network cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Sizes do not fit together.
    #[error("{layer} expects {expected}, got {got}")]
    Mismatch {
        /// What was being compiled.
        layer: &'static str,
        /// What it needs.
        expected: String,
        /// What it was given.
        got: String,
    },
    /// A [`Stage::ConcatSkip`] without its [`Stage::PushSkip`].
    #[error("the network takes a skip activation that it has not kept")]
    NoSkip,
}

/// A layer and its bias.
#[derive(Debug)]
pub struct Prepared {
    /// Prepared weights.
    pub layer: Layer,
    /// (C), or empty.
    pub bias: Vec<f32>,
}

/// A compiled network.
#[derive(Debug)]
pub struct Plan {
    /// The shape of one input image; the output has it too.
    pub geometry: Geometry,
    /// Whether the input is mapped by `2x - 1` first.
    pub center_input: bool,
    /// Layers that operations refer to.
    pub layers: Vec<Prepared>,
    /// Normalizations that operations refer to.
    pub norms: Vec<Norm>,
    /// In order.
    pub operations: Vec<Operation>,
    /// Places of the buffers.
    pub layout: Layout,
    /// Time embeddings.
    pub time: TimeTable,
}

impl Plan {
    /// Compile a network, copying its weights into their prepared form.
    pub fn new(network: &Network) -> Result<Self, PlanError> {
        Builder::new(network).build(network)
    }

    /// Memory of all prepared weights, in bytes.
    pub fn weight_bytes(&self) -> usize {
        let layers = self
            .layers
            .iter()
            .map(|prepared| prepared.layer.num_bytes() + size_of_val(prepared.bias.as_slice()));
        let norms = self
            .norms
            .iter()
            .map(|norm| 2 * size_of_val(norm.weight.as_slice()));
        layers.sum::<usize>() + norms.sum::<usize>() + self.time.num_bytes()
    }
}

/// The current activation: segments of one size.
#[derive(Clone, Copy)]
struct Value {
    segments: [Option<Stored>; MAX_SEGMENTS],
    height: usize,
    width: usize,
}

impl Value {
    fn channels(&self) -> usize {
        self.segments
            .iter()
            .flatten()
            .map(|stored| stored.channels)
            .sum()
    }

    fn input(&self) -> Input {
        Input {
            segments: self.segments,
            stored_size: (self.height, self.width),
            size: (self.height, self.width),
            norm: None,
            silu: false,
            resampling: Resampling::None,
        }
    }

    fn uses(&self, buffer: BufferId) -> bool {
        self.segments
            .iter()
            .flatten()
            .any(|stored| stored.data == buffer)
    }
}

/// What a product does besides its layer.
struct Extras {
    bias: BiasAt,
    residual: ResidualAt,
    /// The residual's buffer when it becomes the output.
    to: Option<BufferId>,
    scale: f32,
}

impl Default for Extras {
    fn default() -> Self {
        Self {
            bias: BiasAt::Layer,
            residual: ResidualAt::None,
            to: None,
            scale: 1.0,
        }
    }
}

struct Builder {
    layers: Vec<Prepared>,
    norms: Vec<Norm>,
    operations: Vec<Operation>,
    needs: Needs,
    time: TimeTable,
    skips: Vec<Value>,
}

impl Builder {
    fn new(network: &Network) -> Self {
        Self {
            layers: Vec::new(),
            norms: Vec::new(),
            operations: Vec::new(),
            needs: Needs::default(),
            time: TimeTable::new(&network.time),
            skips: Vec::new(),
        }
    }

    fn build(mut self, network: &Network) -> Result<Plan, PlanError> {
        let side = network.image_size;
        let geometry = Geometry {
            channels: network.in_channels,
            side,
        };
        check("the network", network.in_channels, network.out_channels)?;
        let to = self.needs.create(geometry.len(), 0);
        self.operations.push(Operation::Load { to });
        let mut value = one(to, network.in_channels, side, side, None);
        value = self.conv(&network.conv_in, &value.input(), Extras::default())?;
        for stage in &network.stages {
            value = self.stage(stage, value)?;
        }
        let norm = self.norm(&value, &network.norm_out, None)?;
        let input = Input {
            norm: Some(norm),
            silu: true,
            ..value.input()
        };
        let value = self.conv(&network.conv_out, &input, Extras::default())?;
        check(
            "the last convolution",
            network.out_channels,
            value.channels(),
        )?;
        check("the last convolution", side, value.height)?;
        if let Some(stored) = value.segments[0] {
            self.push(Operation::Store { from: stored.data });
        }
        self.drop_unread_sums();
        Ok(Plan {
            geometry,
            center_input: network.center_input,
            layout: self.needs.place(self.operations.len()),
            layers: self.layers,
            norms: self.norms,
            operations: self.operations,
            time: self.time,
        })
    }

    fn stage(&mut self, stage: &Stage, value: Value) -> Result<Value, PlanError> {
        match stage {
            Stage::Resnet(resnet) => self.resnet(resnet, value),
            Stage::Attention(attention) => self.attention(attention, value),
            Stage::Downsample(resample) => {
                self.conv(&resample.conv, &value.input(), Extras::default())
            }
            Stage::Upsample(resample) => self.upsample(resample, &value),
            Stage::PushSkip => {
                self.skips.push(value);
                Ok(value)
            }
            Stage::ConcatSkip => self.concat(value),
        }
    }

    /// Append an operation, noting which buffers it needs.
    fn push(&mut self, operation: Operation) {
        let at = self.operations.len();
        let mut touch = |buffer| self.needs.touch(buffer, at);
        match &operation {
            Operation::Load { to } => touch(*to),
            Operation::Store { from } => touch(*from),
            Operation::Norm { segments, to, .. } => {
                touch(*to);
                segments
                    .iter()
                    .flatten()
                    .filter_map(|stored| stored.sums)
                    .for_each(|sums| touch(sums.buffer));
            }
            Operation::Attention { qkv, to, .. } => [*qkv, *to].into_iter().for_each(touch),
            Operation::Copy { input, to } => {
                touch(*to);
                input
                    .segments
                    .iter()
                    .flatten()
                    .for_each(|stored| touch(stored.data));
            }
            Operation::Product(product) => {
                touch(product.to);
                product
                    .input
                    .segments
                    .iter()
                    .flatten()
                    .for_each(|stored| touch(stored.data));
                product
                    .sums
                    .into_iter()
                    .chain(product.input.norm)
                    .for_each(&mut touch);
                if let ResidualAt::Buffer(buffer) = product.residual {
                    touch(buffer);
                }
            }
        }
        self.operations.push(operation);
    }

    /// Producers count sums only for activations that are normalized.
    fn drop_unread_sums(&mut self) {
        let read: Vec<BufferId> = self
            .operations
            .iter()
            .filter_map(|operation| match operation {
                Operation::Norm { segments, .. } => Some(segments),
                _ => None,
            })
            .flat_map(|segments| segments.iter().flatten().filter_map(|stored| stored.sums))
            .map(|sums| sums.buffer)
            .collect();
        for operation in &mut self.operations {
            if let Operation::Product(product) = operation
                && let Some(sums) = product.sums
                && !read.contains(&sums)
            {
                product.sums = None;
                self.needs.cancel(sums);
            }
        }
    }

    fn conv(&mut self, conv: &Conv2d, input: &Input, extras: Extras) -> Result<Value, PlanError> {
        let (pad_before, pad_after) = match conv.padding {
            Padding::Same(pad) => (pad, pad),
            Padding::RightBottom => (0, 1),
        };
        let &[out_channels, in_channels, kernel, _] = conv.weight.shape.as_slice() else {
            return Err(mismatch(
                "a convolution",
                "4 weight axes",
                format!("{:?}", conv.weight.shape),
            ));
        };
        let shape = ConvShape {
            in_channels,
            out_channels,
            kernel,
            stride: conv.stride,
            pad_before,
            pad_after,
            height: input.size.0,
            width: input.size.1,
        };
        check("a convolution", in_channels, input.channels())?;
        check(
            "a convolution's weights",
            out_channels * shape.depth(),
            conv.weight.len(),
        )?;
        let smallest = shape.height.min(shape.width) + pad_before + pad_after;
        if conv.stride == 0 || kernel == 0 || smallest < kernel {
            let got = format!(
                "{}x{} pixels and stride {}",
                shape.height, shape.width, conv.stride
            );
            return Err(mismatch(
                "a convolution",
                "an image as large as its kernel",
                got,
            ));
        }
        let bias = conv
            .bias
            .as_ref()
            .map(|bias| bias.values.to_vec())
            .unwrap_or_default();
        self.product(shape, &conv.weight.values, bias, input, extras)
    }

    fn linear(
        &mut self,
        out_channels: usize,
        weights: &[f32],
        bias: Vec<f32>,
        input: &Input,
        extras: Extras,
    ) -> Result<Value, PlanError> {
        let shape = ConvShape::linear(input.channels(), out_channels, input.size.0, input.size.1);
        check(
            "a linear layer's weights",
            shape.depth() * out_channels,
            weights.len(),
        )?;
        self.product(shape, weights, bias, input, extras)
    }

    fn product(
        &mut self,
        shape: ConvShape,
        weights: &[f32],
        bias: Vec<f32>,
        input: &Input,
        extras: Extras,
    ) -> Result<Value, PlanError> {
        if !bias.is_empty() {
            check("a bias", shape.out_channels, bias.len())?;
        }
        let at = self.operations.len();
        let layer = Layer::new(shape, weights);
        let (height, width) = (shape.out_height(), shape.out_width());
        let to = extras
            .to
            .unwrap_or_else(|| self.needs.create(height * width * shape.out_channels, at));
        let sums = Sums {
            buffer: self
                .needs
                .create(layer.num_parts() * 2 * shape.out_channels, at),
            parts: layer.num_parts(),
        };
        self.layers.push(Prepared { layer, bias });
        self.push(Operation::Product(Product {
            layer: self.layers.len() - 1,
            input: *input,
            to,
            sums: Some(sums.buffer),
            bias: extras.bias,
            residual: extras.residual,
            scale: extras.scale,
        }));
        Ok(one(to, shape.out_channels, height, width, Some(sums)))
    }

    /// One segment with the (resampled) values, copied where it is not one already.
    fn materialize(&mut self, input: &Input) -> Value {
        let (height, width) = input.size;
        let at = self.operations.len();
        let to = self.needs.create(height * width * input.channels(), at);
        self.push(Operation::Copy { input: *input, to });
        one(to, input.channels(), height, width, None)
    }

    /// Factors and terms for the value.
    fn norm(
        &mut self,
        value: &Value,
        norm: &GroupNorm,
        time: Option<usize>,
    ) -> Result<BufferId, PlanError> {
        let channels = value.channels();
        check("a group normalization", norm.weight.len(), channels)?;
        check("a group normalization", norm.bias.len(), channels)?;
        if norm.num_groups == 0 || !channels.is_multiple_of(norm.num_groups) {
            let groups = format!("channels divisible into {} groups", norm.num_groups);
            return Err(mismatch(
                "a group normalization",
                &groups,
                format!("{channels} channels"),
            ));
        }
        self.norms.push(Norm {
            weight: norm.weight.values.to_vec(),
            bias: norm.bias.values.to_vec(),
            num_groups: norm.num_groups,
            eps: norm.eps,
        });
        let to = self.needs.create(2 * channels, self.operations.len());
        self.push(Operation::Norm {
            segments: value.segments,
            pixels: value.height * value.width,
            norm: self.norms.len() - 1,
            time,
            to,
        });
        Ok(to)
    }

    /// How to add `value`, which is one segment, to a product's output, in its own buffer if nothing else needs it.
    fn residual(&self, value: &Value) -> (ResidualAt, Option<BufferId>) {
        let data = value.segments[0].map_or(BufferId(0), |stored| stored.data);
        if self.skips.iter().any(|skip| skip.uses(data)) {
            (ResidualAt::Buffer(data), None)
        } else {
            (ResidualAt::InPlace, Some(data))
        }
    }

    fn resnet(&mut self, resnet: &Resnet, value: Value) -> Result<Value, PlanError> {
        let norm = self.norm(&value, &resnet.norm1, None)?;
        let resampled = resample(&value.input(), resnet.resample);
        let input = Input {
            norm: Some(norm),
            silu: true,
            ..resampled
        };
        let channels = resnet.conv1.weight.shape.first().copied().unwrap_or(0);
        let projected = resnet.time_proj.weight.shape.first().copied().unwrap_or(0);
        let bias = resnet.conv1.bias.as_ref().map(|bias| &*bias.values);
        let (bias, time) = match resnet.time_mode {
            TimeMode::Add => {
                check("a time projection", channels, projected)?;
                (BiasAt::Time(self.time.add(&resnet.time_proj, bias)), None)
            }
            TimeMode::ScaleShift => {
                check("a time projection", 2 * channels, projected)?;
                (BiasAt::Layer, Some(self.time.add(&resnet.time_proj, None)))
            }
        };
        let hidden = self.conv(
            &resnet.conv1,
            &input,
            Extras {
                bias,
                ..Extras::default()
            },
        )?;
        let shortcut = if let Some(conv) = &resnet.shortcut {
            self.conv(conv, &resampled, Extras::default())?
        } else if resnet.resample.is_some() || value.segments[1].is_some() {
            self.materialize(&resampled)
        } else {
            value
        };
        let norm = self.norm(&hidden, &resnet.norm2, time)?;
        let input = Input {
            norm: Some(norm),
            silu: true,
            ..hidden.input()
        };
        let (residual, to) = self.residual(&shortcut);
        let scale = resnet.output_scale as f32;
        let extras = Extras {
            residual,
            to,
            scale,
            ..Extras::default()
        };
        let out = self.conv(&resnet.conv2, &input, extras)?;
        check("a resnet's sum", shortcut.channels(), out.channels())?;
        Ok(out)
    }

    fn attention(&mut self, attention: &Attention, value: Value) -> Result<Value, PlanError> {
        let mut value = value;
        let norm = attention.group_norm.as_ref();
        let norm = norm.map(|norm| self.norm(&value, norm, None)).transpose()?;
        let channels = value.channels();
        if attention.num_heads == 0 || !channels.is_multiple_of(attention.num_heads) {
            let heads = format!("channels divisible into {} heads", attention.num_heads);
            return Err(mismatch(
                "attention",
                &heads,
                format!("{channels} channels"),
            ));
        }
        let input = Input {
            norm,
            ..value.input()
        };
        let projections = [&attention.to_q, &attention.to_k, &attention.to_v];
        let weights = projections.map(|linear| &*linear.weight.values).concat();
        let bias = projections.map(|linear| bias_of(linear, channels)).concat();
        let qkv = self.linear(3 * channels, &weights, bias, &input, Extras::default())?;
        let shape = AttentionShape {
            pixels: value.height * value.width,
            channels,
            heads: attention.num_heads,
        };
        let to = self
            .needs
            .create(shape.pixels * channels, self.operations.len());
        if let Some(stored) = qkv.segments[0] {
            self.push(Operation::Attention {
                qkv: stored.data,
                to,
                shape,
            });
        }
        let mixed = one(to, channels, value.height, value.width, None);
        if value.segments[1].is_some() {
            value = self.materialize(&value.input());
        }
        let (residual, to) = self.residual(&value);
        let extras = Extras {
            residual,
            to,
            scale: attention.output_scale as f32,
            ..Extras::default()
        };
        let bias = bias_of(&attention.to_out, channels);
        self.linear(
            channels,
            &attention.to_out.weight.values,
            bias,
            &mixed.input(),
            extras,
        )
    }

    fn upsample(&mut self, layer: &Resample, value: &Value) -> Result<Value, PlanError> {
        let input = resample(&value.input(), Some(ResnetResample::NearestUp));
        self.conv(&layer.conv, &input, Extras::default())
    }

    fn concat(&mut self, value: Value) -> Result<Value, PlanError> {
        let skip = self.skips.pop().ok_or(PlanError::NoSkip)?;
        if (value.height, value.width) != (skip.height, skip.width) {
            let size = |value: &Value| format!("{}x{} pixels", value.height, value.width);
            return Err(mismatch("a skip connection", &size(&value), size(&skip)));
        }
        let stored = value.segments.iter().chain(&skip.segments).flatten();
        let mut segments = [None; MAX_SEGMENTS];
        let count = stored.clone().count();
        if count > MAX_SEGMENTS {
            let most = format!("at most {MAX_SEGMENTS} activations");
            return Err(mismatch("a concatenation", &most, count.to_string()));
        }
        for (slot, stored) in segments.iter_mut().zip(stored) {
            *slot = Some(*stored);
        }
        Ok(Value { segments, ..value })
    }
}

fn one(data: BufferId, channels: usize, height: usize, width: usize, sums: Option<Sums>) -> Value {
    let stored = Stored {
        data,
        channels,
        sums,
    };
    Value {
        segments: [Some(stored), None, None, None],
        height,
        width,
    }
}

fn resample(input: &Input, resampling: Option<ResnetResample>) -> Input {
    let (height, width) = input.size;
    match resampling {
        None => *input,
        Some(ResnetResample::NearestUp) => Input {
            size: (height * 2, width * 2),
            resampling: Resampling::Up,
            ..*input
        },
        Some(ResnetResample::AverageDown) => Input {
            size: (height / 2, width / 2),
            resampling: Resampling::Down,
            ..*input
        },
    }
}

fn bias_of(linear: &Linear, channels: usize) -> Vec<f32> {
    linear
        .bias
        .as_ref()
        .map_or_else(|| vec![0.0; channels], |bias| bias.values.to_vec())
}

fn check(layer: &'static str, expected: usize, got: usize) -> Result<(), PlanError> {
    if expected == got {
        Ok(())
    } else {
        Err(mismatch(layer, &expected.to_string(), got.to_string()))
    }
}

fn mismatch(layer: &'static str, expected: &str, got: String) -> PlanError {
    PlanError::Mismatch {
        layer,
        expected: expected.to_owned(),
        got,
    }
}
