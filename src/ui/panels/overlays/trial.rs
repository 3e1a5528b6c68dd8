//! Try it: paint on a picture, or drop one, and see its score among those of the run.

use egui::{
    Button, Color32, Frame, Id, Margin, Modal, Rect, RichText, Sense, Slider, Ui, Vec2, WidgetInfo,
    vec2,
};

use super::presentation::{plot_ui, verdict_words};
use crate::images::Picture;
use crate::state::shown::trial::Trial;
use crate::state::{Action, LookAction, UiCommand, text};
use crate::ui::panels::Scene;
use crate::ui::theme;
use crate::ui::widgets::buttons::action_button;
use crate::ui::widgets::layout::{HEADING, note, title};
use crate::ui::widgets::picture;

/// Side of the canvas in points.
const CANVAS: f32 = 224.0;
/// Side of each picture of the result in points.
const RESULT: f32 = 118.0;
/// Height of the plot in points.
const PLOT_HEIGHT: f32 = 130.0;

/// A picture that is painted on.
#[derive(Debug)]
pub struct Canvas {
    /// With the strokes so far.
    pub painted: Picture,
    /// Without them.
    pub original: Picture,
    /// Diameter of the brush in pixels.
    pub brush: f32,
    /// What it paints, in [0, 255], in all channels.
    pub value: u8,
}

impl Canvas {
    /// A picture without strokes.
    pub fn new(original: &Picture) -> Self {
        Self {
            painted: original.clone(),
            original: original.clone(),
            brush: (original.width as f32 / 10.0).max(2.0),
            value: 255,
        }
    }

    /// Paint a dot around a point, in pixels.
    fn dot(&mut self, x: f32, y: f32) {
        let (width, channels) = (self.painted.width, self.painted.channels);
        let radius = 0.5 * self.brush;
        let mut bytes = self.painted.bytes.to_vec();
        for (index, pixel) in bytes.chunks_exact_mut(channels).enumerate() {
            let center = ((index % width) as f32 + 0.5, (index / width) as f32 + 0.5);
            if (center.0 - x).hypot(center.1 - y) <= radius {
                pixel.fill(self.value);
            }
        }
        if bytes[..] != self.painted.bytes[..] {
            self.painted.bytes = bytes.into();
        }
    }
}

/// Draw it.
pub fn ui(ui: &Ui, scene: &mut Scene<'_>) {
    let frame = Frame::window(ui.style()).inner_margin(Margin::same(16));
    let modal = Modal::new(Id::unique("trial")).frame(frame);
    let modal = modal.show(ui.ctx(), |ui| {
        ui.set_width(CANVAS + 3.0 * RESULT + 44.0);
        title(ui, "Paint and try", HEADING);
        note(
            ui,
            "Paint on the picture and score it, paste one (Ctrl+V), or drop a picture file on the window. It joins no figure.",
        );
        ui.add_space(6.0);
        ui.horizontal_top(|ui| {
            ui.vertical(|ui| {
                ui.set_width(CANVAS);
                canvas_ui(ui, scene);
            });
            ui.add_space(8.0);
            ui.vertical(|ui| result_ui(ui, scene));
        });
        ui.button("Close").accessible_name("Close trial").clicked()
    });
    if modal.inner || modal.should_close() {
        scene.drafts.shown.canvas = None;
        scene.actions.push(Action::Do(UiCommand::ToggleTry));
    }
}

fn canvas_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    if scene.drafts.shown.canvas.is_none() {
        let session = scene.session;
        let result = session.shown.attempts().first();
        let preview = || {
            let (_, preview) = session.preview.shown()?;
            preview.as_ref().ok()?.original.as_ref()
        };
        let original = result.map(|result| &result.original).or_else(preview);
        scene.drafts.shown.canvas = original.map(Canvas::new);
    }
    let palette = theme::palette(ui);
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(CANVAS), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, "Picture to paint on"));
    picture::placeholder(ui.painter(), rect, palette.raised, palette.line);
    let Some(canvas) = &mut scene.drafts.shown.canvas else {
        note(ui, "There is no picture to paint on yet");
        return;
    };
    let size = vec2(canvas.painted.width as f32, canvas.painted.height as f32);
    let texture = scene.textures.picture(ui.ctx(), &canvas.painted);
    let image = (texture.id(), picture::WHOLE);
    let drawn = picture::paint(ui.painter(), rect, image, size, size.max_elem() <= 64.0);
    let is_painting = response.dragged() || response.clicked();
    if let Some(at) = response.interact_pointer_pos().filter(|_| is_painting) {
        let pixel = (at - drawn.min) / drawn.size() * size;
        canvas.dot(pixel.x, pixel.y);
    }
    ui.horizontal(|ui| {
        ui.spacing_mut().slider_width = 58.0;
        note(ui, "Brush");
        let largest = size.max_elem() / 2.0;
        ui.add(Slider::new(&mut canvas.brush, 1.0..=largest).show_value(false))
            .on_hover_text("Size of the brush")
            .accessible_name("Brush size");
        note(ui, "Gray");
        ui.add(Slider::new(&mut canvas.value, 0..=255).show_value(false))
            .on_hover_text("From black to white")
            .accessible_name("Brush value");
    });
    let missing = scene.session.missing_for_trial();
    ui.horizontal(|ui| {
        let score = Button::new("Score it");
        let response = ui
            .add_enabled(missing.is_none(), score)
            .on_hover_text("Score the painted picture with the settings of the run")
            .on_disabled_hover_text(missing.unwrap_or_default());
        if response.clicked() {
            let painted = canvas.painted.clone();
            let action = LookAction::TryPainted(Box::new(painted));
            scene.actions.push(Action::Look(action));
        }
        let clear = ui.button("Clear").on_hover_text("Take all strokes away");
        if clear.clicked() {
            canvas.painted = canvas.original.clone();
        }
        let paste = Action::Do(UiCommand::Paste);
        action_button(ui, scene.actions, paste);
    });
}

fn result_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    ui.set_width(3.0 * RESULT + 16.0);
    let session = scene.session;
    let Some(trial) = &session.shown.trial else {
        note(ui, "The result appears here");
        return;
    };
    ui.add(egui::Label::new(RichText::new(&trial.name).strong()).truncate());
    if let Some(problem) = &trial.problem {
        let color = theme::palette(ui).error;
        ui.label(RichText::new(problem).color(color));
        return;
    }
    pictures_ui(ui, scene, trial);
    score_ui(ui, scene, trial);
    ui.allocate_ui(vec2(ui.available_width(), PLOT_HEIGHT), |ui| {
        let threshold = scene.session.shown.threshold();
        plot_ui(ui, scene, (trial.score(), threshold));
    });
}

fn pictures_ui(ui: &mut Ui, scene: &mut Scene<'_>, trial: &Trial) {
    let attempts = trial.run.as_ref().map_or(&[][..], |run| run.attempts(0));
    let median = trial.run.as_ref().and_then(|run| {
        let medians = run.median_attempts(attempts);
        attempts.get(*medians.first()?)
    });
    let hole = theme::palette(ui).hole;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        for name in ["Tried original", "Tried masked", "Tried inpainted"] {
            let (rect, response) = ui.allocate_exact_size(Vec2::splat(RESULT), Sense::hover());
            response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, name));
            let palette = theme::palette(ui);
            picture::placeholder(ui.painter(), rect, palette.raised, palette.line);
            let Some(result) = median else { continue };
            let (shown, mask) = match name {
                "Tried masked" => (Some(&result.original), result.known_mask.as_ref()),
                "Tried inpainted" => (result.inpainted.as_ref(), None),
                _ => (Some(&result.original), None),
            };
            let Some(shown) = shown else { continue };
            let texture = match mask {
                Some(mask) => scene.textures.masked(ui.ctx(), shown, mask, hole),
                None => scene.textures.picture(ui.ctx(), shown),
            };
            paint(ui, rect, texture.id(), shown);
        }
    });
}

fn paint(ui: &Ui, rect: Rect, texture: egui::TextureId, shown: &Picture) {
    let size = vec2(shown.width as f32, shown.height as f32);
    let image = (texture, picture::WHOLE);
    picture::paint(ui.painter(), rect, image, size, size.max_elem() <= 64.0);
}

fn score_ui(ui: &mut Ui, scene: &Scene<'_>, trial: &Trial) {
    let palette = theme::palette(ui);
    let session = scene.session;
    let progress = trial.run.as_ref().map(|run| &run.progress);
    let done = trial.run.as_ref().map_or(0, |run| run.attempts(0).len());
    let all = progress.map_or(0, |progress| progress.num_attempts);
    ui.horizontal(|ui| {
        let (words, color): (String, Color32) = match trial.score() {
            None => ("–".to_owned(), palette.weak),
            Some(score) => (text::score(score), palette.text),
        };
        ui.label(
            RichText::new(words)
                .size(22.0)
                .strong()
                .monospace()
                .color(color),
        );
        note(
            ui,
            format!("after {done} of {}", text::counted(all, "attempt")),
        );
    });
    let line = trial
        .score()
        .and_then(|score| session.shown.num_in_domain_below(score))
        .map_or_else(
            || "Run the folders first to see where it stands among them".to_owned(),
            |(below, count)| {
                format!(
                    "At or above {} of {} in-domain images",
                    text::count(below),
                    text::count(count)
                )
            },
        );
    let (verdict, _) = verdict_words(session, trial.score());
    if trial.score().is_some() {
        ui.label(RichText::new(verdict).strong());
    }
    note(ui, line);
}
