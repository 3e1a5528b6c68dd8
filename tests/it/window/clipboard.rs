//! Pictures to and from the clipboard.

use std::sync::Arc;

use egui::accesskit::Role as AccessRole;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use lmd_inspector::images::Picture;
use lmd_inspector::state::Overlay;
use lmd_inspector::worker::protocol::{Event, JobId, LibraryCommand, LibraryEvent};

use super::look::{hover, looking, picture_center};
use super::script::{self, Script};
use super::{Window, press, ready};

fn paste(window: &mut Window) {
    window.key_press_modifiers(Modifiers::COMMAND, Key::V);
    window.run_steps(3);
}

fn asked_to_paste(script: &Script) -> Option<JobId> {
    let commands = std::mem::take(&mut script.0.borrow_mut().library_commands);
    commands.into_iter().find_map(|command| match command {
        LibraryCommand::Paste { job } => Some(job),
        _ => None,
    })
}

fn asked_to_copy(script: &Script) -> Option<(Picture, String)> {
    let commands = std::mem::take(&mut script.0.borrow_mut().library_commands);
    commands.into_iter().find_map(|command| match command {
        LibraryCommand::Copy { picture, name } => Some((picture, name)),
        _ => None,
    })
}

#[test]
fn a_pasted_picture_is_tried() {
    let (mut window, script) = looking();
    let (job, request, _) = script.last_run();
    script.say(Event::Done {
        job,
        progress: script::progress(&request, 36),
    });
    window.run_steps(3);
    paste(&mut window);
    let job = asked_to_paste(&script).expect("the clipboard should be read");
    window.get_by_label("Pasted picture");
    script.list_one(job, "/pictures/cat.png");
    window.run_steps(3);
    window.get_by_label("cat.png");
    let (_, tried, _) = script.last_run();
    assert_eq!(tried.images.len(), 1);
    assert_eq!(
        tried.images[0].file.path,
        std::path::Path::new("/pictures/cat.png")
    );
    script.make_attempts(0..2);
    window.run_steps(4);
    window.get_by_label("after 2 of 10 attempts");
}

#[test]
fn a_clipboard_without_a_picture_is_said() {
    let (mut window, script) = ready(3);
    paste(&mut window);
    let job = asked_to_paste(&script).unwrap();
    let sentence = "The clipboard of this desktop can't be reached (it has none).";
    script.say_library(LibraryEvent::Scanned {
        job,
        listing: Err(sentence.to_owned()),
    });
    window.run_steps(3);
    window.get_by_label(sentence);
    window.key_press(Key::Escape);
    window.run_steps(3);
    press(&mut window, "Paint and try…");
    press(&mut window, "Paste");
    assert!(
        asked_to_paste(&script).is_some(),
        "the button does the same"
    );
}

#[test]
fn the_keys_belong_to_a_field_for_text_while_it_has_the_focus() {
    let (mut window, script) = ready(3);
    window
        .get_by_role_and_label(AccessRole::TextInput, "Find images")
        .focus();
    window.run_steps(2);
    window
        .get_by_role_and_label(AccessRole::TextInput, "Find images")
        .type_text("0001");
    window.run_steps(2);
    paste(&mut window);
    assert_eq!(asked_to_paste(&script), None);
    assert_eq!(window.state().session().looking.overlay, None);
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.run_steps(2);
    // One event alone: each is a frame, and only what the last one puts out is kept.
    window.event(egui::Event::Key {
        key: Key::C,
        physical_key: None,
        pressed: true,
        repeat: false,
        modifiers: Modifiers::COMMAND,
    });
    window.step();
    let commands = &window.output().platform_output.commands;
    let is_copied = commands
        .iter()
        .any(|command| matches!(command, egui::OutputCommand::CopyText(text) if text == "0001"));
    assert!(is_copied, "{commands:?}");
    assert!(asked_to_copy(&script).is_none());
}

#[test]
fn the_picture_under_the_pointer_is_copied_pixel_for_pixel() {
    let (mut window, script) = looking();
    let copy = |window: &mut Window| {
        window.key_press_modifiers(Modifiers::COMMAND, Key::C);
        window.run_steps(4);
    };
    let session = window.state().session();
    let result = &session.shown.attempts()[session.shown.attempt().unwrap()];
    let (original, inpainted) = (result.original.clone(), result.inpainted.clone().unwrap());
    let label = format!("Inpainted, attempt {} of 00002.png", result.attempt + 1);
    copy(&mut window);
    let (picture, name) = asked_to_copy(&script).unwrap();
    assert_eq!(picture, original, "the pointer is over no picture");
    assert_eq!(name, "The original picture of 00002.png");
    let at = picture_center(&window, &label);
    hover(&mut window, at);
    copy(&mut window);
    let (picture, name) = asked_to_copy(&script).unwrap();
    assert_eq!(picture, inpainted);
    script.say_library(LibraryEvent::Copied {
        name,
        outcome: Ok(()),
    });
    window.run_steps(3);
    window.get_by_label("The inpainted picture of 00002.png is in the clipboard");
    press(&mut window, "Dismiss message");
    let outcome = Err("The clipboard of this desktop can't be reached (gone).".to_owned());
    script.say_library(LibraryEvent::Copied {
        name: String::new(),
        outcome,
    });
    window.run_steps(3);
    window.get_by_label_contains("can't be reached (gone)");
}

#[test]
fn every_picture_of_an_attempt_is_in_the_menu_of_the_other_button() {
    let (mut window, script) = looking();
    let session = window.state().session();
    let result = Arc::clone(&session.shown.attempts()[session.shown.attempt().unwrap()]);
    for part in ["original", "masked", "inpainted", "difference"] {
        window
            .get_by_label("Original of 00002.png")
            .click_secondary();
        window.run_steps(4);
        press(&mut window, &format!("Copy {part}"));
        window.run_steps(2);
        let (picture, name) = asked_to_copy(&script).unwrap();
        assert_eq!(name, format!("The {part} picture of 00002.png"));
        assert_eq!((picture.width, picture.height), (32, 32));
        if part == "masked" {
            let known = result.known_mask.as_ref().unwrap().known();
            let hole = known.iter().position(|known| !known).unwrap();
            let shown = known.iter().position(|known| *known).unwrap();
            let pixel = |index: usize| &picture.bytes[3 * index..][..3];
            assert_eq!(pixel(shown), [result.original.bytes[shown]; 3]);
            assert_ne!(pixel(hole)[0], pixel(hole)[2], "the color of holes");
        }
    }
    assert_eq!(window.state().session().looking.overlay, None::<Overlay>);
}
