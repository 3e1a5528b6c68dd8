//! Runs on disk, and what is written of them.

use std::borrow::Cow::Borrowed;

use super::When;
use crate::state::actions::{Info, Key, Shortcut};

pub const BROWSE_SAVE_DETECTOR: Info = Info {
    text: Borrowed("Save…"),
    explanation: Borrowed(
        "Write threshold, model, settings and in-domain scores to a file, which `lmd classify` and this window \
         use on new images",
    ),
    shortcuts: &[],
    palette: None,
};

pub const BROWSE_SAVE_FIT: Info = Info {
    text: Borrowed("Save the fit…"),
    explanation: Borrowed(
        "Write the fitted detector to a file, which `lmd score --fitted` and this window open",
    ),
    shortcuts: &[],
    palette: Some((When::Fitted, "Save the fit of the detector…")),
};

pub const BROWSE_CONVERT: Info = Info {
    text: Borrowed("Convert…"),
    explanation: Borrowed(
        "Write the model as a folder that Python's diffusers opens, open it again and compare the outputs",
    ),
    shortcuts: &[],
    palette: None,
};

pub const BROWSE_PLOTS: Info = Info {
    text: Borrowed("Save plots…"),
    explanation: Borrowed("Write histogram, ROC curve and AUROC by attempts as PNG and SVG"),
    shortcuts: &[],
    palette: Some((When::Always, "Save plots…")),
};

pub const BROWSE_EXPORT: Info = Info {
    text: Borrowed("Browse…"),
    explanation: Borrowed("Choose a folder and write the marked images, with a table, into it"),
    shortcuts: &[Shortcut::ctrl(Key::E)],
    palette: Some((When::Always, "Export marked images…")),
};

pub const TOGGLE_RECENT: Info = Info {
    text: Borrowed("Recent runs…"),
    explanation: Borrowed("Show the runs that this window has kept, and open one"),
    shortcuts: &[Shortcut::ctrl(Key::H)],
    palette: Some((When::Always, "Recent runs")),
};

pub const BROWSE_OPEN: Info = Info {
    text: Borrowed("Browse…"),
    explanation: Borrowed("Choose a run file"),
    shortcuts: &[],
    palette: Some((When::Always, "Open a run file…")),
};

pub const BROWSE_SAVE_AS: Info = Info {
    text: Borrowed("Save as…"),
    explanation: Borrowed("Write a copy of this run to a file that a colleague can open"),
    shortcuts: &[Shortcut::ctrl(Key::S)],
    palette: Some((When::Always, "Save the run as…")),
};

pub const RENAME: Info = Info {
    text: Borrowed("Rename…"),
    explanation: Borrowed("Give this run, and its file, a name to know it by"),
    shortcuts: &[Shortcut::plain(Key::F2)],
    palette: Some((When::HasRun, "Rename the run…")),
};

pub const TOGGLE_COMPARE: Info = Info {
    text: Borrowed("Compare…"),
    explanation: Borrowed(
        "Show finished runs in one table, and hold the shown one against another image by image",
    ),
    shortcuts: &[],
    palette: Some((When::Always, "Compare runs")),
};

pub const CLEAR: Info = Info {
    text: Borrowed("Clear recent runs…"),
    explanation: Borrowed(
        "Remove all runs that this window has kept, but for the one that is shown",
    ),
    shortcuts: &[],
    palette: Some((When::Always, "Clear recent runs…")),
};

pub const USE_AGAIN: Info = Info {
    text: Borrowed("Use again…"),
    explanation: Borrowed("Open the model, folders and settings of this run, to run them again"),
    shortcuts: &[],
    palette: Some((When::Opened, "Use the opened run again…")),
};

pub const CLOSE_RUN: Info = Info {
    text: Borrowed("Close run"),
    explanation: Borrowed("Put the opened run away, its file stays"),
    shortcuts: &[],
    palette: Some((When::Opened, "Close the opened run")),
};
