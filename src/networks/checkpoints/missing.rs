//! What a checkpoint does not say of itself, for whoever knows how it was trained to say.

use std::path::PathBuf;

/// Settings that are neither in a weights file nor in a JSON file beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingSettings {
    /// What is missing, as the beginning of a sentence.
    pub what: &'static str,
    /// Of models that were published, one at least: what to begin from.
    pub examples: &'static [SettingsExample],
    /// The file that is read for them; there is none yet.
    pub file: PathBuf,
}

/// The settings of a published model.
#[derive(Debug, PartialEq, Eq)]
pub struct SettingsExample {
    /// Whose they are, for people.
    pub name: &'static str,
    /// Each of them, as the file has them.
    pub json: &'static str,
}

impl SettingsExample {
    /// With a line for each field, to be read and changed.
    pub fn lines(&self) -> String {
        let inner = self.json.trim_start_matches('{').trim_end_matches('}');
        format!("{{\n  {}\n}}", inner.replace(", ", ",\n  "))
    }
}
