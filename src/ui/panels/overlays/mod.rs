//! What lies over the window: the command palette, the sheet of keys, past messages, comparisons, the presentation, a
//! picture to try, and what the program is.

pub mod about;
pub mod compare;
mod curves;
pub mod detectors;
pub mod messages;
pub mod model;
pub mod model_settings;
pub mod palette;
pub mod presentation;
pub mod question;
pub mod recent;
pub mod shortcuts;
pub mod trial;

use egui::Ui;

use super::Scene;
use crate::state::Overlay;

/// Draw what is open and floats over the window.
pub fn ui(ui: &Ui, scene: &mut Scene<'_>) {
    match scene.session.looking.overlay {
        Some(Overlay::Palette) => palette::ui(ui, scene),
        Some(Overlay::Shortcuts) => shortcuts::ui(ui, scene),
        Some(Overlay::Try) => trial::ui(ui, scene),
        Some(Overlay::Messages) => messages::ui(ui, scene),
        Some(Overlay::Detectors) => detectors::ui(ui, scene),
        Some(Overlay::Model) => model::ui(ui, scene),
        Some(Overlay::About) => about::ui(ui, scene),
        // These take the window's place.
        Some(Overlay::Presentation | Overlay::Explain | Overlay::Train) | None => {}
    }
    compare::ui(ui, scene);
    model_settings::ui(ui, scene);
    recent::ui(ui, scene);
    question::ui(ui, scene);
}
