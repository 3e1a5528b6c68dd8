//! Places of the weights in the flat buffer.

use super::builder::Builder;
use super::{Layer, Norm};
use crate::networks::description::{Conv2d, GroupNorm, Linear, Padding};
use crate::networks::executors::cpu::kernels::conv::ConvShape;
use crate::networks::executors::lowered::{PlanError, check, check_norm, mismatch};

impl Builder {
    pub(super) fn conv(
        &mut self,
        conv: &Conv2d,
        (height, width): (usize, usize),
    ) -> Result<usize, PlanError> {
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
    pub(super) fn place_linear(
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

    pub(super) fn norm(&mut self, norm: &GroupNorm, channels: usize) -> Result<usize, PlanError> {
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
