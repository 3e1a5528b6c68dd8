//! All weights of a network in one flat buffer, laid out for training, and their way back to the tensors of a file.

use std::ops::Range;

use crate::networks::description::{Conv2d, GroupNorm, Linear, Network, Stage};
use crate::networks::weights::Weights;

/// Where the values of one tensor stand in the flat buffer.
///
/// Weights lie as (k, k, in, out): transforms, packing and the optimizer then run over contiguous memory. Tensors that
/// the network applies at once (queries, keys and values; all projections of the time embedding) share their rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// As the description has it: (out, in, k, k), (out, in) or (C).
    pub shape: Vec<usize>,
    /// First value.
    offset: usize,
    /// Kernel taps.
    taps: usize,
    inputs: usize,
    outputs: usize,
    /// Distance between rows of outputs.
    stride: usize,
}

impl Entry {
    /// The tensor in the order of a file.
    fn read(&self, flat: &[f32]) -> Vec<f32> {
        let mut values = vec![0.0; self.outputs * self.inputs * self.taps];
        self.walk(|in_file, in_flat| values[in_file] = flat[in_flat]);
        values
    }

    fn write(&self, values: &[f32], flat: &mut [f32]) {
        self.walk(|in_file, in_flat| flat[in_flat] = values[in_file]);
    }

    fn walk(&self, mut visit: impl FnMut(usize, usize)) {
        for tap in 0..self.taps {
            for input in 0..self.inputs {
                let row = self.offset + (tap * self.inputs + input) * self.stride;
                for output in 0..self.outputs {
                    visit(
                        (output * self.inputs + input) * self.taps + tap,
                        row + output,
                    );
                }
            }
        }
    }
}

/// The layout of a network's weights.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters {
    /// In the order of [`tensors`].
    entries: Vec<Entry>,
    len: usize,
}

impl Parameters {
    /// Length of the flat buffer.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Places of all tensors, in the order of [`tensors`].
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The weights of a network of this layout as a flat buffer.
    ///
    /// # Panics
    /// If the network is another one.
    pub fn read(&self, network: &Network) -> Vec<f32> {
        let mut flat = vec![0.0; self.len];
        let mut network = network.clone();
        let tensors = tensors(&mut network);
        assert_eq!(tensors.len(), self.entries.len(), "tensors of the network");
        for (entry, tensor) in self.entries.iter().zip(tensors) {
            assert_eq!(entry.shape, tensor.shape, "the shape of a tensor");
            entry.write(&tensor.values, &mut flat);
        }
        flat
    }

    /// The network with the weights of a flat buffer.
    ///
    /// # Panics
    /// If the network has another layout.
    pub fn apply(&self, flat: &[f32], network: &Network) -> Network {
        let mut network = network.clone();
        let tensors = tensors(&mut network);
        assert_eq!(tensors.len(), self.entries.len(), "tensors of the network");
        for (entry, tensor) in self.entries.iter().zip(tensors) {
            assert_eq!(entry.shape, tensor.shape, "the shape of a tensor");
            tensor.values = entry.read(flat).into();
        }
        network
    }

    /// Room for a block of rows of outputs.
    pub(super) fn reserve(&mut self, len: usize) -> Range<usize> {
        let begin = self.len;
        self.len += len;
        begin..self.len
    }

    /// A weight in a block whose rows hold `stride` outputs, from column `column` on.
    pub(super) fn place_weight(
        &mut self,
        weight: &Weights,
        block: &Range<usize>,
        (column, stride): (usize, usize),
    ) {
        let size = |axis: usize| weight.shape.get(axis).copied().unwrap_or(1);
        self.entries.push(Entry {
            shape: weight.shape.clone(),
            offset: block.start + column,
            taps: size(2) * size(3),
            inputs: size(1),
            outputs: size(0),
            stride,
        });
    }

    /// A vector in a block, from `column` on.
    pub(super) fn place_vector(&mut self, vector: &Weights, block: &Range<usize>, column: usize) {
        self.entries.push(Entry {
            shape: vector.shape.clone(),
            offset: block.start + column,
            taps: 1,
            inputs: 1,
            outputs: vector.len(),
            stride: vector.len(),
        });
    }
}

/// All weights of a network, in the order in which diffusers' layers are built.
pub fn tensors(network: &mut Network) -> Vec<&mut Weights> {
    let mut all = Vec::new();
    conv(&mut network.conv_in, &mut all);
    linear(&mut network.time.linear_1, &mut all);
    linear(&mut network.time.linear_2, &mut all);
    all.extend(&mut network.time.fourier);
    for stage in &mut network.stages {
        match stage {
            Stage::Resnet(resnet) => {
                norm(&mut resnet.norm1, &mut all);
                conv(&mut resnet.conv1, &mut all);
                linear(&mut resnet.time_proj, &mut all);
                norm(&mut resnet.norm2, &mut all);
                conv(&mut resnet.conv2, &mut all);
                if let Some(shortcut) = &mut resnet.shortcut {
                    conv(shortcut, &mut all);
                }
            }
            Stage::Attention(attention) => {
                linear(&mut attention.to_q, &mut all);
                linear(&mut attention.to_k, &mut all);
                linear(&mut attention.to_v, &mut all);
                linear(&mut attention.to_out, &mut all);
                if let Some(group_norm) = &mut attention.group_norm {
                    norm(group_norm, &mut all);
                }
            }
            Stage::Downsample(resample) | Stage::Upsample(resample) => {
                conv(&mut resample.conv, &mut all);
            }
            Stage::InputSkip(skip) => conv(skip, &mut all),
            Stage::InputResidual(residual) => conv(&mut residual.conv, &mut all),
            Stage::OutputSkip(skip) => {
                norm(&mut skip.norm, &mut all);
                conv(&mut skip.conv, &mut all);
            }
            Stage::PushSkip | Stage::ConcatSkip => {}
        }
    }
    norm(&mut network.norm_out, &mut all);
    conv(&mut network.conv_out, &mut all);
    all
}

fn conv<'a>(conv: &'a mut Conv2d, all: &mut Vec<&'a mut Weights>) {
    all.push(&mut conv.weight);
    all.extend(&mut conv.bias);
}

fn linear<'a>(linear: &'a mut Linear, all: &mut Vec<&'a mut Weights>) {
    all.push(&mut linear.weight);
    all.extend(&mut linear.bias);
}

fn norm<'a>(norm: &'a mut GroupNorm, all: &mut Vec<&'a mut Weights>) {
    all.push(&mut norm.weight);
    all.push(&mut norm.bias);
}
