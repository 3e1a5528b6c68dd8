//! The window itself: its parts, sizes, messages and questions, and the way back from a change.

use std::borrow::Cow::Borrowed;

use super::When;
use crate::state::actions::{Info, Key, Shortcut};

pub const CLOSE: Info = Info {
    text: Borrowed("Close"),
    explanation: Borrowed(
        "Close what is open, then take the choice of scores, that by likeness and the marks away",
    ),
    shortcuts: &[Shortcut::plain(Key::Escape)],
    palette: None,
};

pub const UNDO: Info = Info {
    text: Borrowed("Undo"),
    explanation: Borrowed(
        "Take the last change back: of threshold, folders, choice of images, marks, tags and notes, settings or the name of the run",
    ),
    shortcuts: &[Shortcut::ctrl(Key::Z)],
    palette: Some((When::Undoable, "Undo")),
};

pub const REDO: Info = Info {
    text: Borrowed("Redo"),
    explanation: Borrowed("Make the change again that was taken back last"),
    shortcuts: &[Shortcut::shifted(Key::Z), Shortcut::ctrl(Key::Y)],
    palette: Some((When::Redoable, "Redo")),
};

pub const RESET_THRESHOLD: Info = Info {
    text: Borrowed("Reset"),
    explanation: Borrowed(
        "Back to the threshold from in-domain images alone with 5 % false alarms",
    ),
    shortcuts: &[],
    palette: Some((When::Always, "Reset the threshold")),
};

pub const DISMISS_ALL_NOTICES: Info = Info {
    text: Borrowed("Dismiss all"),
    explanation: Borrowed("Remove all messages"),
    shortcuts: &[],
    palette: Some((When::Always, "Dismiss all messages")),
};

pub const NEXT_PANEL: Info = Info {
    text: Borrowed("Next panel"),
    explanation: Borrowed("Go to the next part of the window by keyboard"),
    shortcuts: &[Shortcut::plain(Key::F6)],
    palette: Some((When::Always, "Next panel")),
};

pub const PREVIOUS_PANEL: Info = Info {
    text: Borrowed("Previous panel"),
    explanation: Borrowed("Go to the part of the window before by keyboard"),
    shortcuts: &[Shortcut::shift(Key::F6)],
    palette: Some((When::Always, "Previous panel")),
};

pub const ZOOM_IN: Info = Info {
    text: Borrowed("Larger"),
    explanation: Borrowed("Show everything larger, up to 300 %"),
    shortcuts: &[Shortcut::ctrl(Key::Plus), Shortcut::ctrl(Key::Equals)],
    palette: Some((When::Always, "Larger")),
};

pub const ZOOM_OUT: Info = Info {
    text: Borrowed("Smaller"),
    explanation: Borrowed("Show everything smaller, down to 100 %"),
    shortcuts: &[Shortcut::ctrl(Key::Minus)],
    palette: Some((When::Always, "Smaller")),
};

pub const ZOOM_RESET: Info = Info {
    text: Borrowed("Normal size"),
    explanation: Borrowed("Show everything at its normal size"),
    shortcuts: &[Shortcut::ctrl(Key::Num0)],
    palette: Some((When::Always, "Normal size")),
};

pub const TOGGLE_PALETTE: Info = Info {
    text: Borrowed("All commands"),
    explanation: Borrowed("Find any command by typing"),
    shortcuts: &[Shortcut::ctrl(Key::P)],
    palette: Some((When::Always, "All commands")),
};

pub const TOGGLE_SHORTCUTS: Info = Info {
    text: Borrowed("Keys"),
    explanation: Borrowed("Show all keys"),
    shortcuts: &[Shortcut::plain(Key::Questionmark)],
    palette: Some((When::Always, "Keys")),
};

pub const TOGGLE_MESSAGES: Info = Info {
    text: Borrowed("Messages"),
    explanation: Borrowed("Show what the window has said so far"),
    shortcuts: &[],
    palette: Some((When::Always, "Past messages")),
};

pub const TOGGLE_ABOUT: Info = Info {
    text: Borrowed("About"),
    explanation: Borrowed(
        "Show version, licenses and what the program finds on this machine, to be copied into a bug report",
    ),
    shortcuts: &[],
    palette: Some((When::Always, "About LMD Inspector")),
};

pub const TOGGLE_SETUP: Info = Info {
    text: Borrowed("Setup"),
    explanation: Borrowed("Show model, folders and settings of the next run, or fold them away"),
    shortcuts: &[Shortcut::ctrl(Key::B)],
    palette: Some((When::Always, "Setup of the next run")),
};

pub const SHOW_OVERVIEW: Info = Info {
    text: Borrowed("Overview"),
    explanation: Borrowed("Show the pictures of one image above all images"),
    shortcuts: &[],
    palette: Some((When::Always, "Overview")),
};

pub const SHOW_INSPECT: Info = Info {
    text: Borrowed("Inspect"),
    explanation: Borrowed("Show the pictures of one image as large as there is room"),
    shortcuts: &[],
    palette: Some((When::Always, "Inspect one image")),
};

pub const SHOW_GALLERY: Info = Info {
    text: Borrowed("Gallery"),
    explanation: Borrowed("Show all images"),
    shortcuts: &[],
    palette: Some((When::Always, "Gallery")),
};

pub const SHOW_VERDICTS: Info = Info {
    text: Borrowed("Verdicts"),
    explanation: Borrowed("Show the images to be judged, with p-value and verdict"),
    shortcuts: &[],
    palette: Some((When::Always, "Verdicts")),
};

pub const CONFIRM: Info = Info {
    text: Borrowed("Continue"),
    explanation: Borrowed("Do it"),
    shortcuts: &[],
    palette: None,
};

pub const DECLINE: Info = Info {
    text: Borrowed("Cancel"),
    explanation: Borrowed("Leave everything as it is"),
    shortcuts: &[],
    palette: None,
};

pub const TOGGLE_GUIDE: Info = Info {
    text: Borrowed("Guide"),
    explanation: Borrowed(
        "First steps, three worked cases, and what every figure and setting means in plain words",
    ),
    shortcuts: &[Shortcut::plain(Key::F1)],
    palette: Some((When::Always, "Guide (help)")),
};

pub const DISMISS_HINTS: Info = Info {
    text: Borrowed("Got it"),
    explanation: Borrowed("Do not show this again, the guide has all of it"),
    shortcuts: &[],
    palette: None,
};
