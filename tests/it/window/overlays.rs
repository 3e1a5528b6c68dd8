//! What lies over the window: palette, sheet of keys, presentation, and a picture to try.

use egui::accesskit::Role as AccessRole;
use egui::{Key, Modifiers, Pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use lmd_inspector::state::{Action, Settings, ThemeChoice};
use lmd_inspector::ui::App;
use lmd_inspector::worker::protocol::{Event as WorkerEvent, LibraryCommand, LibraryEvent};

use super::look::{drag, hover, looking, picture_center};
use super::{Window, has_attempts, press, ready, until};
use crate::window::script::Script;

#[test]
fn the_palette_finds_a_command_and_does_it() {
    let (mut window, _script) = looking();
    window.key_press_modifiers(Modifiers::COMMAND, Key::P);
    window.run_steps(3);
    window
        .get_by_role_and_label(AccessRole::TextInput, "Command")
        .type_text("theme d");
    window.run_steps(3);
    window.get_by_label_contains("Theme: dark");
    window.key_press(Key::Enter);
    window.run_steps(3);
    let session = window.state().session();
    assert_eq!(session.settings.theme, ThemeChoice::Dark);
    assert_eq!(session.looking.overlay, None);

    window.key_press_modifiers(Modifiers::COMMAND, Key::P);
    window.run_steps(3);
    window.key_press(Key::ArrowDown);
    window.run_steps(2);
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert!(window.query_by_label("Command").is_none());
}

#[test]
fn the_sheet_of_keys_names_them_all_and_the_window_grows() {
    let (mut window, _script) = looking();
    window.key_press(Key::Questionmark);
    window.run_steps(3);
    for words in ["Range in the histogram", "Move all pictures"] {
        window.get_by_label(words);
    }
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert!(window.query_by_label("Range in the histogram").is_none());
    for _ in 0..4 {
        window.key_press_modifiers(Modifiers::COMMAND, Key::Plus);
        window.run_steps(2);
    }
    assert_eq!(window.state().session().settings.zoom_percent, 200);
    assert_eq!(window.ctx.zoom_factor(), 2.0);
    window.key_press_modifiers(Modifiers::COMMAND, Key::Num0);
    window.run_steps(2);
    assert_eq!(window.ctx.zoom_factor(), 1.0);
}

#[test]
fn the_presentation_goes_step_by_step_from_the_original_to_the_verdict() {
    const PICTURES: [&str; 4] = [
        "1  Original picture",
        "2  Hidden picture",
        "3  Filled in picture",
        "4  Difference picture",
    ];
    let (mut window, _script) = looking();
    let shown = |window: &Window| {
        let is_shown = |name: &&&str| {
            window
                .query_by_role_and_label(AccessRole::Image, name)
                .is_some()
        };
        PICTURES.iter().filter(is_shown).count()
    };
    let verdict = "Scores of 6 in-domain and 6 out-of-domain images, this image at ";
    window.key_press(Key::F11);
    window.run_steps(4);
    assert!(window.query_by_label("Model").is_none(), "only pictures");
    for count in 1..=PICTURES.len() {
        assert_eq!(shown(&window), count);
        assert!(window.query_by_label_contains(verdict).is_none());
        window.key_press(Key::ArrowRight);
        window.run_steps(3);
    }
    assert_eq!(shown(&window), PICTURES.len());
    window.get_by_label_contains(verdict);
    window.get_by_label_contains("of the 6 images that belong");
    window.key_press(Key::ArrowLeft);
    window.run_steps(3);
    assert!(window.query_by_label_contains(verdict).is_none());
    window.key_press(Key::F11);
    window.run_steps(3);
    // The explanation shows all of it at once.
    window.key_press(Key::E);
    window.run_steps(4);
    assert_eq!(shown(&window), PICTURES.len());
    window.get_by_label_contains("hidden from the model");
    window.get_by_label_contains("learned from images that belong");
    window.get_by_label_contains("the less the image belongs");
    window.get_by_label_contains(verdict);
    window.key_press(Key::ArrowDown);
    window.run_steps(3);
    window.get_by_label("00003.png");
    window.key_press(Key::Escape);
    window.run_steps(3);
    window.get_by_label("Original of 00003.png");
}

#[test]
fn a_painted_picture_is_scored_and_joins_no_figure() {
    let (mut window, script) = looking();
    let (job, request, _) = script.last_run();
    script.say(WorkerEvent::Done {
        job,
        progress: crate::window::script::progress(&request, 36),
    });
    window.run_steps(3);
    let before = window.state().session().shown.analysis.clone();
    press(&mut window, "Paint and try…");
    let at = picture_center(&window, "Picture to paint on");
    drag(&mut window, at - vec2(40.0, 0.0), at);
    press(&mut window, "Score it");
    let commands = std::mem::take(&mut script.0.borrow_mut().library_commands);
    let Some(LibraryCommand::Painted { job, picture }) = commands.into_iter().last() else {
        panic!("the painted picture should have been sent");
    };
    let original = &window.state().session().shown.attempts()[0].original;
    assert_ne!(picture.bytes, original.bytes, "the stroke is in it");
    assert_eq!(picture.bytes[16 * 32 + 15], 255);
    script.list_one(job, "/tmp/painted.png");
    window.run_steps(3);
    let (_, tried, _) = script.last_run();
    assert_eq!(tried.images.len(), 1);
    assert_eq!(tried.settings, request.settings, "comparable with the run");
    script.make_attempts(0..2);
    window.run_steps(4);
    window.get_by_label("after 2 of 10 attempts");
    window.get_by_label_contains("of 6 in-domain images");
    window.get_by_role_and_label(AccessRole::Image, "Tried inpainted");
    let session = window.state().session();
    assert!(session.shown.trial.as_ref().unwrap().score().is_some());
    assert_eq!(session.shown.analysis, before, "no figure has changed");
    assert_eq!(session.shown.gallery.images().len(), 12);
}

#[test]
fn a_dropped_picture_can_be_tried_and_what_is_wrong_is_said() {
    let (mut window, script) = ready(3);
    let session = window.state_mut().session_mut();
    session.perform(Action::Dropped(vec!["/images/cat.jpg".into()]));
    window.run_steps(3);
    press(&mut window, "Try it");
    let commands = std::mem::take(&mut script.0.borrow_mut().library_commands);
    let Some(LibraryCommand::Scan { job, path, .. }) = commands.into_iter().last() else {
        panic!("the picture should be read");
    };
    assert_eq!(path, std::path::Path::new("/images/cat.jpg"));
    script.say_library(LibraryEvent::Scanned {
        job,
        listing: Err("the JPEG ends too early".to_owned()),
    });
    window.run_steps(3);
    window.get_by_label("cat.jpg");
    window.get_by_label("the JPEG ends too early");
    assert_eq!(
        window.state().session().folders.len(),
        2,
        "it joins no folder"
    );
}

#[test]
#[ignore = "draws pictures for a person to look at, into $LMD_PICTURES or target/tmp; needs a Vulkan driver"]
fn pictures_of_looking() {
    let folder =
        std::env::var_os("LMD_PICTURES").unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
    let folder = std::path::PathBuf::from(folder);
    for (theme, scale) in [(ThemeChoice::Light, 1.0), (ThemeChoice::Dark, 2.0)] {
        let script = Script::default();
        let backend = Box::new(script.clone());
        let settings = Settings {
            theme,
            ..Settings::default()
        };
        let mut window = Harness::builder()
            .with_size([1280.0, 800.0])
            .with_pixels_per_point(scale)
            .wgpu()
            .build_eframe(move |creation| App::new(&creation.egui_ctx, settings, backend));
        window.run_steps(2);
        super::prepare(&mut window, &script, 200);
        press(&mut window, "Run");
        script.make_attempts(0..10);
        until(&mut window, "ten attempts", has_attempts(10));
        let save = |window: &mut Window, name: &str| {
            window.run_steps(4);
            let image = window.render().unwrap();
            let path = folder.join(format!("{}-look-{name}.png", theme.label().to_lowercase()));
            image.save(path).unwrap();
        };
        window
            .get_by_label_contains("00002.png, in-domain, score")
            .click();
        window.run_steps(4);
        let at = picture_center(&window, "Original of 00002.png");
        hover(&mut window, at);
        save(&mut window, "0-row");
        hover(&mut window, Pos2::ZERO);
        let keys = [
            (Modifiers::COMMAND, Key::P, "1-palette"),
            (Modifiers::NONE, Key::Questionmark, "2-keys"),
            (Modifiers::NONE, Key::F11, "3-presentation"),
            (Modifiers::NONE, Key::E, "4-explain"),
        ];
        for (modifiers, key, name) in keys {
            window.key_press_modifiers(modifiers, key);
            save(&mut window, name);
            window.key_press(Key::Escape);
            window.run_steps(2);
        }
        window.get_by_label("Split").click();
        window.key_press_modifiers(Modifiers::COMMAND, Key::A);
        save(&mut window, "5-split");
        press(&mut window, "Export…");
        save(&mut window, "6-export");
        window.key_press(Key::Escape);
        window.run_steps(2);
        press(&mut window, "Paint and try…");
        save(&mut window, "9-try");
        window.key_press(Key::Escape);
        window.run_steps(2);
        for (percent, name) in [(150, "7-larger"), (300, "8-largest")] {
            window.state_mut().session_mut().settings.zoom_percent = percent;
            save(&mut window, name);
        }
    }
}
