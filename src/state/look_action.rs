//! What a user can ask for while looking at images, with the words and keys that go with it.

use std::path::PathBuf;

use super::action::{Key, Shortcut};
use super::arrangement::ScoreRange;
use super::look::{LookSettings, View};
use super::marking::Mark;
use crate::images::Picture;

/// One wish about how things are shown; nothing here changes a score.
#[derive(Clone, Debug, PartialEq)]
pub enum LookAction {
    /// Change how pictures are compared.
    Set(LookSettings),
    /// Zoom or move all pictures of the inspector.
    View(View),
    /// The whole picture.
    Fit,
    /// One screen pixel a picture pixel.
    ActualSize,
    /// Look at the attempt so many places further.
    StepAttempt(isize),
    /// Move through the gallery.
    Move(Move),
    /// Show only images whose path has this text, in any case.
    Find(String),
    /// Show only images with these scores; `None` for all.
    Brush(Option<ScoreRange>),
    /// Take all filters of the gallery away.
    ShowAll,
    /// Type a text to find images by.
    FocusFind,
    /// Mark an image, an index into the gallery's images.
    Mark(usize, Mark),
    /// Mark all images that are shown.
    MarkAll,
    /// Mark no image.
    MarkNone,
    /// Choose a folder for the marked images in a dialog.
    BrowseExport,
    /// Write the marked images to a folder.
    Export(PathBuf),
    /// Make the attempt that is looked at again, with every step kept.
    StartScrub,
    /// Show a step of it, from 0.
    ScrubTo(usize),
    /// Play its steps, or hold.
    PlayScrub(bool),
    /// Score the first picture that was dropped on the window.
    TryDropped,
    /// Score the picture in the clipboard.
    Paste,
    /// Copy one of the pictures that are looked at; `None` is the one under the pointer, else the original.
    Copy(Option<Part>),
    /// Put a picture into the clipboard, where there is one, and what it is.
    CopyPicture(Option<Box<Picture>>, String),
    /// Score a painted picture.
    TryPainted(Box<Picture>),
    /// Everything larger.
    ZoomIn,
    /// Everything smaller.
    ZoomOut,
    /// Everything at its normal size.
    ZoomReset,
    /// Open something over the window, or close it where it is open.
    Toggle(Overlay),
}

/// A way through the gallery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// So many rows down.
    Rows(isize),
    /// So many screens down.
    Pages(isize),
    /// To the first image.
    First,
    /// To the last image.
    Last,
}

/// One of the pictures of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// As the model sees it.
    Original,
    /// With the holes of the mask.
    Masked,
    /// What the model made of it.
    Inpainted,
    /// How far apart both are.
    Difference,
}

impl Part {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 4] = [
        Self::Original,
        Self::Masked,
        Self::Inpainted,
        Self::Difference,
    ];

    /// The name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Original => "Original",
            Self::Masked => "Masked",
            Self::Inpainted => "Inpainted",
            Self::Difference => "Difference",
        }
    }
}

/// What lies over the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlay {
    /// All commands, found by typing.
    Palette,
    /// All keys.
    Shortcuts,
    /// Large pictures for an audience.
    Presentation,
    /// The method in three pictures.
    Explain,
    /// A picture to paint on and to score.
    Try,
}

impl LookAction {
    /// The actions that keys can ask for.
    pub const WITH_SHORTCUTS: [Self; 24] = [
        Self::Fit,
        Self::ActualSize,
        Self::StepAttempt(1),
        Self::StepAttempt(-1),
        Self::Move(Move::Rows(1)),
        Self::Move(Move::Rows(-1)),
        Self::Move(Move::Pages(1)),
        Self::Move(Move::Pages(-1)),
        Self::Move(Move::First),
        Self::Move(Move::Last),
        Self::FocusFind,
        Self::StartScrub,
        Self::MarkAll,
        Self::BrowseExport,
        Self::Copy(None),
        Self::Paste,
        Self::ZoomIn,
        Self::ZoomOut,
        Self::ZoomReset,
        Self::Toggle(Overlay::Palette),
        Self::Toggle(Overlay::Shortcuts),
        Self::Toggle(Overlay::Presentation),
        Self::Toggle(Overlay::Explain),
        Self::Toggle(Overlay::Try),
    ];

    /// The keys that ask for it, the one to show first.
    pub fn shortcuts(&self) -> &'static [Shortcut] {
        macro_rules! keys {
            ($($shortcut:expr),+) => {{
                const KEYS: &[Shortcut] = &[$($shortcut),+];
                KEYS
            }};
        }
        match self {
            Self::Fit => keys![Shortcut::plain(Key::F)],
            Self::ActualSize => keys![Shortcut::plain(Key::Num1), Shortcut::plain(Key::Num0)],
            Self::StepAttempt(1) => keys![Shortcut::plain(Key::Period)],
            Self::StepAttempt(-1) => keys![Shortcut::plain(Key::Comma)],
            Self::Move(Move::Rows(1)) => keys![Shortcut::plain(Key::ArrowDown)],
            Self::Move(Move::Rows(-1)) => keys![Shortcut::plain(Key::ArrowUp)],
            Self::Move(Move::Pages(1)) => keys![Shortcut::plain(Key::PageDown)],
            Self::Move(Move::Pages(-1)) => keys![Shortcut::plain(Key::PageUp)],
            Self::Move(Move::First) => keys![Shortcut::plain(Key::Home)],
            Self::Move(Move::Last) => keys![Shortcut::plain(Key::End)],
            Self::StartScrub => keys![Shortcut::plain(Key::W)],
            Self::FocusFind => keys![Shortcut::ctrl(Key::F)],
            Self::MarkAll => keys![Shortcut::ctrl(Key::A)],
            Self::BrowseExport => keys![Shortcut::ctrl(Key::E)],
            Self::Copy(None) => keys![Shortcut::ctrl(Key::C)],
            Self::Paste => keys![Shortcut::ctrl(Key::V)],
            Self::ZoomIn => keys![Shortcut::ctrl(Key::Plus), Shortcut::ctrl(Key::Equals)],
            Self::ZoomOut => keys![Shortcut::ctrl(Key::Minus)],
            Self::ZoomReset => keys![Shortcut::ctrl(Key::Num0)],
            Self::Toggle(Overlay::Palette) => keys![Shortcut::ctrl(Key::P)],
            Self::Toggle(Overlay::Shortcuts) => keys![Shortcut::plain(Key::Questionmark)],
            Self::Toggle(Overlay::Presentation) => keys![Shortcut::plain(Key::F11)],
            Self::Toggle(Overlay::Explain) => keys![Shortcut::plain(Key::E)],
            Self::Toggle(Overlay::Try) => keys![Shortcut::plain(Key::T)],
            _ => &[],
        }
    }

    /// What its button says.
    pub fn text(&self) -> String {
        let fixed = match self {
            Self::Copy(Some(part)) => return format!("Copy {}", part.label().to_lowercase()),
            Self::Copy(None) | Self::CopyPicture(..) => "Copy picture",
            Self::Paste => "Paste",
            Self::Set(settings) => settings.compare.label(),
            Self::View(_) => "Zoom",
            Self::Fit => "Fit",
            Self::ActualSize => "Actual size",
            Self::StepAttempt(offset) if *offset < 0 => "Previous attempt",
            Self::StepAttempt(_) => "Next attempt",
            Self::Move(Move::Rows(rows)) if *rows < 0 => "Row up",
            Self::Move(Move::Rows(_)) => "Row down",
            Self::Move(Move::Pages(pages)) if *pages < 0 => "Screen up",
            Self::Move(Move::Pages(_)) => "Screen down",
            Self::Move(Move::First) => "First image",
            Self::Move(Move::Last) => "Last image",
            Self::Find(_) | Self::FocusFind => "Find images",
            Self::Brush(Some(_)) => "Choose scores",
            Self::Brush(None) => "All scores",
            Self::ShowAll => "Show all",
            Self::Mark(..) => "Mark",
            Self::MarkAll => "Mark all",
            Self::MarkNone => "Mark none",
            Self::BrowseExport => "Browse…",
            Self::Export(_) => "Export",
            Self::StartScrub => "Watch it denoise",
            Self::ScrubTo(_) => "Step",
            Self::PlayScrub(true) => "Play",
            Self::PlayScrub(false) => "Hold",
            Self::ZoomIn => "Larger",
            Self::ZoomOut => "Smaller",
            Self::ZoomReset => "Normal size",
            Self::Toggle(Overlay::Palette) => "All commands",
            Self::Toggle(Overlay::Shortcuts) => "Keys",
            Self::Toggle(Overlay::Presentation) => "Presentation",
            Self::Toggle(Overlay::Explain) => "Explain this image",
            Self::Toggle(Overlay::Try) => "Paint and try…",
            Self::TryDropped => "Try it",
            Self::TryPainted(_) => "Score it",
        };
        fixed.to_owned()
    }

    /// What it does.
    pub fn explanation(&self) -> String {
        let fixed = match self {
            Self::Copy(Some(_)) => "Put this picture into the clipboard, pixel for pixel",
            Self::Copy(None) | Self::CopyPicture(..) => {
                "Put the picture under the pointer, else the original, into the clipboard"
            }
            Self::Paste => {
                "Score the picture in the clipboard, or the file whose path is there; it joins no figure"
            }
            Self::Set(settings) => settings.compare.explanation(),
            Self::View(_) => "Zoom or move all pictures together",
            Self::Fit => "Show the whole picture",
            Self::ActualSize => "Show each pixel of the picture as one pixel of the screen",
            Self::StepAttempt(offset) if *offset < 0 => "Look at the attempt before",
            Self::StepAttempt(_) => "Look at the next attempt",
            Self::Move(Move::Rows(rows)) if *rows < 0 => "Look at the image above in the gallery",
            Self::Move(Move::Rows(_)) => "Look at the image below in the gallery",
            Self::Move(Move::Pages(pages)) if *pages < 0 => "Go one screen up in the gallery",
            Self::Move(Move::Pages(_)) => "Go one screen down in the gallery",
            Self::Move(Move::First) => "Look at the first image of the gallery",
            Self::Move(Move::Last) => "Look at the last image of the gallery",
            Self::Find(_) | Self::FocusFind => "Show only images whose path has a text",
            Self::Brush(Some(_)) => "Show only images with these scores",
            Self::Brush(None) => "Show images with any score again (Esc)",
            Self::ShowAll => "Take all filters away, by role, verdict, text and score",
            Self::Mark(..) => "Mark this image",
            Self::MarkAll => "Mark all images that are shown",
            Self::MarkNone => "Mark no image",
            Self::BrowseExport => {
                "Choose a folder and write the marked images, with a table, into it"
            }
            Self::Export(_) => "Write the marked images, with a table, into this folder",
            Self::StartScrub => {
                "Make this attempt again from its seed and see it come out of the noise"
            }
            Self::ScrubTo(_) => "Show this step of the denoising",
            Self::PlayScrub(_) => "Play the steps from noise to picture",
            Self::ZoomIn => "Show everything larger, up to 300 %",
            Self::ZoomOut => "Show everything smaller, down to 100 %",
            Self::ZoomReset => "Show everything at its normal size",
            Self::Toggle(Overlay::Palette) => "Find any command by typing",
            Self::Toggle(Overlay::Shortcuts) => "Show all keys",
            Self::Toggle(Overlay::Presentation) => {
                "Show an audience the pictures, the score and the histogram, with large type"
            }
            Self::Toggle(Overlay::Explain) => {
                "Show in three pictures how this image came by its score"
            }
            Self::Toggle(Overlay::Try) => {
                "Paint on this image, or drop a picture, and see its score; it joins no figure"
            }
            Self::TryDropped => "Score this one picture now, it joins no figure",
            Self::TryPainted(_) => "Score the painted picture with the settings of the run",
        };
        fixed.to_owned()
    }
}
