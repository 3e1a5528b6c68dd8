//! Parts of a data set before anything is proposed: what their names, or the cells of a table, say.

use std::path::{Path, PathBuf};

use super::{Holds, any};
use crate::images::sources::words::{self, Class, Split};

/// A folder, or the rows of a table with the same label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    /// Below the root.
    pub(super) name: PathBuf,
    pub(super) source: PathBuf,
    pub(super) split: Option<Split>,
    /// The name of the folder or the label; `None` where there is none of its own.
    pub(super) word: Option<Word>,
    pub(super) is_masks: bool,
    pub(super) num_images: usize,
}

/// What names a part: 0 and 1 are labels, and no more than names as folders or beside other numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Folder(String),
    Label(String),
    /// A number of a column that has others than 0 and 1: which class it stands for is not known.
    Index(String),
}

impl Cell {
    pub(super) fn class(&self) -> Option<Class> {
        if self.is_masks {
            return None;
        }
        match self.word.as_ref()? {
            Word::Folder(name) => words::class_of_folder(name),
            Word::Label(label) => words::class(label),
            Word::Index(_) => None,
        }
    }
}

/// What each holds, beside the others.
pub(super) fn what_they_hold(cells: &[Cell], root: &Path) -> Vec<Holds> {
    let has = |class| any(cells, |cell| cell.class() == Some(class));
    let name = root.file_name().unwrap_or_default().to_string_lossy();
    let has_abnormal = has(Class::Abnormal);
    // Beside good images a name that means nothing by itself is that of a kind of defect, unless there is another word for
    // what is not good.
    let is_of_kinds = has(Class::Normal)
        && (!has_abnormal
            || any(cells, |cell| cell.is_masks || cell.split.is_some())
            || words::split(&name).is_some());
    let has_words = any(cells, |cell| cell.word.is_some());
    let held = |cell: &Cell| {
        if cell.is_masks {
            return Holds::Masks;
        }
        let is_for_training = cell.split == Some(Split::Train);
        let is_a_kind = is_of_kinds && !matches!(cell.word, Some(Word::Index(_)));
        match (&cell.word, cell.class()) {
            (None, _) if is_for_training => Holds::Reference,
            (None, _) if cell.split.is_some() && !has_words => Holds::Normal,
            (None, _) | (_, Some(Class::Unknown)) => Holds::Unlabeled,
            (_, Some(Class::Normal)) if is_for_training => Holds::Reference,
            (_, Some(Class::Normal)) => Holds::Normal,
            (_, Some(Class::Abnormal)) if is_for_training => Holds::AbnormalForTraining,
            (_, Some(Class::Abnormal)) => Holds::Abnormal,
            (Some(Word::Label(_)), None) if has_abnormal => Holds::Unclear,
            (_, None) if is_a_kind && is_for_training => Holds::AbnormalForTraining,
            (_, None) if is_a_kind => Holds::Abnormal,
            (_, None) => Holds::Unclear,
        }
    };
    cells.iter().map(held).collect()
}
