//! Perceptually uniform colors for difference maps.

use std::sync::LazyLock;

use egui::ColorImage;

use crate::images::Picture;
use crate::state::look::ColorMap;
use crate::state::shown::difference::pixel_differences;

type Table = [[u8; 3]; 256];

static TABLES: LazyLock<[Table; 3]> = LazyLock::new(|| ColorMap::ALL.map(table));

fn table(map: ColorMap) -> Table {
    let gradient = match map {
        ColorMap::Viridis => colorous::VIRIDIS,
        ColorMap::Magma => colorous::MAGMA,
        ColorMap::Gray => return std::array::from_fn(|level| [level as u8; 3]),
    };
    std::array::from_fn(|level| gradient.eval_rational(level, 256).into_array())
}

fn colors(map: ColorMap) -> &'static Table {
    let position = match map {
        ColorMap::Viridis => 0,
        ColorMap::Magma => 1,
        ColorMap::Gray => 2,
    };
    &TABLES[position]
}

/// The difference of two pictures in colors, where `top` and all above it get the strongest; `None` for pictures of
/// different shapes.
pub fn difference_image(a: &Picture, b: &Picture, map: ColorMap, top: u8) -> Option<ColorImage> {
    let table = colors(map);
    let top = usize::from(top.max(1));
    let rgb: Vec<u8> = pixel_differences(a, b)?
        .into_iter()
        .flat_map(|difference| table[(usize::from(difference) * 255 / top).min(255)])
        .collect();
    Some(ColorImage::from_rgb([a.width, a.height], &rgb))
}

/// Levels in colors; `levels` has one channel.
pub fn levels_image(levels: &Picture, map: ColorMap) -> ColorImage {
    let table = colors(map);
    let pixels = levels.bytes.iter();
    let rgb: Vec<u8> = pixels
        .flat_map(|&level| table[usize::from(level)])
        .collect();
    ColorImage::from_rgb([levels.width, levels.height], &rgb)
}

/// The map from weak to strong as a strip of one row.
pub fn legend_image(map: ColorMap) -> ColorImage {
    ColorImage::from_rgb([256, 1], colors(map).as_flattened())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_run_from_dark_to_light_without_turning_back() {
        for map in ColorMap::ALL {
            let luma = |[r, g, b]: [u8; 3]| {
                0.2126 * f64::from(r) + 0.7152 * f64::from(g) + 0.0722 * f64::from(b)
            };
            let lumas: Vec<f64> = colors(map).iter().map(|rgb| luma(*rgb)).collect();
            assert!(lumas[0] < 30.0 && lumas[255] > 200.0, "{map:?}");
            assert!(
                lumas.windows(2).all(|pair| pair[1] >= pair[0] - 1.0),
                "{map:?}"
            );
        }
        // The first and last color of matplotlib's tables.
        assert_eq!(colors(ColorMap::Viridis)[0], [68, 1, 84]);
        assert_eq!(colors(ColorMap::Viridis)[255], [253, 231, 37]);
        assert_eq!(colors(ColorMap::Magma)[0], [0, 0, 4]);
        assert_eq!(colors(ColorMap::Magma)[255], [252, 253, 191]);
    }

    #[test]
    fn the_top_of_the_scale_and_all_above_get_the_strongest_color() {
        let picture = |bytes: &[u8]| Picture {
            width: 4,
            height: 1,
            channels: 1,
            bytes: bytes.into(),
        };
        let (a, b) = (picture(&[0; 4]), picture(&[0, 20, 40, 255]));
        let image = difference_image(&a, &b, ColorMap::Gray, 40).unwrap();
        let grays: Vec<u8> = image.pixels.iter().map(egui::Color32::r).collect();
        assert_eq!(grays, [0, 127, 255, 255]);
    }
}
