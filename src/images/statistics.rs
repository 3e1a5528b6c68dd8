//! What can be said of a picture without looking at what it shows: a score that follows it says little.

use super::pixels::Picture;
use super::write::encode_png;

/// Simple measures of one picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImageStatistics {
    /// Mean of all values, in [0, 255].
    pub mean_u8: f64,
    /// Standard deviation of all values, in [0, 127.5].
    pub deviation_u8: f64,
    /// Bytes of the picture as PNG: its complexity, as in Serrà et al., "Input complexity and out-of-distribution
    /// detection with likelihood-based generative models" (ICLR 2020, <https://arxiv.org/abs/1909.11480>).
    pub num_png_bytes: usize,
}

impl ImageStatistics {
    /// Measure a picture.
    pub fn of(picture: &Picture) -> Self {
        // Writing to memory fails for a picture without pixels alone.
        let num_png_bytes = encode_png(picture).map_or(0, |png| png.len());
        Self::with_png(picture, num_png_bytes)
    }

    /// Measure a picture whose PNG has this many bytes.
    pub fn with_png(picture: &Picture, num_png_bytes: usize) -> Self {
        let values = || picture.bytes.iter().map(|&value| f64::from(value));
        let count = picture.bytes.len().max(1) as f64;
        let mean = values().sum::<f64>() / count;
        let squares = values().map(|value| (value - mean).powi(2)).sum::<f64>();
        Self {
            mean_u8: mean,
            deviation_u8: (squares / count).sqrt(),
            num_png_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(value: impl Fn(usize) -> u8) -> ImageStatistics {
        ImageStatistics::of(&Picture {
            width: 32,
            height: 32,
            channels: 1,
            bytes: (0..1024).map(value).collect(),
        })
    }

    #[test]
    fn noise_is_more_complex_than_stripes_and_stripes_than_nothing() {
        let flat = measured(|_| 7);
        assert_eq!((flat.mean_u8, flat.deviation_u8), (7.0, 0.0));
        let stripes = measured(|pixel| if pixel % 8 < 4 { 0 } else { 200 });
        assert_eq!((stripes.mean_u8, stripes.deviation_u8), (100.0, 100.0));
        let noise = measured(|pixel| (pixel as u32).wrapping_mul(2_654_435_761).to_be_bytes()[0]);
        assert!(flat.num_png_bytes < stripes.num_png_bytes, "{stripes:?}");
        assert!(stripes.num_png_bytes < noise.num_png_bytes, "{noise:?}");
        assert!(
            noise.num_png_bytes > 900,
            "noise can't be packed: {noise:?}"
        );
    }
}
