//! Where things lie: everything inside the window at any width, borders that move, pages, and the bar.

use egui::accesskit::Role as AccessRole;
use egui::{Key, Modifiers, Rect, Vec2, pos2, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use lmd_inspector::ood::Role;
use lmd_inspector::state::{
    Action, Center, LookAction, PanelSettings, ResultsPage, Settings, VerdictFilter,
};

use super::decision::{finished, run};
use super::look::{drag, looking};
use super::script::Script;
use super::{Window, has_attempts, open, prepare, press, until};

/// A window with images of all three roles, scored.
pub(super) fn three_roles(num_images: usize) -> (Window, Script) {
    overlapping_roles(num_images, 0.0)
}

/// The same with scores that lie closer together by so much.
pub(super) fn overlapping_roles(num_images: usize, overlap: f64) -> (Window, Script) {
    let (mut window, script) = open(Settings::default());
    script.0.borrow_mut().overlap = overlap;
    let session = window.state_mut().session_mut();
    session.perform(Action::AddFolder("/images/holiday".into(), Role::Unknown));
    prepare(&mut window, &script, num_images);
    run(&mut window, &script, 2);
    (window, script)
}

/// The accessible names of everything that lies outside of the window to its left or right, with their places.
fn outside(window: &Window, width: f32) -> Vec<String> {
    window
        .query_all_by(|node| {
            node.label().is_some()
                && node.role() != AccessRole::Window
                && node.bounding_box().is_some()
        })
        .map(|node| (node.accesskit_node().label().unwrap(), node.rect()))
        .filter(|(_, rect)| rect.left() < -0.5 || rect.right() > width + 0.5)
        .map(|(label, rect)| format!("{label} at {rect:?}"))
        .collect()
}

#[test]
fn nothing_leaves_the_window_at_any_width_with_three_roles_and_a_filter() {
    let (mut window, _script) = three_roles(30);
    let session = window.state_mut().session_mut();
    session.settings.gallery.verdict = Some(VerdictFilter::LetThrough);
    session.perform(Action::Look(LookAction::Find("png".to_owned())));
    window.run_steps(4);
    for size in [
        [720.0, 560.0],
        [960.0, 700.0],
        [1120.0, 680.0],
        [1200.0, 720.0],
        [1280.0, 800.0],
        [1920.0, 1080.0],
        [3840.0, 2160.0],
    ] {
        window.set_size(Vec2::from(size));
        for center in Center::ALL {
            for results in ResultsPage::ALL {
                let panels = PanelSettings {
                    center,
                    results,
                    ..window.state().session().settings.panels
                };
                window.state_mut().act(Action::SetPanels(panels));
                window.run_steps(3);
                let outside = outside(&window, size[0]);
                assert!(
                    outside.is_empty(),
                    "{size:?}, {center:?}, {results:?}: {outside:?}"
                );
            }
        }
        if size[0] < 1200.0 {
            for page in ["Setup", "Inspect", "Gallery", "Verdicts", "Results"] {
                let pages: Vec<_> = window.query_all_by_label(page).collect();
                pages.last().unwrap().click();
                window.run_steps(3);
                let outside = outside(&window, size[0]);
                assert!(outside.is_empty(), "{size:?}, {page}: {outside:?}");
            }
        }
    }
}

/// Whether two names of the window lie over each other.
#[track_caller]
fn assert_apart(window: &Window, labels: &[&str]) {
    let rects: Vec<(String, Rect)> = labels
        .iter()
        .map(|label| ((*label).to_owned(), window.get_by_label(label).rect()))
        .collect();
    for (index, (first, a)) in rects.iter().enumerate() {
        for (second, b) in &rects[index + 1..] {
            let common = a.intersect(*b);
            assert!(
                !common.is_positive(),
                "{first} at {a:?} lies over {second} at {b:?}"
            );
        }
    }
}

#[test]
fn the_presentation_fits_the_window_whatever_the_zoom() {
    for size in [[1280.0, 720.0], [1024.0, 768.0], [2560.0, 1440.0]] {
        for zoom in [100, 150, 200] {
            for key in [Key::F11, Key::E] {
                let (mut window, _script) = looking();
                window.set_size(Vec2::from(size));
                window.state_mut().session_mut().settings.zoom_percent = zoom;
                window.run_steps(3);
                window.key_press(key);
                window.run_steps(4);
                let within = Rect::from_min_size(pos2(0.0, 0.0), Vec2::from(size)).expand(0.5);
                let words = ["Previous image", "Next image", "Back", "Next", "Close"];
                assert_apart(&window, &words);
                let placed = window
                    .query_all_by(|node| node.label().is_some() && node.bounding_box().is_some());
                for node in placed {
                    let rect = node.rect();
                    let label = node.accesskit_node().label().unwrap();
                    assert!(
                        within.contains_rect(rect),
                        "{label} at {rect:?} of {size:?}, zoom {zoom}, {key:?}"
                    );
                }
                // Back in the window the zoom is what it was.
                window.key_press(Key::Escape);
                window.run_steps(3);
                assert_eq!(window.ctx.zoom_factor(), zoom as f32 / 100.0);
            }
        }
    }
}

#[test]
fn borders_move_and_are_remembered() {
    let (mut window, _script) = finished(20, 1);
    let width = |window: &Window| window.state().session().settings.panels.results_width;
    let before = width(&window);
    let border = pos2(1280.0 - before, 400.0);
    drag(&mut window, border, border - vec2(80.0, 0.0));
    window.run_steps(3);
    assert!(
        (width(&window) - before - 80.0).abs() < 3.0,
        "{}",
        width(&window)
    );
    // The center keeps its room.
    let border = pos2(1280.0 - width(&window), 400.0);
    drag(&mut window, border, pos2(340.0, 400.0));
    window.run_steps(3);
    assert!(
        width(&window) <= 1280.0 - 312.0 - 500.0,
        "{}",
        width(&window)
    );
}

#[test]
fn the_setup_folds_away_and_comes_back() {
    let (mut window, _script) = finished(20, 1);
    let field = |window: &Window| {
        let mut fields = window.query_all_by_label("model path");
        fields.next().is_some()
    };
    assert!(field(&window));
    window.key_press_modifiers(Modifiers::COMMAND, Key::B);
    window.run_steps(3);
    assert!(!field(&window));
    assert!(window.state().session().settings.panels.is_setup_folded);
    press(&mut window, "Setup");
    assert!(field(&window));
}

#[test]
fn esc_closes_an_open_list_and_leaves_the_image_and_the_marks() {
    let (mut window, _script) = looking();
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.run_steps(2);
    let marked = |window: &Window| window.state().session().shown.gallery.marked().len();
    let selected = |window: &Window| window.state().session().shown.gallery.selected();
    let (all, image) = (marked(&window), selected(&window));
    assert!(all > 0 && image.is_some());
    window
        .get_by_role_and_label(AccessRole::ComboBox, "Gallery order")
        .click();
    window.run_steps(3);
    window.key_press(Key::ArrowDown);
    window.run_steps(2);
    assert_eq!(selected(&window), image, "arrows belong to the list");
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert!(!egui::Popup::is_any_open(&window.ctx));
    assert_eq!((marked(&window), selected(&window)), (all, image));
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert_eq!((marked(&window), selected(&window)), (0, image));
}

#[test]
fn tiles_say_what_the_threshold_makes_of_them() {
    let (mut window, _script) = overlapping_roles(40, 0.07);
    let session = window.state().session();
    let threshold = session.shown.threshold().unwrap();
    let run = session.shown.run.as_ref().unwrap();
    let count = |role: Role, is_above: bool| {
        let scores = run.scores_of(role);
        scores
            .filter(|(_, score)| (*score > threshold) == is_above)
            .count()
    };
    let expected = [
        (", false alarm", count(Role::InDomain, true)),
        (", missed", count(Role::OutOfDomain, false)),
        (
            ", flagged",
            count(Role::OutOfDomain, true) + count(Role::Unknown, true),
        ),
    ];
    // All tiles at once: only those in view are drawn.
    window.set_size(vec2(2600.0, 2000.0));
    let gallery = PanelSettings {
        center: Center::Gallery,
        ..PanelSettings::default()
    };
    window.state_mut().act(Action::SetPanels(gallery));
    window.run_steps(4);
    for (words, count) in expected {
        let tiles = window.query_all_by(|node| {
            node.role() == AccessRole::Button
                && node.label().is_some_and(|label| label.ends_with(words))
        });
        assert_eq!(tiles.count(), count, "{words}");
    }
}

#[test]
fn a_run_is_followed_again_after_an_image_was_looked_at() {
    let (mut window, script) = super::ready(6);
    press(&mut window, "Run");
    script.make_attempts(0..1);
    until(&mut window, "an attempt", has_attempts(1));
    window
        .get_by_label_contains("00002.png, in-domain, score")
        .click();
    window.run_steps(3);
    assert!(window.state().session().shown.gallery.selected().is_some());
    window
        .state_mut()
        .act(Action::Do(lmd_inspector::state::UiCommand::Follow));
    window.run_steps(3);
    assert_eq!(window.state().session().shown.gallery.selected(), None);
}
