//! The fit of a detector that needs one: on which images, how far it is, and what came of it.

use std::path::Path;

use egui::{Align, DragValue, Layout, ProgressBar, RichText, Ui};

use super::Scene;
use crate::detectors::fitted::Fitted;
use crate::runs::fit_file::fit_of;
use crate::state::fitting::FitRun;
use crate::state::folders::short_name;
use crate::state::glossary;
use crate::state::{Action, FitForm, UiCommand, text};
use crate::ui::theme;
use crate::ui::widgets::buttons::{action_button, or_reason};
use crate::ui::widgets::layout::{card, lines, lines_size, row};
use crate::ui::widgets::path_field::{PathRow, path_row};
use crate::ui::widgets::tip::Tip as _;
use crate::worker::protocol::Notice;

/// Lines for what the next fit takes, or why there can't be one.
const STATUS_LINES: usize = 2;
/// Warnings listed at most under the pointer.
const MOST_LISTED: usize = 20;

/// Draw it; nothing where the chosen detector needs no fit.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let session = scene.session;
    let chosen = &session.settings.run.method.detector;
    let fittings = chosen.fittings();
    if fittings.is_empty() {
        return;
    }
    let fitted = fit_of(&**chosen.to_fit());
    card(ui, |ui| {
        let is_one_of_several = chosen.each().len() > 1;
        for fitting in fittings {
            let words = fitting.fitted().map(Fitted::num_images).map_or_else(
                || "not fitted yet".to_owned(),
                |count| format!("fitted on {}", text::counted(count, "in-domain image")),
            );
            let words = if is_one_of_several {
                format!("{}: {words}", fitting.about().label)
            } else {
                text::capitalized(&words)
            };
            ui.label(RichText::new(words).strong());
        }
        ui.add_enabled_ui(!session.is_fitting(), |ui| form_ui(ui, scene));
        match &session.fitting.run {
            Some(run) => {
                action_button(ui, scene.actions, Action::Do(UiCommand::CancelFit));
                bar_ui(ui, run);
                outcome_ui(ui, scene);
            }
            None => idle_ui(ui, scene, fitted.is_some()),
        }
        if session.num_fits() > 0 {
            save_ui(ui, scene);
        }
    });
}

fn form_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let fitting = &scene.session.fitting;
    let FitForm { mut limit, seed } = fitting.form;
    let mut shown = fitting.choice.limit;
    let tooltip = glossary::FIT_ON.text;
    let unit = if shown == 1 { " image" } else { " images" };
    let response = row(ui, "Fit on", tooltip, |ui| {
        ui.add(
            DragValue::new(&mut shown)
                .min_size(theme::NUMBER_FIELD)
                .range(1..=fitting.choice.most.max(1))
                .clamp_existing_to_range(false)
                .suffix(unit)
                .speed(0.5),
        )
        // By itself it would be called by its unit.
        .accessible_name("Fit on")
    });
    if response.changed() {
        limit = Some(shown);
    }
    let mut new = FitForm { limit, seed };
    let tooltip = glossary::FIT_SEED.text;
    row(ui, "Fit seed", tooltip, |ui| {
        ui.add(
            DragValue::new(&mut new.seed)
                .min_size(theme::NUMBER_FIELD)
                .speed(0.1),
        )
    });
    if new != fitting.form {
        scene.actions.push(Action::SetFit(new));
    }
}

/// The button, what came of it the last time, and what it would do or why it can't.
fn idle_ui(ui: &mut Ui, scene: &mut Scene<'_>, is_fitted: bool) {
    let session = scene.session;
    let command = if is_fitted {
        UiCommand::FitAgain
    } else {
        UiCommand::FitDetector
    };
    let missing = session.missing_for_fit();
    or_reason(ui, scene.actions, Action::Do(command), missing.as_deref());
    outcome_ui(ui, scene);
    let palette = theme::palette(ui);
    let color = match session.fitting.choice.num_left {
        0 => palette.warning,
        _ => palette.weak,
    };
    let (words, color) = match missing {
        Some(reason) => (reason.into_owned(), palette.weak),
        None => (session.fit_choice_words(), color),
    };
    lines(ui, &words, color, STATUS_LINES);
}

/// Bar and words in the room of the lines that stand there otherwise: nothing below moves when a fit begins or ends.
fn bar_ui(ui: &mut Ui, run: &FitRun) {
    let palette = theme::palette(ui);
    let size = lines_size(ui, STATUS_LINES);
    ui.allocate_ui_with_layout(size, Layout::top_down(Align::Min), |ui| {
        ui.set_min_size(size);
        ui.spacing_mut().item_spacing.y = 3.0;
        // The trough: that of a field is white on white.
        ui.visuals_mut().extreme_bg_color = palette.raised;
        let bar = ProgressBar::new(run.share() as f32).desired_height(8.0);
        ui.add(bar.fill(palette.accent));
        lines(ui, &run.words(), palette.weak, 1);
    });
}

/// What came of the last fit, where it was not all as wished.
fn outcome_ui(ui: &mut Ui, scene: &Scene<'_>) {
    let session = scene.session;
    let palette = theme::palette(ui);
    if let Some(problem) = session.fit_problem() {
        ui.label(RichText::new(problem).small().color(palette.error));
    }
    let warnings = session.fit_warnings();
    if let Some(first) = warnings.first() {
        let more = match warnings.len() - 1 {
            0 => String::new(),
            count => format!(" (and {})", text::counted(count, "more warning")),
        };
        let all: Vec<String> = (warnings.iter().take(MOST_LISTED))
            .map(|notice| words(notice, |path| path.display().to_string()))
            .collect();
        let first = format!("{}{more}", words(first, short_name));
        ui.label(RichText::new(first).small().color(palette.warning))
            .tip(|| all.join("\n"));
    }
}

fn words(notice: &Notice, file: impl Fn(&Path) -> String) -> String {
    let message = text::capitalized(&notice.message);
    match &notice.path {
        Some(path) => format!("{message}: {}", file(path)),
        None => message,
    }
}

fn save_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let browse = Action::Do(UiCommand::BrowseSaveFit);
    let tooltip = browse.tooltip();
    let row = PathRow {
        name: "fit file",
        hint: "Path of a new file",
        tooltip: &tooltip,
        browse,
        keeps_text: false,
        apply: &Action::SaveFit,
    };
    path_row(ui, scene.actions, &mut scene.drafts.fit, &row);
}
