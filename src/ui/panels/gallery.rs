//! All images as small pictures with their scores; only those in view are drawn and asked for.

use std::ops::Range;

use egui::containers::menu::{MenuButton, MenuConfig};
use egui::{
    Align, Align2, Layout, PopupCloseBehavior, Rect, Response, RichText, ScrollArea, Sense, Stroke,
    StrokeKind, TextStyle, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::Scene;
use crate::ood::Role;
use crate::runs::RunImage;
use crate::state::folders::short_name;
use crate::state::{Action, GalleryOrder, GalleryView, LookAction, Mark, RunState, text};
use crate::ui::theme::{self, RADIUS, TILE, TILE_SIZE};
use crate::ui::thumbnails::Lookup;
use crate::ui::widgets::buttons::sized;
use crate::ui::widgets::combo::combo;
use crate::ui::widgets::layout::note;
use crate::ui::widgets::path_field::{PathRow, path_row};
use crate::ui::widgets::{mark, picture};

/// Draw the panel.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    header_ui(ui, scene);
    if scene.session.gallery.order().is_empty() {
        empty_ui(ui, scene);
        return;
    }
    let width = ui.available_width() - 10.0;
    let columns = (width / TILE_SIZE.x).floor().max(1.0) as usize;
    let tile = vec2((width / columns as f32).floor(), TILE_SIZE.y);
    let num_tiles = scene.session.gallery.order().len();
    let num_rows = num_tiles.div_ceil(columns);
    ScrollArea::vertical()
        .id_salt("gallery")
        .auto_shrink(false)
        .show_viewport(ui, |ui, viewport| {
            ui.set_height(num_rows as f32 * TILE_SIZE.y);
            let rows = (viewport.height() / TILE_SIZE.y).floor().max(1.0);
            scene.drafts.gallery_shape = (columns, rows as usize);
            reveal(ui, scene, columns);
            let first = (viewport.min.y / TILE_SIZE.y).floor().max(0.0) as usize;
            let end = (viewport.max.y / TILE_SIZE.y).ceil().max(0.0) as usize;
            tiles_ui(ui, scene, (columns, tile), first..end.min(num_rows));
        });
}

fn header_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let gallery = &scene.session.gallery;
    let old = scene.session.settings.gallery;
    let mut view = old;
    ui.horizontal(|ui| {
        ui.label(RichText::new("Images").strong().size(14.5));
        let (count, marked) = (gallery.order().len(), gallery.marked().len());
        note(
            ui,
            match marked {
                0 => text::count(count),
                _ => format!("{} of {} marked", text::count(marked), text::count(count)),
            },
        );
        if let Some(outcome) = old.outcome {
            note(ui, format!("{} only", outcome.label()))
                .on_hover_text("Click the cell of the matrix again to see all images");
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            choices_ui(ui, &mut view);
            export_ui(ui, scene);
            find_ui(ui, scene);
        });
    });
    if view != old {
        scene.actions.push(Action::SetGallery(view));
    }
}

/// Text that paths must have.
fn find_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let mut needle = scene.session.gallery.needle().to_owned();
    let width = (ui.available_width() - 4.0).clamp(40.0, 130.0);
    let field = egui::TextEdit::singleline(&mut needle)
        .hint_text("Find")
        .desired_width(width)
        .min_size(vec2(width, theme::ROW_HEIGHT));
    let response = ui
        .add(field)
        .on_hover_text("Show only images whose path has this text (Ctrl+F)")
        .accessible_name("Find images");
    if std::mem::take(&mut scene.drafts.focus_find) {
        response.request_focus();
    }
    if response.changed() {
        scene.actions.push(Action::Look(LookAction::Find(needle)));
    }
}

/// Writing the marked images, with a field for the folder, since some desktops have no dialog.
fn export_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let close = PopupCloseBehavior::CloseOnClickOutside;
    let (response, _) = MenuButton::new("Export…")
        .config(MenuConfig::new().close_behavior(close))
        .ui(ui, |ui| {
            ui.set_width(300.0);
            let count = scene.session.images_to_export().len();
            ui.label(format!("Write {}", text::counted(count, "image")));
            note(
                ui,
                "Original, masked and inpainted pictures, and a table. \
                 Ctrl+click marks images, Shift+click marks up to one, Ctrl+A marks all.",
            );
            let row = PathRow {
                name: "export folder path",
                hint: "Folder",
                tooltip: "The folder to write to, it is made where it is missing",
                browse: Action::Look(LookAction::BrowseExport),
                apply: &|path| Action::Look(LookAction::Export(path)),
            };
            path_row(ui, scene.actions, &mut scene.drafts.export, &row);
            let marked = scene.session.gallery.marked().len();
            let none = Action::Look(LookAction::MarkNone);
            sized(ui, scene.actions, none, Vec2::ZERO, marked > 0);
        });
    response.on_hover_text("Write the marked images, else the one looked at, to a folder");
}

fn choices_ui(ui: &mut Ui, view: &mut GalleryView) {
    let tooltip = Action::SetGallery(*view).tooltip();
    let cell = |ui: &mut Ui, width: f32, add: &mut dyn FnMut(&mut Ui)| {
        ui.allocate_ui_with_layout(
            vec2(width, theme::ROW_HEIGHT),
            Layout::left_to_right(Align::Center),
            |ui| add(ui),
        );
    };
    cell(ui, 150.0, &mut |ui| {
        combo(ui, "order", &mut view.order, &GalleryOrder::ALL, |order| {
            order.label().to_owned()
        })
        .on_hover_text(&tooltip)
        .accessible_name("Gallery order");
    });
    let roles = [
        None,
        Some(Role::InDomain),
        Some(Role::OutOfDomain),
        Some(Role::Unknown),
    ];
    cell(ui, 118.0, &mut |ui| {
        combo(ui, "role", &mut view.role, &roles, |role| {
            role.map_or("All roles", Role::label).to_owned()
        })
        .on_hover_text(&tooltip)
        .accessible_name("Gallery role");
    });
}

fn empty_ui(ui: &mut Ui, scene: &Scene<'_>) {
    let is_pending = scene
        .session
        .folders
        .iter()
        .any(crate::state::Folder::is_pending);
    let text = if is_pending {
        "The folders are being listed…"
    } else if scene.session.gallery.images().is_empty() {
        "Add folders of images on the left, or drop them on the window"
    } else {
        "No image of this kind"
    };
    ui.centered_and_justified(|ui| note(ui, text));
}

/// Bring the shown image into view after a step by key.
fn reveal(ui: &Ui, scene: &mut Scene<'_>, columns: usize) {
    if !std::mem::take(&mut scene.drafts.reveal_shown) {
        return;
    }
    let gallery = &scene.session.gallery;
    let shown = scene.session.shown_image();
    let position = gallery
        .order()
        .iter()
        .position(|image| Some(*image) == shown);
    if let Some(position) = position {
        let min = ui.max_rect().min + vec2(0.0, (position / columns) as f32 * TILE_SIZE.y);
        ui.scroll_to_rect(Rect::from_min_size(min, TILE_SIZE), None);
    }
}

fn tiles_ui(ui: &Ui, scene: &mut Scene<'_>, (columns, tile): (usize, Vec2), rows: Range<usize>) {
    let origin = ui.max_rect().min;
    let session = scene.session;
    let order = session.gallery.order();
    let tiles = rows.start * columns..(rows.end * columns).min(order.len());
    for position in tiles {
        let (row, column) = (position / columns, position % columns);
        let offset = vec2(column as f32 * tile.x, row as f32 * tile.y);
        let rect = Rect::from_min_size(origin + offset, tile);
        tile_ui(ui, scene, order[position], rect);
    }
}

fn tile_ui(ui: &Ui, scene: &mut Scene<'_>, image: usize, rect: Rect) {
    let session = scene.session;
    let Some(entry) = session.gallery.images().get(image) else {
        return;
    };
    let palette = theme::palette(ui);
    let score = session.gallery.run_id(image).and_then(|id| {
        session
            .run
            .as_ref()
            .and_then(|run: &RunState| run.score(id))
    });
    let response = ui.interact(rect.shrink(1.0), ui.scope_id().with(image), Sense::click());
    let is_shown = session.shown_image() == Some(image);
    let is_marked = session.gallery.marked().contains(&image);
    if is_shown || response.hovered() {
        let fill = if is_shown {
            palette.selection
        } else {
            palette.raised
        };
        ui.painter().rect_filled(rect.shrink(1.0), RADIUS, fill);
    }
    if is_shown || response.has_focus() {
        let stroke = Stroke::new(1.5, palette.accent);
        ui.painter()
            .rect_stroke(rect.shrink(1.0), RADIUS, stroke, StrokeKind::Inside);
    }
    let center = pos2(rect.center().x, rect.top() + 5.0 + 0.5 * TILE);
    let square = Rect::from_center_size(center, Vec2::splat(TILE));
    let failure = thumbnail_ui(ui, scene, &entry.file.path, square);
    let footer = pos2(rect.center().x, square.bottom() + 11.0);
    let font = TextStyle::Monospace.resolve(ui.style());
    let (text, color) = match score {
        Some(score) => (text::score(score), palette.text),
        None => ("–".to_owned(), palette.weak),
    };
    ui.painter().text(
        footer + vec2(7.0, 0.0),
        Align2::CENTER_CENTER,
        &text,
        egui::FontId { size: 11.5, ..font },
        color,
    );
    let mark_at = footer - vec2(25.0, 0.0);
    mark::paint(
        ui.painter(),
        entry.role,
        mark_at,
        3.5,
        palette.role(entry.role),
    );

    name_ui(&response, scene, (image, is_shown), score);
    if is_marked {
        mark_ui(ui, rect);
    }
    click_ui(ui, scene, &response, image);
    tooltip_ui(response, entry, failure.as_deref());
}

/// The accessible name of a tile.
fn name_ui(
    response: &Response,
    scene: &Scene<'_>,
    (image, is_shown): (usize, bool),
    score: Option<f64>,
) {
    let gallery = &scene.session.gallery;
    let entry = &gallery.images()[image];
    let marked = if gallery.marked().contains(&image) {
        ", marked"
    } else {
        ""
    };
    response.widget_info(|| {
        let score = score.map_or_else(
            || "no score yet".to_owned(),
            |s| format!("score {}", text::score(s)),
        );
        let name = short_name(&entry.file.path);
        let label = format!("{name}, {}, {score}{marked}", entry.role.name());
        WidgetInfo::selected(egui::Role::Button, true, is_shown, label)
    });
}

/// A click looks at an image; with Ctrl or Shift it marks.
fn click_ui(ui: &Ui, scene: &mut Scene<'_>, response: &Response, image: usize) {
    if !response.clicked() {
        return;
    }
    let modifiers = ui.input(|input| input.modifiers);
    let mark = |mark| Action::Look(LookAction::Mark(image, mark));
    if modifiers.command {
        scene.actions.push(mark(Mark::Toggle));
    } else if modifiers.shift {
        scene.actions.push(mark(Mark::UpTo));
    } else {
        scene.actions.push(Action::Look(LookAction::MarkNone));
        scene.actions.push(Action::SelectImage(image));
    }
}

fn tooltip_ui(response: Response, entry: &RunImage, failure: Option<&str>) {
    response.on_hover_ui(|ui| {
        let name = short_name(&entry.file.path);
        ui.label(format!("{name}, {}", entry.role.name()));
        note(ui, entry.file.path.display().to_string());
        note(
            ui,
            format!(
                "{} × {} pixels, {}",
                entry.file.native.width, entry.file.native.height, entry.file.native.format
            ),
        );
        if let Some(failure) = failure {
            note(ui, failure);
        }
    });
}

/// A check in the corner of a marked tile.
fn mark_ui(ui: &Ui, rect: Rect) {
    let palette = theme::palette(ui);
    let center = rect.right_top() + vec2(-12.0, 12.0);
    let painter = ui.painter();
    painter.circle(
        center,
        8.0,
        palette.accent,
        Stroke::new(1.5, palette.surface),
    );
    let stroke = Stroke::new(1.5, palette.on_accent);
    let at = |x: f32, y: f32| center + vec2(x, y);
    painter.line_segment([at(-3.5, 0.0), at(-1.0, 3.0)], stroke);
    painter.line_segment([at(-1.0, 3.0), at(4.0, -3.0)], stroke);
}

/// Paint the thumbnail, or a square in its place; returns why there is none.
fn thumbnail_ui(
    ui: &Ui,
    scene: &mut Scene<'_>,
    path: &std::path::Path,
    square: Rect,
) -> Option<String> {
    let palette = theme::palette(ui);
    match scene.textures.thumbnails.look_up(path) {
        Lookup::Ready(thumbnail) => {
            let image = (thumbnail.texture, thumbnail.uv);
            picture::paint(
                ui.painter(),
                square,
                image,
                thumbnail.size,
                thumbnail.is_pixelated,
            );
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
            ui.painter().text(
                square.center(),
                Align2::CENTER_CENTER,
                "?",
                font,
                palette.error,
            );
            Some(message.to_owned())
        }
    }
}
