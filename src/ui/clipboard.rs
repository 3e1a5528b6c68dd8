//! The keys for copying and pasting in fields for text.
//!
//! The window passes these keys on as they are, see [`super::start`]: by itself it would read the clipboard before it
//! passes on a paste, and a picture that another program is slow to hand over would hold it up.

use egui::{Context, Event, Key, Modifiers, ViewportCommand};

const CUT: [(Modifiers, Key); 3] = [
    (Modifiers::NONE, Key::Cut),
    (Modifiers::COMMAND, Key::X),
    (Modifiers::SHIFT, Key::Delete),
];
const COPY: [(Modifiers, Key); 3] = [
    (Modifiers::NONE, Key::Copy),
    (Modifiers::COMMAND, Key::C),
    (Modifiers::COMMAND, Key::Insert),
];
const PASTE: [(Modifiers, Key); 3] = [
    (Modifiers::NONE, Key::Paste),
    (Modifiers::COMMAND, Key::V),
    (Modifiers::SHIFT, Key::Insert),
];

/// Turn the keys into what fields for text listen to, while such a field has the focus; call before any drawing.
pub fn keys_of_text(ctx: &Context) {
    if !ctx.text_edit_focused() {
        return;
    }
    let is_pressed = |keys: [(Modifiers, Key); 3]| {
        ctx.input_mut(|input| {
            keys.into_iter()
                .any(|(modifiers, key)| input.consume_key(modifiers, key))
        })
    };
    if is_pressed(CUT) {
        ctx.input_mut(|input| input.events.push(Event::Cut));
    }
    if is_pressed(COPY) {
        ctx.input_mut(|input| input.events.push(Event::Copy));
    }
    if is_pressed(PASTE) {
        // Comes back as text in the next frame.
        ctx.send_viewport_cmd(ViewportCommand::RequestPaste);
    }
}
