//! Runs on disk: the way to recent ones, saving, the run that was opened, and how runs are kept.

use egui::{Checkbox, DragValue, RichText, Ui, Vec2};

use super::Scene;
use crate::runs::file::KeepPictures;
use crate::state::KeepAction;
use crate::state::saving::{MOST_MEGABYTES, SavingSettings};
use crate::state::{Action, Phase, RunState, UiCommand, recent, text};
use crate::ui::theme;
use crate::ui::widgets::buttons::{action_button, sized};
use crate::ui::widgets::combo::combo;
use crate::ui::widgets::layout::{card, note, row};
use crate::worker::protocol::OpenedRun;

/// Draw the buttons, and the run that was opened.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    ui.horizontal(|ui| {
        for command in [UiCommand::ToggleRecent, UiCommand::ToggleCompare] {
            action_button(ui, scene.actions, Action::Do(command));
        }
        let can_save = scene.session.shown.can_be_saved().is_ok();
        let save = Action::Do(UiCommand::BrowseSaveAs);
        sized(ui, scene.actions, save, Vec2::ZERO, can_save);
    });
    if let Some(run) = &scene.session.shown.run
        && let Some(opened) = &run.kept.opened
    {
        ui.add_space(4.0);
        opened_ui(ui, scene, run, opened);
    }
    ui.add_space(theme::SECTION_GAP - 2.0);
}

/// The run that was opened from a file.
fn opened_ui(ui: &mut Ui, scene: &mut Scene<'_>, run: &RunState, opened: &OpenedRun) {
    card(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 3.0;
        let manifest = &opened.manifest;
        let title = format!("{}, {}", manifest.model.name, recent::when(manifest));
        ui.add(egui::Label::new(RichText::new(title).strong()).truncate())
            .on_hover_text(opened.path.display().to_string());
        let images = text::counted(opened.images.len(), "image");
        note(ui, format!("{images}, {}", recent::settings(manifest)));
        let source = if run.is_sealed() {
            "All that is shown comes from the run file"
        } else {
            "Opened from a run file"
        };
        note(ui, source).on_hover_text(
            "Opening a run reads none of the paths in it, the pictures are those that it keeps",
        );
        if !matches!(
            run.phase,
            Phase::Running | Phase::Paused | Phase::Cancelling
        ) {
            ui.horizontal(|ui| {
                action_button(ui, scene.actions, Action::Do(UiCommand::UseAgain));
                action_button(ui, scene.actions, Action::Do(UiCommand::CloseRun));
            });
        }
    });
}

/// Whether and how runs are kept, for the settings that few change.
pub fn saving_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    if scene.session.keeping.folder.is_none() {
        return;
    }
    let mut saving = scene.session.settings.saving;
    let tooltip = "Write each run to the folder of recent runs while it runs, so that a crash loses nothing. \
                   Pictures of your images are in these files";
    row(ui, "Keep runs", tooltip, |ui| {
        ui.add(Checkbox::without_text(&mut saving.is_on))
    });
    ui.add_enabled_ui(saving.is_on, |ui| {
        pictures_ui(ui, &mut saving);
        let size = scene.session.expected_bytes().map(recent::size);
        note(
            ui,
            size.map_or_else(
                || "The size shows once there are a model and images".to_owned(),
                |size| format!("The next run takes about {size}"),
            ),
        );
        let tooltip = "What all recent runs may take together. The oldest finished ones are removed first, \
                       never the one that is shown";
        row(ui, "Space", tooltip, |ui| {
            ui.add(
                DragValue::new(&mut saving.most_megabytes)
                    .min_size(theme::NUMBER_FIELD)
                    .range(10..=MOST_MEGABYTES)
                    .speed(10.0)
                    .suffix(" MB"),
            )
        });
    });
    if saving != scene.session.settings.saving {
        let action = KeepAction::Set(saving);
        scene.actions.push(Action::Keep(action));
    }
}

fn pictures_ui(ui: &mut Ui, saving: &mut SavingSettings) {
    let choices = [KeepPictures::All, KeepPictures::Median, KeepPictures::None];
    let tooltip = "Which inpainted pictures a run keeps. Originals, at the size of the model, are always kept";
    row(ui, "Pictures", tooltip, |ui| {
        combo(
            ui,
            "keep pictures",
            &mut saving.keep_pictures,
            &choices,
            |keep| {
                match keep {
                    KeepPictures::All => "All attempts",
                    KeepPictures::Median => "Median attempt",
                    KeepPictures::None => "None",
                }
                .to_owned()
            },
        )
    });
}
