//! A detector fitted in the window: its panel over the script, and the same fit as the command line's over the real worker.

use std::fs;

use egui::accesskit::Role as AccessRole;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use lmd_inspector::detectors::DetectorSpec;
use lmd_inspector::detectors::fitted::numbers::Contents;
use lmd_inspector::detectors::fitted::{Density, Fit};
use lmd_inspector::images::Geometry;
use lmd_inspector::ood::Role;
use lmd_inspector::runs::fit_file;
use lmd_inspector::state::{Action, FitForm, Phase};
use lmd_inspector::worker::protocol::{DialogKind, Event, Notice, Progress, Severity};

use super::real::{add_folder, has_phase, no_wake, open, planned, settings, some_samples};
use super::script::Script;
use super::{Window, press, ready, until};
use crate::binary::{lmd, text};

/// A tall window with this detector chosen, over 200 images of each role.
pub fn with_detector(name: &str) -> (Window, Script) {
    let (mut window, script) = ready(200);
    window.set_size(egui::vec2(1280.0, 1400.0));
    choose(&mut window, DetectorSpec::named(name).unwrap());
    (window, script)
}

fn choose(window: &mut Window, detector: DetectorSpec) {
    let mut run = window.state().session().settings.run.clone();
    run.method.detector = detector;
    window.state_mut().act(Action::SetRun(Box::new(run)));
    window.run_steps(4);
}

/// Say that the last fit is done.
pub fn finish(window: &mut Window, script: &Script) {
    let (job, request, _) = script.last_fit();
    let mut detector = request.detector.clone();
    let fit = Fit {
        learned: Density::gaussian(&[vec![0.0; 10], vec![1.0; 10]], 2)
            .unwrap()
            .into(),
        seed: request.seed,
        model: None,
        geometry: Geometry {
            channels: 1,
            side: 32,
        },
        resize: request.resize,
        images: Contents::new(request.images.iter().map(|image| &image.file.hash)),
    };
    detector.fitting_mut().unwrap().set_fitted(Some(fit.into()));
    script.say(Event::Fitted { job, detector });
    let progress = Progress::default();
    script.say(Event::Done { job, progress });
    window.run_steps(4);
}

/// Say that the last fit is somewhere in the middle.
pub fn halfway(window: &mut Window, script: &Script) {
    let (job, request, _) = script.last_fit();
    let num_images = request.images.len();
    script.say(Event::Progress {
        job,
        progress: Progress {
            num_images,
            num_attempts: num_images,
            network_calls: 5 * num_images as u64,
            network_secs: 100.0,
            activity: "64 images at once".to_owned(),
            ..Progress::default()
        },
    });
    window.run_steps(3);
}

/// Say that the last fit failed, and that an image was left out.
pub fn fail(window: &mut Window, script: &Script) {
    let (job, ..) = script.last_fit();
    script.say(Event::Notice {
        job,
        notice: Notice {
            severity: Severity::Warning,
            message: "left out: the PNG data ends too early".to_owned(),
            path: Some("/images/00007.png".into()),
        },
    });
    script.say(Event::Failed {
        job,
        message: "all 66 images have the same features, so that nothing tells how in-domain images differ; give in-domain \
                  images that are not alike"
            .to_owned(),
    });
    window.run_steps(3);
}

fn is_enabled(window: &Window, button: &str) -> bool {
    let button = window.get_by_role_and_label(AccessRole::Button, button);
    !button.accesskit_node().is_disabled()
}

#[test]
fn the_panel_fits_tells_how_far_it_is_and_saves() {
    let (mut window, script) = with_detector("msma");
    window.get_by_label("Not fitted yet");
    window.get_by_label("Takes 66 in-domain images, 134 stay for scoring");
    let number = window.get_by_role_and_label(AccessRole::SpinButton, "Fit on");
    assert_eq!(number.accesskit_node().numeric_value(), Some(66.0));
    window.get_by_role_and_label(AccessRole::SpinButton, "Fit seed");
    assert!(window.query_by_label_contains("Save the fit").is_none());
    press(&mut window, "Fit on in-domain images");
    let (_, request, control) = script.last_fit();
    assert_eq!((request.images.len(), request.seed), (66, 0));

    halfway(&mut window, &script);
    window.get_by_label("Looking at 66 images, 50 % done, 2 min left");
    window.get_by_label_contains("Fitting the detector. Looking at 66 images");
    assert!(!is_enabled(&window, "Run"), "a run can't start meanwhile");
    let chooser = window.get_by_role_and_label(AccessRole::ComboBox, "Scored by");
    assert!(chooser.accesskit_node().is_disabled());
    press(&mut window, "Cancel the fit");
    assert!(control.is_cancelled());
    let (job, ..) = script.last_fit();
    let progress = Progress::default();
    script.say(Event::Cancelled { job, progress });
    window.run_steps(3);
    window.get_by_label("Not fitted yet");

    press(&mut window, "Fit on in-domain images");
    finish(&mut window, &script);
    window.get_by_label("Fitted on 66 in-domain images");
    let planned = window.state().session().planned().iter();
    let in_domain = planned.filter(|image| image.role == Role::InDomain);
    assert_eq!(in_domain.count(), 134);
    assert!(is_enabled(&window, "Run"));
    press(&mut window, "Save the fit");
    let (_, kind) = *script.0.borrow().dialogs.last().unwrap();
    assert_eq!(kind, DialogKind::SaveFit);

    let form = FitForm {
        limit: Some(70),
        seed: 0,
    };
    window.state_mut().act(Action::SetFit(form));
    window.run_steps(3);
    press(&mut window, "Fit again");
    finish(&mut window, &script);
    window.get_by_label("Fitted on 70 in-domain images");

    press(&mut window, "Fit again");
    fail(&mut window, &script);
    window.get_by_label_contains("All 66 images have the same features");
    window.get_by_label("Left out: the PNG data ends too early: 00007.png");
    window.get_by_label("Fitted on 70 in-domain images");
    window.check_accessibility();
}

#[test]
fn what_keeps_a_fit_from_starting_stands_below_its_grayed_button() {
    let (mut window, script) = with_detector("msma");
    let form = FitForm {
        limit: Some(49),
        seed: 0,
    };
    window.state_mut().act(Action::SetFit(form));
    window.run_steps(3);
    assert!(!is_enabled(&window, "Fit on in-domain images"));
    window.get_by_label_contains("MSMA is fitted on at least 50 images");
    window.state_mut().act(Action::SetFit(FitForm::default()));
    window.run_steps(3);
    assert!(is_enabled(&window, "Fit on in-domain images"));
    press(&mut window, "Fit on in-domain images");
    finish(&mut window, &script);
    press(&mut window, "Run");
    assert!(!is_enabled(&window, "Fit again"));
    window.get_by_label_contains("A run is under way. Wait for its end");
}

#[test]
fn nothing_below_moves_while_a_fit_goes() {
    let (mut window, script) = with_detector("msma");
    let top = |window: &Window| {
        let field = window.get_by_role_and_label(AccessRole::TextInput, "detector to open");
        field.rect().top()
    };
    let before = top(&window);
    press(&mut window, "Fit on in-domain images");
    assert_eq!(top(&window), before, "at its start");
    halfway(&mut window, &script);
    assert_eq!(top(&window), before, "halfway");
}

#[test]
fn a_fit_of_the_window_is_the_file_of_the_command_line_to_the_byte() {
    let folder = tempfile::tempdir().unwrap();
    let clothes = some_samples(folder.path(), "fashion-mnist", 45);
    let digits = some_samples(folder.path(), "mnist", 4);
    let [by_window, by_command] = ["window", "command"].map(|name| folder.path().join(name));
    let by_command = by_command.with_extension("lmdfit");
    let mut args = vec![
        "fit", "--method", "msma", "--levels", "6", "--model", "bundled",
    ];
    args.extend(["--device", "cpu", "--limit", "40", "--seed", "5"]);
    args.extend(["--in-domain", text(&clothes), "--output", text(&by_command)]);
    let made = lmd(&args);
    let errors = String::from_utf8_lossy(&made.stderr);
    assert_eq!(made.status.code(), Some(0), "{errors}");

    let mut window = open(settings(1, 1), no_wake());
    window.set_size(egui::vec2(1280.0, 1500.0));
    add_folder(&mut window, "in-domain", &clothes);
    add_folder(&mut window, "out-of-domain", &digits);
    until(&mut window, "both folders", planned(49));
    let mut detector = DetectorSpec::named("msma").unwrap();
    detector.set_parameter("levels", 6.0);
    choose(&mut window, detector);
    window.get_by_label("Takes 30 in-domain images, 15 stay for scoring");
    window.state_mut().act(Action::SetFit(FitForm {
        limit: Some(40),
        seed: 5,
    }));
    window.run_steps(3);
    press(&mut window, "Fit on in-domain images");
    until(&mut window, "the fit", |window| {
        window.state().session().is_fitted()
    });
    window.get_by_label("Fitted on 40 in-domain images");
    assert_eq!(window.state().session().fit_problem(), None);

    let field = "fit file";
    window
        .get_by_role_and_label(AccessRole::TextInput, field)
        .focus();
    window.run_steps(2);
    window
        .get_by_role_and_label(AccessRole::TextInput, field)
        .type_text(text(&by_window));
    window.run_steps(2);
    press(&mut window, "Save fit file");
    let by_window = by_window.with_extension("lmdfit");
    until(&mut window, "the file", |_| by_window.exists());
    let files = [&by_window, &by_command].map(|path| fs::read(path).unwrap());
    assert!(files[0] == files[1], "other bytes");
    let settings = &window.state().session().settings;
    assert_eq!(
        settings.run.method.detector,
        fit_file::load(&by_command).unwrap()
    );

    until(&mut window, "the images without the fitted", planned(9));
    press(&mut window, "Run");
    until(&mut window, "the end of the run", has_phase(Phase::Done));
    let args = ["score", "--model", "bundled", "--fitted", text(&by_window)];
    let report = folder.path().join("report");
    let more = ["--unknown", text(&digits), "--output", text(&report)];
    assert_eq!(lmd(&[&args[..], &more].concat()).status.code(), Some(0));
}

/// One picture over and over is no density, and the real worker says so.
#[test]
fn images_that_are_all_alike_are_refused_beside_the_button() {
    let folder = tempfile::tempdir().unwrap();
    let black = folder.path().join("black");
    fs::create_dir(&black).unwrap();
    for side in 1..=10 {
        let square = image::GrayImage::from_pixel(side, side, image::Luma([0]));
        square.save(black.join(format!("{side}.png"))).unwrap();
    }
    let mut window = open(settings(1, 1), no_wake());
    window.set_size(egui::vec2(1280.0, 1500.0));
    add_folder(&mut window, "in-domain", &black);
    until(&mut window, "the folder", planned(10));
    let mut detector = DetectorSpec::named("msma").unwrap();
    detector.set_parameter("levels", 2.0);
    choose(&mut window, detector);
    press(&mut window, "Fit on in-domain images");
    let said = "All 10 images have the same features";
    until(&mut window, said, |window| {
        window.query_by_label_contains(said).is_some()
    });
    window.get_by_label("Not fitted yet");
    assert_eq!(window.state().session().notices.len(), 0);
}
