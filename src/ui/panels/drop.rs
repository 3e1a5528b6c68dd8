//! What to do with files that were dropped on the window: only the user knows what they are.

use egui::{Align2, Area, Button, Frame, Id, Margin, Modal, Order, RichText, Sense, Ui, vec2};

use super::Scene;
use crate::ood::Role;
use crate::state::actions::role_explanation;
use crate::state::folders::short_name;
use crate::state::{Action, UiCommand, text};
use crate::ui::theme;
use crate::ui::widgets::layout::note;

/// Draw the overlay while files hover, and the question after they were dropped.
pub fn ui(ui: &Ui, scene: &mut Scene<'_>) {
    if ui.input(|input| !input.raw.hovered_files.is_empty()) {
        hover_ui(ui);
    }
    if !scene.session.dropped.is_empty() && scene.session.proposal().is_none() {
        question_ui(ui, scene);
    }
}

fn hover_ui(ui: &Ui) {
    let palette = theme::palette(ui);
    Area::new(Id::unique("drop overlay"))
        .order(Order::Foreground)
        .anchor(Align2::CENTER_CENTER, vec2(0.0, 0.0))
        .interactable(false)
        .show(ui.ctx(), |ui| {
            let rect = ui.ctx().content_rect();
            let ground = theme::faded(palette.ground, 0.85);
            ui.painter().rect_filled(rect, 0.0, ground);
            ui.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
            let font = egui::TextStyle::Heading.resolve(ui.style());
            let words = "Drop folders of images, a model or a run";
            ui.painter().text(
                rect.center(),
                Align2::CENTER_CENTER,
                words,
                font,
                palette.text,
            );
        });
}

fn question_ui(ui: &Ui, scene: &mut Scene<'_>) {
    let paths = &scene.session.dropped;
    let what = match paths.as_slice() {
        [path] => short_name(path),
        paths => text::counted(paths.len(), "dropped item"),
    };
    let frame = Frame::window(ui.style()).inner_margin(Margin::same(16));
    let modal = Modal::new(Id::unique("drop question")).frame(frame);
    let modal = modal.show(ui.ctx(), |ui| {
        ui.set_width(300.0);
        ui.label(RichText::new(format!("Use {what} as")).size(15.0).strong());
        note(ui, "Files stay where they are");
        ui.add_space(4.0);
        for role in Role::ALL {
            let words = match role {
                Role::InDomain => "In-domain images",
                Role::OutOfDomain => "Out-of-domain images",
                Role::Unknown => "Images to be judged",
            };
            let tooltip = format!("Use it as {}", role_explanation(role));
            if wide_button(ui, words, &tooltip) {
                scene.actions.push(Action::UseDropped(Some(role)));
            }
        }
        if paths.len() == 1 {
            let action = Action::Do(UiCommand::TryDropped);
            if wide_button(ui, &action.text(), &action.tooltip()) {
                scene.actions.push(action);
            }
        }
        if paths.len() == 1 && wide_button(ui, "Model", "Load it as the model") {
            scene.actions.push(Action::UseDropped(None));
        }
        ui.add_space(4.0);
        if wide_button(ui, "Cancel drop", "Do nothing with it") {
            scene.actions.push(Action::Do(UiCommand::Close));
        }
    });
    if modal.should_close() {
        scene.actions.push(Action::Do(UiCommand::Close));
    }
}

fn wide_button(ui: &mut Ui, words: &str, tooltip: &str) -> bool {
    let size = vec2(ui.available_width(), 30.0);
    ui.add(Button::new(words).min_size(size))
        .on_hover_text(tooltip)
        .clicked()
}
