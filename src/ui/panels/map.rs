//! All images as points, those that look alike near each other, above the gallery of those that were surrounded.

mod lasso;
mod points;

use egui::{Align2, ProgressBar, TextStyle, Ui, vec2};

use super::Scene;
use super::histogram::{LEGEND_HEIGHT, mark_and_words_width, words_width};
use crate::ood::Role;
use crate::state::{Action, UiCommand, glossary, text};
use crate::ui::theme;
use crate::ui::widgets::buttons::sized;
use crate::ui::widgets::layout::{TITLE, ends, note, title};
use crate::ui::widgets::mark;
use crate::ui::widgets::tip::Tip as _;

/// Share of the height that the map takes, the gallery has the rest.
const SHARE: f32 = 0.56;
/// Height of the map in points that it keeps in a low window.
const LEAST: f32 = 150.0;

/// Draw the panel.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let bottom = ui.max_rect().top() + SHARE * ui.max_rect().height();
    head_ui(ui, scene);
    legend_ui(ui, scene);
    let height = (bottom - ui.cursor().top()).max(LEAST);
    let size = vec2(ui.available_width(), height);
    if scene.session.shown.similar().is_some() {
        points::ui(ui, scene, size);
    } else {
        waiting_ui(ui, scene, size);
    }
    ui.separator();
    super::gallery::ui(ui, scene);
}

fn head_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    ui.horizontal(|ui| {
        ui.set_min_height(theme::ROW_HEIGHT);
        let left = |ui: &mut Ui, scene: &mut Scene<'_>| {
            title(ui, "Map", TITLE);
            note(ui, told(scene)).tip(|| glossary::MAP.text);
        };
        ends(ui, "map", scene, left, |ui, scene| {
            let has_image = scene.session.shown.similar().is_some();
            let duplicates = Action::Do(UiCommand::ShowDuplicates);
            let (pairs, _) = scene.session.shown.num_twins();
            sized(ui, scene.actions, duplicates, vec2(0.0, 0.0), pairs > 0);
            let like = Action::Do(UiCommand::MoreLikeThis);
            sized(ui, scene.actions, like, vec2(0.0, 0.0), has_image);
        });
    });
}

/// What there is to know of the map as a whole.
fn told(scene: &Scene<'_>) -> String {
    let shown = &scene.session.shown;
    let Some(similar) = shown.similar() else {
        return String::new();
    };
    if let Some((done, all)) = shown.comparing_images() {
        return format!("{} of {} more", text::count(done), text::count(all));
    }
    let [across, down] = similar.shares;
    format!("shows {:.0} % of the differences", 100.0 * (across + down))
}

fn legend_ui(ui: &mut Ui, scene: &Scene<'_>) {
    let shown = &scene.session.shown;
    ui.horizontal_wrapped(|ui| {
        ui.set_min_height(16.0);
        ui.spacing_mut().item_spacing.x = 5.0;
        for role in Role::ALL {
            let count = shown.num_on_map(role);
            if count > 0 || role != Role::Unknown {
                let words = format!("{} {}", role.label(), text::count(count));
                let size = vec2(mark_and_words_width(ui, &words), LEGEND_HEIGHT);
                let row = egui::Layout::left_to_right(egui::Align::Center);
                ui.allocate_ui_with_layout(size, row, |ui| {
                    mark::ui(ui, role);
                    note(ui, words);
                });
                ui.add_space(7.0);
            }
        }
        if shown.threshold().is_some() {
            phrase_ui(ui, "ringed: flagged");
            ui.add_space(7.0);
        }
        let (pairs, across) = shown.num_twins();
        if pairs > 0 {
            let words = format!("{} nearly the same", text::counted(pairs, "pair"));
            let words = match across {
                0 => words,
                across => format!("{words}, {} across roles", text::count(across)),
            };
            phrase_ui(ui, &words);
            ui.add_space(7.0);
        }
        if shown.similar().is_some() {
            phrase_ui(ui, "drag around points, click one").tip(|| {
                "Points that are surrounded are shown below, all others not; a click beside the points shows all again. A click \
                 on a point looks at its image"
            });
        }
    });
}

/// Words on one line with the roles' marks and names.
fn phrase_ui(ui: &mut Ui, words: &str) -> egui::Response {
    let size = vec2(words_width(ui, words), LEGEND_HEIGHT);
    let row = egui::Layout::left_to_right(egui::Align::Center);
    let inside = ui.allocate_ui_with_layout(size, row, |ui| note(ui, words));
    inside.inner
}

/// How far the comparison is, or why there is no map.
fn waiting_ui(ui: &mut Ui, scene: &mut Scene<'_>, size: egui::Vec2) {
    let (rect, _) = ui.allocate_exact_size(size, egui::Sense::hover());
    let palette = theme::palette(ui);
    crate::ui::widgets::picture::placeholder(ui.painter(), rect, palette.surface, palette.line);
    let shown = &scene.session.shown;
    let (words, button) = if let Some((done, all)) = shown.comparing_images() {
        let words = format!(
            "Looking at the images, {} of {}",
            text::count(done),
            text::count(all)
        );
        (words, Some(UiCommand::StopComparing))
    } else if let Some(reason) = shown.failed_comparison() {
        (text::sentences(reason), Some(UiCommand::ShowMap))
    } else if shown.is_comparison_stopped() {
        let words = "The images were not compared".to_owned();
        (words, Some(UiCommand::ShowMap))
    } else {
        ("The map appears with scored images".to_owned(), None)
    };
    let font = TextStyle::Small.resolve(ui.style());
    let at = rect.center() - vec2(0.0, 22.0);
    let galley = ui
        .painter()
        .layout(words, font, palette.weak, rect.width() - 40.0);
    let place = Align2::CENTER_BOTTOM.anchor_size(at, galley.size());
    let words = galley.text().to_owned();
    ui.painter().galley(place.min, galley, palette.weak);
    crate::ui::widgets::layout::stand_in(ui, "map words", place, &words);
    let row = egui::Rect::from_center_size(rect.center() + vec2(0.0, 4.0), vec2(220.0, 44.0));
    let builder = egui::UiBuilder::new()
        .max_rect(row)
        .layout(egui::Layout::top_down(egui::Align::Center));
    ui.scope_builder(builder, |ui| {
        if let Some((done, all)) = shown.comparing_images() {
            let share = done as f32 / all.max(1) as f32;
            ui.add(
                ProgressBar::new(share)
                    .desired_height(8.0)
                    .desired_width(200.0),
            );
        }
        if let Some(command) = button {
            sized(ui, scene.actions, Action::Do(command), vec2(0.0, 0.0), true);
        }
    });
}
