//! Images of unknown role: p-value, verdict, and the list at a false-discovery rate.

use egui::{Align, Layout, RichText, ScrollArea, Ui, vec2};

use super::Scene;
use super::decision::share_field;
use crate::ood::discoveries::{calibration_for_one, fewest_discoveries};
use crate::runs::Verdict;
use crate::state::folders::short_name;
use crate::state::shown::analysis::Analysis;
use crate::state::{Action, DecisionSettings, RunState, text};
use crate::ui::theme;
use crate::ui::widgets::layout::{note, number_cell, row, section};

/// Height of a line.
const LINE: f32 = 20.0;
/// Lines in view.
const NUM_LINES: f32 = 6.0;
/// Width of a number.
const NUMBER_WIDTH: f32 = 56.0;

/// Draw the section; nothing where no image is to be judged.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let session = scene.session;
    let (Some(analysis), Some(run)) = (
        session.shown.analysis.as_deref(),
        session.shown.run.as_ref(),
    ) else {
        return;
    };
    if analysis.unknown.is_empty() {
        return;
    }
    section(ui, "Unknown images", |ui| {
        rate_ui(ui, scene);
        let rate = session.settings.decision.false_discovery_rate;
        let threshold = session.shown.threshold();
        let num_flagged = analysis
            .unknown
            .iter()
            .filter(|verdict| threshold.is_some_and(|threshold| verdict.score > threshold))
            .count();
        let num_listed = analysis
            .unknown
            .iter()
            .filter(|verdict| verdict.is_discovery(rate))
            .count();
        note(
            ui,
            format!(
                "{} of {} above the threshold, {} on the list",
                text::count(num_flagged),
                text::counted(analysis.unknown.len(), "image"),
                text::count(num_listed)
            ),
        );
        if let Some(reason) = too_few(analysis, rate) {
            let color = theme::palette(ui).warning;
            ui.label(RichText::new(reason).small().color(color));
        }
        list_ui(ui, scene, (analysis, run), (threshold, rate));
    });
}

fn rate_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let old = scene.session.settings.decision;
    let mut rate = old.false_discovery_rate;
    let tooltip = "Of the images on the list (Benjamini-Hochberg), at most this share is expected to be in-domain";
    row(ui, "Wrong share", tooltip, |ui| {
        ui.add(share_field(&mut rate, 0.002))
    });
    if rate != old.false_discovery_rate {
        scene.actions.push(Action::SetDecision {
            settings: Box::new(DecisionSettings {
                false_discovery_rate: rate,
                ..old
            }),
            // It moves no threshold, so there is nothing to undo.
            is_continued: true,
        });
    }
}

/// Why the list can't hold a single strange image.
fn too_few(analysis: &Analysis, rate: f64) -> Option<String> {
    let num_images = analysis
        .unknown
        .iter()
        .filter(|v| v.q_value.is_some())
        .count();
    let num_calibration = analysis.num_calibration;
    if num_images == 0 {
        return Some("Without in-domain images there is no p-value".to_owned());
    }
    match fewest_discoveries(num_images, num_calibration, rate) {
        Some(1) => None,
        Some(fewest) => Some(format!(
            "With {} the list stays empty unless {fewest} images are stranger than all of them. \
             For a single one it takes {}",
            text::counted(num_calibration, "in-domain image"),
            text::count(calibration_for_one(num_images, rate))
        )),
        None => Some(format!(
            "{} are too few for any image to be listed",
            text::counted(num_calibration, "in-domain image")
        )),
    }
}

fn list_ui(
    ui: &mut Ui,
    scene: &mut Scene<'_>,
    (analysis, run): (&Analysis, &RunState),
    (threshold, rate): (Option<f64>, f64),
) {
    let height = (analysis.unknown.len() as f32).min(NUM_LINES) * LINE;
    ui.spacing_mut().item_spacing.y = 0.0;
    ui.spacing_mut().interact_size.y = LINE;
    ScrollArea::vertical()
        .id_salt("verdicts")
        .max_height(height)
        .min_scrolled_height(height)
        .auto_shrink([false, true])
        .show_rows(ui, LINE, analysis.unknown.len(), |ui, rows| {
            for verdict in &analysis.unknown[rows] {
                line_ui(ui, scene, run, verdict, (threshold, rate));
            }
        });
}

fn line_ui(
    ui: &mut Ui,
    scene: &mut Scene<'_>,
    run: &RunState,
    verdict: &Verdict,
    (threshold, rate): (Option<f64>, f64),
) {
    let palette = theme::palette(ui);
    let Some(image) = run.images.get(verdict.image) else {
        return;
    };
    let (word, color) = match threshold {
        Some(threshold) if verdict.score > threshold => ("OOD", palette.out_of_domain),
        Some(_) => ("passes", palette.in_domain),
        None => ("", palette.weak),
    };
    let name = short_name(&image.file.path);
    let p_value = verdict
        .p_value
        .map_or_else(|| "–".to_owned(), |p| format!("{p:.4}"));
    let listed = if verdict.is_discovery(rate) {
        "listed"
    } else {
        ""
    };
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        ui.set_height(LINE);
        let width = ui.available_width() - 4.0 * (NUMBER_WIDTH + 4.0);
        let response = ui
            .allocate_ui_with_layout(
                vec2(width, LINE),
                Layout::left_to_right(Align::Center),
                |ui| {
                    ui.set_min_width(width);
                    let label = egui::Label::new(RichText::new(&name)).truncate();
                    ui.add(label.sense(egui::Sense::click()))
                },
            )
            .inner
            .on_hover_text(image.file.path.display().to_string());
        if response.clicked()
            && let Some(shown) = scene.session.shown.gallery.image_of_run_id(verdict.image)
        {
            scene.actions.push(Action::SelectImage(shown));
        }
        number_cell(ui, NUMBER_WIDTH, &text::score(verdict.score), palette.text)
            .on_hover_text("Score");
        number_cell(ui, NUMBER_WIDTH, &p_value, palette.text)
            .on_hover_text("Share of in-domain images at least as strange, this one counted in");
        number_cell(ui, NUMBER_WIDTH, word, color).on_hover_text("By the threshold");
        number_cell(ui, NUMBER_WIDTH, listed, palette.accent)
            .on_hover_text("On the list of Benjamini and Hochberg");
    });
}
