//! The quick scan in the window: chosen, run, and looked at where nothing is inpainted.

use egui::accesskit::Role as AccessRole;
use egui_kittest::kittest::Queryable as _;
use lmd_inspector::detectors::one_call_norm::NOISE_NORM;
use lmd_inspector::networks::distances::LPIPS;
use lmd_inspector::state::{Action, Phase};

use super::real::{add_folder, has_phase, no_wake, open, planned, settings, some_samples};
use super::{Window, press, until};

fn choose(window: &mut Window, label: &str) {
    window
        .get_by_role_and_label(AccessRole::ComboBox, "Scored by")
        .scroll_to_me();
    window.run_steps(30);
    window
        .get_by_role_and_label(AccessRole::ComboBox, "Scored by")
        .click();
    window.run_steps(4);
    window.get_by_label(label).click();
    window.run_steps(4);
}

#[test]
fn the_quick_scan_hides_what_is_of_lmd_and_shows_scores_without_pictures_of_attempts() {
    let folder = tempfile::tempdir().unwrap();
    let clothes = some_samples(folder.path(), "fashion-mnist", 3);
    let digits = some_samples(folder.path(), "mnist", 4);
    let mut window = open(settings(2, 4), no_wake());
    let chosen = window.state().session().settings.run.method.clone();
    assert!(window.query_by_label("Eta").is_some());

    choose(&mut window, "Quick scan");
    for of_lmd in ["Eta", "Grid", "Mask preview, attempt 1"] {
        assert!(window.query_by_label(of_lmd).is_none(), "{of_lmd}");
    }
    window.get_by_role_and_label(AccessRole::SpinButton, "Noise level");

    add_folder(&mut window, "in-domain", &clothes);
    add_folder(&mut window, "out-of-domain", &digits);
    until(&mut window, "both folders", planned(7));
    press(&mut window, "Run");
    until(&mut window, "the end of the run", has_phase(Phase::Done));
    window.get_by_label_contains("Done, 7 of 7 attempts");
    window.get_by_label_contains("Score histogram of 3 in-domain and 4 out-of-domain images");
    let run = window.state().session().shown.run.as_ref().unwrap();
    assert_eq!(run.progress.network_calls, 7);
    window
        .get_by_label_contains("00001.png, out-of-domain, score")
        .click();
    window.run_steps(3);
    window.get_by_label("Original of 00001.png");
    for of_attempts in ["Masked", "Inpainted", "Difference of", "Not kept"] {
        let found = window.query_all_by_label_contains(of_attempts).count();
        assert_eq!(found, 0, "{of_attempts}");
    }
    // The overlays that show what was made of an image have the image alone.
    window.key_press(egui::Key::E);
    window.run_steps(3);
    assert!(window.query_by_label("2  Map").is_none());
    window.key_press(egui::Key::Escape);
    window.run_steps(3);

    // Back to LMD: its settings are as they were left, and the finished run is still looked at by what it measured.
    choose(&mut window, "LMD");
    let session = window.state().session();
    assert_eq!(session.settings.run.method, chosen);
    assert_eq!(session.settings.run.view.measure.name(), "noise-norm");
    assert!(session.is_run_outdated());
    assert!(window.query_by_label("Eta").is_some());
    press(&mut window, "Run");
    until(
        &mut window,
        "the end of the next run",
        has_phase(Phase::Done),
    );
    let session = window.state().session();
    assert_eq!(session.settings.run.view.measure, LPIPS);
    assert_eq!(
        session.shown.run.as_ref().unwrap().progress.network_calls,
        7 * 2 * 4
    );
}

#[test]
fn several_detectors_score_in_one_run_and_each_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let clothes = some_samples(folder.path(), "fashion-mnist", 3);
    let digits = some_samples(folder.path(), "mnist", 4);
    let mut window = open(settings(2, 4), no_wake());
    let alone = window.state().session().settings.run.method.clone();
    let also = |window: &mut Window, label: &str| {
        window
            .get_by_role_and_label(AccessRole::ComboBox, "Also by")
            .scroll_to_me();
        window.run_steps(30);
        window
            .get_by_role_and_label(AccessRole::ComboBox, "Also by")
            .click();
        window.run_steps(4);
        window
            .get_by_role_and_label(AccessRole::CheckBox, label)
            .click_accesskit();
        window.run_steps(4);
        window.key_press(egui::Key::Escape);
        window.run_steps(4);
    };
    also(&mut window, "Quick scan");
    // The controls of both are there.
    assert!(window.query_by_label("Eta").is_some());
    window.get_by_role_and_label(AccessRole::SpinButton, "Noise level");

    add_folder(&mut window, "in-domain", &clothes);
    add_folder(&mut window, "out-of-domain", &digits);
    until(&mut window, "both folders", planned(7));
    press(&mut window, "Run");
    until(&mut window, "the end of the run", has_phase(Phase::Done));
    window.get_by_label_contains("Done, 14 of 14 attempts");
    let session = window.state().session();
    let run = session.shown.run.as_ref().unwrap();
    assert_eq!(run.progress.network_calls, 7 * (2 * 4 + 1));
    let choices = session.measures_to_choose();
    for name in ["lpips", "mse", "noise-norm"] {
        assert!(choices.iter().any(|id| id.name() == name), "{name}");
    }
    let by_lpips = run.score(0).unwrap();
    let mut view = session.settings.run.clone();
    view.view.measure = NOISE_NORM;
    window.state_mut().act(Action::SetRun(Box::new(view)));
    window.run_steps(6);
    let run = window.state().session().shown.run.as_ref().unwrap();
    let by_norm = run.score(0).unwrap();
    assert!(by_norm > 1.0 && by_lpips < 1.0, "{by_norm} {by_lpips}");
    let session = window.state().session();
    assert!(!session.is_run_outdated(), "only looked at in another way");

    also(&mut window, "Quick scan");
    assert_eq!(window.state().session().settings.run.method, alone);
}
