//! What the next run takes: model, mask, detector file, folders.

use std::borrow::Cow::Borrowed;

use super::When;
use crate::state::actions::{Info, Key, Shortcut};

pub const BROWSE_MODEL: Info = Info {
    text: Borrowed("Browse…"),
    explanation: Borrowed("Choose the folder of a diffusion model"),
    shortcuts: &[Shortcut::ctrl(Key::O)],
    palette: Some((When::Always, "Open a model…")),
};

pub const BROWSE_MASK: Info = Info {
    text: Borrowed("Browse…"),
    explanation: Borrowed("Choose a picture as the mask, white stays and black is painted again"),
    shortcuts: &[],
    palette: None,
};

pub const BROWSE_DETECTOR: Info = Info {
    text: Borrowed("Browse…"),
    explanation: Borrowed("Choose a detector file"),
    shortcuts: &[],
    palette: None,
};

pub const ONLY_UNKNOWN: Info = Info {
    text: Borrowed("Only score unknown images"),
    explanation: Borrowed(
        "Take the in-domain and out-of-domain folders out of the list: the detector file has its own in-domain scores",
    ),
    shortcuts: &[],
    palette: Some((When::Idle, "Only score unknown images")),
};
