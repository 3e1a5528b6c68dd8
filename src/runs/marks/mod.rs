//! What a person notes about the images of a run: tags, a note, a corrected role, and whether an image was reviewed.
//!
//! Keyed by the content of an image, so that marks stay with one that is moved or renamed. They lie in a file of their own
//! beside the run: a run file holds what was computed and is never written for them, and scores never depend on them.

mod labels_csv;
mod merge;
mod stored;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::results::RunImage;
use crate::images::ContentHash;
use crate::ood::Role;

pub use labels_csv::labels_csv;
pub use merge::{Merged, merge};
pub use stored::{
    EXTENSION, MarksError, SCHEMA, file_of, load, remove_beside, rename_beside, update,
};

/// What was noted about one image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageMarks {
    /// As [`tag_of`] returns them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// Any number of lines; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// What the image is after all; `None` leaves its role. Never [`Role::Unknown`]: an image whose role is wrong and not
    /// known is no correction.
    #[serde(default, rename = "role", skip_serializing_if = "Option::is_none")]
    pub corrected: Option<Role>,
    /// Whether a person has looked at it and is done.
    #[serde(default, rename = "reviewed", skip_serializing_if = "is_false")]
    pub is_reviewed: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(value: &bool) -> bool {
    !value
}

impl ImageMarks {
    /// Whether nothing was noted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The corrected role, where it is another one than the image has in the run.
    pub fn correction(&self, role: Role) -> Option<Role> {
        self.corrected.filter(|corrected| *corrected != role)
    }
}

/// The tag that a text stands for: spaces around and between its words are one space or none. `None` where nothing is left,
/// and for control characters, commas and semicolons, which would tear it where tags are listed.
pub fn tag_of(typed: &str) -> Option<String> {
    let tag = typed.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_torn = tag.contains(|c: char| c.is_control() || matches!(c, ',' | ';'));
    (!tag.is_empty() && !is_torn).then_some(tag)
}

/// One change of what was noted about an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkChange {
    /// Add a tag.
    Tag(String),
    /// Take a tag away.
    Untag(String),
    /// Have this note; empty for none.
    Note(String),
    /// Correct the role, or leave it as it is in the run.
    Correct(Option<Role>),
    /// Say whether it was reviewed.
    Review(bool),
}

impl MarkChange {
    /// Do it.
    pub fn apply(&self, marks: &mut ImageMarks) {
        match self {
            Self::Tag(tag) => marks.tags.extend(tag_of(tag)),
            Self::Untag(tag) => {
                marks.tags.remove(tag);
            }
            Self::Note(note) => note.clone_into(&mut marks.note),
            Self::Correct(role) => marks.corrected = role.filter(|role| *role != Role::Unknown),
            Self::Review(is_reviewed) => marks.is_reviewed = *is_reviewed,
        }
    }
}

/// What was noted about images, by their content; cheap to clone. Images of which nothing was noted are not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks(Arc<BTreeMap<ContentHash, ImageMarks>>);

impl Marks {
    /// What was noted about an image.
    pub fn of(&self, content: &ContentHash) -> Option<&ImageMarks> {
        self.0.get(content)
    }

    /// Whether nothing was noted about any image.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many images have marks.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// All images with marks.
    pub fn iter(&self) -> impl Iterator<Item = (&ContentHash, &ImageMarks)> {
        self.0.iter()
    }

    /// Have these marks of an image in place of those before.
    pub fn set(&mut self, content: ContentHash, marks: ImageMarks) {
        let all = Arc::make_mut(&mut self.0);
        if marks.is_empty() {
            all.remove(&content);
        } else {
            all.insert(content, marks);
        }
    }

    /// Change the marks of an image; `true` where that makes a difference.
    pub fn change(&mut self, content: ContentHash, change: &MarkChange) -> bool {
        let before = self.of(&content).cloned().unwrap_or_default();
        let mut marks = before.clone();
        change.apply(&mut marks);
        let is_other = marks != before;
        if is_other {
            self.set(content, marks);
        }
        is_other
    }

    /// The contents whose marks are others in `other`.
    pub fn differences(&self, other: &Self) -> BTreeSet<ContentHash> {
        let all = self.0.keys().chain(other.0.keys());
        all.filter(|content| self.of(content) != other.of(content))
            .copied()
            .collect()
    }

    /// All tags in use, with the number of images that have each.
    pub fn tags(&self) -> BTreeMap<&str, usize> {
        let mut tags = BTreeMap::new();
        for tag in self.0.values().flat_map(|marks| &marks.tags) {
            *tags.entry(tag.as_str()).or_insert(0) += 1;
        }
        tags
    }

    /// The role of an image as corrected.
    pub fn role_of(&self, image: &RunImage) -> Role {
        let marks = self.of(&image.file.hash);
        marks
            .and_then(|marks| marks.corrected)
            .unwrap_or(image.role)
    }
}

impl FromIterator<(ContentHash, ImageMarks)> for Marks {
    fn from_iter<T: IntoIterator<Item = (ContentHash, ImageMarks)>>(marks: T) -> Self {
        let noted = marks.into_iter().filter(|(_, marks)| !marks.is_empty());
        Self(Arc::new(noted.collect()))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The content of a made-up image.
    pub fn content(byte: u8) -> ContentHash {
        ContentHash([byte; 32])
    }

    #[test]
    fn a_tag_is_its_words() {
        for (typed, tag) in [
            (" two  words\n", Some("two words")),
            ("Kratzer am Rand", Some("Kratzer am Rand")),
            ("", None),
            (" \t", None),
            ("a,b", None),
            ("a;b", None),
            ("a\u{7}b", None),
        ] {
            assert_eq!(tag_of(typed).as_deref(), tag, "{typed:?}");
        }
    }

    #[test]
    fn what_is_taken_back_leaves_nothing() {
        let mut marks = Marks::default();
        let changes = [
            (
                MarkChange::Tag("blur".into()),
                MarkChange::Untag("blur".into()),
            ),
            (
                MarkChange::Note("a\nb".into()),
                MarkChange::Note(String::new()),
            ),
            (
                MarkChange::Correct(Some(Role::InDomain)),
                MarkChange::Correct(None),
            ),
            (MarkChange::Review(true), MarkChange::Review(false)),
        ];
        for (there, _) in &changes {
            assert!(marks.change(content(1), there));
            assert!(!marks.change(content(1), there), "{there:?} again");
        }
        assert_eq!(marks.tags().into_iter().collect::<Vec<_>>(), [("blur", 1)]);
        for (_, back) in &changes {
            assert!(marks.change(content(1), back));
        }
        assert!(marks.is_empty());
    }

    #[test]
    fn an_unknown_role_corrects_nothing() {
        let mut marks = Marks::default();
        marks.change(content(1), &MarkChange::Correct(Some(Role::Unknown)));
        assert!(marks.is_empty());
    }

    #[test]
    fn images_whose_marks_differ_are_told() {
        let mut a = Marks::default();
        a.change(content(1), &MarkChange::Review(true));
        a.change(content(2), &MarkChange::Review(true));
        let mut b = a.clone();
        b.change(content(2), &MarkChange::Note("n".into()));
        b.change(content(3), &MarkChange::Review(true));
        let expected: BTreeSet<_> = [content(2), content(3)].into();
        assert_eq!(a.differences(&b), expected);
        assert_eq!(b.differences(&a), expected);
        assert_eq!(a.len(), 2, "a clone changes for itself");
    }
}
