//! All keys on one sheet.

use egui::{Frame, Grid, Id, Margin, Modal, RichText, ScrollArea, Ui};

use crate::state::{Action, UiCommand};
use crate::ui::panels::Scene;
use crate::ui::theme;

/// What the pointer and held keys do: they belong to no action.
const HELD: [(&str, &str); 7] = [
    ("Space", "While held, see the original in all places"),
    ("Shift", "The same, with the pointer over a picture"),
    ("Wheel", "Zoom all pictures together"),
    ("Drag", "Over a picture, move all of them together"),
    ("Drag", "In the histogram, choose a range of scores"),
    ("Ctrl+click", "Mark an image of the gallery"),
    ("Shift+click", "Mark all images up to this one"),
];

/// Draw the sheet.
pub fn ui(ui: &Ui, scene: &mut Scene<'_>) {
    let frame = Frame::window(ui.style()).inner_margin(Margin::same(16));
    let modal = Modal::new(Id::unique("shortcuts")).frame(frame);
    let modal = modal.show(ui.ctx(), |ui| {
        ui.label(RichText::new("Keys").heading().strong());
        ui.add_space(4.0);
        let height = ui.ctx().content_rect().height() - 120.0;
        ScrollArea::vertical()
            .max_height(height)
            .min_scrolled_height(height)
            .show(ui, keys_ui);
    });
    if modal.should_close() {
        scene.actions.push(Action::Do(UiCommand::ToggleShortcuts));
    }
}

fn keys_ui(ui: &mut Ui) {
    let infos = UiCommand::ALL.iter().map(|command| command.info());
    let rows: Vec<(String, String)> = infos
        .filter(|info| !info.shortcuts.is_empty())
        .map(|info| {
            let keys: Vec<String> = info.shortcuts.iter().map(|key| key.label()).collect();
            (keys.join(", "), info.explanation.clone().into_owned())
        })
        .chain(HELD.map(|(keys, words)| (keys.to_owned(), words.to_owned())))
        .collect();
    let is_wide = ui.ctx().content_rect().width() > 900.0;
    let per_column = if is_wide {
        rows.len().div_ceil(2)
    } else {
        rows.len()
    };
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = 28.0;
        for (index, column) in rows.chunks(per_column).enumerate() {
            column_ui(ui, index, column);
        }
    });
}

fn column_ui(ui: &mut Ui, index: usize, rows: &[(String, String)]) {
    let palette = theme::palette(ui);
    Grid::new(("keys", index))
        .num_columns(2)
        .spacing([14.0, 5.0])
        .show(ui, |ui| {
            for (keys, words) in rows {
                let keys = RichText::new(keys).monospace().color(palette.accent);
                ui.label(keys);
                ui.label(words);
                ui.end_row();
            }
        });
}
