//! Distances whose weights come from files: those that were chosen, and, among what few need, a field for another one.

use egui::{Align, Layout, RichText, Ui};

use super::Scene;
use crate::detectors::measures;
use crate::networks::distances::DistanceWeights;
use crate::ood::MeasureId;
use crate::state::folders::short_name;
use crate::state::{Action, UiCommand};
use crate::ui::theme;
use crate::ui::widgets::buttons::{Icon, icon_button};
use crate::ui::widgets::layout::note;
use crate::ui::widgets::path_field::{PathRow, path_row};
use crate::ui::widgets::tip::Tip as _;

const REMOVE_HELP: &str = "Measure by this distance no longer, the file stays";

/// Draw those that were chosen; nothing where the detector measures no distances.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let detector = &scene.session.settings.run.method.detector;
    let Some(lmd) = detector.lmd() else {
        return;
    };
    let mut removed = None;
    for weights in &lmd.distance_weights {
        let label = measures::label(&weights.distance);
        let is_removed = chosen_ui(ui, (label, REMOVE_HELP), weights);
        removed = removed.or_else(|| is_removed.then_some(weights.distance));
        if let Some(problem) = scene.session.weights.problem(weights) {
            error_ui(ui, problem);
        }
    }
    if let Some(half) = scene.session.weights.half() {
        let words = format!("{} has {}", short_name(&half.path), half.lacks());
        if half_ui(ui, &words) {
            scene.actions.push(Action::ForgetHalf);
        }
    }
    if let Some(path) = scene.session.weights.reading() {
        note(ui, format!("Reading {}…", short_name(path)));
    }
    if let Some(distance) = removed {
        remove(scene, distance);
    }
}

/// Draw the field, where the detector measures distances.
pub fn field_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    if scene.session.settings.run.method.detector.lmd().is_none() {
        return;
    }
    let row = PathRow {
        name: "Weights of a distance",
        hint: "Weights of another distance",
        tooltip: "The path of a file with weights of LPIPS with VGG16 or SqueezeNet, or of SimCLRv2 r50_1x_sk1; \
                  torchvision's network and LPIPS's linear layers one after the other. \
                  Runs then measure by that distance as well",
        browse: Action::Do(UiCommand::BrowseWeights),
        keeps_text: false,
        apply: &Action::ReadWeights,
    };
    path_row(ui, scene.actions, &mut scene.drafts.weights, &row);
}

/// Weights that were chosen, what they are called and what removing them does; says whether that is asked for.
pub fn chosen_ui(
    ui: &mut Ui,
    (label, help): (&str, &'static str),
    weights: &DistanceWeights,
) -> bool {
    ui.horizontal(|ui| {
        ui.label(label).tip(|| {
            let files: Vec<String> = weights.files().map(|it| it.display().to_string()).collect();
            format!(
                "{}, SHA-256 {}",
                files.join(" and "),
                weights.short_digests()
            )
        });
        let remove = |ui: &mut Ui| {
            let name = format!("Remove {label}");
            icon_button(ui, Icon::Cross, &name, || help.to_owned()).clicked()
        };
        ui.with_layout(Layout::right_to_left(Align::Center), remove)
            .inner
    })
    .inner
}

/// One of two files; says whether it is to be forgotten.
fn half_ui(ui: &mut Ui, words: &str) -> bool {
    let remove = |ui: &mut Ui| {
        let tooltip = || "Wait for its other file no longer".to_owned();
        let is_removed = icon_button(ui, Icon::Cross, "Remove the file", tooltip).clicked();
        ui.with_layout(Layout::top_down(Align::Min), |ui| note(ui, words));
        is_removed
    };
    ui.with_layout(Layout::right_to_left(Align::Min), remove)
        .inner
}

fn remove(scene: &mut Scene<'_>, distance: MeasureId) {
    scene.edit_lmd(|settings, _| {
        settings
            .distance_weights
            .retain(|it| it.distance != distance);
    });
}

/// Why weights can't be used.
pub fn error_ui(ui: &mut Ui, message: &str) {
    let color = theme::palette(ui).error;
    ui.label(RichText::new(message).small().color(color));
}
