//! How runs are kept on disk.

use egui::{Checkbox, DragValue, Ui};

use super::Scene;
use crate::runs::file::KeepPictures;
use crate::state::KeepAction;
use crate::state::glossary;
use crate::state::saving::{MOST_MEGABYTES, SavingSettings};
use crate::state::{Action, recent};
use crate::ui::theme;
use crate::ui::widgets::combo::combo;
use crate::ui::widgets::layout::{note, row};

/// Whether and how runs are kept, for the settings that few change.
pub fn saving_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    if scene.session.keeping.folder.is_none() {
        return;
    }
    let mut saving = scene.session.settings.saving;
    let tooltip = glossary::KEEP_RUNS.text;
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
        let tooltip = glossary::DISK_LIMIT.text;
        row(ui, "Disk limit", tooltip, |ui| {
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
    let tooltip = glossary::PICTURES.text;
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
