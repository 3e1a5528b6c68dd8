//! Whole runs: continued to the bit, damaged, diverging, in each other's way.

use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use lmd_inspector::diffusion::{Interrupt, Interrupted, NeverInterrupt};
use lmd_inspector::engine::training::checkpoint::WorkFolder;
use lmd_inspector::engine::training::{
    Budget, End, News, Split, Start, Training, TrainingError, TrainingSettings,
};
use lmd_inspector::images::{Geometry, ResizeMode};
use lmd_inspector::networks::checkpoints::{self, Blueprint, ModelSource, NetworkSize};
use lmd_inspector::networks::training::TimestepDensity;
use lmd_inspector::networks::training::draws::Examples;

use super::learning::bars;
use super::machine;

const GEOMETRY: Geometry = Geometry {
    channels: 3,
    side: 8,
};

pub(super) fn settings(steps: usize) -> TrainingSettings {
    TrainingSettings {
        geometry: GEOMETRY,
        fit: ResizeMode::Crop,
        budget: Budget::Steps(steps),
        batch: 4,
        learning_rate: 1e-3,
        warm_up: 2,
        has_flips: true,
        timesteps: TimestepDensity::Laplace,
        seed: 9,
    }
}

pub(super) fn begin(
    settings: TrainingSettings,
    examples: &Examples,
    output: &Path,
) -> Result<Training, TrainingError> {
    let blueprint = Blueprint::new(NetworkSize::Tiny, GEOMETRY).unwrap();
    let network = blueprint.initial(settings.seed);
    let start = Start {
        blueprint,
        network,
        began_from: None,
        sources: vec!["/of/the/images".into()],
    };
    Training::begin(settings, start, examples, output, machine(2))
}

fn resume(examples: &Examples, output: &Path) -> Result<Training, TrainingError> {
    let folder = WorkFolder::open(output)?;
    let loaded = folder.load()?;
    Training::resume(loaded, examples, output, folder, machine(1))
}

/// Stops once it is told to.
#[derive(Default)]
struct Stop(AtomicBool);

impl Interrupt for Stop {
    fn check(&self) -> Result<(), Interrupted> {
        if self.0.load(Ordering::Relaxed) {
            Err(Interrupted)
        } else {
            Ok(())
        }
    }
}

/// Run to the end and write the model.
fn complete(mut training: Training) {
    let end = training.run(&NeverInterrupt, &mut |_| {}).unwrap();
    assert_eq!(end, End::Complete);
    training.finish(&NeverInterrupt, &mut |_| {}).unwrap();
}

/// Run until a step was taken, then stop.
fn run_until(mut training: Training, last: usize) -> End {
    let stop = Stop::default();
    let mut observer = |news| {
        if let News::Step { step, .. } = news
            && step == last
        {
            stop.0.store(true, Ordering::Relaxed);
        }
    };
    training.run(&stop, &mut observer).unwrap()
}

fn weights(model: &Path) -> Vec<u8> {
    fs::read(model.join("unet/diffusion_pytorch_model.safetensors")).unwrap()
}

fn files_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_run_that_was_stopped_twice_makes_the_same_model_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let examples = bars(GEOMETRY, 16);
    let whole = begin(settings(7), &examples, &at("whole")).unwrap();
    complete(whole);

    let training = begin(settings(7), &examples, &at("parts")).unwrap();
    let End::Stopped { step, folder: work } = run_until(training, 3) else {
        panic!("it was stopped");
    };
    assert_eq!((step, &work), (3, &at("parts.training")));
    assert!(!at("parts").exists(), "no model before the end");
    // Images in another order are the same images.
    let resumed = resume(&examples, &at("parts")).unwrap();
    assert_eq!(resumed.state().step, 3);
    run_until(resumed, 5);
    let resumed = resume(&examples, &at("parts")).unwrap();
    complete(resumed);
    assert!(
        weights(&at("whole")) == weights(&at("parts")),
        "the models differ"
    );
    // Nothing of the work is left.
    assert_eq!(files_in(folder.path()), ["parts", "whole"]);
}

#[test]
fn a_finished_model_opens_with_its_card_and_its_held_out_images() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("bars");
    let examples = bars(GEOMETRY, 16);
    let mut training = begin(settings(50), &examples, &output).unwrap();
    let validations = Cell::new(0);
    let mut observer = |news| {
        if let News::Validated(validation) = news {
            validations.set(validations.get() + 1);
            assert!(
                validation.bands.iter().all(|loss| loss.is_finite()),
                "{validation:?}"
            );
        }
    };
    training.run(&NeverInterrupt, &mut observer).unwrap();
    training.finish(&NeverInterrupt, &mut observer).unwrap();
    let split = Split::new(examples.hashes());
    assert_eq!(split.monitor.len() + split.calibration.len(), 4);
    assert_eq!(validations.get(), usize::from(!split.monitor.is_empty()));

    let checkpoint = checkpoints::load(&ModelSource::Path(output.clone())).unwrap();
    assert_eq!(
        (
            checkpoint.network.image_size,
            checkpoint.network.in_channels
        ),
        (8, 3)
    );
    assert_eq!(checkpoint.notes, Vec::<String>::new());
    let card = fs::read_to_string(output.join("README.md")).unwrap();
    assert!(
        card.starts_with("---\nlicense: unknown\nlibrary_name: diffusers\n"),
        "{card}"
    );
    assert!(
        card.contains("# bars\n") && card.contains("| steps | 50, each of 4 images |"),
        "{card}"
    );
    let record: serde_json::Value =
        serde_json::from_slice(&fs::read(output.join("training.json")).unwrap()).unwrap();
    assert_eq!(record["settings"]["seed"], 9);
    assert_eq!(record["step"], 50);
    let listed = record["held_out"]["monitor"].as_array().unwrap().len();
    assert_eq!(listed, split.monitor.len());
    assert!(record.get("state_file").is_none(), "{record}");
}

#[test]
fn a_diverging_run_ends_with_a_sentence_and_keeps_the_last_good_state() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("model");
    let examples = bars(GEOMETRY, 12);
    let wild = TrainingSettings {
        learning_rate: 1e30,
        ..settings(40)
    };
    let mut training = begin(wild, &examples, &output).unwrap();
    let before = training.state().clone();
    let error = training.run(&NeverInterrupt, &mut |_| {}).unwrap_err();
    let told = error.to_string();
    assert!(
        matches!(
            error,
            TrainingError::NotFinite {
                times: 3,
                kept: 0,
                ..
            }
        ),
        "{told}"
    );
    assert!(
        told.contains("begin again with a smaller learning rate"),
        "{told}"
    );
    drop(training);
    let kept = resume(&examples, &output).unwrap();
    assert!(
        *kept.state() == before,
        "the state on disk is the last good one"
    );
    assert!(!output.exists());
}

#[test]
fn a_checkpoint_that_can_not_be_written_leaves_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("model");
    let examples = bars(GEOMETRY, 12);
    let mut training = begin(settings(4), &examples, &output).unwrap();
    let work = WorkFolder::beside(&output);
    // In the way of the state of step 2.
    fs::create_dir_all(work.join("state-2.safetensors/in the way")).unwrap();
    let stop = Stop::default();
    let mut observer = |news| {
        if matches!(news, News::Step { step: 2, .. }) {
            stop.0.store(true, Ordering::Relaxed);
        }
    };
    let error = training.run(&stop, &mut observer).unwrap_err();
    let told = error.to_string();
    assert!(matches!(error, TrainingError::Write { .. }), "{told}");
    assert!(
        told.contains("make room, what was saved before is still there"),
        "{told}"
    );
    drop(training);
    assert_eq!(resume(&examples, &output).unwrap().state().step, 0);
}

/// A training whose last checkpoint finds something in its place, and what is in the way.
fn obstructed(output: &Path) -> (Training, PathBuf) {
    let examples = bars(GEOMETRY, 12);
    let training = begin(settings(4), &examples, output).unwrap();
    let obstacle = WorkFolder::beside(output).join("state-4.safetensors");
    fs::create_dir_all(obstacle.join("in the way")).unwrap();
    (training, obstacle)
}

#[test]
fn a_training_waits_until_its_checkpoint_can_be_written_and_then_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("model");
    let (mut training, obstacle) = obstructed(&output);
    let work = WorkFolder::beside(&output);
    let mut told = Vec::new();
    let mut observer = |news| match news {
        News::Stuck(sentence) => {
            assert!(work.join("state-0.safetensors").is_file(), "the one before");
            told.push(sentence);
            fs::remove_dir_all(&obstacle).unwrap();
        }
        News::Unstuck => told.push("unstuck".to_owned()),
        _ => {}
    };
    let end = training.run(&NeverInterrupt, &mut observer).unwrap();
    assert_eq!(end, End::Complete);
    training.finish(&NeverInterrupt, &mut observer).unwrap();
    assert!(
        told[0].contains("the training's checkpoint can't be written"),
        "{told:?}"
    );
    assert_eq!(told[1..], ["unstuck"], "told once");
    assert!(output.join("model_index.json").is_file());
}

#[test]
fn a_training_that_waits_for_room_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("model");
    let (mut training, _) = obstructed(&output);
    let stop = Stop::default();
    let mut observer = |news| {
        if let News::Stuck(_) = news {
            stop.0.store(true, Ordering::Relaxed);
        }
    };
    let error = training.run(&stop, &mut observer).unwrap_err();
    assert!(matches!(error, TrainingError::Write { .. }), "{error}");
    drop(training);
    let examples = bars(GEOMETRY, 12);
    assert_eq!(resume(&examples, &output).unwrap().state().step, 0);
}

#[test]
fn a_step_without_a_finite_gradient_is_left_out_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("model");
    let examples = bars(GEOMETRY, 12);
    let wild = TrainingSettings {
        learning_rate: 1e30,
        ..settings(40)
    };
    let mut training = begin(wild, &examples, &output).unwrap();
    let (mut skipped, mut weights) = (Vec::new(), 0);
    let mut observer = |news| match news {
        News::Skipped { step } => skipped.push(step),
        News::Step { step, .. } => weights = step,
        _ => {}
    };
    training.run(&NeverInterrupt, &mut observer).unwrap_err();
    assert_eq!(skipped, [weights + 1, weights + 2, weights + 3]);
    assert_eq!(training.state().applied, weights, "no weight was changed");
}

#[test]
fn a_checkpoint_that_was_changed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("model");
    let examples = bars(GEOMETRY, 12);
    run_until(begin(settings(4), &examples, &output).unwrap(), 1);
    let work = WorkFolder::beside(&output);
    let state: PathBuf = work.join("state-1.safetensors");
    let index = work.join("checkpoint.json");
    let (good_state, good_index) = (fs::read(&state).unwrap(), fs::read(&index).unwrap());
    let mut flipped = good_state.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    let told = || resume(&examples, &output).err().unwrap().to_string();
    fs::write(&state, &flipped).unwrap();
    assert!(told().contains("its bytes have changed"), "{}", told());
    fs::write(&state, &good_state[..100]).unwrap();
    assert!(told().contains("its bytes have changed"), "{}", told());
    fs::write(&state, &good_state).unwrap();
    for broken in [&b"{"[..], b"{}", &good_index[..good_index.len() / 2]] {
        fs::write(&index, broken).unwrap();
        assert!(
            told().contains("the training's checkpoint can't be used"),
            "{}",
            told()
        );
    }
    fs::write(&index, &good_index).unwrap();
    // What a crash left half written is in nobody's way.
    fs::write(work.join("state-9.safetensors"), b"half").unwrap();
    assert_eq!(resume(&examples, &output).unwrap().state().step, 1);
}

#[test]
fn trainings_keep_out_of_each_others_way() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("model");
    let examples = bars(GEOMETRY, 12);
    let told = |result: Result<Training, TrainingError>| result.err().unwrap().to_string();
    assert!(told(resume(&examples, &output)).contains("leave --resume out"));
    let first = begin(settings(4), &examples, &output).unwrap();
    assert!(told(begin(settings(4), &examples, &output)).contains("another training writes"));
    assert!(told(resume(&examples, &output)).contains("another training writes"));
    drop(first);
    assert!(told(begin(settings(4), &examples, &output)).contains("continue it with --resume"));
    let others = bars(GEOMETRY, 11);
    assert!(told(resume(&others, &output)).contains("(1 of 12 are missing, 0 are new)"));
    fs::create_dir(&output).unwrap();
    assert!(told(begin(settings(4), &examples, &output)).contains("choose another output"));
    assert!(told(resume(&examples, &output)).contains("choose another output"));
}
