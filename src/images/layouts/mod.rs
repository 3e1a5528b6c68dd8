//! Data sets as other programs lay them out: a proposal of which part plays which role, for the user to confirm or to change.
//!
//! Names of folders, and columns of tables, are all that is looked at: what is proposed is never more than what these say.
//! A further layout is one more entry in `LAYOUTS`, a further word one in the lists of [`words`](super::sources::words).

mod cells;
mod folders;
mod tables;

use std::path::{Path, PathBuf};

use self::cells::Cell;
use super::sources::labels;
use super::sources::table::TableError;
use super::sources::words::{Class, Split};
use crate::ood::Role;

/// A data set whose parts are told apart by their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// What it is laid out as, to follow "laid out as".
    pub name: &'static str,
    /// As asked for: a folder or a table.
    pub root: PathBuf,
    /// At least one; what is left out is among them.
    pub parts: Vec<Part>,
    /// What else to tell, a sentence each.
    pub notes: Vec<String>,
    /// Whether a word says that some images do not belong, rather than that others do.
    is_certain: bool,
    /// Whether `root` is a table.
    pub is_table: bool,
}

/// A part of a data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Below the root, e.g. `test/scratch`.
    pub name: String,
    /// What names its images as a source.
    pub source: PathBuf,
    pub holds: Holds,
    /// As proposed, or as the user has changed it; `None` leaves it out.
    pub role: Option<Role>,
    /// Files that look like images, or rows of a table whose files are there.
    pub num_images: usize,
}

/// What a part holds, as its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Normal images that a model learns from.
    Reference,
    /// Normal images that were set apart, or of which nothing says that they were not.
    Normal,
    /// Images that do not belong.
    Abnormal,
    /// Such images among those for training.
    AbnormalForTraining,
    /// Images of which it is said that nobody knows.
    Unlabeled,
    /// Pictures of where the defects are.
    Masks,
    /// Its name says nothing of its images.
    Unclear,
    /// A data set of its own.
    DataSet,
}

impl Holds {
    /// What is said of the part beside its name.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Reference => "normal images for training",
            Self::Normal => "normal images",
            Self::Abnormal => "images that do not belong",
            Self::AbnormalForTraining => "for training, though they do not belong",
            Self::Unlabeled => "nothing says whether they belong",
            Self::Masks => "masks, no images to score",
            Self::Unclear => "not known to be good or bad",
            Self::DataSet => "a data set of its own",
        }
    }
}

/// A known way to lay out images.
struct Kind {
    /// To follow "laid out as".
    name: &'static str,
    /// Whether the parts of a folder are laid out so.
    is_one: fn(&[Cell]) -> bool,
}

/// All known ways to lay out a folder without a table, the one that says most first.
static LAYOUTS: &[Kind] = &[
    Kind {
        name: "a benchmark like MVTec AD: train and test folders, with good images and defects",
        is_one: |cells| {
            any(cells, |c| {
                c.split.is_some() && c.class() == Some(Class::Normal)
            })
        },
    },
    Kind {
        name: "folders of good and of bad images",
        is_one: |cells| {
            let has = |class| any(cells, |cell| cell.class() == Some(class));
            has(Class::Normal) && has(Class::Abnormal)
        },
    },
    Kind {
        name: "a folder of good images beside others",
        is_one: |cells| cells.len() > 1 && any(cells, |c| c.class() == Some(Class::Normal)),
    },
    Kind {
        name: "images beside their masks",
        is_one: |cells| any(cells, |cell| cell.is_masks) && any(cells, |cell| !cell.is_masks),
    },
    Kind {
        name: "training and test images without labels",
        is_one: |cells| {
            let has = |split| any(cells, |cell| cell.split == Some(split));
            has(Split::Train) && has(Split::Test) && !any(cells, |cell| cell.word.is_some())
        },
    },
];

fn any(cells: &[Cell], is_one: impl Fn(&Cell) -> bool) -> bool {
    cells.iter().any(is_one)
}

/// How a folder or a table is laid out; `None` for a folder that is laid out in no way that is known, and for anything else.
pub fn recognize(path: &Path) -> Result<Option<Layout>, TableError> {
    if labels::is_table(path) {
        return tables::table(path).map(Some);
    }
    if !path.is_dir() {
        return Ok(None);
    }
    match tables::image_folder(path) {
        Ok(Some(layout)) => Ok(Some(layout)),
        Ok(None) => Ok(folders::folder(path)),
        // Measurements say no more of which images belong than captions do: then the names of folders may.
        Err(error @ TableError::TooManyLabels { .. }) => {
            folders::folder(path).map(Some).ok_or(error)
        }
        Err(error) => Err(error),
    }
}

impl Layout {
    fn new(name: &'static str, root: &Path, cells: Vec<Cell>) -> Self {
        let holds = cells::what_they_hold(&cells, root);
        let is_certain = any(&cells, |cell| {
            cell.is_masks || cell.split.is_some() || cell.class() == Some(Class::Abnormal)
        });
        let parts = cells.into_iter().zip(holds).map(|(cell, holds)| Part {
            name: cell.name.display().to_string(),
            source: cell.source,
            holds,
            role: None,
            num_images: cell.num_images,
        });
        let mut layout = Self {
            name,
            root: root.to_owned(),
            parts: parts.collect(),
            notes: Vec::new(),
            is_certain,
            is_table: false,
        };
        layout.propose();
        layout
    }

    /// Give each part the role that what it holds speaks for.
    fn propose(&mut self) {
        let has = |holds| self.parts.iter().any(|part| part.holds == holds);
        let (has_normal, has_abnormal) = (has(Holds::Normal), has(Holds::Abnormal));
        let has_reference = has(Holds::Reference);
        for part in &mut self.parts {
            part.role = match part.holds {
                Holds::Normal => Some(Role::InDomain),
                // A model knows what it has learned from: scores of these say little.
                Holds::Reference => (!has_normal).then_some(Role::InDomain),
                Holds::Abnormal => Some(Role::OutOfDomain),
                Holds::AbnormalForTraining => (!has_abnormal).then_some(Role::OutOfDomain),
                Holds::Unlabeled => Some(Role::Unknown),
                Holds::Masks | Holds::Unclear | Holds::DataSet => None,
            };
        }
        if has_reference && !has_normal {
            self.notes.push(
                "there are no other normal images than those for training; a model that has learned from them scores them \
                 lower than new ones"
                    .to_owned(),
            );
        }
    }

    /// The parts that would be scored, with their roles.
    pub fn sources(&self) -> Vec<(Role, PathBuf)> {
        let sources = Role::ALL.into_iter().flat_map(|role| {
            let parts = self
                .parts
                .iter()
                .filter(move |part| part.role == Some(role));
            parts.map(move |part| (role, part.source.clone()))
        });
        sources.collect()
    }

    /// Change the role of a part, by its name or by the end of it where that is only one's; `false` where there is no such
    /// part.
    pub fn assign(&mut self, name: &str, role: Option<Role>) -> bool {
        let name = name.trim_matches('/');
        let is_exact = |part: &&mut Part| part.name == name;
        if let Some(part) = self.parts.iter_mut().find(is_exact) {
            part.role = role;
            return true;
        }
        let ends_so = |part: &&mut Part| Path::new(&part.name).ends_with(name);
        let mut parts: Vec<&mut Part> = self.parts.iter_mut().filter(ends_so).collect();
        if let [part] = parts.as_mut_slice() {
            part.role = role;
            return true;
        }
        false
    }

    /// Parts whose images have no place in a folder that is taken for one role.
    fn out_of_place(&self, role: Role) -> Vec<&Part> {
        let is_out_of_place = |part: &&Part| match part.holds {
            Holds::Masks | Holds::DataSet => true,
            Holds::Abnormal | Holds::AbnormalForTraining => role == Role::InDomain,
            Holds::Reference | Holds::Normal => role == Role::OutOfDomain && self.is_of_both(),
            Holds::Unlabeled | Holds::Unclear => false,
        };
        self.parts.iter().filter(is_out_of_place).collect()
    }

    /// Whether there is nothing to take by its role, since each part is a data set of its own.
    pub fn has_only_data_sets(&self) -> bool {
        self.parts.iter().all(|part| part.holds == Holds::DataSet)
    }

    fn is_of_both(&self) -> bool {
        let has = |role| self.parts.iter().any(|part| part.role == Some(role));
        has(Role::InDomain) && has(Role::OutOfDomain)
    }

    /// Whether to ask before a folder of this layout is taken for one of images of this role.
    pub fn must_ask(&self, role: Role) -> bool {
        self.is_table || !self.out_of_place(role).is_empty()
    }
}

/// A folder that holds more than images of one role.
#[derive(Debug, thiserror::Error)]
#[error(
    "this folder is laid out as {layout}, and {parts} would be taken for {} images; {remedy}: {}",
    role.name(), path.display()
)]
pub struct MixedError {
    layout: &'static str,
    /// What has no place in it.
    parts: String,
    role: Role,
    /// What to do.
    remedy: String,
    path: PathBuf,
}

/// Refuse a folder that would be taken for images of one role and holds others, above all masks. Where only the name of a
/// good part lets one guess that the others aren't, it is no more than a sentence.
pub fn check_plain(path: &Path, role: Role) -> Result<Option<String>, MixedError> {
    check(path, role, remedy)
}

/// As [`check_plain`], for a folder of images to learn from.
pub fn check_to_learn_from(path: &Path) -> Result<Option<String>, MixedError> {
    check(path, Role::InDomain, |layout, _role| {
        remedy_to_learn_from(layout)
    })
}

fn check(
    path: &Path,
    role: Role,
    remedy: impl Fn(&Layout, Role) -> String,
) -> Result<Option<String>, MixedError> {
    if !path.is_dir() {
        return Ok(None);
    }
    // A table that can't be used says nothing of the images beside it.
    let Some(layout) = recognize(path).ok().flatten() else {
        return Ok(None);
    };
    let parts = layout.out_of_place(role);
    if parts.is_empty() {
        return Ok(None);
    }
    let mixed = MixedError {
        layout: layout.name,
        parts: named(&parts),
        role,
        remedy: remedy(&layout, role),
        path: path.to_owned(),
    };
    if layout.is_certain {
        return Err(mixed);
    }
    Ok(Some(mixed.to_string()))
}

/// What to say of a folder that is taken for images of one role although it holds others.
pub fn warning(path: &Path, role: Role) -> Option<String> {
    if !path.is_dir() {
        return None;
    }
    let layout = recognize(path).ok().flatten()?;
    let parts = layout.out_of_place(role);
    (!parts.is_empty()).then(|| {
        format!(
            "{} in this folder, which is laid out as {}, {} scored as {} images: {}",
            named(&parts),
            layout.name,
            if parts.len() == 1 { "is" } else { "are" },
            role.name(),
            path.display()
        )
    })
}

/// Names of parts, with what they hold, for a sentence.
fn named(parts: &[&Part]) -> String {
    const MOST: usize = 3;
    let mut names: Vec<String> = (parts.iter().take(MOST))
        .map(|part| match part.holds {
            Holds::Masks => format!("{} (masks)", part.name),
            _ => part.name.clone(),
        })
        .collect();
    if parts.len() > MOST {
        names.push(format!("{} more", parts.len() - MOST));
    }
    match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    }
}

/// What to name in its place: a part of the role, or else any with images.
fn remedy(layout: &Layout, role: Role) -> String {
    let parts = || layout.parts.iter();
    let part = parts()
        .find(|part| part.role == Some(role))
        .or_else(|| parts().find(|part| part.holds != Holds::Masks));
    let example = part.map_or(&layout.root, |part| &part.source).display();
    if layout.has_only_data_sets() {
        return format!("take one of them at a time, such as by `lmd score --layout {example}`");
    }
    format!(
        "name the part that is meant, such as {example}, or take all parts by their roles with `lmd score --layout`"
    )
}

/// What a model is to learn from in its place: the images that are there for that, or else other good ones.
fn remedy_to_learn_from(layout: &Layout) -> String {
    let find = |is_one: fn(&Part) -> bool| layout.parts.iter().find(|part| is_one(part));
    let part = find(|part| part.holds == Holds::Reference)
        .or_else(|| find(|part| part.role == Some(Role::InDomain)))
        .or_else(|| find(|part| part.holds != Holds::Masks));
    let example = part.map_or(&layout.root, |part| &part.source).display();
    if layout.has_only_data_sets() {
        return format!("name the folder of good images of one of them, in {example} for one");
    }
    format!("name the folder of good images, such as {example}")
}

#[cfg(test)]
mod table_tests;
#[cfg(test)]
mod tests;
