//! The row to watch an attempt as it denoises.

use egui::{Align, Button, Layout, Slider, Ui, vec2};

use crate::state::shown::scrub::{Scrub, ScrubPhase};
use crate::state::{Action, LookAction, Overlay, UiCommand};
use crate::ui::panels::Scene;
use crate::ui::theme::ROW_HEIGHT;
use crate::ui::widgets::buttons::{action_button, or_reason};
use crate::ui::widgets::layout::note;
use crate::ui::widgets::tip::Tip as _;

/// Seconds that each step stays while they are played.
const STEP_SECS: f64 = 0.12;

/// Draw the row; its height stays the same.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let size = vec2(ui.available_width(), ROW_HEIGHT);
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        ui.set_min_size(size);
        match scene.session.shown.scrub() {
            Some(scrub) => {
                let back = Action::Do(UiCommand::BackToResult);
                action_button(ui, scene.actions, back);
                scrub_ui(ui, scene, scrub);
            }
            None => start_ui(ui, scene),
        }
    });
}

fn start_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let missing = scene.session.missing_for_scrub();
    let start = Action::Do(UiCommand::StartScrub);
    or_reason(ui, scene.actions, start, missing.as_deref());
    for overlay in [Overlay::Try, Overlay::Explain, Overlay::Presentation] {
        let open = Action::Do(overlay.toggle());
        action_button(ui, scene.actions, open);
    }
}

fn scrub_ui(ui: &mut Ui, scene: &mut Scene<'_>, scrub: &Scrub) {
    match &scrub.phase {
        ScrubPhase::Waiting => {
            ui.spinner();
            note(ui, "Making the attempt again, step by step…");
        }
        ScrubPhase::Failed(message) => {
            note(ui, format!("It could not be made again: {message}"));
        }
        ScrubPhase::Ready { is_exact, .. } => {
            play_ui(ui, scene, scrub);
            position_ui(ui, scene, scrub);
            note(
                ui,
                match (is_exact, scrub.is_from_file) {
                    (true, _) => "The last step is the run's result, bit for bit",
                    (false, true) => {
                        "From the original in the run file, rounded to 8 bits: near the run's result"
                    }
                    (false, false) => "Not the run's result: the model was changed since",
                },
            );
        }
    }
}

fn play_ui(ui: &mut Ui, scene: &mut Scene<'_>, scrub: &Scrub) {
    let (words, name) = if scrub.is_playing {
        ("Pause", "Pause playing")
    } else {
        ("Play", "Play")
    };
    let button = Button::new(words).min_size(vec2(48.0, ROW_HEIGHT));
    let response = ui
        .add(button)
        .tip(|| "Play the steps from noise to picture")
        .accessible_name(name);
    if response.clicked() {
        let play = LookAction::PlayScrub(!scrub.is_playing);
        scene.actions.push(Action::Look(play));
    }
    play(ui, scene, scrub);
}

/// Ask for the next step once its time has come, while the steps are played.
pub fn play(ui: &Ui, scene: &mut Scene<'_>, scrub: &Scrub) {
    if !scrub.is_playing || scrub.num_steps() == 0 {
        return;
    }
    let now = ui.input(|input| input.time);
    let due_in = scene.drafts.scrubbed_at_secs + STEP_SECS - now;
    if due_in <= 0.0 {
        scene.drafts.scrubbed_at_secs = now;
        let next = LookAction::ScrubTo(scrub.position + 1);
        scene.actions.push(Action::Look(next));
    }
    let wait = std::time::Duration::from_secs_f64(due_in.clamp(0.01, STEP_SECS));
    ui.ctx().request_repaint_after(wait);
}

fn position_ui(ui: &mut Ui, scene: &mut Scene<'_>, scrub: &Scrub) {
    let num_steps = scrub.num_steps().max(1);
    let mut step = scrub.position + 1;
    ui.spacing_mut().slider_width = 150.0;
    let slider = Slider::new(&mut step, 1..=num_steps)
        .custom_formatter(move |step, _| format!("step {step:.0} of {num_steps}"));
    let response = ui
        .add(slider)
        .tip(|| "The step of the denoising that is shown in place of the result")
        .accessible_name("Denoising step");
    if response.changed() {
        let actions = [LookAction::PlayScrub(false), LookAction::ScrubTo(step - 1)];
        scene.actions.extend(actions.map(Action::Look));
    }
}
