//! A range of scores dragged out in the histogram, or typed: the gallery shows only images in it.

use egui::{CursorIcon, DragValue, Sense, Stroke, Ui, WidgetInfo, vec2};
use egui_plot::PlotTransform;

use super::Scene;
use crate::state::{Action, LookAction, ScoreRange, text};
use crate::ui::theme;
use crate::ui::widgets::buttons::{Icon, icon_button};
use crate::ui::widgets::layout::note;
use crate::ui::widgets::tip::Tip as _;

/// Shorter drags, in points, are a slip of the hand.
const SHORTEST: f32 = 3.0;
/// Dragging a field over so many points changes it by the whole width of the histogram.
const FIELD_POINTS: f64 = 400.0;

fn ask(scene: &mut Scene<'_>, range: Option<ScoreRange>) {
    scene.actions.push(Action::Look(LookAction::Brush(range)));
}

/// The free area of the histogram, on which a range is dragged out, and the range as a band. What is to be taken hold
/// of above it must come later.
pub fn area_ui(
    ui: &Ui,
    scene: &mut Scene<'_>,
    plot: &PlotTransform,
    (low, high): (f64, f64),
    tooltip: &str,
) {
    let frame = *plot.frame();
    let id = ui.scope_id().with("brush");
    let response = ui
        .interact(frame, id, Sense::CLICK | Sense::DRAG)
        .on_hover_cursor(CursorIcon::Crosshair)
        .tip(|| tooltip);
    response.widget_info(|| {
        WidgetInfo::labeled(
            egui::Role::Image,
            true,
            "Area to drag out a range of scores",
        )
    });
    let score_at = |x: f32| {
        plot.value_from_position(egui::pos2(x, 0.0))
            .x
            .clamp(low, high)
    };
    let origin = ui.input(|input| input.pointer.press_origin());
    if response.drag_started() {
        scene.drafts.shown.brushed_from = origin.map(|origin| score_at(origin.x));
    }
    if let (true, Some(from), Some(origin), Some(pointer)) = (
        response.dragged(),
        scene.drafts.shown.brushed_from,
        origin,
        response.interact_pointer_pos(),
    ) && (pointer.x - origin.x).abs() >= SHORTEST
    {
        ask(scene, Some(ScoreRange::between(from, score_at(pointer.x))));
    }
    if response.drag_stopped() {
        scene.drafts.shown.brushed_from = None;
    }
    let brush = scene.session.shown.gallery.brush();
    if response.clicked() && brush.is_some() {
        ask(scene, None);
    }
    if let Some(range) = brush {
        paint_band(ui, plot, range);
    }
}

fn paint_band(ui: &Ui, plot: &PlotTransform, range: ScoreRange) {
    let palette = theme::palette(ui);
    let frame = *plot.frame();
    let at = |score: f64| {
        let x = plot.position_from_point_x(score);
        x.clamp(frame.left(), frame.right())
    };
    let (left, right) = (at(range.low), at(range.high));
    let band = egui::Rect::from_x_y_ranges(left..=right, frame.y_range());
    let painter = ui.painter();
    painter.rect_filled(band, 0.0, theme::faded(palette.accent, 0.16));
    for x in [left, right] {
        painter.vline(x, frame.y_range(), Stroke::new(1.0, palette.accent));
    }
}

/// The range in numbers, which can be typed, and how many images are in it; the row is always there.
pub fn row_ui(ui: &mut Ui, scene: &mut Scene<'_>, (low, high): (f64, f64)) {
    let brush = scene.session.shown.gallery.brush();
    let shown = brush.unwrap_or(ScoreRange { low, high });
    let mut edited = shown;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.set_min_height(theme::ROW_HEIGHT);
        note(ui, "Scores");
        for (value, name) in [
            (&mut edited.low, "Lowest score shown"),
            (&mut edited.high, "Highest score shown"),
        ] {
            let field = DragValue::new(value)
                .min_size(vec2(60.0, theme::ROW_HEIGHT))
                .speed((high - low) / FIELD_POINTS)
                .custom_formatter(|value, _| text::score(value));
            ui.add(field)
                .tip(|| {
                    "The gallery shows only images with scores in this range. \
                     Drag over the bars to choose one, or type it here"
                })
                .accessible_name(name);
            if name.starts_with("Lowest") {
                note(ui, "to");
            }
        }
        let count = scene.session.shown.gallery.order().len();
        if brush.is_some() {
            let all = LookAction::Brush(None);
            let tooltip = || all.info().explanation.into_owned();
            if icon_button(ui, Icon::Cross, "Clear the range of scores", tooltip).clicked() {
                ask(scene, None);
            }
            note(ui, text::counted(count, "image"));
        } else {
            note(ui, "all, drag to choose");
        }
    });
    // A field that is left without typing gives back what it showed, which is rounded.
    let words = |range: ScoreRange| (text::score(range.low), text::score(range.high));
    if words(edited) != words(shown) {
        let kept = |new: f64, old: f64| {
            if text::score(new) == text::score(old) {
                old
            } else {
                new
            }
        };
        edited.low = kept(edited.low, shown.low);
        edited.high = kept(edited.high, shown.high);
        ask(scene, Some(ScoreRange::between(edited.low, edited.high)));
    }
}
