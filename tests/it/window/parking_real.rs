//! The model used beside a held run, with the real background threads.

use egui_kittest::kittest::Queryable as _;
use lmd_inspector::state::{DifferenceKind, Phase};

use super::keep_real::{
    has_planned, open, read, results, run_files, session_settings, uninterrupted,
};
use super::real::has_phase;
use super::{Window, press, until};

fn has_results(count: usize) -> impl Fn(&Window) -> bool {
    move |window| {
        let run = window.state().session().shown.run.as_ref();
        run.is_some_and(|run| run.num_results() >= count)
    }
}

#[test]
fn a_held_run_is_watched_and_mapped_and_continues_to_the_same_scores() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let expected = uninterrupted(folder.path(), &runs, 4, 30);
    let mut window = open(session_settings(folder.path(), 4, 30), &runs);
    has_planned(&mut window);
    press(&mut window, "Run");
    until(&mut window, "some results", has_results(4));
    // No image is chosen: the window follows the run.
    press(&mut window, "Pause");
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
    let runs = folder.path().join("runs");
    let expected = uninterrupted(folder.path(), &runs, 4, 30);
    let mut window = open(session_settings(folder.path(), 4, 30), &runs);
    has_planned(&mut window);
    press(&mut window, "Run");
    until(&mut window, "some results", has_results(4));
    press(&mut window, "Pause");
    press(&mut window, "Watch it denoise");
    press(&mut window, "Resume");
    until(&mut window, "the end of the run", has_phase(Phase::Done));
    assert_eq!(results(&window), expected);
}
