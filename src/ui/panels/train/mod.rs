//! New models: the page with its form, and what is seen of the training.

mod curves;
mod form;
mod found;
mod run;

use egui::{Align, CentralPanel, Frame, Label, Layout, Margin, RichText, ScrollArea, Ui};

use super::Scene;
use crate::state::{Action, TrainingPhase, TrainingRun, UiCommand, text};
use crate::ui::theme::{self, MARGIN};
use crate::ui::widgets::buttons::action_button;
use crate::ui::widgets::layout::{HEADING, title};
use crate::ui::widgets::tip::Tip as _;

/// Room at the right that the scroll bar needs.
const SCROLL_BAR: f32 = 14.0;

/// The way to the page, in a row of the setup: how far the training is stands beside it.
pub fn entry_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    action_button(ui, scene.actions, Action::Do(UiCommand::ToggleTrain));
    if let Some(run) = &scene.session.training.run {
        let words = summary(run);
        let color = theme::palette(ui).weak;
        let short = RichText::new(&words).small().color(color);
        ui.add(Label::new(short).truncate()).tip(|| words);
    }
}

/// Draw the page in the place of setup, center and results.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let frame = Frame::new()
        .fill(theme::palette(ui).surface)
        .inner_margin(Margin::symmetric(MARGIN, 10));
    CentralPanel::default().frame(frame).show(ui, |ui| {
        ui.horizontal(|ui| {
            title(ui, "New model", HEADING);
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                action_button(ui, scene.actions, Action::Do(UiCommand::Close))
                    .on_hover_text("Back to the window, a training continues");
            });
        });
        ui.add_space(4.0);
        ScrollArea::vertical()
            .id_salt("train")
            .auto_shrink(false)
            .show(ui, |ui| {
                ui.set_max_width(ui.available_width() - SCROLL_BAR);
                if scene.session.training.run.is_some() {
                    run::ui(ui, scene);
                } else {
                    form::ui(ui, scene);
                }
            });
    });
}

/// Where a training is, in a few words.
fn summary(run: &TrainingRun) -> String {
    let share = run
        .share()
        .map_or_else(String::new, |share| format!("{:.0} %", 100.0 * share));
    match &run.phase {
        TrainingPhase::Reading => "Reading images…".to_owned(),
        TrainingPhase::Training if run.stuck.is_some() => "Training waits".to_owned(),
        TrainingPhase::Training if run.num_steps.is_none() => {
            "Training, the first steps are timed".to_owned()
        }
        TrainingPhase::Training => {
            let left = run.secs_left().map_or_else(String::new, |secs| {
                format!(", {} left", text::rough_duration(secs))
            });
            format!("Training {share}{left}")
        }
        TrainingPhase::Paused => format!("Training {share}, paused"),
        TrainingPhase::Ending => "Writing the model…".to_owned(),
        TrainingPhase::Made(_) => "The new model is ready".to_owned(),
        TrainingPhase::Failed(_) => "Training failed".to_owned(),
    }
}

/// A sentence in the color of what went wrong.
fn error_ui(ui: &mut Ui, message: &str) {
    let color = theme::palette(ui).error;
    ui.label(RichText::new(message).small().color(color));
}

/// A sentence in the color of what should be known.
fn warning_ui(ui: &mut Ui, message: &str) {
    let color = theme::palette(ui).warning;
    ui.label(
        RichText::new(text::capitalized(message))
            .small()
            .color(color),
    );
}
