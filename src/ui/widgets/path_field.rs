//! A field to type a path into: dialogs fail or hang on some desktops, so it stands beside each of them.

use std::path::PathBuf;

use egui::{Key, Response, TextEdit, Ui};

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

/// The path that was typed or pasted; `None` for nothing. Quotes and `file://` come with pasted paths.
pub fn path_from_text(text: &str) -> Option<PathBuf> {
    let text = text.trim();
    let text = text.strip_prefix("file://").unwrap_or(text);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_paths_lose_their_wrapping() {
        assert_eq!(path_from_text("  "), None);
        assert_eq!(path_from_text(" /a b "), Some("/a b".into()));
        assert_eq!(path_from_text("\"/a b\""), Some("/a b".into()));
        assert_eq!(path_from_text("file:///a"), Some("/a".into()));
        assert_eq!(path_from_text("'"), Some("'".into()));
    }
}
