//! What a checkpoint does not say of itself, for whoever knows how it was trained to say.

use std::path::PathBuf;

use super::Architecture;
use super::architectures::in_lines;

/// Settings that are neither in a weights file nor in a JSON file beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingSettings {
    /// What is missing, as the beginning of a sentence.
    pub what: &'static str,
    /// Published models of the family: those that have the shapes of the weights, or else all, to begin from.
    pub architectures: Vec<&'static Architecture>,
    /// Whether these have the shapes of the weights.
    pub are_of_these_shapes: bool,
    /// The file that is read for them; there is none yet.
    pub file: PathBuf,
}

impl MissingSettings {
    /// The settings of a published model with a line for each field, to be read and changed. They say whose they are only
    /// where the weights have the shapes of that model.
    pub fn lines(&self, architecture: &Architecture) -> String {
        if self.are_of_these_shapes {
            architecture.lines()
        } else {
            in_lines(&architecture.example())
        }
    }

    /// The published models that these weights may be of, as the beginning of what to do.
    pub(super) fn advice(&self) -> String {
        let names: Vec<&str> = self.architectures.iter().map(|it| it.name).collect();
        match names[..] {
            [] => String::new(),
            _ if !self.are_of_these_shapes => "no published model has these shapes; ".to_owned(),
            [name] => format!("if it is {name}, say so by --architecture, or else "),
            [..] => format!(
                "say by --architecture which of these it is, {}, or ",
                names.join(", ")
            ),
        }
    }

    /// What could be written.
    pub(super) fn example(&self) -> String {
        self.architectures
            .first()
            .map_or_else(String::new, |it| it.example())
    }
}
