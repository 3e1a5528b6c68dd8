//! Sizes of layers, and normalizations, as the operations name them: plain data, the same for every executor.

/// Activations that a source can concatenate: two that are concatenations themselves.
pub const MAX_SEGMENTS: usize = 4;

/// Resampling on the way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resampling {
    None,
    /// Nearest, factor 2.
    Up,
    /// 2x2 average.
    Down,
}

/// Resampling by the filter [1, 3, 3, 1] along both axes, with zeros around the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fir {
    /// Half the width and height.
    Down,
    /// Twice the width and height.
    Up,
}

impl Fir {
    /// A width or height after it.
    pub fn resized(self, size: usize) -> usize {
        match self {
            Self::Down => size / 2,
            Self::Up => size * 2,
        }
    }
}

/// Sizes of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvShape {
    /// Channels in.
    pub in_channels: usize,
    /// Channels out.
    pub out_channels: usize,
    /// Width and height of the kernel.
    pub kernel: usize,
    /// Step.
    pub stride: usize,
    /// Zeros above and left of the image.
    pub pad_before: usize,
    /// Zeros below and right of the image.
    pub pad_after: usize,
    /// Input rows.
    pub height: usize,
    /// Input pixels a row.
    pub width: usize,
}

impl ConvShape {
    /// A linear layer over pixels.
    pub fn linear(in_channels: usize, out_channels: usize, height: usize, width: usize) -> Self {
        Self::same(1, (in_channels, out_channels), (height, width))
    }

    /// An odd kernel that leaves the size as it is.
    pub fn same(
        kernel: usize,
        (in_channels, out_channels): (usize, usize),
        (height, width): (usize, usize),
    ) -> Self {
        Self {
            in_channels,
            out_channels,
            kernel,
            stride: 1,
            pad_before: kernel / 2,
            pad_after: kernel / 2,
            height,
            width,
        }
    }

    /// Output rows.
    pub fn out_height(&self) -> usize {
        (self.height + self.pad_before + self.pad_after - self.kernel) / self.stride + 1
    }

    /// Output pixels a row.
    pub fn out_width(&self) -> usize {
        (self.width + self.pad_before + self.pad_after - self.kernel) / self.stride + 1
    }

    /// Inner size of the product.
    pub fn depth(&self) -> usize {
        self.kernel * self.kernel * self.in_channels
    }
}

/// Sizes of an attention layer.
#[derive(Clone, Copy, Debug)]
pub struct AttentionShape {
    /// Pixels of an image.
    pub pixels: usize,
    /// Channels of all heads.
    pub channels: usize,
    /// Heads; divides `channels`.
    pub heads: usize,
}

impl AttentionShape {
    /// Channels of one head.
    pub fn head_channels(&self) -> usize {
        self.channels / self.heads
    }
}

/// A group normalization with its weights.
#[derive(Debug)]
pub struct Norm {
    /// (C).
    pub weight: Vec<f32>,
    /// (C).
    pub bias: Vec<f32>,
    /// Divides C.
    pub num_groups: usize,
    /// Added to the variance.
    pub eps: f64,
}
