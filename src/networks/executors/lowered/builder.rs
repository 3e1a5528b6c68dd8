//! Appends operations one by one, planning a buffer for each output.

use super::arena::{BufferId, Needs};
use super::operation::{BiasAt, Input, Operation, Product, ResidualAt, Stored, Sums};
use super::shapes::{ConvShape, Fir, MAX_SEGMENTS, Norm, Resampling};
use super::time::TimeTable;
use super::{Plan, PlanError, Prepared, PreparedLayer};
use crate::images::Geometry;
use crate::networks::description::{Conv2d, GroupNorm, Network, Padding};

/// The current activation: segments of one size.
#[derive(Clone, Copy)]
pub(super) struct Value {
    pub(super) segments: [Option<Stored>; MAX_SEGMENTS],
    pub(super) height: usize,
    pub(super) width: usize,
}

impl Value {
    pub(super) fn channels(&self) -> usize {
        self.segments
            .iter()
            .flatten()
            .map(|stored| stored.channels)
            .sum()
    }

    pub(super) fn input(&self) -> Input {
        Input {
            segments: self.segments,
            stored_size: (self.height, self.width),
            size: (self.height, self.width),
            norm: None,
            silu: false,
            resampling: Resampling::None,
        }
    }

    pub(super) fn uses(&self, buffer: BufferId) -> bool {
        self.segments
            .iter()
            .flatten()
            .any(|stored| stored.data == buffer)
    }
}

/// What a product does besides its layer.
#[derive(Clone, Copy)]
pub(super) struct Extras {
    pub(super) bias: BiasAt,
    pub(super) residual: ResidualAt,
    /// The residual's buffer when it becomes the output.
    pub(super) to: Option<BufferId>,
    pub(super) scale: f32,
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

pub(super) struct Builder<L> {
    pub(super) layers: Vec<Prepared<L>>,
    pub(super) norms: Vec<Norm>,
    pub(super) operations: Vec<Operation>,
    pub(super) needs: Needs,
    pub(super) time: TimeTable,
    pub(super) skips: Vec<Value>,
    /// The image on the way in.
    pub(super) image: Option<Value>,
    /// The image on the way out.
    pub(super) output: Option<Value>,
}

impl<L: PreparedLayer> Builder<L> {
    pub(super) fn new(network: &Network) -> Self {
        Self {
            layers: Vec::new(),
            norms: Vec::new(),
            operations: Vec::new(),
            needs: Needs::default(),
            time: TimeTable::new(&network.time),
            skips: Vec::new(),
            image: None,
            output: None,
        }
    }

    pub(super) fn build(mut self, network: &Network) -> Result<Plan<L>, PlanError> {
        let side = network.image_size;
        let geometry = Geometry {
            channels: network.in_channels,
            side,
        };
        check("the network", network.in_channels, network.out_channels)?;
        let to = self.needs.create(geometry.len(), 0);
        self.operations.push(Operation::Load { to });
        let mut value = one(to, network.in_channels, side, side, None);
        self.image = Some(value);
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
        let value = self.add_to_output(&network.conv_out, &input)?;
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
            divides_by_noise: network.divides_by_noise,
            layout: self.needs.place(self.operations.len()),
            layers: self.layers,
            norms: self.norms,
            operations: self.operations,
            time: self.time,
        })
    }

    /// Append an operation, noting which buffers it needs.
    #[expect(clippy::large_types_passed_by_value, reason = "it is kept")]
    pub(super) fn push(&mut self, operation: Operation) {
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
            Operation::Copy { input, to } | Operation::Fir { input, to, .. } => {
                touch(*to);
                let segments = input.segments.iter().flatten();
                segments
                    .map(|stored| stored.data)
                    .chain(input.norm)
                    .for_each(touch);
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

    pub(super) fn conv(
        &mut self,
        conv: &Conv2d,
        input: &Input,
        extras: Extras,
    ) -> Result<Value, PlanError> {
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

    pub(super) fn linear(
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

    pub(super) fn product(
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
        let layer = L::new(shape, weights);
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
    pub(super) fn materialize(&mut self, input: &Input) -> Value {
        let (height, width) = input.size;
        let at = self.operations.len();
        let to = self.needs.create(height * width * input.channels(), at);
        self.push(Operation::Copy { input: *input, to });
        one(to, input.channels(), height, width, None)
    }

    /// The input, activated, resampled by the filter.
    pub(super) fn filtered(&mut self, input: &Input, direction: Fir) -> Value {
        let (height, width) = input.size;
        let (height, width) = (direction.resized(height), direction.resized(width));
        let at = self.operations.len();
        let to = self.needs.create(height * width * input.channels(), at);
        self.push(Operation::Fir {
            input: *input,
            direction,
            to,
        });
        one(to, input.channels(), height, width, None)
    }

    /// Factors and terms for the value.
    pub(super) fn norm(
        &mut self,
        value: &Value,
        norm: &GroupNorm,
        time: Option<usize>,
    ) -> Result<BufferId, PlanError> {
        let channels = value.channels();
        check_norm(norm, channels)?;
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
}

pub(super) fn one(
    data: BufferId,
    channels: usize,
    height: usize,
    width: usize,
    sums: Option<Sums>,
) -> Value {
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

/// Whether a group normalization fits a value of this many channels.
pub(in crate::networks) fn check_norm(norm: &GroupNorm, channels: usize) -> Result<(), PlanError> {
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
    Ok(())
}

pub(in crate::networks) fn check(
    layer: &'static str,
    expected: usize,
    got: usize,
) -> Result<(), PlanError> {
    if expected == got {
        Ok(())
    } else {
        Err(mismatch(layer, &expected.to_string(), got.to_string()))
    }
}

pub(in crate::networks) fn mismatch(layer: &'static str, expected: &str, got: String) -> PlanError {
    PlanError::Mismatch {
        layer,
        expected: expected.to_owned(),
        got,
    }
}
