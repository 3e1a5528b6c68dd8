//! The model used beside a held run, with the real background threads.

use std::path::{Path, PathBuf};

use egui_kittest::kittest::Queryable as _;
use lmd_inspector::state::{DifferenceKind, Phase};

use super::keep_real::{
    Bits, has_planned, has_results, open, read, results, run_files, session_settings, uninterrupted,
};
use super::real::has_phase;
use super::{Window, press, until};

/// A run that is held after some results, and the scores of the same one when nothing holds it.
fn held(folder: &Path) -> (Window, PathBuf, Bits) {
    let runs = folder.join("runs");
    let expected = uninterrupted(folder, &runs, 4, 30);
    let mut window = open(session_settings(folder, 4, 30), &runs);
    has_planned(&mut window);
    press(&mut window, "Run");
    until(&mut window, "some results", has_results(4));
    press(&mut window, "Pause");
    (window, runs, expected)
}

#[test]
fn a_held_run_is_watched_and_mapped_and_continues_to_the_same_scores() {
    let folder = tempfile::tempdir().unwrap();
    // No image is chosen: the window follows the run.
    let (mut window, runs, expected) = held(folder.path());
    press(&mut window, "Watch it denoise");
    until(&mut window, "the steps", |window| {
        window.query_by_label_contains("bit for bit").is_some()
    });
    let shown = &window.state().session().shown;
    assert_eq!(shown.scrub().unwrap().num_steps(), 30);
    assert!(has_phase(Phase::Paused)(&window), "nothing has ended");
    window.get_by_label("Paused");
    press(&mut window, "Back to the result");

    let session = window.state_mut().session_mut();
    session.settings.look.difference = DifferenceKind::Lpips;
    until(&mut window, "the map", |window| {
        window.state().session().shown.map().is_some()
    });

    let kept = results(&window).len();
    assert!((4..24).contains(&kept), "{kept}");
    press(&mut window, "Resume");
    until(&mut window, "the end of the run", has_phase(Phase::Done));
    assert_eq!(results(&window), expected);
    let file = run_files(&runs).pop().unwrap();
    let stored = read(&file);
    assert_eq!(stored.segments.len(), 2, "the run was let go of once");
    assert_eq!(run_files(&runs).len(), 2, "it continued in its own file");
}

#[test]
fn a_run_that_is_resumed_while_an_attempt_is_made_again_continues() {
    let folder = tempfile::tempdir().unwrap();
    let (mut window, _, expected) = held(folder.path());
    press(&mut window, "Watch it denoise");
    press(&mut window, "Resume");
    until(&mut window, "the end of the run", has_phase(Phase::Done));
    assert_eq!(results(&window), expected);
}
