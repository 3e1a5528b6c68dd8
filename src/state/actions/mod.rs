//! Everything a user can ask for, with the words and keys that go with it.
//!
//! What needs nothing but its name is a [`UiCommand`]: only those can have keys and a place in the palette, and their
//! table is what key handler, sheet of keys, palette, menus and buttons read. All else takes a value of the user's.

pub mod command;
pub mod keep;
pub mod look;
pub mod palette;
pub mod shortcut;

use std::borrow::Cow;
use std::path::PathBuf;

pub use self::command::{UiCommand, When};
pub use self::keep::KeepAction;
pub use self::look::{LookAction, Overlay, Part};
pub use self::shortcut::{Key, Shortcut};
use super::arrangement::GalleryView;
use super::decision::DecisionSettings;
use super::fitting::FitForm;
use super::folders::FolderId;
use super::layouts::LayoutAction;
use super::notices::NoticeId;
use super::panels::PanelSettings;
use super::ranking::RankingForm;
use super::settings::ThemeChoice;
use super::training::TrainAction;
use crate::images::ContentHash;
use crate::ood::Role;
use crate::runs::{MarkChange, RunSettings};
use crate::worker::protocol::{ModelSource, Numbers};

/// One wish of the user; panels push them, the session performs them.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Something that needs no more than its name.
    Do(UiCommand),
    /// Load a model.
    OpenModel(ModelSource),
    /// Say what the model that was asked for last does not say of itself, as the JSON of its family, and load it.
    CompleteModel(String),
    /// Add a folder (or one image file) of a role.
    AddFolder(PathBuf, Role),
    /// Choose folders of a role in a dialog.
    BrowseFolders(Role),
    /// Add the bundled sample images of a role.
    AddSamples(Role),
    /// Take a folder out of the session; the files stay.
    RemoveFolder(FolderId),
    /// Change how images are scored.
    SetRun(Box<RunSettings>),
    /// Measure by the distance whose weights are in this file as well.
    ReadWeights(PathBuf),
    /// Have Mahalanobis's features from the network in this file.
    ReadNetwork(PathBuf),
    /// Forget the one of two files of a distance that waits for the other.
    ForgetHalf,
    /// Preview the mask of another attempt.
    PreviewAttempt(usize),
    /// Look at an image, an index into the gallery's images.
    SelectImage(usize),
    /// Look at one attempt of the selected image; `None` is the median.
    SelectAttempt(Option<usize>),
    /// Change order or filter of the gallery.
    SetGallery(GalleryView),
    /// Change how things are shown.
    Look(LookAction),
    /// Change what was noted about images of the run, by their contents.
    Annotate(Vec<ContentHash>, MarkChange),
    /// Something about runs on disk.
    Keep(KeepAction),
    /// Something about new models.
    Train(TrainAction),
    /// Change how the threshold is set.
    SetDecision {
        /// The new settings.
        settings: Box<DecisionSettings>,
        /// Part of a movement whose start can be undone already.
        is_continued: bool,
    },
    /// Use the model, settings and threshold of a detector file.
    OpenDetector(PathBuf),
    /// Write threshold, settings and in-domain scores to a detector file.
    SaveDetector(PathBuf),
    /// Change what the next fit takes.
    SetFit(FitForm),
    /// Change what the next comparison of detectors takes.
    SetRanking(RankingForm),
    /// Write the fit of the detector to a file.
    SaveFit(PathBuf),
    /// Write the open model as a diffusers folder, which is not there yet.
    ConvertModel(PathBuf),
    /// What a converted model's weights are written in.
    SetNumbers(Numbers),
    /// Write the plots to this folder.
    SavePlots(PathBuf),
    /// Open, close or resize parts of the window.
    SetPanels(PanelSettings),
    /// Light or dark.
    SetTheme(ThemeChoice),
    /// Files were dropped on the window.
    Dropped(Vec<PathBuf>),
    /// Use what was dropped as images of a role; `None` as the model.
    UseDropped(Option<Role>),
    /// Answer what is asked of a data set.
    Layout(LayoutAction),
    /// Remove a notice.
    DismissNotice(NoticeId),
}

/// The words and keys of an action.
#[derive(Clone, Debug, PartialEq)]
pub struct Info {
    /// What its button says.
    pub text: Cow<'static, str>,
    /// What it does, for someone who is no engineer.
    pub explanation: Cow<'static, str>,
    /// The keys that ask for it, the one to show first.
    pub shortcuts: &'static [Shortcut],
    /// When the palette offers it, and by which words; `None` never.
    pub palette: Option<(When, &'static str)>,
}

impl Info {
    /// An action that takes a value: no key can ask for it.
    pub(in crate::state) fn new(
        text: impl Into<Cow<'static, str>>,
        explanation: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            text: text.into(),
            explanation: explanation.into(),
            shortcuts: &[],
            palette: None,
        }
    }

    /// The explanation with the first key.
    pub fn tooltip(&self) -> String {
        let explanation = &self.explanation;
        match self.shortcuts {
            [] => explanation.clone().into_owned(),
            [shortcut, ..] => format!("{explanation} ({})", shortcut.label()),
        }
    }
}

impl Action {
    /// Its words and keys.
    #[expect(clippy::too_many_lines, reason = "one arm for each action")]
    pub fn info(&self) -> Info {
        match self {
            Self::Do(command) => command.info().clone(),
            Self::OpenModel(ModelSource::Bundled(bundled)) => Info::new(
                bundled.label(),
                match bundled.detector() {
                    None => "Use this small model, which comes with the program",
                    Some(_) => {
                        "Use this small model and its threshold, which come with the program; its images can't"
                    }
                },
            ),
            Self::OpenModel(ModelSource::Path(_) | ModelSource::Blank(_)) => {
                Info::new("Open", "Load the model in this folder")
            }
            Self::CompleteModel(_) => Info::new(
                "Save and open",
                "Write these settings beside the weights, where they are found from then on, and open the model",
            ),
            Self::AddFolder(_, role) => Info::new("Add", adding(*role)),
            Self::BrowseFolders(role) => Info::new("Browse…", adding(*role)),
            Self::AddSamples(role) => Info::new("Add samples", adding(*role)),
            Self::RemoveFolder(_) => Info::new(
                "Remove",
                "Take this folder out of the list, its files stay untouched",
            ),
            Self::SetRun(_) => Info::new("Change", "Change how images are scored"),
            Self::ReadWeights(_) => {
                Info::new("Add", UiCommand::BrowseWeights.info().explanation.clone())
            }
            Self::ReadNetwork(_) => {
                Info::new("Use", UiCommand::BrowseNetwork.info().explanation.clone())
            }
            Self::ForgetHalf => Info::new("Remove", "Wait for its other file no longer"),
            Self::PreviewAttempt(attempt) => Info::new(
                format!("Mask {}", attempt + 1),
                "Show the mask that this attempt uses",
            ),
            Self::SelectImage(_) => Info::new("Show", "Look at this image and its attempts"),
            Self::SelectAttempt(Some(attempt)) => {
                Info::new(format!("Attempt {}", attempt + 1), "Look at this attempt")
            }
            Self::SelectAttempt(None) => Info::new(
                "Median attempt",
                "Look at the attempt in the middle of all distances",
            ),
            Self::SetGallery(view) => Info::new(
                view.order.label(),
                "Change order or choice of the images shown",
            ),
            Self::Look(look) => look.info(),
            Self::Annotate(_, change) => annotating(change),
            Self::Keep(keep) => keep.info(),
            Self::Train(train) => train.info(),
            Self::SetDecision { settings, .. } => {
                Info::new(settings.way.label(), "Change how the threshold is set")
            }
            Self::OpenDetector(_) => Info::new(
                "Open",
                "Use the model, settings and threshold of this detector file",
            ),
            Self::SaveDetector(_) => Info::new(
                "Save",
                UiCommand::BrowseSaveDetector.info().explanation.clone(),
            ),
            Self::SetFit(_) => Info::new("Change", "Change what the detector is fitted on"),
            Self::SetRanking(_) => Info::new("Change", "Change which detectors are compared"),
            Self::SaveFit(_) => {
                Info::new("Save", UiCommand::BrowseSaveFit.info().explanation.clone())
            }
            Self::ConvertModel(_) => Info::new(
                "Convert",
                UiCommand::BrowseConvert.info().explanation.clone(),
            ),
            Self::SetNumbers(_) => Info::new(
                "Change",
                "Change what a converted model's weights are written in",
            ),
            Self::SavePlots(_) => {
                Info::new("Save", UiCommand::BrowsePlots.info().explanation.clone())
            }
            Self::SetPanels(_) => Info::new("Arrange", "Open, close or resize parts of the window"),
            Self::SetTheme(theme) => Info::new(
                theme.label(),
                "Colors of the window, System follows the settings of your desktop",
            ),
            Self::Dropped(_) | Self::UseDropped(_) => {
                Info::new("Drop", "Use what was dropped on the window")
            }
            Self::Layout(answer) => answer.info(),
            Self::DismissNotice(_) => Info::new("Dismiss", "Remove this message"),
        }
    }

    /// What its button says.
    pub fn text(&self) -> String {
        self.info().text.into_owned()
    }

    /// What it does, for someone who is no engineer, with its key.
    pub fn tooltip(&self) -> String {
        self.info().tooltip()
    }
}

fn annotating(change: &MarkChange) -> Info {
    match change {
        MarkChange::Tag(tag) => Info::new(tag.clone(), "Give this image this tag"),
        MarkChange::Untag(_) => Info::new("Remove", "Take this tag away from this image"),
        MarkChange::Note(_) => Info::new("Note", "Write a note about this image"),
        MarkChange::Correct(Some(role)) => Info::new(
            role.label(),
            match role {
                Role::InDomain => UiCommand::CorrectToIn.info().tooltip(),
                _ => UiCommand::CorrectToOut.info().tooltip(),
            },
        ),
        MarkChange::Correct(None) => Info::new(
            "As given",
            "Leave the role of this image as it is in the run",
        ),
        MarkChange::Review(_) => Info::new("Reviewed", UiCommand::ToggleReviewed.info().tooltip()),
    }
}

fn adding(role: Role) -> String {
    format!("Add {}", role_explanation(role))
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
        let values = [
            Action::OpenModel(ModelSource::BUNDLED),
            Action::BrowseFolders(Role::Unknown),
            Action::SelectAttempt(Some(0)),
            Action::Look(LookAction::PlayScrub(true)),
            Action::Keep(KeepAction::SaveAs("/a".into())),
        ];
        let commands = UiCommand::ALL.iter().copied().map(Action::Do);
        for action in commands.chain(values) {
            for text in [action.text(), action.tooltip()] {
                assert!(text.starts_with(char::is_uppercase), "{action:?}: {text}");
                assert!(!text.ends_with([':', '.']), "{action:?}: {text}");
            }
        }
        let run = Action::Do(UiCommand::Run);
        assert!(run.tooltip().ends_with("(F5)"));
    }
}
