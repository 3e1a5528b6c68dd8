//! A field to type a path into: dialogs fail or hang on some desktops, so it stands beside each of them.

use std::path::PathBuf;

use egui::{Key, Response, TextEdit, Ui, vec2};

use super::buttons::sized;
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
    let path = is_entered.then(|| path_from_text(draft)).flatten();
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
    /// What happens to a path that was typed.
    pub apply: &'a dyn Fn(PathBuf) -> Action,
}

/// A path field with one button: it opens the dialog while the field is empty, else it uses what was typed.
pub fn path_row(ui: &mut Ui, actions: &mut Vec<Action>, draft: &mut String, row: &PathRow<'_>) {
    const BUTTON_WIDTH: f32 = 80.0;
    ui.horizontal(|ui| {
        let width = ui.available_width() - BUTTON_WIDTH - ui.spacing().item_spacing.x;
        let (response, entered) = path_field(ui, draft, row.name, row.hint, width);
        response.on_hover_text(row.tooltip);
        let typed = path_from_text(draft).map(row.apply);
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
        if is_typed && (entered.is_some() || is_clicked) {
            draft.clear();
        }
    });
}

/// The path that was typed or pasted; `None` for nothing. Quotes and `file://` come with pasted paths.
pub fn path_from_text(text: &str) -> Option<PathBuf> {
    let text = text.trim();
    if let Some(address) = text.strip_prefix("file://") {
        return Some(PathBuf::from(percent_decoded(address)));
    }
    let text = text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .or_else(|| {
            text.strip_prefix('\'')
                .and_then(|rest| rest.strip_suffix('\''))
        })
        .unwrap_or(text);
    if text.is_empty() {
        return None;
    }
    let home = std::env::home_dir();
    match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => Some(home.join(rest)),
        _ => Some(PathBuf::from(text)),
    }
}

/// File managers copy a path as an address, in which `%20` stands for a space; what is no such code stays.
fn percent_decoded(address: &str) -> String {
    let mut bytes = Vec::with_capacity(address.len());
    let mut rest = address.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let code = tail
            .first_chunk::<2>()
            .filter(|_| first == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(code.unwrap_or(first));
        rest = if code.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_paths_lose_their_wrapping() {
        assert_eq!(path_from_text("  "), None);
        assert_eq!(path_from_text(" /a b "), Some("/a b".into()));
        assert_eq!(path_from_text("\"/a b\""), Some("/a b".into()));
        assert_eq!(path_from_text("file:///a"), Some("/a".into()));
        assert_eq!(path_from_text("file:///a%20b%C3%A4"), Some("/a bä".into()));
        assert_eq!(path_from_text("file:///50%/%zz"), Some("/50%/%zz".into()));
        assert_eq!(path_from_text("/a%20b"), Some("/a%20b".into()));
        assert_eq!(path_from_text("'"), Some("'".into()));
    }
}
