//! For an audience: one image in steps, what is hidden of it, what the model makes of it, where that differs, and what
//! that means, in words and large type.

mod plot;

use std::sync::Arc;

use egui::{
    Align, CentralPanel, Frame, Layout, Margin, RichText, Sense, Ui, Vec2, WidgetInfo, vec2,
};

pub use self::plot::plot_ui;
use crate::images::Picture;
use crate::ood::KnownMask;
use crate::runs::AttemptResult;
use crate::state::folders::short_name;
use crate::state::presenting::Step;
use crate::state::shown::scrub::ScrubPhase;
use crate::state::{Action, Overlay, Session, UiCommand, text};
use crate::ui::panels::{Scene, inspector};
use crate::ui::theme;
use crate::ui::widgets::layout::{ends, heavy};
use crate::ui::widgets::picture;

/// Body text in points, in a window of [`WINDOW`].
const LARGE: f32 = 18.0;
/// The verdict in points, in the same.
const HUGE: f32 = 34.0;
/// The window that sizes are given for: in others everything grows and shrinks with it, whatever the zoom is.
const WINDOW: Vec2 = vec2(1280.0, 720.0);
/// The pictures' share of the height.
const PICTURES: f32 = 0.5;
/// Types smaller than this can't be read.
const SMALLEST: f32 = 10.0;
/// Lines under a picture.
const LINES: f32 = 3.2;
/// Scores so close to the threshold, as a share of it, are only just on their side.
const NARROW: f64 = 0.05;

/// A size of type for the window at hand.
fn type_size(ui: &Ui, size: f32) -> f32 {
    let window = ui.ctx().content_rect().size();
    let scale = (window.x / WINDOW.x).min(window.y / WINDOW.y);
    (scale * size).max(SMALLEST)
}

/// Draw it in place of the whole window.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>, overlay: Overlay) {
    let palette = theme::palette(ui);
    let frame = Frame::new()
        .fill(palette.surface)
        .inner_margin(Margin::same(24));
    CentralPanel::default().frame(frame).show(ui, |ui| {
        header_ui(ui, scene, overlay);
        let attempts = scene.session.shown.attempts();
        let shown = scene.session.shown.attempt();
        let Some(result) = shown.and_then(|shown| attempts.get(shown)).map(Arc::clone) else {
            let words =
                RichText::new("There is no result of this image yet").size(type_size(ui, LARGE));
            ui.centered_and_justified(|ui| ui.label(words));
            return;
        };
        pictures_ui(ui, scene, &result);
        ui.add_space(8.0);
        if scene.session.looking.step == Step::Verdict {
            verdict_ui(ui, scene);
        } else {
            hint_ui(ui, scene.session);
        }
    });
}

fn header_ui(ui: &mut Ui, scene: &mut Scene<'_>, overlay: Overlay) {
    let session = scene.session;
    let image = session
        .shown
        .image()
        .and_then(|index| session.shown.gallery.images().get(index));
    let size = type_size(ui, LARGE);
    let steps = session.presented_steps();
    let (first, last) = (steps[0], steps[steps.len() - 1]);
    let step = session.looking.step;
    // What is left between the edge and the buttons: a long name is cut, and they stay.
    let name_ui = |ui: &mut Ui, _: &mut Scene<'_>| {
        if let Some(image) = image {
            let color = theme::palette(ui).role(image.role);
            ui.label(RichText::new(image.role.label()).size(size).color(color));
            let name = RichText::new(short_name(&image.file.path));
            let label = egui::Label::new(name.size(size).strong()).truncate();
            heavy(ui, label).on_hover_text(image.file.path.display().to_string());
        }
    };
    ui.horizontal(|ui| {
        ends(ui, "buttons", scene, name_ui, |ui, scene| {
            for (words, command, is_enabled) in [
                ("Previous image", UiCommand::PreviousImage, true),
                ("Next image", UiCommand::NextImage, true),
                ("Back", UiCommand::PreviousStep, step != first),
                ("Next", UiCommand::NextStep, step != last),
            ] {
                let action = Action::Do(command);
                let tooltip = match command {
                    UiCommand::NextImage => "Present the next image (Down)".to_owned(),
                    UiCommand::PreviousImage => "Present the image before (Up)".to_owned(),
                    _ => action.tooltip(),
                };
                let button = egui::Button::new(RichText::new(words).size(size));
                if ui
                    .add_enabled(is_enabled, button)
                    .on_hover_text(tooltip)
                    .clicked()
                {
                    scene.actions.push(action);
                }
            }
            let response = ui.button(RichText::new("Close").size(size));
            if response.on_hover_text("Back to the window (Esc)").clicked() {
                scene.actions.push(Action::Do(overlay.toggle()));
            }
        });
    });
    ui.add_space(8.0);
}

/// What one picture shows and says.
struct Card<'a> {
    title: &'static str,
    sentence: String,
    picture: Option<&'a Picture>,
    mask: Option<&'a Arc<KnownMask>>,
    differs_from: Option<&'a Picture>,
}

/// The picture of a step; the verdict has none.
fn card<'a>(session: &'a Session, result: &'a AttemptResult, step: Step) -> Option<Card<'a>> {
    let original = &result.original;
    let inpainted = result.inpainted.as_ref();
    let plain = |title, sentence: &str| Card {
        title,
        sentence: sentence.to_owned(),
        picture: Some(original),
        mask: None,
        differs_from: None,
    };
    Some(match step {
        Step::Original => plain("1  Original", "The image, as the model sees it."),
        Step::Hidden if result.known_mask.is_some() => Card {
            mask: result.known_mask.as_ref(),
            ..plain("2  Hidden", "The violet parts are hidden from the model.")
        },
        Step::Hidden => plain(
            "2  Covered",
            "Noise covers the image, until the model can't tell what it was.",
        ),
        Step::FilledIn => {
            let (live, sentence) = filled_in(session);
            Card {
                picture: live.or(inpainted),
                ..plain("3  Filled in", &sentence)
            }
        }
        Step::Difference => Card {
            picture: inpainted.map(|_| original),
            differs_from: inpainted,
            ..plain(
                "4  Difference",
                "It glows where both differ. The more, the less the image belongs.",
            )
        },
        Step::Verdict => return None,
    })
}

/// The step of the denoising that is played, if any, and what is said of it.
fn filled_in(session: &Session) -> (Option<&Picture>, String) {
    let model = "The model fills them in with what it learned from images that belong";
    match session.shown.scrub() {
        Some(scrub) => match &scrub.phase {
            ScrubPhase::Ready { .. } => {
                let (step, all) = (scrub.position + 1, scrub.num_steps());
                (scrub.picture(), format!("{model}: step {step} of {all}."))
            }
            ScrubPhase::Waiting => (None, format!("{model}: it begins…")),
            ScrubPhase::Failed(_) => (None, format!("{model}.")),
        },
        None => (None, format!("{model}.")),
    }
}

fn pictures_ui(ui: &mut Ui, scene: &mut Scene<'_>, result: &AttemptResult) {
    let session = scene.session;
    if let Some(scrub) = session.shown.scrub() {
        inspector::play(ui, scene, scrub);
    }
    let steps = session.presented_steps();
    let cards: Vec<Card<'_>> = (steps.iter().filter(|step| **step <= session.looking.step))
        .filter_map(|step| card(session, result, *step))
        .collect();
    let count = cards.len() as f32;
    let gap = 20.0;
    let large = type_size(ui, LARGE);
    let small = type_size(ui, LARGE - 2.0);
    let words_height = large + 12.0 + LINES * small;
    let width = (ui.available_width() - (count - 1.0) * gap) / count;
    let height = if session.looking.step == Step::Verdict {
        // The pictures come first; words and plot share what is left.
        PICTURES * ui.available_height()
    } else {
        // All but the line below them.
        ui.available_height() - words_height - 2.0 * large
    };
    let side = width.min(height).floor();
    let indent = 0.5 * (ui.available_width() - count * side - (count - 1.0) * gap).max(0.0);
    let place = vec2(ui.available_width(), side + words_height);
    ui.allocate_ui_with_layout(place, Layout::left_to_right(Align::Min), |ui| {
        ui.set_min_size(place);
        ui.add_space(indent);
        ui.spacing_mut().item_spacing.x = gap;
        for card in &cards {
            ui.allocate_ui(vec2(side, side + words_height), |ui| {
                ui.vertical(|ui| {
                    ui.set_width(side);
                    ui.label(RichText::new(card.title).size(large).strong());
                    picture_ui(ui, scene, card, side);
                    ui.label(RichText::new(&card.sentence).size(small));
                });
            });
        }
    });
}

fn picture_ui(ui: &mut Ui, scene: &mut Scene<'_>, card: &Card<'_>, side: f32) {
    let palette = theme::palette(ui);
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(side), Sense::hover());
    picture::placeholder(ui.painter(), rect, palette.raised, palette.line);
    if let Some(shown) = card.picture {
        let look = scene.session.settings.look;
        let run = scene.session.shown.run.as_ref();
        let top = run.and_then(|run| run.differences.top());
        let texture = match (card.mask, card.differs_from) {
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
    let name = format!("{} picture", card.title);
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, &name));
}

/// How far the presentation is, and how it goes on.
fn hint_ui(ui: &mut Ui, session: &Session) {
    let steps = session.presented_steps();
    let position = steps.iter().position(|step| *step == session.looking.step);
    let words = format!(
        "Step {} of {}. The right arrow key shows the next one, the down arrow key the next image",
        position.unwrap_or_default() + 1,
        steps.len()
    );
    let size = type_size(ui, LARGE - 4.0);
    let weak = theme::palette(ui).weak;
    ui.label(RichText::new(words).size(size).color(weak));
}

/// The verdict and its reason, in words for people who know nothing of scores.
pub fn verdict_words(session: &Session, score: Option<f64>) -> (&'static str, String) {
    let Some(score) = score else {
        return ("No score yet", String::new());
    };
    let reason =
        session
            .shown
            .num_in_domain_below(score)
            .map_or_else(String::new, |(below, count)| {
                format!(
                    "It differs more than {} of the {} images that belong.",
                    text::count(below),
                    text::count(count)
                )
            });
    let Some(threshold) = session.shown.threshold() else {
        return ("No threshold yet", reason);
    };
    let is_narrow = (score - threshold).abs() < NARROW * threshold.abs();
    let verdict = match (score > threshold, is_narrow) {
        (true, false) => "Does not belong",
        (true, true) => "Does not belong, narrowly",
        (false, false) => "Belongs",
        (false, true) => "Belongs, narrowly",
    };
    (verdict, reason)
}

fn verdict_ui(ui: &mut Ui, scene: &Scene<'_>) {
    let palette = theme::palette(ui);
    let session = scene.session;
    let score = session.shown.score();
    let threshold = session.shown.threshold();
    let (verdict, reason) = verdict_words(session, score);
    let color = match (score, threshold) {
        (Some(score), Some(threshold)) if score > threshold => palette.out_of_domain,
        (Some(_), Some(_)) => palette.in_domain,
        _ => palette.weak,
    };
    let (large, huge) = (type_size(ui, LARGE), type_size(ui, HUGE));
    ui.horizontal_top(|ui| {
        let left = vec2(
            (18.0 * large).min(0.35 * ui.available_width()),
            ui.available_height(),
        );
        ui.allocate_ui(left, |ui| {
            ui.vertical(|ui| {
                ui.set_width(left.x);
                let verdict = RichText::new(verdict).size(huge);
                ui.label(verdict.strong().color(color));
                ui.label(RichText::new(reason).size(large));
                let basis = format!(
                    "The middle of {}",
                    text::counted(session.shown.num_measured(), "attempt")
                );
                ui.label(RichText::new(basis).size(0.8 * large).color(palette.weak));
            });
        });
        plot_ui(ui, scene, (score, threshold));
    });
}
