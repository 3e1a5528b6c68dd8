//! Order and filters of the gallery.

use serde::{Deserialize, Serialize};

use crate::ood::{Outcome, Role};

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
