//! What a folder of images is there for.

use serde::{Deserialize, Serialize};

/// The part an image plays in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Like the images the model was trained on: the negative class.
    InDomain,
    /// Known not to belong: the positive class of every figure.
    OutOfDomain,
    /// To be judged; joins no figure.
    Unknown,
}

impl Role {
    /// All roles, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::InDomain, Self::OutOfDomain, Self::Unknown];

    /// The name in files and options, e.g. `in-domain`.
    pub fn name(self) -> &'static str {
        match self {
            Self::InDomain => "in-domain",
            Self::OutOfDomain => "out-of-domain",
            Self::Unknown => "unknown",
        }
    }

    /// The name for people, e.g. `In-domain`.
    pub fn label(self) -> &'static str {
        match self {
            Self::InDomain => "In-domain",
            Self::OutOfDomain => "Out-of-domain",
            Self::Unknown => "Unknown",
        }
    }
}
