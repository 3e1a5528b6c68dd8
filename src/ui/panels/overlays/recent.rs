//! The runs that the window has kept, one a row.

use egui::text::LayoutJob;
use egui::{
    Button, FontSelection, Response, RichText, ScrollArea, Style, TextStyle, Ui, WidgetInfo, vec2,
};

use crate::runs::file::RunSummary;
use crate::state::KeepAction;
use crate::state::{Action, UiCommand, folders::short_name, recent, text};
use crate::ui::panels::Scene;
use crate::ui::theme;
use crate::ui::widgets::buttons::{cross, sized};
use crate::ui::widgets::dialog::dialog;
use crate::ui::widgets::layout::{HEADING, ends, note, title};
use crate::ui::widgets::path_field::{PathRow, path_row};

/// Width of the list in points.
const WIDTH: f32 = 620.0;
/// Height of the list in points.
const LIST_HEIGHT: f32 = 380.0;

/// Draw the list.
pub fn ui(ui: &Ui, scene: &mut Scene<'_>) {
    if !scene.session.keeping.is_list_open {
        return;
    }
    let modal = dialog(ui, "recent runs", WIDTH, |ui| {
        title(ui, "Recent runs", HEADING);
        note(
            ui,
            "A run opens as it is in its file, with its pictures. Nothing that it names is read.",
        );
        ui.add_space(4.0);
        list_ui(ui, scene);
        ui.add_space(6.0);
        let row = PathRow {
            name: "run path",
            hint: "Path of another run file",
            tooltip: "A file that ends in .lmdrun, of this window or of `lmd score --output`",
            browse: Action::Do(UiCommand::BrowseOpen),
            keeps_text: false,
            apply: &|path| Action::Keep(KeepAction::Open(path)),
        };
        path_row(ui, scene.actions, &mut scene.drafts.run, &row);
        ui.add_space(2.0);
        footer_ui(ui, scene);
    });
    // The question lies above.
    if modal.should_close() && scene.session.shown.question.is_none() {
        scene.actions.push(Action::Do(UiCommand::ToggleRecent));
    }
}

fn list_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    if scene.session.keeping.folder.is_none() {
        note(ui, "There is no folder to keep runs in");
        return;
    }
    let Some(library) = scene.session.keeping.library.clone() else {
        note(ui, "Looking at the folder of recent runs…");
        return;
    };
    if library.runs.is_empty() && library.broken.is_empty() {
        note(ui, "No run was kept yet");
    }
    ScrollArea::vertical()
        .max_height(LIST_HEIGHT.min(ui.ctx().content_rect().height() - 220.0))
        .auto_shrink([false, true])
        .show(ui, |ui| {
            ui.set_max_width(ui.available_width() - 10.0);
            let can_open = !scene.session.is_running();
            for run in &library.runs {
                ui.horizontal(|ui| {
                    let width = ui.available_width() - 30.0;
                    ui.add_enabled_ui(can_open && !run.is_held, |ui| {
                        let auroc = scene.session.comparing.auroc(run);
                        if row_ui(ui, run, auroc, width).clicked() {
                            let open = KeepAction::Open(run.path.clone());
                            scene.actions.push(Action::Keep(open));
                        }
                    });
                    let remove = Action::Keep(KeepAction::Remove(run.path.clone()));
                    let name = format!("Remove run of {}", recent::name(&run.manifest, &run.path));
                    cross(ui, scene.actions, remove, &name);
                });
            }
            for (path, reason) in &library.broken {
                let color = theme::palette(ui).error;
                ui.label(RichText::new(short_name(path)).color(color));
                note(ui, reason.as_str());
            }
        });
}

fn row_ui(ui: &mut Ui, run: &RunSummary, auroc: Option<f64>, width: f32) -> Response {
    let palette = theme::palette(ui);
    let style = Style::clone(ui.style());
    let mut job = LayoutJob::default();
    let manifest = &run.manifest;
    let mut append = |words: String, is_weak: bool| {
        let words = RichText::new(words);
        let words = if is_weak {
            words.text_style(TextStyle::Small).color(palette.weak)
        } else {
            words.color(palette.text)
        };
        words.append_to(
            &mut job,
            &style,
            FontSelection::Default,
            egui::Align::Center,
        );
    };
    append(format!("{}\n", recent::title(manifest, &run.path)), false);
    append(
        format!(
            "{}, {}",
            text::counted(manifest.num_images, "image"),
            recent::settings(manifest)
        ),
        true,
    );
    let auroc = auroc.map_or_else(String::new, |auroc| format!("AUROC {auroc:.3}, "));
    let state = format!(
        "{auroc}{}, {}",
        recent::state(run),
        recent::size(run.num_bytes)
    );
    let button = Button::new(job)
        .right_text(RichText::new(state).small().color(palette.weak))
        .min_size(vec2(width, 42.0));
    let response = ui.add(button);
    response.widget_info(|| {
        let label = format!("Open run of {}", recent::line(run));
        WidgetInfo::labeled(egui::Role::Button, ui.is_enabled(), label)
    });
    response
        .on_hover_text(run.path.display().to_string())
        .on_disabled_hover_text("Wait for the end of the run that is under way, or cancel it")
}

fn footer_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let session = scene.session;
    let num_bytes = session.keeping.library.as_ref().map_or(0, |s| s.num_bytes);
    let count = session.keeping.library.as_ref().map_or(0, |s| s.runs.len());
    let size_ui = |ui: &mut Ui, _: &mut Scene<'_>| {
        note(
            ui,
            format!(
                "{}, {} of {}",
                text::counted(count, "run"),
                recent::size(num_bytes),
                recent::size(session.settings.saving.most_bytes())
            ),
        )
        .on_hover_text("The limit is among the settings under More settings");
    };
    ui.horizontal(|ui| {
        ends(ui, "close", scene, size_ui, |ui, scene| {
            let clear = Action::Do(UiCommand::Clear);
            sized(ui, scene.actions, clear, egui::Vec2::ZERO, count > 0);
            if ui.button("Close list").clicked() {
                scene.actions.push(Action::Do(UiCommand::ToggleRecent));
            }
        });
    });
}
