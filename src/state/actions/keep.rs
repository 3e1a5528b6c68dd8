//! What a user can ask for about runs on disk that takes a value, with the words that go with it.

use std::path::PathBuf;

use super::{Info, UiCommand};
use crate::ood::{Aggregate, MeasureId};
use crate::runs::formats::FORMATS;
use crate::state::comparing::RowKey;
use crate::state::saving::SavingSettings;

/// One wish about runs on disk.
#[derive(Clone, Debug, PartialEq)]
pub enum KeepAction {
    /// Change whether and how runs are kept.
    Set(SavingSettings),
    /// Show a run file.
    Open(PathBuf),
    /// Show an unfinished run and continue it at once.
    Resume(PathBuf),
    /// Remove one of the recent runs; asks first.
    Remove(PathBuf),
    /// Score the run that is shown in this way.
    ScoreBy(MeasureId, Aggregate),
    /// Call the run that is shown this.
    Rename(String),
    /// Leave its name as it is.
    LeaveName,
    /// Write a copy of the run that is shown.
    SaveAs(PathBuf),
    /// Write the run that is shown in a format, by its name, into a folder.
    Write(&'static str, PathBuf),
    /// Hold the run that is shown against one way to score another one.
    CompareWith(Option<RowKey>),
    /// Show rows of one distance or aggregation only.
    FilterCompared(Option<MeasureId>, Option<Aggregate>),
}

impl KeepAction {
    /// Its words.
    pub fn info(&self) -> Info {
        match self {
            Self::Set(_) => Info::new("Change", "Change whether and how runs are kept on disk"),
            Self::Open(_) => Info::new("Open", "Show this run, nothing that it names is read"),
            Self::Resume(_) => Info::new(
                "Resume",
                "Read the images of this run and make the attempts that are missing, with the same scores as without a break",
            ),
            Self::Remove(_) => {
                Info::new("Remove…", "Delete the file of this run, after a question")
            }
            Self::ScoreBy(..) => Info::new(
                "Score by this",
                "Score the run that is shown in this way, which takes effect at once",
            ),
            Self::Rename(_) => Info::new("Rename", UiCommand::Rename.info().explanation.clone()),
            Self::LeaveName => Info::new("Leave", "Leave the name of this run as it is"),
            Self::SaveAs(_) => Info::new("Save", "Write a copy of this run to this file"),
            Self::Write(name, _) => {
                let format = FORMATS.iter().find(|format| format.name == *name);
                Info::new(
                    format.map_or(*name, |format| format.label),
                    format.map_or("Write the run in this format", |format| format.help),
                )
            }
            Self::CompareWith(_) => {
                Info::new("Compare", "Hold the run that is shown against this one")
            }
            Self::FilterCompared(..) => Info::new("Filter", "Show only some of the rows"),
        }
    }
}
