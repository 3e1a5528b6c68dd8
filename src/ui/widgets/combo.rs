//! A choice of few.

use egui::{ComboBox, Response, Ui};

use super::tip::Tip as _;

/// A drop-down list over `items`; the response says whether the choice changed.
pub fn combo<T: PartialEq + Clone>(
    ui: &mut Ui,
    id_salt: &str,
    current: &mut T,
    items: &[T],
    text: impl Fn(&T) -> String,
) -> Response {
    let width = ui.available_width();
    let mut is_changed = false;
    let mut response = ComboBox::from_id_salt(id_salt)
        .selected_text(text(current))
        .width(width)
        // By itself a list of seven would be cut off at its end.
        .height(400.0)
        .truncate()
        .show_ui(ui, |ui| {
            for item in items {
                let is_selected = item == current;
                if ui.selectable_label(is_selected, text(item)).clicked() && !is_selected {
                    *current = item.clone();
                    is_changed = true;
                }
            }
        })
        .response;
    if is_changed {
        response.mark_changed();
    }
    response
}

/// Buttons side by side of which one is chosen; `explain` is the tooltip of each.
pub fn segments<T: PartialEq + Copy>(
    ui: &mut Ui,
    current: &mut T,
    items: &[T],
    text: impl Fn(T) -> String,
    explain: impl Fn(T) -> String,
) -> bool {
    let mut is_changed = false;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for &item in items {
            let response = ui
                .selectable_label(item == *current, text(item))
                .tip(|| explain(item));
            if response.clicked() && item != *current {
                *current = item;
                is_changed = true;
            }
        }
    });
    is_changed
}
