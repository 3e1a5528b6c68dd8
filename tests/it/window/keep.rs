//! Runs on disk: settings, lists and questions, over a script.

use egui_kittest::kittest::Queryable as _;
use lmd_inspector::state::{Action, UiCommand};
use lmd_inspector::worker::protocol::{
    DialogKind, Event, LibraryCommand, LibraryEvent, RunsCommand, RunsEvent, SaveRequest,
    SavingNews,
};

use super::script::Script;
use super::{Window, press, ready};

fn kept() -> (Window, Script) {
    let (mut window, script) = ready(4);
    window
        .state_mut()
        .keep_runs_in(Some("/nowhere/lmd-inspector-runs".into()));
    window.run_steps(3);
    (window, script)
}

fn asked(script: &Script) -> Vec<RunsCommand> {
    let shared = script.0.borrow();
    let commands = shared.library_commands.iter();
    commands
        .filter_map(|command| match command {
            LibraryCommand::Runs(command) => Some(command.clone()),
            _ => None,
        })
        .collect()
}

#[test]
fn keeping_can_be_switched_off_and_the_size_is_shown_before_the_run() {
    let (mut window, script) = kept();
    assert!(window.query_by_label_contains("kB on disk").is_some());
    window.get_by_label("More settings").scroll_to_me();
    window.run_steps(30);
    window.get_by_label("More settings").click();
    window.run_steps(30);
    window
        .get_by_label_contains("The next run takes about")
        .scroll_to_me();
    window.run_steps(30);
    window.get_by_label_contains("The next run takes about");
    window
        .get_by_role_and_label(egui::accesskit::Role::CheckBox, "Keep runs")
        .click();
    window.run_steps(3);
    assert!(!window.state().session().settings.saving.is_on);
    assert!(window.query_by_label_contains("kB on disk").is_none());
    press(&mut window, "Run");
    assert_eq!(script.last_run().1.saving, None);
}

#[test]
fn a_run_says_where_it_is_kept() {
    let (mut window, script) = kept();
    press(&mut window, "Run");
    let saving = script.last_run().1.saving;
    assert!(matches!(saving, Some(SaveRequest::Begin(_))), "{saving:?}");
}

#[test]
fn recent_runs_are_cleared_after_a_question_only() {
    let (mut window, script) = kept();
    press(&mut window, "Recent runs…");
    window.get_by_label_contains("Looking at the folder");
    script.say_library(LibraryEvent::Runs(RunsEvent::Listed {
        library: Default::default(),
        problem: None,
    }));
    window.run_steps(3);
    window.get_by_label("No run was kept yet");
    // Its button is gray while there is none.
    let clear = Action::Do(UiCommand::Clear);
    window.state_mut().session_mut().perform(clear.clone());
    window.run_steps(3);
    press(&mut window, "Keep");
    let is_clear = |command: &RunsCommand| matches!(command, RunsCommand::Clear { .. });
    assert!(!asked(&script).iter().any(is_clear));
    window.state_mut().session_mut().perform(clear);
    window.run_steps(3);
    press(&mut window, "Remove");
    assert!(asked(&script).iter().any(is_clear));
    window.key_press(egui::Key::Escape);
    window.run_steps(3);
    assert!(!window.state().session().keeping.is_list_open);
}

#[test]
fn a_run_file_is_opened_by_its_path_and_what_is_wrong_with_it_is_said() {
    let (mut window, script) = kept();
    press(&mut window, "Recent runs…");
    let field = "run path";
    let role = egui::accesskit::Role::TextInput;
    window.get_by_role_and_label(role, field).focus();
    window.run_steps(2);
    window
        .get_by_role_and_label(role, field)
        .type_text("/mine/a.lmdrun");
    window.run_steps(2);
    press(&mut window, "Open run path");
    let Some(RunsCommand::Open { job, path }) = asked(&script).pop() else {
        panic!("a run should have been asked for");
    };
    window.get_by_label("Reading a.lmdrun");
    script.say_library(LibraryEvent::Runs(RunsEvent::Opened {
        job,
        path,
        run: Err("the run file is damaged: its first page is".to_owned()),
    }));
    window.run_steps(3);
    window.get_by_label_contains("The run could not be opened: the run file is damaged");
}

#[test]
fn a_write_that_fails_is_answered_in_the_notice() {
    let (mut window, script) = kept();
    press(&mut window, "Run");
    let (job, ..) = script.last_run();
    let stuck = || Event::Saving {
        job,
        news: SavingNews::Stuck("the run file can't grow".to_owned()),
    };
    script.say(stuck());
    window.run_steps(3);
    window.get_by_label("Waiting: the last attempts could not be written");
    press(&mut window, "Try again");
    assert!(window.query_by_label("Try again").is_none());
    script.say(stuck());
    window.run_steps(3);
    press(&mut window, "Continue without saving");
    assert!(window.state().session().is_running());
    assert!(window.query_by_label("Continue without saving").is_none());
}

#[test]
fn a_copy_is_saved_where_the_dialog_says() {
    let (mut window, script) = kept();
    press(&mut window, "Run");
    script.make_attempts(0..1);
    window.run_steps(3);
    press(&mut window, "Save as…");
    let (job, kind) = script.0.borrow().dialogs[0];
    assert_eq!(kind, DialogKind::SaveRun);
    script.say_library(LibraryEvent::Chosen {
        job,
        kind,
        paths: vec!["/mine/copy".into()],
        was_shown: true,
    });
    window.run_steps(3);
    let Some(RunsCommand::SaveAs { job, path, source }) = asked(&script).pop() else {
        panic!("a copy should have been asked for");
    };
    assert_eq!(path, std::path::Path::new("/mine/copy.lmdrun"));
    assert_eq!(source.manifest.num_images, 8);
    let outcome = Ok(());
    script.say_library(LibraryEvent::Runs(RunsEvent::SavedAs {
        job,
        path,
        outcome,
    }));
    window.run_steps(3);
    window.get_by_label("The run was saved as copy.lmdrun");
}

#[test]
fn every_control_of_the_lists_has_a_name() {
    let (mut window, _script) = kept();
    press(&mut window, "Recent runs…");
    window.check_accessibility();
    let clear = Action::Do(UiCommand::Clear);
    window.state_mut().session_mut().perform(clear);
    window.run_steps(3);
    window.check_accessibility();
}
