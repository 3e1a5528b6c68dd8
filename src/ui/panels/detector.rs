//! Which detector scores the images, and the numbers among its settings.

use egui::{DragValue, Label, RichText, Ui};

use super::Scene;
use crate::detectors::DetectorSpec;
use crate::state::{Action, UiCommand};
use crate::ui::theme;
use crate::ui::widgets::buttons::action_button;
use crate::ui::widgets::combo::combo;
use crate::ui::widgets::layout::{card, note, row, section};
use crate::ui::widgets::path_field::{PathRow, path_row};

/// Draw the section.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    section(ui, "Detector", |ui| {
        // A fit is of the detector as it is.
        let is_free = !scene.session.is_fitting() && !scene.session.ranking.is_active();
        ui.add_enabled_ui(is_free, |ui| {
            scene.edit_run(|settings, scene| {
                let detector = &mut settings.method.detector;
                choice_ui(ui, detector, &mut scene.drafts.specs);
                parameters_ui(ui, detector);
            });
        });
        super::fit::ui(ui, scene);
        action_button(ui, scene.actions, Action::Do(UiCommand::ToggleDetectors));
        file_ui(ui, scene);
    });
}

/// The detector file: opening one, and what the open one says.
fn file_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let browse = Action::Do(UiCommand::BrowseDetector);
    let row = PathRow {
        name: "detector to open",
        hint: "Path of a detector or fit",
        tooltip: "Use the model, settings and threshold of a detector file, to judge new images; or a detector that `lmd fit` \
                  has fitted on in-domain images",
        browse,
        keeps_text: false,
        apply: &Action::OpenDetector,
    };
    path_row(ui, scene.actions, &mut scene.drafts.detectors[0], &row);
    let session = scene.session;
    let (Some([name, threshold]), Some((path, _))) =
        (session.detector_words(), session.detector.as_ref())
    else {
        return;
    };
    card(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 3.0;
        let name = Label::new(RichText::new(name).strong()).truncate();
        ui.add(name).on_hover_text(path.display().to_string());
        note(ui, threshold);
        note(
            ui,
            "Its model and settings are those of the setup now, its threshold is in use",
        );
    });
}

/// The list of detectors; each has the settings that it had when it was left.
fn choice_ui(ui: &mut Ui, detector: &mut DetectorSpec, left: &mut Vec<DetectorSpec>) {
    let about = detector.about();
    let mut name = about.name;
    let all = DetectorSpec::all();
    let names: Vec<&str> = all.iter().map(|spec| spec.about().name).collect();
    let label = |name: &&str| {
        let spec = all.iter().find(|spec| spec.about().name == *name);
        spec.map_or(*name, |spec| spec.about().label).to_owned()
    };
    let response = row(ui, "Scored by", about.help, |ui| {
        combo(ui, "detector", &mut name, &names, label)
    });
    if response.changed() {
        left.retain(|spec| spec.about().name != about.name);
        let known = left.iter().chain(&all);
        let chosen = known
            .clone()
            .find(|spec| spec.about().name == name)
            .cloned();
        if let Some(chosen) = chosen {
            left.push(std::mem::replace(detector, chosen));
        }
    }
}

fn parameters_ui(ui: &mut Ui, detector: &mut DetectorSpec) {
    for (parameter, mut value) in detector.parameters() {
        let range = parameter.range.clone();
        // A hundredth of the value for each point that is dragged: their sizes differ by powers of ten.
        let speed = value.abs() * 0.01;
        let response = row(ui, parameter.label, parameter.help, |ui| {
            ui.add(
                DragValue::new(&mut value)
                    .min_size(theme::NUMBER_FIELD)
                    .range(range)
                    .speed(speed)
                    .max_decimals(parameter.decimals),
            )
        });
        if response.changed() {
            detector.set_parameter(parameter.name, value);
        }
    }
}
