//! How room is used: pictures as large as it, columns across it, and words on one line in it.

use std::sync::Arc;

use egui::{Rect, Vec2};
use egui_kittest::kittest::Queryable as _;
use lmd_inspector::detectors::DetectorSpec;
use lmd_inspector::engine::comparing::compare;
use lmd_inspector::ood::Role;
use lmd_inspector::runs::RunSettings;
use lmd_inspector::runs::file::{Manifest, NewRun};
use lmd_inspector::runs::settings::Method;
use lmd_inspector::state::{Action, Center, PanelSettings, UiCommand};
use lmd_inspector::worker::protocol::Severity;

use super::arrangement::three_roles;
use super::decision::finished;
use super::look::looking;
use super::pictures::{show_compared, show_runs};
use super::{Window, ready};
use crate::networks::fixture;

fn act(window: &mut Window, action: Action) {
    window.state_mut().act(action);
    window.run_steps(4);
}

/// The place of the last node whose name begins with that.
#[track_caller]
fn place(window: &Window, start: &str) -> Rect {
    let nodes = window.query_all_by(|node| {
        let words = node.label().or_else(|| node.value());
        words.is_some_and(|words| words.starts_with(start)) && node.bounding_box().is_some()
    });
    let node = nodes.last();
    node.unwrap_or_else(|| panic!("there is no {start}")).rect()
}

fn detector(name: &str) -> DetectorSpec {
    let mut all = DetectorSpec::all().into_iter();
    all.find(|spec| spec.about().name == name).unwrap()
}

#[test]
fn pictures_of_the_presentation_take_what_each_step_leaves_them() {
    let (mut window, _script) = looking();
    for size in [[1280.0, 800.0], [1280.0, 720.0], [2560.0, 1440.0]] {
        window.set_size(Vec2::from(size));
        act(&mut window, Action::Do(UiCommand::TogglePresentation));
        let mut sides = Vec::new();
        for title in ["1  Original", "2  Hidden", "3  Filled in", "4  Difference"] {
            let picture = place(&window, &format!("{title} picture"));
            sides.push(picture.width());
            let hint = place(&window, "Step ");
            assert!(hint.top() > picture.bottom(), "{size:?}, {title}: {hint:?}");
            assert!(hint.bottom() < size[1], "{size:?}, {title}: {hint:?}");
            assert!(picture.right() < size[0], "{size:?}, {title}: {picture:?}");
            act(&mut window, Action::Do(UiCommand::NextStep));
        }
        assert!(sides[0] > 0.6 * size[1], "{size:?}: {sides:?}");
        assert!(sides[2] > 0.28 * size[0], "{size:?}: {sides:?}");
        act(&mut window, Action::Do(UiCommand::TogglePresentation));
    }
}

#[test]
fn the_headline_stands_on_one_line() {
    /// Of a line of the window's font, what is above its baseline: 932 units of 1,121.
    const ASCENT: f32 = 0.831;
    let (window, _script) = finished(40, 3);
    let analysis = window.state().session().shown.analysis.clone().unwrap();
    let number = format!("{:.3}", analysis.figures.as_ref().unwrap().auroc);
    let number = window.get_by_label(&number);
    let mut words = window.query_all_by_label("AUROC");
    let words = words.next().unwrap().rect();
    let baseline = |rect: Rect| rect.top() + ASCENT * rect.height();
    let apart = baseline(words) - baseline(number.rect());
    assert!(apart.abs() < 1.0, "{apart} points");
}

#[test]
fn compared_runs_reach_across_their_table() {
    let (mut window, script) = three_roles(10);
    for width in [1280.0, 2000.0] {
        window.set_size(Vec2::new(width, 800.0));
        show_compared(&mut window, &script);
        let (edge, last) = (place(&window, "Close table"), place(&window, "Time"));
        let empty = edge.right() - last.right();
        assert!((0.0..50.0).contains(&empty), "{empty} of {width} points");
        act(&mut window, Action::Do(UiCommand::ToggleCompare));
    }
}

#[test]
fn attempts_take_the_room_that_the_folded_setup_leaves() {
    let (mut window, _script) = finished(20, 10);
    let panels = PanelSettings {
        center: Center::Inspect,
        ..window.state().session().settings.panels
    };
    act(&mut window, Action::SetPanels(panels));
    act(&mut window, Action::Do(UiCommand::ToggleSetup));
    for size in [[1280.0, 800.0], [1920.0, 1080.0], [1280.0, 1000.0]] {
        window.set_size(Vec2::from(size));
        window.run_steps(4);
        let (last, bar) = (place(&window, "Attempt 10,"), place(&window, "Progress, "));
        let empty = bar.top() - last.bottom();
        assert!((20.0..110.0).contains(&empty), "{empty} of {size:?}");
    }
}

#[test]
fn small_pictures_fill_their_frames() {
    let (mut window, _script) = looking();
    for size in [[1280.0, 800.0], [1500.0, 900.0], [1800.0, 1200.0]] {
        window.set_size(Vec2::from(size));
        window.run_steps(4);
        let frame = place(&window, "Original of ");
        let rest = (frame.width() - 2.0) % 32.0;
        assert!(rest < 0.5, "{frame:?} around 32 pixels per side");
    }
}

#[test]
fn a_command_is_shown_without_the_marks_around_it() {
    let (mut window, _script) = ready(3);
    let session = window.state_mut().session_mut();
    let message = "The fit was saved. `lmd score --fitted` and this window open it.";
    session.notices.say(Severity::Info, message);
    window.run_steps(2);
    let shown = window.query_all_by_label_contains("saved. lmd score --fitted and this window");
    assert!(shown.count() > 0);
}

#[test]
fn a_run_without_calls_says_so_in_the_table() {
    let (mut window, script) = ready(3);
    let path = fixture("runs/v1/finished.lmdrun");
    let mut runs = compare(&[path], 0.95);
    show_runs(&mut window, &script, runs.clone());
    assert!(window.query_by_label_contains("No calls").is_none());
    act(&mut window, Action::Do(UiCommand::ToggleCompare));

    let run = Arc::make_mut(&mut runs[0]);
    let scores = Arc::make_mut(&mut run.scores);
    let settings = RunSettings {
        method: Method {
            detector: detector("mahalanobis"),
            ..scores.manifest.settings().method
        },
        ..scores.manifest.settings()
    };
    let new = NewRun {
        model: scores.manifest.model.clone(),
        settings: &settings,
        measures: scores.manifest.measures.clone(),
        folders: &[(Role::InDomain, "in".into())],
        shard: None,
        keep_pictures: scores.manifest.keep_pictures,
        num_skipped: 0,
        has_report_beside: false,
    };
    scores.manifest = Manifest::new(new, 8);
    show_runs(&mut window, &script, runs.clone());
    let said = window.query_all_by_label_contains("does not use the diffusion model");
    assert_eq!(said.count(), runs[0].rows.len());
}
