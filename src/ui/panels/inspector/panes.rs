//! The pictures of one attempt: in a row or over each other, with one zoom, and the values under the pointer.

use std::sync::Arc;

use egui::{
    Align, Align2, Color32, CursorIcon, Layout, Painter, Rect, RichText, Sense, Stroke, StrokeKind,
    TextStyle, TextureHandle, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::Detail;
use super::lens::Lens;
use super::strip::STRIP_HEIGHT;
use crate::images::Picture;
use crate::ood::KnownMask;
use crate::runs::AttemptResult;
use crate::state::difference::ScaleBasis;
use crate::state::folders::short_name;
use crate::state::look::Compare;
use crate::state::{Action, LookAction, View, text};
use crate::ui::panels::Scene;
use crate::ui::theme;
use crate::ui::widgets::picture;

/// Largest side of a picture of the row in points.
const MAX_SIDE: f32 = 260.0;
/// Largest side of a picture that two are laid into.
const MAX_LARGE_SIDE: f32 = 460.0;
/// Height that is left to the gallery where pictures could grow.
const GALLERY_HEIGHT: f32 = 240.0;
/// Height of the line under the pictures.
const LINE_HEIGHT: f32 = 18.0;
/// Seconds that each of two blinking pictures stays.
const BLINK_SECS: f64 = 0.6;
/// Width of the split line's grip in points.
const GRIP: f32 = 14.0;
/// Pixels drawn at least this large get a mark under the pointer.
const MARKED_PIXEL: f32 = 3.0;

/// What the pictures come from.
struct Shown<'a> {
    name: String,
    result: Option<&'a AttemptResult>,
    original: Option<&'a Picture>,
    mask: Option<&'a Arc<KnownMask>>,
    inpainted: Option<&'a Picture>,
    caption: String,
}

/// What one place shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pane {
    Original,
    Masked,
    Inpainted,
    Difference,
    Split,
    Blink,
}

/// Draw the pictures and the line under them.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>, detail: Option<&Detail<'_>>) {
    let shown = shown(scene, detail);
    let panes: &[Pane] = match scene.session.settings.look.compare {
        Compare::SideBySide => &[
            Pane::Original,
            Pane::Masked,
            Pane::Inpainted,
            Pane::Difference,
        ],
        Compare::Split => &[Pane::Split, Pane::Difference],
        Compare::Blink => &[Pane::Blink, Pane::Difference],
    };
    let gap = ui.spacing().item_spacing.x;
    let below = if scene.drafts.is_narrow {
        0.0
    } else {
        GALLERY_HEIGHT
    };
    let side = side(ui, panes.len(), gap, below);
    let count = panes.len() as f32;
    let used = count * side + (count - 1.0) * gap;
    let indent = 0.5 * (ui.available_width() - used).max(0.0);
    let pointed = scene.drafts.pointed.take();
    ui.horizontal_top(|ui| {
        ui.add_space(indent);
        ui.spacing_mut().item_spacing.x = gap;
        for pane in panes {
            ui.push_id(*pane as usize, |ui| {
                pane_ui(ui, scene, &shown, *pane, (side, pointed));
            });
        }
    });
    line_ui(ui, scene, &shown);
}

/// The side of each picture: as large as width, and the gallery's need of height, allow.
fn side(ui: &Ui, count: usize, gap: f32, below: f32) -> f32 {
    let width = (ui.available_width() - (count - 1) as f32 * gap) / count as f32;
    let rest = STRIP_HEIGHT + theme::ROW_HEIGHT + 2.0 * LINE_HEIGHT + below;
    let height = (ui.available_height() - rest).max(120.0);
    let most = if count > 2 { MAX_SIDE } else { MAX_LARGE_SIDE };
    width.min(height).min(most).floor()
}

fn shown<'a>(scene: &Scene<'a>, detail: Option<&'a Detail<'_>>) -> Shown<'a> {
    let result = detail.and_then(|d| d.shown.map(|shown| &*d.attempts[shown]));
    // Before the first attempt the mask preview already shows what the model will see.
    let preview = detail.filter(|_| result.is_none()).and_then(|d| {
        let (request, preview) = scene.session.preview.shown()?;
        let is_same = request.path.as_ref() == Some(&d.image.file.path);
        preview.as_ref().ok().filter(|_| is_same)
    });
    let distance = detail.zip(result).map(|(d, r)| {
        format!(
            ", {} {}",
            d.distance.label(),
            text::score(r.distances.of(d.distance))
        )
    });
    // A step of the denoising stands in for the result.
    let step = scene.session.shown_scrub().and_then(|scrub| {
        let words = format!("Step {} of {}", scrub.position + 1, scrub.num_steps());
        Some((scrub.picture()?, words))
    });
    let caption = format!("Inpainted{}", distance.unwrap_or_default());
    Shown {
        name: detail.map_or_else(String::new, |d| short_name(&d.image.file.path)),
        result,
        original: result
            .map(|r| &r.original)
            .or_else(|| preview.and_then(|p| p.original.as_ref())),
        mask: result
            .and_then(|r| r.known_mask.as_ref())
            .or_else(|| preview.map(|p| &p.known_mask)),
        inpainted: step
            .as_ref()
            .map(|(picture, _)| *picture)
            .or_else(|| result.and_then(|r| r.inpainted.as_ref())),
        caption: step.map_or(caption, |(_, words)| words),
    }
}

impl Shown<'_> {
    fn caption(&self, pane: Pane) -> String {
        match pane {
            Pane::Original => "Original".to_owned(),
            Pane::Masked => self.numbered("Masked"),
            Pane::Inpainted => self.caption.clone(),
            Pane::Difference => "Difference".to_owned(),
            Pane::Split => "Original | inpainted".to_owned(),
            Pane::Blink => "Original and inpainted in turn".to_owned(),
        }
    }

    fn numbered(&self, word: &str) -> String {
        self.result.map_or_else(
            || word.to_owned(),
            |result| format!("{word}, attempt {}", result.attempt + 1),
        )
    }

    /// The accessible name.
    fn name(&self, pane: Pane) -> String {
        let word = match pane {
            Pane::Original => "Original".to_owned(),
            Pane::Masked => self.numbered("Masked"),
            Pane::Inpainted => self.numbered("Inpainted"),
            Pane::Difference => self.numbered("Difference"),
            Pane::Split => self.numbered("Split of original and inpainted"),
            Pane::Blink => self.numbered("Original and inpainted in turn"),
        };
        format!("{word} of {}", self.name)
    }

    fn empty_text(&self, pane: Pane) -> &'static str {
        let has_result = self.result.is_some();
        match pane {
            Pane::Original => "Original",
            Pane::Masked if has_result => "No mask",
            Pane::Masked => "Masked",
            Pane::Inpainted | Pane::Difference | Pane::Split | Pane::Blink if has_result => {
                "Not kept"
            }
            Pane::Inpainted => "Inpainted",
            Pane::Difference => "Difference",
            Pane::Split | Pane::Blink => "Original and inpainted",
        }
    }

    fn has(&self, pane: Pane) -> bool {
        match pane {
            Pane::Original => self.original.is_some(),
            Pane::Masked => self.original.is_some() && self.mask.is_some(),
            Pane::Inpainted | Pane::Difference | Pane::Split | Pane::Blink => {
                self.inpainted.is_some()
            }
        }
    }
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
            let lens = Lens::new(rect.shrink(1.0), size, ui.ctx().pixels_per_point());
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
                scene.drafts.pointed = lens.pixel(old, at);
            }
            response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, shown.name(pane)));
            caption_ui(ui, scene, shown, pane);
        },
    );
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
    let place = rect.shrink(1.0);
    let painter = ui.painter().with_clip_rect(place);
    let at = lens.rect(view);
    let ctx = ui.ctx();
    let plain = |scene: &mut Scene<'_>, picture: &Picture| scene.textures.picture(ctx, picture);
    if is_flipped(ui, rect) {
        draw(&painter, at, &plain(scene, original), 1.0);
        return;
    }
    match (pane, shown.inpainted) {
        (Pane::Masked, _) => {
            let hole = theme::palette(ui).hole;
            let texture = match shown.mask {
                Some(mask) => scene.textures.masked(ctx, original, mask, hole),
                None => plain(scene, original),
            };
            draw(&painter, at, &texture, 1.0);
        }
        (Pane::Inpainted, Some(inpainted)) => draw(&painter, at, &plain(scene, inpainted), 1.0),
        (Pane::Difference, Some(inpainted)) => {
            draw(&painter, at, &plain(scene, original), 1.0);
            let look = scene.session.settings.look;
            let top = top(scene).map_or(255, |(top, _)| top);
            let pair = (original, inpainted);
            let texture = scene.textures.difference(ctx, pair, look.color_map, top);
            draw(&painter, at, &texture, look.opacity);
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
    if pane == Pane::Difference {
        legend_ui(ui, scene);
        return;
    }
    let caption = RichText::new(shown.caption(pane))
        .small()
        .color(theme::palette(ui).weak);
    ui.add(egui::Label::new(caption).truncate());
}

fn top(scene: &Scene<'_>) -> Option<(u8, ScaleBasis)> {
    let run = scene.session.run.as_ref()?;
    run.differences.top()
}

/// The colors from 0 to the top of the run's scale.
fn legend_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let Some((top, basis)) = top(scene) else {
        return;
    };
    let palette = theme::palette(ui);
    let map = scene.session.settings.look.color_map;
    let texture = scene.textures.legend(ui.ctx(), map);
    let size = vec2(ui.available_width(), 14.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let font = TextStyle::Small.resolve(ui.style());
    let text = |x: f32, align, text: String| {
        let at = pos2(x, rect.center().y);
        ui.painter()
            .text(at, align, text, font.clone(), palette.weak)
    };
    let left = text(rect.left(), Align2::LEFT_CENTER, "Difference 0".to_owned());
    let right = text(rect.right(), Align2::RIGHT_CENTER, top.to_string());
    let bar = Rect::from_x_y_ranges(
        left.right() + 5.0..=right.left() - 5.0,
        rect.center().y - 4.0..=rect.center().y + 4.0,
    );
    if bar.is_positive() {
        ui.painter()
            .image(texture.id(), bar, picture::WHOLE, Color32::WHITE);
    }
    let sentence = scale_sentence(top, basis);
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, &sentence));
    response.on_hover_text(format!(
        "{sentence}. Only first attempts count, so that the scale stands still"
    ));
}

fn scale_sentence(top: u8, basis: ScaleBasis) -> String {
    let pixels = match basis {
        ScaleBasis::InDomain => "in-domain hidden pixels",
        ScaleBasis::Others => "hidden pixels, none in-domain yet,",
    };
    format!(
        "One color scale for the whole run, from 0 to {top} of 255: 99 % of {pixels} stay below"
    )
}

/// The values under the pointer, else the scale of the difference map.
fn line_ui(ui: &mut Ui, scene: &Scene<'_>, shown: &Shown<'_>) {
    let size = vec2(ui.available_width(), LINE_HEIGHT);
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_size(size);
        let values = scene
            .drafts
            .pointed
            .and_then(|pixel| pixel_values(shown, pixel));
        let line = values
            .or_else(|| top(scene).map(|(top, basis)| scale_sentence(top, basis)))
            .unwrap_or_default();
        let text = RichText::new(line).small().color(theme::palette(ui).weak);
        ui.add(egui::Label::new(text).truncate());
    });
}

/// The values of a pixel in words.
fn pixel_values(shown: &Shown<'_>, [x, y]: [usize; 2]) -> Option<String> {
    let original = shown.original?;
    let index = y * original.width + x;
    let values = |picture: &Picture| {
        let values = picture.bytes.chunks_exact(picture.channels).nth(index)?;
        let words: Vec<String> = values.iter().map(u8::to_string).collect();
        Some(words.join(" "))
    };
    let mut line = format!("Column {x}, row {y}: original {}", values(original)?);
    if let Some(inpainted) = shown.inpainted {
        let difference = crate::state::difference::pixel_differences(original, inpainted)
            .and_then(|all| all.get(index).copied());
        if let (Some(value), Some(difference)) = (values(inpainted), difference) {
            line = format!("{line}, inpainted {value}, difference {difference}");
        }
    }
    if let Some(mask) = shown.mask {
        let is_known = mask.known().get(index) == Some(&true);
        line += if is_known {
            ", shown to the model"
        } else {
            ", hidden from the model"
        };
    }
    Some(line)
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
