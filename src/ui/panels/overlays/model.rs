//! What the model is: its facts, every setting with where it comes from, and what had to be assumed.

use egui::{Grid, Label, RichText, ScrollArea, Ui};

use crate::state::model::images;
use crate::state::{Action, UiCommand, text};
use crate::ui::panels::Scene;
use crate::ui::panels::model::NO_MODEL;
use crate::ui::theme;
use crate::ui::widgets::combo::combo;
use crate::ui::widgets::dialog::dialog;
use crate::ui::widgets::layout::{HEADING, note, sized_cell, title};
use crate::ui::widgets::path_field::{PathRow, path_row};
use crate::ui::widgets::tip::Tip as _;
use crate::worker::protocol::{ModelInfo, ModelSource, Numbers, Setting};

/// Width in points.
const WIDTH: f32 = 720.0;
/// Width in points of the choice of numbers.
const NUMBERS_WIDTH: f32 = 80.0;
/// Width in points of the column with values.
const VALUE_WIDTH: f32 = 240.0;

/// Draw the card of the model that is open.
pub fn ui(ui: &Ui, scene: &mut Scene<'_>) {
    let info = scene.session.model_info().cloned();
    let modal = dialog(ui, "about the model", WIDTH, |ui| {
        let height = ui.ctx().content_rect().height() - 230.0;
        title(ui, "About the model", HEADING);
        ui.add_space(4.0);
        ScrollArea::both()
            .max_height(height)
            .auto_shrink([false, true])
            .show(ui, |ui| match &info {
                Some(info) => card_ui(ui, info),
                None => {
                    note(ui, "No model is open");
                }
            });
        ui.add_space(6.0);
        if info.is_some() {
            convert_ui(ui, scene);
            ui.add_space(6.0);
        }
        ui.button("Close card").clicked()
    });
    if modal.inner || modal.should_close() {
        scene.actions.push(Action::Do(UiCommand::ToggleModel));
    }
}

/// Writing it as a diffusers folder.
fn convert_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let converting = scene.session.converting;
    ui.add_enabled_ui(!converting.is_active, |ui| {
        let mut numbers = converting.numbers;
        ui.horizontal(|ui| {
            ui.label("As a diffusers folder in");
            sized_cell(ui, NUMBERS_WIDTH, |ui| {
                let all = [Numbers::F32, Numbers::F16, Numbers::Bf16];
                combo(ui, "numbers", &mut numbers, &all, |numbers| {
                    match numbers {
                        Numbers::F32 => "f32",
                        Numbers::F16 => "f16",
                        Numbers::Bf16 => "bf16",
                    }
                    .to_owned()
                })
                .accessible_name("Numbers of the weights");
            });
        });
        if numbers != converting.numbers {
            scene.actions.push(Action::SetNumbers(numbers));
        }
        let browse = Action::Do(UiCommand::BrowseConvert);
        let tooltip = browse.tooltip();
        let row = PathRow {
            name: "converted model",
            hint: "Path of a new folder",
            tooltip: &tooltip,
            browse,
            keeps_text: true,
            apply: &Action::ConvertModel,
        };
        path_row(ui, scene.actions, &mut scene.drafts.converted, &row);
    });
}

fn card_ui(ui: &mut Ui, info: &ModelInfo) {
    let parameters = text::magnitude(info.num_parameters as f64);
    let tensors = text::counted(info.num_tensors, "tensor");
    let facts = [
        ("Name", info.name.clone()),
        ("Place", place(&info.source)),
        ("Family", info.family.clone()),
        ("Images", images(info)),
        ("Parameters", format!("{parameters} in {tensors}")),
        (
            "Arithmetic",
            format!(
                "{}FLOP per image and call",
                text::magnitude(info.flops_per_call)
            ),
        ),
        ("Schedule", info.identity.schedule().to_owned()),
        (
            "Weights",
            format!("SHA-256 {}", info.identity.weights_sha256),
        ),
        (
            "Runs on",
            format!(
                "{}, {} calls/s",
                info.device,
                text::rate(info.calls_per_second())
            ),
        ),
    ];
    let palette = theme::palette(ui);
    let grid = |name: &str, columns: usize| {
        Grid::new(name.to_owned())
            .num_columns(columns)
            .spacing([16.0, 3.0])
    };
    grid("facts", 2).show(ui, |ui| {
        for (name, value) in facts {
            ui.label(RichText::new(name).color(palette.weak));
            ui.label(value);
            ui.end_row();
        }
    });
    for note in &info.notes {
        let words = RichText::new(text::capitalized(note)).color(palette.warning);
        ui.label(words);
    }
    if info.settings.is_empty() {
        return;
    }
    ui.add_space(8.0);
    grid("settings", 3).striped(true).show(ui, |ui| {
        for head in ["Setting", "Value", "From"] {
            ui.label(RichText::new(head).small().color(palette.weak));
        }
        ui.end_row();
        for setting in &info.settings {
            setting_ui(ui, setting);
            ui.end_row();
        }
    });
}

fn setting_ui(ui: &mut Ui, setting: &Setting) {
    ui.label(RichText::new(setting.name.as_str()).monospace());
    ui.scope(|ui| {
        ui.set_max_width(VALUE_WIDTH);
        let value = RichText::new(setting.value.as_str()).monospace();
        ui.add(Label::new(value).truncate())
            .tip(|| setting.value.as_str());
    });
    ui.label(setting.origin.to_string());
}

fn place(source: &ModelSource) -> String {
    match source {
        ModelSource::Bundled(_) => "inside the program".to_owned(),
        ModelSource::Path(path) => path.display().to_string(),
        ModelSource::Blank(_) => NO_MODEL.to_owned(),
    }
}
