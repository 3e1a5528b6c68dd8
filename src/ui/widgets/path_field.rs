//! A field to type a path into: dialogs fail or hang on some desktops, so it stands beside each of them.

use std::path::PathBuf;

use egui::{Color32, Key, Response, TextEdit, TextStyle, Ui, vec2};

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
    const LEAST_WIDTH: f32 = 80.0;
    ui.horizontal(|ui| {
        let button_width = words_width(ui, &row.browse.text()).max(LEAST_WIDTH);
        let width = ui.available_width() - button_width - ui.spacing().item_spacing.x;
        let (response, entered) = path_field(ui, draft, row.name, row.hint, width);
        response.tip(|| row.tooltip);
        let typed = typed_path(draft).map(row.apply);
        let is_typed = typed.is_some();
        let action = typed.clone().unwrap_or_else(|| row.browse.clone());
        let size = vec2(button_width, ui.spacing().interact_size.y);
        let words = action.text();
        let words = words.trim_end_matches('…');
        let name = if words.contains(' ') {
            words.to_owned()
        } else {
            // A verb alone does not say of what.
            format!("{words} {}", row.name)
        };
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

/// Width of a button with these words.
fn words_width(ui: &Ui, words: &str) -> f32 {
    let font = TextStyle::Button.resolve(ui.style());
    let galley = (ui.painter()).layout_no_wrap(words.to_owned(), font, Color32::PLACEHOLDER);
    galley.size().x + 2.0 * ui.spacing().button_padding.x
}
