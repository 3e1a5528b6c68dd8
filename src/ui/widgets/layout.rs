//! Sections, rows of a label and a control, and fixed-width numbers.

use std::sync::Arc;

use egui::text::TextWrapping;
use egui::{
    Align, Align2, Color32, FontId, Frame, Label, Layout, Margin, Response, RichText, Sense,
    TextStyle, Ui, UiBuilder, Vec2, WidgetInfo, vec2,
};

use super::prose::prose;
use super::tip::Tip as _;
use crate::ui::theme::{self, LABEL_WIDTH, RADIUS, ROW_HEIGHT, SECTION_GAP};

/// Type size of a dialog's title in points.
pub const HEADING: f32 = 18.0;
/// Type size of a section's title in points.
pub const TITLE: f32 = 15.0;
/// Points between the two drawings of a title.
const WEIGHT: f32 = 0.4;

/// A title in a heavier weight than the window's font has: it is drawn twice, side by side.
pub fn title(ui: &mut Ui, words: &str, size: f32) -> Response {
    heavy(ui, Label::new(RichText::new(words).strong().size(size)))
}

/// The same for a label of one's own.
pub fn heavy(ui: &mut Ui, label: Label) -> Response {
    let (at, galley, response) = label.layout_in_ui(ui);
    let words = galley.text().to_owned();
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Heading, true, &words));
    let color = ui.visuals().strong_text_color();
    for shift in [0.0, WEIGHT] {
        let at = at + vec2(shift, 0.0);
        ui.painter().galley(at, Arc::clone(&galley), color);
    }
    response
}

/// A titled part of a panel.
pub fn section<R>(ui: &mut Ui, words: &str, add_contents: impl FnOnce(&mut Ui) -> R) -> R {
    title(ui, words, TITLE);
    ui.add_space(-1.0);
    let result = ui.scope(add_contents).inner;
    ui.add_space(SECTION_GAP);
    result
}

/// A card on the surface color.
pub fn card<R>(ui: &mut Ui, add_contents: impl FnOnce(&mut Ui) -> R) -> R {
    let palette = theme::palette(ui);
    Frame::new()
        .fill(palette.surface)
        .stroke(egui::Stroke::new(1.0, palette.line))
        .corner_radius(RADIUS)
        .inner_margin(Margin::same(9))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            add_contents(ui)
        })
        .inner
}

/// A label of fixed width and the control that it names; both explain themselves under the pointer.
pub fn row(
    ui: &mut Ui,
    label: &str,
    tooltip: &str,
    add_control: impl FnOnce(&mut Ui) -> Response,
) -> Response {
    ui.horizontal(|ui| {
        let width = vec2(LABEL_WIDTH, ROW_HEIGHT);
        let label = ui
            .allocate_ui_with_layout(width, Layout::left_to_right(Align::Center), |ui| {
                ui.set_min_width(LABEL_WIDTH);
                ui.label(label)
            })
            .inner
            .tip(|| tooltip);
        ui.label_inputs_by(label.id, add_control)
            .tip_always(|| tooltip)
    })
    .inner
}

/// A line of small, lighter text that wraps.
pub fn note(ui: &mut Ui, text: impl AsRef<str>) -> Response {
    let color = theme::palette(ui).weak;
    let words = prose(ui.style(), text.as_ref(), &TextStyle::Small, color);
    ui.label(words)
}

/// A label on the baseline of larger type beside it, in a row whose labels begin at the top.
pub fn on_baseline(ui: &mut Ui, text: RichText, style: &TextStyle, larger: f32) -> Response {
    let small = style.resolve(ui.style());
    let large = FontId {
        size: larger,
        ..small.clone()
    };
    let drop = ascent(ui, large) - ascent(ui, small);
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        ui.add_space(drop);
        ui.label(text.text_style(style.clone()))
    })
    .inner
}

/// From the top of a line to its baseline.
fn ascent(ui: &Ui, font: FontId) -> f32 {
    let line = (ui.painter()).layout_no_wrap("0".to_owned(), font, Color32::PLACEHOLDER);
    let digit = line.rows.first().and_then(|row| row.glyphs.first());
    digit.map_or(0.0, |digit| digit.pos.y)
}

/// Small text in a place for a number of lines, whether it needs them or not; what does not fit shows under the pointer.
pub fn lines(ui: &mut Ui, text: &str, color: Color32, count: usize) -> Response {
    let mut job = prose(ui.style(), text, &TextStyle::Small, color);
    job.wrap = TextWrapping {
        max_width: ui.available_width(),
        max_rows: count,
        ..TextWrapping::default()
    };
    let is_cut = ui.painter().layout_job(job.clone()).elided;
    let size = lines_size(ui, count);
    let response = ui
        .allocate_ui_with_layout(size, Layout::top_down(Align::Min), |ui| {
            ui.set_min_size(size);
            ui.label(job)
        })
        .inner;
    if is_cut {
        response.tip(|| text)
    } else {
        response
    }
}

/// The place that a number of [`lines`] takes.
pub fn lines_size(ui: &Ui, count: usize) -> Vec2 {
    let height = count as f32 * ui.text_style_height(&TextStyle::Small);
    vec2(ui.available_width(), height)
}

/// Words at the right edge of a cell of fixed width, above or among numbers.
pub fn right_cell(ui: &mut Ui, size: Vec2, words: RichText) -> Response {
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        ui.set_min_size(size);
        ui.label(words)
    })
    .inner
}

/// A number in a cell of fixed width, aligned right, so that nothing moves while it changes. A click copies it.
pub fn number_cell(ui: &mut Ui, width: f32, text: &str, color: Color32) -> Response {
    let height = ui.text_style_height(&TextStyle::Monospace);
    let (rect, response) = ui.allocate_exact_size(vec2(width, height), Sense::CLICK);
    if response.clicked() {
        ui.ctx().copy_text(text.to_owned());
    }
    let font = TextStyle::Monospace.resolve(ui.style());
    ui.painter()
        .text(rect.right_center(), Align2::RIGHT_CENTER, text, font, color);
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, text));
    response.tip(|| "Click to copy")
}

/// Something at the right edge and something that takes what it leaves at the left, drawn and read from the left; in a row.
///
/// How wide the right one is was seen in the frame before, under `id_salt`, which no other in the same scope may have.
/// Where that has changed, the frame is laid out again.
pub fn ends<T: ?Sized>(
    ui: &mut Ui,
    id_salt: &str,
    shared: &mut T,
    add_left: impl FnOnce(&mut Ui, &mut T),
    add_right: impl FnOnce(&mut Ui, &mut T),
) {
    let id = ui.scope_id().with(id_salt);
    let seen: f32 = ui.data(|data| data.get_temp(id)).unwrap_or_default();
    let place = ui.available_rect_before_wrap();
    let seen_left = (place.right() - seen).max(place.left());
    let gap = ui.spacing().item_spacing.x;
    let width = (seen_left - gap - place.left()).max(0.0);
    let height = ui.spacing().interact_size.y;
    let layout = Layout::left_to_right(Align::Center);
    let row = ui.allocate_ui_with_layout(vec2(width, height), layout, |ui| {
        ui.set_min_width(width);
        ui.set_max_width(width);
        add_left(ui, shared);
    });
    // A child of its own: one that is wider than it was must not push the panel wider.
    let place = row
        .response
        .rect
        .with_min_x(seen_left)
        .with_max_x(place.right());
    let mut right = ui.new_child(UiBuilder::new().max_rect(place).layout(layout));
    add_right(&mut right, shared);
    let now = right.min_rect().width();
    ui.advance_cursor_after_rect(place);
    if (now - seen).abs() > 0.5 {
        ui.data_mut(|data| data.insert_temp(id, now));
        ui.request_discard("what is at the right edge has another width");
    }
}

/// Text in a cell of fixed size that is cut off with an ellipsis; all of it shows under the pointer.
pub fn text_cell(ui: &mut Ui, size: Vec2, text: impl Into<RichText>) -> Response {
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_size(size);
        ui.set_max_width(size.x);
        ui.add(egui::Label::new(text.into()).truncate())
    })
    .inner
}

/// An accessible name for something that is only painted, such as a plot.
pub fn stand_in(ui: &Ui, id_salt: &str, rect: egui::Rect, description: &str) -> Response {
    let response = ui.interact(rect, ui.scope_id().with(id_salt), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, description));
    response
}

/// A control in a cell of fixed width.
pub fn sized_cell(ui: &mut Ui, width: f32, add_control: impl FnOnce(&mut Ui)) {
    ui.allocate_ui_with_layout(
        vec2(width, ROW_HEIGHT),
        Layout::left_to_right(Align::Center),
        add_control,
    );
}
