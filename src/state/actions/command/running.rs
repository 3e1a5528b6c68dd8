//! A run under way.

use std::borrow::Cow::Borrowed;

use super::When;
use crate::state::actions::{Info, Key, Shortcut};

pub const RUN: Info = Info {
    text: Borrowed("Run"),
    explanation: Borrowed(
        "Hide parts of every image, let the model paint them again and measure how much changed",
    ),
    shortcuts: &[Shortcut::plain(Key::F5), Shortcut::ctrl(Key::R)],
    palette: Some((When::Idle, "Start the run")),
};

pub const PAUSE: Info = Info {
    text: Borrowed("Pause"),
    explanation: Borrowed("Hold the run where it is, the computer is free meanwhile"),
    shortcuts: &[],
    palette: Some((When::Running, "Pause the run")),
};

pub const RESUME: Info = Info {
    text: Borrowed("Resume"),
    explanation: Borrowed("Continue the run where it was held"),
    shortcuts: &[],
    palette: Some((When::Paused, "Resume the run")),
};

pub const CANCEL: Info = Info {
    text: Borrowed("Cancel"),
    explanation: Borrowed("End the run, the results so far stay"),
    shortcuts: &[],
    palette: Some((When::RunningOrPaused, "Cancel the run")),
};

pub const FOLLOW: Info = Info {
    text: Borrowed("Follow the run"),
    explanation: Borrowed("Show the newest result as it comes"),
    shortcuts: &[],
    palette: Some((When::Running, "Follow the run")),
};

pub const GO_ON: Info = Info {
    text: Borrowed("Resume"),
    explanation: Borrowed(
        "Make the attempts that are missing, the scores are those of a run that nothing stopped",
    ),
    shortcuts: &[],
    palette: Some((When::Unfinished, "Continue the unfinished run")),
};

pub const TRY_AGAIN: Info = Info {
    text: Borrowed("Try again"),
    explanation: Borrowed("Write the attempts that could not be written, after room was made"),
    shortcuts: &[],
    palette: None,
};

pub const GO_ON_UNSAVED: Info = Info {
    text: Borrowed("Continue without saving"),
    explanation: Borrowed("Keep what was written so far, the rest of the run stays in memory only"),
    shortcuts: &[],
    palette: None,
};

pub const TOGGLE_DETECTORS: Info = Info {
    text: Borrowed("Compare detectors…"),
    explanation: Borrowed(
        "Score the same images by several detectors, the cheap ones first, and see which to use",
    ),
    shortcuts: &[],
    palette: Some((When::Always, "Compare detectors")),
};

pub const COMPARE_DETECTORS: Info = Info {
    text: Borrowed("Compare"),
    explanation: Borrowed(
        "Score the images of the setup by each of these; every detector's run is kept among the recent ones",
    ),
    shortcuts: &[],
    palette: None,
};

pub const STOP_COMPARISON: Info = Info {
    text: Borrowed("Stop"),
    explanation: Borrowed("End the comparison, what is finished stays"),
    shortcuts: &[],
    palette: None,
};
