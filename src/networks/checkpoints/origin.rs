//! Where each setting of a model comes from, for people.

use std::fmt;
use std::path::Path;

use serde::{Serialize, Serializer};

/// A setting of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// As its family calls it.
    pub name: String,
    pub value: String,
    pub origin: Origin,
}

impl Setting {
    pub(super) fn new(name: impl Into<String>, value: impl fmt::Display, origin: &Origin) -> Self {
        Self {
            name: name.into(),
            value: value.to_string(),
            origin: origin.clone(),
        }
    }
}

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A file of settings, by its name.
    File(String),
    /// Names, shapes or values of the weights.
    Weights,
    /// The published model that the user has named.
    Chosen(&'static str),
    /// The released model whose shapes these are.
    Released(&'static str),
    /// What the family's own code takes where nothing is said.
    Default,
    /// What this program takes where nothing is said and there is no default.
    Assumed,
}

impl Origin {
    pub(super) fn file(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default();
        Self::File(name.to_string_lossy().into_owned())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(name) => f.write_str(name),
            Self::Weights => f.write_str("by the weights"),
            Self::Chosen(name) => write!(f, "chosen: {name}"),
            Self::Released(name) => write!(f, "of {name}"),
            Self::Default => f.write_str("default"),
            Self::Assumed => f.write_str("assumed"),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
