//! What the program says of itself and of this machine, over the script and over the real threads.

use std::sync::Arc;

use egui::accesskit::Role as AccessRole;
use egui::{OutputCommand, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use lmd_inspector::state::{Action, Overlay, UiCommand};
use lmd_inspector::worker::protocol::{Finding, LibraryCommand, LibraryEvent, Report, Status};

use super::layouts::faults_of_dialog;
use super::real::{no_wake, open, settings};
use super::script::Script;
use super::{Window, press, ready, until};

const TITLE: &str = "About LMD Inspector";

fn finding(subject: &str, status: Status, found: &str, advice: Option<&str>) -> Finding {
    Finding {
        subject: subject.to_owned(),
        status,
        found: found.to_owned(),
        advice: advice.map(str::to_owned),
    }
}

fn report() -> Arc<Report> {
    let advice = Some("let this user write there");
    Arc::new(Report {
        findings: vec![
            finding("version", Status::Ok, "0.1.0", None),
            finding("processor", Status::Ok, "kernels for AVX2, 8 threads", None),
            finding(
                "data folder",
                Status::Warning,
                "it can't be written",
                advice,
            ),
            finding(
                "device gpu:0",
                Status::Failed,
                "8e-1 from the known numbers",
                Some("choose another device"),
            ),
        ],
    })
}

fn opened() -> (Window, Script) {
    let (mut window, script) = ready(2);
    window.state_mut().act(Action::Do(UiCommand::ToggleAbout));
    window.run_steps(4);
    (window, script)
}

fn times_asked(script: &Script) -> usize {
    let shared = script.0.borrow();
    let commands = shared.library_commands.iter();
    commands
        .filter(|command| matches!(command, LibraryCommand::Diagnose))
        .count()
}

/// What the window has put into the clipboard in its last frame.
fn copied(window: &Window) -> Option<String> {
    let commands = window.output().platform_output.commands.iter();
    commands.into_iter().find_map(|command| match command {
        OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    })
}

#[test]
fn it_is_found_among_the_commands_and_in_the_menu_of_a_narrow_window() {
    let (mut window, _script) = ready(2);
    let found = window.state().session().commands("about lmd");
    let actions: Vec<&Action> = found.iter().map(|it| &it.action).collect();
    assert_eq!(actions, [&Action::Do(UiCommand::ToggleAbout)]);
    window.set_size(vec2(900.0, 700.0));
    window.run_steps(3);
    press(&mut window, "More");
    press(&mut window, "About");
    window.get_by_label(TITLE);
    press(&mut window, "Close");
    assert_eq!(window.state().session().looking.overlay, None);
}

#[test]
fn the_build_is_told_at_once_and_the_machine_as_soon_as_it_was_looked_at() {
    let (mut window, script) = opened();
    let version = env!("CARGO_PKG_VERSION");
    for fact in [version, "rustc", "x86_64", "MIT license"] {
        let count = window.query_all_by_label_contains(fact).count();
        assert!(count > 0 || !cfg!(target_arch = "x86_64"), "{fact}");
    }
    window.get_by_label_contains("Looking at this machine");
    assert!(window.query_by_label("Data folder").is_none());
    assert_eq!(times_asked(&script), 1);
    let copy = window.get_by_role_and_label(AccessRole::Button, "Copy");
    assert!(
        copy.accesskit_node().is_disabled(),
        "there is nothing to copy yet"
    );

    for finding in &report().findings[..2] {
        script.say_library(LibraryEvent::Found(finding.clone()));
    }
    window.run_steps(4);
    window.get_by_label("kernels for AVX2, 8 threads");
    window.get_by_label_contains("Looking at this machine");
    let place = |window: &Window| {
        let close = window.get_by_role_and_label(AccessRole::Button, "Close");
        close.rect()
    };
    let before = place(&window);
    script.say_library(LibraryEvent::Diagnosed(report()));
    window.run_steps(4);
    assert_eq!(place(&window), before, "nothing moves below the pointer");
    assert!(window.query_by_label_contains("Looking at this").is_none());
    window.get_by_label("Data folder");
    window.get_by_label("Let this user write there");
    window.get_by_label("Device gpu:0");
    window.get_by_label("1 failed, 1 warning");
    let faults = faults_of_dialog(&window, TITLE);
    assert!(faults.is_empty(), "{faults:?}");
    window.check_accessibility();

    window
        .get_by_role_and_label(AccessRole::Button, "Copy")
        .click();
    let mut text = None;
    for _ in 0..3 {
        window.step();
        text = text.or_else(|| copied(&window));
    }
    assert_eq!(text, Some(report().text()));

    // What was found is looked at again when the page is opened again, and is shown meanwhile.
    press(&mut window, "Close");
    window.state_mut().act(Action::Do(UiCommand::ToggleAbout));
    window.run_steps(4);
    assert_eq!(times_asked(&script), 2);
    window.get_by_label("Data folder");
}

#[test]
fn a_small_window_has_room_for_it() {
    let (mut window, script) = opened();
    script.say_library(LibraryEvent::Diagnosed(report()));
    window.set_size(vec2(720.0, 560.0));
    window.run_steps(6);
    let faults = faults_of_dialog(&window, TITLE);
    assert!(faults.is_empty(), "{faults:?}");
    window.get_by_role_and_label(AccessRole::Button, "Close");
}

#[test]
fn the_real_threads_look_at_the_real_machine() {
    let mut window = open(settings(1, 1), no_wake());
    window.state_mut().act(Action::Do(UiCommand::ToggleAbout));
    let found = |window: &Window| window.state().session().about.report.clone();
    until(&mut window, "the facts", |window| found(window).is_some());
    assert_eq!(
        window.state().session().looking.overlay,
        Some(Overlay::About)
    );
    let report = found(&window).unwrap();
    let of_cpu = report.findings.iter().find(|it| it.subject == "device cpu");
    let of_cpu = of_cpu.unwrap();
    assert_eq!(of_cpu.status, Status::Ok, "{of_cpu:?}");
    window.run_steps(4);
    window.get_by_label(&of_cpu.found);
}
