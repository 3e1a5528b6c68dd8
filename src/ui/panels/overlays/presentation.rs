//! For an audience: large pictures, the score against both histograms, and, where asked for, what the method does in
//! three sentences.

use std::sync::Arc;

use egui::{
    Align2, CentralPanel, Color32, Frame, Margin, Rect, RichText, Sense, Stroke, TextStyle, Ui,
    Vec2, WidgetInfo, pos2, vec2,
};

use crate::detectors::measures;
use crate::images::Picture;
use crate::ood::{KnownMask, Role};
use crate::runs::AttemptResult;
use crate::state::folders::short_name;
use crate::state::{Action, Overlay, UiCommand, text};
use crate::ui::panels::Scene;
use crate::ui::theme::{self, Palette};
use crate::ui::widgets::picture;

/// Body text in points, in a window of [`WINDOW`].
const LARGE: f32 = 18.0;
/// The score in points, in the same.
const HUGE: f32 = 44.0;
/// The window that sizes are given for: in others everything grows and shrinks with it, whatever the zoom is.
const WINDOW: Vec2 = vec2(1280.0, 720.0);
/// The pictures' share of the height.
const PICTURES: f32 = 0.5;
/// Types smaller than this can't be read.
const SMALLEST: f32 = 10.0;

/// A size of type for the window at hand.
fn type_size(ui: &Ui, size: f32) -> f32 {
    let window = ui.ctx().content_rect().size();
    let scale = (window.x / WINDOW.x).min(window.y / WINDOW.y);
    (scale * size).max(SMALLEST)
}

/// Draw it in place of the whole window.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>, is_explained: bool) {
    let palette = theme::palette(ui);
    let frame = Frame::new()
        .fill(palette.surface)
        .inner_margin(Margin::same(24));
    CentralPanel::default().frame(frame).show(ui, |ui| {
        header_ui(ui, scene, is_explained);
        let attempts = scene.session.shown.attempts();
        let shown = scene.session.shown.attempt();
        let Some(result) = shown.and_then(|shown| attempts.get(shown)).map(Arc::clone) else {
            let words =
                RichText::new("There is no result of this image yet").size(type_size(ui, LARGE));
            ui.centered_and_justified(|ui| ui.label(words));
            return;
        };
        pictures_ui(ui, scene, &result, is_explained);
        ui.add_space(8.0);
        verdict_ui(ui, scene);
    });
}

fn header_ui(ui: &mut Ui, scene: &mut Scene<'_>, is_explained: bool) {
    let overlay = if is_explained {
        Overlay::Explain
    } else {
        Overlay::Presentation
    };
    let session = scene.session;
    let image = session
        .shown
        .image()
        .and_then(|index| session.shown.gallery.images().get(index));
    let size = type_size(ui, LARGE);
    ui.horizontal(|ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let close = Action::Do(overlay.toggle());
            let response = ui.button(RichText::new("Close").size(size));
            if response.on_hover_text("Back to the window (Esc)").clicked() {
                scene.actions.push(close);
            }
            for (words, action) in [
                ("Next", Action::Do(UiCommand::NextImage)),
                ("Previous", Action::Do(UiCommand::PreviousImage)),
            ] {
                let response = ui.button(RichText::new(words).size(size));
                if response.on_hover_text(action.tooltip()).clicked() {
                    scene.actions.push(action);
                }
            }
            // What is left between the edge and the buttons: a long name is cut, and they stay.
            ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                if let Some(image) = image {
                    let color = theme::palette(ui).role(image.role);
                    ui.label(RichText::new(image.role.label()).size(size).color(color));
                    let name = RichText::new(short_name(&image.file.path));
                    let label = egui::Label::new(name.size(size).strong()).truncate();
                    ui.add(label)
                        .on_hover_text(image.file.path.display().to_string());
                }
            });
        });
    });
    ui.add_space(8.0);
}

/// What one picture shows and says.
struct Step<'a> {
    title: &'static str,
    sentence: String,
    picture: Option<&'a Picture>,
    mask: Option<&'a Arc<KnownMask>>,
    differs_from: Option<&'a Picture>,
}

fn steps<'a>(result: &'a AttemptResult, is_explained: bool, distance: &str) -> [Step<'a>; 3] {
    let original = &result.original;
    let inpainted = result.inpainted.as_ref();
    if is_explained {
        let lift = if result.known_mask.is_some() {
            "The violet parts of the image are hidden from the model."
        } else {
            "The image is covered with noise until the model can't tell what it was."
        };
        return [
            Step {
                title: "1  Lift",
                sentence: lift.to_owned(),
                picture: Some(original),
                mask: result.known_mask.as_ref(),
                differs_from: None,
            },
            Step {
                title: "2  Map",
                sentence: "The model fills them in with what it learned from good images."
                    .to_owned(),
                picture: inpainted,
                mask: None,
                differs_from: None,
            },
            Step {
                title: "3  Detect",
                sentence: format!(
                    "Where the result differs it glows; the more, the less the image belongs: {distance}."
                ),
                picture: inpainted.map(|_| original),
                mask: None,
                differs_from: inpainted,
            },
        ];
    }
    let plain = |title, picture, mask| Step {
        title,
        sentence: String::new(),
        picture,
        mask,
        differs_from: None,
    };
    [
        plain("Original", Some(original), None),
        plain("Masked", Some(original), result.known_mask.as_ref()),
        plain("Inpainted", inpainted, None),
    ]
}

fn pictures_ui(ui: &mut Ui, scene: &mut Scene<'_>, result: &AttemptResult, is_explained: bool) {
    let gap = 24.0;
    let distance = scene.session.settings.run.view.measure;
    let value = format!(
        "{} {}",
        measures::label(&distance),
        text::score(measures::value(&result.values, distance))
    );
    let large = type_size(ui, LARGE);
    let small = type_size(ui, LARGE - 2.0);
    let width = (ui.available_width() - 2.0 * gap) / 3.0;
    // The pictures come first; words and plot share what is left.
    let side = width.min(PICTURES * ui.available_height()).floor();
    let words_height = large + 12.0 + if is_explained { 4.2 * small } else { 0.0 };
    let indent = 0.5 * (ui.available_width() - 3.0 * side - 2.0 * gap).max(0.0);
    ui.horizontal_top(|ui| {
        ui.add_space(indent);
        ui.spacing_mut().item_spacing.x = gap;
        let count = match scene.session.result_word() {
            Some(_) => 3,
            // The image alone: nothing was made of it.
            None => 1,
        };
        let is_explained = is_explained && count == 3;
        for step in steps(result, is_explained, &value).into_iter().take(count) {
            ui.allocate_ui(vec2(side, side + words_height), |ui| {
                ui.vertical(|ui| {
                    ui.set_width(side);
                    ui.label(RichText::new(step.title).size(large).strong());
                    picture_ui(ui, scene, &step, side);
                    if !step.sentence.is_empty() {
                        ui.label(RichText::new(&step.sentence).size(small));
                    }
                });
            });
        }
    });
}

fn picture_ui(ui: &mut Ui, scene: &mut Scene<'_>, step: &Step<'_>, side: f32) {
    let palette = theme::palette(ui);
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(side), Sense::hover());
    picture::placeholder(ui.painter(), rect, palette.raised, palette.line);
    if let Some(shown) = step.picture {
        let look = scene.session.settings.look;
        let run = scene.session.shown.run.as_ref();
        let top = run.and_then(|run| run.differences.top());
        let texture = match (step.mask, step.differs_from) {
            (Some(mask), _) => scene.textures.masked(ui.ctx(), shown, mask, palette.hole),
            (None, Some(other)) => scene.textures.difference(
                ui.ctx(),
                (shown, other),
                look.color_map,
                top.map_or(255, |(top, _)| top),
            ),
            (None, None) => scene.textures.picture(ui.ctx(), shown),
        };
        let size = vec2(shown.width as f32, shown.height as f32);
        let image = (texture.id(), picture::WHOLE);
        picture::paint(ui.painter(), rect, image, size, size.max_elem() <= 64.0);
    }
    let name = format!("{} picture", step.title);
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, &name));
}

fn verdict_ui(ui: &mut Ui, scene: &Scene<'_>) {
    let palette = theme::palette(ui);
    let session = scene.session;
    let score = session.shown.score();
    let threshold = session.shown.threshold();
    let (verdict, color) = match (score, threshold) {
        (Some(score), Some(threshold)) if score > threshold => {
            ("Does not belong", palette.out_of_domain)
        }
        (Some(_), Some(_)) => ("Belongs", palette.in_domain),
        _ => ("No threshold yet", palette.weak),
    };
    let (large, huge) = (type_size(ui, LARGE), type_size(ui, HUGE));
    ui.horizontal_top(|ui| {
        let left = vec2(
            (14.0 * large).min(0.35 * ui.available_width()),
            ui.available_height(),
        );
        ui.allocate_ui(left, |ui| {
            ui.vertical(|ui| {
                ui.set_width(left.x);
                ui.label(
                    RichText::new(verdict)
                        .size(1.4 * large)
                        .strong()
                        .color(color),
                );
                let number = score.map_or_else(|| "–".to_owned(), text::score);
                ui.label(RichText::new(number).size(huge).strong().monospace());
                let basis = format!(
                    "{} of {}",
                    measures::label(&session.settings.run.view.measure),
                    text::counted(session.shown.attempts().len(), "attempt")
                );
                ui.label(RichText::new(basis).size(0.9 * large).color(palette.weak));
            });
        });
        plot_ui(ui, scene, palette, (score, threshold));
    });
}

/// Which color is which, in words, below the middle of the plot.
fn legend(ui: &Ui, scene: &Scene<'_>, palette: &Palette, rect: Rect) {
    let analysis = scene.session.shown.analysis.as_deref();
    let font = egui::FontId {
        size: type_size(ui, LARGE - 3.0),
        ..TextStyle::Body.resolve(ui.style())
    };
    let mut x = rect.right();
    for role in Role::ALL.into_iter().rev() {
        if analysis.is_none_or(|analysis| analysis.num_scored[role] == 0) {
            continue;
        }
        let at = pos2(x, rect.top() + 8.0);
        let color = palette.role(role);
        let words = ui
            .painter()
            .text(at, Align2::RIGHT_CENTER, role.label(), font.clone(), color);
        x = words.left() - font.size;
    }
}

/// Both histograms with the score and the threshold, as large as there is room.
pub fn plot_ui(
    ui: &mut Ui,
    scene: &Scene<'_>,
    palette: &Palette,
    (score, threshold): (Option<f64>, Option<f64>),
) {
    let size = vec2(ui.available_width(), ui.available_height().max(80.0));
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let analysis = scene.session.shown.analysis.as_deref();
    let Some(histogram) = analysis.and_then(|a| a.histogram.as_ref()) else {
        return;
    };
    let bins = &histogram.bins;
    let end = bins.start + bins.width * bins.count as f64;
    let plot = rect.with_max_y(rect.bottom() - 26.0);
    let margin = 0.04 * (end - bins.start);
    let (left, span) = (bins.start - margin, end - bins.start + 2.0 * margin);
    let x = |value: f64| plot.left() + ((value - left) / span) as f32 * plot.width();
    let highest = histogram.counts.values().iter().flatten().copied().max();
    let highest = highest.unwrap_or(1).max(1) as f32;
    let top = plot.top() + 24.0;
    let painter = ui.painter();
    for (role, counts) in histogram.counts.iter() {
        let color = palette.role(role);
        for (bin, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let (from, to) = bins.edges(bin);
            let height = count as f32 / highest * (plot.bottom() - top);
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
    painter.hline(
        plot.x_range(),
        plot.bottom(),
        Stroke::new(1.0, palette.line),
    );
    let line = |value: f64, words: &str, width: f32, color: Color32, at: f32| {
        let x = x(value.clamp(left, left + span));
        painter.vline(x, top - 4.0..=plot.bottom(), Stroke::new(width, color));
        let font = egui::FontId {
            size: type_size(ui, LARGE - 3.0),
            ..TextStyle::Body.resolve(ui.style())
        };
        let is_right = x > plot.center().x;
        let (align, shift) = if is_right {
            (Align2::RIGHT_CENTER, -5.0)
        } else {
            (Align2::LEFT_CENTER, 5.0)
        };
        painter.text(pos2(x + shift, at), align, words, font, color);
    };
    if let Some(threshold) = threshold {
        let at = plot.bottom() + 14.0;
        line(threshold, "Threshold", 1.5, palette.weak, at);
    }
    if let Some(score) = score {
        line(score, "This image", 3.0, palette.accent, plot.top() + 8.0);
    }
    let words = format!(
        "Scores of {} in-domain and {} out-of-domain images, this image at {}",
        text::count(analysis.map_or(0, |a| a.num_scored[Role::InDomain])),
        text::count(analysis.map_or(0, |a| a.num_scored[Role::OutOfDomain])),
        score.map_or_else(|| "no score".to_owned(), text::score)
    );
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, &words));
}
