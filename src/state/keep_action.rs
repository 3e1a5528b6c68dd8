//! What a user can ask for about runs on disk, with the words and keys that go with it.

use std::path::PathBuf;

use super::action::{Key, Shortcut};
use super::comparing::RowKey;
use super::saving::SavingSettings;
use crate::ood::{Aggregate, MeasureId};

/// One wish about runs on disk.
#[derive(Clone, Debug, PartialEq)]
pub enum KeepAction {
    /// Change whether and how runs are kept.
    Set(SavingSettings),
    /// Open the list of recent runs, or close it.
    ToggleRecent,
    /// Choose a run file in a dialog.
    BrowseOpen,
    /// Show a run file.
    Open(PathBuf),
    /// Put the run that was opened away.
    CloseRun,
    /// Go on with the run that is shown; what it reads is asked about first where it came from a file.
    GoOn,
    /// Use the model, folders and settings of the run that was opened; what that reads is asked about first.
    UseAgain,
    /// Choose where to save a copy of the run in a dialog.
    BrowseSaveAs,
    /// Write a copy of the run that is shown.
    SaveAs(PathBuf),
    /// Open the table of finished runs, or close it.
    ToggleCompare,
    /// Hold the run that is shown against one way to score another one.
    CompareWith(Option<RowKey>),
    /// Show rows of one distance or aggregation only.
    FilterCompared(Option<MeasureId>, Option<Aggregate>),
    /// Remove all recent runs; asks first.
    Clear,
    /// Do what was asked about.
    Confirm,
    /// Do not.
    Decline,
    /// Write again what could not be written.
    TryAgain,
    /// Let the run go on without its file.
    GoOnUnsaved,
}

impl KeepAction {
    /// The actions that keys can ask for.
    pub const WITH_SHORTCUTS: [Self; 2] = [Self::ToggleRecent, Self::BrowseSaveAs];

    /// The keys that ask for it.
    pub fn shortcuts(&self) -> &'static [Shortcut] {
        const RECENT: &[Shortcut] = &[Shortcut::ctrl(Key::H)];
        const SAVE: &[Shortcut] = &[Shortcut::ctrl(Key::S)];
        match self {
            Self::ToggleRecent => RECENT,
            Self::BrowseSaveAs => SAVE,
            _ => &[],
        }
    }

    /// What its button says.
    pub fn text(&self) -> &'static str {
        match self {
            Self::Set(_) => "Change",
            Self::ToggleRecent => "Recent runs…",
            Self::BrowseOpen => "Browse…",
            Self::Open(_) => "Open",
            Self::CloseRun => "Close run",
            Self::GoOn => "Resume",
            Self::UseAgain => "Use again…",
            Self::BrowseSaveAs => "Save as…",
            Self::SaveAs(_) => "Save",
            Self::ToggleCompare => "Compare…",
            Self::CompareWith(_) => "Compare",
            Self::FilterCompared(..) => "Filter",
            Self::Clear => "Clear recent runs…",
            Self::Confirm => "Go on",
            Self::Decline => "Cancel",
            Self::TryAgain => "Try again",
            Self::GoOnUnsaved => "Go on without saving",
        }
    }

    /// What it does.
    pub fn explanation(&self) -> &'static str {
        match self {
            Self::Set(_) => "Change whether and how runs are kept on disk",
            Self::ToggleRecent => "Show the runs that this window has kept, and open one",
            Self::BrowseOpen => "Choose a run file",
            Self::Open(_) => "Show this run, nothing that it names is read",
            Self::CloseRun => "Put the opened run away, its file stays",
            Self::GoOn => {
                "Make the attempts that are missing, the scores are those of a run that nothing stopped"
            }
            Self::UseAgain => "Open the model, folders and settings of this run, to run them again",
            Self::BrowseSaveAs => "Write a copy of this run to a file that a colleague can open",
            Self::SaveAs(_) => "Write a copy of this run to this file",
            Self::ToggleCompare => {
                "Show finished runs in one table, and hold the shown one against another image by image"
            }
            Self::CompareWith(_) => "Hold the run that is shown against this one",
            Self::FilterCompared(..) => "Show only some of the rows",
            Self::Clear => {
                "Remove all runs that this window has kept, but for the one that is shown"
            }
            Self::Confirm => "Do it",
            Self::Decline => "Leave everything as it is",
            Self::TryAgain => "Write the attempts that could not be written, after room was made",
            Self::GoOnUnsaved => {
                "Keep what was written so far, the rest of the run stays in memory only"
            }
        }
    }
}
