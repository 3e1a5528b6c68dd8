//! The model: where it comes from and what it is.

use egui::{RichText, Ui};

use super::Scene;
use crate::images::typed_path::typed_path;
use crate::state::{Action, ModelState, UiCommand, text};
use crate::ui::theme;
use crate::ui::widgets::buttons::action_button;
use crate::ui::widgets::layout::{card, note, section};
use crate::ui::widgets::path_field::{PathRow, path_row};
use crate::worker::protocol::{ModelInfo, ModelSource};

/// Height of the card, so that nothing below moves when another model is opened.
const CARD_HEIGHT: f32 = 102.0;

/// Draw the section.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    section(ui, "Model", |ui| {
        card(ui, |ui| {
            ui.set_min_height(CARD_HEIGHT);
            ui.spacing_mut().item_spacing.y = 3.0;
            match &scene.session.model {
                ModelState::None => {
                    note(ui, "No model is open");
                }
                ModelState::Opening { source, .. } => opening_ui(ui, source),
                ModelState::Ready(info) => info_ui(ui, info),
                ModelState::Failed { source, message } => failed_ui(ui, source, message),
            }
            let is_bundled = scene.session.settings.model == ModelSource::Bundled;
            if !is_bundled && !scene.session.is_running() {
                action_button(ui, scene.actions, Action::OpenModel(ModelSource::Bundled));
            }
        });
        let row = PathRow {
            name: "model path",
            hint: "Path of a model folder",
            tooltip: "Folder of a diffusion model in the diffusers format, with model_index.json or config.json inside",
            browse: Action::Do(UiCommand::BrowseModel),
            keeps_text: true,
            apply: &|path| Action::OpenModel(ModelSource::Path(path)),
        };
        if let ModelState::Ready(info) = &scene.session.model
            && let ModelSource::Path(path) = &info.source
            && typed_path(&scene.drafts.model).as_ref() == Some(path)
        {
            scene.drafts.model.clear();
        }
        path_row(ui, scene.actions, &mut scene.drafts.model, &row);
        super::train::entry_ui(ui, scene);
    });
}

fn name_ui(ui: &mut Ui, name: &str, source: &ModelSource) {
    let location = match source {
        ModelSource::Bundled => "The model inside the program".to_owned(),
        ModelSource::Path(path) => path.display().to_string(),
    };
    ui.add(egui::Label::new(RichText::new(name).strong()).truncate())
        .on_hover_text(location);
}

fn source_name(source: &ModelSource) -> String {
    match source {
        ModelSource::Bundled => "Bundled model".to_owned(),
        ModelSource::Path(path) => crate::state::folders::short_name(path),
    }
}

fn opening_ui(ui: &mut Ui, source: &ModelSource) {
    name_ui(ui, &source_name(source), source);
    ui.horizontal(|ui| {
        ui.add(egui::Spinner::new().size(14.0));
        note(ui, "Reading the weights and timing one call…");
    });
}

fn failed_ui(ui: &mut Ui, source: &ModelSource, message: &str) {
    name_ui(ui, &source_name(source), source);
    let color = theme::palette(ui).error;
    egui::ScrollArea::vertical()
        .id_salt("model error")
        .max_height(CARD_HEIGHT - 22.0)
        .show(ui, |ui| {
            ui.label(RichText::new(message).small().color(color));
        });
}

fn info_ui(ui: &mut Ui, info: &ModelInfo) {
    ui.horizontal(|ui| {
        name_ui(ui, &info.name, &info.source);
        if info.source == ModelSource::Bundled {
            note(ui, "bundled");
        }
    });
    let colors = if info.geometry.channels == 1 {
        "gray"
    } else {
        "color"
    };
    let side = info.geometry.side;
    let lines = [
        (
            info.family.clone(),
            "Kind of network that the weights belong to",
        ),
        (
            format!(
                "{side} × {side} {colors}, {} parameters",
                text::magnitude(info.num_parameters as f64)
            ),
            "Every image is brought to this size. Parameters are the numbers that the model has learnt",
        ),
        (
            info.identity.schedule().to_owned(),
            "How noise was added when the model was trained, over how many steps, and what it predicts",
        ),
        (
            format!(
                "{}, {} calls/s",
                info.device,
                text::rate(info.calls_per_second())
            ),
            "What the model runs on, and how many times a second it can look at an image",
        ),
    ];
    for (line, tooltip) in lines {
        let weak = theme::palette(ui).weak;
        ui.add(egui::Label::new(RichText::new(line).small().color(weak)).wrap())
            .on_hover_text(tooltip);
    }
    if !info.notes.is_empty() {
        let warning = theme::palette(ui).warning;
        let summary = format!(
            "{} about this file",
            text::counted(info.notes.len(), "note")
        );
        ui.label(RichText::new(summary).small().color(warning))
            .on_hover_text(info.notes.join("\n"));
    }
}
