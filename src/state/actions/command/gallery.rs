//! Which images are shown, marked and looked at.

use std::borrow::Cow::Borrowed;

use super::When;
use crate::state::actions::{Info, Key, Shortcut};

pub const NEXT_IMAGE: Info = Info {
    text: Borrowed("Next"),
    explanation: Borrowed("Look at the next image"),
    shortcuts: &[Shortcut::plain(Key::ArrowRight)],
    palette: Some((When::Always, "Next image")),
};

pub const PREVIOUS_IMAGE: Info = Info {
    text: Borrowed("Previous"),
    explanation: Borrowed("Look at the image before"),
    shortcuts: &[Shortcut::plain(Key::ArrowLeft)],
    palette: Some((When::Always, "Previous image")),
};

pub const ROW_DOWN: Info = Info {
    text: Borrowed("Row down"),
    explanation: Borrowed("Look at the image below in the gallery"),
    shortcuts: &[Shortcut::plain(Key::ArrowDown)],
    palette: Some((When::Always, "Row down")),
};

pub const ROW_UP: Info = Info {
    text: Borrowed("Row up"),
    explanation: Borrowed("Look at the image above in the gallery"),
    shortcuts: &[Shortcut::plain(Key::ArrowUp)],
    palette: Some((When::Always, "Row up")),
};

pub const SCREEN_DOWN: Info = Info {
    text: Borrowed("Screen down"),
    explanation: Borrowed("Go one screen down in the gallery"),
    shortcuts: &[Shortcut::plain(Key::PageDown)],
    palette: Some((When::Always, "Screen down")),
};

pub const SCREEN_UP: Info = Info {
    text: Borrowed("Screen up"),
    explanation: Borrowed("Go one screen up in the gallery"),
    shortcuts: &[Shortcut::plain(Key::PageUp)],
    palette: Some((When::Always, "Screen up")),
};

pub const FIRST_IMAGE: Info = Info {
    text: Borrowed("First image"),
    explanation: Borrowed("Look at the first image of the gallery"),
    shortcuts: &[Shortcut::plain(Key::Home)],
    palette: Some((When::Always, "First image")),
};

pub const LAST_IMAGE: Info = Info {
    text: Borrowed("Last image"),
    explanation: Borrowed("Look at the last image of the gallery"),
    shortcuts: &[Shortcut::plain(Key::End)],
    palette: Some((When::Always, "Last image")),
};

pub const FOCUS_FIND: Info = Info {
    text: Borrowed("Find images"),
    explanation: Borrowed("Show only images whose path has a text"),
    shortcuts: &[Shortcut::ctrl(Key::F)],
    palette: Some((When::Always, "Find images")),
};

pub const SHOW_ALL: Info = Info {
    text: Borrowed("Show all"),
    explanation: Borrowed("Take all filters away, by role, verdict, text, score and likeness"),
    shortcuts: &[],
    palette: Some((When::Always, "Show all images")),
};

pub const MARK_ALL: Info = Info {
    text: Borrowed("Mark all"),
    explanation: Borrowed("Mark all images that are shown"),
    shortcuts: &[Shortcut::ctrl(Key::A)],
    palette: Some((When::Always, "Mark all")),
};

pub const MARK_NONE: Info = Info {
    text: Borrowed("Mark none"),
    explanation: Borrowed("Mark no image"),
    shortcuts: &[],
    palette: None,
};

pub const SHOW_MAP: Info = Info {
    text: Borrowed("Show the map"),
    explanation: Borrowed("Show all images as points, those that look alike near each other"),
    shortcuts: &[],
    palette: Some((When::HasRun, "Show the map of images")),
};

pub const MORE_LIKE_THIS: Info = Info {
    text: Borrowed("More like this"),
    explanation: Borrowed(
        "Sort the images by how much they look like this one to a network for photographs, whatever their roles",
    ),
    shortcuts: &[Shortcut::plain(Key::M)],
    palette: Some((When::HasRun, "More like this")),
};

pub const SHOW_DUPLICATES: Info = Info {
    text: Borrowed("Near duplicates"),
    explanation: Borrowed(
        "Show pairs of images that are nearly the same picture, such as copies that were made brighter or stored again",
    ),
    shortcuts: &[],
    palette: Some((When::HasRun, "Show near duplicates")),
};

pub const STOP_COMPARING: Info = Info {
    text: Borrowed("Stop"),
    explanation: Borrowed("Do not compare the images with each other"),
    shortcuts: &[],
    palette: None,
};
