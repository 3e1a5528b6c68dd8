//! How the pictures are compared, zoomed and colored.

use egui::{Button, RichText, Slider, Ui, vec2};

use crate::state::look::{ColorMap, Compare, DifferenceKind};
use crate::state::{Action, LookAction, UiCommand};
use crate::ui::panels::Scene;
use crate::ui::theme;
use crate::ui::widgets::combo::{combo, segments};
use crate::ui::widgets::layout::{note, sized_cell};
use crate::ui::widgets::tip::Tip as _;

/// Width that all controls need in one row.
const ROW_WIDTH: f32 = 560.0;
/// Width with which there is room for a label too.
const ROOMY: f32 = 700.0;

/// Draw the row.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let old = scene.session.settings.look;
    let mut settings = old;
    let is_roomy = ui.available_width() >= ROOMY;
    let row = |ui: &mut Ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        segments(
            ui,
            &mut settings.compare,
            &Compare::ALL,
            |compare| compare.label().to_owned(),
            |compare| compare.explanation().to_owned(),
        );
        zoom_ui(ui, scene);
        ui.spacing_mut().slider_width = 56.0;
        if settings.compare == Compare::Split {
            split_ui(ui, scene);
        }
        sized_cell(ui, 100.0, |ui| {
            combo(
                ui,
                "difference",
                &mut settings.difference,
                &DifferenceKind::ALL,
                |kind| kind.label().to_owned(),
            )
            .tip(|| {
                "Absolute shows how far each pixel is off, the LPIPS map where a network that judges \
                 likeness as people do sees a difference; of small pictures it is coarse"
})
            .accessible_name("Difference kind");
        });
        sized_cell(ui, 88.0, |ui| {
            combo(
                ui,
                "color map",
                &mut settings.color_map,
                &ColorMap::ALL,
                |map| map.label().to_owned(),
            )
            .tip(|| "Colors of the difference, from none to strong")
            .accessible_name("Difference colors");
        });
        if is_roomy {
            note(ui, "Opacity");
        }
        ui.add(Slider::new(&mut settings.opacity, 0.0..=1.0).show_value(false))
            .tip(|| {
                format!(
                    "Strength of the difference over the original: {:.0} %",
                    100.0 * settings.opacity
                )
            })
            .accessible_name("Difference opacity");
    };
    if ui.available_width() < ROW_WIDTH {
        ui.horizontal_wrapped(row);
    } else {
        ui.horizontal(row);
    }
    if settings != old {
        scene.actions.push(Action::Look(LookAction::Set(settings)));
    }
}

/// Says the zoom; a click goes back and forth between the whole picture and its actual size.
fn zoom_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let zoom = scene.session.looking.view.zoom;
    let text = zoom.map_or_else(|| "Fit".to_owned(), |zoom| format!("{:.0} %", 100.0 * zoom));
    let action = Action::Do(match zoom {
        None => UiCommand::ActualSize,
        Some(_) => UiCommand::Fit,
    });
    let tooltip = || {
        format!(
            "{}. Scroll over a picture to zoom, drag to move, double-click or F to fit",
            action.tooltip()
        )
    };
    let button = Button::new(RichText::new(&text)).min_size(vec2(58.0, theme::ROW_HEIGHT));
    let response = ui
        .add(button)
        .tip(tooltip)
        .accessible_name(format!("Zoom {text}"));
    if response.clicked() {
        scene.actions.push(action);
    }
}

fn split_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let mut view = scene.session.looking.view;
    let slider = Slider::new(&mut view.split, 0.0..=1.0).show_value(false);
    let response = ui
        .add(slider)
        .tip(|| "Where the original ends and the inpainted picture begins")
        .accessible_name("Split line");
    if response.changed() {
        scene.actions.push(Action::Look(LookAction::View(view)));
    }
}
