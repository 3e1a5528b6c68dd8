//! How the area under the ROC curve settles with more attempts (Figure 7 of the paper), by each distance.

use std::ops::RangeInclusive;

use egui::{RichText, Stroke, Ui};
use egui_plot::{AxisHints, FilledArea, GridMark, Line, LineStyle, PlotBounds, PlotPoints};

use super::Scene;
use super::histogram::{axis, base_plot, empty_ui, height};
use crate::detectors::measures;
use crate::networks::distances::{LPIPS, SSIM};
use crate::ood::MeasureId;
use crate::state::text;
use crate::ui::theme;
use crate::ui::widgets::layout::{note, section, stand_in};
use crate::ui::widgets::tip::Tip as _;
use crate::worker::protocol::{Assessment, AttemptsPoint};

/// Draw the section.
pub fn ui(ui: &mut Ui, scene: &Scene<'_>) {
    section(ui, "AUROC by attempts", |ui| {
        let assessment = scene.session.shown.deciding.assessment.as_deref();
        let shown = assessment.filter(|a| a.by_attempts.iter().any(|(_, points)| points.len() > 1));
        match shown {
            Some(assessment) => plot_ui(ui, scene, assessment),
            None => empty_ui(
                ui,
                "AUROC by attempts",
                "Appears with a second attempt of both roles",
            ),
        }
        let words = match assessment.and_then(|a| a.enough_attempts) {
            Some(1) => "1 attempt is enough here: more do not move the interval".to_owned(),
            Some(enough) => {
                format!("{enough} attempts are enough here: more do not move the interval")
            }
            None if most_attempts(assessment) < FEWEST_TO_TELL => {
                "Too few attempts to tell how many are enough".to_owned()
            }
            None => "The interval still moves: more attempts make the figures steadier".to_owned(),
        };
        note(ui, words).tip(|| {
            "Enough: both ends of the interval stay within 0.005, or a tenth of its width, of where they are \
             after all attempts, for at least two more attempts"
        });
    });
}

/// Attempts with which it can be told at all that fewer would do: two more than one.
const FEWEST_TO_TELL: usize = 3;

/// Attempts behind the last point of the curves.
fn most_attempts(assessment: Option<&Assessment>) -> usize {
    let points = assessment.into_iter().flat_map(|a| &a.by_attempts);
    let points = points.flat_map(|(_, points)| points);
    points.map(|point| point.num_attempts).max().unwrap_or(0)
}

fn style(measure: MeasureId) -> LineStyle {
    match measure {
        LPIPS => LineStyle::Solid,
        SSIM => LineStyle::dashed_loose(),
        _ => LineStyle::dotted_dense(),
    }
}

fn plot_ui(ui: &mut Ui, scene: &Scene<'_>, assessment: &Assessment) {
    let palette = theme::palette(ui);
    let chosen = scene.session.settings.run.view.measure;
    let all = || assessment.by_attempts.iter().flat_map(|(_, points)| points);
    let most = most_attempts(Some(assessment)).max(1);
    let lowest = all().map(|p| p.interval.low).fold(1.0_f64, f64::min);
    let highest = all().map(|p| p.interval.high).fold(0.0_f64, f64::max);
    let margin = 0.05 * (highest - lowest).max(0.01);
    let bounds = PlotBounds::from_min_max(
        [0.7, lowest - margin],
        [most as f64 + 0.3, highest + margin],
    );
    let whole = |mark: GridMark, _: &RangeInclusive<f64>| {
        if mark.value.fract().abs() < 1e-6 {
            format!("{:.0}", mark.value)
        } else {
            String::new()
        }
    };
    let response = base_plot("attempts", height(ui))
        .custom_x_axes(vec![axis(palette, AxisHints::new_x()).formatter(whole)])
        .custom_y_axes(vec![axis(palette, AxisHints::new_y())])
        .grid_color(palette.line)
        .show(ui, |plot| {
            plot.set_plot_bounds(bounds);
            for (distance, points) in &assessment.by_attempts {
                let is_chosen = *distance == chosen;
                if is_chosen {
                    plot.add(band(points, theme::faded(palette.accent, 0.2)));
                }
                let color = if is_chosen {
                    palette.accent
                } else {
                    palette.weak
                };
                let line: Vec<[f64; 2]> = points
                    .iter()
                    .map(|point| [point.num_attempts as f64, point.auroc])
                    .collect();
                plot.line(
                    Line::new(measures::label(distance).to_owned(), PlotPoints::from(line))
                        .color(color)
                        .width(if is_chosen { 2.0 } else { 1.5 })
                        .style(style(*distance))
                        .allow_hover(false),
                );
            }
        })
        .response;
    legend_ui(ui, assessment, chosen);
    let description = format!(
        "AUROC by attempts, {} of {}",
        measures::label(&chosen),
        text::counted(most, "attempt")
    );
    stand_in(ui, "attempts stand-in", response.rect, &description).tip(|| {
        "AUROC after 1, 2, … attempts, by each distance. The band is the interval of the chosen one"
    });
}

fn band(points: &[AttemptsPoint], color: egui::Color32) -> FilledArea {
    let of = |pick: fn(&AttemptsPoint) -> f64| points.iter().map(pick).collect::<Vec<f64>>();
    FilledArea::new(
        "Interval",
        &of(|point| point.num_attempts as f64),
        &of(|point| point.interval.low),
        &of(|point| point.interval.high),
    )
    .fill_color(color)
    .allow_hover(false)
}

fn legend_ui(ui: &mut Ui, assessment: &Assessment, chosen: MeasureId) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        let palette = theme::palette(ui);
        for (distance, points) in &assessment.by_attempts {
            let Some(last) = points.last() else { continue };
            let color = if *distance == chosen {
                palette.accent
            } else {
                palette.weak
            };
            let (rect, _) = ui.allocate_exact_size(egui::vec2(16.0, 14.0), egui::Sense::hover());
            let ends = [rect.left_center(), rect.right_center()];
            let stroke = Stroke::new(1.5, color);
            match *distance {
                LPIPS => {
                    ui.painter().line_segment(ends, stroke);
                }
                SSIM => {
                    ui.painter()
                        .extend(egui::Shape::dashed_line(&ends, stroke, 6.0, 4.0));
                }
                _ => {
                    ui.painter()
                        .extend(egui::Shape::dashed_line(&ends, stroke, 1.5, 2.5));
                }
            }
            let words = format!("{} {:.3}", measures::label(distance), last.auroc);
            ui.label(RichText::new(words).small().color(palette.text));
            ui.add_space(4.0);
        }
    });
}
