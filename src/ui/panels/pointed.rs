//! Where the image under the pointer lies in the plots.

use egui::{Color32, Rect, Shape, Stroke, Ui, pos2, vec2};
use egui_plot::{PlotPoint, PlotTransform};

use super::Scene;
use crate::ood::Role;
use crate::state::folders::short_name;
use crate::state::shown::analysis::Analysis;
use crate::state::text;
use crate::ui::theme;
use crate::ui::widgets::mark;

/// Radius of the role's mark in points.
const RADIUS: f32 = 4.5;

/// The image to mark.
#[derive(Clone, Debug, PartialEq)]
pub struct Pointed {
    name: String,
    role: Role,
    score: f64,
}

/// The image of the gallery under the pointer or with the focus, else the selected one; `None` without a score.
pub fn pointed(scene: &Scene<'_>) -> Option<Pointed> {
    let session = scene.session;
    let image = scene
        .drafts
        .shown
        .hovered
        .or_else(|| session.shown.gallery.selected())?;
    let entry = session.shown.gallery.images().get(image)?;
    Some(Pointed {
        name: short_name(&entry.file.path),
        role: entry.role,
        score: session.shown.score_of(image)?,
    })
}

impl Pointed {
    /// What the histogram's name says of it.
    pub fn in_histogram(&self) -> String {
        format!(", {} at {}", self.name, text::score(self.score))
    }

    /// What the curve's name says of it.
    pub fn on_curve(&self, analysis: &Analysis) -> Option<String> {
        let point = analysis.curve[analysis.position_on_curve(self.score)?];
        Some(format!(
            ", {} at {} false alarms and {} found",
            self.name,
            text::percent(point.fpr),
            text::percent(point.tpr)
        ))
    }

    /// A line with the role's mark at the score.
    pub fn paint_in_histogram(&self, ui: &Ui, plot: &PlotTransform) {
        let palette = theme::palette(ui);
        let frame = *plot.frame();
        let x = plot
            .position_from_point_x(self.score)
            .clamp(frame.left(), frame.right());
        let foot = pos2(x, frame.bottom() - RADIUS - 2.0);
        let color = palette.role(self.role);
        let painter = ui.painter();
        for (width, color) in [(4.0, palette.surface), (1.5, color)] {
            painter.vline(x, frame.y_range(), Stroke::new(width, color));
        }
        self.paint_mark(ui, foot, color);
    }

    /// A ring around the role's mark where all images with at least this score are flagged.
    pub fn paint_on_curve(&self, ui: &Ui, analysis: &Analysis, plot: &PlotTransform) {
        let Some(position) = analysis.position_on_curve(self.score) else {
            return;
        };
        let palette = theme::palette(ui);
        let point = &analysis.curve[position];
        let at = plot.position_from_point(&PlotPoint::new(point.fpr, point.tpr));
        let color = palette.role(self.role);
        ui.painter().add(Shape::circle_filled(
            at,
            2.0 * RADIUS + 1.5,
            palette.surface,
        ));
        ui.painter()
            .circle_stroke(at, 2.0 * RADIUS, Stroke::new(1.5, color));
        self.paint_mark(ui, at, color);
    }

    fn paint_mark(&self, ui: &Ui, at: egui::Pos2, color: Color32) {
        let ground = Rect::from_center_size(at, vec2(1.0, 1.0) * (2.0 * RADIUS + 3.0));
        let surface = theme::palette(ui).surface;
        ui.painter().rect_filled(ground, ground.width(), surface);
        mark::paint(ui.painter(), self.role, at, RADIUS, color);
    }
}
