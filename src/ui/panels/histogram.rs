//! The scores of all images as two overlaid histograms with the threshold.

use egui::{Color32, Stroke, Ui};
use egui_plot::{AxisHints, Bar, BarChart, Plot, PlotBounds};

use super::Scene;
use super::pointed::{Pointed, pointed};
use crate::detectors::measures;
use crate::ood::Role;
use crate::ood::histogram::Bins;
use crate::state::shown::analysis::{Analysis, ScoreHistogram};
use crate::state::text;
use crate::ui::theme::{self, Palette};
use crate::ui::widgets::layout::{note, section, stand_in};
use crate::ui::widgets::tip::Tip as _;
use crate::ui::widgets::{mark, ticks};

/// Draw the section.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let analysis = scene.session.shown.analysis.as_deref();
    let distance = &scene.session.settings.run.view.measure;
    let title = format!("Scores, {}", measures::label(distance));
    section(ui, &title, |ui| {
        legend_ui(ui, scene, analysis);
        let histogram = analysis.and_then(|a| Some((a, a.histogram.as_ref()?)));
        if let Some((analysis, histogram)) = histogram {
            plot_ui(ui, scene, analysis, histogram);
        } else {
            let text = "The scores appear here as attempts arrive";
            empty_ui(ui, "Score histogram", text);
            // The place of the row that comes with the first score.
            ui.allocate_space(egui::vec2(1.0, theme::ROW_HEIGHT));
        }
    });
}

/// A plot's place while there is nothing to plot.
pub fn empty_ui(ui: &mut Ui, name: &str, text: &str) {
    let palette = theme::palette(ui);
    let size = egui::vec2(ui.available_width(), height(ui));
    let (rect, _) = ui.allocate_exact_size(size, egui::Sense::hover());
    crate::ui::widgets::picture::placeholder(ui.painter(), rect, palette.surface, palette.line);
    let font = egui::TextStyle::Small.resolve(ui.style());
    ui.painter().text(
        rect.center(),
        egui::Align2::CENTER_CENTER,
        text,
        font,
        palette.weak,
    );
    stand_in(ui, name, rect, &format!("{name}, empty"));
}

/// The roles with their counts; where filters leave images out, how many of them are left.
fn legend_ui(ui: &mut Ui, scene: &Scene<'_>, analysis: Option<&Analysis>) {
    let matching = scene.session.shown.gallery.matching();
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 12.0;
        for role in Role::ALL {
            let count = analysis.map_or(0, |a| a.num_scored[role]);
            if role == Role::Unknown && count == 0 {
                continue;
            }
            let left = matching.map_or_else(String::new, |matching| {
                let left: usize = matching[role].iter().sum();
                format!("{} of ", text::count(left))
            });
            let words = format!("{} {left}{}", role.label(), text::count(count));
            // Mark and words stay together where the line breaks.
            let width = mark_and_words_width(ui, &words);
            ui.allocate_ui_with_layout(
                egui::vec2(width, LEGEND_HEIGHT),
                egui::Layout::left_to_right(egui::Align::Center),
                |ui| {
                    ui.spacing_mut().item_spacing.x = 5.0;
                    mark::ui(ui, role);
                    note(ui, words).tip(|| {
                        "The filters of the gallery leave these; strong bars count them, faint bars count all. \
                         Curve, threshold and figures stay those of all images"
                    });
                },
            );
        }
    });
}

/// Height of a line of the legend in points.
pub(super) const LEGEND_HEIGHT: f32 = 16.0;

pub(super) fn mark_and_words_width(ui: &Ui, words: &str) -> f32 {
    const MARK: f32 = 17.0;
    MARK + words_width(ui, words)
}

/// The width of a note.
pub(super) fn words_width(ui: &Ui, words: &str) -> f32 {
    let font = egui::TextStyle::Small.resolve(ui.style());
    let galley = (ui.painter()).layout_no_wrap(words.to_owned(), font, theme::palette(ui).weak);
    galley.size().x
}

fn plot_ui(ui: &mut Ui, scene: &mut Scene<'_>, analysis: &Analysis, histogram: &ScoreHistogram) {
    let palette = theme::palette(ui);
    let bins = &histogram.bins;
    let end = bins.start + bins.width * bins.count as f64;
    let highest = histogram
        .counts
        .values()
        .iter()
        .flatten()
        .copied()
        .max()
        .unwrap_or(1)
        .max(1) as f64;
    let margin = 0.03 * (end - bins.start);
    let bounds =
        PlotBounds::from_min_max([bins.start - margin, 0.0], [end + margin, highest * 1.08]);
    let shown = base_plot("histogram", height(ui))
        .x_grid_spacer(ticks::round_marks(5, false))
        // Half an image has no meaning.
        .y_grid_spacer(ticks::round_marks(5, true))
        .custom_x_axes(vec![
            axis(palette, AxisHints::new_x()).formatter(ticks::label),
        ])
        .custom_y_axes(vec![
            axis(palette, AxisHints::new_y()).formatter(ticks::label),
        ])
        .grid_color(palette.line)
        .show(ui, |plot| {
            plot.set_plot_bounds(bounds);
            let matching = scene.session.shown.gallery.matching();
            for (role, all) in histogram.counts.iter() {
                if let Some(matching) = matching {
                    plot.bar_chart(bars(bins, all, palette.role(role), 0.25));
                    plot.bar_chart(bars(bins, &matching[role], palette.role(role), 1.0));
                } else {
                    plot.bar_chart(bars(bins, all, palette.role(role), 1.0));
                }
            }
        });
    let threshold = scene
        .session
        .shown
        .threshold()
        .map_or_else(String::new, |threshold| {
            format!(", threshold {}", text::score(threshold))
        });
    let pointed = pointed(scene);
    let image = pointed
        .as_ref()
        .map_or_else(String::new, Pointed::in_histogram);
    let description = format!(
        "Score histogram of {} in-domain and {} out-of-domain images{threshold}{image}",
        text::count(analysis.num_scored[Role::InDomain]),
        text::count(analysis.num_scored[Role::OutOfDomain])
    );
    stand_in(ui, "histogram stand-in", shown.response.rect, &description);
    let range = (bins.start - margin, end + margin);
    super::brush::area_ui(ui, scene, &shown.transform, range, TOOLTIP);
    if let Some(pointed) = pointed {
        pointed.paint_in_histogram(ui, &shown.transform);
    }
    super::threshold::line_ui(ui, scene, &shown.transform, range);
    super::brush::row_ui(ui, scene, (bins.start, end));
}

const TOOLTIP: &str = "How many images have which score. The less both colors overlap, the better the model tells them \
                       apart. The dashed line is the threshold. Drag over the bars to see only images with these scores, \
                       click to see all again";

/// The bars of a role, `strength` of their color.
fn bars(bins: &Bins, counts: &[usize], color: Color32, strength: f32) -> BarChart {
    let bars = counts
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
        .map(|(bin, &count)| {
            let (left, right) = bins.edges(bin);
            Bar::new(left.midpoint(right), count as f64)
                .width(bins.width)
                .fill(theme::faded(color, 0.5 * strength))
                .stroke(Stroke::new(1.0, theme::faded(color, strength)))
        });
    BarChart::new("", bars.collect()).allow_hover(false)
}

/// Height of a plot: it grows with the panel, and leaves room for what is below it.
pub fn height(ui: &Ui) -> f32 {
    let (width, height) = (ui.available_width(), ui.clip_rect().height());
    (0.46 * width).min(0.16 * height).clamp(96.0, 420.0).floor()
}

/// A plot that stays put: the mouse wheel scrolls the panel and not the axes.
pub fn base_plot<'a>(id_salt: &str, height: f32) -> Plot<'a> {
    Plot::new(id_salt.to_owned())
        .height(height)
        .allow_zoom(false)
        .allow_drag(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .allow_axis_zoom_drag(false)
        .show_x(false)
        .show_y(false)
        .show_crosshair(false)
        .set_margin_fraction(egui::Vec2::ZERO)
}

/// Axis with small, light numbers.
pub fn axis<'a>(palette: &Palette, hints: AxisHints<'a>) -> AxisHints<'a> {
    hints
        .tick_label_color(palette.weak)
        .tick_label_font(egui::FontId::proportional(11.0))
        .label_spacing(egui::Rangef::new(22.0, 40.0))
        .min_thickness(16.0)
}
