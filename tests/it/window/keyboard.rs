//! The window by keyboard alone.

use egui::accesskit::Role as AccessRole;
use egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::Window;
use super::decision::finished;

/// The name of what has the focus, and where it is.
fn focused(window: &Window) -> Option<(String, egui::Rect)> {
    let node = window
        .query_all_by(|node| node.is_focused() && node.role() != AccessRole::Window)
        .last()?;
    Some((
        node.accesskit_node().label().unwrap_or_default(),
        node.rect(),
    ))
}

#[test]
fn f6_goes_from_panel_to_panel_and_tab_goes_on_from_there() {
    let (mut window, _script) = finished(20, 2);
    let mut seen = Vec::new();
    for _ in 0..6 {
        window.key_press(Key::F6);
        window.run_steps(3);
        seen.push(focused(&window).unwrap().0);
    }
    let panels = [
        "Bar",
        "Setup of the next run",
        "Images",
        "Results of the run",
        "Run and progress",
        "Bar",
    ];
    assert_eq!(seen, panels);
    window.key_press_modifiers(Modifiers::SHIFT, Key::F6);
    window.run_steps(3);
    assert_eq!(focused(&window).unwrap().0, "Run and progress");
    window.key_press(Key::Tab);
    window.run_steps(3);
    assert_eq!(focused(&window).unwrap().0, "Run");
}

#[test]
fn keys_of_the_gallery_work_while_a_panel_has_the_focus() {
    let (mut window, _script) = finished(20, 2);
    for _ in 0..3 {
        window.key_press(Key::F6);
        window.run_steps(3);
    }
    assert_eq!(focused(&window).unwrap().0, "Images");
    let shown = |window: &Window| window.state().session().shown.image();
    let before = shown(&window);
    window.key_press(Key::ArrowLeft);
    window.run_steps(3);
    assert_ne!(shown(&window), before);
}

#[test]
fn what_gets_the_focus_is_brought_into_view() {
    let (mut window, _script) = finished(20, 2);
    window.key_press(Key::F6);
    window.run_steps(2);
    window.key_press(Key::F6);
    window.run_steps(2);
    let mut names = Vec::new();
    // Through the whole setup, which is longer than the window.
    for _ in 0..60 {
        window.key_press(Key::Tab);
        window.run_steps(12);
        let Some((name, rect)) = focused(&window) else {
            continue;
        };
        if name == "Resize panel" {
            continue;
        }
        if rect.left() > 330.0 {
            break;
        }
        assert!(
            rect.top() >= 44.0 && rect.bottom() <= 800.0 - 70.0,
            "{name} at {rect:?}"
        );
        names.push(name);
    }
    assert!(names.len() > 10, "{names:?}");
}
