//! One image and its attempts: original, masked and inpainted side by side.

use std::sync::Arc;

use egui::{
    Align, Align2, Layout, Rect, RichText, ScrollArea, Sense, Stroke, StrokeKind, TextStyle, Ui,
    Vec2, WidgetInfo, pos2, vec2,
};

use super::Scene;
use crate::images::Picture;
use crate::ood::aggregate::median_attempts;
use crate::ood::{Distance, KnownMask};
use crate::runs::{AttemptResult, RunImage};
use crate::state::folders::short_name;
use crate::state::{Action, text};
use crate::ui::theme::{self, ATTEMPT, RADIUS};
use crate::ui::widgets::layout::{note, stand_in};
use crate::ui::widgets::{mark, picture};

/// Largest side of the three pictures in points.
const MAX_SIDE: f32 = 196.0;
/// Height of the strip of attempts.
const STRIP_HEIGHT: f32 = ATTEMPT + 38.0;

/// What is drawn for one image.
struct Detail<'a> {
    image: &'a RunImage,
    attempts: &'a [Arc<AttemptResult>],
    distance: Distance,
    /// Positions in `attempts` of the attempts in the middle.
    medians: Vec<usize>,
    /// Position in `attempts` of the one to look at.
    shown: Option<usize>,
    score: Option<f64>,
}

/// Draw the panel.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let detail = detail(scene);
    header_ui(ui, scene, detail.as_ref());
    pictures_ui(ui, scene, detail.as_ref());
    strip_ui(ui, scene, detail.as_ref());
}

fn detail<'a>(scene: &Scene<'a>) -> Option<Detail<'a>> {
    let session = scene.session;
    let index = session.shown_image()?;
    let image = session.gallery.images().get(index)?;
    let run = session.run.as_ref();
    let run_id = session.gallery.run_id(index);
    let attempts = run
        .zip(run_id)
        .map_or(&[][..], |(run, id)| run.attempts(id));
    let distance = session.settings.run.distance;
    let distances: Vec<f64> = attempts.iter().map(|r| r.distances.of(distance)).collect();
    let medians = median_attempts(&distances);
    let shown = session
        .selected_attempt
        .and_then(|wanted| attempts.iter().position(|r| r.attempt == wanted))
        .or_else(|| medians.first().copied());
    Some(Detail {
        image,
        attempts,
        distance,
        medians,
        shown,
        score: run.zip(run_id).and_then(|(run, id)| run.score(id)),
    })
}

fn header_ui(ui: &mut Ui, scene: &Scene<'_>, detail: Option<&Detail<'_>>) {
    ui.horizontal(|ui| {
        ui.set_min_height(theme::ROW_HEIGHT);
        let Some(detail) = detail else {
            note(ui, "The image to look at appears here");
            return;
        };
        mark::ui(ui, detail.image.role);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            score_ui(ui, scene, detail);
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let path = &detail.image.file.path;
                let name = RichText::new(short_name(path)).strong().size(14.5);
                ui.add(egui::Label::new(name).truncate())
                    .on_hover_text(path.display().to_string());
                if ui.available_width() > 90.0 {
                    note(ui, detail.image.role.label());
                }
            });
        });
    });
}

fn score_ui(ui: &mut Ui, scene: &Scene<'_>, detail: &Detail<'_>) {
    let Some(score) = detail.score else {
        note(ui, "No score yet");
        return;
    };
    let palette = theme::palette(ui);
    let aggregate = scene.session.settings.run.aggregate;
    let basis = format!(
        "{} of {}, {}",
        aggregate.name(),
        detail.attempts.len(),
        detail.distance.label()
    );
    let threshold = scene.session.threshold();
    let (verdict, color) = match threshold {
        Some(threshold) if score > threshold => ("above threshold", palette.out_of_domain),
        Some(_) => ("below threshold", palette.in_domain),
        None => ("", palette.text),
    };
    note(ui, basis);
    ui.label(
        RichText::new(text::score(score))
            .monospace()
            .size(15.0)
            .strong(),
    )
    .on_hover_text("The score of this image, higher means that it fits the model less");
    if !verdict.is_empty() {
        ui.label(RichText::new(verdict).small().color(color))
            .on_hover_text("Images above the threshold are called out-of-domain");
    }
}

/// What one of the three squares shows.
struct Pane<'a> {
    caption: String,
    name: String,
    empty: &'static str,
    picture: Option<&'a Picture>,
    mask: Option<&'a Arc<KnownMask>>,
}

fn pictures_ui(ui: &mut Ui, scene: &mut Scene<'_>, detail: Option<&Detail<'_>>) {
    let gap = ui.spacing().item_spacing.x;
    let side = ((ui.available_width() - 2.0 * gap) / 3.0)
        .floor()
        .min(MAX_SIDE);
    let panes = panes(scene, detail);
    let is_flipped = is_flipped(ui) && detail.is_some();
    let indent = 0.5 * (ui.available_width() - 3.0 * side - 2.0 * gap).max(0.0);
    ui.horizontal_top(|ui| {
        ui.add_space(indent);
        ui.spacing_mut().item_spacing.x = gap;
        for (index, pane) in panes.iter().enumerate() {
            let source = if is_flipped { &panes[0] } else { pane };
            ui.push_id(index, |ui| pane_ui(ui, scene, pane, source, side));
        }
    });
}

fn panes<'a>(scene: &Scene<'a>, detail: Option<&'a Detail<'_>>) -> [Pane<'a>; 3] {
    let result = detail.and_then(|d| d.shown.map(|shown| &d.attempts[shown]));
    let name = detail.map_or_else(String::new, |d| short_name(&d.image.file.path));
    // Before the first attempt the mask preview already shows what the model will see.
    let preview = detail.filter(|_| result.is_none()).and_then(|d| {
        let (request, preview) = scene.session.preview.shown()?;
        let is_same = request.path.as_ref() == Some(&d.image.file.path);
        preview.as_ref().ok().filter(|_| is_same)
    });
    let original = result
        .map(|r| &r.original)
        .or_else(|| preview.and_then(|p| p.original.as_ref()));
    let mask = result
        .and_then(|r| r.known_mask.as_ref())
        .or_else(|| preview.map(|p| &p.known_mask));
    let number = result.map(|r| r.attempt + 1);
    let numbered =
        |word: &str| number.map_or_else(|| word.to_owned(), |n| format!("{word}, attempt {n}"));
    let distance = detail.zip(result).map(|(d, r)| {
        format!(
            ", {} {}",
            d.distance.label(),
            text::score(r.distances.of(d.distance))
        )
    });
    let has_unmasked_result = result.is_some_and(|r| r.known_mask.is_none());
    [
        Pane {
            caption: "Original".to_owned(),
            name: format!("Original of {name}"),
            empty: "Original",
            picture: original,
            mask: None,
        },
        Pane {
            caption: numbered("Masked"),
            name: format!("{} of {name}", numbered("Masked")),
            empty: if has_unmasked_result {
                "No mask"
            } else {
                "Masked"
            },
            picture: original.filter(|_| mask.is_some()),
            mask,
        },
        Pane {
            caption: format!("Inpainted{}", distance.unwrap_or_default()),
            name: format!("{} of {name}", numbered("Inpainted")),
            empty: if result.is_some() {
                "Not kept"
            } else {
                "Inpainted"
            },
            picture: result.and_then(|r| r.inpainted.as_ref()),
            mask: None,
        },
    ]
}

fn pane_ui(ui: &mut Ui, scene: &mut Scene<'_>, pane: &Pane<'_>, source: &Pane<'_>, side: f32) {
    let palette = theme::palette(ui);
    ui.allocate_ui_with_layout(
        vec2(side, side + 18.0),
        Layout::top_down(Align::Center),
        |ui| {
            ui.spacing_mut().item_spacing.y = 3.0;
            let (rect, _) = ui.allocate_exact_size(Vec2::splat(side), Sense::hover());
            picture::placeholder(ui.painter(), rect, palette.raised, palette.line);
            let is_drawn = draw(ui, scene, source, rect);
            if !is_drawn {
                let font = TextStyle::Small.resolve(ui.style());
                ui.painter().text(
                    rect.center(),
                    Align2::CENTER_CENTER,
                    pane.empty,
                    font,
                    palette.weak,
                );
            }
            if is_drawn {
                stand_in(ui, "picture", rect, &pane.name)
                    .on_hover_text("Hold Space to see the original in all three places");
            }
            let caption = if is_drawn { pane.caption.as_str() } else { "" };
            let caption = RichText::new(caption).small().color(palette.weak);
            ui.add(egui::Label::new(caption).truncate());
        },
    );
}

fn draw(ui: &Ui, scene: &mut Scene<'_>, pane: &Pane<'_>, rect: Rect) -> bool {
    let Some(shown) = pane.picture else {
        return false;
    };
    let hole = theme::palette(ui).hole;
    let texture = match pane.mask {
        Some(mask) => scene.textures.masked(ui.ctx(), shown, mask, hole),
        None => scene.textures.picture(ui.ctx(), shown),
    };
    let size = vec2(shown.width as f32, shown.height as f32);
    picture::paint(
        ui.painter(),
        rect,
        (texture.id(), picture::WHOLE),
        size,
        size.max_elem() <= 64.0,
    );
    true
}

fn strip_ui(ui: &mut Ui, scene: &mut Scene<'_>, detail: Option<&Detail<'_>>) {
    ui.allocate_ui(vec2(ui.available_width(), STRIP_HEIGHT), |ui| {
        ui.set_min_height(STRIP_HEIGHT);
        ScrollArea::horizontal()
            .id_salt("attempts")
            .auto_shrink(false)
            .show(ui, |ui| {
                ui.horizontal_top(|ui| {
                    ui.spacing_mut().item_spacing.x = 3.0;
                    let Some(detail) = detail else { return };
                    if detail.attempts.is_empty() {
                        note(ui, "The attempts appear here as they arrive");
                    }
                    for position in 0..detail.attempts.len() {
                        attempt_ui(ui, scene, detail, position);
                    }
                });
            });
    });
}

fn attempt_ui(ui: &mut Ui, scene: &mut Scene<'_>, detail: &Detail<'_>, position: usize) {
    let palette = theme::palette(ui);
    let result = &detail.attempts[position];
    let value = text::score(result.distances.of(detail.distance));
    let is_median = detail.medians.contains(&position);
    let is_shown = detail.shown == Some(position);
    let (rect, response) =
        ui.allocate_exact_size(vec2(ATTEMPT + 5.0, STRIP_HEIGHT - 4.0), Sense::click());
    if is_shown || response.hovered() {
        let fill = if is_shown {
            palette.selection
        } else {
            palette.raised
        };
        ui.painter().rect_filled(rect, RADIUS, fill);
    }
    if is_shown || response.has_focus() {
        let stroke = Stroke::new(1.5, palette.accent);
        ui.painter()
            .rect_stroke(rect, RADIUS, stroke, StrokeKind::Inside);
    }
    let square = Rect::from_min_size(rect.min + Vec2::splat(2.5), Vec2::splat(ATTEMPT));
    match &result.inpainted {
        Some(shown) => {
            let texture = scene.textures.picture(ui.ctx(), shown);
            let size = vec2(shown.width as f32, shown.height as f32);
            picture::paint(
                ui.painter(),
                square,
                (texture.id(), picture::WHOLE),
                size,
                false,
            );
        }
        None => picture::placeholder(
            ui.painter(),
            square.shrink(4.0),
            palette.raised,
            palette.line,
        ),
    }
    let line = |y: f32, text: &str, style: TextStyle, size: f32, color| {
        let font = egui::FontId {
            size,
            ..style.resolve(ui.style())
        };
        let at = pos2(rect.center().x, square.bottom() + y);
        ui.painter()
            .text(at, Align2::CENTER_CENTER, text, font, color);
    };
    line(9.0, &value, TextStyle::Monospace, 11.0, palette.text);
    if is_median {
        line(22.0, "median", TextStyle::Small, 11.0, palette.accent);
    } else {
        line(
            22.0,
            &(result.attempt + 1).to_string(),
            TextStyle::Small,
            11.0,
            palette.weak,
        );
    }
    let label = format!(
        "Attempt {}, {} {value}{}",
        result.attempt + 1,
        detail.distance.label(),
        if is_median { ", the median" } else { "" }
    );
    response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, is_shown, &label));
    if response.clicked() {
        scene
            .actions
            .push(Action::SelectAttempt(Some(result.attempt)));
    }
    response.on_hover_text(format!("{label}. Click to look at it"));
}

/// Whether Space is held to see the original, and nothing else listens to it.
fn is_flipped(ui: &Ui) -> bool {
    ui.input(|input| input.key_down(egui::Key::Space))
        && ui.memory(|memory| memory.focused().is_none())
}
