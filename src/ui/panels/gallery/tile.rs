//! One image of the gallery: its picture, role and score.

use egui::{
    Align2, Rect, Response, Sense, Shape, Stroke, StrokeKind, TextStyle, Ui, Vec2, WidgetInfo,
    pos2, vec2,
};

use crate::ood::Role;
use crate::runs::{ImageMarks, RunImage};
use crate::state::folders::short_name;
use crate::state::{Action, GalleryOrder, LookAction, Mark, UiCommand, text};
use crate::ui::panels::Scene;
use crate::ui::theme::{self, RADIUS, TILE_MARGIN};
use crate::ui::widgets::layout::note;
use crate::ui::widgets::{mark, thumbnail};

/// Draw one image with its score.
pub fn ui(ui: &Ui, scene: &mut Scene<'_>, image: usize, rect: Rect) {
    let session = scene.session;
    let Some(entry) = session.shown.gallery.images().get(image) else {
        return;
    };
    let palette = theme::palette(ui);
    let score = session.shown.score_of(image);
    let response = ui.interact(rect.shrink(1.0), ui.scope_id().with(image), Sense::click());
    let is_shown = session.shown.image() == Some(image);
    let is_marked = session.shown.gallery.marked().contains(&image);
    if response.hovered() || response.has_focus() {
        scene.drafts.shown.hovering = Some(image);
    }
    if is_shown || response.hovered() {
        let fill = if is_shown {
            palette.selection
        } else {
            palette.raised
        };
        ui.painter().rect_filled(rect.shrink(1.0), RADIUS, fill);
    }
    if is_shown || response.has_focus() {
        let stroke = Stroke::new(1.5, palette.accent);
        ui.painter()
            .rect_stroke(rect.shrink(1.0), RADIUS, stroke, StrokeKind::Inside);
    }
    let side = session.settings.panels.tile_width - TILE_MARGIN;
    let center = pos2(rect.center().x, rect.top() + 5.0 + 0.5 * side);
    let square = Rect::from_center_size(center, Vec2::splat(side));
    let thumbnails = &mut scene.textures.thumbnails;
    let failure = thumbnail::paint(ui, thumbnails, &entry.file.path, square);
    let verdict = Verdict::of(scene, entry.role, score);
    verdict_ui(ui, verdict, square);
    footer_ui(ui, scene, (image, entry.role), square);
    name_ui(&response, scene, (image, is_shown), (score, verdict));
    if is_marked {
        mark_ui(ui, rect);
    }
    if let Some(marks) = session.shown.marks_of(image) {
        noted_ui(ui, marks, entry.role, square);
    }
    click_ui(ui, scene, &response, image);
    tooltip_ui(response, scene, (image, entry), failure.as_deref());
}

/// What the threshold makes of an image, where that is to be seen at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Called out-of-domain, and known to be or not known at all.
    Flagged,
    /// In-domain, and called out-of-domain.
    FalseAlarm,
    /// Out-of-domain, and not found.
    Missed,
}

impl Verdict {
    /// `None` for an image that passes and may.
    fn of(scene: &Scene<'_>, role: Role, score: Option<f64>) -> Option<Self> {
        let is_flagged = score? > scene.session.shown.threshold()?;
        match (role, is_flagged) {
            (Role::InDomain, true) => Some(Self::FalseAlarm),
            (Role::OutOfDomain, false) => Some(Self::Missed),
            (Role::OutOfDomain | Role::Unknown, true) => Some(Self::Flagged),
            (Role::InDomain | Role::Unknown, false) => None,
        }
    }

    /// To follow the score in an accessible name.
    fn words(self) -> &'static str {
        match self {
            Self::Flagged => ", flagged",
            Self::FalseAlarm => ", false alarm",
            Self::Missed => ", missed",
        }
    }
}

/// Side of the corner that tells a verdict, in points.
const VERDICT_SIDE: f32 = 13.0;

/// A corner for what is flagged, crossed out where that is a mistake; an empty crossed corner for what was missed.
fn verdict_ui(ui: &Ui, verdict: Option<Verdict>, square: Rect) {
    let Some(verdict) = verdict else {
        return;
    };
    let palette = theme::palette(ui);
    let corner = square.left_top();
    let (fill, cross) = match verdict {
        Verdict::Flagged => (palette.out_of_domain, None),
        Verdict::FalseAlarm => (palette.out_of_domain, Some(palette.surface)),
        Verdict::Missed => (palette.surface, Some(palette.out_of_domain)),
    };
    let place = Rect::from_min_size(corner, Vec2::splat(VERDICT_SIDE));
    let painter = ui.painter();
    let line = Stroke::new(1.0, palette.out_of_domain);
    painter.rect(place, 2.0, fill, line, StrokeKind::Inside);
    let stroke = Stroke::new(1.5, cross.unwrap_or(palette.surface));
    let inner = place.shrink(3.5);
    if cross.is_some() {
        painter.line_segment([inner.left_top(), inner.right_bottom()], stroke);
        painter.line_segment([inner.right_top(), inner.left_bottom()], stroke);
    } else {
        let x = inner.center().x;
        let foot = pos2(x, inner.bottom() - 2.5);
        painter.line_segment([pos2(x, inner.top()), foot], stroke);
        painter.circle_filled(pos2(x, inner.bottom() - 0.3), 0.9, palette.surface);
    }
}

/// The mark of the role and the score, or what else the images are sorted by.
fn footer_ui(ui: &Ui, scene: &Scene<'_>, (image, role): (usize, Role), square: Rect) {
    let palette = theme::palette(ui);
    let session = scene.session;
    let similarity = session.shown.similarity_of(image);
    let text = match session.settings.gallery.order {
        _ if similarity.is_some() => similarity.map(|value| format!("≈{value:.3}")),
        GalleryOrder::PValueFirst => session.shown.p_value_of(image).map(|p| format!("p {p:.3}")),
        _ => session.shown.score_of(image).map(text::score),
    };
    let color = if text.is_some() {
        palette.text
    } else {
        palette.weak
    };
    let footer = pos2(square.center().x, square.bottom() + 11.0);
    let font = TextStyle::Monospace.resolve(ui.style());
    ui.painter().text(
        footer + vec2(7.0, 0.0),
        Align2::CENTER_CENTER,
        text.as_deref().unwrap_or("–"),
        egui::FontId { size: 11.5, ..font },
        color,
    );
    let mark_at = footer - vec2(25.0, 0.0);
    mark::paint(ui.painter(), role, mark_at, 3.5, palette.role(role));
}

/// The accessible name of a tile.
fn name_ui(
    response: &Response,
    scene: &Scene<'_>,
    (image, is_shown): (usize, bool),
    (score, verdict): (Option<f64>, Option<Verdict>),
) {
    let gallery = &scene.session.shown.gallery;
    let entry = &gallery.images()[image];
    let marked = if gallery.marked().contains(&image) {
        ", marked"
    } else {
        ""
    };
    let noted = scene.session.shown.marks_of(image);
    response.widget_info(|| {
        let noted = noted.map_or_else(String::new, |marks| noted_words(marks, entry.role));
        let score = score.map_or_else(
            || "no score yet".to_owned(),
            |s| format!("score {}", text::score(s)),
        );
        let name = short_name(&entry.file.path);
        let verdict = verdict.map_or("", Verdict::words);
        let similarity = scene.session.shown.similarity_of(image);
        let like = similarity.map_or_else(String::new, |value| format!(", similarity {value:.3}"));
        let label = format!(
            "{name}, {}, {score}{verdict}{like}{marked}{noted}",
            entry.role.name()
        );
        WidgetInfo::selected(egui::Role::Button, true, is_shown, label)
    });
}

/// A click looks at an image; with Ctrl or Shift it marks.
fn click_ui(ui: &Ui, scene: &mut Scene<'_>, response: &Response, image: usize) {
    if !response.clicked() {
        return;
    }
    let modifiers = ui.input(|input| input.modifiers);
    let mark = |mark| Action::Look(LookAction::Mark(image, mark));
    if modifiers.command {
        scene.actions.push(mark(Mark::Toggle));
    } else if modifiers.shift {
        scene.actions.push(mark(Mark::UpTo));
    } else {
        scene.actions.push(Action::Do(UiCommand::MarkNone));
        scene.actions.push(Action::SelectImage(image));
    }
}

fn tooltip_ui(
    response: Response,
    scene: &Scene<'_>,
    (image, entry): (usize, &RunImage),
    failure: Option<&str>,
) {
    let shown = &scene.session.shown;
    response.on_hover_ui(|ui| {
        let name = short_name(&entry.file.path);
        ui.label(format!("{name}, {}", entry.role.name()));
        note(ui, entry.file.path.display().to_string());
        note(
            ui,
            format!(
                "{} × {} pixels, {}",
                entry.file.native.width, entry.file.native.height, entry.file.native.format
            ),
        );
        if let Some(score) = shown.score_of(image) {
            let p_value = shown.p_value_of(image);
            let p_value = p_value.map_or_else(String::new, |p| format!(", p-value {p:.4}"));
            note(ui, format!("Score {}{p_value}", text::score(score)));
        }
        if let Some(similarity) = shown.similarity_of(image) {
            note(
                ui,
                format!("Similarity {similarity:.4}, 1 is the same picture"),
            );
        }
        if let Some(marks) = shown.marks_of(image) {
            let words = noted_words(marks, entry.role);
            note(ui, text::capitalized(words.trim_start_matches(", ")));
            if !marks.note.is_empty() {
                note(ui, &marks.note);
            }
        }
        if let Some(failure) = failure {
            note(ui, failure);
        }
    });
}

/// What was noted about an image, to follow its score in an accessible name.
fn noted_words(marks: &ImageMarks, role: Role) -> String {
    let mut words = String::new();
    if marks.is_reviewed {
        words.push_str(", reviewed");
    }
    if let Some(corrected) = marks.correction(role) {
        words.push_str(", corrected to ");
        words.push_str(corrected.name());
    }
    if !marks.tags.is_empty() {
        let tags: Vec<&str> = marks.tags.iter().map(String::as_str).collect();
        words.push_str(", tagged ");
        words.push_str(&tags.join(" and "));
    }
    if !marks.note.is_empty() {
        words.push_str(", with a note");
    }
    words
}

/// Height of the plate with the signs of what was noted, in points.
const NOTED_HEIGHT: f32 = 13.0;

/// Signs on a plate in the lower right corner: the mark of the corrected role, a tag with its hole, lines of a note, a check.
fn noted_ui(ui: &Ui, marks: &ImageMarks, role: Role, square: Rect) {
    let palette = theme::palette(ui);
    let corrected = marks.correction(role);
    let signs = [
        corrected.is_some(),
        !marks.tags.is_empty(),
        !marks.note.is_empty(),
        marks.is_reviewed,
    ];
    let count = signs.into_iter().filter(|is_there| *is_there).count();
    if count == 0 {
        return;
    }
    let size = vec2(count as f32 * NOTED_HEIGHT, NOTED_HEIGHT);
    let plate = Rect::from_min_size(square.right_bottom() - size, size);
    let painter = ui.painter();
    let line = Stroke::new(1.0, palette.line);
    painter.rect(plate, 2.0, palette.surface, line, StrokeKind::Inside);
    let stroke = Stroke::new(1.5, palette.text);
    let mut center = plate.left_center() + vec2(0.5 * NOTED_HEIGHT, 0.0);
    for (index, _) in signs
        .into_iter()
        .enumerate()
        .filter(|(_, is_there)| *is_there)
    {
        let at = |x: f32, y: f32| center + vec2(x, y);
        match (index, corrected) {
            (0, Some(corrected)) => {
                mark::paint(painter, corrected, center, 3.5, palette.role(corrected));
            }
            (1, _) => {
                let corners = [
                    (-4.0, 0.0),
                    (-1.5, -3.0),
                    (4.0, -3.0),
                    (4.0, 3.0),
                    (-1.5, 3.0),
                ];
                let points = corners.map(|(x, y)| at(x, y)).to_vec();
                painter.add(Shape::convex_polygon(points, palette.text, Stroke::NONE));
                painter.circle_filled(at(-1.2, 0.0), 1.0, palette.surface);
            }
            (2, _) => {
                for (y, right) in [(-2.5, 3.5), (0.0, 3.5), (2.5, 1.0)] {
                    painter
                        .line_segment([at(-3.5, y), at(right, y)], Stroke::new(1.0, palette.text));
                }
            }
            _ => {
                painter.line_segment([at(-3.5, 0.0), at(-1.0, 2.5)], stroke);
                painter.line_segment([at(-1.0, 2.5), at(3.5, -3.0)], stroke);
            }
        }
        center.x += NOTED_HEIGHT;
    }
}

/// A check in the corner of a marked tile.
fn mark_ui(ui: &Ui, rect: Rect) {
    let palette = theme::palette(ui);
    let center = rect.right_top() + vec2(-12.0, 12.0);
    let painter = ui.painter();
    painter.circle(
        center,
        8.0,
        palette.accent,
        Stroke::new(1.5, palette.surface),
    );
    let stroke = Stroke::new(1.5, palette.on_accent);
    let at = |x: f32, y: f32| center + vec2(x, y);
    painter.line_segment([at(-3.5, 0.0), at(-1.0, 3.0)], stroke);
    painter.line_segment([at(-1.0, 3.0), at(4.0, -3.0)], stroke);
}
