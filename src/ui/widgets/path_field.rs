//! A field to type a path into: dialogs fail or hang on some desktops, so it stands beside each of them.

use std::path::PathBuf;

use egui::{Key, Response, TextEdit, Ui, vec2};

use super::buttons::sized;
use super::tip::Tip as _;
use crate::images::typed_path::typed_path;
use crate::state::Action;

/// A one-line field; the path is given back when Enter is pressed.
pub fn path_field(
    ui: &mut Ui,
    draft: &mut String,
    name: &str,
    hint: &str,
    width: f32,
) -> (Response, Option<PathBuf>) {
    let response = ui
        .add(
            TextEdit::singleline(draft)
                .hint_text(hint.to_owned())
                .align(egui::Align2::LEFT_CENTER)
                .min_size(egui::vec2(width, ui.spacing().interact_size.y))
                .desired_width(width),
        )
        .accessible_name(name);
    let is_entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    let path = is_entered.then(|| typed_path(draft)).flatten();
    (response, path)
}

/// What a [`path_row`] is for.
pub struct PathRow<'a> {
    /// Accessible name of the field.
    pub name: &'a str,
    /// Shown in the empty field.
    pub hint: &'a str,
    /// Explains the field.
    pub tooltip: &'a str,
    /// The dialog beside it.
    pub browse: Action,
    /// What was typed stays in the field after it was used: it may have to be corrected.
    pub keeps_text: bool,
    /// What happens to a path that was typed.
    pub apply: &'a dyn Fn(PathBuf) -> Action,
}

/// A path field with one button: it opens the dialog while the field is empty, else it uses what was typed.
pub fn path_row(ui: &mut Ui, actions: &mut Vec<Action>, draft: &mut String, row: &PathRow<'_>) {
    const BUTTON_WIDTH: f32 = 80.0;
    ui.horizontal(|ui| {
        let width = ui.available_width() - BUTTON_WIDTH - ui.spacing().item_spacing.x;
        let (response, entered) = path_field(ui, draft, row.name, row.hint, width);
        response.tip(|| row.tooltip);
        let typed = typed_path(draft).map(row.apply);
        let is_typed = typed.is_some();
        let action = typed.clone().unwrap_or_else(|| row.browse.clone());
        let size = vec2(BUTTON_WIDTH, ui.spacing().interact_size.y);
        let name = format!("{} {}", action.text().trim_end_matches('…'), row.name);
        let is_clicked = sized(ui, actions, action, size, true)
            .accessible_name(name)
            .clicked();
        if entered.is_some() {
            actions.extend(typed);
        }
        if !row.keeps_text && is_typed && (entered.is_some() || is_clicked) {
            draft.clear();
        }
    });
}
