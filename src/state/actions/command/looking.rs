//! One image: its pictures, attempts and explanations, and pictures that are tried.

use std::borrow::Cow::Borrowed;

use super::When;
use crate::state::actions::{Info, Key, Shortcut};

pub const NEXT_STEP: Info = Info {
    text: Borrowed("Next"),
    explanation: Borrowed("Show the next step (Right)"),
    shortcuts: &[],
    palette: None,
};

pub const PREVIOUS_STEP: Info = Info {
    text: Borrowed("Back"),
    explanation: Borrowed("Show the step before (Left)"),
    shortcuts: &[],
    palette: None,
};

pub const FIT: Info = Info {
    text: Borrowed("Fit"),
    explanation: Borrowed("Show the whole picture"),
    shortcuts: &[Shortcut::plain(Key::F)],
    palette: Some((When::Always, "Fit")),
};

pub const ACTUAL_SIZE: Info = Info {
    text: Borrowed("Actual size"),
    explanation: Borrowed("Show each pixel of the picture as one pixel of the screen"),
    shortcuts: &[Shortcut::plain(Key::Num1), Shortcut::plain(Key::Num0)],
    palette: Some((When::Always, "Actual size")),
};

pub const NEXT_ATTEMPT: Info = Info {
    text: Borrowed("Next attempt"),
    explanation: Borrowed("Look at the next attempt"),
    shortcuts: &[Shortcut::plain(Key::Period)],
    palette: Some((When::Always, "Next attempt")),
};

pub const PREVIOUS_ATTEMPT: Info = Info {
    text: Borrowed("Previous attempt"),
    explanation: Borrowed("Look at the attempt before"),
    shortcuts: &[Shortcut::plain(Key::Comma)],
    palette: Some((When::Always, "Previous attempt")),
};

pub const START_SCRUB: Info = Info {
    text: Borrowed("Watch it denoise"),
    explanation: Borrowed("Make this attempt again from its seed and see it come out of the noise"),
    shortcuts: &[Shortcut::plain(Key::W)],
    palette: Some((When::Always, "Watch it denoise")),
};

pub const COPY: Info = Info {
    text: Borrowed("Copy picture"),
    explanation: Borrowed(
        "Put the picture under the pointer, else the original, into the clipboard",
    ),
    shortcuts: &[Shortcut::ctrl(Key::C)],
    palette: Some((When::Always, "Copy picture")),
};

pub const PASTE: Info = Info {
    text: Borrowed("Paste"),
    explanation: Borrowed(
        "Score the picture in the clipboard, or the file whose path is there; it joins no figure",
    ),
    shortcuts: &[Shortcut::ctrl(Key::V)],
    palette: Some((When::Always, "Try the pasted picture")),
};

pub const TRY_DROPPED: Info = Info {
    text: Borrowed("Try it"),
    explanation: Borrowed("Score this one picture now, it joins no figure"),
    shortcuts: &[],
    palette: None,
};

pub const TOGGLE_PRESENTATION: Info = Info {
    text: Borrowed("Presentation"),
    explanation: Borrowed(
        "Show an audience this image step by step, with large type: the arrow keys go on",
    ),
    shortcuts: &[Shortcut::plain(Key::F11)],
    palette: Some((When::Always, "Presentation")),
};

pub const TOGGLE_EXPLAIN: Info = Info {
    text: Borrowed("Explain this image"),
    explanation: Borrowed("Show in four pictures and a few words how this image came by its score"),
    shortcuts: &[Shortcut::plain(Key::E)],
    palette: Some((When::Always, "Explain this image")),
};

pub const TOGGLE_TRY: Info = Info {
    text: Borrowed("Paint and try…"),
    explanation: Borrowed(
        "Paint on this image, or drop a picture, and see its score; it joins no figure",
    ),
    shortcuts: &[Shortcut::plain(Key::T)],
    palette: Some((When::Always, "Paint and try…")),
};

pub const BACK_TO_RESULT: Info = Info {
    text: Borrowed("Back to the result"),
    explanation: Borrowed("Show what the attempt came to in place of its steps (Esc)"),
    shortcuts: &[],
    palette: None,
};
