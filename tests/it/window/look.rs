//! Looking closely: the inspector's pictures, the gallery, and what lies over the window.

use std::sync::Arc;

use egui::accesskit::Role as AccessRole;
use egui::{Event, Key, Modifiers, PointerButton, Pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use lmd_inspector::images::NativeInfo;
use lmd_inspector::state::look::{ColorMap, Compare};
use lmd_inspector::state::{Action, LookAction, LookSettings, Settings, ThemeChoice, View, text};
use lmd_inspector::ui::App;
use lmd_inspector::worker::protocol::{
    Command, Event as WorkerEvent, LibraryCommand, LibraryEvent,
};
use lmd_inspector::worker::trace::Trace;

use super::{Window, has_attempts, press, ready, until};
use crate::window::script::Script;

/// A window with three attempts of each of six images a role, the image `00002.png` selected.
pub(super) fn looking() -> (Window, Script) {
    let (mut window, script) = ready(6);
    press(&mut window, "Run");
    script.make_attempts(0..3);
    until(&mut window, "three attempts", has_attempts(3));
    let tile = "00002.png, in-domain, score";
    window.get_by_label_contains(tile).click();
    window.run_steps(3);
    (window, script)
}

fn view(window: &Window) -> View {
    window.state().session().looking.view
}

fn look(window: &Window) -> LookSettings {
    window.state().session().settings.look
}

pub(super) fn picture_center(window: &Window, label: &str) -> Pos2 {
    window
        .get_by_role_and_label(AccessRole::Image, label)
        .rect()
        .center()
}

pub(super) fn hover(window: &mut Window, at: Pos2) {
    window.input_mut().events.push(Event::PointerMoved(at));
    window.run_steps(3);
}

fn drag(window: &mut Window, from: Pos2, to: Pos2) {
    let button = |pos, pressed| Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    hover(window, from);
    window.input_mut().events.push(button(from, true));
    window.run_steps(1);
    window
        .input_mut()
        .events
        .push(Event::PointerMoved(from.lerp(to, 0.5)));
    window.run_steps(1);
    hover(window, to);
    window.input_mut().events.push(button(to, false));
    window.run_steps(2);
}

fn shown_attempt(window: &Window) -> usize {
    let session = window.state().session();
    session.shown_attempts()[session.shown_attempt().unwrap()].attempt
}

#[test]
fn wheel_drag_and_keys_zoom_all_pictures_together() {
    let (mut window, _script) = looking();
    window.get_by_label("Zoom Fit");
    let at = picture_center(&window, "Original of 00002.png");
    hover(&mut window, at);
    window.input_mut().events.push(Event::MouseWheel {
        unit: egui::MouseWheelUnit::Point,
        delta: vec2(0.0, 240.0),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Unknown,
        modifiers: Modifiers::NONE,
    });
    window.run_steps(40);
    let zoomed = view(&window);
    assert!(zoomed.zoom.is_some(), "the wheel zooms");
    drag(&mut window, at, at + vec2(20.0, 0.0));
    assert!(view(&window).center[0] < zoomed.center[0], "a drag moves");

    window.key_press(Key::F);
    window.run_steps(3);
    assert_eq!(view(&window).zoom, None);
    for key in [Key::Num1, Key::Num0] {
        window.key_press(key);
        window.run_steps(3);
        window.get_by_label("Zoom 100 %");
        press(&mut window, "Zoom 100 %");
        assert_eq!(view(&window), View::default());
    }
}

#[test]
fn the_values_under_the_pointer_are_those_of_the_pictures() {
    let (mut window, _script) = looking();
    let at = picture_center(&window, "Original of 00002.png");
    hover(&mut window, at + vec2(1.0, 1.0));
    let session = window.state().session();
    let result = &session.shown_attempts()[session.shown_attempt().unwrap()];
    let index = 16 * result.original.width + 16;
    let (a, b) = (
        result.original.bytes[index],
        result.inpainted.as_ref().unwrap().bytes[index],
    );
    let said = format!(
        "Column 16, row 16: original {a}, inpainted {b}, difference {}",
        a.abs_diff(b)
    );
    window.get_by_label_contains(&said);
}

#[test]
fn the_difference_has_one_scale_for_the_run_said_on_the_legend() {
    let (mut window, script) = looking();
    window.get_by_label_contains("Difference, attempt ");
    let run = window.state().session().run.as_ref().unwrap();
    let (top, _) = run.differences.top().unwrap();
    let said = format!("One color scale for the whole run, from 0 to {top} of 255: 99 %");
    window.get_all_by_label_contains(&said).next().unwrap();
    window.key_press(Key::ArrowRight);
    script.make_attempts(3..4);
    until(&mut window, "four attempts", has_attempts(4));
    assert!(
        window.query_all_by_label_contains(&said).count() > 0,
        "the same for other images and attempts"
    );

    window
        .get_by_role_and_label(AccessRole::ComboBox, "Difference colors")
        .click();
    window.run_steps(4);
    window.get_by_label("Viridis").click();
    window.run_steps(4);
    assert_eq!(look(&window).color_map, ColorMap::Viridis);
    window
        .get_by_role_and_label(AccessRole::Slider, "Difference opacity")
        .set_value_accesskit(0.25);
    window.run_steps(3);
    assert_eq!(look(&window).opacity, 0.25);
}

#[test]
fn the_original_is_in_all_places_while_space_is_held() {
    let (mut window, _script) = looking();
    let flipped = |window: &Window| {
        let nodes = window.query_all_by_label_contains(", the original in its place");
        nodes.count()
    };
    assert_eq!(flipped(&window), 0);
    window.key_down(Key::Space);
    window.run_steps(3);
    assert_eq!(flipped(&window), 4, "all four pictures");
    window.key_up(Key::Space);
    window.run_steps(3);
    assert_eq!(flipped(&window), 0);
    // With Shift only while the pointer is over the pictures.
    window.event(Event::ModifiersChanged(Modifiers::SHIFT));
    window.run_steps(2);
    assert_eq!(flipped(&window), 0);
    let at = picture_center(&window, "Original of 00002.png");
    hover(&mut window, at);
    assert_eq!(flipped(&window), 4);
    window.event(Event::ModifiersChanged(Modifiers::NONE));
    window.run_steps(2);
    // A field for text keeps its spaces.
    window
        .get_by_role_and_label(AccessRole::TextInput, "Find images")
        .focus();
    window.run_steps(2);
    window.key_down(Key::Space);
    window.run_steps(2);
    assert_eq!(flipped(&window), 0);
}

#[test]
fn split_and_blink_lay_both_pictures_over_each_other() {
    let (mut window, _script) = looking();
    window.get_by_label("Split").click();
    window.run_steps(3);
    assert_eq!(look(&window).compare, Compare::Split);
    window.get_by_label_contains("Split of original and inpainted, attempt ");
    assert!(window.query_by_label("Original of 00002.png").is_none());
    let grip = window.get_by_label("Split grip").rect().center();
    drag(&mut window, grip, grip + vec2(60.0, 0.0));
    let moved = view(&window).split;
    assert!(moved > 0.6, "dragged to {moved}");
    assert_eq!(view(&window).center, [0.5, 0.5], "the picture stays");
    window
        .get_by_role_and_label(AccessRole::Slider, "Split line")
        .set_value_accesskit(0.25);
    window.run_steps(3);
    assert_eq!(view(&window).split, 0.25);

    window.get_by_label("Blink").click();
    window.run_steps(3);
    window.get_by_label_contains("Original and inpainted in turn, attempt ");
}

#[test]
fn keys_step_through_attempts_and_the_gallery() {
    let (mut window, _script) = looking();
    window.get_by_label_contains("Attempt 1, LPIPS").click();
    window.run_steps(3);
    assert_eq!(shown_attempt(&window), 0);
    for (key, attempt) in [(Key::Period, 1), (Key::Period, 2), (Key::Comma, 1)] {
        window.key_press(key);
        window.run_steps(2);
        assert_eq!(shown_attempt(&window), attempt);
    }
    let selected = |window: &Window| window.state().session().gallery.selected();
    let columns = window.state().session().looking.gallery_shape.0;
    assert!(columns > 1);
    let last = window.state().session().gallery.order().len() - 1;
    for (key, image) in [
        (Key::Home, 0),
        (Key::ArrowDown, columns.min(last)),
        (Key::ArrowUp, 0),
        (Key::End, last),
        (Key::PageUp, 0),
    ] {
        window.key_press(key);
        window.run_steps(2);
        assert_eq!(selected(&window), Some(image), "{key:?}");
    }
}

#[test]
fn images_are_found_by_text_and_sorted_by_spread() {
    let (mut window, _script) = looking();
    window.key_press_modifiers(Modifiers::COMMAND, Key::F);
    window.run_steps(3);
    let field = window.get_by_role_and_label(AccessRole::TextInput, "Find images");
    assert!(field.is_focused());
    field.type_text("fashion-mnist/00003");
    window.run_steps(4);
    assert_eq!(window.state().session().gallery.order(), [3]);
    window.get_by_label_contains("00003.png, in-domain, score");
    assert!(
        window
            .query_by_label_contains("00002.png, in-domain")
            .is_none()
    );
    window.key_press(Key::Escape);
    window.run_steps(2);

    let session = window.state_mut().session_mut();
    session.perform(Action::Look(LookAction::Find(String::new())));
    window
        .get_by_role_and_label(AccessRole::ComboBox, "Gallery order")
        .click();
    window.run_steps(4);
    window.get_by_label("Largest spread first").click();
    window.run_steps(4);
    let session = window.state().session();
    let run = session.run.as_ref().unwrap();
    let order = session.gallery.order();
    let spreads: Vec<f64> = order.iter().map(|&i| run.spread(i).unwrap()).collect();
    assert_eq!(spreads.len(), 12);
    assert!(spreads.is_sorted_by(|a, b| a >= b), "{spreads:?}");
}

#[test]
fn a_click_copies_the_score_with_all_its_digits() {
    let (mut window, _script) = looking();
    let score = window.state().session().shown_score().unwrap();
    // The last of that name: the plots' numbers come before the inspector.
    let label = text::score(score);
    let found = window.query_all_by_label(&label).last();
    found.unwrap().click();
    window.step();
    let copied = window.output().platform_output.commands.iter().any(|command| {
        matches!(command, egui::OutputCommand::CopyText(text) if text.parse() == Ok(score))
    });
    assert!(copied, "{:?}", window.output().platform_output.commands);
}

#[test]
fn marked_images_are_exported_in_the_background() {
    let (mut window, script) = looking();
    let tile = |window: &Window, name: &str, modifiers| {
        window
            .get_by_label_contains(&format!("{name}, in-domain, score"))
            .click_modifiers(modifiers);
    };
    tile(&window, "00004.png", Modifiers::SHIFT);
    window.run_steps(3);
    tile(&window, "00003.png", Modifiers::COMMAND);
    window.run_steps(3);
    assert_eq!(window.query_all_by_label_contains(", marked").count(), 2);
    window.get_by_label("2 of 12 marked");
    press(&mut window, "Export…");
    window.get_by_label("Write 2 images");
    window
        .get_by_role_and_label(AccessRole::TextInput, "export folder path")
        .focus();
    window.run_steps(2);
    window
        .get_by_role_and_label(AccessRole::TextInput, "export folder path")
        .type_text("/out/chosen");
    window.run_steps(2);
    press(&mut window, "Export export folder path");
    let commands = std::mem::take(&mut script.0.borrow_mut().library_commands);
    let Some(LibraryCommand::Export { job, request }) = commands.into_iter().last() else {
        panic!("an export should have been asked for");
    };
    assert_eq!(request.folder, std::path::Path::new("/out/chosen"));
    let names: Vec<_> = request.images.iter().map(|i| i.path.file_name()).collect();
    assert_eq!(
        names,
        [Some("00002.png".as_ref()), Some("00004.png".as_ref())]
    );
    script.say_library(LibraryEvent::Exported {
        job,
        request,
        outcome: Ok(()),
    });
    window.run_steps(3);
    window.get_by_label("2 images written, with their pictures and a table");

    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.run_steps(2);
    window.get_by_label("12 of 12 marked");
    tile(&window, "00001.png", Modifiers::NONE);
    window.run_steps(2);
    assert!(window.query_by_label_contains(" marked").is_none());
}

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
    for words in ["Show the whole picture", "Find any command by typing"] {
        window.get_by_label(words);
    }
    window.key_press(Key::Escape);
    window.run_steps(3);
    assert!(window.query_by_label("Show the whole picture").is_none());
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
fn presentation_and_explanation_show_three_pictures_verdict_and_plot() {
    let (mut window, _script) = looking();
    window.key_press(Key::F11);
    window.run_steps(4);
    for name in ["Original picture", "Masked picture", "Inpainted picture"] {
        window.get_by_role_and_label(AccessRole::Image, name);
    }
    window
        .get_by_label_contains("Scores of 6 in-domain and 6 out-of-domain images, this image at ");
    assert!(window.query_by_label("Model").is_none(), "only pictures");
    window.key_press(Key::F11);
    window.run_steps(3);
    window.key_press(Key::E);
    window.run_steps(4);
    for name in ["1  Lift picture", "2  Map picture", "3  Detect picture"] {
        window.get_by_role_and_label(AccessRole::Image, name);
    }
    window.get_by_label_contains("hidden from the model");
    window.get_by_label_contains("learned from good images");
    window.get_by_label_contains("the less the image belongs");
    window.key_press(Key::ArrowRight);
    window.run_steps(3);
    window.get_by_label("00003.png");
    window.key_press(Key::Escape);
    window.run_steps(3);
    window.get_by_label("Original of 00003.png");
}

#[test]
fn an_attempt_is_watched_step_by_step() {
    let (mut window, script) = looking();
    let (job, request, _) = script.last_run();
    assert!(
        window.state().session().missing_for_scrub().is_some(),
        "busy"
    );
    script.say(WorkerEvent::Done {
        job,
        progress: crate::window::script::progress(&request, 36),
    });
    window.run_steps(3);
    press(&mut window, "Watch it denoise");
    let (job, traced) = {
        let shared = script.0.borrow();
        let Some(Command::Trace { job, request, .. }) = shared.commands.last() else {
            panic!("a trace should have been asked for");
        };
        (*job, request.clone())
    };
    window.get_by_label_contains("Making the attempt again");
    let session = window.state().session();
    let result = &session.shown_attempts()[session.shown_attempt().unwrap()];
    assert_eq!(traced.attempt, result.attempt);
    let steps = vec![
        result.original.clone(),
        result.original.clone(),
        result.inpainted.clone().unwrap(),
    ];
    let trace = Arc::new(Trace { steps });
    script.say(WorkerEvent::Traced { job, trace });
    window.run_steps(2);
    until(&mut window, "the last step", |window| {
        window.query_by_label("Step 3 of 3").is_some()
    });
    window.get_by_label_contains("bit for bit");
    window
        .get_by_role_and_label(AccessRole::Slider, "Denoising step")
        .set_value_accesskit(2.0);
    window.run_steps(3);
    window.get_by_label("Step 2 of 3");
    press(&mut window, "Play");
    until(&mut window, "the last step again", |window| {
        window.query_by_label("Step 3 of 3").is_some()
    });
    window.get_by_label_contains("Attempt 3, LPIPS").click();
    window.run_steps(3);
    assert!(
        window.query_by_label_contains("Step ").is_none(),
        "another attempt"
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

#[test]
fn folders_of_other_files_and_simple_explanations_are_told() {
    let (mut window, script) = ready(24);
    assert!(window.query_by_label("Not a fair comparison?").is_none());
    press(&mut window, "Run");
    script.make_attempts(0..2);
    until(&mut window, "two attempts", has_attempts(2));
    assert!(window.query_by_label("Simple explanations").is_none());
    let (job, request, _) = script.last_run();
    script.say(WorkerEvent::Done {
        job,
        progress: crate::window::script::progress(&request, 96),
    });
    window.run_steps(4);
    window.get_by_label("Simple explanations");
    for property in ["Brightness", "Contrast", "Complexity", "File size"] {
        window.get_by_label(property);
    }
    // Made-up digits are rings and made-up clothes are discs: a ring has two edges to describe.
    let warning = window.get_by_label_contains("Complexity alone tells the roles apart");
    assert!(warning.rect().right() < 1280.0, "{:?}", warning.rect());
}

#[test]
fn folders_of_other_files_are_told_before_a_run() {
    let (mut window, script) = super::open(Settings::default());
    script.0.borrow_mut().out_of_domain_native = Some(NativeInfo {
        width: 640,
        height: 480,
        format: "jpeg".to_owned(),
        color: "Rgb8".to_owned(),
        num_bytes: 40_000,
        jpeg_quality: Some(90),
    });
    super::prepare(&mut window, &script, 12);
    assert!(!script.has_run());
    window.get_by_label("Not a fair comparison?");
    for sentence in [
        "28 pixels on their longer side, out-of-domain ones 640",
        "In-domain images are 1.00 times as wide as high, out-of-domain ones 1.33 times",
        "mostly PNG, out-of-domain ones mostly JPEG",
        "mostly gray, out-of-domain ones mostly color",
    ] {
        let place = window.get_by_label_contains(sentence).rect();
        assert!(place.left() >= 0.0 && place.right() <= 312.0, "{place:?}");
    }
    let session = window.state_mut().session_mut();
    let folder_id = session.folders[1].folder_id;
    session.perform(Action::RemoveFolder(folder_id));
    window.run_steps(3);
    assert!(window.query_by_label("Not a fair comparison?").is_none());
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
    let before = window.state().session().analysis.clone();
    press(&mut window, "Paint and try…");
    let at = picture_center(&window, "Picture to paint on");
    drag(&mut window, at - vec2(40.0, 0.0), at);
    press(&mut window, "Score it");
    let commands = std::mem::take(&mut script.0.borrow_mut().library_commands);
    let Some(LibraryCommand::Painted { job, picture }) = commands.into_iter().last() else {
        panic!("the painted picture should have been sent");
    };
    let original = &window.state().session().shown_attempts()[0].original;
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
    assert!(session.looking.trial.as_ref().unwrap().score().is_some());
    assert_eq!(session.analysis, before, "no figure has changed");
    assert_eq!(session.gallery.images().len(), 12);
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
