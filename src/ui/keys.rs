//! The keys of commands, as egui knows them.

use egui::{Context, KeyboardShortcut, Modifiers};

use super::focus;
use crate::state::UiCommand;
use crate::state::actions::{Key, Shortcut};

/// The commands that keys ask for in this frame; these keys mean nothing else then.
pub fn pressed(ctx: &Context) -> Vec<UiCommand> {
    // An open list or menu has Esc and the arrows to itself.
    let focused = ctx.memory(egui::Memory::focused);
    let is_typing =
        focused.is_some_and(|id| !focus::is_region(id)) || egui::Popup::is_any_open(ctx);
    let is_pressed = |command: &UiCommand| {
        let mut shortcuts = command.info().shortcuts.iter();
        // Plain keys belong to the widget that has the focus, F5 does not mean anything to any.
        shortcuts.any(|shortcut| {
            let is_free = (shortcut.with_ctrl
                && !(shortcut.key.edits_text() && ctx.text_edit_focused()))
                || shortcut.key.is_function()
                || !is_typing;
            is_free && ctx.input_mut(|input| input.consume_shortcut(&keyboard_shortcut(*shortcut)))
        })
    };
    // With Shift first: without, it does not matter whether Shift is held.
    let mut commands: Vec<UiCommand> = UiCommand::ALL.to_vec();
    commands.sort_by_key(|command| {
        let shortcuts = command.info().shortcuts.iter();
        !shortcuts.clone().any(|shortcut| shortcut.with_shift)
    });
    commands.into_iter().filter(is_pressed).collect()
}

fn keyboard_shortcut(shortcut: Shortcut) -> KeyboardShortcut {
    let key = match shortcut.key {
        Key::ArrowLeft => egui::Key::ArrowLeft,
        Key::ArrowRight => egui::Key::ArrowRight,
        Key::Escape => egui::Key::Escape,
        Key::F1 => egui::Key::F1,
        Key::F2 => egui::Key::F2,
        Key::F5 => egui::Key::F5,
        Key::O => egui::Key::O,
        Key::R => egui::Key::R,
        Key::Plus => egui::Key::Plus,
        Key::Equals => egui::Key::Equals,
        Key::Minus => egui::Key::Minus,
        Key::Comma => egui::Key::Comma,
        Key::Period => egui::Key::Period,
        Key::Questionmark => egui::Key::Questionmark,
        Key::ArrowUp => egui::Key::ArrowUp,
        Key::ArrowDown => egui::Key::ArrowDown,
        Key::PageUp => egui::Key::PageUp,
        Key::PageDown => egui::Key::PageDown,
        Key::Home => egui::Key::Home,
        Key::End => egui::Key::End,
        Key::F11 => egui::Key::F11,
        Key::Num0 => egui::Key::Num0,
        Key::Num1 => egui::Key::Num1,
        Key::A => egui::Key::A,
        Key::B => egui::Key::B,
        Key::C => egui::Key::C,
        Key::E => egui::Key::E,
        Key::F => egui::Key::F,
        Key::H => egui::Key::H,
        Key::P => egui::Key::P,
        Key::S => egui::Key::S,
        Key::T => egui::Key::T,
        Key::V => egui::Key::V,
        Key::W => egui::Key::W,
        Key::Y => egui::Key::Y,
        Key::F6 => egui::Key::F6,
        Key::Z => egui::Key::Z,
        Key::D => egui::Key::D,
        Key::G => egui::Key::G,
        Key::I => egui::Key::I,
        Key::L => egui::Key::L,
        Key::M => egui::Key::M,
        Key::N => egui::Key::N,
    };
    let mut modifiers = if shortcut.with_ctrl {
        Modifiers::COMMAND
    } else {
        Modifiers::NONE
    };
    modifiers.shift = shortcut.with_shift;
    KeyboardShortcut::new(modifiers, key)
}
