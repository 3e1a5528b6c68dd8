//! All attempts of one image: mask, result and distance, the median marked.

use egui::{
    Align2, Rect, ScrollArea, Sense, Stroke, StrokeKind, TextStyle, Ui, Vec2, WidgetInfo, pos2,
    vec2,
};

use super::Detail;
use crate::detectors::measures;
use crate::runs::AttemptResult;
use crate::state::Action;
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

/// In how many columns the attempts of the run are largest, and the side of each, as far as the height allows: that does
/// not change while they arrive. One row, which scrolls, where they have no room.
fn arrangement(ui: &Ui, scene: &Scene<'_>) -> (usize, f32) {
    let run = scene.session.shown.run.as_ref();
    let count = run.map_or(1, |run| run.settings.method.detector.num_attempts());
    let count = count.max(1);
    let side = |columns: usize| {
        let rows = count.div_ceil(columns) as f32;
        let width = ui.available_width() / columns as f32 - EDGE - GAP;
        let height = (ui.available_height() - (rows - 1.0) * GAP) / rows - WORDS;
        width.min(height).min(MOST).floor()
    };
    // Of those that are as large the one with the fewest rows.
    let columns = (1..=count).max_by(|a, b| side(*a).total_cmp(&side(*b)));
    let columns = columns.unwrap_or(count);
    let side = side(columns);
    if side < ATTEMPT {
        return (count, ATTEMPT);
    }
    // As many in each row.
    let rows = count.div_ceil(columns);
    (count.div_ceil(rows), side)
}

/// Draw the strip; `can_grow` where nothing is below it.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>, detail: Option<&Detail<'_>>, can_grow: bool) {
    let (columns, side) = if can_grow {
        arrangement(ui, scene)
    } else {
        (usize::MAX, ATTEMPT)
    };
    let num_attempts = detail.map_or(0, |detail| detail.attempts.len());
    let rows = num_attempts.div_ceil(columns).max(1) as f32;
    let height = rows * (side + WORDS) + (rows - 1.0) * GAP;
    ui.allocate_ui(vec2(ui.available_width(), height), |ui| {
        ui.set_min_height(height);
        ScrollArea::horizontal()
            .id_salt("attempts")
            .auto_shrink(false)
            .show(ui, |ui| {
                ui.spacing_mut().item_spacing = Vec2::splat(GAP);
                let Some(detail) = detail else { return };
                if num_attempts == 0 {
                    note(ui, "The attempts appear here as they arrive");
                }
                for begin in (0..num_attempts).step_by(columns) {
                    ui.horizontal_top(|ui| {
                        for position in begin..num_attempts.min(begin.saturating_add(columns)) {
                            attempt_ui(ui, scene, detail, (position, side));
                        }
                    });
                }
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
    let value = detail.value(result);
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
    let number = result.attempt + 1;
    let (words, color) = if is_median {
        (format!("{number}, median"), palette.accent)
    } else {
        (number.to_string(), palette.weak)
    };
    line(22.0, &words, TextStyle::Small, 11.0, color);
    let label = || {
        format!(
            "Attempt {number}, {} {value}{}",
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
