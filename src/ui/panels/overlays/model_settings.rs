//! Saying what a checkpoint does not say of itself: a form with the settings of published models to begin from.

use egui::{TextEdit, TextStyle, Ui, vec2};

use crate::state::model::ModelProblem;
use crate::state::{Action, ModelState, text};
use crate::ui::panels::{ModelSettingsDraft, Scene};
use crate::ui::theme;
use crate::ui::widgets::buttons::primary_words;
use crate::ui::widgets::combo::combo;
use crate::ui::widgets::dialog::dialog;
use crate::ui::widgets::layout::{TITLE, note, title};
use crate::ui::widgets::prose::prose;
use crate::ui::widgets::tip::Tip as _;
use crate::worker::protocol::MissingSettings;

/// Width in points.
const WIDTH: f32 = 520.0;
/// Lines of the field that show at once.
const ROWS: usize = 9;

/// Draw the form while somebody fills it in.
pub fn ui(ui: &Ui, scene: &mut Scene<'_>) {
    if matches!(scene.session.model, ModelState::Ready(_)) && scene.session.model_problem.is_none()
    {
        scene.drafts.model_settings = None;
    }
    if scene.drafts.model_settings.is_none() {
        return;
    }
    // While the model is opened with what was typed there is no problem, and the draft waits for the next.
    let Some(problem) = scene.session.model_problem.clone() else {
        return;
    };
    let (Some(missing), Some(mut draft)) = (&problem.missing, scene.drafts.model_settings.take())
    else {
        return;
    };
    let modal = dialog(ui, "model settings", WIDTH, |ui| {
        form_ui(ui, scene, (&problem, missing), &mut draft)
    });
    let is_left = modal.inner || modal.should_close();
    scene.drafts.model_settings = (!is_left).then_some(draft);
}

/// What is missing, where to begin, and the field; `true` where it is to be closed.
fn form_ui(
    ui: &mut Ui,
    scene: &mut Scene<'_>,
    (problem, missing): (&ModelProblem, &MissingSettings),
    draft: &mut ModelSettingsDraft,
) -> bool {
    title(ui, "What the file does not say", TITLE);
    ui.add_space(4.0);
    let unsaid = text::capitalized(missing.what);
    ui.label(format!("{unsaid}. The code that it was trained with does."));
    if !problem.message.starts_with(&unsaid) {
        let error = theme::palette(ui).error;
        ui.add_space(4.0);
        ui.label(prose(ui.style(), &problem.message, &TextStyle::Body, error));
    }
    ui.add_space(8.0);
    begin_ui(ui, missing, draft);
    ui.add_space(8.0);
    let field = TextEdit::multiline(&mut draft.json)
        .code_editor()
        .desired_rows(ROWS)
        .desired_width(ui.available_width());
    ui.add(field).accessible_name("settings of the model");
    note(ui, format!("They are saved as {}", file_name(missing)))
        .tip(|| missing.file.display().to_string());
    ui.add_space(8.0);
    ui.horizontal(|ui| {
        let save = Action::CompleteModel(draft.json.clone());
        if primary_words(ui, &save.text(), vec2(0.0, 0.0)).clicked() {
            scene.actions.push(save);
        }
        ui.button("Cancel").clicked()
    })
    .inner
}

/// The published models to begin from, as the command line names them.
fn begin_ui(ui: &mut Ui, missing: &MissingSettings, draft: &mut ModelSettingsDraft) {
    let words = if missing.are_of_these_shapes {
        "The settings of a published model"
    } else {
        "No published model has these shapes. Begin from the settings of"
    };
    note(ui, words);
    let chosen = combo(
        ui,
        "published model",
        &mut draft.from,
        &missing.architectures,
        |it| it.name.to_owned(),
    );
    if chosen.changed() {
        draft.json = missing.lines(draft.from);
    }
    let about = draft.from.about;
    chosen
        .accessible_name("published model")
        .tip(|| about.to_owned());
}

fn file_name(missing: &MissingSettings) -> String {
    let name = missing.file.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
