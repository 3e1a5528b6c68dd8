//! The model used beside a held run, which continues to the same scores; and beside a run that was opened.

use std::sync::Arc;

use egui_kittest::kittest::Queryable as _;
use lmd_inspector::engine::trace::Trace;
use lmd_inspector::state::{DifferenceKind, Phase};
use lmd_inspector::worker::protocol::{Command, Event};

use super::look::looking;
use super::script::progress;
use super::{Window, press};

fn phase(window: &Window) -> Phase {
    let run = window.state().session().shown.run.as_ref();
    run.unwrap().phase.clone()
}

#[test]
fn an_attempt_is_watched_while_the_run_is_held_and_the_run_continues_after() {
    let (mut window, script) = looking();
    let (job, request, control) = script.last_run();
    let missing = window.state().session().missing_for_scrub().unwrap();
    assert!(missing.contains("pause it"), "{missing}");
    press(&mut window, "Pause");
    press(&mut window, "Watch it denoise");
    assert!(control.is_cancelled(), "the worker lets go of the run");
    let trace = match script.0.borrow().commands.last() {
        Some(Command::Trace { job, .. }) => *job,
        other => panic!("expected a trace, got {other:?}"),
    };
    script.say(Event::Cancelled {
        job,
        progress: progress(&request, 36),
    });
    window.run_steps(3);
    assert_eq!(
        phase(&window),
        Phase::Paused,
        "for the user nothing has ended"
    );
    window.get_by_label("Paused");
    let session = window.state().session();
    let result = Arc::clone(&session.shown.attempts()[session.shown.attempt().unwrap()]);
    let steps = vec![result.inpainted.clone().unwrap()];
    script.say(Event::Traced {
        job: trace,
        trace: Arc::new(Trace { steps }),
    });
    window.run_steps(3);
    window.get_by_label_contains("bit for bit");
    press(&mut window, "Back to the result");
    press(&mut window, "Resume");
    assert_eq!(phase(&window), Phase::Running);
    let (again, rest, _) = script.last_run();
    assert_ne!(again, job);
    assert!(Arc::ptr_eq(&rest.results, &request.results), "from there");
    assert_eq!(rest.settings, request.settings);
}

#[test]
fn a_run_that_is_resumed_before_it_was_let_go_of_continues_all_the_same() {
    let (mut window, script) = looking();
    let (job, request, _) = script.last_run();
    press(&mut window, "Pause");
    press(&mut window, "Watch it denoise");
    press(&mut window, "Resume");
    assert_eq!(script.last_run().0, job, "its file is still being closed");
    script.say(Event::Cancelled {
        job,
        progress: progress(&request, 36),
    });
    window.run_steps(3);
    assert_ne!(script.last_run().0, job);
    assert_eq!(phase(&window), Phase::Running);
}

#[test]
fn a_run_that_waits_in_the_window_can_be_cancelled() {
    let (mut window, script) = looking();
    let (job, request, _) = script.last_run();
    press(&mut window, "Pause");
    press(&mut window, "Watch it denoise");
    script.say(Event::Cancelled {
        job,
        progress: progress(&request, 36),
    });
    window.run_steps(3);
    press(&mut window, "Cancel");
    assert_eq!(phase(&window), Phase::Cancelled);
    assert!(!window.state().session().is_running());
}

#[test]
fn the_lpips_map_is_made_while_the_run_is_held() {
    let (mut window, script) = looking();
    window.state_mut().session_mut().settings.look.difference = DifferenceKind::Lpips;
    window.run_steps(3);
    let asked = |script: &super::script::Script| {
        let shared = script.0.borrow();
        shared
            .commands
            .iter()
            .any(|c| matches!(c, Command::Map { .. }))
    };
    assert!(!asked(&script), "the model is busy");
    press(&mut window, "Pause");
    assert!(asked(&script));
}
