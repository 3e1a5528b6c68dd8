//! The window over a script in place of the background threads: widgets are found by role and name.

mod about;
mod arrangement;
mod browse;
mod clipboard;
mod confounds;
mod counts;
mod decision;
mod detectors;
mod fit;
mod gallery;
mod guide;
mod heights;
mod keep;
mod keep_real;
mod keyboard;
mod layouts;
mod look;
mod maps;
mod marks;
mod model_card;
mod model_settings;
mod notices;
mod odd_files;
mod overlays;
mod parking;
mod parking_real;
mod pictures;
mod plots;
mod proposal;
mod quick_scan;
mod reading;
mod real;
mod renaming;
mod room;
mod script;
mod shown;
mod similar;
mod tooltips;
mod train;
mod undo;
mod verdicts;
mod weights;

use std::time::{Duration, Instant};

use egui::accesskit::Role as AccessRole;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use lmd_inspector::state::{Action, GalleryOrder, GalleryView, Phase, Settings, ThemeChoice};
use lmd_inspector::ui::App;
use lmd_inspector::worker::protocol::{Event, LibraryEvent};
use script::Script;

type Window = Harness<'static, App>;

fn open(settings: Settings) -> (Window, Script) {
    let script = Script::default();
    let backend = Box::new(script.clone());
    let mut window = Harness::builder()
        .with_size([1280.0, 800.0])
        .with_max_steps(64)
        .build_eframe(move |creation| App::new(&creation.egui_ctx, settings, backend));
    window.run_steps(2);
    (window, script)
}

/// A window with an open model and listed samples.
fn ready(num_images: usize) -> (Window, Script) {
    let (mut window, script) = open(Settings::default());
    prepare(&mut window, &script, num_images);
    (window, script)
}

fn prepare(window: &mut Window, script: &Script, num_images: usize) {
    script.open_model();
    script.list_folders(num_images);
    window.run_steps(2);
    script.list_folders(num_images);
    window.run_steps(8);
}

/// Draw frames until something holds: figures are computed ten times a second only, and a busy machine may give the real
/// worker little time.
#[track_caller]
fn until(window: &mut Window, what: &str, mut holds: impl FnMut(&Window) -> bool) {
    let deadline = Instant::now() + Duration::from_mins(5);
    loop {
        window.run_steps(2);
        if holds(window) {
            return;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn has_attempts(attempts: usize) -> impl Fn(&Window) -> bool {
    move |window| {
        let analysis = window.state().session().shown.analysis.as_deref();
        analysis.and_then(|a| a.attempts) == Some((attempts, attempts))
    }
}

fn press(window: &mut Window, label: &str) {
    window
        .get_by_role_and_label(AccessRole::Button, label)
        .click();
    window.run_steps(3);
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
        let mut window = Harness::builder()
            .with_size([1280.0, 800.0])
            .with_pixels_per_point(1.0)
            .wgpu()
            .build_eframe(move |creation| App::new(&creation.egui_ctx, settings, backend));
        window.run_steps(2);
        let save = |window: &mut Window, name: &str| {
            let image = window.render().unwrap();
            let path = folder.join(format!("{}-{name}.png", theme.label().to_lowercase()));
            image.save(path).unwrap();
        };
        save(&mut window, "0-start");
        prepare(&mut window, &script, 200);
        save(&mut window, "1-ready");
        press(&mut window, "Run");
        script.make_attempts(0..4);
        until(&mut window, "four attempts", has_attempts(4));
        save(&mut window, "2-running");
        window
            .state_mut()
            .session_mut()
            .notices
            .push(lmd_inspector::worker::protocol::Notice {
                severity: lmd_inspector::worker::protocol::Severity::Warning,
                message: "This file could not be read: the JPEG ends too early.".to_owned(),
                path: Some("/images/holiday/IMG_2041.jpg".into()),
            });
        script.make_attempts(4..10);
        until(&mut window, "ten attempts", has_attempts(10));
        save(&mut window, "3-notice");
        window.set_size(egui::vec2(1120.0, 680.0));
        window.run_steps(4);
        save(&mut window, "4-small");
        window.set_size(egui::vec2(1280.0, 1240.0));
        window.run_steps(2);
        window.get_by_label("More settings").click();
        window.run_steps(10);
        save(&mut window, "5-tall");
        let dropped = vec!["/images/holiday".into()];
        let session = window.state_mut().session_mut();
        session.perform(Action::Dropped(dropped));
        window.run_steps(3);
        save(&mut window, "6-drop");
    }
}

#[test]
fn run_shows_three_pictures_the_histogram_and_the_curve() {
    let (mut window, script) = ready(30);
    assert!(window.query_by_label_contains("takes about").is_some());
    press(&mut window, "Run");
    assert!(script.has_run());
    script.make_attempts(0..1);
    until(&mut window, "one attempt", has_attempts(1));
    let curve = "ROC curve, AUROC";
    assert!(
        window.query_all_by_label_contains(curve).count() >= 2,
        "title and plot"
    );
    window.get_by_label_contains("Score histogram of 30 in-domain and 30 out-of-domain images");
    window.get_by_label_contains("Original of ");
    window.get_by_label_contains("Masked, attempt 1 of ");
    window.get_by_label_contains("Inpainted, attempt 1 of ");
    assert_eq!(
        window.state().session().shown.run.as_ref().unwrap().phase,
        Phase::Running
    );
}

#[test]
fn the_first_start_asks_for_the_bundled_model_and_the_samples_and_run_explains_itself() {
    let (mut window, script) = open(Settings::default());
    press(&mut window, "Run");
    assert!(!script.has_run());
    let said = "The model is still being opened";
    assert!(window.query_all_by_label_contains(said).count() >= 1);
    prepare(&mut window, &script, 5);
    window.get_by_label("Fashion-MNIST (samples)");
    window.get_by_label("MNIST (samples)");
    window.get_by_label("diffusers UNet2DModel");
    window.get_by_label("Mask preview, attempt 1");
    // Its cause is gone, and so is the message.
    assert!(window.state().session().notices.is_empty());
    press(&mut window, "Run");
    assert!(script.has_run());
}

#[test]
fn folders_are_added_by_path_and_removed() {
    let (mut window, script) = ready(3);
    let field = window.get_by_role_and_label(AccessRole::TextInput, "unknown folder path");
    field.focus();
    window.run_steps(2);
    window
        .get_by_role_and_label(AccessRole::TextInput, "unknown folder path")
        .type_text("/mine/holiday");
    window.run_steps(2);
    press(&mut window, "Add unknown folder path");
    script.list_folders(7);
    window.run_steps(4);
    window.get_by_label("holiday");
    assert_eq!(window.state().session().planned().len(), 13);
    press(&mut window, "Remove holiday, unknown");
    assert_eq!(window.state().session().planned().len(), 6);
    window.get_by_label_contains("1 file could not be read");
}

#[test]
fn pause_resume_and_cancel_answer_at_once() {
    let (mut window, script) = ready(4);
    press(&mut window, "Run");
    let (job, request, control) = script.last_run();
    press(&mut window, "Pause");
    assert!(control.is_paused());
    window.get_by_label("Paused");
    press(&mut window, "Resume");
    assert!(!control.is_paused());
    press(&mut window, "Cancel");
    assert!(control.is_cancelled());
    script.say(Event::Cancelled {
        job,
        progress: script::progress(&request, 5),
    });
    window.run_steps(3);
    window.get_by_label_contains("Ended early, 5 of 80 attempts");
    press(&mut window, "Run");
    assert_ne!(script.last_run().0, job, "a new run can start");
}

#[test]
fn a_click_in_the_gallery_shows_an_image_and_a_click_in_the_strip_an_attempt() {
    let (mut window, script) = ready(6);
    press(&mut window, "Run");
    script.make_attempts(0..3);
    until(&mut window, "three attempts", has_attempts(3));
    let tile = "00002.png, in-domain, score";
    window.get_by_label_contains(tile).click();
    window.run_steps(3);
    window.get_by_label("Original of 00002.png");
    window.get_by_label_contains("Attempt 2, LPIPS").click();
    window.run_steps(3);
    window.get_by_label("Masked, attempt 2 of 00002.png");
    window.get_by_label("Inpainted, attempt 2 of 00002.png");
    assert_eq!(window.query_all_by_label_contains("the median").count(), 1);

    window.key_press(egui::Key::ArrowRight);
    window.run_steps(3);
    window.get_by_label("Original of 00003.png");
    // Esc closes what is open, and leaves the image.
    window.key_press(egui::Key::Escape);
    window.run_steps(3);
    window.get_by_label("Original of 00003.png");
}

#[test]
fn a_wrong_model_path_is_said_once_beside_its_field_and_costs_neither_path_nor_model() {
    let (mut window, script) = ready(3);
    let field = "model path";
    window
        .get_by_role_and_label(AccessRole::TextInput, field)
        .focus();
    window.run_steps(2);
    window
        .get_by_role_and_label(AccessRole::TextInput, field)
        .type_text("/models/broken");
    window.run_steps(2);
    window.key_press(egui::Key::Enter);
    window.run_steps(3);
    script.say(Event::Failed {
        job: script.last_open(),
        message: "the weights end too early; copy them again: /models/broken".to_owned(),
    });
    window.run_steps(3);
    let said = window.query_all_by_label_contains("end too early").count();
    assert_eq!(said, 1, "card, field and notices together");
    let message = window.get_by_label("The weights end too early. Copy them again.");
    let field = window.get_by_role_and_label(AccessRole::TextInput, field);
    assert_eq!(field.value().as_deref(), Some("/models/broken"));
    let gap = message.rect().top() - field.rect().bottom();
    assert!((0.0..12.0).contains(&gap), "{gap} points below the field");
    // The model before is still there, and so is its card.
    window.get_by_label("fashion-mnist-32");
    window.get_by_label("diffusers UNet2DModel");
    press(&mut window, "Run");
    assert!(script.has_run());
}

#[test]
fn a_wrong_path_from_a_dialog_is_put_into_the_field_and_goes_with_the_next_model() {
    let (mut window, script) = ready(3);
    press(&mut window, "Browse model path");
    let (job, kind) = script.0.borrow().dialogs[0];
    script.say_library(LibraryEvent::Chosen {
        job,
        kind,
        paths: vec!["/models/README.md".into()],
        was_shown: true,
    });
    window.run_steps(3);
    let fail = |job| Event::Failed {
        job,
        message: "README.md is not a model; give another: /models/README.md".to_owned(),
    };
    script.say(fail(script.last_open()));
    window.run_steps(4);
    window.get_by_label("README.md is not a model. Give another.");
    let field = window.get_by_role_and_label(AccessRole::TextInput, "model path");
    assert_eq!(field.value().as_deref(), Some("/models/README.md"));
    let session = window.state_mut().session_mut();
    session.perform(Action::OpenModel(
        lmd_inspector::worker::protocol::ModelSource::BUNDLED,
    ));
    window.run_steps(2);
    script.open_model();
    window.run_steps(3);
    assert!(window.query_by_label_contains("is not a model").is_none());
}

#[test]
fn a_dead_worker_leaves_the_window_and_is_started_again() {
    let (mut window, script) = ready(3);
    press(&mut window, "Run");
    script.0.borrow_mut().is_lost = true;
    window.run_steps(3);
    window.get_by_label_contains("stopped unexpectedly");
    assert!(!window.state().session().is_running());
    script.open_model();
    window.run_steps(3);
    assert!(window.state().session().model_info().is_some());
}

#[test]
fn a_full_queue_is_tried_again() {
    let (mut window, script) = ready(3);
    script.0.borrow_mut().is_busy = true;
    press(&mut window, "Run");
    assert!(!script.has_run());
    script.0.borrow_mut().is_busy = false;
    window.run_steps(2);
    assert!(script.has_run());
}

#[test]
fn settings_are_edited_and_applied_without_touching_a_run() {
    let (mut window, script) = ready(4);
    window
        .get_by_role_and_label(AccessRole::ComboBox, "Distance")
        .scroll_to_me();
    window.run_steps(30);
    window
        .get_by_role_and_label(AccessRole::ComboBox, "Distance")
        .click();
    window.run_steps(4);
    window.get_by_label("MSE").click();
    window.run_steps(3);
    let distance = window.state().session().settings.run.view.measure;
    assert_eq!(distance, lmd_inspector::networks::distances::MSE);
    window.get_by_label("Scores, MSE");
    window
        .get_by_role_and_label(AccessRole::Button, "Next mask")
        .scroll_to_me();
    window.run_steps(30);
    press(&mut window, "Next mask");
    window.get_by_label("Mask preview, attempt 2");
    assert!(!script.has_run());
}

#[test]
fn every_control_has_a_name_and_an_idle_window_rests() {
    let (mut window, script) = ready(20);
    press(&mut window, "Run");
    script.make_attempts(0..10);
    let (job, request, _) = script.last_run();
    script.say(Event::Done {
        job,
        progress: script::progress(&request, 400),
    });
    until(&mut window, "ten attempts", has_attempts(10));
    // Fails where frames are asked for without end, and checks the names of all inputs.
    window.run();
    window.check_accessibility();
    window.get_by_label_contains("Done, 400 of 400 attempts");
}

#[test]
fn of_ten_thousand_images_only_the_visible_ones_are_drawn() {
    let tiles = |window: &Window| {
        window
            .query_all_by_label_contains(".png, in-domain")
            .chain(window.query_all_by_label_contains(".png, out-of-domain"))
            .count()
    };
    let (mut window, script) = ready(5_000);
    press(&mut window, "Run");
    script.make_attempts(0..2);
    until(&mut window, "two attempts", has_attempts(2));
    let visible = tiles(&window);
    assert!((7..60).contains(&visible), "{visible} tiles");

    // While results arrive, the images in the order of their scores.
    let session = window.state_mut().session_mut();
    session.perform(Action::SetGallery(GalleryView {
        order: GalleryOrder::HighestFirst,
        ..GalleryView::default()
    }));
    for batch in 0..10 {
        script.make_results(2, 16 * batch..16 * (batch + 1));
        window.run_steps(2);
        let visible = tiles(&window);
        assert!((7..60).contains(&visible), "{visible} tiles, batch {batch}");
    }
    let run = window.state().session().shown.run.as_ref().unwrap();
    assert_eq!(run.num_results(), 2 * 10_000 + 160);
}

#[test]
fn a_desktop_without_file_dialogs_is_said() {
    let (mut window, script) = ready(3);
    press(&mut window, "Browse model path");
    let (job, kind) = script.0.borrow().dialogs[0];
    script.say_library(LibraryEvent::Chosen {
        job,
        kind,
        paths: Vec::new(),
        was_shown: false,
    });
    window.run_steps(3);
    window.get_by_label_contains("This desktop shows no file dialog");
    press(&mut window, "Browse model path");
    let (job, kind) = script.0.borrow().dialogs[1];
    script.say_library(LibraryEvent::Chosen {
        job,
        kind,
        paths: vec!["/models/cats".into()],
        was_shown: true,
    });
    window.run_steps(3);
    window.get_by_label("cats");
}

#[test]
fn what_was_dropped_is_used_as_the_user_says() {
    let (mut window, script) = ready(3);
    let drop = |window: &mut Window, path: &str| {
        let session = window.state_mut().session_mut();
        session.perform(Action::Dropped(vec![path.into()]));
        window.run_steps(3);
    };
    drop(&mut window, "/images/holiday");
    press(&mut window, "Out-of-domain images");
    script.list_folders(2);
    window.run_steps(3);
    window.get_by_label("holiday");
    drop(&mut window, "/models/cats");
    press(&mut window, "Model");
    window.get_by_label("cats");
    drop(&mut window, "/models/dogs");
    press(&mut window, "Cancel drop");
    assert!(window.query_by_label_contains("dogs").is_none());
}

#[test]
fn changed_settings_are_there_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.json");
    let (mut window, _script) = open(Settings::default());
    window.state_mut().keep_settings_in(Some(path.clone()));
    let session = window.state_mut().session_mut();
    session.perform(Action::SetTheme(ThemeChoice::Dark));
    until(&mut window, "the settings file", |_| path.exists());
    let (settings, notice) = Settings::load(&path);
    assert_eq!(notice, None);
    assert_eq!(settings.theme, ThemeChoice::Dark);
}
