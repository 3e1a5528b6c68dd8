//! Taking changes back, by keys and by the palette.

use egui::accesskit::Role as AccessRole;
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;

use super::{press, ready};

#[test]
fn a_removed_folder_comes_back_by_key_and_goes_again() {
    let (mut window, script) = ready(3);
    let remove = "Remove MNIST (samples), out-of-domain";
    let count = |window: &super::Window| window.state().session().folders.len();
    press(&mut window, remove);
    assert_eq!(count(&window), 1);
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(3);
    script.list_folders(3);
    window.run_steps(3);
    assert_eq!(count(&window), 2);
    assert_eq!(window.state().session().planned().len(), 6);
    window.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    window.run_steps(3);
    assert_eq!(count(&window), 1);
    window.key_press_modifiers(Modifiers::COMMAND, Key::P);
    window.run_steps(3);
    window
        .get_by_role_and_label(AccessRole::TextInput, "Command")
        .type_text("undo");
    window.run_steps(3);
    window.get_by_label_contains("Undo removing a folder");
    window.key_press(Key::Enter);
    window.run_steps(3);
    assert_eq!(count(&window), 2);
}

#[test]
fn the_keys_of_undo_belong_to_a_field_for_text_while_it_has_the_focus() {
    let (mut window, _script) = ready(3);
    press(&mut window, "Remove MNIST (samples), out-of-domain");
    let field = || (AccessRole::TextInput, "Find images");
    let (role, label) = field();
    window.get_by_role_and_label(role, label).focus();
    window.run_steps(2);
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(3);
    assert_eq!(window.state().session().folders.len(), 1);
}
