//! The model: where it comes from and what it is.

use egui::{Align, Atom, Button, Layout, RichText, Ui, vec2};

use super::{ModelSettingsDraft, Scene};
use crate::images::typed_path::typed_path;
use crate::state::model::images;
use crate::state::{Action, ModelState, UiCommand, text};
use crate::ui::theme::{self, ROW_HEIGHT};
use crate::ui::widgets::buttons::sized;
use crate::ui::widgets::layout::{card, ends, lines, lines_size, note, section};
use crate::ui::widgets::path_field::{PathRow, path_row};
use crate::ui::widgets::tip::Tip as _;
use crate::worker::protocol::{Bundled, MissingSettings, ModelInfo, ModelSource};

/// Height of what the card holds, whatever that is: nothing below may move under the pointer when another model opens.
const CARD_HEIGHT: f32 = 108.0;
/// Width in points of the menu of recent models.
const RECENT_WIDTH: f32 = 420.0;
/// Width in points of the menu of bundled models.
const BUNDLED_WIDTH: f32 = 220.0;
/// Lines below the field, for a hint or for what is wrong with the path.
const HINT_LINES: usize = 2;

/// Draw the section.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    section(ui, "Model", |ui| {
        card(ui, |ui| {
            let size = vec2(ui.available_width(), CARD_HEIGHT);
            ui.allocate_ui_with_layout(size, Layout::top_down(Align::Min), |ui| {
                ui.set_min_size(size);
                ui.spacing_mut().item_spacing.y = 3.0;
                card_ui(ui, scene);
            });
        });
        take_told_path(scene);
        let row = PathRow {
            name: "model path",
            hint: "Path of a model folder",
            tooltip: "Folder of a diffusion model in the diffusers format, with model_index.json or config.json inside",
            browse: Action::Do(UiCommand::BrowseModel),
            keeps_text: true,
            apply: &|path| Action::OpenModel(ModelSource::Path(path)),
        };
        path_row(ui, scene.actions, &mut scene.drafts.model, &row);
        hint_ui(ui, scene);
        ui.horizontal(|ui| {
            recent_ui(ui, scene);
            about_ui(ui, scene);
            super::train::entry_ui(ui, scene);
        });
    });
}

/// Models that were opened before, in a menu.
fn recent_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let session = scene.session;
    let recent = &session.settings.recent_models;
    let is_free = !recent.is_empty() && !session.is_running() && !session.is_fitting();
    let menu = |ui: &mut Ui| {
        ui.menu_button("Recent", |ui| {
            ui.set_width(RECENT_WIDTH);
            for model in recent {
                // The name of the pipeline says more than that of a part of it.
                let whole = model.path.parent().filter(|_| model.path.ends_with("unet"));
                let name = crate::state::folders::short_name(whole.unwrap_or(&model.path));
                let about = RichText::new(model.about.as_str()).small();
                let button = Button::new((name, Atom::grow(), about)).truncate();
                let response = ui.add(button).tip(|| model.path.display().to_string());
                if response.clicked() {
                    let source = ModelSource::Path(model.path.clone());
                    scene.actions.push(Action::OpenModel(source));
                    ui.close();
                }
            }
        })
    };
    ui.add_enabled_ui(is_free, menu)
        .inner
        .response
        .tip_always(|| {
            if recent.is_empty() {
                "Models from disk that were opened are listed here"
            } else {
                "Open a model that was opened before"
            }
        });
}

fn about_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let is_open = scene.session.model_info().is_some();
    let about = Action::Do(UiCommand::ToggleModel);
    sized(ui, scene.actions, about, vec2(0.0, 0.0), is_open);
}

/// Empty the field once its model is open, and put a path into it that was chosen elsewhere and is wrong.
fn take_told_path(scene: &mut Scene<'_>) {
    let session = scene.session;
    if let ModelState::Ready(info) = &session.model
        && let ModelSource::Path(path) = &info.source
        && typed_path(&scene.drafts.model).as_ref() == Some(path)
    {
        scene.drafts.model.clear();
    }
    let problem = session.model_problem.as_ref();
    let is_new = problem.map(|problem| problem.job) != scene.drafts.told_model;
    scene.drafts.told_model = problem.map(|problem| problem.job);
    if let Some(problem) = problem.filter(|_| is_new)
        && let ModelSource::Path(path) = &problem.source
        && scene.drafts.model.trim().is_empty()
    {
        scene.drafts.model = path.display().to_string();
    }
}

fn card_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let session = scene.session;
    let (name, source) = match &session.model {
        ModelState::None => ("No model is open".to_owned(), None),
        ModelState::Opening { source, .. } => (source_name(source), Some(source)),
        ModelState::Ready(info) => (info.name.clone(), Some(&info.source)),
    };
    ui.horizontal(|ui| {
        ui.set_min_height(ROW_HEIGHT);
        let name_ui = |ui: &mut Ui, _: &mut Scene<'_>| {
            let name = egui::Label::new(RichText::new(name).strong()).truncate();
            ui.add(name).tip(|| location(source));
        };
        ends(ui, "source", scene, name_ui, |ui, scene| match source {
            _ if session.is_running() || session.is_fitting() => {
                if let Some(ModelSource::Bundled(_)) = source {
                    note(ui, "bundled");
                }
            }
            _ => bundled_ui(ui, scene, source),
        });
    });
    match &session.model {
        ModelState::None => {
            note(ui, "Open one below, or use the bundled one");
        }
        ModelState::Opening { .. } => {
            ui.horizontal(|ui| {
                ui.add(egui::Spinner::new().size(14.0));
                note(ui, "Reading the weights and timing one call…");
            });
        }
        ModelState::Ready(info) => info_ui(ui, info),
    }
}

/// The models inside the program, in a menu.
fn bundled_ui(ui: &mut Ui, scene: &mut Scene<'_>, open: Option<&ModelSource>) {
    let menu = ui.menu_button(RichText::new("Bundled").small(), |ui| {
        ui.set_width(BUNDLED_WIDTH);
        for bundled in Bundled::ALL {
            let source = ModelSource::Bundled(bundled);
            let is_open = open == Some(&source);
            let action = Action::OpenModel(source);
            let button = Button::selectable(is_open, action.text());
            if ui.add(button).tip(|| action.tooltip()).clicked() {
                ui.close();
                // Opening it again would take its time and change nothing.
                scene.actions.extend((!is_open).then_some(action));
            }
        }
        note(ui, "The samples change with it");
    });
    menu.response
        .tip(|| "Open one of the models that come with the program");
}

/// Where a model's path would be.
pub(super) const NO_MODEL: &str = "No model: the detectors of the run use none";

fn location(source: Option<&ModelSource>) -> String {
    match source {
        None => "A run needs a model".to_owned(),
        Some(ModelSource::Bundled(bundled)) => {
            format!("{}, inside the program", bundled.label())
        }
        Some(ModelSource::Path(path)) => path.display().to_string(),
        Some(ModelSource::Blank(_)) => NO_MODEL.to_owned(),
    }
}

fn source_name(source: &ModelSource) -> String {
    match source {
        ModelSource::Bundled(bundled) => bundled.label().to_owned(),
        ModelSource::Path(path) => crate::state::folders::short_name(path),
        ModelSource::Blank(_) => "No model".to_owned(),
    }
}

/// What is wrong with the path, else what it can be.
fn hint_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let palette = theme::palette(ui);
    let problem = scene.session.model_problem.as_ref();
    if let Some(missing) = problem.and_then(|problem| problem.missing.as_ref()) {
        missing_ui(ui, scene, missing);
        return;
    }
    let (words, color) = match problem {
        Some(problem) => (problem.message.as_str(), palette.error),
        None => (
            "A diffusers folder, or a .safetensors, .bin, .pt or .pth file",
            palette.weak,
        ),
    };
    lines(ui, words, color, HINT_LINES);
}

/// In the place of the hint: that the model does not say all of itself, and the way to say it.
fn missing_ui(ui: &mut Ui, scene: &mut Scene<'_>, missing: &MissingSettings) {
    let size = lines_size(ui, HINT_LINES);
    ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
        ui.set_min_size(size);
        let button = ui.button("Say them…");
        button
            .clone()
            .tip(|| "Type the settings that the file does not hold");
        if button.clicked()
            && let Some(from) = missing.architectures.first()
        {
            let json = missing.lines(from);
            scene.drafts.model_settings = Some(ModelSettingsDraft { from, json });
        }
        let words = "The file does not say all settings of its model";
        lines(ui, words, theme::palette(ui).error, HINT_LINES);
    });
}

fn info_ui(ui: &mut Ui, info: &ModelInfo) {
    let lines = [
        (
            info.family.clone(),
            "Kind of network that the weights belong to",
        ),
        (
            format!(
                "{}, {} parameters",
                images(info),
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
    let palette = theme::palette(ui);
    for (line, tooltip) in lines {
        let words = RichText::new(&line).small().color(palette.weak);
        ui.add(egui::Label::new(words).truncate())
            .tip(|| format!("{line}. {tooltip}"));
    }
    if let Some(first) = info.notes.first() {
        let more = match info.notes.len() - 1 {
            0 => String::new(),
            more => format!(" (and {})", text::counted(more, "more note")),
        };
        let words = RichText::new(format!("{}{more}", text::capitalized(first)))
            .small()
            .color(palette.warning);
        ui.add(egui::Label::new(words).truncate())
            .tip(|| info.notes.join("\n"));
    }
}
