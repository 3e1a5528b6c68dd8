//! The pictures of one attempt: in a row or over each other, with one zoom, and the values under the pointer.

use egui::{
    Align, Align2, Color32, CursorIcon, Layout, Painter, Rect, Response, RichText, Sense, Stroke,
    StrokeKind, TextStyle, TextureHandle, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::Detail;
use super::legend::{LINE_HEIGHT, legend_ui, line_ui, top};
use super::lens::{Lens, PIXELATED_SIDE};
use super::shown::{Pane, Shown, shown};
use super::strip::STRIP_HEIGHT;
use crate::images::Picture;
use crate::state::look::{Compare, DifferenceKind};
use crate::state::{Action, LookAction, Part, View};
use crate::ui::panels::Scene;
use crate::ui::theme;
use crate::ui::widgets::buttons::action_button;
use crate::ui::widgets::picture;

/// Largest side of a picture in points: pixels of 32 x 32 are blocks long before.
const MAX_SIDE: f32 = 900.0;
/// Pictures that are shown together at most.
const MOST_PANES: usize = 4;
/// Height that is left to the gallery at least where pictures could grow, in points.
const GALLERY_HEIGHT: f32 = 252.0;
/// The gallery's share of a high center.
const GALLERY_SHARE: f32 = 0.4;
/// Width of the frame around a picture in points.
const EDGE: f32 = 1.0;
/// Seconds that each of two blinking pictures stays.
const BLINK_SECS: f64 = 0.6;
/// Width of the split line's grip in points.
const GRIP: f32 = 14.0;
/// Pixels drawn at least this large get a mark under the pointer.
const MARKED_PIXEL: f32 = 3.0;

/// Draw the pictures and the line under them.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>, detail: Option<&Detail<'_>>, has_gallery: bool) {
    let shown = shown(scene, detail);
    let panes: &[Pane] = match scene.session.settings.look.compare {
        // There is nothing to compare it with.
        _ if scene.session.result_word().is_none() => &[Pane::One(Part::Original)],
        Compare::SideBySide => &[
            Pane::One(Part::Original),
            Pane::One(Part::Masked),
            Pane::One(Part::Inpainted),
            Pane::One(Part::Difference),
        ],
        Compare::Split => &[Pane::Split, Pane::One(Part::Difference)],
        Compare::Blink => &[Pane::Blink, Pane::One(Part::Difference)],
    };
    let gap = ui.spacing().item_spacing.x;
    let below = if has_gallery {
        GALLERY_HEIGHT.max(GALLERY_SHARE * ui.available_height())
    } else {
        0.0
    };
    let pixels = num_pixels(scene);
    let (columns, side, height) = arrangement(ui, (panes.len(), pixels), gap, below);
    let used = columns as f32 * side + (columns - 1) as f32 * gap;
    let indent = 0.5 * (ui.available_width() - used).max(0.0);
    let pointed = scene.drafts.shown.pointed.take();
    scene.drafts.shown.pointed_part = None;
    let place = vec2(ui.available_width(), height);
    ui.allocate_ui_with_layout(place, Layout::top_down(Align::Min), |ui| {
        ui.set_min_size(place);
        for row in panes.chunks(columns) {
            ui.horizontal_top(|ui| {
                ui.add_space(indent);
                ui.spacing_mut().item_spacing.x = gap;
                for pane in row {
                    ui.push_id(*pane, |ui| {
                        pane_ui(ui, scene, &shown, *pane, (side, pointed));
                    });
                }
            });
        }
    });
    line_ui(ui, scene, &shown);
}

/// In how many columns the pictures are largest, and the side of each: as width, and the gallery's need of height, allow;
/// and the height of all of them. That is the same for any number of pictures: what is below must not move where they are
/// put together in another way.
fn arrangement(ui: &Ui, (count, pixels): (usize, f32), gap: f32, below: f32) -> (usize, f32, f32) {
    let gaps = 4.0 * ui.spacing().item_spacing.y;
    let rest = STRIP_HEIGHT + theme::ROW_HEIGHT + 2.0 * LINE_HEIGHT + gaps + below;
    let most = (ui.available_height() - rest).max(120.0);
    let line = LINE_HEIGHT + ui.spacing().item_spacing.y;
    let best = |count: usize, height: f32| {
        let side = |columns: usize| {
            let rows = count.div_ceil(columns) as f32;
            let width = (ui.available_width() - (columns - 1) as f32 * gap) / columns as f32;
            let height = (height - (rows - 1.0) * line) / rows;
            snug(ui, width.min(height).min(MAX_SIDE).floor(), pixels)
        };
        let (one_row, two_rows) = (side(count), side(count.div_ceil(2)));
        // A row is easier to compare along; two rows must gain by it.
        if two_rows > 1.15 * one_row {
            (count.div_ceil(2), two_rows)
        } else {
            (count, one_row)
        }
    };
    let (columns, side) = best(MOST_PANES, most);
    let rows = MOST_PANES.div_ceil(columns) as f32;
    let height = rows * side + (rows - 1.0) * line;
    let (columns, side) = best(count, height);
    (columns, side, height + LINE_HEIGHT)
}

/// Pixels per side of the pictures to come: by the model, so that nothing moves when the first one is there.
fn num_pixels(scene: &Scene<'_>) -> f32 {
    let session = scene.session;
    let of_run = session
        .shown
        .run
        .as_ref()
        .and_then(|run| run.model.as_ref());
    let model = of_run.or_else(|| session.model_info());
    model.map_or(f32::INFINITY, |model| model.geometry.side as f32)
}

/// A place no larger than its picture becomes within `side`, which small ones do by whole device pixels.
fn snug(ui: &Ui, side: f32, pixels: f32) -> f32 {
    if pixels > PIXELATED_SIDE {
        return side;
    }
    let edges = 2.0 * EDGE;
    let size = Vec2::splat(pixels);
    let drawn = picture::fitted(size, side - edges, true, ui.ctx().pixels_per_point());
    (drawn.x + edges).ceil()
}

fn pane_ui(
    ui: &mut Ui,
    scene: &mut Scene<'_>,
    shown: &Shown<'_>,
    pane: Pane,
    (side, pointed): (f32, Option<[usize; 2]>),
) {
    let palette = theme::palette(ui);
    ui.allocate_ui_with_layout(
        vec2(side, side + LINE_HEIGHT),
        Layout::top_down(Align::Center),
        |ui| {
            ui.spacing_mut().item_spacing.y = 3.0;
            let size = Vec2::splat(side);
            let (rect, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
            picture::placeholder(ui.painter(), rect, palette.raised, palette.line);
            let original = shown.original.filter(|_| shown.has(pane));
            let Some(original) = original else {
                empty_ui(ui, rect, shown.empty_text(pane));
                response.widget_info(|| {
                    WidgetInfo::labeled(egui::Role::Image, true, shown.empty_text(pane))
                });
                return;
            };
            let size = vec2(original.width as f32, original.height as f32);
            let lens = Lens::new(rect.shrink(EDGE), size, ui.ctx().pixels_per_point());
            let old = scene.session.looking.view;
            let mut view = lens.moved(ui, &response, old);
            paint_pane(ui, scene, shown, pane, (rect, lens));
            if pane == Pane::Split {
                split_line_ui(ui, rect, &mut view);
            }
            if view != old {
                scene.actions.push(Action::Look(LookAction::View(view)));
            }
            if let Some(pixel) = pointed {
                mark_pixel(ui, lens.pixel_rect(old, pixel), rect);
            }
            if let Some(at) = response.hover_pos() {
                scene.drafts.shown.pointed = lens.pixel(old, at);
                scene.drafts.shown.pointed_part = match pane {
                    Pane::One(part) => Some(part),
                    Pane::Split | Pane::Blink => None,
                };
            }
            let name = shown.name(pane, is_flipped(ui, rect));
            response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, &name));
            menu_ui(&response, scene);
            caption_ui(ui, scene, shown, pane);
        },
    );
}

/// Copying, for those who look for it with the other button.
fn menu_ui(response: &Response, scene: &mut Scene<'_>) {
    response.context_menu(|ui| {
        for part in Part::ALL {
            let copy = Action::Look(LookAction::Copy(part));
            if action_button(ui, scene.actions, copy).clicked() {
                ui.close();
            }
        }
    });
}

fn empty_ui(ui: &Ui, rect: Rect, text: &str) {
    let font = TextStyle::Small.resolve(ui.style());
    let color = theme::palette(ui).weak;
    ui.painter()
        .text(rect.center(), Align2::CENTER_CENTER, text, font, color);
}

fn paint_pane(
    ui: &Ui,
    scene: &mut Scene<'_>,
    shown: &Shown<'_>,
    pane: Pane,
    (rect, lens): (Rect, Lens),
) {
    let (Some(original), view) = (shown.original, scene.session.looking.view) else {
        return;
    };
    let place = rect.shrink(EDGE);
    let painter = ui.painter().with_clip_rect(place);
    let at = lens.rect(view);
    let ctx = ui.ctx();
    let plain = |scene: &mut Scene<'_>, picture: &Picture| scene.textures.picture(ctx, picture);
    if is_flipped(ui, rect) {
        draw(&painter, at, &plain(scene, original), 1.0);
        return;
    }
    match (pane, shown.inpainted) {
        (Pane::One(Part::Masked), _) => {
            let hole = theme::palette(ui).hole;
            let texture = match shown.mask {
                Some(mask) => scene.textures.masked(ctx, original, mask, hole),
                None => plain(scene, original),
            };
            draw(&painter, at, &texture, 1.0);
        }
        (Pane::One(Part::Inpainted), Some(inpainted)) => {
            draw(&painter, at, &plain(scene, inpainted), 1.0);
        }
        (Pane::One(Part::Difference), Some(inpainted)) => {
            draw(&painter, at, &plain(scene, original), 1.0);
            let opacity = scene.session.settings.look.opacity;
            match difference_texture(ui, scene, (original, inpainted)) {
                Ok(texture) => draw(&painter, at, &texture, opacity),
                Err(reason) => reason_ui(ui, place, &reason),
            }
        }
        (Pane::Split, Some(inpainted)) => {
            let x = place.left() + view.split * place.width();
            draw(&painter, at, &plain(scene, inpainted), 1.0);
            let left = Rect::from_min_max(place.min, pos2(x, place.bottom()));
            draw(
                &painter.with_clip_rect(left),
                at,
                &plain(scene, original),
                1.0,
            );
        }
        (Pane::Blink, Some(inpainted)) => {
            let now = ui.input(|input| input.time);
            let is_original = ((now / BLINK_SECS) as u64).is_multiple_of(2);
            let picture = if is_original { original } else { inpainted };
            draw(&painter, at, &plain(scene, picture), 1.0);
            let wait = BLINK_SECS - now % BLINK_SECS;
            ctx.request_repaint_after(std::time::Duration::from_secs_f64(wait));
        }
        _ => draw(&painter, at, &plain(scene, original), 1.0),
    }
}

/// The difference map of the chosen kind, or why there is none yet.
fn difference_texture(
    ui: &Ui,
    scene: &mut Scene<'_>,
    pair: (&Picture, &Picture),
) -> Result<TextureHandle, String> {
    let look = scene.session.settings.look;
    if look.difference == DifferenceKind::Lpips && scene.session.shown.scrub().is_none() {
        let session = scene.session;
        let map = session
            .shown
            .map()
            .ok_or_else(|| session.missing_map().unwrap_or_default())?;
        return Ok(scene.textures.levels(ui.ctx(), &map.levels, look.color_map));
    }
    let top = top(scene).map_or(255, |(top, _)| top);
    Ok(scene
        .textures
        .difference(ui.ctx(), pair, look.color_map, top))
}

/// Words over a picture.
fn reason_ui(ui: &Ui, place: Rect, reason: &str) {
    let palette = theme::palette(ui);
    let font = TextStyle::Small.resolve(ui.style());
    let width = place.width() - 16.0;
    let galley = ui
        .painter()
        .layout(reason.to_owned(), font, palette.text, width);
    let rect = Align2::CENTER_CENTER.anchor_size(place.center(), galley.size());
    ui.painter()
        .rect_filled(rect.expand(5.0), 4.0, theme::faded(palette.surface, 0.9));
    ui.painter().galley(rect.min, galley, palette.text);
}

fn draw(painter: &Painter, at: Rect, texture: &TextureHandle, opacity: f32) {
    let tint = theme::faded(Color32::WHITE, opacity);
    painter.image(texture.id(), at, picture::WHOLE, tint);
}

fn split_line_ui(ui: &Ui, rect: Rect, view: &mut View) {
    let palette = theme::palette(ui);
    let x = rect.left() + view.split * rect.width();
    let line = Rect::from_x_y_ranges(x..=x, rect.y_range());
    let grip = line.expand2(vec2(0.5 * GRIP, 0.0)).intersect(rect);
    let response = ui
        .interact(grip, ui.scope_id().with("split"), Sense::drag())
        .on_hover_cursor(CursorIcon::ResizeHorizontal);
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Splitter, true, "Split grip"));
    if let Some(at) = response
        .interact_pointer_pos()
        .filter(|_| response.dragged())
    {
        view.split = ((at.x - rect.left()) / rect.width()).clamp(0.0, 1.0);
    }
    let painter = ui.painter();
    painter.vline(x, rect.y_range(), Stroke::new(3.0, palette.surface));
    painter.vline(x, rect.y_range(), Stroke::new(1.0, palette.accent));
    painter.circle(
        pos2(x, rect.center().y),
        6.0,
        palette.accent,
        Stroke::new(1.5, palette.surface),
    );
}

fn mark_pixel(ui: &Ui, pixel: Rect, place: Rect) {
    if pixel.width() >= MARKED_PIXEL {
        let painter = ui.painter().with_clip_rect(place);
        let palette = theme::palette(ui);
        let line = |color| Stroke::new(1.0, color);
        painter.rect_stroke(pixel, 0.0, line(palette.accent), StrokeKind::Outside);
        painter.rect_stroke(
            pixel.expand(1.0),
            0.0,
            line(palette.surface),
            StrokeKind::Outside,
        );
    }
}

fn caption_ui(ui: &mut Ui, scene: &mut Scene<'_>, shown: &Shown<'_>, pane: Pane) {
    if pane == Pane::One(Part::Difference) {
        legend_ui(ui, scene);
        return;
    }
    let caption = RichText::new(shown.caption(pane))
        .small()
        .color(theme::palette(ui).weak);
    ui.add(egui::Label::new(caption).truncate());
}

/// Whether the original is to be seen in all places: Space is held and nothing else listens to it, or Shift with the
/// pointer over a picture.
fn is_flipped(ui: &Ui, rect: Rect) -> bool {
    let is_space = ui.input(|input| input.key_down(egui::Key::Space))
        && ui.memory(|memory| memory.focused().is_none());
    let is_shift = ui.input(|input| {
        let over = input.pointer.hover_pos();
        input.modifiers.shift_only()
            && over.is_some_and(|at| at.y <= rect.bottom() && at.y >= rect.top())
    });
    is_space || is_shift
}
