//! Which detector for these images: several of them on the images of the setup, and what that says.

mod choice;
mod ranked;

use egui::{ScrollArea, Ui, vec2};

use crate::state::{Action, UiCommand};
use crate::ui::panels::Scene;
use crate::ui::widgets::dialog::dialog;
use crate::ui::widgets::layout::{HEADING, ends, title};

/// Largest width in points.
const WIDTH: f32 = 1400.0;
/// Width in points of the list of detectors.
const CHOICE_WIDTH: f32 = 400.0;
/// Width of the scroll bar in points, and its distance from what scrolls.
const SCROLL_BAR: f32 = 12.0;
/// Below this width in points what came of them stands below the list.
const ROOMY: f32 = 1000.0;

/// Draw it.
pub fn ui(ui: &Ui, scene: &mut Scene<'_>) {
    let modal = dialog(ui, "compare detectors", WIDTH, |ui| {
        let height = ui.ctx().content_rect().height() - 90.0;
        ui.set_height(height);
        head_ui(ui, scene);
        ui.add_space(4.0);
        let size = vec2(CHOICE_WIDTH, ui.available_height());
        if ui.available_width() < ROOMY {
            scrolled(ui, "all", |ui| {
                choice::ui(ui, scene);
                ui.separator();
                ranked::ui(ui, scene);
            });
            return;
        }
        ui.horizontal_top(|ui| {
            ui.allocate_ui(size, |ui| {
                ui.set_min_size(size);
                ui.vertical(|ui| scrolled(ui, "choice", |ui| choice::ui(ui, scene)));
            });
            ui.separator();
            ui.vertical(|ui| scrolled(ui, "ranked", |ui| ranked::ui(ui, scene)));
        });
    });
    if modal.should_close() {
        scene.actions.push(Action::Do(UiCommand::ToggleDetectors));
    }
}

fn head_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let title_ui = |ui: &mut Ui, _: &mut Scene<'_>| {
        title(ui, "Which detector for these images?", HEADING);
    };
    ui.horizontal(|ui| {
        ends(ui, "close", scene, title_ui, |ui, scene| {
            if ui.button("Close comparison").clicked() {
                scene.actions.push(Action::Do(UiCommand::ToggleDetectors));
            }
        });
    });
}

fn scrolled(ui: &mut Ui, id_salt: &str, add_contents: impl FnOnce(&mut Ui)) {
    ScrollArea::vertical()
        .id_salt(id_salt)
        .auto_shrink(false)
        .show(ui, |ui| {
            // Room for the scroll bar, so that it covers nothing.
            ui.set_max_width((ui.available_width() - SCROLL_BAR).max(0.0));
            add_contents(ui);
        });
}
