//! The window over a script in place of the background threads: widgets are found by role and name.

mod script;

use egui::accesskit::Role as AccessRole;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use lmd_inspector::state::{Phase, Settings, ThemeChoice};
use lmd_inspector::ui::App;
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

fn press(window: &mut Window, label: &str) {
    window
        .get_by_role_and_label(AccessRole::Button, label)
        .click();
    window.run_steps(3);
}

/// Render to a file for a person to look at: `LMD_PICTURES=folder cargo test --test it window::pictures`.
#[test]
fn pictures() {
    let Some(folder) = std::env::var_os("LMD_PICTURES").map(std::path::PathBuf::from) else {
        return;
    };
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
        window.run_steps(6);
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
        window.run_steps(6);
        save(&mut window, "3-notice");
    }
}

#[test]
fn run_shows_three_pictures_the_histogram_and_the_curve() {
    let (mut window, script) = ready(30);
    assert!(window.query_by_label_contains("takes about").is_some());
    press(&mut window, "Run");
    assert!(script.has_run());
    script.make_attempts(0..1);
    window.run_steps(4);
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
        window.state().session().run.as_ref().unwrap().phase,
        Phase::Running
    );
}
