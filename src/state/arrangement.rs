//! Order and filters of the gallery, and order of the verdicts.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ood::{Outcome, Role};
use crate::runs::ImageMarks;

/// Order of the gallery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GalleryOrder {
    /// Role by role, folder by folder, file names as people sort them.
    Natural,
    /// The most out-of-domain first.
    HighestFirst,
    /// The most in-domain first.
    LowestFirst,
    /// The smallest conformal p-value first, those of the same by their scores.
    PValueFirst,
    /// Those whose attempts disagree most first.
    SpreadFirst,
}

impl GalleryOrder {
    /// All orders, in the order in which they are shown.
    pub const ALL: [Self; 5] = [
        Self::Natural,
        Self::HighestFirst,
        Self::LowestFirst,
        Self::PValueFirst,
        Self::SpreadFirst,
    ];

    /// The name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Natural => "By name",
            Self::HighestFirst => "Highest score first",
            Self::LowestFirst => "Lowest score first",
            Self::PValueFirst => "Lowest p-value first",
            Self::SpreadFirst => "Largest spread first",
        }
    }
}

/// Images by what the threshold says of them; those without a score are never among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerdictFilter {
    /// Called out-of-domain, whatever they are.
    Flagged,
    /// Called in-domain, whatever they are.
    LetThrough,
    /// Those whose role is known, with one outcome.
    Outcome(Outcome),
}

impl VerdictFilter {
    /// All filters, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::Flagged,
        Self::LetThrough,
        Self::Outcome(Outcome::FalseAlarm),
        Self::Outcome(Outcome::Miss),
        Self::Outcome(Outcome::Hit),
        Self::Outcome(Outcome::CorrectPass),
    ];

    /// The name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Flagged => "Called out-of-domain",
            Self::LetThrough => "Called in-domain",
            Self::Outcome(outcome) => outcome.label(),
        }
    }

    /// Whether an image of a role on this side of the threshold is among them.
    pub fn keeps(self, role: Role, is_flagged: bool) -> bool {
        match self {
            Self::Flagged => is_flagged,
            Self::LetThrough => !is_flagged,
            Self::Outcome(outcome) => Outcome::of(role, is_flagged) == Some(outcome),
        }
    }
}

/// Images by what a person noted about them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkFilter {
    /// Looked at and done.
    Reviewed,
    /// Not yet.
    NotReviewed,
    /// Their role is another one after all.
    Corrected,
    /// Those with a note.
    WithNote,
    /// Those with this tag.
    Tagged(String),
}

impl MarkFilter {
    /// Those that are offered whatever the tags are, in the order in which they are shown.
    pub const PLAIN: [Self; 4] = [
        Self::Reviewed,
        Self::NotReviewed,
        Self::Corrected,
        Self::WithNote,
    ];

    /// The name for people.
    pub fn label(&self) -> String {
        match self {
            Self::Reviewed => "Reviewed".to_owned(),
            Self::NotReviewed => "Not reviewed".to_owned(),
            Self::Corrected => "Corrected".to_owned(),
            Self::WithNote => "With a note".to_owned(),
            Self::Tagged(tag) => format!("Tag: {tag}"),
        }
    }

    /// Whether an image of a role is among them.
    pub fn keeps(&self, role: Role, marks: Option<&ImageMarks>) -> bool {
        let Some(marks) = marks else {
            return *self == Self::NotReviewed;
        };
        match self {
            Self::Reviewed => marks.is_reviewed,
            Self::NotReviewed => !marks.is_reviewed,
            Self::Corrected => marks.correction(role).is_some(),
            Self::WithNote => !marks.note.is_empty(),
            Self::Tagged(tag) => marks.tags.contains(tag),
        }
    }
}

/// Images chosen by how alike they are, by their ids in the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alike {
    /// All of them, those most like this one first.
    Like(usize),
    /// Those that were surrounded on the map.
    Surrounded(Arc<BTreeSet<usize>>),
    /// Near duplicates, pair after pair.
    Duplicates,
}

/// Order and filter of the gallery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GalleryView {
    pub order: GalleryOrder,
    /// Show one role only.
    pub role: Option<Role>,
    /// Show only what the threshold puts here.
    #[serde(skip)]
    pub verdict: Option<VerdictFilter>,
}

impl Default for GalleryView {
    fn default() -> Self {
        Self {
            order: GalleryOrder::Natural,
            role: None,
            verdict: None,
        }
    }
}

/// A column of the table of verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerdictColumn {
    Image,
    Score,
    PValue,
    QValue,
    Verdict,
    Reported,
}

impl VerdictColumn {
    /// All columns, from the left.
    pub const ALL: [Self; 6] = [
        Self::Image,
        Self::Score,
        Self::PValue,
        Self::QValue,
        Self::Verdict,
        Self::Reported,
    ];

    /// Its head.
    pub fn label(self) -> &'static str {
        match self {
            Self::Image => "Image",
            Self::Score => "Score",
            Self::PValue => "p-value",
            Self::QValue => "q-value",
            Self::Verdict => "Verdict",
            Self::Reported => "Reported",
        }
    }

    /// What it means.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Image => "In the order of the folders",
            Self::Score => "Higher means that the image fits the model less",
            Self::PValue => "Share of in-domain images at least as strange, this one counted in",
            Self::QValue => "The smallest false-discovery rate at which the image is reported",
            Self::Verdict => "By the threshold",
            Self::Reported => {
                "Among the images to report at the rate above (Benjamini and Hochberg)"
            }
        }
    }

    /// Whether its largest values come first before it is reversed.
    fn begins_high(self) -> bool {
        matches!(self, Self::Score | Self::Verdict | Self::Reported)
    }
}

/// What the verdicts are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerdictOrder {
    pub column: VerdictColumn,
    /// Whether the other end comes first than the one that a user looks for.
    pub is_reversed: bool,
}

impl Default for VerdictOrder {
    /// The strangest first.
    fn default() -> Self {
        Self {
            column: VerdictColumn::Score,
            is_reversed: false,
        }
    }
}

impl VerdictOrder {
    /// The order after a click on the head of a column.
    pub fn clicked(self, column: VerdictColumn) -> Self {
        Self {
            column,
            is_reversed: self.column == column && !self.is_reversed,
        }
    }

    /// Whether the values of the column rise from row to row.
    pub fn is_ascending(self) -> bool {
        self.column.begins_high() == self.is_reversed
    }
}

/// Scores from `low` to `high`, both included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreRange {
    /// The lowest score.
    pub low: f64,
    /// The highest score.
    pub high: f64,
}

impl ScoreRange {
    /// From one score to another, in either order.
    pub fn between(a: f64, b: f64) -> Self {
        Self {
            low: a.min(b),
            high: a.max(b),
        }
    }

    /// Whether a score is in it.
    pub fn contains(self, score: f64) -> bool {
        (self.low..=self.high).contains(&score)
    }
}
