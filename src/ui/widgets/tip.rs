//! Tooltips whose words are made only where somebody reads them: most widgets of a frame are not under the pointer.

use egui::Response;

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
            self.on_hover_text(words().into())
        } else {
            self
        }
    }

    fn tip_always<W: Into<String>>(self, words: impl FnOnce() -> W) -> Self {
        if !is_read(&self) {
            return self;
        }
        let words = words().into();
        self.on_hover_text(&words).on_disabled_hover_text(words)
    }
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
