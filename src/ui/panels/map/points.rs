//! The points of the map: what each stands for, and how they are taken hold of.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use egui::{CursorIcon, Pos2, Rect, Response, Sense, Stroke, Ui, Vec2, WidgetInfo, pos2, vec2};

use super::lasso;
use crate::ood::Role;
use crate::state::Alike;
use crate::state::folders::short_name;
use crate::state::{Action, LookAction, UiCommand, text};
use crate::ui::panels::Scene;
use crate::ui::theme;
use crate::ui::widgets::layout::note;
use crate::ui::widgets::{mark, thumbnail};

/// Points between the map's edge and its outermost images.
const MARGIN: f32 = 14.0;
/// How near to a point the pointer must come, in points.
const REACH: f32 = 10.0;
/// Side of the picture under the pointer, in points.
const PICTURE: f32 = 96.0;

/// An image on the map.
struct Spot {
    /// An index into the gallery's images.
    image: usize,
    id: usize,
    role: Role,
    at: Pos2,
    is_flagged: bool,
    /// Whether the gallery shows it.
    is_left: bool,
}

/// Draw the map in a place of this size.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>, size: Vec2) {
    let (rect, response) = ui.allocate_exact_size(size, Sense::CLICK | Sense::DRAG);
    let palette = theme::palette(ui);
    crate::ui::widgets::picture::placeholder(ui.painter(), rect, palette.surface, palette.line);
    let mut spots = spots(scene, rect.shrink(MARGIN));
    // What stands out is drawn last.
    spots.sort_by_key(|spot| (spot.is_left, spot.is_flagged));
    let radius = match spots.len() {
        0..=600 => 4.0,
        601..=3000 => 3.0,
        _ => 2.0,
    };
    for spot in &spots {
        paint(ui, spot, radius);
    }
    let is_drawing = !scene.drafts.shown.lasso.is_empty();
    let pointed = response
        .hover_pos()
        .filter(|_| !is_drawing)
        .and_then(|pointer| nearest(&spots, pointer));
    ring(ui, scene, &spots, pointed, radius);
    name_ui(&response, scene, &spots, pointed);
    if let Some(spot) = pointed {
        scene.drafts.shown.hovering = Some(spot.image);
    }
    surround(ui, scene, &response, &spots);
    let cursor = match pointed {
        Some(_) => CursorIcon::PointingHand,
        None => CursorIcon::Crosshair,
    };
    let response = response.on_hover_cursor(cursor);
    if response.clicked() {
        let all = Action::Look(LookAction::Alike(None));
        match pointed {
            Some(spot) => {
                scene.actions.push(Action::Do(UiCommand::MarkNone));
                scene.actions.push(Action::SelectImage(spot.image));
                scene.drafts.reveal_shown = true;
            }
            None if scene.session.shown.gallery.alike().is_some() => scene.actions.push(all),
            None => {}
        }
    }
    tooltip_ui(response, scene, pointed);
}

/// All images that have a place, on a scale that is the same across and down.
fn spots(scene: &Scene<'_>, inside: Rect) -> Vec<Spot> {
    let shown = &scene.session.shown;
    let (Some(similar), gallery) = (shown.similar(), &shown.gallery) else {
        return Vec::new();
    };
    let left: HashSet<usize> = gallery.order().iter().copied().collect();
    let threshold = shown.threshold();
    let placed = gallery
        .images()
        .iter()
        .enumerate()
        .filter_map(|(image, entry)| {
            let id = gallery.run_id(image)?;
            let [x, y] = similar.place(id)?;
            let score = shown.score_of(image);
            let is_flagged = score.zip(threshold).is_some_and(|(score, t)| score > t);
            Some(Spot {
                image,
                id,
                role: entry.role,
                // Up is more, as in the plots.
                at: pos2(x as f32, -y as f32),
                is_flagged,
                is_left: left.contains(&image),
            })
        });
    let mut spots: Vec<Spot> = placed.collect();
    let mut bounds = Rect::NOTHING;
    for spot in &spots {
        bounds.extend_with(spot.at);
    }
    let scale = (inside.width() / bounds.width()).min(inside.height() / bounds.height());
    let scale = if scale.is_finite() { scale } else { 0.0 };
    for spot in &mut spots {
        spot.at = inside.center() + scale * (spot.at - bounds.center());
    }
    spots
}

/// Color and shape say the role, a ring says that it is flagged, and what the gallery leaves out is faint.
fn paint(ui: &Ui, spot: &Spot, radius: f32) {
    let palette = theme::palette(ui);
    let color = palette.role(spot.role);
    let strength = if spot.is_left { 0.85 } else { 0.14 };
    let painter = ui.painter();
    mark::paint(
        painter,
        spot.role,
        spot.at,
        radius,
        theme::faded(color, strength),
    );
    if spot.is_flagged && spot.is_left {
        let ring = Stroke::new(1.0, theme::faded(palette.text, 0.75));
        painter.circle_stroke(spot.at, radius + 1.5, ring);
    }
}

fn nearest(spots: &[Spot], pointer: Pos2) -> Option<&Spot> {
    let distance = |spot: &&Spot| spot.at.distance(pointer);
    let near = spots.iter().filter(|spot| distance(spot) <= REACH);
    // What the gallery shows is meant before what it leaves out.
    near.min_by(|a, b| {
        let shown = b.is_left.cmp(&a.is_left);
        shown.then(distance(a).total_cmp(&distance(b)))
    })
}

/// A ring around the image that is looked at, and around the one under the pointer here or in the gallery.
fn ring(ui: &Ui, scene: &Scene<'_>, spots: &[Spot], pointed: Option<&Spot>, radius: f32) {
    let palette = theme::palette(ui);
    let looked_at = scene.session.shown.image();
    let hovered = pointed
        .map(|spot| spot.image)
        .or(scene.drafts.shown.hovered);
    for (image, width) in [(looked_at, 2.5), (hovered, 1.5)] {
        let found = spots.iter().find(|spot| Some(spot.image) == image);
        if let Some(spot) = found {
            let stroke = Stroke::new(width, palette.accent);
            ui.painter().circle_stroke(spot.at, radius + 4.0, stroke);
            let color = palette.role(spot.role);
            mark::paint(ui.painter(), spot.role, spot.at, radius, color);
        }
    }
}

fn name_ui(response: &Response, scene: &Scene<'_>, spots: &[Spot], pointed: Option<&Spot>) {
    response.widget_info(|| {
        let count = |role| spots.iter().filter(|spot| spot.role == role).count();
        let flagged = spots.iter().filter(|spot| spot.is_flagged).count();
        let image = pointed.map_or_else(String::new, |spot| {
            let entry = &scene.session.shown.gallery.images()[spot.image];
            format!(", {} under the pointer", short_name(&entry.file.path))
        });
        let label = format!(
            "Map of {} in-domain and {} out-of-domain images, {} flagged{image}",
            text::count(count(Role::InDomain)),
            text::count(count(Role::OutOfDomain)),
            text::count(flagged)
        );
        WidgetInfo::labeled(egui::Role::Image, true, label)
    });
}

/// A line drawn around points by hand: the gallery shows these alone.
fn surround(ui: &Ui, scene: &mut Scene<'_>, response: &Response, spots: &[Spot]) {
    let line = &mut scene.drafts.shown.lasso;
    if response.drag_started() {
        line.clear();
        line.extend(ui.input(|input| input.pointer.press_origin()));
    }
    if let (true, Some(pointer)) = (response.dragged(), response.interact_pointer_pos())
        && line.last().is_none_or(|last| last.distance(pointer) >= 2.0)
    {
        line.push(pointer);
    }
    if line.len() > 1 {
        lasso::paint(ui, line);
    }
    if !response.drag_stopped() {
        return;
    }
    let line = std::mem::take(line);
    if !lasso::is_meant(&line) {
        return;
    }
    let inside = spots.iter().filter(|spot| lasso::contains(&line, spot.at));
    let ids: BTreeSet<usize> = inside.map(|spot| spot.id).collect();
    let alike = (!ids.is_empty()).then(|| Alike::Surrounded(Arc::new(ids)));
    scene.actions.push(Action::Look(LookAction::Alike(alike)));
}

fn tooltip_ui(response: Response, scene: &mut Scene<'_>, pointed: Option<&Spot>) {
    let Some(spot) = pointed else { return };
    let shown = &scene.session.shown;
    let entry = &shown.gallery.images()[spot.image];
    let score = shown.score_of(spot.image);
    let thumbnails = &mut scene.textures.thumbnails;
    response.on_hover_ui_at_pointer(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(PICTURE, PICTURE), Sense::hover());
        thumbnail::paint(ui, thumbnails, &entry.file.path, rect);
        ui.label(short_name(&entry.file.path));
        let score = score.map_or_else(String::new, |score| {
            format!(", score {}", text::score(score))
        });
        let flagged = if spot.is_flagged { ", flagged" } else { "" };
        note(ui, format!("{}{score}{flagged}", entry.role.label()));
    });
}
