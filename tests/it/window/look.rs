//! Looking closely: the inspector's pictures.

use std::sync::Arc;

use egui::accesskit::Role as AccessRole;
use egui::{Event, Key, Modifiers, PointerButton, Pos2, vec2};
use egui_kittest::kittest::Queryable as _;
use lmd_inspector::engine::trace::Trace;
use lmd_inspector::state::look::{ColorMap, Compare, DifferenceKind};
use lmd_inspector::state::{LookSettings, View, text};
use lmd_inspector::worker::protocol::{Command, Event as WorkerEvent};

use super::{Window, has_attempts, press, ready, until};
use crate::window::script::Script;

/// A window with three attempts of each of six images per role, the image `00002.png` selected.
pub(super) fn looking() -> (Window, Script) {
    let (mut window, script) = ready(6);
    press(&mut window, "Run");
    script.make_attempts(0..3);
    until(&mut window, "three attempts", has_attempts(3));
    let tile = "00002.png, in-domain, score";
    window.get_by_label_contains(tile).click();
    window.run_steps(3);
    (window, script)
}

fn view(window: &Window) -> View {
    window.state().session().looking.view
}

fn look(window: &Window) -> LookSettings {
    window.state().session().settings.look
}

pub(super) fn picture_center(window: &Window, label: &str) -> Pos2 {
    window
        .get_by_role_and_label(AccessRole::Image, label)
        .rect()
        .center()
}

pub(super) fn hover(window: &mut Window, at: Pos2) {
    window.input_mut().events.push(Event::PointerMoved(at));
    window.run_steps(3);
}

pub(super) fn drag(window: &mut Window, from: Pos2, to: Pos2) {
    let button = |pos, pressed| Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    hover(window, from);
    window.input_mut().events.push(button(from, true));
    window.run_steps(1);
    window
        .input_mut()
        .events
        .push(Event::PointerMoved(from.lerp(to, 0.5)));
    window.run_steps(1);
    hover(window, to);
    window.input_mut().events.push(button(to, false));
    window.run_steps(2);
}

pub(super) fn shown_attempt(window: &Window) -> usize {
    let session = window.state().session();
    session.shown.attempts()[session.shown.attempt().unwrap()].attempt
}

#[test]
fn wheel_drag_and_keys_zoom_all_pictures_together() {
    let (mut window, _script) = looking();
    window.get_by_label("Zoom Fit");
    let at = picture_center(&window, "Original of 00002.png");
    hover(&mut window, at);
    window.input_mut().events.push(Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta: vec2(0.0, 240.0),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Unknown,
        modifiers: Modifiers::NONE,
    });
    window.run_steps(40);
    let zoomed = view(&window);
    assert!(zoomed.zoom.is_some(), "the wheel zooms");
    drag(&mut window, at, at + vec2(20.0, 0.0));
    assert!(view(&window).center[0] < zoomed.center[0], "a drag moves");

    window.key_press(Key::F);
    window.run_steps(3);
    assert_eq!(view(&window).zoom, None);
    for key in [Key::Num1, Key::Num0] {
        window.key_press(key);
        window.run_steps(3);
        window.get_by_label("Zoom 100 %");
        press(&mut window, "Zoom 100 %");
        assert_eq!(view(&window), View::default());
    }
}

#[test]
fn the_values_under_the_pointer_are_those_of_the_pictures() {
    let (mut window, _script) = looking();
    let at = picture_center(&window, "Original of 00002.png");
    hover(&mut window, at + vec2(1.0, 1.0));
    let session = window.state().session();
    let result = &session.shown.attempts()[session.shown.attempt().unwrap()];
    let index = 16 * result.original.width + 16;
    let (a, b) = (
        result.original.bytes[index],
        result.inpainted.as_ref().unwrap().bytes[index],
    );
    let said = format!(
        "Column 16, row 16: original {a}, inpainted {b}, difference {}",
        a.abs_diff(b)
    );
    window.get_by_label_contains(&said);
}

#[test]
fn the_difference_has_one_scale_for_the_run_said_on_the_legend() {
    let (mut window, script) = looking();
    window.get_by_label_contains("Difference, attempt ");
    let run = window.state().session().shown.run.as_ref().unwrap();
    let (top, _) = run.differences.top().unwrap();
    let said = format!("One color scale for the whole run, from 0 to {top} of 255: 99 %");
    window.get_all_by_label_contains(&said).next().unwrap();
    window.key_press(Key::ArrowRight);
    script.make_attempts(3..4);
    until(&mut window, "four attempts", has_attempts(4));
    assert!(
        window.query_all_by_label_contains(&said).count() > 0,
        "the same for other images and attempts"
    );

    window
        .get_by_role_and_label(AccessRole::ComboBox, "Difference colors")
        .click();
    window.run_steps(4);
    window.get_by_label("Viridis").click();
    window.run_steps(4);
    assert_eq!(look(&window).color_map, ColorMap::Viridis);
    window
        .get_by_role_and_label(AccessRole::Slider, "Difference opacity")
        .set_value_accesskit(0.25);
    window.run_steps(3);
    assert_eq!(look(&window).opacity, 0.25);
}

#[test]
fn the_original_is_in_all_places_while_space_is_held() {
    let (mut window, _script) = looking();
    let flipped = |window: &Window| {
        let nodes = window.query_all_by_label_contains(", the original in its place");
        nodes.count()
    };
    assert_eq!(flipped(&window), 0);
    window.key_down(Key::Space);
    window.run_steps(3);
    assert_eq!(flipped(&window), 4, "all four pictures");
    window.key_up(Key::Space);
    window.run_steps(3);
    assert_eq!(flipped(&window), 0);
    // With Shift only while the pointer is over the pictures.
    window.event(Event::ModifiersChanged(Modifiers::SHIFT));
    window.run_steps(2);
    assert_eq!(flipped(&window), 0);
    let at = picture_center(&window, "Original of 00002.png");
    hover(&mut window, at);
    assert_eq!(flipped(&window), 4);
    window.event(Event::ModifiersChanged(Modifiers::NONE));
    window.run_steps(2);
    // A field for text keeps its spaces.
    window
        .get_by_role_and_label(AccessRole::TextInput, "Find images")
        .focus();
    window.run_steps(2);
    window.key_down(Key::Space);
    window.run_steps(2);
    assert_eq!(flipped(&window), 0);
}

#[test]
fn split_and_blink_lay_both_pictures_over_each_other() {
    let (mut window, _script) = looking();
    window.get_by_label("Split").click();
    window.run_steps(3);
    assert_eq!(look(&window).compare, Compare::Split);
    window.get_by_label_contains("Split of original and inpainted, attempt ");
    assert!(window.query_by_label("Original of 00002.png").is_none());
    let grip = window.get_by_label("Split grip").rect().center();
    drag(&mut window, grip, grip + vec2(60.0, 0.0));
    let moved = view(&window).split;
    assert!(moved > 0.6, "dragged to {moved}");
    assert_eq!(view(&window).center, [0.5, 0.5], "the picture stays");
    window
        .get_by_role_and_label(AccessRole::Slider, "Split line")
        .set_value_accesskit(0.25);
    window.run_steps(3);
    assert_eq!(view(&window).split, 0.25);

    window.get_by_label("Blink").click();
    window.run_steps(3);
    window.get_by_label_contains("Original and inpainted in turn, attempt ");
}

#[test]
fn a_click_copies_the_score_with_all_its_digits() {
    let (mut window, _script) = looking();
    let score = window.state().session().shown.score().unwrap();
    // The last of that name: the plots' numbers come before the inspector.
    let label = text::score(score);
    let found = window.query_all_by_label(&label).last();
    found.unwrap().click();
    window.step();
    let copied = window.output().platform_output.commands.iter().any(|command| {
        matches!(command, egui::OutputCommand::CopyText(text) if text.parse() == Ok(score))
    });
    assert!(copied, "{:?}", window.output().platform_output.commands);
}

#[test]
fn an_attempt_is_watched_step_by_step() {
    let (mut window, script) = looking();
    let (job, request, _) = script.last_run();
    assert!(
        window.state().session().missing_for_scrub().is_some(),
        "busy"
    );
    script.say(WorkerEvent::Done {
        job,
        progress: crate::window::script::progress(&request, 36),
    });
    window.run_steps(3);
    press(&mut window, "Watch it denoise");
    let (job, traced) = {
        let shared = script.0.borrow();
        let Some(Command::Trace { job, request, .. }) = shared.commands.last() else {
            panic!("a trace should have been asked for");
        };
        (*job, request.clone())
    };
    window.get_by_label_contains("Making the attempt again");
    let session = window.state().session();
    let result = &session.shown.attempts()[session.shown.attempt().unwrap()];
    assert_eq!(traced.attempt, result.attempt);
    let steps = vec![
        result.original.clone(),
        result.original.clone(),
        result.inpainted.clone().unwrap(),
    ];
    let trace = Arc::new(Trace { steps });
    script.say(WorkerEvent::Traced { job, trace });
    window.run_steps(2);
    until(&mut window, "the last step", |window| {
        window.query_by_label("Step 3 of 3").is_some()
    });
    window.get_by_label_contains("bit for bit");
    window
        .get_by_role_and_label(AccessRole::Slider, "Denoising step")
        .set_value_accesskit(2.0);
    window.run_steps(3);
    window.get_by_label("Step 2 of 3");
    press(&mut window, "Play");
    until(&mut window, "the last step again", |window| {
        window.query_by_label("Step 3 of 3").is_some()
    });
    // Steps have no LPIPS map: what is drawn is the absolute difference, and its scale says so.
    window.state_mut().session_mut().settings.look.difference = DifferenceKind::Lpips;
    window.run_steps(3);
    let scales = window.query_all_by_label_contains("of 255: 99 % of");
    assert!(scales.count() > 0);
    press(&mut window, "Back to the result");
    assert!(window.query_by_label_contains("Step ").is_none());
    press(&mut window, "Watch it denoise");
    window.get_by_label_contains("Making the attempt again");
    window.get_by_label_contains("Attempt 3, LPIPS").click();
    window.run_steps(3);
    assert!(
        window
            .query_by_label_contains("Making the attempt")
            .is_none(),
        "another attempt"
    );
}
