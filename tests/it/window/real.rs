//! The window over the real background threads: the bundled model on a few images.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use egui::accesskit::Role as AccessRole;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use lmd_inspector::ood::conformal::CalibrationScores;
use lmd_inspector::runs::{Calibration, DeviceChoice};
use lmd_inspector::state::{Phase, Settings};
use lmd_inspector::ui::App;
use lmd_inspector::ui::backend::Workers;
use lmd_inspector::worker::protocol::Wake;

use super::{Window, press, until};
use crate::binary::{lmd, text};
use crate::settings::by_lmd;

/// A folder with some of the bundled samples.
pub fn some_samples(parent: &Path, name: &str, count: usize) -> PathBuf {
    let folder = parent.join(name);
    fs::create_dir(&folder).unwrap();
    let samples = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets/samples");
    for index in 0..count {
        let file = format!("{index:05}.png");
        fs::copy(samples.join(name).join(&file), folder.join(file)).unwrap();
    }
    folder
}

pub fn open(settings: Settings, wake: Wake) -> Window {
    let workers = Workers::spawn(wake).unwrap();
    let mut window = Harness::builder()
        .with_size([1280.0, 800.0])
        .with_max_steps(64)
        .build_eframe(move |creation| App::new(&creation.egui_ctx, settings, Box::new(workers)));
    until(&mut window, "the bundled model", |window| {
        window.state().session().model_info().is_some()
    });
    window
}

pub fn settings(num_attempts: usize, num_steps: usize) -> Settings {
    let mut run = by_lmd(num_attempts, num_steps);
    run.execution.device = DeviceChoice::CPU;
    Settings {
        folders: Vec::new(),
        run,
        ..Settings::default()
    }
}

/// Type a folder's path and add it.
pub fn add_folder(window: &mut Window, role: &str, path: &Path) {
    let name = format!("{role} folder path");
    let field = |window: &Window| {
        let field = window.get_by_role_and_label(AccessRole::TextInput, name.as_str());
        field.focus();
        field.type_text(path.to_str().unwrap());
    };
    window
        .get_by_role_and_label(AccessRole::TextInput, name.as_str())
        .focus();
    window.run_steps(2);
    field(window);
    window.run_steps(2);
    press(window, &format!("Add {name}"));
}

pub fn planned(count: usize) -> impl Fn(&Window) -> bool {
    move |window| window.state().session().planned().len() == count
}

pub fn has_phase(phase: Phase) -> impl Fn(&Window) -> bool {
    move |window| {
        let run = window.state().session().shown.run.as_ref();
        run.is_some_and(|run| run.phase == phase)
    }
}

fn calls(window: &Window) -> u64 {
    let run = window.state().session().shown.run.as_ref();
    run.map_or(0, |run| run.progress.network_calls)
}

pub fn no_wake() -> Wake {
    Arc::new(|| {})
}

#[test]
fn folders_are_picked_and_a_run_shows_pictures_histogram_and_curve() {
    let folder = tempfile::tempdir().unwrap();
    let clothes = some_samples(folder.path(), "fashion-mnist", 3);
    let digits = some_samples(folder.path(), "mnist", 4);
    let text = digits.join("text.png");
    fs::write(&text, "no picture").unwrap();

    let mut window = open(settings(2, 4), no_wake());
    add_folder(&mut window, "in-domain", &clothes);
    add_folder(&mut window, "out-of-domain", &digits);
    until(&mut window, "both folders", planned(7));
    window.get_by_label_contains("1 file could not be read");
    press(&mut window, "Run");
    until(&mut window, "the end of the run", has_phase(Phase::Done));

    window.get_by_label_contains("Done, 14 of 14 attempts");
    window.get_by_label_contains("Score histogram of 3 in-domain and 4 out-of-domain images");
    let curve = window
        .query_all_by_label_contains("ROC curve, AUROC")
        .count();
    assert!(curve >= 2, "title and plot");
    window
        .get_by_label_contains("00001.png, out-of-domain, score")
        .click();
    window.run_steps(3);
    window.get_by_label("Original of 00001.png");
    for picture in ["Masked", "Inpainted"] {
        // One of two attempts is taken for the median.
        let is_shown = (1..=2).any(|attempt| {
            let label = format!("{picture}, attempt {attempt} of 00001.png");
            window.query_by_label(&label).is_some()
        });
        assert!(is_shown, "{picture}");
    }

    let run = window.state().session().shown.run.as_ref().unwrap();
    assert_eq!(run.progress.network_calls, 7 * 2 * 4);
    let figures = window
        .state()
        .session()
        .shown
        .analysis
        .as_ref()
        .unwrap()
        .figures;
    assert!((0.0..=1.0).contains(&figures.unwrap().auroc));
}

#[test]
fn pause_holds_the_real_worker_and_cancel_ends_it_even_then() {
    let folder = tempfile::tempdir().unwrap();
    let digits = some_samples(folder.path(), "mnist", 6);
    // Long enough that nobody sees its end.
    let mut window = open(settings(1000, 50), no_wake());
    add_folder(&mut window, "unknown", &digits);
    until(&mut window, "the folder", planned(6));
    press(&mut window, "Run");
    until(&mut window, "network calls", |window| calls(window) > 0);

    press(&mut window, "Pause");
    window.get_by_label("Paused");
    // A call under way ends, and then nothing comes.
    let mut last = calls(&window);
    let mut same = 0;
    until(&mut window, "the worker to hold", |window| {
        same = if calls(window) == last { same + 1 } else { 0 };
        last = calls(window);
        same == 30
    });
    press(&mut window, "Resume");
    until(&mut window, "more calls", |window| calls(window) > last);
    press(&mut window, "Pause");
    press(&mut window, "Cancel");
    until(&mut window, "the run to end", has_phase(Phase::Cancelled));
    window.get_by_label_contains("Ended early");
}

#[test]
fn a_panic_in_the_worker_is_an_error_notice_and_the_next_run_works() {
    let folder = tempfile::tempdir().unwrap();
    let digits = some_samples(folder.path(), "mnist", 2);
    let is_armed = Arc::new(AtomicBool::new(false));
    // The worker calls this after each event, so it is a place in which it can be made to panic.
    let wake: Wake = {
        let is_armed = Arc::clone(&is_armed);
        Arc::new(move || {
            let is_worker = std::thread::current().name() == Some("inference");
            assert!(
                !is_worker || !is_armed.swap(false, Ordering::AcqRel),
                "made up by a test"
            );
        })
    };
    let mut window = open(settings(2, 3), wake);
    add_folder(&mut window, "unknown", &digits);
    until(&mut window, "the folder", planned(2));

    is_armed.store(true, Ordering::Release);
    press(&mut window, "Run");
    until(&mut window, "an error notice", |window| {
        window
            .query_by_label_contains("internal error: made up by a test")
            .is_some()
    });
    assert!(!window.state().session().is_running());
    assert!(
        !is_armed.load(Ordering::Acquire),
        "the panic was the worker's"
    );

    press(&mut window, "Run");
    until(
        &mut window,
        "the end of the second run",
        has_phase(Phase::Done),
    );
    window.get_by_label_contains("Done, 4 of 4 attempts");
}

#[test]
fn folders_that_are_not_there_or_hold_nothing_are_notices() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = open(settings(1, 1), no_wake());
    for (path, says) in [
        (
            folder.path().join("missing"),
            "There is no such folder or file",
        ),
        (folder.path().to_owned(), "The folder holds no images"),
    ] {
        add_folder(&mut window, "in-domain", &path);
        until(&mut window, says, |window| {
            window.query_all_by_label_contains(says).count() > 0
        });
    }
}

#[test]
fn a_detector_file_of_the_command_sets_the_threshold_of_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let clothes = some_samples(folder.path(), "fashion-mnist", 20);
    let digits = some_samples(folder.path(), "mnist", 3);
    let file = folder.path().join("detector.json");
    let mut args = vec!["calibrate", "--model", "bundled", "--device", "cpu"];
    args.extend(["--in-domain", text(&clothes), "--output", text(&file)]);
    args.extend(["--attempts", "1", "--steps", "4"]);
    let made = lmd(&args);
    let errors = String::from_utf8_lossy(&made.stderr);
    assert_eq!(made.status.code(), Some(0), "{errors}");
    let detector = Calibration::load(&file).unwrap();

    let mut window = open(settings(3, 7), no_wake());
    window.set_size(egui::vec2(1280.0, 1500.0));
    window.run_steps(2);
    let name = "detector to open";
    let field = |window: &Window| {
        let field = window.get_by_role_and_label(AccessRole::TextInput, name);
        field.focus();
        field.type_text(text(&file));
    };
    window
        .get_by_role_and_label(AccessRole::TextInput, name)
        .focus();
    window.run_steps(2);
    field(&window);
    window.run_steps(2);
    press(&mut window, &format!("Open {name}"));
    until(&mut window, "the detector", |window| {
        window.state().session().detector.is_some()
    });
    let named = window.query_all_by_label_contains("detector.json").count();
    assert!(named > 0, "the open file is named");
    let run = &window.state().session().settings.run;
    assert_eq!(
        run.method,
        by_lmd(1, 4).method,
        "its settings are taken over"
    );

    add_folder(&mut window, "unknown", &digits);
    until(&mut window, "the folder", planned(3));
    press(&mut window, "Run");
    until(&mut window, "the end of the run", has_phase(Phase::Done));
    until(&mut window, "the threshold", |window| {
        window.state().session().shown.threshold().is_some()
    });
    let session = window.state().session();
    assert_eq!(session.shown.threshold(), Some(detector.threshold));
    window.get_by_label_contains("From the detector file (");
    // p-values are against the images of the file, since there is no in-domain image here.
    let calibration = CalibrationScores::new(detector.calibration.iter().map(|image| image.score));
    for image in 0..3 {
        let score = session.shown.score_of(image).unwrap();
        let p_value = calibration.p_value(score);
        assert_eq!(session.shown.p_value_of(image), Some(p_value));
    }
}
