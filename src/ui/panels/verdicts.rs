//! Images of unknown role in a table: picture, score, p-value, q-value, verdict, and whether they are on the list at a
//! false-discovery rate.

use egui::{Align, Layout, Rect, RichText, ScrollArea, Sense, Ui, Vec2, WidgetInfo, vec2};

use super::Scene;
use super::decision::share_field;
use crate::ood::discoveries::{calibration_for_one, fewest_discoveries};
use crate::ood::text::percent;
use crate::runs::Verdict;
use crate::state::folders::short_name;
use crate::state::shown::analysis::Analysis;
use crate::state::{Action, DecisionSettings, RunState, text};
use crate::ui::theme::{self, RADIUS};
use crate::ui::widgets::layout::{note, number_cell, row, text_cell};
use crate::ui::widgets::thumbnail;

/// Height of a row in points.
const ROW: f32 = 40.0;
/// Width of a number in points.
const NUMBER_WIDTH: f32 = 64.0;
/// Columns behind the name: their heads and what they mean.
const COLUMNS: [(&str, &str); 5] = [
    ("Score", "Higher means that the image fits the model less"),
    (
        "p",
        "Share of in-domain images at least as strange, this one counted in",
    ),
    (
        "q",
        "The smallest false-discovery rate at which the image is reported",
    ),
    ("Verdict", "By the threshold"),
    (
        "Reported",
        "Among the images to report at the rate above (Benjamini and Hochberg)",
    ),
];

/// Draw the page.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let session = scene.session;
    let (Some(analysis), Some(run)) = (
        session.shown.analysis.as_deref(),
        session.shown.run.as_ref(),
    ) else {
        empty_ui(ui);
        return;
    };
    if analysis.unknown.is_empty() {
        empty_ui(ui);
        return;
    }
    rate_ui(ui, scene);
    let rate = session.settings.decision.false_discovery_rate;
    let threshold = session.shown.threshold();
    summary_ui(ui, analysis, (threshold, rate));
    ui.add_space(4.0);
    head_ui(ui);
    table_ui(ui, scene, (analysis, run), (threshold, rate));
}

fn empty_ui(ui: &mut Ui) {
    ui.centered_and_justified(|ui| {
        note(
            ui,
            "Images to be judged appear here: add their folder under Unknown in the setup, and run",
        )
    });
}

fn rate_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let old = scene.session.settings.decision;
    let mut rate = old.false_discovery_rate;
    let tooltip = "Of the images that are reported, at most this share is expected to be in-domain \
                   (false-discovery rate, Benjamini and Hochberg)";
    row(ui, "Wrong reports", tooltip, |ui| {
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

fn summary_ui(ui: &mut Ui, analysis: &Analysis, (threshold, rate): (Option<f64>, f64)) {
    let all = text::count(analysis.unknown.len());
    let is_flagged = |verdict: &&Verdict| threshold.is_some_and(|t| verdict.score > t);
    let num_flagged = analysis.unknown.iter().filter(is_flagged).count();
    let listed = analysis.unknown.iter().filter(|v| v.is_discovery(rate));
    let num_listed = listed.count();
    ui.label(format!(
        "Above the threshold: {} of {all}",
        text::count(num_flagged)
    ));
    ui.label(format!(
        "Images to report, at most {} of them wrongly (false-discovery rate): {} of {all}",
        percent(rate),
        text::count(num_listed)
    ));
    if num_listed == 0
        && let Some(reason) = too_few(analysis, rate)
    {
        let color = theme::palette(ui).warning;
        ui.label(RichText::new(reason).small().color(color));
    }
}

/// Why a single strange image can't be reported.
fn too_few(analysis: &Analysis, rate: f64) -> Option<String> {
    let with_q = analysis.unknown.iter().filter(|v| v.q_value.is_some());
    let num_images = with_q.count();
    let num_calibration = analysis.num_calibration;
    if num_images == 0 {
        return Some("Without in-domain images there is no p-value".to_owned());
    }
    match fewest_discoveries(num_images, num_calibration, rate) {
        Some(1) => None,
        Some(_) => Some(format!(
            "None can be reported: {} are too few to single out one image, {} are enough",
            text::counted(num_calibration, "in-domain image"),
            text::count(calibration_for_one(num_images, rate))
        )),
        None => Some(format!(
            "None can be reported: {} are too few for any image",
            text::counted(num_calibration, "in-domain image")
        )),
    }
}

/// Width of the picture and the name.
fn name_width(ui: &Ui) -> f32 {
    let numbers = COLUMNS.len() as f32 * (NUMBER_WIDTH + 4.0);
    (ui.available_width() - numbers).max(80.0)
}

fn head_ui(ui: &mut Ui) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let weak = theme::palette(ui).weak;
        let size = vec2(name_width(ui) - 10.0, 18.0);
        text_cell(ui, size, RichText::new("Image").small().color(weak));
        for (head, tooltip) in COLUMNS {
            let size = vec2(NUMBER_WIDTH, 18.0);
            ui.allocate_ui_with_layout(size, Layout::right_to_left(Align::Center), |ui| {
                ui.set_min_width(NUMBER_WIDTH);
                ui.label(RichText::new(head).small().color(weak))
                    .on_hover_text(tooltip);
            });
        }
    });
}

fn table_ui(
    ui: &mut Ui,
    scene: &mut Scene<'_>,
    (analysis, run): (&Analysis, &RunState),
    numbers: (Option<f64>, f64),
) {
    ui.spacing_mut().item_spacing.y = 0.0;
    ui.spacing_mut().interact_size.y = ROW;
    ScrollArea::vertical()
        .id_salt("verdicts")
        .auto_shrink(false)
        .show_rows(ui, ROW, analysis.unknown.len(), |ui, rows| {
            ui.set_max_width(ui.available_width() - 10.0);
            for verdict in &analysis.unknown[rows] {
                row_ui(ui, scene, run, verdict, numbers);
            }
        });
}

fn row_ui(
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
    let shown = (scene.session.shown.gallery).image_of_run_id(verdict.image);
    let is_shown = shown.is_some() && scene.session.shown.image() == shown;
    let (word, color) = match threshold {
        Some(threshold) if verdict.score > threshold => ("flagged", palette.out_of_domain),
        Some(_) => ("passes", palette.in_domain),
        None => ("", palette.weak),
    };
    let share = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |v| format!("{v:.4}"));
    let listed = if verdict.is_discovery(rate) {
        "yes"
    } else {
        ""
    };
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        ui.set_height(ROW);
        let size = vec2(name_width(ui), ROW);
        let (rect, response) = ui.allocate_exact_size(size, Sense::click());
        let name = short_name(&image.file.path);
        let words = format!("{name}, {word}");
        response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, is_shown, &words));
        if is_shown || response.hovered() || response.has_focus() {
            let fill = if is_shown {
                palette.selection
            } else {
                palette.raised
            };
            ui.painter().rect_filled(rect, RADIUS, fill);
        }
        let side = ROW - 6.0;
        let square = Rect::from_min_size(rect.min + Vec2::splat(3.0), Vec2::splat(side));
        thumbnail::paint(ui, &mut scene.textures.thumbnails, &image.file.path, square);
        let place = rect
            .with_min_x(square.right() + 8.0)
            .shrink2(vec2(2.0, 0.0));
        let builder = egui::UiBuilder::new()
            .max_rect(place)
            .layout(Layout::left_to_right(Align::Center));
        ui.new_child(builder)
            .add(egui::Label::new(RichText::new(&name)).truncate());
        if let Some(shown) = shown.filter(|_| response.clicked()) {
            scene.actions.push(Action::SelectImage(shown));
        }
        response.on_hover_text(image.file.path.display().to_string());
        number_cell(ui, NUMBER_WIDTH, &text::score(verdict.score), palette.text);
        number_cell(ui, NUMBER_WIDTH, &share(verdict.p_value), palette.text);
        number_cell(ui, NUMBER_WIDTH, &share(verdict.q_value), palette.text);
        number_cell(ui, NUMBER_WIDTH, word, color);
        number_cell(ui, NUMBER_WIDTH, listed, palette.accent);
    });
}
