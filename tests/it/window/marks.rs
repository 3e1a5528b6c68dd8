//! What a person notes about images, in the window.

use egui::accesskit::Role as AccessRole;
use egui::{Key, Modifiers, Rect};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use lmd_inspector::ood::Role;
use lmd_inspector::runs::ImageMarks;
use lmd_inspector::state::{Action, MarkFilter, UiCommand};
use lmd_inspector::worker::protocol::LibraryCommand;

use super::decision::finished;
use super::{Window, has_attempts, press, ready, until};

/// What was noted about the image that is looked at.
fn noted(window: &Window) -> ImageMarks {
    let shown = &window.state().session().shown;
    let marks = shown.image().and_then(|image| shown.marks_of(image));
    marks.cloned().unwrap_or_default()
}

fn click(window: &mut Window, role: AccessRole, label: &str) {
    window.get_by_role_and_label(role, label).click();
    window.run_steps(4);
}

fn look_at(window: &mut Window, tile: &str) {
    window.get_by_label_contains(tile).click();
    window.run_steps(3);
}

fn type_text(window: &mut Window, field: &str, text: &str) {
    window
        .get_by_role_and_label(AccessRole::TextInput, field)
        .type_text(text);
    window.run_steps(3);
}

#[test]
fn an_image_is_tagged_corrected_reviewed_and_noted_by_mouse() {
    let (mut window, _script) = finished(6, 2);
    look_at(&mut window, "00002.png, in-domain, score");
    click(&mut window, AccessRole::CheckBox, "Reviewed");
    assert!(noted(&window).is_reviewed);
    click(&mut window, AccessRole::ComboBox, "Corrected role");
    click(&mut window, AccessRole::Button, "Out-of-domain");
    assert_eq!(noted(&window).corrected, Some(Role::OutOfDomain));
    press(&mut window, "Tags");
    type_text(&mut window, "New tag", "blur");
    window.key_press(Key::Enter);
    window.run_steps(4);
    type_text(&mut window, "New tag", "dark");
    window.key_press(Key::Enter);
    window.run_steps(4);
    let tags: Vec<String> = noted(&window).tags.into_iter().collect();
    assert_eq!(tags, ["blur", "dark"]);
    // Those in use are offered, to be taken away too.
    click(&mut window, AccessRole::CheckBox, "dark (1)");
    assert_eq!(noted(&window).tags.len(), 1);
    window.key_press(Key::Escape);
    window.run_steps(4);
    press(&mut window, "Note");
    window
        .get_by_role_and_label(AccessRole::MultilineTextInput, "Note text")
        .type_text("two\nlines");
    window.run_steps(4);
    assert_eq!(noted(&window).note, "two\nlines");
    window.get_by_label("Tags blur");
    window.get_by_label("Note two");
    let all = "reviewed, corrected to out-of-domain, tagged blur, with a note";
    window.get_by_label_contains(all);
    // Another image has none of them, and is offered the tag.
    window.key_press(Key::Escape);
    window.run_steps(4);
    look_at(&mut window, "00003.png, in-domain, score");
    assert_eq!(noted(&window), ImageMarks::default());
    press(&mut window, "Tags");
    click(&mut window, AccessRole::CheckBox, "blur (1)");
    assert_eq!(
        noted(&window).tags.into_iter().collect::<Vec<_>>(),
        ["blur"]
    );
}

#[test]
fn keys_mark_image_after_image_and_undo_goes_back() {
    let (mut window, _script) = finished(6, 2);
    look_at(&mut window, "00002.png, in-domain, score");
    let first = window.state().session().shown.image();
    window.key_press(Key::G);
    window.run_steps(4);
    type_text(&mut window, "New tag", "odd");
    window.key_press(Key::Enter);
    window.run_steps(4);
    window.key_press(Key::Escape);
    window.run_steps(4);
    window.key_press(Key::O);
    window.run_steps(3);
    let marks = noted(&window);
    assert_eq!(marks.corrected, Some(Role::OutOfDomain));
    assert!(marks.tags.contains("odd"), "{marks:?}");
    window.key_press(Key::D);
    window.run_steps(3);
    assert_ne!(window.state().session().shown.image(), first);
    window.key_press(Key::L);
    window.run_steps(3);
    assert!(noted(&window).tags.contains("odd"));
    assert!(!noted(&window).is_reviewed);
    for _ in 0..4 {
        window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
        window.run_steps(3);
    }
    assert!(window.state().session().shown.marks.all().is_empty());
}

#[test]
fn letters_that_are_typed_into_a_field_are_no_commands() {
    let (mut window, _script) = finished(6, 2);
    look_at(&mut window, "00002.png, in-domain, score");
    let field = (AccessRole::TextInput, "Find images");
    window.get_by_role_and_label(field.0, field.1).focus();
    window.run_steps(2);
    for key in [Key::R, Key::O, Key::D] {
        window.key_press(key);
        window.run_steps(2);
    }
    assert!(window.state().session().shown.marks.all().is_empty());
}

#[test]
fn the_gallery_is_filtered_by_what_was_noted() {
    let (mut window, _script) = finished(6, 2);
    assert_eq!(window.query_all_by_label("Gallery review").count(), 0);
    look_at(&mut window, "00002.png, in-domain, score");
    window.key_press(Key::R);
    window.run_steps(4);
    click(&mut window, AccessRole::ComboBox, "Gallery review");
    click(&mut window, AccessRole::Button, "Not reviewed");
    let session = window.state().session();
    assert_eq!(session.looking.mark_filter, Some(MarkFilter::NotReviewed));
    assert_eq!(session.shown.gallery.order().len(), 11);
    window.get_by_label("11 of 12, 1 reviewed");
    press(&mut window, "Show all");
    assert_eq!(window.state().session().shown.gallery.order().len(), 12);
}

#[test]
fn figures_are_shown_as_given_and_as_corrected() {
    let (mut window, _script) = finished(20, 2);
    let threshold = window.state().session().shown.threshold();
    press(&mut window, "Figures");
    assert_eq!(window.query_all_by_label("Corrected").count(), 0);
    look_at(&mut window, "00002.png, in-domain, score");
    window.key_press(Key::O);
    until(&mut window, "the corrected figures", |window| {
        let analysis = window.state().session().shown.analysis.as_deref();
        analysis.is_some_and(|analysis| analysis.corrected.is_some())
    });
    window.run_steps(2);
    window.get_by_label("As given");
    window.get_by_label("Corrected");
    window.get_by_label("1 image corrected");
    let analysis = window.state().session().shown.analysis.clone().unwrap();
    let auroc = analysis.corrected.unwrap().figures.unwrap().auroc;
    assert_ne!(auroc, analysis.figures.unwrap().auroc);
    window.get_by_label(&format!("{auroc:.4}"));
    window.get_by_label(&format!("{auroc:.3} with 1 corrected image"));
    assert_eq!(window.state().session().shown.threshold(), threshold);
}

#[test]
fn the_row_fits_the_window_and_hides_no_other_control() {
    let (mut window, _script) = finished(20, 10);
    let place = |window: &Window, label: &str| -> Rect {
        window.query_all_by_label(label).next().unwrap().rect()
    };
    let labels = [
        "Watch it denoise",
        "Find images",
        "Gallery order",
        "Gallery role",
        "Show all",
    ];
    let before = labels.map(|label| place(&window, label));
    look_at(&mut window, "00002.png, in-domain, score");
    for key in [Key::R, Key::O] {
        window.key_press(key);
        window.run_steps(4);
    }
    let image = window.state().session().shown.image().unwrap();
    let content = window.state().session().shown.markable(image).unwrap();
    for tag in [
        "a long tag of several words",
        "another one",
        "and one more of many",
    ] {
        let change = lmd_inspector::runs::MarkChange::Tag(tag.to_owned());
        window
            .state_mut()
            .act(Action::Annotate(vec![content], change));
    }
    let note =
        "A note that is a good deal longer than there is room for in a row of controls".to_owned();
    let change = lmd_inspector::runs::MarkChange::Note(note.clone());
    window
        .state_mut()
        .act(Action::Annotate(vec![content], change));
    window.run_steps(6);
    let inside = Rect::from_min_max(egui::pos2(0.0, 0.0), egui::pos2(1280.0 - 348.0, 800.0));
    let tags = "Tags a long tag of several words, and one more of many, another one";
    for label in [
        "Reviewed",
        "Corrected role",
        tags,
        &format!("Note {note}"),
        "Gallery review",
    ] {
        let rect = place(&window, label);
        assert!(inside.contains_rect(rect), "{label}: {rect:?}");
    }
    // Nothing moves below or beside it, but for the field to find images, which makes room for the list of marks.
    for (label, before) in labels.into_iter().zip(before) {
        let now = place(&window, label);
        assert_eq!(now.top(), before.top(), "{label}");
        assert!(inside.contains_rect(now), "{label}: {now:?}");
    }
    window.check_accessibility();
}

#[test]
fn marks_of_a_run_under_way_are_written_soon_and_without_a_run_the_row_is_gray() {
    let (mut window, script) = ready(6);
    let is_gray = |window: &Window| {
        let node = window.get_by_role_and_label(AccessRole::CheckBox, "Reviewed");
        node.accesskit_node().is_disabled()
    };
    assert!(is_gray(&window));
    press(&mut window, "Run");
    script.make_attempts(0..1);
    until(&mut window, "one attempt", has_attempts(1));
    assert!(!is_gray(&window));
    let run = window.state_mut().session_mut().shown.run.as_mut().unwrap();
    run.kept.file = Some("/runs/one.lmdrun".into());
    window
        .state_mut()
        .act(Action::Do(UiCommand::ToggleReviewed));
    until(&mut window, "the marks to be written", |_| {
        let commands = &script.0.borrow().library_commands;
        commands.iter().any(|command| {
            matches!(command, LibraryCommand::WriteMarks { run, marks, .. }
                if run.ends_with("one.lmdrun") && marks.len() == 1)
        })
    });
}

#[test]
fn the_row_takes_no_size_from_the_pictures_of_the_overview() {
    let (window, _script) = finished(6, 2);
    let picture = window.query_all_by_label_contains("Original of ").next();
    // Four device pixels for each of its 32, and a frame: as before there was the row.
    assert_eq!(picture.unwrap().rect().width(), 130.0);
}
