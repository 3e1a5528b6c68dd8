//! A convolution or linear layer as the product shader reads it.

use crate::networks::executors::lowered::{ConvShape, PreparedLayer};

/// Channels that the product shader takes at a time; weights of channels that do not exist are zero.
pub(super) const STEP: usize = 16;
/// Pixels that a thread makes.
const THREAD_ROWS: usize = 8;

/// What a workgroup of the product shader makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tile {
    /// Threads beside each other over output channels.
    pub threads_x: usize,
    /// Threads over pixels, 8 pixels each.
    pub threads_y: usize,
    /// Vectors of 4 output channels that a thread makes: 1 or 2.
    pub columns: usize,
}

/// 64 pixels by 128 channels: the most arithmetic for each value that is fetched.
const WIDE: Tile = Tile {
    threads_x: 16,
    threads_y: 8,
    columns: 2,
};
/// 64 pixels by 64 channels.
const MEDIUM: Tile = Tile {
    threads_x: 16,
    threads_y: 8,
    columns: 1,
};
/// 128 pixels by 16 channels, for the last convolution and small networks.
const NARROW: Tile = Tile {
    threads_x: 4,
    threads_y: 16,
    columns: 1,
};

impl Tile {
    /// The widest that wastes no more channels than a narrower one. By the layer alone, never by the batch: an image's
    /// bits must not depend on its company.
    fn of(shape: &ConvShape) -> Self {
        let channels = shape.out_channels;
        let padded = |tile: &Self| channels.next_multiple_of(tile.channels());
        if channels <= NARROW.channels() * 2 {
            NARROW
        } else if padded(&WIDE) <= padded(&MEDIUM) {
            WIDE
        } else {
            MEDIUM
        }
    }

    /// Pixels.
    pub fn rows(&self) -> usize {
        self.threads_y * THREAD_ROWS
    }

    /// Output channels.
    pub fn channels(&self) -> usize {
        self.threads_x * self.columns * 4
    }
}

/// A layer with its weights as (taps, padded channels, padded output channels).
#[derive(Debug)]
pub(super) struct Layer {
    pub shape: ConvShape,
    pub tile: Tile,
    pub weights: Vec<f32>,
}

impl Layer {
    /// Steps that cover the input channels.
    pub fn steps(&self) -> usize {
        self.shape.in_channels.div_ceil(STEP)
    }

    /// Output channels rounded up to whole tiles.
    pub fn padded_channels(&self) -> usize {
        self.shape
            .out_channels
            .next_multiple_of(self.tile.channels())
    }
}

impl PreparedLayer for Layer {
    fn new(shape: ConvShape, weights: &[f32]) -> Self {
        let mut layer = Self {
            shape,
            tile: Tile::of(&shape),
            weights: Vec::new(),
        };
        let (depth, width) = (layer.steps() * STEP, layer.padded_channels());
        let taps = shape.kernel * shape.kernel;
        layer.weights = vec![0.0; taps * depth * width];
        for (out, kernels) in weights
            .chunks_exact(shape.in_channels * taps)
            .take(shape.out_channels)
            .enumerate()
        {
            for (channel, kernel) in kernels.chunks_exact(taps).enumerate() {
                for (tap, &weight) in kernel.iter().enumerate() {
                    layer.weights[(tap * depth + channel) * width + out] = weight;
                }
            }
        }
        layer
    }

    /// The norm shader counts from the activations themselves.
    fn num_parts(&self) -> usize {
        0
    }

    fn num_bytes(&self) -> usize {
        size_of_val(self.weights.as_slice())
    }
}
