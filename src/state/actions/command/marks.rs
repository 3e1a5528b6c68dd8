//! What a person notes about images of a run. The keys are single letters: hundreds of images are gone through by them.

use std::borrow::Cow::Borrowed;

use super::When;
use crate::state::actions::{Info, Key, Shortcut};

pub const TOGGLE_REVIEWED: Info = Info {
    text: Borrowed("Reviewed"),
    explanation: Borrowed("Note that this image was looked at and is done, or that it is not"),
    shortcuts: &[Shortcut::plain(Key::R)],
    palette: Some((When::HasRun, "Reviewed")),
};

pub const REVIEWED_AND_NEXT: Info = Info {
    text: Borrowed("Reviewed, next"),
    explanation: Borrowed("Note that this image was reviewed, and look at the next one"),
    shortcuts: &[Shortcut::plain(Key::D)],
    palette: Some((When::HasRun, "Reviewed, next image")),
};

pub const FOCUS_TAG: Info = Info {
    text: Borrowed("Tag…"),
    explanation: Borrowed("Type a tag for this image"),
    shortcuts: &[Shortcut::plain(Key::G)],
    palette: Some((When::HasRun, "Add a tag")),
};

pub const TAG_AGAIN: Info = Info {
    text: Borrowed("Tag again"),
    explanation: Borrowed("Give this image the tag that was added last"),
    shortcuts: &[Shortcut::plain(Key::L)],
    palette: Some((When::HasRun, "Add the last tag again")),
};

pub const FOCUS_NOTE: Info = Info {
    text: Borrowed("Note…"),
    explanation: Borrowed("Write a note about this image"),
    shortcuts: &[Shortcut::plain(Key::N)],
    palette: Some((When::HasRun, "Write a note")),
};

pub const CORRECT_TO_IN: Info = Info {
    text: Borrowed("In-domain"),
    explanation: Borrowed(
        "Correct the role of this image to in-domain, or take that back; figures are then shown both ways, the threshold stays",
    ),
    shortcuts: &[Shortcut::plain(Key::I)],
    palette: Some((When::HasRun, "Correct the role to in-domain")),
};

pub const CORRECT_TO_OUT: Info = Info {
    text: Borrowed("Out-of-domain"),
    explanation: Borrowed(
        "Correct the role of this image to out-of-domain, or take that back; figures are then shown both ways, the threshold \
         stays",
    ),
    shortcuts: &[Shortcut::plain(Key::O)],
    palette: Some((When::HasRun, "Correct the role to out-of-domain")),
};
