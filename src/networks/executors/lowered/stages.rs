//! What each stage of a network becomes.

use super::arena::BufferId;
use super::builder::{Builder, Extras, Value, check, mismatch, one};
use super::operation::{BiasAt, Input, Operation, ResidualAt};
use super::shapes::{AttentionShape, Fir, MAX_SEGMENTS, Resampling};
use super::{PlanError, PreparedLayer};
use crate::networks::description::{
    Attention, Conv2d, InputResidual, Linear, OutputSkip, Resample, Resnet, ResnetResample, Stage,
    TimeMode,
};

impl<L: PreparedLayer> Builder<L> {
    pub(super) fn stage(&mut self, stage: &Stage, value: Value) -> Result<Value, PlanError> {
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
            Stage::InputSkip(conv) => self.input_skip(conv, value),
            Stage::InputResidual(residual) => self.input_residual(residual, value),
            Stage::OutputSkip(skip) => self.output_skip(skip, value),
        }
    }

    /// How to add `value`, which is one segment, to a product's output, in its own buffer if nothing else needs it.
    fn residual(&self, value: &Value) -> (ResidualAt, Option<BufferId>) {
        let data = value.segments[0].map_or(BufferId(0), |stored| stored.data);
        let mut kept = self.skips.iter().chain(&self.image);
        if kept.any(|value| value.uses(data)) {
            (ResidualAt::Buffer(data), None)
        } else {
            (ResidualAt::InPlace, Some(data))
        }
    }

    fn resnet(&mut self, resnet: &Resnet, value: Value) -> Result<Value, PlanError> {
        let norm = self.norm(&value, &resnet.norm1, None)?;
        let plain = value.input();
        let activated = Input {
            norm: Some(norm),
            silu: true,
            ..plain
        };
        let resampled = self.resample(&plain, resnet.resample);
        let input = self.resample(&activated, resnet.resample);
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
        } else if resampled.resampling != Resampling::None || resampled.segments[1].is_some() {
            self.materialize(&resampled)
        } else {
            whole(&resampled)
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
        let input = self.resample(&value.input(), Some(ResnetResample::NearestUp));
        self.conv(&layer.conv, &input, Extras::default())
    }

    /// The input after resampling; a filter's is made at once.
    fn resample(&mut self, input: &Input, resampling: Option<ResnetResample>) -> Input {
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
            Some(ResnetResample::FirDown) => self.filtered(input, Fir::Down).input(),
            Some(ResnetResample::FirUp) => self.filtered(input, Fir::Up).input(),
        }
    }

    fn input_skip(&mut self, conv: &Conv2d, value: Value) -> Result<Value, PlanError> {
        let image = self.image.take().ok_or(PlanError::NoSkip)?;
        let image = self.filtered(&image.input(), Fir::Down);
        self.image = Some(image);
        self.conv_and_add(conv, &image, (value, 1.0))
    }

    fn input_residual(
        &mut self,
        residual: &InputResidual,
        value: Value,
    ) -> Result<Value, PlanError> {
        let image = self.image.take().ok_or(PlanError::NoSkip)?;
        let sum = self.conv_and_add(&residual.conv, &image, (value, residual.scale))?;
        self.image = Some(sum);
        Ok(sum)
    }

    /// `(conv(image) + value) * scale`.
    fn conv_and_add(
        &mut self,
        conv: &Conv2d,
        image: &Value,
        (value, scale): (Value, f64),
    ) -> Result<Value, PlanError> {
        let value = match value.segments[1] {
            Some(_) => self.materialize(&value.input()),
            None => value,
        };
        let (residual, to) = self.residual(&value);
        let extras = Extras {
            residual,
            to,
            scale: scale as f32,
            ..Extras::default()
        };
        let sum = self.conv(conv, &image.input(), extras)?;
        check("a pyramid's sum", value.channels(), sum.channels())?;
        check("a pyramid's sum", value.height, sum.height)?;
        Ok(sum)
    }

    fn output_skip(&mut self, skip: &OutputSkip, value: Value) -> Result<Value, PlanError> {
        let norm = self.norm(&value, &skip.norm, None)?;
        let input = Input {
            norm: Some(norm),
            silu: true,
            ..value.input()
        };
        let sum = self.add_to_output(&skip.conv, &input)?;
        self.output = Some(sum);
        Ok(value)
    }

    /// The convolution's output on top of the image on the way out, if there is one.
    pub(super) fn add_to_output(
        &mut self,
        conv: &Conv2d,
        input: &Input,
    ) -> Result<Value, PlanError> {
        match self.output.take() {
            None => self.conv(conv, input, Extras::default()),
            Some(output) => {
                let output = self.filtered(&output.input(), Fir::Up);
                let data = output.segments[0].map_or(BufferId(0), |stored| stored.data);
                let extras = Extras {
                    residual: ResidualAt::InPlace,
                    to: Some(data),
                    ..Extras::default()
                };
                let sum = self.conv(conv, input, extras)?;
                check("the output's sum", output.channels(), sum.channels())?;
                check("the output's sum", output.height, sum.height)?;
                Ok(sum)
            }
        }
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

/// An input that is read as it is stored, as a value.
fn whole(input: &Input) -> Value {
    Value {
        segments: input.segments,
        height: input.size.0,
        width: input.size.1,
    }
}

fn bias_of(linear: &Linear, channels: usize) -> Vec<f32> {
    linear
        .bias
        .as_ref()
        .map_or_else(|| vec![0.0; channels], |bias| bias.values.to_vec())
}
