//! All scores with that of one image, for people who have not seen a histogram before.

use egui::{Align2, Color32, FontId, Rect, Sense, Stroke, TextStyle, Ui, WidgetInfo, pos2, vec2};

use super::{LARGE, type_size};
use crate::ood::Role;
use crate::state::text;
use crate::ui::panels::Scene;
use crate::ui::theme::{self, Palette};
use crate::ui::widgets::mark;

fn font(ui: &Ui) -> FontId {
    FontId {
        size: type_size(ui, LARGE - 4.0),
        ..TextStyle::Body.resolve(ui.style())
    }
}

/// What images of a role are, in words.
fn words(role: Role) -> &'static str {
    match role {
        Role::InDomain => "Images that belong",
        Role::OutOfDomain => "Images that do not",
        Role::Unknown => "Images to be judged",
    }
}

/// Which color is which, from the right.
fn legend(ui: &Ui, scene: &Scene<'_>, palette: &Palette, rect: Rect) {
    let analysis = scene.session.shown.analysis.as_deref();
    let font = font(ui);
    let radius = 0.3 * font.size;
    let mut x = rect.right();
    for role in Role::ALL.into_iter().rev() {
        if analysis.is_none_or(|analysis| analysis.num_scored[role] == 0) {
            continue;
        }
        let at = pos2(x, rect.top() + 0.5 * font.size);
        let color = palette.role(role);
        let painter = ui.painter();
        let drawn = painter.text(at, Align2::RIGHT_CENTER, words(role), font.clone(), color);
        let center = pos2(drawn.left() - 2.0 * radius, at.y);
        mark::paint(painter, role, center, radius, color);
        x = center.x - radius - font.size;
    }
}

/// The histograms with the score and the threshold, as large as there is room.
pub fn plot_ui(ui: &mut Ui, scene: &Scene<'_>, (score, threshold): (Option<f64>, Option<f64>)) {
    let palette = theme::palette(ui);
    let size = vec2(ui.available_width(), ui.available_height().max(80.0));
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let analysis = scene.session.shown.analysis.as_deref();
    let Some(histogram) = analysis.and_then(|a| a.histogram.as_ref()) else {
        return;
    };
    let bins = &histogram.bins;
    let end = bins.start + bins.width * bins.count as f64;
    let font = font(ui);
    let plot = rect.with_max_y(rect.bottom() - 1.6 * font.size);
    let margin = 0.04 * (end - bins.start);
    let (left, span) = (bins.start - margin, end - bins.start + 2.0 * margin);
    let x = |value: f64| plot.left() + ((value - left) / span) as f32 * plot.width();
    let highest = histogram.counts.values().iter().flatten().copied().max();
    let highest = highest.unwrap_or(1).max(1) as f32;
    // The legend, and below it the words at this image's line.
    let top = plot.top() + 3.0 * font.size;
    let painter = ui.painter();
    for (role, counts) in histogram.counts.iter() {
        let color = palette.role(role);
        for (bin, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let (from, to) = bins.edges(bin);
            let height = count as f32 / highest * (plot.bottom() - top).max(1.0);
            let bar = Rect::from_min_max(
                pos2(x(from), plot.bottom() - height),
                pos2(x(to), plot.bottom()),
            );
            let line = Stroke::new(1.0, color);
            let fill = theme::faded(color, 0.5);
            painter.rect(bar, 0.0, fill, line, egui::StrokeKind::Inside);
        }
    }
    legend(ui, scene, palette, rect);
    let line = Stroke::new(1.0, palette.line);
    painter.hline(plot.x_range(), plot.bottom(), line);
    let below = plot.bottom() + 0.9 * font.size;
    for (at, align, words) in [
        (plot.left(), Align2::LEFT_CENTER, "Little difference"),
        (plot.right(), Align2::RIGHT_CENTER, "Much"),
    ] {
        painter.text(pos2(at, below), align, words, font.clone(), palette.weak);
    }
    let line = |value: f64, words: &str, width: f32, color: Color32, at: f32| {
        let x = x(value.clamp(left, left + span));
        let from = top.min(at);
        painter.vline(x, from..=plot.bottom(), Stroke::new(width, color));
        let is_right = x > plot.center().x;
        let (align, shift) = if is_right {
            (Align2::RIGHT_CENTER, -5.0)
        } else {
            (Align2::LEFT_CENTER, 5.0)
        };
        painter.text(pos2(x + shift, at), align, words, font.clone(), color);
    };
    if let Some(threshold) = threshold {
        let at = top + 0.5 * font.size;
        line(threshold, "Threshold", 1.5, palette.weak, at);
    }
    if let Some(score) = score {
        let at = plot.top() + 2.0 * font.size;
        line(score, "This image", 3.0, palette.accent, at);
    }
    let words = format!(
        "Scores of {} in-domain and {} out-of-domain images, this image at {}",
        text::count(analysis.map_or(0, |a| a.num_scored[Role::InDomain])),
        text::count(analysis.map_or(0, |a| a.num_scored[Role::OutOfDomain])),
        score.map_or_else(|| "no score".to_owned(), text::score)
    );
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, &words));
}
