//! The pixel types that travel between layers.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The shape a model works at: square images of `side` pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Geometry {
    /// 1 (gray) or 3 (RGB).
    pub channels: usize,
    /// Width and height in pixels.
    pub side: usize,
}

impl Geometry {
    /// Number of values in one image: `channels * side * side`.
    pub fn len(self) -> usize {
        self.channels * self.pixels()
    }

    /// Number of pixels in one channel: `side * side`.
    pub fn pixels(self) -> usize {
        self.side * self.side
    }

    /// Whether an image of this shape holds no values.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// One prepared image: planar (C, H, W) `f32`, values in [0, 1].
#[derive(Clone, Debug, PartialEq)]
pub struct Pixels {
    /// The shape of `unit`.
    pub geometry: Geometry,
    /// `geometry.len()` values in [0, 1], channel by channel, row by row.
    pub unit: Vec<f32>,
}

/// An 8-bit picture for display and for storage: interleaved rows, cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// 1 (gray) or 3 (RGB).
    pub channels: usize,
    /// `width * height * channels` bytes.
    pub bytes: Arc<[u8]>,
}

impl Picture {
    /// Round a planar [0, 1] image to 8 bits; values outside are clamped.
    pub fn from_unit(geometry: Geometry, unit: &[f32]) -> Self {
        let Geometry { channels, side } = geometry;
        let plane = side * side;
        let bytes = (0..plane)
            .flat_map(|pixel| (0..channels).map(move |channel| channel * plane + pixel))
            .map(|index| (unit[index].clamp(0.0, 1.0) * 255.0).round() as u8)
            .collect();
        Self {
            width: side,
            height: side,
            channels,
            bytes,
        }
    }

    /// The values in [0, 1], planar, channel by channel.
    pub fn to_unit(&self) -> Vec<f32> {
        (0..self.channels)
            .flat_map(|channel| self.bytes[channel..].iter().step_by(self.channels))
            .map(|&value| f32::from(value) / 255.0)
            .collect()
    }

    /// The picture with sides of at most `max_side` pixels, each pixel the mean of a square of the original.
    pub fn shrunk(&self, max_side: usize) -> Self {
        let stride = self.width.max(self.height).div_ceil(max_side.max(1)).max(1);
        if stride == 1 {
            return self.clone();
        }
        let (width, height) = (self.width.div_ceil(stride), self.height.div_ceil(stride));
        let mean = |x: usize, y: usize, channel: usize| {
            let xs = x * stride..((x + 1) * stride).min(self.width);
            let ys = y * stride..((y + 1) * stride).min(self.height);
            let count = xs.len() * ys.len();
            let row = |y: usize| {
                let pixel = |x: usize| self.bytes[(y * self.width + x) * self.channels + channel];
                xs.clone().map(|x| usize::from(pixel(x))).sum::<usize>()
            };
            let sum: usize = ys.map(row).sum();
            ((sum + count / 2) / count) as u8
        };
        let bytes = (0..height)
            .flat_map(|y| (0..width).map(move |x| (x, y)))
            .flat_map(|(x, y)| (0..self.channels).map(move |channel| (x, y, channel)))
            .map(|(x, y, channel)| mean(x, y, channel))
            .collect();
        Self {
            width,
            height,
            channels: self.channels,
            bytes,
        }
    }

    /// The picture as interleaved RGB bytes, gray repeated.
    pub fn to_rgb(&self) -> Vec<u8> {
        if self.channels == 3 {
            self.bytes.to_vec()
        } else {
            self.bytes.iter().flat_map(|&gray| [gray; 3]).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_goes_to_unit_values_and_back() {
        let geometry = Geometry {
            channels: 3,
            side: 2,
        };
        let unit: Vec<f32> = (0..12_u8).map(|value| f32::from(value) / 255.0).collect();
        let picture = Picture::from_unit(geometry, &unit);
        assert_eq!(picture.bytes[..3], [0, 4, 8], "channels of one pixel");
        assert_eq!(picture.to_unit(), unit);
    }
}
