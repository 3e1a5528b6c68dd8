//! A new model in the window: trained on the real thread, watched, and used.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui_kittest::kittest::Queryable as _;
use lmd_inspector::engine::training::cost::NetworkCost;
use lmd_inspector::engine::training::{Budget, Subject, Survey};
use lmd_inspector::images::{Geometry, ResizeMode};
use lmd_inspector::networks::checkpoints::NetworkSize;
use lmd_inspector::state::{Action, Overlay, Phase, TrainAction, TrainingForm, TrainingPhase};
use lmd_inspector::worker::protocol::{ModelSource, TrainCommand, TrainEvent};

use super::real::{add_folder, has_phase, no_wake, open, planned, settings, some_samples};
use super::script::Script;
use super::{Window, press, ready, until};

/// A form for the smallest training there is.
fn form(output: PathBuf, steps: usize) -> TrainingForm {
    TrainingForm {
        output: Some(output),
        side: Some(16),
        resize: ResizeMode::Pad,
        network: NetworkSize::Tiny,
        budget: Budget::Steps(steps),
        ..TrainingForm::default()
    }
}

fn fill_in(window: &mut Window, form: TrainingForm) {
    let set = TrainAction::Set(Box::new(form));
    window.state_mut().act(Action::Train(set));
    until(window, "the images at another size", |window| {
        let survey = window.state().session().training.survey.found();
        survey.is_some_and(|survey| survey.geometry.side == 16)
    });
}

/// What might be found of some images.
pub(super) fn survey() -> Survey {
    let geometry = Geometry {
        channels: 1,
        side: 32,
    };
    Survey {
        num_files: 500,
        num_images: 498,
        num_copies: 2,
        num_alike: 0,
        alike: None,
        unreadable: Vec::new(),
        sizes: [(28, 28), (64, 48)],
        geometry,
        num_held_out: 40,
        notes: Vec::new(),
        networks: vec![NetworkCost {
            size: NetworkSize::Small,
            num_parameters: 2_500_000,
            step_secs: 1.0,
        }],
    }
}

fn phase(window: &Window) -> Option<TrainingPhase> {
    let run = window.state().session().training.run.as_ref();
    run.map(|run| run.phase.clone())
}

/// A window with the page for new models open, on some clothes as in-domain images.
fn page(folder: &Path, count: usize) -> Window {
    let clothes = some_samples(folder, "fashion-mnist", count);
    let mut window = open(settings(1, 2), no_wake());
    add_folder(&mut window, "in-domain", &clothes);
    until(&mut window, "the folder", planned(count));
    press(&mut window, "New model…");
    until(&mut window, "what is in the folder", |window| {
        window.state().session().training.survey.found().is_some()
    });
    window
}

fn hashes_of(record: &Path, part: &str) -> BTreeSet<String> {
    let record: serde_json::Value = serde_json::from_slice(&fs::read(record).unwrap()).unwrap();
    let listed = record["held_out"][part].as_array().unwrap();
    listed
        .iter()
        .map(|hash| hash.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_model_is_trained_in_the_window_and_used_with_images_that_it_has_not_seen() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = page(folder.path(), 40);
    window.get_by_label("40 different images");
    window.get_by_label_contains("Sizes: all 28 × 28 pixels, brought to 32 × 32");
    window.get_by_label_contains("Tiny, 1.11 M parameters");
    window.get_by_label_contains("40 images are few");
    let output = folder.path().join("model");
    fill_in(&mut window, form(output.clone(), 3));
    press(&mut window, "Start training");
    until(&mut window, "the model", |window| {
        phase(window) == Some(TrainingPhase::Made(output.clone()))
    });
    for label in [
        "The new model is ready",
        "Sample 16",
        "Original 1",
        "Masked 1",
        "Inpainted 1",
    ] {
        window.get_by_label(label);
    }
    window.get_by_label_contains("Step 3 of 3");

    press(&mut window, "Use this model");
    let expected = hashes_of(&output.join("training.json"), "calibration");
    assert!(!expected.is_empty());
    until(&mut window, "the model and its images", |window| {
        let session = window.state().session();
        let is_open = session
            .model_info()
            .is_some_and(|info| info.source == ModelSource::Path(output.clone()));
        is_open && session.planned().len() == expected.len()
    });
    let session = window.state().session();
    let listed: BTreeSet<String> = session
        .planned()
        .iter()
        .map(|image| image.file.hash.to_string())
        .collect();
    assert_eq!(listed, expected, "never an image that was learnt");
    assert_eq!(session.settings.run.method.resize, ResizeMode::Pad);
    assert_eq!(session.looking.overlay, None);
    press(&mut window, "Run");
    until(&mut window, "the end of the run", has_phase(Phase::Done));
}

#[test]
fn images_are_scored_while_a_model_is_trained_and_a_stop_keeps_what_was_learnt() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = page(folder.path(), 24);
    let output = folder.path().join("model");
    // Long enough that nobody sees its end.
    fill_in(&mut window, form(output.clone(), 1_000_000));
    press(&mut window, "Start training");
    let steps = |window: &Window| {
        let run = window.state().session().training.run.as_ref();
        run.map_or(0, |run| run.step)
    };
    until(&mut window, "a step", |window| steps(window) > 0);
    press(&mut window, "Close");
    window.get_by_label_contains("Training 0 %");
    press(&mut window, "Run");
    until(&mut window, "the end of the run", has_phase(Phase::Done));
    assert_eq!(phase(&window), Some(TrainingPhase::Training));

    press(&mut window, "New model…");
    press(&mut window, "Pause training");
    until(&mut window, "the pause", |window| {
        phase(window) == Some(TrainingPhase::Paused)
    });
    let held = steps(&window);
    press(&mut window, "Resume training");
    until(&mut window, "further steps", |window| {
        steps(window) > held + 1
    });
    press(&mut window, "Stop and keep");
    until(&mut window, "the model", |window| {
        phase(window) == Some(TrainingPhase::Made(output.clone()))
    });
    let record = fs::read(output.join("training.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    assert!(record["step"].as_u64().unwrap() > held as u64);
    press(&mut window, "Train another");
    assert_eq!(phase(&window), None);
}

#[test]
fn what_is_refused_is_told_beside_its_field_and_a_stopped_training_can_be_continued() {
    let (mut window, script) = ready(4);
    let last = |script: &Script| script.0.borrow().train_commands.last().cloned();
    press(&mut window, "New model…");
    let fail = |window: &mut Window, message: &str, subject: Subject| {
        let (TrainCommand::Survey { job, .. } | TrainCommand::Train { job, .. }) =
            last(&script).unwrap();
        script
            .0
            .borrow_mut()
            .train_events
            .push_back(TrainEvent::Failed {
                job,
                message: message.to_owned(),
                subject,
            });
        window.run_steps(3);
    };
    fail(&mut window, "no images there", Subject::Images);
    let shown = window.get_by_label("No images there").rect();
    let heading = window.get_by_label("Images to learn").rect();
    let network = window.get_by_label("Network").rect();
    assert!(shown.top() > heading.bottom() && shown.bottom() < network.top());

    let from = TrainAction::From("/pictures".into());
    window.state_mut().act(Action::Train(from));
    window.run_steps(3);
    assert!(window.query_by_label("No images there").is_none());
    let Some(TrainCommand::Survey { job, sources, .. }) = last(&script) else {
        panic!("the folder is looked at");
    };
    assert_eq!(sources, [PathBuf::from("/pictures")]);
    let surveyed = TrainEvent::Surveyed {
        job,
        survey: Arc::new(survey()),
        output: "/models/pictures".into(),
    };
    script.0.borrow_mut().train_events.push_back(surveyed);
    window.run_steps(3);
    press(&mut window, "Start training");
    fail(
        &mut window,
        "it was stopped before its end",
        Subject::Unfinished,
    );
    window.get_by_label("It was stopped before its end");
    press(&mut window, "Continue it");
    let Some(TrainCommand::Train {
        request,
        is_resumed,
        ..
    }) = last(&script)
    else {
        panic!("the training is continued");
    };
    assert!(is_resumed);
    assert_eq!(request.output, PathBuf::from("/models/pictures"));
    assert_eq!(request.side, Some(32), "as it was looked at");
    assert_eq!(
        window.state().session().looking.overlay,
        Some(Overlay::Train)
    );
    window.key_press(egui::Key::Escape);
    window.run_steps(3);
    assert_eq!(window.state().session().looking.overlay, None);
}
