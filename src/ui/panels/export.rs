//! Everything that can be written of the run on screen, in one menu; with fields for paths, since some desktops have no
//! dialog.

use egui::containers::menu::{MenuButton, MenuConfig};
use egui::{Button, PopupCloseBehavior, RichText, Ui, Vec2, vec2};

use super::Scene;
use crate::images::typed_path::typed_path;
use crate::runs::formats::FORMATS;
use crate::state::{Action, KeepAction, LookAction, UiCommand, text};
use crate::ui::theme::ROW_HEIGHT;
use crate::ui::widgets::buttons::sized;
use crate::ui::widgets::layout::note;
use crate::ui::widgets::path_field::{PathRow, path_field, path_row};
use crate::ui::widgets::tip::Tip as _;

/// Width of the menu in points.
const WIDTH: f32 = 340.0;

/// Draw the button, and the menu where it is open.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let close = PopupCloseBehavior::CloseOnClickOutside;
    let (response, menu) = MenuButton::new("Export…")
        .config(MenuConfig::new().close_behavior(close))
        .ui(ui, |ui| {
            ui.set_width(WIDTH);
            run_ui(ui, scene);
            ui.separator();
            images_ui(ui, scene);
            ui.separator();
            plots_ui(ui, scene);
        });
    if menu.is_none() {
        // The folder is offered afresh each time, for the run of that moment.
        scene.drafts.written.clear();
    }
    response.tip(|| "Write scores, verdicts, the report, pictures or plots to files");
}

/// The run in each of its formats.
fn run_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    ui.label(RichText::new("The whole run").strong());
    let reason = scene.session.run_to_write().err();
    if let Some(reason) = reason {
        note(ui, reason);
    }
    ui.add_enabled_ui(reason.is_none(), |ui| {
        if scene.drafts.written.is_empty()
            && let Some(folder) = scene.session.export_folder()
        {
            scene.drafts.written = folder.display().to_string();
        }
        path_field(
            ui,
            &mut scene.drafts.written,
            "export run folder path",
            "Folder",
            WIDTH - 4.0,
        )
        .0
        .tip(|| "The folder to write to, it is made where it is missing; no file is replaced");
        let folder = typed_path(&scene.drafts.written);
        ui.horizontal_wrapped(|ui| {
            for format in FORMATS {
                let write = KeepAction::Write(format.name, folder.clone().unwrap_or_default());
                let size = vec2(0.5 * (WIDTH - 14.0), ROW_HEIGHT);
                let button = Button::new(format.label).min_size(size);
                let response = ui.add_enabled(folder.is_some(), button).tip(|| format.help);
                if response.clicked() {
                    scene.actions.push(Action::Keep(write));
                    ui.close();
                }
            }
        });
    });
    let can_save = scene.session.shown.can_be_saved().is_ok();
    let save = Action::Do(UiCommand::BrowseSaveAs);
    sized(ui, scene.actions, save, Vec2::ZERO, can_save).accessible_name("Run file");
}

/// The marked images.
fn images_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let count = scene.session.shown.images_to_export().len();
    ui.label(RichText::new(format!("Write {}", text::counted(count, "image"))).strong());
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
        keeps_text: false,
        apply: &|path| Action::Look(LookAction::Export(path)),
    };
    path_row(ui, scene.actions, &mut scene.drafts.export, &row);
    let marked = scene.session.shown.gallery.marked().len();
    let none = Action::Do(UiCommand::MarkNone);
    sized(ui, scene.actions, none, Vec2::ZERO, marked > 0);
}

fn plots_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    ui.label(RichText::new("Write the plots as PNG and SVG").strong());
    note(
        ui,
        "Histogram, ROC curve and AUROC by attempts, and the scores of both runs where two are compared",
    );
    ui.add_enabled_ui(scene.session.shown.analysis.is_some(), |ui| {
        let row = PathRow {
            name: "plots folder path",
            hint: "Folder",
            tooltip: "The folder to write to, it is made where it is missing",
            browse: Action::Do(UiCommand::BrowsePlots),
            keeps_text: false,
            apply: &Action::SavePlots,
        };
        path_row(ui, scene.actions, &mut scene.drafts.plots, &row);
    });
}
