//! Which detector scores the images, and the numbers among its settings.

use egui::{Checkbox, ComboBox, DragValue, Label, PopupCloseBehavior, Response, RichText, Ui};

use super::Scene;
use crate::detectors::DetectorSpec;
use crate::state::{Action, UiCommand};
use crate::ui::theme;
use crate::ui::widgets::buttons::action_button;
use crate::ui::widgets::combo::combo;
use crate::ui::widgets::layout::{card, note, row, section};
use crate::ui::widgets::path_field::{PathRow, path_row};

const ALSO_HELP: &str = "Detectors that score the same images in the same run: their scores stand side by side in every table and figure";

/// Draw the section.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    section(ui, "Detector", |ui| {
        edit_ui(ui, scene, first_ui);
        super::features::ui(ui, scene);
        super::fit::ui(ui, scene);
        action_button(ui, scene.actions, Action::Do(UiCommand::ToggleDetectors));
        file_ui(ui, scene);
        // Last, where what most users want is in sight.
        edit_ui(ui, scene, others_ui);
    });
}

fn edit_ui(
    ui: &mut Ui,
    scene: &mut Scene<'_>,
    edit: fn(&mut Ui, &mut DetectorSpec, &mut Vec<DetectorSpec>),
) {
    // A fit is of the detector as it is.
    let is_free = !scene.session.is_fitting() && !scene.session.ranking.is_active();
    ui.add_enabled_ui(is_free, |ui| {
        scene.edit_run(|settings, scene| {
            edit(ui, &mut settings.method.detector, &mut scene.drafts.specs);
        });
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

/// All detectors: each has the settings that it had when it was left.
struct Known<'a> {
    left: &'a mut Vec<DetectorSpec>,
    all: Vec<DetectorSpec>,
}

impl<'a> Known<'a> {
    fn new(left: &'a mut Vec<DetectorSpec>) -> Self {
        Self {
            left,
            all: DetectorSpec::all(),
        }
    }

    fn names(&self) -> Vec<&'static str> {
        self.all.iter().map(|spec| spec.about().name).collect()
    }

    fn label(&self, name: &str) -> String {
        let mut all = self.all.iter().map(|spec| spec.about());
        let about = all.find(|about| about.name == name);
        about.map_or(name, |about| about.label).to_owned()
    }

    /// As it was left, or as it is at first.
    fn take(&self, name: &str) -> Option<DetectorSpec> {
        let mut known = self.left.iter().chain(&self.all);
        known.find(|spec| spec.about().name == name).cloned()
    }

    fn leave(&mut self, spec: DetectorSpec) {
        let name = spec.about().name;
        self.left.retain(|other| other.about().name != name);
        self.left.push(spec);
    }
}

/// The list of detectors, and the numbers of the chosen one.
fn first_ui(ui: &mut Ui, detector: &mut DetectorSpec, left: &mut Vec<DetectorSpec>) {
    let mut known = Known::new(left);
    let mut chosen = detector.each().to_vec();
    let about = chosen[0].about();
    let mut name = about.name;
    let names = known.names();
    let response = row(ui, "Scored by", about.help, |ui| {
        combo(ui, "detector", &mut name, &names, |name| known.label(name))
    });
    if response.changed() {
        let place = chosen.iter().position(|spec| spec.about().name == name);
        match (place, known.take(name)) {
            (Some(place), _) => chosen.swap(0, place),
            (None, Some(spec)) => known.leave(std::mem::replace(&mut chosen[0], spec)),
            (None, None) => {}
        }
    }
    parameters_ui(ui, &mut chosen[0]);
    replace(detector, chosen);
}

/// Which others score in the same run, and their numbers.
fn others_ui(ui: &mut Ui, detector: &mut DetectorSpec, left: &mut Vec<DetectorSpec>) {
    let mut known = Known::new(left);
    let mut chosen = detector.each().to_vec();
    let names = known.names();
    row(ui, "Also by", ALSO_HELP, |ui| {
        also_ui(ui, &names, &mut chosen, &mut known)
    });
    for other in chosen.iter_mut().skip(1) {
        if !other.parameters().is_empty() {
            note(ui, other.about().label);
            parameters_ui(ui, other);
        }
    }
    replace(detector, chosen);
}

fn replace(detector: &mut DetectorSpec, chosen: Vec<DetectorSpec>) {
    if let Ok(together) = DetectorSpec::together(chosen) {
        *detector = together;
    }
}

/// The menu of detectors that may score besides the first of the chosen ones.
fn also_ui(
    ui: &mut Ui,
    names: &[&str],
    chosen: &mut Vec<DetectorSpec>,
    known: &mut Known<'_>,
) -> Response {
    let others = chosen.iter().skip(1).map(|spec| spec.about().label);
    let words = match others.len() {
        0 => "No other".to_owned(),
        1 => others.collect(),
        count => format!("{count} others"),
    };
    let list = ComboBox::from_id_salt("other detectors")
        .selected_text(words)
        .width(ui.available_width())
        .height(400.0)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    let list = list.show_ui(ui, |ui| {
        for name in names {
            let place = chosen.iter().position(|spec| spec.about().name == *name);
            let mut is_chosen = place.is_some();
            let is_first = place == Some(0);
            let check = Checkbox::new(&mut is_chosen, known.label(name));
            if !ui.add_enabled(!is_first, check).changed() {
                continue;
            }
            match (place, known.take(name)) {
                (Some(place), _) => known.leave(chosen.remove(place)),
                (None, Some(spec)) => chosen.push(spec),
                (None, None) => {}
            }
        }
    });
    list.response
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
