//! Distances by weights of a file in the window.

use std::path::Path;

use egui::accesskit::Role as AccessRole;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use lmd_inspector::detectors::DetectorSpec;
use lmd_inspector::networks::distances::{DistanceWeights, Identified, LPIPS_VGG};
use lmd_inspector::worker::protocol::{DialogKind, LibraryCommand, LibraryEvent};

use super::script::Script;
use super::{Window, press, ready};

fn vgg() -> DistanceWeights {
    DistanceWeights {
        distance: LPIPS_VGG,
        sha256: "ab".repeat(32),
        file: "/weights/vgg.pth".into(),
        linear: None,
    }
}

/// What is chosen in the list of distances.
fn shown_distance(window: &Window) -> Option<String> {
    let list = window.get_by_role_and_label(AccessRole::ComboBox, "Distance");
    list.accesskit_node().value()
}

fn choose_from_file(window: &mut Window, script: &Script) {
    (window.get_by_role_and_label(AccessRole::ComboBox, "Distance")).click();
    window.run_steps(3);
    window.get_by_label("From a file…").click();
    window.run_steps(3);
    let (job, kind) = *script.0.borrow().dialogs.last().unwrap();
    assert_eq!(kind, DialogKind::Weights);
    script.say_library(LibraryEvent::Chosen {
        job,
        kind,
        paths: vec![vgg().file],
        was_shown: true,
    });
    window.run_steps(3);
    let asked = script.0.borrow_mut().library_commands.pop();
    assert!(
        matches!(&asked, Some(LibraryCommand::ReadWeights { path, .. }) if *path == vgg().file),
        "{asked:?}"
    );
}

#[test]
fn a_distance_from_a_file_is_chosen_used_and_removed() {
    let (mut window, script) = ready(30);
    window.set_size(egui::vec2(1280.0, 1400.0));
    window.run_steps(3);
    assert_eq!(shown_distance(&window).as_deref(), Some("LPIPS"));
    choose_from_file(&mut window, &script);
    window.get_by_label_contains("Reading vgg.pth");
    assert_eq!(
        shown_distance(&window).as_deref(),
        Some("LPIPS"),
        "until it is read"
    );
    script.say_library(LibraryEvent::WeightsRead {
        path: vgg().file,
        weights: Ok(Identified::Whole(vgg())),
    });
    window.run_steps(3);
    assert_eq!(shown_distance(&window).as_deref(), Some("LPIPS (VGG16)"));
    press(&mut window, "Run");
    let (_, request, _) = script.last_run();
    let weights = request.settings.method.detector.weights();
    assert_eq!(weights, [&vgg()]);
    assert_eq!(weights[0].file, Path::new("/weights/vgg.pth"));
    press(&mut window, "Remove LPIPS (VGG16)");
    let settings = &window.state().session().settings.run;
    assert!(settings.method.detector.weights().is_empty());
}

#[test]
fn a_file_that_is_gone_stands_below_its_distance_and_holds_the_run() {
    let (mut window, script) = ready(30);
    window.set_size(egui::vec2(1280.0, 1400.0));
    let session = window.state_mut().session_mut();
    let lmd = session.settings.run.method.detector.lmd_mut().unwrap();
    lmd.distance_weights = vec![vgg()];
    window.run_steps(3);
    let asked = script.0.borrow_mut().library_commands.pop();
    assert!(
        matches!(asked, Some(LibraryCommand::CheckWeights { .. })),
        "{asked:?}"
    );
    script.say_library(LibraryEvent::WeightsChecked {
        weights: vgg(),
        outcome: Err("the weights of VGG16 can't be read: gone: /weights/vgg.pth".to_owned()),
    });
    window.run_steps(3);
    assert!(
        window
            .query_all_by_label_contains("can't be read: gone")
            .count()
            >= 1
    );
    press(&mut window, "Run");
    assert!(!script.has_run());
    press(&mut window, "Remove LPIPS (VGG16)");
    press(&mut window, "Run");
    assert!(script.has_run());
}

#[test]
fn features_by_a_network_from_a_file_are_chosen_and_given_up() {
    let (mut window, script) = ready(30);
    window.set_size(egui::vec2(1280.0, 1400.0));
    let session = window.state_mut().session_mut();
    session.settings.run.method.detector = DetectorSpec::named("mahalanobis").unwrap();
    window.run_steps(3);
    press(&mut window, "Browse network for features");
    let (job, kind) = *script.0.borrow().dialogs.last().unwrap();
    assert_eq!(kind, DialogKind::Network);
    script.say_library(LibraryEvent::Chosen {
        job,
        kind,
        paths: vec![vgg().file],
        was_shown: true,
    });
    window.run_steps(3);
    window.get_by_label_contains("Reading vgg.pth");
    script.say_library(LibraryEvent::NetworkRead {
        path: vgg().file,
        weights: Ok(vgg()),
    });
    window.run_steps(3);
    window.get_by_label("Features by VGG16");
    script.say_library(LibraryEvent::WeightsChecked {
        weights: vgg(),
        outcome: Err("the weights of VGG16 can't be read: gone: /weights/vgg.pth".to_owned()),
    });
    window.run_steps(3);
    // Below the network, and where a fit and a run would begin.
    let told = window.query_all_by_label_contains("can't be read: gone");
    assert_eq!(told.count(), 3);
    press(&mut window, "Remove Features by VGG16");
    let detector = &window.state().session().settings.run.method.detector;
    assert!(detector.weights().is_empty());
    window.get_by_label("Browse network for features");
}
