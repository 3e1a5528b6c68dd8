//! The curves of a training: losses, and how far held-out images are from their inpainting.

use egui::{Color32, RichText, Stroke, Ui, vec2};
use egui_plot::{AxisHints, Line, LineStyle, PlotBounds, PlotPoints};

use crate::detectors::measures;
use crate::state::{TrainingRun, text};
use crate::ui::panels::histogram::{axis, base_plot};
use crate::ui::theme::{self, Palette};
use crate::ui::widgets::layout::{note, section, stand_in};
use crate::ui::widgets::{picture, ticks};

/// Height of a plot in points.
const HEIGHT: f32 = 150.0;
/// What the bands of timesteps are called, the least noisy first.
const BANDS: [&str; 4] = ["least noise", "some", "more", "most noise"];

/// A line of a plot.
struct Curve {
    name: String,
    points: Vec<[f64; 2]>,
    color: Color32,
    style: LineStyle,
}

/// Draw the three plots side by side.
pub fn ui(ui: &mut Ui, run: &TrainingRun) {
    ui.columns(3, |columns| {
        section(&mut columns[0], "Loss while learning", |ui| {
            losses_ui(ui, run);
        });
        section(&mut columns[1], "Loss of held-out images", |ui| {
            validations_ui(ui, run);
        });
        section(&mut columns[2], "Distance of held-out images", |ui| {
            watched_ui(ui, run);
        });
    });
}

fn losses_ui(ui: &mut Ui, run: &TrainingRun) {
    let palette = theme::palette(ui);
    let last = run.losses.last();
    let curve = Curve {
        name: last.map_or_else(String::new, |[_, loss]| format!("running mean {loss:.4}")),
        points: run.losses.clone(),
        color: palette.accent,
        style: LineStyle::Solid,
    };
    let tooltip = "How far the model is from the noise that was put into the images it learns, averaged over the last \
                   steps. It falls fast at first; a smaller one says little about how well outliers are told apart";
    curves_ui(ui, run, "Loss while learning", tooltip, &[curve]);
}

fn validations_ui(ui: &mut Ui, run: &TrainingRun) {
    let palette = theme::palette(ui);
    let curves: Vec<Curve> = (BANDS.into_iter().enumerate())
        .map(|(band, name)| {
            let points: Vec<[f64; 2]> = (run.validations.iter())
                .map(|validation| [validation.step as f64, validation.bands[band]])
                .collect();
            let value = points
                .last()
                .map_or_else(String::new, |[_, loss]| format!(" {loss:.3}"));
            Curve {
                name: format!("{name}{value}"),
                points,
                color: band_color(palette, band),
                style: LineStyle::Solid,
            }
        })
        .collect();
    let tooltip = "The same for images that no step sees, always with the same noise, by how much noise there is. When it \
                   rises again the model learns its images by heart";
    curves_ui(ui, run, "Loss of held-out images", tooltip, &curves);
}

fn band_color(palette: &Palette, band: usize) -> Color32 {
    [
        palette.in_domain,
        palette.accent,
        palette.out_of_domain,
        palette.unknown,
    ][band % BANDS.len()]
}

fn watched_ui(ui: &mut Ui, run: &TrainingRun) {
    let palette = theme::palette(ui);
    let last = run.watched.last();
    let measure = last.map_or_else(
        || "distance".to_owned(),
        |watched| measures::label(&watched.measure).to_owned(),
    );
    let curve = Curve {
        name: last.map_or_else(String::new, |watched| {
            format!("median {measure} {:.4}", watched.median)
        }),
        points: (run.watched.iter())
            .map(|watched| [watched.step as f64, watched.median])
            .collect(),
        color: palette.in_domain,
        style: LineStyle::Solid,
    };
    let tooltip = "How far held-out images are from what the model inpaints in them, as their scores will be. This is what \
                   tells outliers apart: once it no longer falls, the model is as good as it gets";
    curves_ui(ui, run, "Distance of held-out images", tooltip, &[curve]);
    let Some(watched) = last else {
        return;
    };
    if let Some(share) = watched.far_share {
        note(ui, format!("{} far above the others", text::percent(share))).on_hover_text(
            "Held-out images above the upper quartile by more than 1.5 times the distance of the quartiles. They belong, so \
             that few should be: many say that the model does not know a kind of image yet",
        );
    }
}

fn curves_ui(ui: &mut Ui, run: &TrainingRun, name: &str, tooltip: &str, curves: &[Curve]) {
    let palette = theme::palette(ui);
    if curves.iter().all(|curve| curve.points.is_empty()) {
        let size = vec2(ui.available_width() - 8.0, HEIGHT);
        let (rect, _) = ui.allocate_exact_size(size, egui::Sense::hover());
        picture::placeholder(ui.painter(), rect, palette.surface, palette.line);
        stand_in(ui, name, rect, &format!("{name}, empty")).on_hover_text(tooltip);
        return;
    }
    let values = || {
        curves
            .iter()
            .flat_map(|curve| &curve.points)
            .map(|[_, y]| *y)
    };
    let highest = values().fold(0.0, f64::max).max(1e-9);
    let steps = run.num_steps.unwrap_or_else(|| run.step.max(1)) as f64;
    let bounds = PlotBounds::from_min_max([0.0, -0.02 * highest], [steps, 1.08 * highest]);
    let shown = base_plot(name, HEIGHT)
        .width(ui.available_width() - 8.0)
        .x_grid_spacer(ticks::round_marks(4, true))
        .y_grid_spacer(ticks::round_marks(4, false))
        .custom_x_axes(vec![
            axis(palette, AxisHints::new_x()).formatter(ticks::label),
        ])
        .custom_y_axes(vec![
            axis(palette, AxisHints::new_y()).formatter(ticks::label),
        ])
        .grid_color(palette.line)
        .show(ui, |plot| {
            plot.set_plot_bounds(bounds);
            for curve in curves {
                plot.line(
                    Line::new(curve.name.clone(), PlotPoints::from(curve.points.clone()))
                        .color(curve.color)
                        .width(2.0)
                        .style(curve.style)
                        .allow_hover(false),
                );
                // A line of one point is not to be seen.
                if let [point] = curve.points[..] {
                    plot.points(
                        egui_plot::Points::new(curve.name.clone(), vec![point])
                            .radius(3.0)
                            .color(curve.color)
                            .allow_hover(false),
                    );
                }
            }
        });
    let described: Vec<&str> = curves.iter().map(|curve| curve.name.as_str()).collect();
    let description = format!("{name}: {}", described.join(", "));
    stand_in(ui, name, shown.response.rect, &description).on_hover_text(tooltip);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        for curve in curves.iter().filter(|curve| !curve.points.is_empty()) {
            let (rect, _) = ui.allocate_exact_size(vec2(14.0, 14.0), egui::Sense::hover());
            let ends = [rect.left_center(), rect.right_center()];
            ui.painter()
                .line_segment(ends, Stroke::new(2.0, curve.color));
            ui.label(RichText::new(&curve.name).small().color(palette.text));
        }
    });
}
