//! Moving through the gallery by keys, finding images and marking them.

use egui::accesskit::Role as AccessRole;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use lmd_inspector::state::{Action, LookAction};
use lmd_inspector::worker::protocol::{LibraryCommand, LibraryEvent};

use super::look::{looking, shown_attempt};
use super::{Window, press};

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
    let selected = |window: &Window| window.state().session().shown.gallery.selected();
    let columns = window.state().session().looking.gallery_shape.0;
    assert!(columns > 1);
    let last = window.state().session().shown.gallery.order().len() - 1;
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
    assert_eq!(window.state().session().shown.gallery.order(), [3]);
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
    let run = session.shown.run.as_ref().unwrap();
    let order = session.shown.gallery.order();
    let spreads: Vec<f64> = order.iter().map(|&i| run.spread(i).unwrap()).collect();
    assert_eq!(spreads.len(), 12);
    assert!(spreads.is_sorted_by(|a, b| a >= b), "{spreads:?}");
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
    window.get_by_label("2 images written, with pictures and a table");

    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.run_steps(2);
    window.get_by_label("12 of 12 marked");
    tile(&window, "00001.png", Modifiers::NONE);
    window.run_steps(2);
    assert!(window.query_by_label_contains(" marked").is_none());
}
