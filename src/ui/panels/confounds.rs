//! Whether the folders can be compared at all: what else than the pictures' content could make the scores differ.

use egui::{RichText, Ui, vec2};

use super::Scene;
use crate::state::shown::confounds::{Confound, differences_of_files};
use crate::ui::theme;
use crate::ui::widgets::layout::{note, number_cell, right_cell, section, text_cell};
use crate::ui::widgets::tip::Tip as _;

/// Width of a number's cell in points.
const NUMBER: f32 = 70.0;

/// Before a run: how the files of the folders differ.
pub fn before_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let planned = scene.session.planned();
    let is_known = scene
        .drafts
        .compared
        .as_ref()
        .is_some_and(|(images, _)| std::sync::Arc::ptr_eq(images, planned));
    if !is_known {
        let sentences = differences_of_files(planned);
        scene.drafts.compared = Some((std::sync::Arc::clone(planned), sentences));
    }
    let Some((_, sentences)) = &scene.drafts.compared else {
        return;
    };
    let near = scene.session.near_duplicates_planned();
    if sentences.is_empty() && near.is_none() {
        return;
    }
    section(ui, "Not a fair comparison?", |ui| {
        for sentence in near.into_iter().chain(sentences.iter().map(String::as_str)) {
            warning_ui(ui, sentence);
        }
    });
}

/// After a run: what simple properties have to do with the score.
pub fn after_ui(ui: &mut Ui, scene: &Scene<'_>) {
    let Some(confounds) = scene.session.shown.confounds() else {
        note(
            ui,
            "Appears when the run has ended with scores of both roles",
        );
        return;
    };
    section(ui, "Simple explanations", |ui| {
        let tooltip = "Correlation: Spearman's rank correlation of the score with this property among in-domain images. Alone: the AUROC of telling the roles apart by this property only, without any model";
        ui.horizontal(|ui| {
            let weak = theme::palette(ui).weak;
            let head = |words| RichText::new(words).small().color(weak);
            text_cell(ui, vec2(130.0, 16.0), head("Property"));
            for words in ["Correlation", "Alone"] {
                right_cell(ui, vec2(NUMBER, 16.0), head(words));
            }
        })
        .response
        .tip(|| tooltip);
        for confound in confounds {
            row_ui(ui, confound);
        }
        for warning in confounds.iter().filter_map(Confound::warning) {
            warning_ui(ui, &warning);
        }
    });
}

fn row_ui(ui: &mut Ui, confound: &Confound) {
    let palette = theme::palette(ui);
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |v| format!("{v:.2}"));
    ui.horizontal(|ui| {
        text_cell(ui, vec2(130.0, 18.0), confound.simple.label());
        number_cell(ui, NUMBER, &number(confound.correlation), palette.text);
        number_cell(ui, NUMBER, &number(confound.auroc), palette.text);
    });
}

fn warning_ui(ui: &mut Ui, sentence: &str) {
    let color = theme::palette(ui).warning;
    ui.horizontal_top(|ui| {
        ui.label(RichText::new("!").strong().color(color));
        // In a row text would not wrap, and would push the panels out of the window.
        ui.vertical(|ui| note(ui, sentence));
    });
}
