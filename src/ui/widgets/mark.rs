//! The mark of each role: a disc, a diamond, a square. Color is never the only sign.

use egui::{Painter, Pos2, Response, Sense, Shape, Stroke, Ui, vec2};

use crate::ood::Role;
use crate::ui::theme;

/// Paint the mark of a role.
pub fn paint(painter: &Painter, role: Role, center: Pos2, radius: f32, color: egui::Color32) {
    match role {
        Role::InDomain => {
            painter.circle_filled(center, radius, color);
        }
        Role::OutOfDomain => {
            let r = radius * 1.2;
            let points = [vec2(0.0, -r), vec2(r, 0.0), vec2(0.0, r), vec2(-r, 0.0)]
                .map(|offset| center + offset)
                .to_vec();
            painter.add(Shape::convex_polygon(points, color, Stroke::NONE));
        }
        Role::Unknown => {
            let rect = egui::Rect::from_center_size(center, vec2(1.7, 1.7) * radius);
            painter.rect_filled(rect, 1.0, color);
        }
    }
}

/// The mark as a widget in front of text.
pub fn ui(ui: &mut Ui, role: Role) -> Response {
    let (rect, response) = ui.allocate_exact_size(vec2(12.0, 16.0), Sense::hover());
    let color = theme::palette(ui).role(role);
    paint(ui.painter(), role, rect.center(), 4.5, color);
    response
}
