//! From a network's description to the plan, stage by stage.

use super::super::parameters::Parameters;
use super::{Activation, ActivationId, Input, Layer, Norm, Operation, Product, Time};
use crate::networks::description::{
    Attention, Linear, Network, Resnet, ResnetResample, Stage, TimeMode,
};
use crate::networks::executors::cpu::kernels::attention::AttentionShape;
use crate::networks::executors::cpu::kernels::conv::ConvShape;
use crate::networks::executors::cpu::kernels::source::{MAX_SEGMENTS, Resampling};
use crate::networks::executors::lowered::{PlanError, check, mismatch};

/// The current activation: segments of one size.
#[derive(Clone)]
pub(super) struct Value {
    pub(super) segments: Vec<ActivationId>,
    pub(super) height: usize,
    pub(super) width: usize,
}

impl Value {
    pub(super) fn input(&self) -> Input {
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
pub(super) struct Extras {
    pub(super) time_bias: Option<usize>,
    pub(super) residual: Option<ActivationId>,
    pub(super) scale: f64,
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

pub(super) struct Builder {
    pub(super) parameters: Parameters,
    pub(super) activations: Vec<Activation>,
    pub(super) layers: Vec<Layer>,
    pub(super) norms: Vec<Norm>,
    pub(super) operations: Vec<Operation>,
    pub(super) skips: Vec<Value>,
    pub(super) time: Time,
    /// Place of the next projection in a time row.
    pub(super) next_projection: usize,
}

impl Builder {
    pub(super) fn new(network: &Network) -> Result<Self, PlanError> {
        if network.time.fourier.is_some() {
            return Err(PlanError::Untrainable(
                "a Fourier embedding of noise levels",
            ));
        }
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

    pub(super) fn activation(
        &mut self,
        height: usize,
        width: usize,
        channels: usize,
    ) -> ActivationId {
        self.activations.push(Activation {
            height,
            width,
            channels,
            copy_of: None,
        });
        self.activations.len() - 1
    }

    pub(super) fn channels(&self, value: &Value) -> usize {
        let channels = value
            .segments
            .iter()
            .map(|&id| self.activations[id].channels);
        channels.sum()
    }

    /// The first convolution, and then the embedding's layers, in the order of the tensors.
    pub(super) fn first(&mut self, network: &Network, sample: &Value) -> Result<Value, PlanError> {
        let layer = self.conv(&network.conv_in, (sample.height, sample.width))?;
        let embedding = [&network.time.linear_1, &network.time.linear_2];
        for (index, linear) in embedding.into_iter().enumerate() {
            let layer = self.time.linears[index].clone();
            self.place_linear(linear, &layer, 0)?;
        }
        self.product(layer, sample.input(), &Extras::default())
    }

    pub(super) fn stage(&mut self, stage: &Stage, value: Value) -> Result<Value, PlanError> {
        match stage {
            Stage::Resnet(resnet) => self.resnet(resnet, &value),
            Stage::Attention(attention) => self.attention(attention, &value),
            Stage::Downsample(resample) => {
                let layer = self.conv(&resample.conv, (value.height, value.width))?;
                self.product(layer, value.input(), &Extras::default())
            }
            Stage::Upsample(resample) => {
                let input = resampled(value.input(), Some(ResnetResample::NearestUp))?;
                let layer = self.conv(&resample.conv, input.size)?;
                self.product(layer, input, &Extras::default())
            }
            Stage::PushSkip => {
                self.skips.push(value.clone());
                Ok(value)
            }
            Stage::ConcatSkip => self.concat(value),
            Stage::InputSkip(_) | Stage::InputResidual(_) | Stage::OutputSkip(_) => {
                Err(PlanError::Untrainable("pyramids of images (NCSN++)"))
            }
        }
    }

    fn resnet(&mut self, resnet: &Resnet, value: &Value) -> Result<Value, PlanError> {
        let norm = self.norm(&resnet.norm1, self.channels(value))?;
        let plain = resampled(value.input(), resnet.resample)?;
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

    pub(super) fn product(
        &mut self,
        layer: usize,
        input: Input,
        extras: &Extras,
    ) -> Result<Value, PlanError> {
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
}

fn resampled(input: Input, resampling: Option<ResnetResample>) -> Result<Input, PlanError> {
    let (height, width) = input.size;
    Ok(match resampling {
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
        Some(ResnetResample::FirDown | ResnetResample::FirUp) => {
            return Err(PlanError::Untrainable("FIR resampling"));
        }
    })
}
