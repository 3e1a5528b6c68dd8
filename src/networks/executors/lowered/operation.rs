//! The operations that a network is compiled to, in the order in which they run.

use super::arena::BufferId;
use super::shapes::{AttentionShape, Fir, MAX_SEGMENTS, Resampling};

/// Sums of an activation for group normalization.
#[derive(Clone, Copy, Debug)]
pub struct Sums {
    /// (B, parts, 2, C).
    pub buffer: BufferId,
    /// Parts of an image.
    pub parts: usize,
}

/// A stored activation.
#[derive(Clone, Copy, Debug)]
pub struct Stored {
    /// (B, H, W, C).
    pub data: BufferId,
    pub channels: usize,
    /// What its producer counted.
    pub sums: Option<Sums>,
}

/// The input of an operation.
#[derive(Clone, Copy, Debug)]
pub struct Input {
    /// Concatenated over channels.
    pub segments: [Option<Stored>; MAX_SEGMENTS],
    /// Rows and pixels a row as stored.
    pub stored_size: (usize, usize),
    /// The same after resampling.
    pub size: (usize, usize),
    /// Factors and terms to apply first.
    pub norm: Option<BufferId>,
    /// Whether `SiLU` follows them.
    pub silu: bool,
    /// Resampling after that.
    pub resampling: Resampling,
}

/// Where a product's bias stands.
#[derive(Clone, Copy, Debug)]
pub enum BiasAt {
    /// With the layer.
    Layer,
    /// In the time table, at this place of each row.
    Time(usize),
}

/// What a product adds to each value.
#[derive(Clone, Copy, Debug)]
pub enum ResidualAt {
    None,
    /// What its output buffer holds.
    InPlace,
    /// Another buffer.
    Buffer(BufferId),
}

/// A convolution or linear layer with all that is fused into it.
#[derive(Clone, Copy, Debug)]
pub struct Product {
    /// Index of the layer.
    pub layer: usize,
    pub input: Input,
    pub to: BufferId,
    /// Where it counts its output's sums.
    pub sums: Option<BufferId>,
    /// Added for each channel.
    pub bias: BiasAt,
    /// Added for each value.
    pub residual: ResidualAt,
    /// Factor on the sum.
    pub scale: f32,
}

/// One step of a network call.
#[derive(Clone, Copy, Debug)]
pub enum Operation {
    /// The sample as channels-last.
    Load {
        /// Where to.
        to: BufferId,
    },
    /// Factors and terms of a group normalization from sums.
    Norm {
        /// What is normalized.
        segments: [Option<Stored>; MAX_SEGMENTS],
        /// Pixels of an image.
        pixels: usize,
        /// Index of the normalization.
        norm: usize,
        /// Place of (scale, shift) in a time row.
        time: Option<usize>,
        /// (B, 2, C).
        to: BufferId,
    },
    Product(Product),
    /// Attention after its projections.
    Attention {
        /// (B, pixels, 3, C).
        qkv: BufferId,
        /// (B, pixels, C).
        to: BufferId,
        shape: AttentionShape,
    },
    /// Concatenation or resampling by itself.
    Copy {
        input: Input,
        to: BufferId,
    },
    /// Resampling of an activated input by a filter. The sizes of `input` are those before it.
    Fir {
        input: Input,
        direction: Fir,
        to: BufferId,
    },
    /// Channels-last to the output.
    Store {
        from: BufferId,
    },
}

impl Input {
    /// Channels of all segments.
    pub fn channels(&self) -> usize {
        self.segments
            .iter()
            .flatten()
            .map(|stored| stored.channels)
            .sum()
    }
}
