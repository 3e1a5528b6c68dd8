//! Half-pixel bilinear resizing, antialiased when shrinking: PIL's `BILINEAR` and torch's `antialias=True`, without
//! rounding to 8 bits in between.
//!
//! Streams over the rows of the picture, so that memory depends on the result's size only.

use image::{DynamicImage, GenericImageView as _};

/// The part of a picture to resize; what lies outside of the picture is black.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub left: i64,
    pub top: i64,
    /// At least 1.
    pub width: u32,
    /// At least 1.
    pub height: u32,
}

/// The source pixels that make one result pixel along one axis.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

impl Taps {
    fn end(&self) -> usize {
        self.first + self.weights.len()
    }
}

/// Resize a window to `width` x `height` pixels of `channels` (1 or 3) interleaved values in [0, 1].
pub(super) fn resize(
    image: &DynamicImage,
    window: Window,
    width: usize,
    height: usize,
    channels: usize,
) -> Vec<f32> {
    let columns = axis(window.left, window.width, image.width(), width);
    let rows = axis(window.top, window.height, image.height(), height);
    let left = columns.iter().map(|taps| taps.first).min().unwrap_or(0);
    let right = columns.iter().map(Taps::end).max().unwrap_or(0);
    let top = rows.iter().map(|taps| taps.first).min().unwrap_or(0);
    let bottom = rows.iter().map(Taps::end).max().unwrap_or(0);

    let mut result = vec![0.0; width * height * channels];
    let mut source = Vec::new();
    let mut resized = vec![0.0; width * channels];
    let mut first_open = 0;
    for y in top..bottom {
        read_row(image, y, left..right, channels, &mut source);
        resize_row(&columns, &source, left, channels, &mut resized);
        while rows.get(first_open).is_some_and(|taps| taps.end() <= y) {
            first_open += 1;
        }
        for (index, taps) in rows.iter().enumerate().skip(first_open) {
            if taps.first > y {
                break;
            }
            let Some(&weight) = taps.weights.get(y - taps.first) else {
                continue;
            };
            let start = index * resized.len();
            for (sum, &value) in result[start..start + resized.len()]
                .iter_mut()
                .zip(&resized)
            {
                *sum += weight * value;
            }
        }
    }
    for value in &mut result {
        *value = value.clamp(0.0, 1.0);
    }
    result
}

fn resize_row(columns: &[Taps], source: &[f32], left: usize, channels: usize, resized: &mut [f32]) {
    for (taps, pixel) in columns.iter().zip(resized.chunks_exact_mut(channels)) {
        pixel.fill(0.0);
        let used = &source[(taps.first - left) * channels..];
        for (&weight, values) in taps.weights.iter().zip(used.chunks_exact(channels)) {
            for (sum, &value) in pixel.iter_mut().zip(values) {
                *sum += weight * value;
            }
        }
    }
}

/// The taps of one axis: a window of `window_len` pixels from `start`, of `source_len`, to `len` pixels.
///
/// Weights as in PIL's `precompute_coeffs` with the triangle filter: they add up to 1 over the window, and those that
/// fall on the black outside of the picture are left out afterwards.
fn axis(start: i64, window_len: u32, source_len: u32, len: usize) -> Vec<Taps> {
    let scale = f64::from(window_len) / len as f64;
    let source_end = i64::from(source_len) - start;
    let support = scale.max(1.0);
    let weight = |position: i64, center: f64| {
        (1.0 - ((position as f64 - center + 0.5) / support).abs()).max(0.0)
    };
    (0..len)
        .map(|index| {
            let center = scale * (index as f64 + 0.5);
            let low = ((center - support + 0.5) as i64).max(0);
            let high = ((center + support + 0.5) as i64).min(i64::from(window_len));
            let sum: f64 = (low..high).map(|position| weight(position, center)).sum();
            let inside_low = low.max(-start).min(source_end);
            let inside_high = high.min(source_end).max(inside_low);
            Taps {
                first: (start + inside_low).max(0) as usize,
                weights: (inside_low..inside_high)
                    .map(|position| (weight(position, center) / sum) as f32)
                    .collect(),
            }
        })
        .collect()
}

/// Columns of one row as `channels` interleaved values in [0, 1], transparency over white.
fn read_row(
    image: &DynamicImage,
    y: usize,
    columns: std::ops::Range<usize>,
    channels: usize,
    row: &mut Vec<f32>,
) {
    let width = image.width() as usize;
    let num_samples = usize::from(image.color().channel_count());
    let samples =
        (y * width + columns.start) * num_samples..(y * width + columns.end) * num_samples;
    row.clear();
    let byte = |value: u8| f32::from(value) / 255.0;
    let word = |value: u16| f32::from(value) / 65_535.0;
    let float = |value: f32| value.clamp(0.0, 1.0);
    match image {
        DynamicImage::ImageLuma8(b) => push::<1, _>(&b.as_raw()[samples], byte, channels, row),
        DynamicImage::ImageLumaA8(b) => push::<2, _>(&b.as_raw()[samples], byte, channels, row),
        DynamicImage::ImageRgb8(b) => push::<3, _>(&b.as_raw()[samples], byte, channels, row),
        DynamicImage::ImageRgba8(b) => push::<4, _>(&b.as_raw()[samples], byte, channels, row),
        DynamicImage::ImageLuma16(b) => push::<1, _>(&b.as_raw()[samples], word, channels, row),
        DynamicImage::ImageLumaA16(b) => push::<2, _>(&b.as_raw()[samples], word, channels, row),
        DynamicImage::ImageRgb16(b) => push::<3, _>(&b.as_raw()[samples], word, channels, row),
        DynamicImage::ImageRgba16(b) => push::<4, _>(&b.as_raw()[samples], word, channels, row),
        DynamicImage::ImageRgb32F(b) => push::<3, _>(&b.as_raw()[samples], float, channels, row),
        DynamicImage::ImageRgba32F(b) => push::<4, _>(&b.as_raw()[samples], float, channels, row),
        // The enum may grow; today's decoders give one of the above.
        other => {
            for x in columns {
                let pixel = other.get_pixel(x as u32, y as u32);
                push::<4, _>(&pixel.0, byte, channels, row);
            }
        }
    }
}

/// Rec. 601 weights of red, green and blue.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

fn push<const NUM_SAMPLES: usize, T: Copy>(
    samples: &[T],
    unit: impl Fn(T) -> f32,
    channels: usize,
    row: &mut Vec<f32>,
) {
    for pixel in samples.chunks_exact(NUM_SAMPLES) {
        let alpha = if NUM_SAMPLES.is_multiple_of(2) {
            unit(pixel[NUM_SAMPLES - 1])
        } else {
            1.0
        };
        let over_white = |sample: T| unit(sample) * alpha + (1.0 - alpha);
        if NUM_SAMPLES < 3 {
            row.extend(std::iter::repeat_n(over_white(pixel[0]), channels));
        } else {
            let rgb = [pixel[0], pixel[1], pixel[2]].map(over_white);
            if channels == 1 {
                row.push(
                    rgb.iter()
                        .zip(LUMA)
                        .map(|(value, weight)| value * weight)
                        .sum(),
                );
            } else {
                row.extend(rgb);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use image::{GrayImage, Luma};

    use super::*;

    fn ramp(width: u32, height: u32) -> DynamicImage {
        GrayImage::from_fn(width, height, |x, y| Luma([(x * 10 + y) as u8])).into()
    }

    fn whole(width: u32, height: u32) -> Window {
        Window {
            left: 0,
            top: 0,
            width,
            height,
        }
    }

    #[test]
    fn the_same_size_gives_the_same_values() {
        let values = resize(&ramp(5, 4), whole(5, 4), 5, 4, 1);
        let expected: Vec<f32> = (0..20)
            .map(|i| ((i % 5) * 10 + i / 5) as f32 / 255.0)
            .collect();
        assert_eq!(values, expected);
    }

    #[test]
    fn a_window_outside_of_the_picture_is_black() {
        let window = Window {
            left: 7,
            top: -9,
            width: 3,
            height: 3,
        };
        assert_eq!(resize(&ramp(5, 4), window, 2, 2, 1), [0.0; 4]);
    }

    #[test]
    fn weights_add_up_to_one_inside() {
        for (from, to) in [(1, 7), (7, 1), (10, 3), (3, 10), (28, 32), (300, 32)] {
            for taps in axis(0, from, from, to) {
                let sum: f32 = taps.weights.iter().sum();
                assert!((sum - 1.0).abs() < 1e-5, "{from} to {to}: {sum}");
            }
        }
    }
}
