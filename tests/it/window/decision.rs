//! The threshold: dragged, chosen, undone; what hangs on it follows.

use egui::accesskit::Role as AccessRole;
use egui::{Pos2, Rect, pos2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use lmd_inspector::ood::Outcome;
use lmd_inspector::ood::Role;
use lmd_inspector::runs::Calibration;
use lmd_inspector::state::{Action, Center, Settings, ThemeChoice, VerdictFilter, Way};
use lmd_inspector::ui::App;
use lmd_inspector::worker::protocol::{Event, LibraryCommand, LibraryEvent};

use super::script::{self, Script};
use super::{Window, has_attempts, open, prepare, press, ready, until};

/// A window with a finished run over `num_images` images per role.
pub(super) fn finished(num_images: usize, attempts: usize) -> (Window, Script) {
    let (mut window, script) = ready(num_images);
    run(&mut window, &script, attempts);
    (window, script)
}

pub(super) fn run(window: &mut Window, script: &Script, attempts: usize) {
    press(window, "Run");
    script.make_attempts(0..attempts);
    let (job, request, _) = script.last_run();
    let progress = script::progress(&request, attempts * request.images.len());
    script.say(Event::Done { job, progress });
    until(window, "the attempts", has_attempts(attempts));
    until(window, "the assessment", |window| {
        let assessment = window.state().session().shown.deciding.assessment.as_ref();
        assessment.is_some_and(|found| found.by_attempts[0].1.len() == attempts)
    });
}

fn threshold(window: &Window) -> f64 {
    window.state().session().shown.threshold().unwrap()
}

fn way(window: &Window) -> Way {
    window.state().session().settings.decision.way
}

pub(super) fn handle(window: &Window, label: &str) -> Rect {
    window
        .get_by_role_and_label(AccessRole::Slider, label)
        .rect()
}

pub(super) fn drag(window: &mut Window, from: Pos2, to: Pos2) {
    window.hover_at(from);
    window.run_steps(2);
    window.drag_at(from);
    window.run_steps(2);
    for step in 1..=4 {
        window.hover_at(from + (to - from) * (step as f32 / 4.0));
        window.run_steps(2);
    }
    window.drop_at(to);
    window.run_steps(3);
}

pub(super) fn cell(window: &Window, outcome: &str) -> String {
    let node = window.get_by(|node| {
        node.role() == AccessRole::Button
            && node
                .label()
                .is_some_and(|label| label.starts_with(&format!("{outcome}, ")))
    });
    node.accesskit_node().label().unwrap()
}

#[test]
fn the_line_is_dragged_the_matrix_follows_and_undo_goes_back() {
    let (mut window, _script) = finished(40, 3);
    let before = threshold(&window);
    let flagged_before = cell(&window, "False alarms");
    assert!(flagged_before.contains("of 40 images"), "{flagged_before}");
    window.get_by_label_contains("From 40 in-domain images alone");
    let grip = handle(&window, "Threshold");
    assert!(grip.width() >= 10.0, "{grip:?}");
    let target = pos2(grip.center().x - 60.0, grip.center().y + 5.0);
    drag(&mut window, grip.center(), target);
    assert_eq!(way(&window), Way::ByHand);
    assert!(threshold(&window) < before);
    assert_ne!(cell(&window, "False alarms"), flagged_before);
    assert!((handle(&window, "Threshold").center().x - target.x).abs() < 2.0);
    window.get_by_label_contains("Set by hand");
    // Far beyond the plot: the line stays inside it.
    let grip = handle(&window, "Threshold");
    drag(&mut window, grip.center(), pos2(5.0, 400.0));
    let low = threshold(&window);
    let missed = cell(&window, "Missed");
    assert!(missed.starts_with("Missed, 0 of 40"), "{missed}");
    assert!(cell(&window, "Found").starts_with("Found, 40 of 40"));
    // One drag is one step back.
    window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Z);
    window.run_steps(3);
    assert!(threshold(&window) > low);
    assert_eq!(way(&window), Way::ByHand);
    press(&mut window, "Undo");
    assert_eq!(threshold(&window), before);
    assert_eq!(way(&window), Way::FalseAlarms);
    assert_eq!(cell(&window, "False alarms"), flagged_before);
}

#[test]
fn arrow_keys_move_the_line_finely_and_a_double_click_resets_it() {
    let script = Script::default();
    let backend = Box::new(script.clone());
    // Two clicks within the time that makes them one double click.
    let mut window = egui_kittest::Harness::builder()
        .with_size([1280.0, 800.0])
        .with_step_dt(0.02)
        .build_eframe(move |creation| App::new(&creation.egui_ctx, Settings::default(), backend));
    prepare(&mut window, &script, 30);
    run(&mut window, &script, 2);
    let before = threshold(&window);
    window
        .get_by_role_and_label(AccessRole::Slider, "Threshold")
        .focus();
    window.run_steps(3);
    window.key_press(egui::Key::ArrowRight);
    window.run_steps(3);
    let after = threshold(&window);
    let image = window.state().session().shown.gallery.selected();
    assert_eq!(image, None, "the key belongs to the threshold");
    assert!(after > before && after - before < 0.01 * before.max(0.1));
    window.key_press(egui::Key::ArrowLeft);
    window.run_steps(3);
    assert!((threshold(&window) - before).abs() < 1e-9);
    assert_eq!(way(&window), Way::ByHand);
    let at = handle(&window, "Threshold").center();
    window.hover_at(at);
    window.step();
    for _ in 0..2 {
        for pressed in [true, false] {
            window.event(egui::Event::PointerButton {
                pos: at,
                button: egui::PointerButton::Primary,
                pressed,
                modifiers: egui::Modifiers::NONE,
            });
        }
        window.step();
    }
    window.run_steps(3);
    assert_eq!(way(&window), Way::FalseAlarms);
    assert_eq!(threshold(&window), before);
}

#[test]
fn the_point_is_dragged_along_the_curve() {
    let (mut window, _script) = finished(40, 3);
    let label = "Threshold on the ROC curve";
    window
        .get_by_role_and_label(AccessRole::Slider, label)
        .scroll_to_me();
    window.run_steps(30);
    let before = threshold(&window);
    let grip = handle(&window, label);
    let target = grip.center() + egui::vec2(90.0, -40.0);
    drag(&mut window, grip.center(), target);
    assert_eq!(way(&window), Way::ByHand);
    assert!(threshold(&window) < before, "to the right more are flagged");
    window.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::Z);
    window.run_steps(3);
    assert_eq!(threshold(&window), before, "one drag is one step");
}

#[test]
fn a_cell_of_the_matrix_filters_the_gallery() {
    let (mut window, _script) = finished(40, 3);
    let label = cell(&window, "False alarms");
    let count: usize = label["False alarms, ".len()..]
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    press(&mut window, &label);
    let session = window.state().session();
    assert_eq!(
        session.settings.gallery.verdict,
        Some(VerdictFilter::Outcome(Outcome::FalseAlarm))
    );
    let order = session.shown.gallery.order();
    assert_eq!(order.len(), count);
    let run = session.shown.run.as_ref().unwrap();
    for &index in order {
        assert_eq!(session.shown.gallery.images()[index].role, Role::InDomain);
        let score = run
            .score(session.shown.gallery.run_id(index).unwrap())
            .unwrap();
        assert!(score > session.shown.threshold().unwrap());
    }
    let label = cell(&window, "False alarms");
    press(&mut window, &label);
    assert_eq!(window.state().session().shown.gallery.order().len(), 80);
}

fn choose(window: &mut Window, way: &str) {
    window
        .get_by_role_and_label(AccessRole::ComboBox, "Way to set the threshold")
        .click();
    window.run_steps(4);
    window
        .get_by_role_and_label(AccessRole::Button, way)
        .click();
    window.run_steps(4);
}

#[test]
fn each_way_says_how_it_came_about_and_impossible_ones_are_gray() {
    let (mut window, _script) = finished(30, 2);
    choose(&mut window, "Best balance (Youden)");
    window.get_by_label_contains("The largest gap between hits and false alarms");
    choose(&mut window, "Share found");
    window.get_by_label_contains("The highest threshold that finds 95 % of the 30");
    assert!(cell(&window, "Found").starts_with("Found, 29 of 30"));
    choose(&mut window, "Lowest cost");
    window.get_by_label_contains("The cheapest where 10.0 % of images are out-of-domain");
    window
        .get_by_role_and_label(AccessRole::ComboBox, "Way to set the threshold")
        .click();
    window.run_steps(4);
    let node = window.get_by_role_and_label(AccessRole::Button, "Detector file");
    assert!(node.accesskit_node().is_disabled(), "no file is open");
}

#[test]
fn too_few_in_domain_images_gray_the_false_alarm_rate_with_the_number_needed() {
    let (window, _script) = finished(12, 2);
    assert_eq!(window.state().session().shown.threshold(), None);
    window.get_by_label_contains("needs at least 19 in-domain images");
    assert!(cell(&window, "Found").starts_with("Found, – images"));
}

#[test]
fn figures_carry_their_intervals_and_attempts_their_curve() {
    let (mut window, script) = ready(40);
    script.0.borrow_mut().overlap = 0.07;
    run(&mut window, &script, 3);
    press(&mut window, "Figures");
    window.get_by_label_contains("AUROC between");
    window.get_by_label_contains("The interval still moves");
    let assessment = window.state().session().shown.deciding.assessment.clone();
    let auroc = assessment.unwrap().auroc.unwrap();
    assert!(auroc.interval.contains(auroc.auroc));
    let before = auroc.interval.width();
    let session = window.state_mut().session_mut();
    session.settings.decision.level = 0.5;
    until(&mut window, "a narrower interval", |window| {
        let assessment = window.state().session().shown.deciding.assessment.as_ref();
        assessment.unwrap().auroc.unwrap().interval.width() < before
    });
}

#[test]
fn perfect_separation_shows_a_bound() {
    let (mut window, _script) = finished(40, 10);
    press(&mut window, "Figures");
    window.get_by_label_contains("Perfect separation: AUROC of at least 0.92");
    window.get_by_label_contains("enough here");
    window.get_by_label_contains("AUROC by attempts, LPIPS of 10 attempts");
    let assessment = window.state().session().shown.deciding.assessment.as_ref();
    assert_eq!(assessment.unwrap().by_attempts[0].1.len(), 10);
}

#[test]
fn unknown_images_get_p_values_verdicts_and_a_list() {
    let (mut window, script) = open(Settings::default());
    let session = window.state_mut().session_mut();
    session.perform(Action::AddFolder("/images/holiday".into(), Role::Unknown));
    prepare(&mut window, &script, 30);
    run(&mut window, &script, 2);
    // From the headline to the verdicts is one click.
    window
        .get_by_label_contains("of 30 unknown flagged")
        .click();
    window.run_steps(3);
    assert_eq!(
        window.state().session().settings.panels.center,
        Center::Verdicts
    );
    window.get_by_label_contains("Above the threshold: ");
    window.get_by_label_contains("at most 10 % of them wrongly (false-discovery rate): 30 of 30");
    // That 30 in-domain images are too few is said only where it leaves the list empty.
    let is_too_few = |window: &Window| {
        let reason = "None can be reported: 30 in-domain images are too few";
        window.query_by_label_contains(reason).is_some()
    };
    assert!(!is_too_few(&window));
    let session = window.state_mut().session_mut();
    session.settings.decision.false_discovery_rate = 0.01;
    window.run_steps(3);
    window.get_by_label_contains("(false-discovery rate): 0 of 30");
    assert!(is_too_few(&window));
    let session = window.state_mut().session_mut();
    session.settings.decision.false_discovery_rate = 0.1;
    window.run_steps(3);
    let session = window.state().session();
    let analysis = session.shown.analysis.as_ref().unwrap();
    assert_eq!(analysis.unknown.len(), 30);
    let strangest = analysis.unknown[0];
    assert_eq!(
        strangest.p_value,
        Some(analysis.calibration.p_value(strangest.score))
    );
    let run = session.shown.run.as_ref().unwrap();
    let name = run.images[strangest.image].file.path.file_name().unwrap();
    let name = name.to_str().unwrap().to_owned();
    window
        .get_by_label(&format!("{name}, flagged"))
        .click_accesskit();
    window.run_steps(4);
    let session = window.state().session();
    let selected = session.shown.gallery.selected().unwrap();
    assert_eq!(
        session.shown.gallery.run_id(selected),
        Some(strangest.image)
    );
}

#[test]
fn a_detector_is_saved_and_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("detector.json");
    let (mut window, script) = finished(25, 2);
    let session = window.state_mut().session_mut();
    session.perform(Action::SaveDetector(path.clone()));
    window.run_steps(3);
    let command = script.0.borrow_mut().library_commands.pop();
    let Some(LibraryCommand::SaveDetector { detector, .. }) = command else {
        panic!("expected a detector to write, got {command:?}");
    };
    assert_eq!(detector.threshold, threshold(&window));
    assert_eq!(detector.calibration.len(), 25);
    assert_eq!(detector.num_out_of_domain, 0);
    detector.save(&path).unwrap();
    let detector = Calibration::load(&path).unwrap();

    script.say_library(LibraryEvent::DetectorOpened {
        path: path.clone(),
        detector: Ok(std::sync::Arc::new(detector.clone())),
        written: None,
    });
    window.run_steps(4);
    assert_eq!(way(&window), Way::Detector);
    assert_eq!(threshold(&window), detector.threshold);
    window.get_by_label_contains("From the detector file (5 % false alarms, 25 in-domain images)");
    let mut other = detector;
    other.model.identity.weights_sha256 = "11".repeat(32);
    script.say_library(LibraryEvent::DetectorOpened {
        path,
        detector: Ok(std::sync::Arc::new(other)),
        written: None,
    });
    window.run_steps(4);
    assert_eq!(window.state().session().shown.threshold(), None);
    window.get_by_label_contains("made with another model or other settings");
}

#[test]
#[ignore = "draws pictures for a person to look at, into $LMD_PICTURES or target/tmp; needs a Vulkan driver"]
fn pictures() {
    let folder =
        std::env::var_os("LMD_PICTURES").unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
    let folder = std::path::PathBuf::from(folder);
    for theme in [ThemeChoice::Light, ThemeChoice::Dark] {
        let script = Script::default();
        let backend = Box::new(script.clone());
        let settings = Settings {
            theme,
            ..Settings::default()
        };
        let mut window = egui_kittest::Harness::builder()
            .with_size([1280.0, 800.0])
            .with_pixels_per_point(1.0)
            .wgpu()
            .build_eframe(move |creation| App::new(&creation.egui_ctx, settings, backend));
        let save = |window: &mut Window, name: &str| {
            let image = window.render().unwrap();
            let path = folder.join(format!("{}-{name}.png", theme.label().to_lowercase()));
            image.save(path).unwrap();
        };
        window.run_steps(2);
        let session = window.state_mut().session_mut();
        session.perform(Action::AddFolder("/images/holiday".into(), Role::Unknown));
        prepare(&mut window, &script, 120);
        run(&mut window, &script, 3);
        save(&mut window, "d1-threshold");
        choose(&mut window, "Lowest cost");
        let label = cell(&window, "False alarms");
        press(&mut window, &label);
        save(&mut window, "d2-cost");
        window.set_size(egui::vec2(1280.0, 1700.0));
        window.run_steps(6);
        window.get_by_label("Detector file").click();
        window.run_steps(10);
        save(&mut window, "d3-tall");
    }
}
