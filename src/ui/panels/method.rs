//! How images are lifted off the data, mapped back and scored.

use egui::{DragValue, Ui};

use super::Scene;
use crate::detectors::lmd::{Lift, Lmd};
use crate::detectors::{DetectorSpec, measures};
use crate::diffusion::{SamplerKind, SamplerSettings};
use crate::ood::{Aggregate, MeasureId};
use crate::runs::settings::View;
use crate::state::glossary;
use crate::state::{Action, UiCommand, text};
use crate::ui::theme;
use crate::ui::widgets::combo::combo;
use crate::ui::widgets::layout::{note, row, section, sized_cell};
use crate::ui::widgets::tip::Tip as _;

/// Start timestep that the paper uses of 1000.
const DEFAULT_START: usize = 500;

/// Draw the sections.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let num_timesteps = scene
        .session
        .model_info()
        .map_or(1000, |info| info.num_train_timesteps.max(1));
    section(ui, "Reconstruction", |ui| {
        let measure = scene.session.settings.run.view.measure;
        scene.edit_lmd(|settings, _| {
            lift_ui(ui, settings, num_timesteps);
            attempts_ui(ui, settings);
            sampler_ui(ui, settings, num_timesteps);
            super::calls::ui(ui, settings, measure, num_timesteps);
        });
        super::weights::ui(ui, scene);
    });
}

/// Draw the choices that look at the same attempts in another way: they take effect at once.
pub fn view_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let choices = scene.session.measures_to_choose();
    let num_attempts = scene.session.settings.run.method.detector.num_attempts();
    if choices.len() < 2 && num_attempts < 2 {
        return; // There is nothing to choose.
    }
    let is_lmd = scene.session.settings.run.method.detector.lmd().is_some();
    // Only LMD measures by distances from files.
    let from_file = is_lmd.then_some(None);
    let choices: Vec<_> = (choices.into_iter().map(Some)).chain(from_file).collect();
    let mut is_from_file = false;
    scene.edit_run(|settings, _| {
        is_from_file = score_ui(ui, &mut settings.view, &choices, is_lmd);
    });
    if is_from_file {
        let browse = Action::Do(UiCommand::BrowseWeights);
        scene.actions.push(browse);
    }
    ui.add_space(theme::SECTION_GAP - 4.0);
}

fn lift_ui(ui: &mut Ui, settings: &mut Lmd, num_timesteps: usize) {
    let start = match settings.lift {
        Lift::Inpaint => DEFAULT_START.min(num_timesteps - 1),
        Lift::Denoise { start_timestep } => start_timestep,
    };
    let lifts = [
        Lift::Inpaint,
        Lift::Denoise {
            start_timestep: start,
        },
    ];
    let tooltip = glossary::METHOD.text;
    row(ui, "Method", tooltip, |ui| {
        combo(ui, "lift", &mut settings.lift, &lifts, |lift| {
            match lift {
                Lift::Inpaint => "Inpaint",
                Lift::Denoise { .. } => "Denoise",
            }
            .to_owned()
        })
    });
    if let Lift::Denoise { start_timestep } = &mut settings.lift {
        let tooltip = glossary::START_STEP.text;
        row(ui, "Start step", tooltip, |ui| {
            ui.add(
                DragValue::new(start_timestep)
                    .min_size(theme::NUMBER_FIELD)
                    .range(0..=num_timesteps - 1),
            )
        });
    }
}

fn attempts_ui(ui: &mut Ui, settings: &mut Lmd) {
    let tooltip = glossary::ATTEMPTS.text;
    row(ui, "Attempts", tooltip, |ui| {
        ui.add(
            DragValue::new(&mut settings.num_attempts)
                .min_size(theme::NUMBER_FIELD)
                .range(1..=1000)
                .speed(0.1),
        )
    });
}

fn sampler_ui(ui: &mut Ui, settings: &mut Lmd, num_timesteps: usize) {
    let sampler = &mut settings.sampler;
    let kinds: Vec<_> = SamplerKind::all().collect();
    let tooltip = glossary::SAMPLER.text;
    let response = row(ui, "Sampler", tooltip, |ui| {
        combo(ui, "sampler", &mut sampler.kind, &kinds, |kind| {
            kind.def().label.to_owned()
        })
    });
    if response.changed() {
        // 25 steps suit DDIM and all of them suit DDPM: the number goes with the sampler.
        sampler.num_steps = None;
    }
    let mut num_steps = sampler.num_steps(num_timesteps);
    let tooltip = glossary::STEPS.text;
    let response = row(ui, "Steps", tooltip, |ui| {
        ui.add(
            DragValue::new(&mut num_steps)
                .min_size(theme::NUMBER_FIELD)
                .range(1..=num_timesteps)
                .speed(0.2),
        )
    });
    if response.changed() {
        sampler.num_steps = Some(num_steps);
    }
    if sampler.kind.def().resamples() {
        resampling_ui(ui, sampler, num_steps);
        return;
    }
    let tooltip = glossary::ETA.text;
    ui.add_enabled_ui(sampler.kind.def().uses_eta, |ui| {
        row(ui, "Eta", tooltip, |ui| {
            ui.add(
                DragValue::new(&mut sampler.eta)
                    .min_size(theme::NUMBER_FIELD)
                    .range(0.0..=1.0)
                    .speed(0.01)
                    .fixed_decimals(2),
            )
        });
    });
}

/// How far and how often to go back, and what that costs.
fn resampling_ui(ui: &mut Ui, sampler: &mut SamplerSettings, num_steps: usize) {
    let jumps = &mut sampler.resampling;
    let numbers = [
        (
            "Jump length",
            "Steps of a stretch that is taken several times, with noise added again in between",
            &mut jumps.jump_length,
            num_steps.saturating_sub(1).max(1),
        ),
        (
            "Jump count",
            "How many times each stretch is taken. More fit what is inpainted to what is known, and take longer",
            &mut jumps.jump_count,
            100,
        ),
    ];
    for (name, tooltip, number, most) in numbers {
        row(ui, name, tooltip, |ui| {
            ui.add(
                DragValue::new(number)
                    .min_size(theme::NUMBER_FIELD)
                    .range(1..=most)
                    .speed(0.1),
            )
        });
    }
    let calls = text::counted(sampler.num_calls(num_steps), "network call");
    note(ui, format!("{calls} per attempt"));
}

/// What a measure is, and when another one takes effect.
fn help(is_lmd: bool, measure: MeasureId) -> &'static str {
    const DISTANCES: &str = "How the difference between original and reconstruction is measured. LPIPS compares like people \
                             do, SSIM structure, MSE pixel by pixel. Those three are always computed, so switching takes \
                             effect at once, and distances from files are from the next run on";
    let is_distance = DetectorSpec::default()
        .choices(usize::MAX)
        .contains(&measure);
    match measures::find(measure) {
        Some(found) if !(is_lmd && is_distance) => found.help,
        _ => DISTANCES,
    }
}

/// Says whether a distance from a file was asked for, which is the choice `None`.
fn score_ui(ui: &mut Ui, view: &mut View, choices: &[Option<MeasureId>], is_lmd: bool) -> bool {
    let measure = view.measure;
    let mut distance = Some(view.measure);
    ui.horizontal(|ui| {
        ui.label("Score by");
        let width = 0.5 * (ui.available_width() - ui.spacing().item_spacing.x);
        sized_cell(ui, width, |ui| {
            combo(ui, "distance", &mut distance, choices, |distance| {
                let distance = distance.as_ref();
                distance.map_or("From a file…", measures::label).to_owned()
            })
            .tip(|| help(is_lmd, measure))
            .accessible_name("Distance");
        });
        sized_cell(ui, width, |ui| {
            let aggregate = &mut view.aggregate;
            combo(ui, "aggregate", aggregate, &Aggregate::ALL, |aggregate| {
                match aggregate {
                    Aggregate::Median => "Median",
                    Aggregate::Mean => "Mean",
                    Aggregate::Min => "Smallest",
                    Aggregate::Max => "Largest",
                }
                .to_owned()
            })
            .tip(|| {
                "How the distances of all attempts become the score of an image. Takes effect at once"
})
            .accessible_name("Aggregation");
        });
    });
    view.measure = distance.unwrap_or(view.measure);
    distance.is_none()
}
