//! What the user is asked before files are read or removed.

use std::path::PathBuf;

use egui::{ScrollArea, Ui};

use crate::engine::resuming::list_of;
use crate::state::saving::Question;
use crate::state::{Action, UiCommand, text};
use crate::ui::panels::Scene;
use crate::ui::widgets::buttons::primary_words;
use crate::ui::widgets::dialog::dialog;
use crate::ui::widgets::layout::{TITLE, note, title};

/// Width in points.
const WIDTH: f32 = 440.0;

/// Draw the question, if there is one.
pub fn ui(ui: &Ui, scene: &mut Scene<'_>) {
    let Some(question) = scene.session.shown.question.clone() else {
        return;
    };
    let modal = dialog(ui, "runs question", WIDTH, |ui| {
        let (yes, no) = words_ui(ui, scene, &question);
        ui.add_space(8.0);
        ui.horizontal(|ui| {
            if primary_words(ui, yes, egui::Vec2::ZERO).clicked() {
                scene.actions.push(Action::Do(UiCommand::Confirm));
            }
            if ui.button(no).clicked() {
                scene.actions.push(Action::Do(UiCommand::Decline));
            }
        });
    });
    if modal.should_close() {
        scene.actions.push(Action::Do(UiCommand::Decline));
    }
}

/// Say what it is about; returns what the two buttons say.
fn words_ui(ui: &mut Ui, scene: &Scene<'_>, question: &Question) -> (&'static str, &'static str) {
    let title = |ui: &mut Ui, words: &str| {
        title(ui, words, TITLE);
        ui.add_space(2.0);
    };
    match question {
        Question::Clear => {
            title(ui, "Remove all recent runs?");
            ui.label(
                "The run files of this window are deleted, with scores, pictures, tags and notes, unfinished ones too. \
                 The run that is shown stays, and so do copies that were saved elsewhere.",
            );
            ("Remove", "Keep")
        }
        Question::Remove(path) => {
            title(ui, "Remove this run?");
            ui.label("Its file is deleted, with scores, pictures, tags and notes. Copies that were saved elsewhere stay.");
            note(ui, path.display().to_string());
            ("Remove", "Keep")
        }
        Question::GoOn(paths) => {
            title(ui, "This run is not finished");
            if let Some(run) = &scene.session.shown.run {
                let progress = &run.progress;
                ui.label(format!(
                    "{} of {} attempts are there. Resuming gives the same scores as a run without a break. It reads \
                     these folders:",
                    text::count(progress.attempts_done),
                    text::count(progress.num_attempts),
                ));
            }
            paths_ui(ui, paths, "only the program's own model and the run file");
            ui.label("Inspect reads nothing but the run file.");
            ("Resume the run", "Inspect")
        }
        Question::UseAgain(paths) => {
            title(ui, "Use the model, folders and settings of this run?");
            ui.label("They take the place of those in the window. That reads");
            paths_ui(ui, paths, "only the program's own model");
            ("Use them", "Cancel")
        }
        Question::GoOnWithout(changed) => {
            let count = text::counted(changed.len(), "image file");
            let are = if changed.len() == 1 { "is" } else { "are" };
            title(ui, &format!("{count} {are} not what they were"));
            for line in list_of(changed) {
                note(ui, line);
            }
            ui.label("Put them back and resume again, or continue with what is there: what is missing is left out.");
            ("Continue with what is there", "Cancel")
        }
    }
}

fn paths_ui(ui: &mut Ui, paths: &[PathBuf], nothing: &str) {
    if paths.is_empty() {
        note(ui, nothing);
        return;
    }
    ScrollArea::vertical().max_height(150.0).show(ui, |ui| {
        for path in paths {
            note(ui, path.display().to_string());
        }
    });
}
