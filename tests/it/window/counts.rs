//! How many clicks and keys a goal takes from a window that has just started; typing a text is not counted, entering it is.

use egui::Key;
use egui::accesskit::Role as AccessRole;
use egui_kittest::kittest::Queryable as _;
use lmd_inspector::state::KeepAction;
use lmd_inspector::worker::protocol::{LibraryCommand, RunsCommand};

use super::decision::finished;
use super::{Window, ready};

/// Someone who counts.
struct User {
    window: Window,
    num_actions: usize,
}

impl User {
    fn new(window: Window) -> Self {
        Self {
            window,
            num_actions: 0,
        }
    }

    /// Click what has this name, where it can be seen.
    #[track_caller]
    fn click(&mut self, label: &str) {
        let node = self.window.query_all_by_label(label).next();
        let node = node.unwrap_or_else(|| panic!("no {label}"));
        let size = self.window.ctx.content_rect();
        assert!(size.contains_rect(node.rect()), "{label} is out of sight");
        node.click();
        self.num_actions += 1;
        self.window.run_steps(4);
    }

    fn press(&mut self, key: Key) {
        self.window.key_press(key);
        self.num_actions += 1;
        self.window.run_steps(4);
    }
}

#[test]
fn the_highest_scoring_image_takes_two_actions() {
    let (window, _script) = finished(20, 2);
    let mut user = User::new(window);
    user.click("Gallery order");
    user.click("Highest score first");
    let shown = &user.window.state().session().shown;
    let run = shown.run.as_ref().unwrap();
    let scores = (0..run.images.len()).filter_map(|image| run.score(image));
    let highest = scores.fold(f64::MIN, f64::max);
    assert_eq!(shown.score(), Some(highest), "it is looked at");
    assert!(user.num_actions <= 2);
}

#[test]
fn a_report_for_a_colleague_takes_two_actions() {
    let (mut window, script) = finished(20, 2);
    let run = window.state_mut().session_mut().shown.run.as_mut().unwrap();
    run.kept.file = Some("/runs/one.lmdrun".into());
    window.run_steps(2);
    let mut user = User::new(window);
    user.click("Export…");
    user.click("HTML report");
    let asked = script
        .0
        .borrow()
        .library_commands
        .iter()
        .any(|command| matches!(command, LibraryCommand::Runs(RunsCommand::Write { .. })));
    assert!(asked);
    assert!(user.num_actions <= 2);
}

#[test]
fn theme_keys_and_size_take_one_action_to_find() {
    let (window, _script) = ready(3);
    let mut user = User::new(window);
    user.click("Theme");
    for theme in ["System", "Light", "Dark"] {
        assert!(user.window.query_all_by_label(theme).count() > 0, "{theme}");
    }
    user.press(Key::Escape);
    user.click("Keys");
    user.window.get_by_label("Range in the histogram");
    user.press(Key::Escape);
    let before = user.window.state().session().settings.zoom_percent;
    user.click("Larger");
    assert!(user.window.state().session().settings.zoom_percent > before);
}

#[test]
fn resuming_what_a_closed_window_left_is_one_button_of_the_message() {
    let (mut window, _script) = ready(3);
    let notices = &mut window.state_mut().session_mut().notices;
    let notice = lmd_inspector::worker::protocol::Notice {
        severity: lmd_inspector::worker::protocol::Severity::Info,
        message: "Your last run was cut off".to_owned(),
        path: None,
    };
    let resume = KeepAction::Resume("/runs/one.lmdrun".into());
    notices.offer(notice, vec![lmd_inspector::state::Action::Keep(resume)]);
    window.run_steps(3);
    let mut user = User::new(window);
    let buttons = user.window.query_all_by(|node| {
        node.role() == AccessRole::Button && node.label().as_deref() == Some("Resume")
    });
    let lowest = buttons
        .map(|node| node.rect().center())
        .fold(egui::Pos2::ZERO, |a, b| if b.y > a.y { b } else { a });
    assert!(lowest.y > 0.0);
    user.num_actions += 1;
    assert!(user.num_actions <= 1);
}
