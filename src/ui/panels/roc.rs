//! The ROC curve, live.

use egui::Ui;
use egui_plot::{Line, LineStyle, MarkerShape, PlotBounds, PlotPoints, Points};

use super::Scene;
use super::histogram::{base_plot, empty_ui};
use crate::state::analysis::Analysis;
use crate::state::text;
use crate::ui::theme;
use crate::ui::widgets::layout::{section, stand_in};

/// Draw the section.
pub fn ui(ui: &mut Ui, scene: &Scene<'_>) {
    let analysis = scene.session.analysis.as_deref();
    let figures = analysis.and_then(|a| a.figures.as_ref().ok());
    let title = figures.map_or_else(
        || "ROC curve".to_owned(),
        |figures| format!("ROC curve, AUROC {:.4}", figures.auroc),
    );
    section(ui, &title, |ui| match analysis {
        Some(analysis) if !analysis.roc.is_empty() => plot_ui(ui, analysis, &title),
        Some(Analysis {
            figures: Err(missing),
            num_scored,
            ..
        }) if num_scored.iter().any(|n| *n > 0) => {
            let reason = match missing {
                crate::ood::figures::MissingClass::InDomain => "Needs in-domain images",
                crate::ood::figures::MissingClass::OutOfDomain => "Needs out-of-domain images",
            };
            empty_ui(ui, "ROC curve", reason);
        }
        _ => empty_ui(
            ui,
            "ROC curve",
            "The curve appears with scores of both roles",
        ),
    });
}

fn plot_ui(ui: &mut Ui, analysis: &Analysis, title: &str) {
    let palette = theme::palette(ui);
    let points: Vec<[f64; 2]> = analysis.roc.iter().map(|p| [p.fpr, p.tpr]).collect();
    let percent = |value: f64| format!("{:.0} %", 100.0 * value);
    let response = base_plot("roc")
        .x_axis_formatter(move |mark, _| percent(mark.value))
        .y_axis_formatter(move |mark, _| percent(mark.value))
        .show(ui, |plot| {
            plot.set_plot_bounds(PlotBounds::from_min_max([-0.02, -0.03], [1.02, 1.05]));
            let chance = PlotPoints::from(vec![[0.0, 0.0], [1.0, 1.0]]);
            plot.line(
                Line::new("Chance", chance)
                    .color(palette.line)
                    .style(LineStyle::dashed_dense())
                    .allow_hover(false),
            );
            plot.line(
                Line::new("ROC", PlotPoints::from(points))
                    .color(palette.accent)
                    .width(2.0)
                    .allow_hover(false),
            );
            if let Some(at) = threshold_point(analysis) {
                plot.points(
                    Points::new("Threshold", vec![at])
                        .shape(MarkerShape::Circle)
                        .radius(4.0)
                        .color(palette.text)
                        .allow_hover(false),
                );
            }
        })
        .response;
    let [num_in, num_out, _] = analysis.num_scored;
    let description = format!(
        "{title} from {} in-domain and {} out-of-domain images",
        text::count(num_in),
        text::count(num_out)
    );
    stand_in(ui, "roc stand-in", response.rect, &description).on_hover_text(
        "For every possible threshold: the share of out-of-domain images found (up) against the share of in-domain \
         images flagged by mistake (right). The closer to the upper left corner, the better. \
         The dot is the threshold of the histogram, the dashed line is guessing",
    );
}

/// Where the threshold lies: the lowest point that is still above it.
fn threshold_point(analysis: &Analysis) -> Option<[f64; 2]> {
    let threshold = analysis.threshold?;
    let point = analysis
        .roc
        .iter()
        .rev()
        .find(|point| point.threshold > threshold.score)?;
    Some([point.fpr, point.tpr])
}
