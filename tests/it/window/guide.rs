//! The guide: hints of a first start, pages, search, and steps that do what they say.

use egui::accesskit::Role as AccessRole;
use egui::{Key, Rect, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use lmd_inspector::state::guide::{CASES, Guide, GuidePage};
use lmd_inspector::state::{
    Action, Center, GalleryOrder, LookAction, ResultsPage, Settings, UiCommand, Way, glossary,
};

use super::decision::finished;
use super::{Window, open, press, ready, until};

fn open_guide(window: &mut Window, page: GuidePage) {
    let guide = Guide {
        page,
        ..Guide::default()
    };
    window
        .state_mut()
        .act(Action::Look(LookAction::Guide(guide)));
    window.run_steps(4);
}

fn search(window: &mut Window, text: &str) {
    let field = (AccessRole::TextInput, "Search the guide");
    window.get_by_role_and_label(field.0, field.1).focus();
    window.run_steps(2);
    window
        .get_by_role_and_label(field.0, field.1)
        .type_text(text);
    window.run_steps(4);
}

fn is_open(window: &Window) -> bool {
    window.state().session().looking.guide.is_some()
}

/// Steps of the open case that are said to be done.
fn num_done(window: &Window) -> usize {
    window.query_all_by_label("Done").count()
}

#[test]
fn a_first_start_says_what_to_do_once() {
    let hinting = || {
        let (mut window, _script) = open(Settings {
            shows_hints: true,
            ..Settings::default()
        });
        window.run_steps(2);
        window.get_by_label("Welcome");
        window.check_accessibility();
        window
    };
    let mut window = hinting();
    press(&mut window, "Got it");
    assert_eq!(window.query_all_by_label("Welcome").count(), 0);
    assert!(!window.state().session().settings.shows_hints);
    // Who opens the guide has no need for them.
    let mut window = hinting();
    window.key_press(Key::F1);
    window.run_steps(4);
    assert!(is_open(&window));
    window.key_press(Key::Escape);
    window.run_steps(4);
    assert!(!is_open(&window));
    assert_eq!(window.query_all_by_label("Welcome").count(), 0);
    let (window, _script) = open(Settings::default());
    assert_eq!(window.query_all_by_label("Welcome").count(), 0);
}

#[test]
fn the_guide_is_searched_and_leads_from_page_to_page() {
    let (mut window, _script) = ready(3);
    window.key_press(Key::F1);
    window.run_steps(4);
    window.get_by_label("What it does");
    window.check_accessibility();
    press(&mut window, "Glossary");
    window.get_by_label(glossary::AUROC.term);
    window.get_by_label(glossary::AUROC.text);
    window.check_accessibility();
    search(&mut window, "false alarms in-domain 5 %");
    window.get_by_label(glossary::FALSE_ALARMS.text);
    window.get_by_label(&format!("2. {}", CASES[1].title));
    assert_eq!(window.query_all_by_label(glossary::AUROC.text).count(), 0);
    search(&mut window, " zebra");
    window.get_by_label_contains("Nothing in the guide has these words");
    press(&mut window, "First steps");
    press(&mut window, "Begin with the first case");
    window.get_by_label(CASES[0].about);
    press(&mut window, "Close the guide");
    assert!(!is_open(&window));
}

#[test]
fn a_case_is_carried_out_by_its_buttons() {
    let (mut window, script) = open(Settings {
        folders: Vec::new(),
        ..Settings::default()
    });
    open_guide(&mut window, GuidePage::Cases);
    assert_eq!(num_done(&window), 0);
    press(&mut window, CASES[0].steps[0].button);
    super::prepare(&mut window, &script, 8);
    assert_eq!(
        (num_done(&window), window.state().session().planned().len()),
        (1, 16)
    );
    press(&mut window, CASES[0].steps[1].button);
    assert!(script.has_run());
    let node = window.get_by_role_and_label(AccessRole::Button, CASES[0].steps[1].button);
    assert!(node.accesskit_node().is_disabled(), "it runs");
}

#[test]
fn steps_after_a_run_show_what_they_speak_of() {
    let (mut window, _script) = finished(40, 2);
    open_guide(&mut window, GuidePage::Cases);
    let step = |window: &mut Window, case: usize, step: usize| {
        let actions = (CASES[case].steps[step].actions)(window.state().session());
        assert!(!actions.is_empty(), "{case} {step}");
        for action in actions {
            window.state_mut().act(action);
        }
        window.run_steps(4);
        let is_done = CASES[case].steps[step].is_done;
        until(window, CASES[case].steps[step].button, |window| {
            is_done(window.state().session())
        });
    };
    for (case, it) in CASES.iter().enumerate() {
        for index in 2..it.steps.len() {
            if it.steps[index].button.starts_with("Save") {
                continue;
            }
            step(&mut window, case, index);
            let session = window.state().session();
            match (case, index) {
                (0, 2) => assert_eq!(session.settings.gallery.order, GalleryOrder::HighestFirst),
                (1, 2) => assert_eq!(session.settings.decision.way, Way::FalseAlarms),
                (2, 2) => {
                    assert_eq!(session.settings.panels.results, ResultsPage::Explanations);
                }
                (2, 3) => assert_eq!(session.settings.panels.center, Center::Map),
                _ => {}
            }
        }
    }
    // What they did can be taken back.
    window.state_mut().act(Action::Do(UiCommand::Undo));
    window.run_steps(4);
    assert_eq!(window.state().session().shown.gallery.alike(), None);
}

#[test]
fn the_guide_fits_windows_of_all_sizes() {
    let (mut window, _script) = ready(3);
    for (width, height) in [(1280.0, 800.0), (900.0, 620.0), (560.0, 480.0)] {
        window.set_size(vec2(width, height));
        for page in GuidePage::ALL {
            open_guide(&mut window, page);
            window.run_steps(4);
            let content = Rect::from_min_size(egui::pos2(0.0, 0.0), vec2(width, height));
            for label in ["Search the guide", "Close the guide", page.label()] {
                let rect = window.get_by_label(label).rect();
                assert!(
                    content.contains_rect(rect),
                    "{page:?} {width}: {label} {rect:?}"
                );
            }
            window.check_accessibility();
        }
    }
}
