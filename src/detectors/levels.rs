//! Images as whole levels from 0 to 255, for scores that are defined on stored pixels.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::images::Geometry;

/// Levels of an image with values in [0, 1], in the same order.
pub(super) fn levels(unit: &[f32]) -> Vec<u8> {
    let levels = unit
        .iter()
        .map(|&value| (f64::from(value) * 255.0).round() as u8);
    levels.collect()
}

/// A level as the model sees it, in [-1, 1].
pub(super) fn signed(level: u8) -> f64 {
    f64::from(level) / 127.5 - 1.0
}

/// Bits per value of the image as PNG stores it: rows without a filter, deflated as far as our library does it. Another
/// library's bits differ by some percent, and those of filtered rows by far more.
pub(super) fn png_bits_per_value(geometry: Geometry, levels: &[u8]) -> f64 {
    let Geometry { channels, side } = geometry;
    let plane = side * side;
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    for row in 0..side {
        let pixels = (0..side).flat_map(|column| {
            (0..channels).map(move |channel| channel * plane + row * side + column)
        });
        let bytes: Vec<u8> = std::iter::once(0)
            .chain(pixels.map(|at| levels[at]))
            .collect();
        encoder.write_all(&bytes).ok(); // A `Vec` takes all.
    }
    let deflated = encoder.finish().unwrap_or_default();
    8.0 * deflated.len() as f64 / levels.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::reference::Reference;

    #[test]
    fn levels_are_the_nearest_ones() {
        let unit = [-1.0, 0.4 / 255.0, 0.6 / 255.0, 0.997, 1.0, 2.0];
        assert_eq!(levels(&unit), [0, 0, 1, 254, 255, 255]);
        assert_eq!([signed(0), signed(255)], [-1.0, 1.0]);
    }

    #[test]
    fn planes_become_pixels_before_they_are_deflated() {
        let geometry = |channels| Geometry { channels, side: 32 };
        let gray: Vec<u8> = (0..1024_u32).map(|at| (at * at % 251) as u8).collect();
        let color: Vec<u8> = gray.iter().cycle().take(3 * 1024).copied().collect();
        let (one, three) = (
            png_bits_per_value(geometry(1), &gray),
            png_bits_per_value(geometry(3), &color),
        );
        assert!(
            three < one,
            "three equal channels lie side by side: {three} {one}"
        );
        assert!(png_bits_per_value(geometry(1), &[7; 1024]) < 0.5);
    }

    /// Bits of the same stream by zlib, which finds somewhat longer matches.
    #[test]
    fn png_bits_are_nearly_those_of_zlib() {
        let reference = Reference::read("likelihood.safetensors");
        let geometry = Geometry {
            channels: 1,
            side: 32,
        };
        for (image, zlib) in reference.rows("images").iter().zip([3792.0, 6096.0]) {
            let levels: Vec<u8> = image.iter().map(|level| *level as u8).collect();
            let bits = 1024.0 * png_bits_per_value(geometry, &levels);
            assert!((0.98..1.1).contains(&(bits / zlib)), "{bits} {zlib}");
        }
    }
}
