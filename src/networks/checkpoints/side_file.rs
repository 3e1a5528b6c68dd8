//! The settings that are beside a model's weights, or that were chosen for them, and whose they are.

use std::fmt;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::architectures::MARK;
use super::{Architecture, CheckpointError, Family, Origin, json};

/// Settings that the weights do not tell.
pub(super) struct SideFile {
    /// What the file holds.
    fields: Map<String, Value>,
    /// The published model whose settings they are, as the file or the user says.
    architecture: Option<&'static Architecture>,
    place: Place,
}

/// Where the settings are.
enum Place {
    File(PathBuf),
    /// In no file: the user has named them for these weights.
    Named(PathBuf),
}

impl SideFile {
    /// A file on disk.
    pub(super) fn read(
        bytes: &[u8],
        path: PathBuf,
        family: &Family,
    ) -> Result<Self, CheckpointError> {
        let fields = match json::object(bytes) {
            Ok(fields) => fields,
            Err(message) => return Err(CheckpointError::BadJson { message, path }),
        };
        let marked = fields.get(MARK).and_then(Value::as_str);
        let mut known = family.architectures.iter();
        Ok(Self {
            architecture: marked.and_then(|name| known.find(|it| it.name == name)),
            fields,
            place: Place::File(path),
        })
    }

    /// The settings of a published model, for these weights.
    pub(super) fn chosen(
        architecture: &'static Architecture,
        weights: PathBuf,
        family: &Family,
    ) -> Result<Self, CheckpointError> {
        if !family.architectures.contains(architecture) {
            return Err(CheckpointError::Architecture {
                name: architecture.name,
                message: format!(
                    "it is of another kind than these weights, which are of {}; name one of that kind",
                    family.name
                ),
                path: weights,
            });
        }
        Ok(Self {
            fields: architecture.fields(),
            architecture: Some(architecture),
            place: Place::Named(weights),
        })
    }

    /// Whether both say the same of the same model, so that it does not matter which one is read.
    pub(super) fn says_the_same(&self, other: &Self) -> bool {
        self.architecture == other.architecture && self.fields == other.fields
    }

    /// That this was named although there is a file which says something else.
    pub(super) fn beside(&self, file: &str) -> CheckpointError {
        self.refusal(&format!(
            "the weights have settings beside them, in {file}, that are not these; leave --architecture out, or move that \
             file away"
        ))
    }

    pub(super) fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// The fields as a family reads them; those of a published model are compared with the weights too.
    pub(super) fn parsed<T: DeserializeOwned>(&self) -> Result<T, CheckpointError> {
        let mut fields = self
            .architecture
            .map_or_else(Map::new, Architecture::fields_of_shapes);
        fields.extend(self.fields.clone());
        serde_json::from_value(Value::Object(fields)).map_err(|error| match &self.place {
            Place::File(path) => CheckpointError::BadJson {
                message: format!("a field has the wrong type: {error}"),
                path: path.clone(),
            },
            Place::Named(_) => self.refusal(&error),
        })
    }

    /// These settings can't be used for this reason.
    pub(super) fn refusal(&self, message: &dyn fmt::Display) -> CheckpointError {
        match (&self.place, self.architecture) {
            (Place::Named(path), Some(architecture)) => CheckpointError::Architecture {
                name: architecture.name,
                message: message.to_string(),
                path: path.clone(),
            },
            (Place::File(path) | Place::Named(path), _) => CheckpointError::BadConfig {
                message: message.to_string(),
                path: path.clone(),
            },
        }
    }

    /// A setting that the shapes of the weights contradict.
    pub(super) fn contradiction(&self, message: &str) -> CheckpointError {
        let remedy = match (&self.place, self.architecture) {
            (Place::Named(_), _) => {
                "name the model that these weights are, or write what they were trained with into a file beside them"
            }
            (Place::File(_), Some(_)) => "correct the file, or remove it and choose another model",
            (Place::File(_), None) => "correct the file",
        };
        self.refusal(&format!("{message}; {remedy}"))
    }

    /// Where a setting comes from; the family's default where nothing says it.
    pub(super) fn origin(&self, field: &str) -> Origin {
        match (self.fields.get(field), self.architecture) {
            // What was changed afterwards is the file's alone.
            (Some(value), Some(it)) if it.fields().get(field) == Some(value) => {
                Origin::Chosen(it.name)
            }
            (None | Some(Value::Null), _) => Origin::Default,
            (Some(_), _) => match &self.place {
                Place::File(path) | Place::Named(path) => Origin::file(path),
            },
        }
    }

    /// Whose the settings are, for a note.
    pub(super) fn told(&self) -> String {
        match (&self.place, self.architecture) {
            (_, Some(architecture)) => format!("those of {}, as was chosen", architecture.name),
            (Place::File(path) | Place::Named(path), None) => {
                format!("from {}", path.file_name().unwrap_or_default().display())
            }
        }
    }
}
