//! Tooltips whose words are made only where somebody reads them: most widgets of a frame are not under the pointer.

use egui::text::LayoutJob;
use egui::{Color32, Response, TextStyle};

use super::prose::prose;

/// Explains a widget under the pointer, and to a screen reader.
pub trait Tip {
    /// As [`Response::on_hover_text`].
    fn tip<W: Into<String>>(self, words: impl FnOnce() -> W) -> Self;

    /// The same also where the widget is grayed out.
    fn tip_always<W: Into<String>>(self, words: impl FnOnce() -> W) -> Self;
}

impl Tip for Response {
    fn tip<W: Into<String>>(self, words: impl FnOnce() -> W) -> Self {
        if is_read(&self) {
            let words = shown(&self, &words().into());
            self.on_hover_text(words)
        } else {
            self
        }
    }

    fn tip_always<W: Into<String>>(self, words: impl FnOnce() -> W) -> Self {
        if !is_read(&self) {
            return self;
        }
        let words = shown(&self, &words().into());
        self.on_hover_text(words.clone())
            .on_disabled_hover_text(words)
    }
}

/// The words with commands told apart.
fn shown(response: &Response, words: &str) -> LayoutJob {
    let style = response.ctx.global_style();
    prose(&style, words, &TextStyle::Body, Color32::PLACEHOLDER)
}

/// Whether the pointer is there, a tooltip is still open, or the accessibility tree is being made.
fn is_read(response: &Response) -> bool {
    let pointer = response.ctx.pointer_hover_pos();
    response.contains_pointer()
        // One with others inside it.
        || pointer.is_some_and(|pointer| response.rect.contains(pointer))
        || response.is_tooltip_open()
        || response.ctx.has_accesskit_node(response.id)
}
