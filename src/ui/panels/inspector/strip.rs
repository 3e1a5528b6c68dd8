//! All attempts of one image: mask, result and distance, the median marked.

use egui::{
    Align2, Rect, ScrollArea, Sense, Stroke, StrokeKind, TextStyle, Ui, Vec2, WidgetInfo, pos2,
    vec2,
};

use super::Detail;
use crate::detectors::measures;
use crate::runs::AttemptResult;
use crate::state::{Action, text};
use crate::ui::panels::Scene;
use crate::ui::theme::{self, ATTEMPT, RADIUS};
use crate::ui::widgets::layout::note;
use crate::ui::widgets::picture;
use crate::ui::widgets::tip::Tip as _;

/// Height of the words below each picture, and what else is no picture.
const WORDS: f32 = 38.0;
/// Least height of the strip of attempts.
pub const STRIP_HEIGHT: f32 = ATTEMPT + WORDS;
/// Largest side of a picture.
const MOST: f32 = 160.0;
/// What a picture is narrower than its place.
const EDGE: f32 = 5.0;
/// Points between two places.
const GAP: f32 = 3.0;
/// Side of the small mask in the corner of each result, as a share of the picture's.
const MASK: f32 = 0.36;

/// The side at which all attempts of the run have room beside each other, as far as the height allows: that does not
/// change while they arrive.
fn side(ui: &Ui, scene: &Scene<'_>) -> f32 {
    let run = scene.session.shown.run.as_ref();
    let count = run.map_or(1, |run| run.settings.method.detector.num_attempts());
    let width = ui.available_width() / count.max(1) as f32 - EDGE - GAP;
    let most = (ui.available_height() - WORDS).min(MOST);
    width.min(most).max(ATTEMPT).floor()
}

/// Draw the strip; `can_grow` where nothing is below it.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>, detail: Option<&Detail<'_>>, can_grow: bool) {
    let side = if can_grow { side(ui, scene) } else { ATTEMPT };
    let height = side + WORDS;
    ui.allocate_ui(vec2(ui.available_width(), height), |ui| {
        ui.set_min_height(height);
        ScrollArea::horizontal()
            .id_salt("attempts")
            .auto_shrink(false)
            .show(ui, |ui| {
                ui.horizontal_top(|ui| {
                    ui.spacing_mut().item_spacing.x = GAP;
                    let Some(detail) = detail else { return };
                    if detail.attempts.is_empty() {
                        note(ui, "The attempts appear here as they arrive");
                    }
                    for position in 0..detail.attempts.len() {
                        attempt_ui(ui, scene, detail, (position, side));
                    }
                });
            });
    });
}

fn attempt_ui(
    ui: &mut Ui,
    scene: &mut Scene<'_>,
    detail: &Detail<'_>,
    (position, side): (usize, f32),
) {
    let palette = theme::palette(ui);
    let result = &detail.attempts[position];
    let value = text::score(measures::value(&result.values, detail.distance));
    let is_median = detail.medians.contains(&position);
    let is_shown = detail.shown == Some(position);
    let size = vec2(side + EDGE, side + WORDS - 4.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    if is_shown || response.hovered() {
        let fill = if is_shown {
            palette.selection
        } else {
            palette.raised
        };
        ui.painter().rect_filled(rect, RADIUS, fill);
    }
    if is_shown || response.has_focus() {
        let stroke = Stroke::new(1.5, palette.accent);
        ui.painter()
            .rect_stroke(rect, RADIUS, stroke, StrokeKind::Inside);
    }
    let square = Rect::from_min_size(rect.min + Vec2::splat(0.5 * EDGE), Vec2::splat(side));
    result_ui(ui, scene, result, square);
    let line = |y: f32, text: &str, style: TextStyle, size: f32, color| {
        let font = egui::FontId {
            size,
            ..style.resolve(ui.style())
        };
        let at = pos2(rect.center().x, square.bottom() + y);
        ui.painter()
            .text(at, Align2::CENTER_CENTER, text, font, color);
    };
    line(9.0, &value, TextStyle::Monospace, 11.0, palette.text);
    if is_median {
        line(22.0, "median", TextStyle::Small, 11.0, palette.accent);
    } else {
        line(
            22.0,
            &(result.attempt + 1).to_string(),
            TextStyle::Small,
            11.0,
            palette.weak,
        );
    }
    let label = || {
        format!(
            "Attempt {}, {} {value}{}",
            result.attempt + 1,
            measures::label(&detail.distance),
            if is_median { ", the median" } else { "" }
        )
    };
    response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, is_shown, label()));
    if response.clicked() {
        scene
            .actions
            .push(Action::SelectAttempt(Some(result.attempt)));
    }
    response.tip(|| format!("{}. Click to look at it", label()));
}

/// The result with its mask in the corner.
fn result_ui(ui: &Ui, scene: &mut Scene<'_>, result: &AttemptResult, square: Rect) {
    let palette = theme::palette(ui);
    let size = |shown: &crate::images::Picture| vec2(shown.width as f32, shown.height as f32);
    match &result.inpainted {
        Some(shown) => {
            let texture = scene.textures.picture(ui.ctx(), shown);
            let image = (texture.id(), picture::WHOLE);
            picture::paint(ui.painter(), square, image, size(shown), false);
        }
        None => picture::placeholder(
            ui.painter(),
            square.shrink(4.0),
            palette.raised,
            palette.line,
        ),
    }
    if let Some(mask) = &result.known_mask {
        let shown = &result.original;
        let texture = scene.textures.masked(ui.ctx(), shown, mask, palette.hole);
        let mask = (MASK * square.width()).floor();
        let corner = Rect::from_min_size(square.max - Vec2::splat(mask), Vec2::splat(mask));
        let image = (texture.id(), picture::WHOLE);
        let painter = ui.painter();
        painter.rect_filled(corner.expand(1.0), 2.0, palette.surface);
        picture::paint(painter, corner, image, size(shown), false);
    }
}
