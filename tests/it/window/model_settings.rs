//! The form for what a checkpoint does not say of itself, over the real worker.

use std::fs;

use egui::accesskit::Role as AccessRole;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use lmd_inspector::state::Action;
use lmd_inspector::worker::protocol::ModelSource;

use super::real::{no_wake, open, settings};
use super::{Window, press, until};
use crate::networks::fixture;

fn typed(window: &Window) -> Option<String> {
    let field =
        window.query_by_role_and_label(AccessRole::MultilineTextInput, "settings of the model")?;
    field.accesskit_node().value()
}

#[test]
fn what_a_checkpoint_does_not_say_is_asked_for_and_found_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("faces.pth");
    fs::copy(fixture("score_sde/ve-skip/checkpoint.pth"), &path).unwrap();
    let written = folder.path().join("faces.json");
    let is_refused = |window: &Window| window.state().session().model_problem.is_some();
    let has_model = |window: &Window| {
        let info = window.state().session().model_info();
        info.is_some_and(|info| info.source == ModelSource::Path(path.clone()))
    };

    let mut window = open(settings(2, 4), no_wake());
    let open_it = || Action::OpenModel(ModelSource::Path(path.clone()));
    window.state_mut().act(open_it());
    until(&mut window, "its refusal", is_refused);
    window.get_by_label_contains("does not say all settings");
    press(&mut window, "Say them…");
    window.get_by_label_contains("does not say its image size and its process");
    assert!(
        typed(&window).unwrap().contains("subvp"),
        "{:?}",
        typed(&window)
    );

    // Settings that can't be right are refused, and nothing is left of them on disk.
    press(&mut window, "Save and open");
    window.run_steps(2);
    until(&mut window, "the refusal of sub-VP", is_refused);
    window.get_by_label_contains("Correct sde");
    assert!(
        typed(&window).unwrap().contains("subvp"),
        "what was typed stays"
    );
    assert!(!written.exists());

    // No published model has the shapes of the fixture: all of its family are offered to begin from, without their name.
    // The form may still be growing by the refusal's words, away from under a pointer.
    window.run_steps(3);
    (window.get_by_role_and_label(AccessRole::ComboBox, "published model")).click_accesskit();
    until(&mut window, "the list", |window| {
        (window.query_by_label("score-sde/ve-ncsnpp-ffhq-256")).is_some()
    });
    // It lies below what the list shows at once.
    (window.get_by_label("score-sde/ve-ncsnpp-ffhq-256")).click_accesskit();
    window.run_steps(3);
    let said = typed(&window).unwrap();
    assert!(!said.contains("ffhq"), "{said}");
    assert!(said.contains("\"sigma_max\": 348"), "{said}");
    // The fixture is a small one; large images would take their time.
    let json = said
        .replace("256", "32")
        .replace("348", "50")
        .replace("2000", "20");
    window.state_mut().act(Action::CompleteModel(json));
    window.run_steps(2);
    until(&mut window, "the model", has_model);
    window.run_steps(2);
    assert_eq!(typed(&window), None, "the form is closed");
    let said: serde_json::Value = serde_json::from_slice(&fs::read(&written).unwrap()).unwrap();
    assert_eq!(said["sde"], "ve");

    let bundled = Action::OpenModel(ModelSource::BUNDLED);
    window.state_mut().act(bundled);
    until(&mut window, "the bundled model", |window| {
        !has_model(window)
    });
    window.state_mut().act(open_it());
    until(&mut window, "the model again", has_model);
}
