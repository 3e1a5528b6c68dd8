//! Published models by name: settings that checkpoints do not hold themselves, to be chosen by whoever knows what a file is.
//!
//! Each family has those of its code ([`Family::architectures`](super::Family)), which are one list for the command line
//! and for the window. Nothing is taken from it by itself: what was chosen is told as chosen, wherever a model's settings are
//! shown, and is refused where tensors have other shapes.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::FAMILIES;

/// The field by which a file of settings says that it has them from here.
pub(super) const MARK: &str = "settings_of";

/// The settings of a published model, as the JSON fields that its family reads.
#[derive(Debug, PartialEq, Eq)]
pub struct Architecture {
    /// Code, process and network, data set, e.g. `score-sde/subvp-ddpm-cifar10`.
    pub name: &'static str,
    /// What was published, for people.
    pub about: &'static str,
    /// Fields of what no weights tell, as in a JSON object without its braces.
    pub(super) unsaid: &'static [&'static str],
    /// Fields that the shapes of the weights must agree with, likewise.
    pub(super) shapes: &'static [&'static str],
}

impl Architecture {
    /// All of them, those of a family together.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        FAMILIES.iter().flat_map(|family| family.architectures)
    }

    pub fn named(name: &str) -> Option<&'static Self> {
        Self::all().find(|architecture| architecture.name == name)
    }

    /// What a file of settings holds that is made from this: what no weights tell, and whose it is.
    pub(super) fn marked(&self) -> String {
        let mark = format!("\"{MARK}\": \"{}\"", self.name);
        let all = std::iter::once(&*mark).chain(self.unsaid.iter().copied());
        format!("{{{}}}", all.collect::<Vec<_>>().join(", "))
    }

    /// The same without whose it is, to begin from where the weights are of another network.
    pub(super) fn example(&self) -> String {
        format!("{{{}}}", self.unsaid.join(", "))
    }

    /// [`Self::marked`] with a line for each field, to be read and changed.
    pub(super) fn lines(&self) -> String {
        in_lines(&self.marked())
    }

    pub(super) fn fields_of_shapes(&self) -> Map<String, Value> {
        object(&format!("{{{}}}", self.shapes.join(", ")))
    }

    /// As a family reads them: what no weights tell, and what shapes must agree with.
    pub(super) fn parsed<A, B>(&self) -> (A, B)
    where
        A: DeserializeOwned + Default,
        B: DeserializeOwned + Default,
    {
        let mut fields = self.fields_of_shapes();
        fields.extend(self.fields());
        let all = Value::Object(fields);
        // Texts of this program; a test reads all of them.
        (
            serde_json::from_value(all.clone()).unwrap_or_default(),
            serde_json::from_value(all).unwrap_or_default(),
        )
    }

    pub(super) fn fields(&self) -> Map<String, Value> {
        object(&self.marked())
    }
}

/// A line for each field of an object.
pub(super) fn in_lines(json: &str) -> String {
    let inner = json.trim_start_matches('{').trim_end_matches('}');
    format!("{{\n  {}\n}}", inner.replace(", ", ",\n  "))
}

/// Texts of this program; a test reads all of them.
fn object(json: &str) -> Map<String, Value> {
    serde_json::from_str(json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_has_a_name_of_its_own_and_fields_that_are_json() {
        let mut names = HashSet::new();
        for architecture in Architecture::all() {
            assert!(names.insert(architecture.name), "{}", architecture.name);
            let fields = architecture.fields();
            assert!(fields.len() > 4, "{}", architecture.marked());
            assert_eq!(fields[MARK], architecture.name);
            let shapes = architecture.fields_of_shapes();
            assert_eq!(
                shapes.is_empty(),
                architecture.shapes.is_empty(),
                "{}",
                architecture.name
            );
            assert!(shapes.keys().all(|field| !fields.contains_key(field)));
            let named = Architecture::named(architecture.name);
            assert_eq!(named, Some(architecture));
        }
        assert!(names.len() > 25, "{names:?}");
    }
}
