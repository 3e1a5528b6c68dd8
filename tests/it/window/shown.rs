//! What is drawn of a run goes with it.

use std::sync::Arc;

use egui::Key;
use egui_kittest::kittest::Queryable as _;
use lmd_inspector::engine::trace::Trace;
use lmd_inspector::worker::protocol::{Command, Event, LibraryCommand};

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
    // The made-up pictures are at most 230 bright, a stroke is 255.
    assert!(!picture.bytes.contains(&255), "a stroke on the run before");
}
