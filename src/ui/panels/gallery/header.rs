//! What is above the gallery's pictures: how many there are, finding, exporting, order and filters.

use egui::containers::menu::{MenuButton, MenuConfig};
use egui::{Align, Layout, PopupCloseBehavior, RichText, Ui, Vec2, vec2};

use crate::ood::Role;
use crate::state::{Action, GalleryOrder, LookAction, UiCommand, VerdictFilter, text};
use crate::ui::panels::Scene;
use crate::ui::theme;
use crate::ui::widgets::buttons::sized;
use crate::ui::widgets::combo::combo;
use crate::ui::widgets::layout::{note, sized_cell};
use crate::ui::widgets::path_field::{PathRow, path_row};

/// Draw both rows.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    ui.horizontal(|ui| {
        ui.label(RichText::new("Images").strong().size(14.5));
        note(ui, counted(scene));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            export_ui(ui, scene);
            find_ui(ui, scene);
        });
    });
    choices_ui(ui, scene);
}

/// How many images are shown, of how many where some are left out.
fn counted(scene: &Scene<'_>) -> String {
    let gallery = &scene.session.shown.gallery;
    let (all, count) = (gallery.images().len(), gallery.order().len());
    match gallery.marked().len() {
        0 if count < all => format!("{} of {}", text::count(count), text::count(all)),
        0 => text::count(count),
        marked => format!("{} of {} marked", text::count(marked), text::count(count)),
    }
}

/// Text that paths must have.
fn find_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let mut needle = scene.session.looking.needle.clone();
    let width = (ui.available_width() - 4.0).clamp(40.0, 200.0);
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
            let count = scene.session.shown.images_to_export().len();
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
                browse: Action::Do(UiCommand::BrowseExport),
                apply: &|path| Action::Look(LookAction::Export(path)),
            };
            path_row(ui, scene.actions, &mut scene.drafts.export, &row);
            let marked = scene.session.shown.gallery.marked().len();
            let none = Action::Do(UiCommand::MarkNone);
            sized(ui, scene.actions, none, Vec2::ZERO, marked > 0);
        });
    response.on_hover_text("Write the marked images, else the one looked at, to a folder");
}

/// Order and filters.
fn choices_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let old = scene.session.settings.gallery;
    let mut view = old;
    let roles: Vec<Option<Role>> = std::iter::once(None).chain(Role::ALL.map(Some)).collect();
    let verdicts: Vec<Option<VerdictFilter>> = std::iter::once(None)
        .chain(VerdictFilter::ALL.map(Some))
        .collect();
    ui.horizontal_wrapped(|ui| {
        sized_cell(ui, 160.0, |ui| {
            combo(ui, "order", &mut view.order, &GalleryOrder::ALL, |order| {
                order.label().to_owned()
            })
            .on_hover_text("Order of the images")
            .accessible_name("Gallery order");
        });
        sized_cell(ui, 122.0, |ui| {
            combo(ui, "role", &mut view.role, &roles, |role| {
                role.map_or("All roles", Role::label).to_owned()
            })
            .on_hover_text("Show images of one role only")
            .accessible_name("Gallery role");
        });
        sized_cell(ui, 162.0, |ui| {
            combo(ui, "verdict", &mut view.verdict, &verdicts, |verdict| {
                verdict
                    .map_or("All verdicts", VerdictFilter::label)
                    .to_owned()
            })
            .on_hover_text("Show only images that the threshold puts on one side, or its mistakes")
            .accessible_name("Gallery verdict");
        });
        let is_filtered = scene.session.is_gallery_filtered();
        let all = Action::Do(UiCommand::ShowAll);
        sized(ui, scene.actions, all, Vec2::ZERO, is_filtered);
    });
    if view != old {
        scene.actions.push(Action::SetGallery(view));
    }
}
