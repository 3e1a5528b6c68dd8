//! The form: what to learn from, which network, how long, and where the model goes.

use egui::{Checkbox, DragValue, RichText, Ui, vec2};

use super::{error_ui, found};
use crate::engine::training::cost::USUAL_STEPS;
use crate::engine::training::request::USUAL_MINUTES;
use crate::engine::training::{Budget, Subject};
use crate::state::folders::short_name;
use crate::state::training::SurveyState;
use crate::state::{Action, Session, TrainAction, TrainingForm, UiCommand, text};
use crate::ui::panels::{Scene, advanced};
use crate::ui::theme;
use crate::ui::widgets::buttons::{action_button, primary, sized};
use crate::ui::widgets::combo::{combo, segments};
use crate::ui::widgets::layout::{note, row, section};
use crate::ui::widgets::path_field::{PathRow, path_field, path_row};

/// Width of the form in points.
const WIDTH: f32 = 430.0;
/// Sides to choose from, beside the one that suits the images.
const SIDES: [usize; 5] = [16, 32, 64, 96, 128];
/// The button to press at the end.
const START: egui::Vec2 = vec2(160.0, 34.0);

/// Draw the form, and what was found of its images beside it.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    ui.horizontal_top(|ui| {
        ui.vertical(|ui| {
            ui.set_width(WIDTH);
            let mut form = scene.session.training.form.clone();
            images_ui(ui, scene, &mut form);
            network_ui(ui, scene.session, &mut form);
            length_ui(ui, scene.session, &mut form);
            if form != scene.session.training.form {
                let set = TrainAction::Set(Box::new(form));
                scene.actions.push(Action::Train(set));
            }
            output_ui(ui, scene);
            start_ui(ui, scene);
        });
        ui.add_space(24.0);
        ui.vertical(|ui| found::ui(ui, scene));
    });
}

/// The sentence of a refusal, beside what it is about.
fn refusal_ui(ui: &mut Ui, session: &Session, subjects: &[Subject]) {
    if let Some((subject, message)) = &session.training.refusal
        && subjects.contains(subject)
    {
        error_ui(ui, message);
    }
}

fn images_ui(ui: &mut Ui, scene: &mut Scene<'_>, form: &mut TrainingForm) {
    section(ui, "Images to learn", |ui| {
        let in_domain: Vec<String> = scene
            .session
            .folders
            .iter()
            .filter(|folder| folder.role == crate::ood::Role::InDomain)
            .map(crate::state::Folder::name)
            .collect();
        let current = match &form.folder {
            Some(folder) => short_name(folder),
            None if in_domain.is_empty() => "No folder yet".to_owned(),
            None => format!("In-domain: {}", in_domain.join(", ")),
        };
        ui.add(egui::Label::new(RichText::new(current).strong()).truncate())
            .on_hover_text("Only images that belong: the model learns what is normal from them");
        let path = PathRow {
            name: "training folder path",
            hint: "Path of a folder, archive or file of images",
            tooltip: "Images that belong. Subfolders are searched too",
            browse: Action::Do(UiCommand::BrowseTrain),
            keeps_text: false,
            apply: &|path| Action::Train(TrainAction::From(path)),
        };
        path_row(ui, scene.actions, &mut scene.drafts.train.folder, &path);
        if form.folder.is_some() && !in_domain.is_empty() {
            let back = ui
                .button("Use the in-domain folders")
                .on_hover_text("Learn from what is in as in-domain");
            if back.clicked() {
                form.folder = None;
            }
        }
        refusal_ui(ui, scene.session, &[Subject::Images]);
        size_ui(ui, scene.session, form);
        advanced::fit_ui(ui, &mut form.resize);
        let tooltip = "Show the model each image turned left to right too. Only where that makes no other image, as it does of digits";
        row(ui, "Turn", tooltip, |ui| {
            ui.add(Checkbox::new(
                &mut form.has_flips,
                "left to right at random",
            ))
        });
    });
}

fn size_ui(ui: &mut Ui, session: &Session, form: &mut TrainingForm) {
    let found = session.training.survey.found();
    let automatic = found.filter(|_| form.side.is_none()).map_or_else(
        || "By the images".to_owned(),
        |survey| format!("By the images: {0} × {0}", survey.geometry.side),
    );
    let sides: Vec<Option<usize>> = [None]
        .into_iter()
        .chain(SIDES.into_iter().map(Some))
        .collect();
    let tooltip = "Every image is brought to this size, in training and afterwards. Twice the side takes four times as long";
    row(ui, "Size", tooltip, |ui| {
        combo(ui, "train size", &mut form.side, &sides, |side| {
            side.map_or_else(|| automatic.clone(), |side| format!("{side} × {side}"))
        })
    });
    refusal_ui(ui, session, &[Subject::Size]);
}

fn network_ui(ui: &mut Ui, session: &Session, form: &mut TrainingForm) {
    section(ui, "Network", |ui| {
        let networks = session
            .training
            .survey
            .found()
            .map_or(&[][..], |survey| &survey.networks);
        if networks.is_empty() {
            note(ui, "What networks cost shows once the images are read");
        }
        for network in networks {
            let words = format!(
                "{}, {} parameters, {} steps in about {}",
                text::capitalized(&network.size.to_string()),
                text::magnitude(network.num_parameters as f64),
                text::count(USUAL_STEPS),
                text::rough_duration(network.secs(USUAL_STEPS)),
            );
            let tooltip =
                "Larger networks learn finer differences and take longer, in training and in use";
            let is_chosen = form.network == network.size;
            if ui
                .selectable_label(is_chosen, words)
                .on_hover_text(tooltip)
                .clicked()
            {
                form.network = network.size;
            }
        }
        refusal_ui(ui, session, &[Subject::Network]);
    });
}

/// What the length is said in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Minutes,
    Steps,
}

fn length_ui(ui: &mut Ui, session: &Session, form: &mut TrainingForm) {
    section(ui, "How long", |ui| {
        let mut unit = match form.budget {
            Budget::Minutes(_) => Unit::Minutes,
            Budget::Steps(_) => Unit::Steps,
        };
        let is_changed = segments(
            ui,
            &mut unit,
            &[Unit::Minutes, Unit::Steps],
            |unit| match unit {
                Unit::Minutes => "Minutes".to_owned(),
                Unit::Steps => "Steps".to_owned(),
            },
            |unit| match unit {
                Unit::Minutes => "As many steps as fit, by the time of the first ones".to_owned(),
                Unit::Steps => {
                    "Each step looks at a batch of images and changes the model".to_owned()
                }
            },
        );
        if is_changed {
            form.budget = match unit {
                Unit::Minutes => Budget::Minutes(USUAL_MINUTES),
                Unit::Steps => Budget::Steps(USUAL_STEPS),
            };
        }
        let tooltip = "Longer is better up to a point, which the page tells you when it is reached";
        match &mut form.budget {
            Budget::Minutes(minutes) => row(ui, "Minutes", tooltip, |ui| {
                ui.add(
                    DragValue::new(minutes)
                        .min_size(theme::NUMBER_FIELD)
                        .range(1.0..=100_000.0)
                        .max_decimals(1)
                        .speed(0.2),
                )
            }),
            Budget::Steps(steps) => row(ui, "Steps", tooltip, |ui| {
                ui.add(
                    DragValue::new(steps)
                        .min_size(theme::NUMBER_FIELD)
                        .range(1..=100_000_000)
                        .speed(10.0),
                )
            }),
        };
        note(ui, length(session, form));
    });
}

/// What the chosen length comes to.
fn length(session: &Session, form: &TrainingForm) -> String {
    let survey = session.training.survey.found();
    let network = survey.and_then(|survey| {
        let mut networks = survey.networks.iter();
        networks.find(|network| network.size == form.network)
    });
    let Some(network) = network else {
        return format!(
            "{} steps and more make a useful model",
            text::count(USUAL_STEPS)
        );
    };
    match form.budget {
        Budget::Steps(steps) => {
            format!("About {}", text::rough_duration(network.secs(steps)))
        }
        Budget::Minutes(minutes) => {
            let steps = (minutes * 60.0 / network.step_secs) as usize;
            // No more digits than can be meant.
            let unit = 10_usize.pow(steps.max(1).ilog10().saturating_sub(1));
            let few = if steps < USUAL_STEPS {
                format!(
                    ", fewer than the {} that a useful model takes",
                    text::count(USUAL_STEPS)
                )
            } else {
                String::new()
            };
            format!("About {} steps{few}", text::count(steps / unit * unit))
        }
    }
}

fn output_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    section(ui, "Model folder", |ui| {
        let current = scene.session.training_output();
        let draft = &mut scene.drafts.train.output;
        if scene.drafts.train.shown_output.as_ref() != current {
            *draft = current.map_or_else(String::new, |path| path.display().to_string());
            scene.drafts.train.shown_output = current.cloned();
        }
        let width = ui.available_width();
        let (response, _) = path_field(
            ui,
            draft,
            "model folder path",
            "Path of a new folder",
            width,
        );
        let typed = crate::images::typed_path::typed_path(draft);
        if response.changed()
            && let Some(path) = typed
        {
            scene.drafts.train.shown_output = Some(path.clone());
            scene.actions.push(Action::Train(TrainAction::To(path)));
        }
        response
            .on_hover_text("A folder that is not there yet: the model is put into it at the end");
        let session = scene.session;
        refusal_ui(
            ui,
            session,
            &[Subject::Output, Subject::Unfinished, Subject::Work],
        );
        let is_unfinished = |(subject, _): &(Subject, String)| *subject == Subject::Unfinished;
        if session.training.refusal.as_ref().is_some_and(is_unfinished) {
            action_button(ui, scene.actions, Action::Do(UiCommand::ContinueTraining));
        }
    });
}

fn start_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let start = Action::Do(UiCommand::StartTraining);
    ui.horizontal(|ui| match scene.session.missing_for_training() {
        None => {
            primary(ui, scene.actions, start, START);
        }
        Some(missing) => {
            sized(ui, scene.actions, start, START, false);
            if let SurveyState::Reading { .. } = scene.session.training.survey {
                ui.add(egui::Spinner::new().size(14.0));
            }
            note(ui, missing);
        }
    });
}
