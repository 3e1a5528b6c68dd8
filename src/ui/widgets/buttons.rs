//! Buttons that ask for an action: words and tooltip come from the action.

use egui::{Button, Response, RichText, Sense, Stroke, Ui, Vec2, WidgetInfo, vec2};

use super::tip::Tip as _;
use crate::state::Action;
use crate::ui::theme;

/// A button for an action.
pub fn action_button(ui: &mut Ui, actions: &mut Vec<Action>, action: Action) -> Response {
    sized(ui, actions, action, Vec2::ZERO, true)
}

/// A button for an action that can be grayed out, at least `min_size` large.
pub fn sized(
    ui: &mut Ui,
    actions: &mut Vec<Action>,
    action: Action,
    min_size: Vec2,
    is_enabled: bool,
) -> Response {
    let response = ui
        .add_enabled(is_enabled, Button::new(action.text()).min_size(min_size))
        .tip_always(|| action.tooltip());
    if response.clicked() {
        actions.push(action);
    }
    response
}

/// A button for an action that is grayed out where a reason says why.
pub fn or_reason(
    ui: &mut Ui,
    actions: &mut Vec<Action>,
    action: Action,
    missing: Option<&str>,
) -> Response {
    let response = ui
        .add_enabled(missing.is_none(), Button::new(action.text()))
        .tip_always(|| missing.map_or_else(|| action.tooltip(), str::to_owned));
    if response.clicked() {
        actions.push(action);
    }
    response
}

/// The one button to press next.
pub fn primary(ui: &mut Ui, actions: &mut Vec<Action>, action: Action, min_size: Vec2) -> Response {
    let response = primary_words(ui, &action.text(), min_size).tip(|| action.tooltip());
    if response.clicked() {
        actions.push(action);
    }
    response
}

/// The same with words of one's own.
pub fn primary_words(ui: &mut Ui, words: &str, min_size: Vec2) -> Response {
    let palette = theme::palette(ui);
    let text = RichText::new(words).color(palette.on_accent).strong();
    ui.add(Button::new(text).fill(palette.accent).min_size(min_size))
}

/// A drawing on a small button: no font of the window has these signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// Remove, dismiss.
    Cross,
    Left,
    Right,
}

/// A small button with a drawing; `name` says what it does.
pub fn icon_button(
    ui: &mut Ui,
    icon: Icon,
    name: &str,
    tooltip: impl FnOnce() -> String,
) -> Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(22.0), Sense::click());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, ui.is_enabled(), name));
    let visuals = ui.style().interact(&response);
    if response.hovered() || response.has_focus() {
        ui.painter()
            .rect_filled(rect, visuals.corner_radius, visuals.bg_fill);
    }
    let stroke = Stroke::new(1.5, visuals.fg_stroke.color);
    let at = |x: f32, y: f32| rect.center() + 4.0 * vec2(x, y);
    let lines: &[[egui::Pos2; 2]] = match icon {
        Icon::Cross => &[
            [at(-1.0, -1.0), at(1.0, 1.0)],
            [at(-1.0, 1.0), at(1.0, -1.0)],
        ],
        Icon::Left => &[
            [at(0.6, -1.1), at(-0.6, 0.0)],
            [at(-0.6, 0.0), at(0.6, 1.1)],
        ],
        Icon::Right => &[
            [at(-0.6, -1.1), at(0.6, 0.0)],
            [at(0.6, 0.0), at(-0.6, 1.1)],
        ],
    };
    for line in lines {
        ui.painter().line_segment(*line, stroke);
    }
    response.tip(tooltip)
}

/// A small cross that removes something; `name` says what.
pub fn cross(ui: &mut Ui, actions: &mut Vec<Action>, action: Action, name: &str) -> Response {
    let response = icon_button(ui, Icon::Cross, name, || action.tooltip());
    if response.clicked() {
        actions.push(action);
    }
    response
}
