//! Everything a user can ask for, with the words and keys that go with it.

use std::path::PathBuf;

use super::arrangement::GalleryView;
use super::decision::DecisionSettings;
use super::folders::FolderId;
use super::keep_action::KeepAction;
use super::look_action::LookAction;
use super::notices::NoticeId;
use super::settings::ThemeChoice;
use crate::ood::Role;
use crate::runs::RunSettings;
use crate::worker::protocol::ModelSource;

/// One wish of the user; panels push them, the session performs them.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Score the images.
    Run,
    /// Hold the run.
    Pause,
    /// Continue a held run.
    Resume,
    /// End the run; its results are kept.
    Cancel,
    /// Load a model.
    OpenModel(ModelSource),
    /// Choose a model folder in a dialog.
    BrowseModel,
    /// Add a folder (or one image file) of a role.
    AddFolder(PathBuf, Role),
    /// Choose folders of a role in a dialog.
    BrowseFolders(Role),
    /// Add the bundled sample images of a role.
    AddSamples(Role),
    /// Take a folder out of the session; the files stay.
    RemoveFolder(FolderId),
    /// Choose a mask image in a dialog.
    BrowseMask,
    /// Change how images are scored.
    SetRun(Box<RunSettings>),
    /// Preview the mask of another attempt.
    PreviewAttempt(usize),
    /// Look at an image, an index into the gallery's images.
    SelectImage(usize),
    /// Look at the next image of the gallery.
    NextImage,
    /// Look at the previous image of the gallery.
    PreviousImage,
    /// Look at one attempt of the selected image; `None` is the median.
    SelectAttempt(Option<usize>),
    /// Close what is open: a message, the drop chooser or the selected image.
    Close,
    /// Change order or filter of the gallery.
    SetGallery(GalleryView),
    /// Change how things are shown.
    Look(LookAction),
    /// Something about runs on disk.
    Keep(KeepAction),
    /// Change how the threshold is set.
    SetDecision {
        /// The new settings.
        settings: Box<DecisionSettings>,
        /// Part of a movement whose start can be undone already.
        is_continued: bool,
    },
    /// Take the last change of the threshold back.
    Undo,
    /// Back to the default threshold.
    ResetThreshold,
    /// Choose a detector file in a dialog.
    BrowseDetector,
    /// Use the model, settings and threshold of a detector file.
    OpenDetector(PathBuf),
    /// Choose where to save the detector in a dialog.
    BrowseSaveDetector,
    /// Write threshold, settings and in-domain scores to a detector file.
    SaveDetector(PathBuf),
    /// Light or dark.
    SetTheme(ThemeChoice),
    /// Files were dropped on the window.
    Dropped(Vec<PathBuf>),
    /// Use what was dropped as images of a role; `None` as the model.
    UseDropped(Option<Role>),
    /// Remove a notice.
    DismissNotice(NoticeId),
    /// Remove all notices.
    DismissAllNotices,
}

/// A key that the shortcuts use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// Left arrow.
    ArrowLeft,
    /// Right arrow.
    ArrowRight,
    /// Escape.
    Escape,
    /// F5.
    F5,
    /// The letter O.
    O,
    /// The letter R.
    R,
    /// Plus.
    Plus,
    /// Equals, the key of plus on many keyboards.
    Equals,
    /// Minus.
    Minus,
    /// Comma.
    Comma,
    /// Period.
    Period,
    /// Question mark.
    Questionmark,
    /// Up arrow.
    ArrowUp,
    /// Down arrow.
    ArrowDown,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Home.
    Home,
    /// End.
    End,
    /// F11.
    F11,
    /// The digit 0.
    Num0,
    /// The digit 1.
    Num1,
    /// The letter A.
    A,
    /// The letter C.
    C,
    /// The letter E.
    E,
    /// The letter F.
    F,
    /// The letter H.
    H,
    /// The letter P.
    P,
    /// The letter S.
    S,
    /// The letter T.
    T,
    /// The letter V.
    V,
    /// The letter W.
    W,
    /// The letter Z.
    Z,
}

impl Key {
    /// Whether it means something with Ctrl where text is typed: marking, copying and pasting it.
    pub fn edits_text(self) -> bool {
        matches!(self, Self::A | Self::C | Self::V)
    }

    /// Whether it means nothing to any field that text is typed into.
    pub fn is_function(self) -> bool {
        matches!(self, Self::F5 | Self::F11)
    }
}

/// A key, alone or with Ctrl (Command on a Mac).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortcut {
    /// The key.
    pub key: Key,
    /// Whether Ctrl is held.
    pub with_ctrl: bool,
}

impl Shortcut {
    pub(super) const fn plain(key: Key) -> Self {
        Self {
            key,
            with_ctrl: false,
        }
    }

    pub(super) const fn ctrl(key: Key) -> Self {
        Self {
            key,
            with_ctrl: true,
        }
    }

    /// How it is written in tooltips.
    pub fn label(self) -> String {
        let key = match self.key {
            Key::ArrowLeft => "Left",
            Key::ArrowRight => "Right",
            Key::Escape => "Esc",
            Key::F5 => "F5",
            Key::O => "O",
            Key::R => "R",
            Key::Plus => "+",
            Key::Equals => "=",
            Key::Minus => "-",
            Key::Comma => ",",
            Key::Period => ".",
            Key::Questionmark => "?",
            Key::ArrowUp => "Up",
            Key::ArrowDown => "Down",
            Key::PageUp => "Page up",
            Key::PageDown => "Page down",
            Key::Home => "Home",
            Key::End => "End",
            Key::F11 => "F11",
            Key::Num0 => "0",
            Key::Num1 => "1",
            Key::A => "A",
            Key::C => "C",
            Key::E => "E",
            Key::F => "F",
            Key::H => "H",
            Key::P => "P",
            Key::S => "S",
            Key::T => "T",
            Key::V => "V",
            Key::W => "W",
            Key::Z => "Z",
        };
        if self.with_ctrl {
            format!("Ctrl+{key}")
        } else {
            key.to_owned()
        }
    }
}

impl Action {
    /// The actions that keys can ask for.
    pub fn with_shortcuts() -> [Self; 6] {
        [
            Self::Run,
            Self::BrowseModel,
            Self::NextImage,
            Self::PreviousImage,
            Self::Close,
            Self::Undo,
        ]
    }

    /// The keys that ask for it, the one to show first.
    pub fn shortcuts(&self) -> &'static [Shortcut] {
        const RUN: &[Shortcut] = &[Shortcut::plain(Key::F5), Shortcut::ctrl(Key::R)];
        const OPEN: &[Shortcut] = &[Shortcut::ctrl(Key::O)];
        const NEXT: &[Shortcut] = &[Shortcut::plain(Key::ArrowRight)];
        const PREVIOUS: &[Shortcut] = &[Shortcut::plain(Key::ArrowLeft)];
        const UNDO: &[Shortcut] = &[Shortcut::ctrl(Key::Z)];
        const CLOSE: &[Shortcut] = &[Shortcut::plain(Key::Escape)];
        match self {
            Self::Run => RUN,
            Self::BrowseModel => OPEN,
            Self::NextImage => NEXT,
            Self::PreviousImage => PREVIOUS,
            Self::Close => CLOSE,
            Self::Look(look) => look.shortcuts(),
            Self::Keep(keep) => keep.shortcuts(),
            Self::Undo => UNDO,
            _ => &[],
        }
    }

    /// What its button says.
    pub fn text(&self) -> String {
        match self {
            Self::Run => "Run".to_owned(),
            Self::Pause => "Pause".to_owned(),
            Self::Resume => "Resume".to_owned(),
            Self::Cancel => "Cancel".to_owned(),
            Self::OpenModel(ModelSource::Bundled) => "Use bundled".to_owned(),
            Self::OpenModel(ModelSource::Path(_)) | Self::OpenDetector(_) => "Open".to_owned(),
            Self::BrowseModel
            | Self::BrowseFolders(_)
            | Self::BrowseMask
            | Self::BrowseDetector => "Browse…".to_owned(),
            Self::AddFolder(..) => "Add".to_owned(),
            Self::AddSamples(_) => "Add samples".to_owned(),
            Self::RemoveFolder(_) => "Remove".to_owned(),
            Self::SetRun(_) => "Change".to_owned(),
            Self::PreviewAttempt(attempt) => format!("Mask {}", attempt + 1),
            Self::SelectImage(_) => "Show".to_owned(),
            Self::NextImage => "Next".to_owned(),
            Self::PreviousImage => "Previous".to_owned(),
            Self::SelectAttempt(Some(attempt)) => format!("Attempt {}", attempt + 1),
            Self::SelectAttempt(None) => "Median attempt".to_owned(),
            Self::Close => "Close".to_owned(),
            Self::SetGallery(view) => view.order.label().to_owned(),
            Self::Look(look) => look.text(),
            Self::Keep(keep) => keep.text().to_owned(),
            Self::SetDecision { settings, .. } => settings.way.label().to_owned(),
            Self::Undo => "Undo".to_owned(),
            Self::ResetThreshold => "Reset".to_owned(),
            Self::BrowseSaveDetector => "Save…".to_owned(),
            Self::SaveDetector(_) => "Save".to_owned(),
            Self::SetTheme(theme) => theme.label().to_owned(),
            Self::Dropped(_) | Self::UseDropped(_) => "Drop".to_owned(),
            Self::DismissNotice(_) => "Dismiss".to_owned(),
            Self::DismissAllNotices => "Dismiss all".to_owned(),
        }
    }

    /// What it does, for someone who is no engineer, with its key.
    pub fn tooltip(&self) -> String {
        let explanation = self.explanation();
        match self.shortcuts() {
            [] => explanation,
            [shortcut, ..] => format!("{explanation} ({})", shortcut.label()),
        }
    }

    /// What it does, for someone who is no engineer.
    pub fn explanation(&self) -> String {
        let fixed = match self {
            Self::Run => {
                "Hide parts of every image, let the model paint them again and measure how much changed"
            }
            Self::Pause => "Hold the run where it is, the computer is free meanwhile",
            Self::Resume => "Continue the run where it was held",
            Self::Cancel => "End the run, the results so far stay",
            Self::OpenModel(ModelSource::Bundled) => {
                "Use the small model that comes with the program, trained on pictures of clothing"
            }
            Self::OpenModel(ModelSource::Path(_)) => "Load the model in this folder",
            Self::BrowseModel => "Choose the folder of a diffusion model",
            Self::BrowseMask => {
                "Choose a picture as the mask, white stays and black is painted again"
            }
            Self::RemoveFolder(_) => "Take this folder out of the list, its files stay untouched",
            Self::SetRun(_) => "Change how images are scored",
            Self::PreviewAttempt(_) => "Show the mask that this attempt uses",
            Self::SelectImage(_) => "Look at this image and its attempts",
            Self::NextImage => "Look at the next image",
            Self::PreviousImage => "Look at the image before",
            Self::SelectAttempt(Some(_)) => "Look at this attempt",
            Self::SelectAttempt(None) => "Look at the attempt in the middle of all distances",
            Self::Close => "Close the image",
            Self::SetGallery(_) => "Change order or choice of the images shown",
            Self::SetDecision { .. } => "Change how the threshold is set",
            Self::Undo => "Take the last change of the threshold back",
            Self::ResetThreshold => {
                "Back to the threshold from in-domain images alone with 5 % false alarms"
            }
            Self::BrowseDetector => "Choose a detector file",
            Self::OpenDetector(_) => "Use the model, settings and threshold of this detector file",
            Self::BrowseSaveDetector | Self::SaveDetector(_) => {
                "Write threshold, model, settings and in-domain scores to a file, which `lmd classify` and this window use on new images"
            }
            Self::SetTheme(_) => {
                "Colors of the window, System follows the settings of your desktop"
            }
            Self::Dropped(_) | Self::UseDropped(_) => "Use what was dropped on the window",
            Self::DismissNotice(_) => "Remove this message",
            Self::DismissAllNotices => "Remove all messages",
            Self::Look(look) => return look.explanation(),
            Self::Keep(keep) => keep.explanation(),
            Self::AddFolder(_, role) | Self::BrowseFolders(role) | Self::AddSamples(role) => {
                return format!("Add {}", role_explanation(*role));
            }
        };
        fixed.to_owned()
    }
}

/// What images of a role are, to follow "Add".
pub fn role_explanation(role: Role) -> &'static str {
    match role {
        Role::InDomain => "a folder of images like those that the model was trained on",
        Role::OutOfDomain => "a folder of images that are known not to belong",
        Role::Unknown => "a folder of images to be judged, they take no part in the figures",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_in_sentence_case_without_colon_or_period() {
        let actions = [
            Action::Run,
            Action::Pause,
            Action::OpenModel(ModelSource::Bundled),
            Action::BrowseFolders(Role::Unknown),
            Action::Cancel,
        ];
        for text in actions.iter().flat_map(|a| [a.text(), a.tooltip()]) {
            assert!(text.starts_with(char::is_uppercase), "{text}");
            assert!(!text.ends_with([':', '.']), "{text}");
        }
        assert!(Action::Run.tooltip().ends_with("(F5)"));
    }
}
