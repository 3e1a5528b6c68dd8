//! What a user can ask for while looking at images that takes a value, with the words that go with it.

use std::path::PathBuf;

use super::{Info, UiCommand};
use crate::images::Picture;
use crate::state::arrangement::{Alike, MarkFilter, ScoreRange, VerdictOrder};
use crate::state::guide::Guide;
use crate::state::look::{LookSettings, View};
use crate::state::shown::marking::Mark;

/// One wish about how things are shown; nothing here changes a score.
#[derive(Clone, Debug, PartialEq)]
pub enum LookAction {
    /// Change how pictures are compared.
    Set(LookSettings),
    /// Zoom or move all pictures of the inspector.
    View(View),
    /// Show only images whose path has this text, in any case.
    Find(String),
    /// Show only images with these scores; `None` for all.
    Brush(Option<ScoreRange>),
    /// Show images by how alike they are; `None` for all, in the usual order.
    Alike(Option<Alike>),
    /// Show another page of the guide, or search it.
    Guide(Guide),
    /// Show only images with these marks; `None` for all images.
    FilterMarks(Option<MarkFilter>),
    /// Sort the verdicts.
    SortVerdicts(VerdictOrder),
    /// Mark an image, an index into the gallery's images.
    Mark(usize, Mark),
    /// Write the marked images to a folder.
    Export(PathBuf),
    /// Show a step of the attempt that is watched, from 0.
    ScrubTo(usize),
    /// Play its steps, or hold.
    PlayScrub(bool),
    /// Copy one of the pictures that are looked at.
    Copy(Part),
    /// Put a picture into the clipboard, where there is one, and what it is.
    CopyPicture(Option<Box<Picture>>, String),
    /// Score a painted picture.
    TryPainted(Box<Picture>),
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
    /// A new model.
    Train,
    /// What the window has said so far.
    Messages,
    /// Several detectors on the same images.
    Detectors,
    /// What the model is.
    Model,
    /// What the program is, and what it finds on this machine.
    About,
}

impl Overlay {
    /// What opens it, or closes it where it is open.
    pub fn toggle(self) -> UiCommand {
        match self {
            Self::Palette => UiCommand::TogglePalette,
            Self::Shortcuts => UiCommand::ToggleShortcuts,
            Self::Presentation => UiCommand::TogglePresentation,
            Self::Explain => UiCommand::ToggleExplain,
            Self::Try => UiCommand::ToggleTry,
            Self::Train => UiCommand::ToggleTrain,
            Self::Messages => UiCommand::ToggleMessages,
            Self::Detectors => UiCommand::ToggleDetectors,
            Self::Model => UiCommand::ToggleModel,
            Self::About => UiCommand::ToggleAbout,
        }
    }
}

impl LookAction {
    /// Its words.
    pub fn info(&self) -> Info {
        match self {
            Self::Set(settings) => {
                Info::new(settings.compare.label(), settings.compare.explanation())
            }
            Self::View(_) => Info::new("Zoom", "Zoom or move all pictures together"),
            Self::Find(_) => Info::new("Find images", "Show only images whose path has a text"),
            Self::FilterMarks(_) => Info::new(
                "Filter by review",
                "Show only images with a tag, a note or a corrected role, or by whether they were reviewed",
            ),
            Self::Brush(Some(_)) => {
                Info::new("Choose scores", "Show only images with these scores")
            }
            Self::Brush(None) => Info::new("All scores", "Show images with any score again (Esc)"),
            Self::Guide(_) => Info::new("Guide", "Show another page of the guide, or search it"),
            Self::Alike(Some(_)) => Info::new("Choose alike", "Show images by how alike they are"),
            Self::Alike(None) => Info::new(
                "Whatever they are like",
                "Show images whatever they are like again (Esc)",
            ),
            Self::SortVerdicts(order) => Info::new(
                format!("Sort by {}", order.column.label().to_lowercase()),
                "Sort the images to be judged",
            ),
            Self::Mark(..) => Info::new("Mark", "Mark this image"),
            Self::Export(_) => Info::new(
                "Export",
                "Write the marked images, with a table, into this folder",
            ),
            Self::ScrubTo(_) => Info::new("Step", "Show this step of the denoising"),
            Self::PlayScrub(true) => Info::new("Play", "Play the steps from noise to picture"),
            Self::PlayScrub(false) => Info::new("Pause", "Play the steps from noise to picture"),
            Self::Copy(part) => Info::new(
                format!("Copy {}", part.label().to_lowercase()),
                "Put this picture into the clipboard, pixel for pixel",
            ),
            Self::CopyPicture(..) => {
                Info::new("Copy picture", UiCommand::Copy.info().explanation.clone())
            }
            Self::TryPainted(_) => Info::new(
                "Score it",
                "Score the painted picture with the settings of the run",
            ),
        }
    }
}
