//! All images as small pictures with their scores; only those in view are drawn and asked for.

mod header;
mod tile;

use std::ops::Range;

use egui::{Rect, ScrollArea, Ui, Vec2, vec2};

use super::Scene;
use crate::state::Alike;
use crate::ui::theme::TILE_FOOTER;
use crate::ui::widgets::layout::note;

/// Draw the panel.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    header::ui(ui, scene);
    if scene.session.shown.gallery.order().is_empty() {
        empty_ui(ui, scene);
        return;
    }
    let width = ui.available_width() - 10.0;
    let least = least_size(scene);
    let columns = (width / least.x).floor().max(1.0) as usize;
    let tile = vec2((width / columns as f32).floor(), least.y);
    let num_tiles = scene.session.shown.gallery.order().len();
    let num_rows = num_tiles.div_ceil(columns);
    ScrollArea::vertical()
        .id_salt("gallery")
        .auto_shrink(false)
        .show_viewport(ui, |ui, viewport| {
            ui.set_height(num_rows as f32 * tile.y);
            let rows = (viewport.height() / tile.y).floor().max(1.0);
            scene.drafts.gallery_shape = (columns, rows as usize);
            reveal(ui, scene, columns);
            let first = (viewport.min.y / tile.y).floor().max(0.0) as usize;
            let end = (viewport.max.y / tile.y).ceil().max(0.0) as usize;
            tiles_ui(ui, scene, (columns, tile), first..end.min(num_rows));
        });
    if scene.drafts.shown.hovering != scene.drafts.shown.hovered {
        // The plots were drawn before.
        ui.ctx().request_repaint();
    }
}

/// Size of a tile with its score, before the tiles of a row share what is left of its width.
fn least_size(scene: &Scene<'_>) -> Vec2 {
    let width = scene.session.settings.panels.tile_width;
    vec2(width, width + TILE_FOOTER)
}

fn empty_ui(ui: &mut Ui, scene: &Scene<'_>) {
    let is_pending = scene
        .session
        .folders
        .iter()
        .any(crate::state::Folder::is_pending);
    let text = if is_pending {
        "The folders are being listed…"
    } else if scene.session.shown.gallery.images().is_empty() {
        "Add folders of images on the left, or drop them on the window"
    } else if scene.session.shown.gallery.alike() == Some(&Alike::Duplicates) {
        "No two images are nearly the same picture"
    } else {
        "No image is left by these filters, Show all takes them away"
    };
    ui.centered_and_justified(|ui| note(ui, text));
}

/// Bring the shown image into view after a step by key.
fn reveal(ui: &Ui, scene: &mut Scene<'_>, columns: usize) {
    if !std::mem::take(&mut scene.drafts.reveal_shown) {
        return;
    }
    let gallery = &scene.session.shown.gallery;
    let shown = scene.session.shown.image();
    let position = gallery
        .order()
        .iter()
        .position(|image| Some(*image) == shown);
    if let Some(position) = position {
        let size = least_size(scene);
        let min = ui.max_rect().min + vec2(0.0, (position / columns) as f32 * size.y);
        ui.scroll_to_rect(Rect::from_min_size(min, size), None);
    }
}

fn tiles_ui(ui: &Ui, scene: &mut Scene<'_>, (columns, tile): (usize, Vec2), rows: Range<usize>) {
    let origin = ui.max_rect().min;
    let session = scene.session;
    let order = session.shown.gallery.order();
    let tiles = rows.start * columns..(rows.end * columns).min(order.len());
    for position in tiles {
        let (row, column) = (position / columns, position % columns);
        let offset = vec2(column as f32 * tile.x, row as f32 * tile.y);
        let rect = Rect::from_min_size(origin + offset, tile);
        tile::ui(ui, scene, order[position], rect);
    }
}
