//! The gallery: sorted, filtered, brushed from the histogram, and marked in the plots.

use egui::accesskit::Role as AccessRole;
use egui::{Key, Rect, pos2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use lmd_inspector::ood::{Outcome, Role};
use lmd_inspector::state::{Action, GalleryView, ScoreRange, Session, VerdictFilter, text};

use super::decision::{cell, drag, finished, handle};
use super::{Window, press};

fn session(window: &Window) -> &Session {
    window.state().session()
}

fn choose(window: &mut Window, combo: &str, item: &str) {
    window
        .get_by_role_and_label(AccessRole::ComboBox, combo)
        .click();
    window.run_steps(4);
    window
        .get_by_role_and_label(AccessRole::Button, item)
        .click();
    window.run_steps(4);
}

fn scores(window: &Window) -> Vec<f64> {
    let order = session(window).shown.gallery.order().iter();
    order
        .map(|&image| session(window).shown.score_of(image).unwrap())
        .collect()
}

#[test]
fn the_gallery_is_sorted_by_p_value_and_says_it_under_each_picture() {
    let (mut window, _script) = finished(40, 3);
    choose(&mut window, "Gallery order", "Lowest p-value first");
    let session = session(&window);
    let run = session.shown.run.as_ref().unwrap();
    let in_domain: Vec<(usize, f64)> = run.scores_of(Role::InDomain).collect();
    let expected = |image: usize| {
        // By definition, the image itself left out of those that it is compared with.
        let score = run.score(image).unwrap();
        let others = || in_domain.iter().filter(|(other, _)| *other != image);
        let at_least = others().filter(|(_, other)| *other >= score).count();
        (1 + at_least) as f64 / (1 + others().count()) as f64
    };
    let order = session.shown.gallery.order();
    assert_eq!(order.len(), 80);
    for &image in order {
        assert_eq!(session.shown.p_value_of(image), Some(expected(image)));
    }
    assert!(order.is_sorted_by(|&a, &b| {
        let key = |image| (expected(image), -run.score(image).unwrap());
        key(a) <= key(b)
    }));
}

#[test]
fn the_gallery_shows_what_the_threshold_puts_on_one_side_and_its_mistakes() {
    let (mut window, script) = finished(40, 3);
    script.0.borrow_mut().overlap = 0.07;
    press(&mut window, "Run");
    script.make_attempts(0..2);
    super::until(&mut window, "two attempts", super::has_attempts(2));
    let threshold = session(&window).shown.threshold().unwrap();
    for (item, filter) in [
        ("Called out-of-domain", VerdictFilter::Flagged),
        ("Called in-domain", VerdictFilter::LetThrough),
        ("False alarms", VerdictFilter::Outcome(Outcome::FalseAlarm)),
        ("Missed", VerdictFilter::Outcome(Outcome::Miss)),
    ] {
        choose(&mut window, "Gallery verdict", item);
        let session = session(&window);
        assert_eq!(session.settings.gallery.verdict, Some(filter));
        let expected: Vec<usize> = (0..80)
            .filter(|&image| {
                let role = session.shown.gallery.images()[image].role;
                let is_flagged = session.shown.score_of(image).unwrap() > threshold;
                match item {
                    "Called out-of-domain" => is_flagged,
                    "Called in-domain" => !is_flagged,
                    "False alarms" => is_flagged && role == Role::InDomain,
                    _ => !is_flagged && role == Role::OutOfDomain,
                }
            })
            .collect();
        assert!(!expected.is_empty(), "{item}");
        assert_eq!(session.shown.gallery.order(), expected, "{item}");
        window.get_by_label(&format!("{} of 80", expected.len()));
    }
    let missed = cell(&window, "Missed");
    let node = window.get_by_role_and_label(AccessRole::Button, &missed);
    assert_eq!(
        node.accesskit_node().toggled(),
        Some(egui::accesskit::Toggled::True),
        "the matrix shows the same choice"
    );
    press(&mut window, "Show all");
    assert_eq!(
        session(&window).settings.gallery,
        GalleryView::default(),
        "no filter is left"
    );
    assert_eq!(session(&window).shown.gallery.order().len(), 80);
}

#[test]
fn all_choices_of_the_gallery_are_inside_the_window() {
    let (mut window, _script) = finished(20, 2);
    let session = window.state_mut().session_mut();
    session.perform(Action::SetGallery(GalleryView {
        role: Some(Role::OutOfDomain),
        verdict: Some(VerdictFilter::Flagged),
        ..GalleryView::default()
    }));
    window.run_steps(4);
    let place = |role, label: &str| window.get_by_role_and_label(role, label).rect();
    let order = place(AccessRole::ComboBox, "Gallery order");
    let rects = [
        place(AccessRole::ComboBox, "Gallery role"),
        place(AccessRole::ComboBox, "Gallery verdict"),
        place(AccessRole::Button, "Show all"),
    ];
    let plots_begin = 1280.0 - 348.0;
    for rect in rects {
        assert!((rect.center().y - order.center().y).abs() < 2.0, "one row");
        assert!(rect.right() <= plots_begin, "{rect:?}");
    }
}

fn plot(window: &Window) -> Rect {
    window
        .get_by_role_and_label(AccessRole::Image, "Area to drag out a range of scores")
        .rect()
}

#[test]
fn a_range_dragged_out_in_the_histogram_filters_the_gallery() {
    let (mut window, _script) = finished(40, 3);
    let threshold = session(&window).shown.threshold();
    let area = plot(&window);
    let at = |share: f32| pos2(area.left() + share * area.width(), area.center().y);
    drag(&mut window, at(0.05), at(0.3));
    let range = session(&window).shown.gallery.brush().unwrap();
    assert_eq!(
        session(&window).shown.threshold(),
        threshold,
        "the line stays"
    );
    let shown = scores(&window);
    assert!(!shown.is_empty() && shown.len() < 80);
    assert!(shown.iter().all(|score| range.contains(*score)));
    let run = session(&window).shown.run.as_ref().unwrap();
    let expected = (0..80).filter(|&image| range.contains(run.score(image).unwrap()));
    assert_eq!(shown.len(), expected.count());
    window.get_by_label(&text::counted(shown.len(), "image"));
    let field = window.get_by_role_and_label(AccessRole::SpinButton, "Highest score shown");
    assert_eq!(field.accesskit_node().numeric_value(), Some(range.high));

    window.key_press(Key::Escape);
    window.run_steps(3);
    assert_eq!(session(&window).shown.gallery.brush(), None);
    assert_eq!(session(&window).shown.gallery.order().len(), 80);

    drag(&mut window, at(0.3), at(0.05));
    let again = session(&window).shown.gallery.brush().unwrap();
    assert!((again.low - range.low).abs() < 1e-9, "either way round");
    press(&mut window, "Clear the range of scores");
    assert_eq!(session(&window).shown.gallery.brush(), None);
    drag(&mut window, at(0.1), at(0.2));
    window.hover_at(at(0.9));
    window.run_steps(2);
    window.drag_at(at(0.9));
    window.run_steps(1);
    window.drop_at(at(0.9));
    window.run_steps(3);
    assert_eq!(
        session(&window).shown.gallery.brush(),
        None,
        "a click shows all"
    );
}

#[test]
fn the_threshold_is_dragged_through_a_range_and_its_grip_stays_wide() {
    let (mut window, _script) = finished(40, 3);
    let area = plot(&window);
    let line = handle(&window, "Threshold");
    drag(
        &mut window,
        pos2(line.center().x - 40.0, area.center().y),
        pos2(line.center().x + 40.0, area.center().y),
    );
    let range = session(&window).shown.gallery.brush();
    assert!(range.is_some());
    let before = session(&window).shown.threshold().unwrap();
    let line = handle(&window, "Threshold");
    assert!(line.width() >= 10.0, "{line:?}");
    // At the rim of its grip.
    let from = pos2(line.center().x - 4.9, area.center().y);
    drag(&mut window, from, pos2(from.x + 30.0, from.y));
    assert!(session(&window).shown.threshold().unwrap() > before);
    assert_eq!(
        session(&window).shown.gallery.brush(),
        range,
        "the range stays"
    );
}

#[test]
fn a_range_is_typed_without_a_pointer_and_goes_with_the_distance() {
    let (mut window, _script) = finished(40, 3);
    let highest = scores(&window).into_iter().fold(f64::MIN, f64::max);
    let field = |window: &Window| {
        window
            .get_by_role_and_label(AccessRole::SpinButton, "Lowest score shown")
            .focus();
    };
    field(&window);
    window.run_steps(3);
    window.key_press(Key::Enter);
    window.run_steps(3);
    assert_eq!(
        session(&window).shown.gallery.brush(),
        None,
        "nothing was typed"
    );
    field(&window);
    window.run_steps(3);
    window
        .get_by_role_and_label(AccessRole::SpinButton, "Lowest score shown")
        .type_text("0.2");
    window.run_steps(2);
    window.key_press(Key::Enter);
    window.run_steps(3);
    let range = session(&window).shown.gallery.brush().unwrap();
    assert_eq!(range.low, 0.2);
    assert!((range.high - highest).abs() < 1e-9);
    assert!(scores(&window).iter().all(|score| *score >= 0.2));
    let session_mut = window.state_mut().session_mut();
    let mut run = session_mut.settings.run.clone();
    run.view.measure = lmd_inspector::networks::distances::MSE;
    session_mut.perform(Action::SetRun(Box::new(run)));
    window.run_steps(3);
    assert_eq!(session(&window).shown.gallery.brush(), None, "other units");
}

#[test]
fn the_histogram_follows_the_filters_and_says_so() {
    let (mut window, _script) = finished(40, 3);
    window.get_by_label("In-domain 40");
    choose(&mut window, "Gallery role", "Out-of-domain");
    window.get_by_label("In-domain 0 of 40");
    window.get_by_label("Out-of-domain 40 of 40");
    let session = window.state_mut().session_mut();
    let counts = session.shown.gallery.matching().unwrap();
    let all = &session.shown.analysis.as_ref().unwrap().histogram;
    assert_eq!(
        counts[Role::OutOfDomain],
        all.as_ref().unwrap().counts[Role::OutOfDomain]
    );
    assert!(counts[Role::InDomain].iter().all(|count| *count == 0));
    // A range is a band over the bars, which stay.
    session.perform(Action::Look(lmd_inspector::state::LookAction::Brush(Some(
        ScoreRange::between(0.0, 0.01),
    ))));
    window.run_steps(3);
    window.get_by_label("Out-of-domain 40 of 40");
    window.get_by_label_contains("No image is left by these filters");
}

#[test]
fn an_image_under_the_pointer_is_marked_in_both_plots() {
    let (mut window, _script) = finished(40, 3);
    let says = |window: &Window, plot: &str, words: &str| {
        let mut nodes = window.query_all_by_label_contains(plot);
        nodes.any(|node| {
            let label = node.accesskit_node().label();
            label.is_some_and(|label| label.contains(words))
        })
    };
    assert!(!says(&window, "Score histogram of", "00003.png"));
    let tile = window
        .get_by_label_contains("00003.png, in-domain, score")
        .rect();
    window.hover_at(tile.center());
    window.run_steps(4);
    let session = session(&window);
    let score = session.shown.score_of(3).unwrap();
    let words = format!("00003.png at {}", text::score(score));
    assert!(says(&window, "Score histogram of", &words));
    // All images at least as strange, by definition.
    let share = |role| {
        let run = session.shown.run.as_ref().unwrap();
        let scores: Vec<f64> = run.scores_of(role).map(|(_, score)| score).collect();
        let above = scores.iter().filter(|other| **other >= score).count();
        text::percent(above as f64 / scores.len() as f64)
    };
    let words = format!(
        "00003.png at {} false alarms and {} found",
        share(Role::InDomain),
        share(Role::OutOfDomain)
    );
    assert!(says(&window, "ROC curve, AUROC", &words), "{words}");
    window.hover_at(pos2(5.0, 5.0));
    window.run_steps(4);
    assert!(!says(&window, "Score histogram of", "00003.png"));
}
