//! Text for people with commands in it: in the window's own font two dashes look like one.

use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, FontFamily, FontId, Style, TextStyle};

/// Size of commands beside the words around them: letters of one width look larger.
const SIZE: f32 = 0.92;

/// Words in which commands, which stand between backticks, are set in letters that can all be told apart.
pub fn prose(style: &Style, text: &str, size: &TextStyle, color: Color32) -> LayoutJob {
    let words = TextFormat::simple(size.resolve(style), color);
    let command = TextFormat {
        font_id: FontId::new(SIZE * words.font_id.size, FontFamily::Monospace),
        background: style.visuals.code_bg_color,
        ..words.clone()
    };
    let mut job = LayoutJob::default();
    for (part, is_command) in parts(text) {
        let format = if is_command { &command } else { &words };
        job.append(part, 0.0, format.clone());
    }
    job
}

/// The pieces of a text, and which of them are commands. A backtick without another one is a letter like others.
fn parts(text: &str) -> Vec<(&str, bool)> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, (command, after))) = rest
        .split_once('`')
        .and_then(|(before, after)| Some((before, after.split_once('`')?)))
    {
        parts.extend([(before, false), (command, true)]);
        rest = after;
    }
    parts.push((rest, false));
    parts.retain(|(part, _)| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_from_the_words_around_them() {
        let told = parts("Run `lmd fit --method msma`, then open `FILE`");
        let expected = [
            ("Run ", false),
            ("lmd fit --method msma", true),
            (", then open ", false),
            ("FILE", true),
        ];
        assert_eq!(told, expected);
        assert_eq!(parts("Nothing to type"), [("Nothing to type", false)]);
        assert_eq!(parts("a ` in a name"), [("a ` in a name", false)]);
        assert_eq!(parts(""), []);
    }
}
