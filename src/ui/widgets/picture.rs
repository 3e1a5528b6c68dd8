//! Pictures inside squares, their pixels magnified by whole numbers where they are small.

use egui::{Color32, Painter, Pos2, Rect, Stroke, StrokeKind, TextureId, Vec2, pos2};

use crate::ui::theme::RADIUS;

/// All of a texture.
pub const WHOLE: Rect = Rect {
    min: Pos2::ZERO,
    max: pos2(1.0, 1.0),
};

/// The size of a picture of `size` pixels inside a square of `side` points.
///
/// Small pictures grow by whole numbers of device pixels; others fill the square in one direction.
pub fn fitted(size: Vec2, side: f32, is_pixelated: bool, pixels_per_point: f32) -> Vec2 {
    let largest = size.max_elem().max(1.0);
    let scale = side / largest;
    let device_scale = scale * pixels_per_point;
    if is_pixelated && device_scale >= 1.0 {
        size * (device_scale.floor() / pixels_per_point)
    } else {
        size * scale
    }
}

/// Paint a picture of `size` pixels centered in `square`, with a ground and a thin frame around it.
pub fn paint(
    painter: &Painter,
    square: Rect,
    (texture, uv): (TextureId, Rect),
    size: Vec2,
    is_pixelated: bool,
) -> Rect {
    let pixels_per_point = painter.ctx().pixels_per_point();
    let drawn = fitted(size, square.width(), is_pixelated, pixels_per_point);
    // Texels must meet device pixels, or magnified ones come out unevenly wide.
    let min = square.center() - 0.5 * drawn;
    let snap = |value: f32| (value * pixels_per_point).round() / pixels_per_point;
    let rect = Rect::from_min_size(pos2(snap(min.x), snap(min.y)), drawn);
    painter.image(texture, rect, uv, Color32::WHITE);
    rect
}

/// A square without a picture.
pub fn placeholder(painter: &Painter, square: Rect, fill: Color32, line: Color32) {
    painter.rect(
        square,
        RADIUS,
        fill,
        Stroke::new(1.0, line),
        StrokeKind::Inside,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::vec2;

    #[test]
    fn small_pictures_grow_by_whole_device_pixels() {
        assert_eq!(fitted(vec2(28.0, 28.0), 64.0, true, 1.0), vec2(56.0, 56.0));
        assert_eq!(fitted(vec2(28.0, 28.0), 64.0, true, 2.0), vec2(56.0, 56.0));
        assert_eq!(
            fitted(vec2(32.0, 16.0), 200.0, true, 1.0),
            vec2(192.0, 96.0)
        );
        assert_eq!(fitted(vec2(96.0, 48.0), 64.0, false, 1.0), vec2(64.0, 32.0));
        assert_eq!(
            fitted(vec2(256.0, 256.0), 64.0, true, 1.0),
            vec2(64.0, 64.0)
        );
    }
}
