//! Which detector scores the images, and the numbers among its settings.

use egui::{DragValue, Ui};

use super::Scene;
use crate::detectors::DetectorSpec;
use crate::ui::theme;
use crate::ui::widgets::combo::combo;
use crate::ui::widgets::layout::{row, section};

/// Draw the section.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    section(ui, "Detector", |ui| {
        scene.edit_run(|settings, scene| {
            let detector = &mut settings.method.detector;
            choice_ui(ui, detector, &mut scene.drafts.specs);
            parameters_ui(ui, detector);
        });
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
        let response = row(ui, parameter.label, parameter.help, |ui| {
            ui.add(
                DragValue::new(&mut value)
                    .min_size(theme::NUMBER_FIELD)
                    .range(range)
                    .speed(0.01)
                    .max_decimals(3),
            )
        });
        if response.changed() {
            detector.set_parameter(parameter.name, value);
        }
    }
}
