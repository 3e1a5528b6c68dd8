//! What is drawn of a run goes with it.

use std::sync::Arc;

use egui::Key;
use egui_kittest::kittest::Queryable as _;
use lmd_inspector::state::{Action, UiCommand};
use lmd_inspector::worker::protocol::{Command, Event, LibraryCommand};
use lmd_inspector::worker::trace::Trace;

use super::look::{drag, looking, picture_center};
use super::script::{Script, progress};
use super::{Window, has_attempts, press, until};

/// [`looking`] at the end of the run.
fn finished() -> (Window, Script) {
    let (mut window, script) = looking();
    end(&mut window, &script);
    (window, script)
}

fn end(window: &mut Window, script: &Script) {
    let (job, request, _) = script.last_run();
    let progress = progress(&request, 36);
    script.say(Event::Done { job, progress });
    window.run_steps(3);
}

/// Another run of the same images, looked at in the same place.
fn again(window: &mut Window, script: &Script) {
    window.key_press(Key::F5);
    window.run_steps(3);
    script.make_attempts(0..3);
    until(window, "three attempts", has_attempts(3));
    end(window, script);
}

#[test]
fn no_trace_of_a_run_is_called_the_result_of_the_next_one() {
    let (mut window, script) = finished();
    press(&mut window, "Watch it denoise");
    let job = {
        let shared = script.0.borrow();
        let Some(Command::Trace { job, .. }) = shared.commands.last() else {
            panic!("a trace should have been asked for");
        };
        *job
    };
    let session = window.state().session();
    let result = &session.shown.attempts()[session.shown.attempt().unwrap()];
    let steps = vec![result.original.clone(), result.inpainted.clone().unwrap()];
    let trace = Arc::new(Trace { steps });
    script.say(Event::Traced { job, trace });
    window.run_steps(2);
    until(&mut window, "the last step", |window| {
        window.query_by_label("Step 2 of 2").is_some()
    });
    window.get_by_label_contains("bit for bit");

    again(&mut window, &script);
    window
        .get_by_label_contains("00002.png, in-domain, score")
        .click();
    window.run_steps(3);
    assert!(window.state().session().shown.attempt().is_some());
    assert!(window.query_by_label_contains("bit for bit").is_none());
    assert!(window.query_by_label_contains("Step 2 of 2").is_none());
    window.get_by_label("Watch it denoise");
}

#[test]
fn strokes_on_a_picture_of_a_run_are_not_scored_by_the_next_one() {
    let (mut window, script) = finished();
    press(&mut window, "Paint and try…");
    let at = picture_center(&window, "Picture to paint on");
    drag(&mut window, at - egui::vec2(40.0, 0.0), at);
    again(&mut window, &script);
    press(&mut window, "Score it");
    let shared = script.0.borrow();
    let Some(LibraryCommand::Painted { picture, .. }) = shared.library_commands.last() else {
        panic!("the picture should have been sent");
    };
    let original = &window.state().session().shown.attempts()[0].original;
    assert_eq!(picture.bytes, original.bytes, "a picture of the run before");
}

#[test]
fn a_range_begun_in_the_histogram_of_a_run_does_not_end_in_that_of_the_next_one() {
    let (mut window, script) = finished();
    let place = window
        .get_by_label("Area to drag out a range of scores")
        .rect();
    let button = |pos, pressed| egui::Event::PointerButton {
        pos,
        button: egui::PointerButton::Primary,
        pressed,
        modifiers: egui::Modifiers::NONE,
    };
    let (from, to) = (place.left_center(), place.center());
    let events = [
        egui::Event::PointerMoved(from),
        button(from, true),
        egui::Event::PointerMoved(from.lerp(to, 0.5)),
    ];
    for event in events {
        window.input_mut().events.push(event);
        window.run_steps(1);
    }
    window
        .state_mut()
        .session_mut()
        .perform(Action::Do(UiCommand::Run));
    window.run_steps(2);
    script.make_attempts(0..3);
    until(&mut window, "three attempts", has_attempts(3));
    window
        .input_mut()
        .events
        .push(egui::Event::PointerMoved(to));
    window.run_steps(1);
    let shown = &window.state().session().shown;
    assert_eq!(
        shown.gallery.brush(),
        None,
        "it began at another run's score"
    );
}
