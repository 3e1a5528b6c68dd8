//! The name of the run in the top bar, over run files of the test.

use std::path::Path;

use egui::accesskit::Role as AccessRole;
use egui::{Event, Key, Modifiers, PointerButton};
use egui_kittest::kittest::Queryable as _;
use lmd_inspector::runs::file::{self, KeepPictures};
use lmd_inspector::state::{Action, KeepAction};
use lmd_inspector::worker::protocol::{
    LibraryCommand, LibraryEvent, OpenedRun, RunsCommand, RunsEvent,
};

use super::script::Script;
use super::{Window, ready};
use crate::runs::support::write;

const FIELD: (AccessRole, &str) = (AccessRole::TextInput, "Name of the run");

/// What was asked last about run files.
fn asked(script: &Script) -> RunsCommand {
    let shared = script.0.borrow();
    let mut commands = shared.library_commands.iter().rev();
    let command = commands.find_map(|command| match command {
        LibraryCommand::Runs(command) => Some(command.clone()),
        _ => None,
    });
    command.expect("something about run files")
}

fn answer(window: &mut Window, script: &Script, event: RunsEvent) {
    script.say_library(LibraryEvent::Runs(event));
    window.run_steps(4);
}

/// A window that shows a run file of the folder.
fn opened(folder: &Path, name: &str) -> (Window, Script) {
    let path = folder.join(name);
    write(&path, KeepPictures::None);
    let (mut window, script) = ready(3);
    let open = Action::Keep(KeepAction::Open(path.clone()));
    window.state_mut().session_mut().perform(open);
    window.run_steps(2);
    let RunsCommand::Open { job, .. } = asked(&script) else {
        panic!("a run should have been asked for");
    };
    let run = Ok(OpenedRun::read(&path).unwrap().into());
    answer(&mut window, &script, RunsEvent::Opened { job, path, run });
    (window, script)
}

/// Type into the field and press Enter, and do as the thread for files does.
fn rename(window: &mut Window, script: &Script, text: &str) {
    let field = window.get_by_role_and_label(FIELD.0, FIELD.1);
    field.type_text(text);
    window.run_steps(2);
    window.key_press(Key::Enter);
    window.run_steps(3);
    let RunsCommand::Rename { job, path, name } = asked(script) else {
        panic!("a name should have been asked for");
    };
    let outcome = file::rename(&path, &name).map_err(|error| error.to_string());
    answer(window, script, RunsEvent::Renamed { job, path, outcome });
}

#[test]
fn a_run_is_renamed_and_a_taken_name_is_said_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("day.lmdrun"), KeepPictures::None);
    let (mut window, script) = opened(folder.path(), "first.lmdrun");
    window.key_press(Key::F2);
    window.run_steps(3);
    // All of the old name is chosen, so what is typed takes its place.
    rename(&mut window, &script, "day");
    window.get_by_label_contains("Another run in this folder is called day");
    let field = window.get_by_role_and_label(FIELD.0, FIELD.1);
    let typed = field.value();
    assert_eq!(typed.as_deref(), Some("day"), "what was typed stays");
    rename(&mut window, &script, " and night");
    window.get_by_label("day and night, done");
    for (name, is_there) in [("day and night", true), ("day", true), ("first", false)] {
        let path = folder.path().join(name).with_extension("lmdrun");
        assert_eq!(path.exists(), is_there, "{name}");
    }
}

/// Press and release twice over a label, each in a frame of its own.
fn double_click(window: &mut Window, label: &str) {
    let pos = window.get_by_label(label).rect().center();
    let button = |pressed| Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    window.input_mut().events.push(Event::PointerMoved(pos));
    window.run_steps(2);
    let began_at = window.ctx.input(|input| input.time);
    for (index, pressed) in [true, false, true, false].into_iter().enumerate() {
        // The frames of the test are farther apart than the two clicks of a double-click may be.
        window.input_mut().time = Some(began_at + 0.06 * (index + 1) as f64);
        window.input_mut().events.push(button(pressed));
        window.run_steps(1);
    }
    window.input_mut().time = None;
    window.run_steps(3);
}

#[test]
fn a_double_click_on_the_name_opens_its_field_and_one_click_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let (mut window, script) = opened(folder.path(), "first.lmdrun");
    window.get_by_label("first, done").click();
    window.run_steps(3);
    assert!(window.query_by_role_and_label(FIELD.0, FIELD.1).is_none());
    double_click(&mut window, "first, done");
    let field = window.get_by_role_and_label(FIELD.0, FIELD.1);
    assert_eq!(field.value().as_deref(), Some("first"));
    assert!(field.is_focused());
    rename(&mut window, &script, "evening");
    window.get_by_label("evening, done");
    assert!(folder.path().join("evening.lmdrun").exists());
}

#[test]
fn a_name_is_left_by_esc_and_by_a_click_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let (mut window, script) = opened(folder.path(), "first.lmdrun");
    window.key_press(Key::F2);
    window.run_steps(3);
    window.check_accessibility();
    let field = window.get_by_role_and_label(FIELD.0, FIELD.1);
    assert_eq!(field.value().as_deref(), Some("first"));
    field.type_text("other");
    window.run_steps(2);
    window.key_press(Key::Escape);
    window.run_steps(3);
    window.get_by_label("first, done");
    window.key_press(Key::F2);
    window.run_steps(3);
    let field = window.get_by_role_and_label(FIELD.0, FIELD.1);
    assert_eq!(
        field.value().as_deref(),
        Some("first"),
        "what was left is gone"
    );
    window
        .get_by_role_and_label(AccessRole::Button, "Keys")
        .click();
    window.run_steps(3);
    window.get_by_label("first, done");
    assert!(!matches!(asked(&script), RunsCommand::Rename { .. }));
}
