//! The small picture of a file, or what stands in its place.

use std::path::Path;

use egui::{Align2, Rect, TextStyle, Ui};

use super::picture;
use crate::ui::theme;
use crate::ui::thumbnails::{Lookup, Thumbnails};

/// Paint it into a square; returns why there is none.
pub fn paint(ui: &Ui, thumbnails: &mut Thumbnails, path: &Path, square: Rect) -> Option<String> {
    let palette = theme::palette(ui);
    match thumbnails.look_up(path) {
        Lookup::Ready(thumbnail) => {
            let image = (thumbnail.texture, thumbnail.uv);
            let size = thumbnail.size;
            picture::paint(ui.painter(), square, image, size, thumbnail.is_pixelated);
            None
        }
        Lookup::Waiting => {
            let small = square.shrink(4.0);
            picture::placeholder(ui.painter(), small, palette.raised, palette.raised);
            None
        }
        Lookup::Failed(message) => {
            let small = square.shrink(4.0);
            picture::placeholder(ui.painter(), small, palette.raised, palette.error);
            let font = TextStyle::Heading.resolve(ui.style());
            let center = square.center();
            ui.painter()
                .text(center, Align2::CENTER_CENTER, "?", font, palette.error);
            Some(message.to_owned())
        }
    }
}
