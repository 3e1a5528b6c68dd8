//! The plots as files.

use egui::containers::menu::{MenuButton, MenuConfig};
use egui::{PopupCloseBehavior, Ui};

use super::Scene;
use crate::state::{Action, UiCommand};
use crate::ui::widgets::layout::note;
use crate::ui::widgets::path_field::{PathRow, path_row};

/// Writing all plots, with a field for the folder, since some desktops have no dialog.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    if scene.session.shown.analysis.is_none() {
        return;
    }
    ui.spacing_mut().button_padding.y = 1.0;
    let close = PopupCloseBehavior::CloseOnClickOutside;
    let (response, _) = MenuButton::new("Save plots…")
        .config(MenuConfig::new().close_behavior(close))
        .ui(ui, |ui| {
            ui.set_width(300.0);
            ui.label("Write the plots as PNG and SVG");
            note(
                ui,
                "Histogram, ROC curve and AUROC by attempts, and the scores of both runs where two are compared",
            );
            let row = PathRow {
                name: "plots folder path",
                hint: "Folder",
                tooltip: "The folder to write to, it is made where it is missing",
                browse: Action::Do(UiCommand::BrowsePlots),
                apply: &Action::SavePlots,
            };
            path_row(ui, scene.actions, &mut scene.drafts.plots, &row);
        });
    response.on_hover_text("Write the plots to a folder, for a paper or a talk");
}
