//! How many clicks and keys a goal takes from a window that has just started; typing a text is not counted, entering it is,
//! nor is what the desktop's own file dialog takes.

use std::sync::Arc;

use egui::Key;
use egui::accesskit::Role as AccessRole;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use lmd_inspector::ood::Role;
use lmd_inspector::state::KeepAction;
use lmd_inspector::worker::protocol::{Event, LibraryCommand, LibraryEvent, RunsCommand};

use super::decision::{finished, run};
use super::{Window, press, ready, script, until};

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
fn the_misses_take_one_action() {
    let (mut window, script) = ready(40);
    script.0.borrow_mut().overlap = 0.07;
    run(&mut window, &script, 2);
    let links = window.query_all_by(|node| node.role() == AccessRole::Link);
    let names = links.filter_map(|node| node.accesskit_node().label());
    let words = names.into_iter().find(|name| name.ends_with(" missed"));
    let words = words.expect("the headline should say how many were missed");
    let mut user = User::new(window);
    user.click(&words);
    let shown = &user.window.state().session().shown;
    let threshold = shown.threshold().unwrap();
    let found = shown.gallery.order();
    assert!(
        words.starts_with(&format!("{} of 40", found.len())),
        "{words}"
    );
    assert!(!found.is_empty());
    for &image in found {
        assert_eq!(shown.gallery.images()[image].role, Role::OutOfDomain);
        assert!(shown.score_of(image).unwrap() <= threshold);
    }
    assert_eq!(user.num_actions, 1);
    // And all images again.
    user.click(&words);
    assert_eq!(
        user.window.state().session().shown.gallery.order().len(),
        80
    );
}

#[test]
fn the_misses_come_into_view_where_no_gallery_is() {
    let (mut window, script) = ready(40);
    script.0.borrow_mut().overlap = 0.07;
    run(&mut window, &script, 2);
    press(&mut window, "Inspect");
    let tiles = |window: &Window| {
        window
            .query_all_by_label_contains(".png, out-of-domain, score")
            .count()
    };
    assert_eq!(tiles(&window), 0);
    window.get_by_label_contains(" missed").click();
    window.run_steps(4);
    assert!(tiles(&window) > 0);
}

#[test]
fn verdicts_on_a_folder_with_a_saved_detector_take_four_actions() {
    let detector = {
        let (window, _script) = finished(25, 2);
        let detector = window.state().session().detector_to_save();
        detector.unwrap()
    };
    let (window, script) = ready(25);
    let mut user = User::new(window);
    let choose = |user: &mut User, path: &str| {
        let (job, kind) = *script.0.borrow().dialogs.last().unwrap();
        script.say_library(LibraryEvent::Chosen {
            job,
            kind,
            paths: vec![path.into()],
            was_shown: true,
        });
        user.window.run_steps(4);
    };
    user.click("Browse detector to open");
    choose(&mut user, "/mine/detector.json");
    script.say_library(LibraryEvent::DetectorOpened {
        path: "/mine/detector.json".into(),
        detector: Ok(Arc::new(detector.clone())),
        written: None,
    });
    user.window.run_steps(4);
    user.click("Browse unknown folder path");
    choose(&mut user, "/mine/holiday");
    script.list_folders(7);
    user.window.run_steps(4);
    user.click("Only score unknown images");
    user.click("Run");
    assert_eq!(user.num_actions, 4);

    let window = &mut user.window;
    let (job, request, _) = script.last_run();
    assert_eq!(request.images.len(), 7, "the samples are left out");
    let num_attempts = request.settings.method.detector.num_attempts();
    script.make_attempts(0..num_attempts);
    let progress = script::progress(&request, 7 * num_attempts);
    script.say(Event::Done { job, progress });
    until(window, "the verdicts", |window| {
        let analysis = window.state().session().shown.analysis.as_deref();
        analysis.is_some_and(|analysis| analysis.unknown.len() == 7)
    });
    window.run_steps(4);
    let run = window.state().session().shown.run.as_ref().unwrap();
    for (id, image) in run.images.iter().enumerate() {
        let name = image.file.path.file_name().unwrap().to_str().unwrap();
        let is_flagged = run.score(id).unwrap() > detector.threshold;
        let word = if is_flagged { "flagged" } else { "passes" };
        window.get_by_label(&format!("{name}, {word}"));
    }
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
