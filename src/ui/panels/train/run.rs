//! A training: how far it is, what can be done with it, its curves and what its model makes of images.

use egui::{Align, Layout, ProgressBar, Rect, RichText, Sense, Ui, Vec2, WidgetInfo, vec2};

use super::{curves, error_ui, summary, warning_ui};
use crate::engine::training::Look;
use crate::images::Picture;
use crate::state::{Action, TrainingPhase, TrainingRun, UiCommand, text};
use crate::ui::panels::Scene;
use crate::ui::theme;
use crate::ui::widgets::buttons::{action_button, primary};
use crate::ui::widgets::layout::{card, note, section};
use crate::ui::widgets::picture;

/// Height of the buttons.
const BUTTON: Vec2 = vec2(130.0, 32.0);
/// Side of a picture in points: two device pixels for each of 32.
const PICTURE: f32 = 68.0;
/// Samples in a row, where there is room.
const MOST_COLUMNS: usize = 8;
/// Gap between pictures in points.
const GAP: f32 = 6.0;
/// Files listed at most.
const MOST_LISTED: usize = 20;

/// Draw it.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let session = scene.session;
    let Some(run) = &session.training.run else {
        return;
    };
    card(ui, |ui| {
        head_ui(ui, run);
        ui.add_space(4.0);
        buttons_ui(ui, scene, run);
        sentences_ui(ui, run);
    });
    ui.add_space(10.0);
    curves::ui(ui, run);
    match &run.look {
        Some(look) => look_ui(ui, scene, look),
        None => {
            note(
                ui,
                "What the model makes of images appears here within a minute or two, then every few minutes",
            );
        }
    }
}

fn head_ui(ui: &mut Ui, run: &TrainingRun) {
    ui.horizontal(|ui| {
        ui.label(RichText::new(summary(run)).strong().size(16.0));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            note(ui, counts(run));
        });
    });
    let share = match run.phase {
        TrainingPhase::Made(_) => 1.0,
        _ => run.share().unwrap_or(0.0),
    };
    let palette = theme::palette(ui);
    ui.scope(|ui| {
        // The trough: that of a field is white on white.
        ui.visuals_mut().extreme_bg_color = palette.raised;
        let bar = ProgressBar::new(share).desired_height(8.0);
        ui.add(bar.fill(palette.accent));
    });
    if let Some(facts) = &run.facts {
        note(
            ui,
            format!(
                "{} at {side} × {side}, {}: {} are learnt, {} watched, {} left alone for a threshold; {} parameters; {}",
                text::counted(facts.num_images, "image"),
                if facts.geometry.channels == 1 {
                    "gray"
                } else {
                    "color"
                },
                text::count(facts.num_seen),
                text::count(facts.num_watched),
                text::count(facts.num_calibration()),
                text::magnitude(facts.num_parameters as f64),
                run.output.display(),
                side = facts.geometry.side,
            ),
        );
    }
}

/// Steps, loss and speed.
fn counts(run: &TrainingRun) -> String {
    if run.step == 0 {
        return match run.phase {
            TrainingPhase::Reading => format!("{} read", text::counted(run.num_read, "image")),
            _ => String::new(),
        };
    }
    let of = run.num_steps.map_or_else(String::new, |num_steps| {
        format!(" of {}", text::count(num_steps))
    });
    format!(
        "Step {}{of}, {:.2} s a step, {} so far",
        text::count(run.step),
        run.secs / run.step as f64,
        text::duration(run.secs)
    )
}

fn buttons_ui(ui: &mut Ui, scene: &mut Scene<'_>, run: &TrainingRun) {
    ui.horizontal(|ui| {
        // Nothing moves where there is no button.
        ui.set_min_height(BUTTON.y);
        let commands: &[UiCommand] = match &run.phase {
            TrainingPhase::Reading => &[UiCommand::StopTraining],
            TrainingPhase::Training => &[UiCommand::PauseTraining, UiCommand::StopTraining],
            TrainingPhase::Paused => &[UiCommand::ResumeTraining, UiCommand::StopTraining],
            TrainingPhase::Ending => &[],
            TrainingPhase::Made(_) => &[UiCommand::UseTrained, UiCommand::TrainAnother],
            TrainingPhase::Failed(_) => &[UiCommand::ContinueTraining, UiCommand::TrainAnother],
        };
        for &command in commands {
            let is_next = command == UiCommand::UseTrained
                || (command == UiCommand::StopTraining && run.is_stop_offered);
            if is_next {
                primary(ui, scene.actions, Action::Do(command), BUTTON);
            } else {
                action_button(ui, scene.actions, Action::Do(command));
            }
        }
    });
}

/// What should be known of the training.
fn sentences_ui(ui: &mut Ui, run: &TrainingRun) {
    if let TrainingPhase::Failed(message) = &run.phase {
        error_ui(ui, message);
    }
    if let Some(sentence) = &run.stuck {
        error_ui(
            ui,
            &format!(
                "Waiting: {sentence}. The training continues by itself once it can be written"
            ),
        );
    }
    if run.is_stop_offered && run.phase.is_active() {
        warning_ui(
            ui,
            "neither the loss nor the distance of the held-out images got better over the last fifth of the training: stop \
             and keep it, more steps will hardly help",
        );
    }
    if run.num_skipped > 0 {
        let steps = text::counted(run.num_skipped, "step");
        warning_ui(
            ui,
            &format!("{steps} left out, the gradient was no number there"),
        );
    }
    let Some(facts) = &run.facts else {
        return;
    };
    for sentence in &facts.notes {
        warning_ui(ui, sentence);
    }
    if let Some((_, reason)) = facts.skipped.first() {
        let files = text::counted(facts.skipped.len(), "file");
        let listed: Vec<String> = (facts.skipped.iter().take(MOST_LISTED))
            .map(|(path, reason)| format!("{} – {reason}", path.display()))
            .collect();
        let color = theme::palette(ui).warning;
        ui.label(
            RichText::new(format!("{files} left out: {reason}"))
                .small()
                .color(color),
        )
        .on_hover_text(listed.join("\n"));
    }
}

fn look_ui(ui: &mut Ui, scene: &mut Scene<'_>, look: &Look) {
    /// Between samples and held-out images.
    const BETWEEN: f32 = 18.0;
    let width = |columns: usize| columns as f32 * (PICTURE + GAP);
    let is_roomy = ui.available_width() >= 2.0 * width(MOST_COLUMNS) + BETWEEN;
    let columns = if is_roomy {
        MOST_COLUMNS
    } else {
        MOST_COLUMNS / 2
    };
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing = Vec2::splat(GAP);
        ui.vertical(|ui| {
            ui.set_width(width(columns));
            section(ui, "Images out of noise", |ui| {
                samples_ui(ui, scene, look, columns);
            });
        });
        ui.add_space(BETWEEN);
        ui.vertical(|ui| {
            section(ui, "Held-out images", |ui| inpainted_ui(ui, scene, look));
        });
    });
}

fn samples_ui(ui: &mut Ui, scene: &mut Scene<'_>, look: &Look, columns: usize) {
    for (row, pictures) in look.samples.chunks(columns).enumerate() {
        ui.horizontal(|ui| {
            for (column, sample) in pictures.iter().enumerate() {
                let name = format!("Sample {}", columns * row + column + 1);
                let texture = scene.textures.picture(ui.ctx(), sample);
                let tooltip = "An image that the model made of noise alone";
                picture_ui(ui, &name, (texture.id(), sample), tooltip);
            }
        });
    }
}

/// Each image in a column: as it is, as the model was shown it, and as it painted it.
fn inpainted_ui(ui: &mut Ui, scene: &mut Scene<'_>, look: &Look) {
    if look.inpainted.is_empty() {
        note(ui, "There are too few images to hold any out");
        return;
    }
    let hole = theme::palette(ui).hole;
    for (row, name) in ["Original", "Masked", "Inpainted"].into_iter().enumerate() {
        ui.horizontal(|ui| {
            for (index, image) in look.inpainted.iter().enumerate() {
                let (shown, mask) = match row {
                    0 => (&image.original, None),
                    1 => (&image.original, Some(&image.known_mask)),
                    _ => (&image.inpainted, None),
                };
                let texture = match mask {
                    Some(mask) => scene.textures.masked(ui.ctx(), shown, mask, hole),
                    None => scene.textures.picture(ui.ctx(), shown),
                };
                let name = format!("{name} {}", index + 1);
                let tooltip = format!("{name}, distance {}", text::score(image.distance));
                picture_ui(ui, &name, (texture.id(), shown), &tooltip);
            }
        });
    }
    note(
        ui,
        "No step has seen these. Top: as they are. Middle: what the model was shown. Bottom: what it painted",
    );
}

fn picture_ui(
    ui: &mut Ui,
    name: &str,
    (texture, shown): (egui::TextureId, &Picture),
    tooltip: &str,
) {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(PICTURE), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, name));
    let size = vec2(shown.width as f32, shown.height as f32);
    let square: Rect = rect;
    let is_pixelated = size.max_elem() <= 64.0;
    picture::paint(
        ui.painter(),
        square,
        (texture, picture::WHOLE),
        size,
        is_pixelated,
    );
    response.on_hover_text(tooltip);
}
