//! The bar at the bottom: run, pause, cancel, and how far things are.

use egui::{
    CornerRadius, Layout, Rect, RichText, Sense, TextStyle, Ui, WidgetInfo, WidgetText, vec2,
};

use super::Scene;
use crate::state::folders::short_name;
use crate::state::{Action, Phase, RunState, Session, UiCommand, recent, text};
use crate::ui::theme;
use crate::ui::widgets::buttons::{or_reason, primary, sized};
use crate::ui::widgets::layout::ends;
use crate::ui::widgets::prose::prose;
use crate::ui::widgets::tip::Tip as _;
use crate::worker::protocol::Progress;

/// Height of the buttons.
const BUTTON_HEIGHT: f32 = 36.0;
/// Below this width there is no room for numbers beside the buttons.
const NARROW: f32 = 640.0;
/// Height of the bar.
const BAR_HEIGHT: f32 = 8.0;
/// Height of a line of text.
const LINE_HEIGHT: f32 = 17.0;

/// Draw the panel.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let is_narrow = ui.available_width() < NARROW;
    ui.horizontal_centered(|ui| {
        let share = if is_narrow { 0.62 } else { 1.0 };
        buttons_ui(ui, scene, share);
        ui.add_space(8.0);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 4.0;
            ui.spacing_mut().interact_size.y = LINE_HEIGHT;
            ui.add_space(2.0);
            let lines = lines(scene.session);
            if !is_narrow {
                line_ui(ui, RichText::new(lines.left).monospace(), &lines.right);
            }
            bar_ui(ui, scene.session);
            let weak = theme::palette(ui).weak;
            let activity = prose(ui.style(), &lines.activity, &TextStyle::Small, weak);
            line_ui(ui, activity, "");
        });
    });
}

fn buttons_ui(ui: &mut Ui, scene: &mut Scene<'_>, share: f32) {
    let phase = scene.session.shown.run.as_ref().map(|run| &run.phase);
    let size = |width: f32| vec2(share * width, BUTTON_HEIGHT);
    let is_running = scene.session.is_running();
    let busy_with_fit = scene.session.busy_with_fit();
    if busy_with_fit.is_some() {
        let layout = Layout::centered_and_justified(ui.layout().main_dir());
        ui.allocate_ui_with_layout(size(104.0), layout, |ui| {
            or_reason(ui, scene.actions, Action::Do(UiCommand::Run), busy_with_fit);
        });
    } else if is_running {
        sized(
            ui,
            scene.actions,
            Action::Do(UiCommand::Run),
            size(104.0),
            false,
        );
    } else {
        primary(ui, scene.actions, Action::Do(UiCommand::Run), size(104.0));
    }
    let can_pause = matches!(phase, Some(Phase::Running | Phase::Paused));
    let session = scene.session;
    let can_go_on = session
        .shown
        .run
        .as_ref()
        .is_some_and(RunState::is_unfinished);
    let toggle = match phase {
        Some(Phase::Paused) => Action::Do(UiCommand::Resume),
        _ if can_go_on => Action::Do(UiCommand::GoOn),
        _ => Action::Do(UiCommand::Pause),
    };
    let is_free = !session.is_resuming() && !session.is_fitting();
    let can_toggle = can_pause || (can_go_on && is_free);
    sized(ui, scene.actions, toggle, size(84.0), can_toggle);
    sized(
        ui,
        scene.actions,
        Action::Do(UiCommand::Cancel),
        size(84.0),
        can_pause,
    );
}

struct Lines {
    left: String,
    right: String,
    activity: String,
}

fn lines(session: &Session) -> Lines {
    match &session.shown.run {
        Some(run) if run.phase.is_active() => running_lines(run),
        run => idle_lines(session, run.as_ref()),
    }
}

fn running_lines(run: &RunState) -> Lines {
    let progress = &run.progress;
    let secs_left = run
        .secs_left()
        .map_or_else(|| "…".to_owned(), text::duration);
    let skipped = match progress.images_skipped {
        0 => String::new(),
        count => format!(", {} skipped", text::count(count)),
    };
    let rate = match progress.network_calls {
        0 => String::new(),
        _ => format!("{:>6} calls/s", text::rate(progress.calls_per_second())),
    };
    Lines {
        left: format!("{}{skipped}", attempts_words(progress)),
        right: format!("{rate}  {secs_left:>12} left"),
        activity: match run.phase {
            Phase::Paused if run.kept.stuck.is_some() => {
                "Waiting: the last attempts could not be written".to_owned()
            }
            Phase::Paused => "Paused".to_owned(),
            Phase::Cancelling => "Ending after the call in hand…".to_owned(),
            _ => progress.activity.clone(),
        },
    }
}

/// How far a run is: all images get their first attempt before any gets its second.
fn attempts_words(progress: &Progress) -> String {
    let num_images = progress.num_images.max(1);
    let num_attempts = progress.num_attempts.div_ceil(num_images).max(1);
    let attempt = (progress.attempts_done / num_images + 1).min(num_attempts);
    let scored = progress.attempts_done - (attempt - 1) * num_images;
    // Padded, so that the line does not jitter while digits come and go.
    let pad = |done: usize, all: usize| {
        let all = text::count(all);
        format!("{:>width$} of {all}", text::count(done), width = all.len())
    };
    format!(
        "Attempt {}: {} images scored",
        pad(attempt, num_attempts),
        pad(scored, progress.num_images)
    )
}

fn idle_lines(session: &Session, run: Option<&RunState>) -> Lines {
    let settings = &session.settings.run;
    let num_images = session.planned().len();
    let missing = session.missing_for_run();
    let left = match (session.model_info(), num_images) {
        (Some(info), 1..) => {
            let detector = &settings.method.detector;
            let num_timesteps = info.num_train_timesteps;
            let calls = match detector.expected_calls(num_timesteps) {
                0 => String::new(),
                // Attempts differ.
                _ if detector.each().len() > 1 => {
                    let count = detector.total_calls(num_timesteps);
                    format!(", {} per image", text::counted(count, "call"))
                }
                count => format!(" of {}", text::counted(count, "call")),
            };
            format!(
                "{}{}, {}{calls}",
                // Above what came of another one.
                run.map_or("", |_| "Next run: "),
                text::counted(num_images, "image"),
                text::counted(detector.num_attempts(), "attempt"),
            )
        }
        _ => "Ready when a model and images are".to_owned(),
    };
    let right = session
        .estimated_secs()
        .filter(|_| missing.is_none())
        .map_or_else(String::new, |secs| {
            let size = session.expected_bytes().map_or_else(String::new, |bytes| {
                format!(" and {} on disk", recent::size(bytes))
            });
            format!("takes about {}{size}", text::rough_duration(secs))
        });
    let fit = session.fitting.run.as_ref();
    let activity = (session.resuming_words())
        .or_else(|| fit.map(|fit| format!("Fitting the detector. {}", fit.words())));
    let activity = activity.unwrap_or_else(|| idle_words(session, run, missing));
    Lines {
        left,
        right,
        activity,
    }
}

fn idle_words(session: &Session, run: Option<&RunState>, missing: Option<String>) -> String {
    if let Some((_, path)) = &session.keeping.opening {
        return format!("Reading {}", short_name(path));
    }
    run.map_or_else(
        || missing.unwrap_or_else(|| "Press Run to score the images".to_owned()),
        |run| outcome(session, run),
    )
}

fn outcome(session: &Session, run: &RunState) -> String {
    let progress = &run.progress;
    // A run that was cut off does not know its time.
    let time = if progress.network_secs > 0.0 {
        format!(" in {}", text::duration(progress.network_secs))
    } else {
        String::new()
    };
    let done = format!(
        "{} of {} attempts{time}",
        text::count(progress.attempts_done),
        text::count(progress.num_attempts),
    );
    let outcome = match &run.phase {
        Phase::Done | Phase::Cancelled if run.kept.opened.is_some() => {
            format!("From the run file, {done}")
        }
        Phase::Cancelled => format!("Ended early, {done}"),
        Phase::Failed(_) => format!("Stopped by an error, {done}"),
        _ => format!("Done, {done}"),
    };
    if session.is_run_outdated() {
        format!("{outcome}. Settings or images have changed since, run again to apply them")
    } else {
        outcome
    }
}

/// A line of text, and what stands at its end.
fn line_ui(ui: &mut Ui, left: impl Into<WidgetText>, right: &str) {
    ui.horizontal(|ui| {
        ui.set_min_height(LINE_HEIGHT);
        let left_ui = |ui: &mut Ui, (): &mut ()| {
            ui.add(egui::Label::new(left).truncate());
        };
        if right.is_empty() {
            left_ui(ui, &mut ());
        } else {
            ends(ui, "progress", &mut (), left_ui, |ui, ()| {
                ui.label(RichText::new(right).monospace());
            });
        }
    });
}

fn bar_ui(ui: &mut Ui, session: &Session) {
    let palette = theme::palette(ui);
    let size = vec2(ui.available_width(), BAR_HEIGHT);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let share = session.shown.run.as_ref().map_or(0.0, |run| {
        run.progress.attempts_done as f32 / run.progress.num_attempts.max(1) as f32
    });
    let radius = CornerRadius::same(4);
    ui.painter().rect_filled(rect, radius, palette.raised);
    if share > 0.0 {
        let width = (rect.width() * share.min(1.0)).max(BAR_HEIGHT);
        let filled = Rect::from_min_size(rect.min, vec2(width, BAR_HEIGHT));
        let is_live = session
            .shown
            .run
            .as_ref()
            .is_some_and(|run| run.phase == Phase::Running);
        let color = if is_live {
            palette.accent
        } else {
            theme::faded(palette.accent, 0.6)
        };
        ui.painter().rect_filled(filled, radius, color);
    }
    let name = format!("Progress, {}", text::percent(f64::from(share)));
    response.widget_info(|| WidgetInfo::labeled(egui::Role::ProgressIndicator, true, &name));
    response.tip(|| "How many of all attempts are done");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_says_which_attempt_and_how_many_images() {
        let said = |attempts_done| {
            attempts_words(&Progress {
                attempts_done,
                num_attempts: 4_000,
                num_images: 400,
                ..Progress::default()
            })
        };
        assert_eq!(said(0), "Attempt  1 of 10:   0 of 400 images scored");
        assert_eq!(said(138), "Attempt  1 of 10: 138 of 400 images scored");
        assert_eq!(said(400), "Attempt  2 of 10:   0 of 400 images scored");
        assert_eq!(said(4_000), "Attempt 10 of 10: 400 of 400 images scored");
    }
}
