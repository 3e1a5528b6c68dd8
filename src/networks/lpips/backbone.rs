//! What LPIPS's networks are made of: tables that say how each is read from the names of its weights.

use super::{Lpips, LpipsLayer};
use crate::networks::description::{Conv2d, Padding};
use crate::networks::weights::Weights;

/// A network that LPIPS looks at images with.
#[derive(Debug)]
pub struct Backbone {
    /// Its name for people, e.g. `VGG16`.
    pub name: &'static str,
    /// Its convolutions in order; `ReLU` follows each.
    pub layers: &'static [LayerDef],
}

/// A convolution, or two side by side whose outputs lie one after the other.
#[derive(Clone, Copy, Debug)]
pub struct LayerDef {
    /// What comes before it.
    pub pool: Option<MaxPool>,
    pub inputs: usize,
    pub first: Part,
    /// A second convolution of the same input, whose outputs follow. The smaller kernel of both is taken as one of the larger
    /// size with zeros around it.
    pub beside: Option<Part>,
    pub stride: usize,
    /// Zeros on all four sides.
    pub padding: usize,
    /// Whether its activations are compared.
    pub is_tapped: bool,
}

/// One convolution of a [`LayerDef`].
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Name in files, without `.weight` and `.bias`.
    pub name: &'static str,
    pub outputs: usize,
    /// Pixels per side.
    pub kernel: usize,
}

/// The largest of `size` times `size` values, at every second pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool {
    pub size: usize,
    /// Zeros on all four sides, which never are the largest of what `ReLU` has made.
    pub padding: usize,
    /// Whether values at the right and the bottom that fill no whole window have a result too.
    pub rounds_up: bool,
}

impl MaxPool {
    /// Side of the result; `None` where there is none.
    pub fn out_side(self, side: usize) -> Option<usize> {
        let rest =
            (side + 2 * self.padding + usize::from(self.rounds_up)).checked_sub(self.size)?;
        Some(rest / 2 + 1)
    }
}

impl LayerDef {
    /// A convolution of `[inputs, outputs, kernel]` at every pixel that keeps the size, not compared.
    pub const fn plain(name: &'static str, [inputs, outputs, kernel]: [usize; 3]) -> Self {
        Self {
            pool: None,
            inputs,
            first: Part {
                name,
                outputs,
                kernel,
            },
            beside: None,
            stride: 1,
            padding: kernel / 2,
            is_tapped: false,
        }
    }

    /// With another stride and padding.
    pub const fn spaced(self, stride: usize, padding: usize) -> Self {
        Self {
            stride,
            padding,
            ..self
        }
    }

    /// With its activations compared.
    pub const fn tapped(self) -> Self {
        Self {
            is_tapped: true,
            ..self
        }
    }

    /// With a pool before it.
    pub const fn pooled(self, pool: MaxPool) -> Self {
        Self {
            pool: Some(pool),
            ..self
        }
    }

    /// Channels of its result.
    pub const fn outputs(&self) -> usize {
        match &self.beside {
            Some(beside) => self.first.outputs + beside.outputs,
            None => self.first.outputs,
        }
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        std::iter::once(&self.first).chain(&self.beside)
    }

    fn kernel(&self) -> usize {
        self.parts().map(|part| part.kernel).max().unwrap_or(1)
    }

    fn out_side(&self, side: usize) -> Option<usize> {
        let side = self.pool.map_or(Some(side), |pool| pool.out_side(side))?;
        let rest = (side + 2 * self.padding).checked_sub(self.kernel())?;
        Some(rest / self.stride + 1)
    }

    fn conv(&self, tensors: &mut Take<'_>) -> Result<Conv2d, String> {
        let (kernel, outputs) = (self.kernel(), self.outputs());
        let mut weight = Vec::with_capacity(outputs * self.inputs * kernel * kernel);
        let mut bias = Vec::with_capacity(outputs);
        for part in self.parts() {
            let shape = [part.outputs, self.inputs, part.kernel, part.kernel];
            let values = tensors(&format!("{}.weight", part.name), &shape)?;
            weight.extend(widened(&values, part.kernel, kernel));
            bias.extend(tensors(&format!("{}.bias", part.name), &[part.outputs])?);
        }
        Ok(Conv2d {
            weight: Weights {
                shape: vec![outputs, self.inputs, kernel, kernel],
                values: weight.into(),
            },
            bias: Some(Weights {
                shape: vec![outputs],
                values: bias.into(),
            }),
            stride: self.stride,
            padding: Padding::Same(self.padding),
        })
    }
}

/// Kernels of `from` pixels per side in the middle of such of `to`.
fn widened(values: &[f32], from: usize, to: usize) -> Vec<f32> {
    if from == to {
        return values.to_vec();
    }
    let margin = (to - from) / 2;
    let mut wide = vec![0.0; values.len() / (from * from) * to * to];
    let kernels = values.chunks_exact(from * from);
    for (kernel, wide) in kernels.zip(wide.chunks_exact_mut(to * to)) {
        for (y, row) in kernel.chunks_exact(from).enumerate() {
            wide[(margin + y) * to + margin..][..from].copy_from_slice(row);
        }
    }
    wide
}

/// Gives the values of a tensor by its name and shape, or says in a sentence's end what is wrong.
pub type Take<'a> = dyn FnMut(&str, &[usize]) -> Result<Vec<f32>, String> + 'a;

impl Backbone {
    /// Side in pixels of the smallest image that reaches the last tap: smaller ones vanish in a pool.
    pub fn smallest_side(&self) -> usize {
        const SURELY_ENOUGH: usize = 64;
        let reaches_the_end = |side: usize| {
            let mut layers = self.layers.iter();
            layers
                .try_fold(side, |side, layer| layer.out_side(side))
                .is_some()
        };
        (1..SURELY_ENOUGH)
            .find(|&side| reaches_the_end(side))
            .unwrap_or(SURELY_ENOUGH)
    }

    /// Channels of each tap, in order.
    pub fn tap_channels(&self) -> impl Iterator<Item = usize> {
        let tapped = self.layers.iter().filter(|layer| layer.is_tapped);
        tapped.map(LayerDef::outputs)
    }

    /// LPIPS by this network, with weights under the names of the `lpips` package.
    ///
    /// # Errors
    /// What `tensors` says.
    pub fn read(&self, tensors: &mut Take<'_>) -> Result<Lpips, String> {
        let mut num_taps = 0;
        let mut layers = Vec::with_capacity(self.layers.len());
        for layer in self.layers {
            let conv = layer.conv(tensors)?;
            let mut linear = None;
            if layer.is_tapped {
                let name = format!("lin{num_taps}.model.1.weight");
                let outputs = layer.outputs();
                linear = Some(Weights {
                    shape: vec![outputs],
                    values: tensors(&name, &[1, outputs, 1, 1])?.into(),
                });
                num_taps += 1;
            }
            layers.push(LpipsLayer {
                pool: layer.pool,
                conv,
                linear,
            });
        }
        Ok(Lpips {
            layers,
            smallest_side: self.smallest_side(),
        })
    }
}
