//! Where a picture lies in its place under the shared zoom, and how pointer and wheel change it.

use egui::{Pos2, Rect, Response, Ui, Vec2, pos2, vec2};

use crate::state::View;
use crate::ui::widgets::picture::fitted;

/// Screen pixels a picture pixel at most.
const MAX_ZOOM: f32 = 64.0;
/// Points of the wheel that make everything e times as large.
const WHEEL: f32 = 240.0;
/// Pictures up to this side show their pixels when they fit.
pub const PIXELATED_SIDE: f32 = 64.0;

/// A picture of `size` pixels in `place`.
#[derive(Clone, Copy, Debug)]
pub struct Lens {
    place: Rect,
    size: Vec2,
    pixels_per_point: f32,
}

impl Lens {
    /// A picture of `size` pixels in a square `place`.
    pub fn new(place: Rect, size: Vec2, pixels_per_point: f32) -> Self {
        Self {
            place,
            size,
            pixels_per_point,
        }
    }

    /// Screen pixels a picture pixel where the whole picture fits.
    pub fn fit_zoom(&self) -> f32 {
        let is_pixelated = self.size.max_elem() <= PIXELATED_SIDE;
        let side = self.place.width();
        let drawn = fitted(self.size, side, is_pixelated, self.pixels_per_point);
        drawn.x / self.size.x.max(1.0) * self.pixels_per_point
    }

    /// The whole picture in points, of which the place shows a part.
    pub fn rect(&self, view: View) -> Rect {
        let drawn = self.drawn(view);
        let center = self.clamped(view.center, drawn);
        let min = self.place.center() - vec2(center[0] * drawn.x, center[1] * drawn.y);
        // Texels must meet device pixels, or magnified ones come out unevenly wide.
        let snap = |value: f32| (value * self.pixels_per_point).round() / self.pixels_per_point;
        Rect::from_min_size(pos2(snap(min.x), snap(min.y)), drawn)
    }

    fn drawn(&self, view: View) -> Vec2 {
        let zoom = view.zoom.unwrap_or_else(|| self.fit_zoom());
        self.size * (zoom / self.pixels_per_point)
    }

    /// No ground shows on a side while picture is hidden on the other.
    fn clamped(&self, center: [f32; 2], drawn: Vec2) -> [f32; 2] {
        let place = self.place.size();
        let axis = |center: f32, drawn: f32, place: f32| {
            let half = 0.5 * place / drawn;
            if half >= 0.5 {
                0.5
            } else {
                center.clamp(half, 1.0 - half)
            }
        };
        [
            axis(center[0], drawn.x, place.x),
            axis(center[1], drawn.y, place.y),
        ]
    }

    /// The pixel under a point of the screen.
    pub fn pixel(&self, view: View, at: Pos2) -> Option<[usize; 2]> {
        let rect = self.rect(view);
        let unit = (at - rect.min) / rect.size();
        let is_inside = self.place.contains(at) && rect.contains(at);
        let last = |size: f32| (size as usize).saturating_sub(1);
        is_inside.then(|| {
            [
                ((unit.x * self.size.x) as usize).min(last(self.size.x)),
                ((unit.y * self.size.y) as usize).min(last(self.size.y)),
            ]
        })
    }

    /// The place of a pixel on the screen.
    pub fn pixel_rect(&self, view: View, [x, y]: [usize; 2]) -> Rect {
        let rect = self.rect(view);
        let pixel = rect.size() / self.size;
        Rect::from_min_size(rect.min + vec2(x as f32, y as f32) * pixel, pixel)
    }

    /// The view after the pointer's drag, wheel and pinch.
    pub fn moved(&self, ui: &Ui, response: &Response, view: View) -> View {
        if response.double_clicked() {
            return view.fitted();
        }
        let mut view = self.dragged(view, response.drag_delta());
        if let Some(at) = response.hover_pos() {
            let factor = ui
                .input(|input| (input.smooth_scroll_delta().y / WHEEL).exp() * input.zoom_delta());
            view = self.zoomed(view, at, factor);
        }
        view
    }

    fn dragged(&self, mut view: View, delta: Vec2) -> View {
        if delta != Vec2::ZERO {
            let drawn = self.drawn(view);
            let center = self.clamped(view.center, drawn);
            view.center = self.clamped(
                [center[0] - delta.x / drawn.x, center[1] - delta.y / drawn.y],
                drawn,
            );
        }
        view
    }

    /// Zoom by a factor, the point `at` of the screen staying on the same pixel.
    fn zoomed(&self, view: View, at: Pos2, factor: f32) -> View {
        if factor == 1.0 {
            return view;
        }
        let fit = self.fit_zoom();
        let zoom = (view.zoom.unwrap_or(fit) * factor).min(MAX_ZOOM.max(fit));
        if zoom <= fit {
            return view.fitted();
        }
        let rect = self.rect(view);
        let unit = (at - rect.min) / rect.size();
        let zoomed = View {
            zoom: Some(zoom),
            ..view
        };
        let drawn = self.drawn(zoomed);
        let offset = (self.place.center() - at) / drawn;
        View {
            center: self.clamped([unit.x + offset.x, unit.y + offset.y], drawn),
            ..zoomed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lens() -> Lens {
        let place = Rect::from_min_size(pos2(10.0, 20.0), Vec2::splat(128.0));
        Lens::new(place, Vec2::splat(32.0), 1.0)
    }

    #[test]
    fn the_pixel_under_the_pointer_stays_while_zooming() {
        let (lens, at) = (lens(), pos2(50.0, 100.0));
        let fit = View::default();
        assert_eq!(lens.fit_zoom(), 4.0);
        assert_eq!(lens.pixel(fit, at), Some([10, 20]));
        let near = lens.zoomed(fit, at, 2.5);
        assert_eq!(near.zoom, Some(10.0));
        assert_eq!(lens.pixel(near, at), Some([10, 20]));
        assert_eq!(lens.zoomed(near, at, 0.1), fit, "no smaller than fitting");
        assert_eq!(lens.zoomed(fit, at, 1e6).zoom, Some(64.0));
    }

    #[test]
    fn a_drag_moves_the_picture_with_the_pointer_and_stops_at_its_edge() {
        let lens = lens();
        let view = View {
            zoom: Some(8.0),
            ..View::default()
        };
        let moved = lens.dragged(view, vec2(16.0, 0.0));
        assert_eq!(moved.center, [0.5 - 16.0 / 256.0, 0.5]);
        assert_eq!(lens.dragged(view, vec2(1e4, 0.0)).center, [0.25, 0.5]);
        assert_eq!(lens.rect(lens.dragged(view, vec2(1e4, 0.0))).min.x, 10.0);
    }

    #[test]
    fn a_small_picture_stands_in_the_middle_at_actual_size() {
        let rect = lens().rect(View::default().actual_size());
        assert_eq!(rect.size(), Vec2::splat(32.0));
        assert_eq!(rect.center(), pos2(74.0, 84.0));
        assert_eq!(
            lens().pixel(View::default().actual_size(), pos2(12.0, 22.0)),
            None
        );
    }
}
