//! The detectors to compare, with what each costs and where it stands.

use egui::{Checkbox, DragValue, Grid, RichText, TextStyle, Ui, Vec2, vec2};

use crate::engine::ranking::Candidate;
use crate::state::fitting::FitRun;
use crate::state::ranking::{RankingForm, Standing};
use crate::state::{Action, Session, UiCommand, text};
use crate::ui::panels::Scene;
use crate::ui::theme;
use crate::ui::widgets::buttons::{action_button, or_reason, primary};
use crate::ui::widgets::layout::{note, right_cell};
use crate::ui::widgets::tip::Tip as _;

/// Widths in points of the columns for calls, and for time or standing.
const CALLS_WIDTH: f32 = 56.0;
const STANDING_WIDTH: f32 = 110.0;

/// Draw them.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let session = scene.session;
    note(
        ui,
        "Each scores the images of the setup, the cheap ones first. Those that need a fit get one on a part of the in-domain \
         images, which then has no part in their scores.",
    );
    ui.add_space(4.0);
    let is_active = session.ranking.is_active();
    let mut form = session.ranking.form.clone();
    let columns = Grid::new("contenders").num_columns(3).spacing([8.0, 3.0]);
    columns.striped(true).show(ui, |ui| {
        heads_ui(ui);
        for candidate in session.candidates() {
            row_ui(ui, session, &candidate, &mut form);
            ui.end_row();
        }
    });
    ui.add_space(6.0);
    ui.add_enabled_ui(!is_active, |ui| time_ui(ui, &mut form));
    ui.add_space(6.0);
    if form != session.ranking.form {
        scene.actions.push(Action::SetRanking(form));
    }
    if is_active {
        action_button(ui, scene.actions, Action::Do(UiCommand::StopComparison));
        return;
    }
    let missing = session.missing_for_ranking();
    let start = Action::Do(UiCommand::CompareDetectors);
    match missing {
        None => {
            primary(ui, scene.actions, start, vec2(0.0, 0.0));
        }
        Some(missing) => {
            or_reason(ui, scene.actions, start, Some(&missing));
            note(ui, missing);
        }
    }
}

fn time_ui(ui: &mut Ui, form: &mut RankingForm) {
    ui.horizontal(|ui| {
        let label = ui.label("Within");
        let number = DragValue::new(&mut form.most_minutes)
            .min_size(theme::NUMBER_FIELD)
            .range(1..=100_000)
            .suffix(" min")
            .speed(0.2);
        ui.add(number)
            .labelled_by(label.id)
            .accessible_name("Within")
            .tip(|| {
                "Detectors that would take longer, all together, are left out, the dear ones first"
            });
    });
}

fn heads_ui(ui: &mut Ui) {
    let weak = theme::palette(ui).weak;
    let head = |words: &str| RichText::new(words).small().color(weak);
    ui.label(head("Detector"));
    let height = ui.text_style_height(&TextStyle::Small);
    right_cell(ui, vec2(CALLS_WIDTH, height), head("Calls")).tip(|| "Network calls per image");
    right_cell(ui, vec2(STANDING_WIDTH, height), head("Time"));
    ui.end_row();
}

fn row_ui(ui: &mut Ui, session: &Session, candidate: &Candidate, form: &mut RankingForm) {
    let about = candidate.detector.about();
    let mut is_chosen = !form.left_out.contains(&candidate.name);
    let is_free = !session.ranking.is_active();
    let choice = Checkbox::new(&mut is_chosen, candidate.label.as_str());
    let response = ui.add_enabled(is_free, choice).tip_always(|| about.help);
    if response.changed() {
        if is_chosen {
            form.left_out.remove(&candidate.name);
        } else {
            form.left_out.insert(candidate.name.clone());
        }
    }
    let num_timesteps = session
        .model_info()
        .map_or(1000, |info| info.num_train_timesteps);
    let calls = text::count(candidate.calls(num_timesteps).round() as usize);
    let height = ui.spacing().interact_size.y;
    let number = RichText::new(calls).monospace();
    right_cell(ui, vec2(CALLS_WIDTH, height), number);
    standing_ui(ui, session, candidate, vec2(STANDING_WIDTH, height));
}

/// How long it takes, or how far it is.
fn standing_ui(ui: &mut Ui, session: &Session, candidate: &Candidate, size: Vec2) {
    let palette = theme::palette(ui);
    let mut contenders = session.ranking.contenders.iter();
    let standing = contenders
        .find(|contender| contender.candidate.name == candidate.name)
        .map(|contender| &contender.standing);
    let (words, color) = match standing {
        Some(Standing::Waiting) => ("waits".to_owned(), palette.weak),
        Some(Standing::Chosen) => ("begins…".to_owned(), palette.accent),
        Some(Standing::Fitting) => {
            let share = session.fitting.run.as_ref().map_or(0.0, FitRun::share);
            (format!("fits, {:.0} %", 100.0 * share), palette.accent)
        }
        Some(Standing::Scoring(_)) => (scoring(session), palette.accent),
        Some(Standing::Finished(_)) => ("done".to_owned(), palette.text),
        Some(Standing::NotRun(_)) => ("not run".to_owned(), palette.warning),
        None => {
            let secs = session.candidate_secs(candidate);
            let words = secs.map_or_else(|| "–".to_owned(), text::rough_duration);
            (words, palette.weak)
        }
    };
    let response = right_cell(ui, size, RichText::new(words).color(color));
    if let Some(Standing::NotRun(reason)) = standing {
        response.tip_always(|| reason.as_str());
    }
}

fn scoring(session: &Session) -> String {
    let progress = session.shown.run.as_ref().map(|run| &run.progress);
    let share = progress.map_or(0.0, |progress| {
        progress.attempts_done as f64 / progress.num_attempts.max(1) as f64
    });
    format!("scores, {:.0} %", 100.0 * share)
}
