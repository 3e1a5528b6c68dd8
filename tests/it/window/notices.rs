//! Messages: news go by themselves, warnings with their cause, and all of them are in a list.

use egui::accesskit::Role as AccessRole;
use egui_kittest::kittest::Queryable as _;
use lmd_inspector::ood::Role;
use lmd_inspector::state::{Action, Settings};
use lmd_inspector::worker::protocol::{LibraryCommand, LibraryEvent, Severity};

use super::{Window, open, prepare, press, ready};

fn say(window: &mut Window, severity: Severity, message: &str) {
    let notices = &mut window.state_mut().session_mut().notices;
    notices.say(severity, message);
    window.run_steps(2);
}

#[test]
fn news_go_after_a_while_and_are_in_the_list_of_messages() {
    let (mut window, _script) = ready(3);
    say(&mut window, Severity::Info, "The plots were written");
    say(&mut window, Severity::Error, "The disk is full");
    window.get_by_label("The plots were written");
    // The window's clock moves a quarter of a second a frame here.
    window.run_steps(40);
    assert!(window.query_by_label("The plots were written").is_none());
    window.get_by_label("The disk is full");
    press(&mut window, "Messages");
    window.get_by_label("The plots were written");
    let close = "Close messages";
    window
        .get_by_role_and_label(AccessRole::Button, close)
        .click();
    window.run_steps(3);
    assert!(window.query_by_label("The plots were written").is_none());
}

#[test]
fn a_warning_goes_with_its_cause() {
    let (mut window, script) = open(Settings::default());
    press(&mut window, "Run");
    let said = window.query_all_by_label_contains("The model is still being opened");
    assert!(said.count() > 0);
    prepare(&mut window, &script, 5);
    assert!(window.state().session().notices.is_empty());
}

#[test]
fn a_folder_that_can_not_be_listed_says_so_under_its_name_and_nowhere_else() {
    let (mut window, script) = ready(3);
    let session = window.state_mut().session_mut();
    session.perform(Action::AddFolder("/images/gone".into(), Role::Unknown));
    window.run_steps(2);
    let command = script.0.borrow_mut().library_commands.pop();
    let Some(LibraryCommand::Scan { job, .. }) = command else {
        panic!("expected a listing, got {command:?}");
    };
    script.say_library(LibraryEvent::Scanned {
        job,
        listing: Err("there is no such folder or file: /images/gone".to_owned()),
    });
    window.run_steps(3);
    let said = window.query_all_by_label_contains("no such folder").count();
    assert_eq!(said, 1);
    let name = window.get_by_label("gone").rect();
    let message = window
        .get_by_label("There is no such folder or file.")
        .rect();
    assert!((0.0..20.0).contains(&(message.top() - name.bottom())));
    press(&mut window, "Remove gone, unknown");
    assert!(window.query_by_label_contains("no such folder").is_none());
}

#[test]
fn several_messages_are_a_strip_that_one_click_clears() {
    let (mut window, _script) = ready(30);
    for index in 0..6 {
        say(
            &mut window,
            Severity::Warning,
            &format!("Warning number {index}"),
        );
    }
    let shown = window.query_all_by_label_contains("Warning number").count();
    assert!(shown <= 2, "{shown} at once");
    let crosses = window.query_all_by_label("Dismiss message");
    let top = crosses
        .map(|node| node.rect().top())
        .fold(f32::MAX, f32::min);
    assert!(top > 0.65 * 800.0, "from {top} of 800 points down");
    press(&mut window, "Dismiss all");
    assert!(window.state().session().notices.is_empty());
    say(&mut window, Severity::Warning, "One");
    assert!(window.query_by_label("Dismiss all").is_none());
    say(&mut window, Severity::Warning, "Two");
    assert!(window.query_by_label("Dismiss all").is_some());
}

#[test]
fn a_long_message_stays_short_and_is_whole_in_the_list() {
    let (mut window, _script) = ready(3);
    let long = "This sentence is far too long to be read at a glance. ".repeat(20);
    say(&mut window, Severity::Error, &long);
    let height = |window: &Window| {
        let messages = window.query_all_by_label_contains("This sentence is far");
        messages
            .map(|node| node.rect().height())
            .fold(0.0, f32::max)
    };
    assert!(height(&window) < 70.0, "{}", height(&window));
    press(&mut window, "Messages");
    assert!(height(&window) > 150.0, "{}", height(&window));
}
