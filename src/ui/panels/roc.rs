//! The ROC curve, live.

use std::ops::RangeInclusive;

use egui::{Color32, Response, Stroke, Ui};
use egui_plot::{
    AxisHints, FilledArea, GridInput, GridMark, Line, LineStyle, PlotBounds, PlotPoint, PlotPoints,
    PlotTransform,
};

use super::Scene;
use super::histogram::{axis, base_plot, empty_ui, height};
use crate::ood::Role;
use crate::ood::roc_band::RocBox;
use crate::ood::text::measured;
use crate::ood::threshold::below;
use crate::state::shown::analysis::Analysis;
use crate::state::text;
use crate::ui::theme;
use crate::ui::widgets::layout::{note, section, stand_in};

/// False-alarm rates at which the band is drawn.
const BAND_STEPS: usize = 128;

/// Draw the section.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let analysis = scene.session.shown.analysis.as_deref();
    let figures = analysis.and_then(|a| a.figures.as_ref().ok());
    let title = figures.map_or_else(
        || "ROC curve".to_owned(),
        |figures| format!("ROC curve, AUROC {:.4}", figures.auroc),
    );
    section(ui, &title, |ui| match analysis {
        Some(analysis) if !analysis.roc.is_empty() => plot_ui(ui, scene, analysis, &title),
        Some(Analysis {
            figures: Err(missing),
            num_scored,
            ..
        }) if num_scored.values().iter().any(|n| *n > 0) => {
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

fn plot_ui(ui: &mut Ui, scene: &mut Scene<'_>, analysis: &Analysis, title: &str) {
    let palette = theme::palette(ui);
    let assessment = scene.session.shown.deciding.assessment.as_deref();
    let points: Vec<[f64; 2]> = analysis.roc.iter().map(|p| [p.fpr, p.tpr]).collect();
    let percent = |mark: GridMark, _: &RangeInclusive<f64>| format!("{:.0} %", 100.0 * mark.value);
    let x_axis = axis(palette, AxisHints::new_x()).formatter(percent);
    let y_axis = axis(palette, AxisHints::new_y()).formatter(percent);
    let shown = base_plot("roc", height(ui))
        .width(ui.available_width() - 16.0)
        .x_grid_spacer(quarters)
        .y_grid_spacer(quarters)
        .custom_x_axes(vec![x_axis])
        .custom_y_axes(vec![y_axis])
        .grid_color(palette.line)
        .show(ui, |plot| {
            plot.set_plot_bounds(PlotBounds::from_min_max([-0.02, -0.03], [1.02, 1.05]));
            let chance = PlotPoints::from(vec![[0.0, 0.0], [1.0, 1.0]]);
            plot.line(
                Line::new("Chance", chance)
                    .color(palette.weak)
                    .style(LineStyle::dashed_dense())
                    .allow_hover(false),
            );
            if let Some(assessment) = assessment.filter(|a| !a.band.is_empty()) {
                plot.add(band_area(
                    &assessment.band,
                    theme::faded(palette.accent, 0.18),
                ));
            }
            plot.line(
                Line::new("ROC", PlotPoints::from(points))
                    .color(palette.accent)
                    .width(2.0)
                    // A band would fill the area beside steep parts of the curve.
                    .allow_band(false)
                    .allow_hover(false),
            );
        });
    let num_scored = &analysis.num_scored;
    let pointed = super::pointed::pointed(scene);
    let image = pointed
        .as_ref()
        .and_then(|pointed| pointed.on_curve(analysis))
        .unwrap_or_default();
    let description = format!(
        "{title} from {} in-domain and {} out-of-domain images{image}",
        text::count(num_scored[Role::InDomain]),
        text::count(num_scored[Role::OutOfDomain])
    );
    let response = stand_in(ui, "roc stand-in", shown.response.rect, &description);
    reading_ui(ui, &response, analysis, &shown.transform);
    if let Some(pointed) = pointed {
        pointed.paint_on_curve(ui, analysis, &shown.transform);
    }
    super::threshold::point_ui(ui, scene, analysis, &shown.transform);
}

/// What the point of the curve next to the pointer stands for, and what all of it means.
fn reading_ui(ui: &Ui, response: &Response, analysis: &Analysis, plot: &PlotTransform) {
    let Some(pointer) = response.hover_pos() else {
        return;
    };
    let curve = &analysis.curve;
    let on_screen = |index: usize| {
        let point = &curve[index];
        plot.position_from_point(&PlotPoint::new(point.fpr, point.tpr))
    };
    let distance = |index: &usize| on_screen(*index).distance_sq(pointer);
    let nearest = (0..curve.len()).min_by(|a, b| distance(a).total_cmp(&distance(b)));
    if let Some(index) = nearest {
        let ring = Stroke::new(1.5, theme::palette(ui).accent);
        ui.painter().circle_stroke(on_screen(index), 4.0, ring);
    }
    response.clone().on_hover_ui(|ui| {
        if let Some(index) = nearest {
            ui.strong(format!("Threshold {}", text::score(below(curve, index))));
            let point = &curve[index];
            ui.label(format!(
                "{} false alarms, {} found",
                measured(point.fpr),
                measured(point.tpr)
            ));
        }
        note(
            ui,
            "For every possible threshold: the share of out-of-domain images found (up) against the share of in-domain \
             images flagged by mistake (right). The closer to the upper left corner, the better. \
             The dot is the threshold of the histogram, the dashed line is guessing. \
             The band holds the true rates of each single threshold with the chosen confidence",
        );
    });
}

/// A line at each quarter.
fn quarters(_: GridInput) -> Vec<GridMark> {
    (0..=4)
        .map(|quarter| GridMark {
            value: 0.25 * f64::from(quarter),
            step_size: 0.25,
        })
        .collect()
}

/// The band as an area over evenly spaced false-alarm rates.
fn band_area(band: &[RocBox], color: Color32) -> FilledArea {
    let upper: Vec<(f64, f64)> = band.iter().map(|b| (b.fpr.low, b.tpr.high)).collect();
    let lower: Vec<(f64, f64)> = band.iter().map(|b| (b.fpr.high, b.tpr.low)).collect();
    let xs: Vec<f64> = (0..=BAND_STEPS)
        .map(|step| step as f64 / BAND_STEPS as f64)
        .collect();
    let of = |edge: &[(f64, f64)], before: f64, after: f64| -> Vec<f64> {
        xs.iter()
            .map(|&x| interpolated(edge, x, before, after))
            .collect()
    };
    FilledArea::new("Band", &xs, &of(&lower, 0.0, 1.0), &of(&upper, 0.0, 1.0))
        .fill_color(color)
        .allow_hover(false)
}

/// The height of an edge that rises from left to right; where several points lie above each other the highest.
fn interpolated(edge: &[(f64, f64)], x: f64, before: f64, after: f64) -> f64 {
    let next = edge.partition_point(|point| point.0 <= x);
    match (
        next.checked_sub(1).and_then(|i| edge.get(i)),
        edge.get(next),
    ) {
        (Some(left), Some(right)) => {
            left.1 + (right.1 - left.1) * (x - left.0) / (right.0 - left.0)
        }
        (Some(left), None) => left.1.max(if x >= 1.0 { left.1 } else { 0.0 }),
        (None, Some(_)) => before,
        (None, None) => after,
    }
}
