//! What families are asked about: a model's files, and the names in the PyTorch file among them.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::path::{Path, PathBuf};

use super::files::Files;
use super::pickle::Pickle;
use super::tensors::sha256_hex;
use super::{CheckpointError, MissingSettings, ModelSource, SettingsExample};
use crate::images::input;

/// Endings of weights files that only PyTorch's pickle is behind.
const TORCH_EXTENSIONS: [&str; 4] = ["pth", "pt", "ckpt", "bin"];

/// A file of settings: its bytes and its place.
type SideFile = (Cow<'static, [u8]>, PathBuf);

/// A model that some family may know.
pub(super) struct Candidate<'a> {
    /// Where the user says it is.
    pub(super) source: &'a ModelSource,
    pub(super) files: &'a Files,
    /// The weights file, where the user chose one.
    pub(super) weights: Option<&'a str>,
    /// The file of settings to be read instead of the one beside the weights, where the user chose one.
    pub(super) config: Option<&'a Path>,
    torch: OnceCell<Option<TorchNames>>,
}

/// An open PyTorch file.
pub(super) struct TorchWeights {
    /// Its place among the model's files.
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) pickle: Pickle,
    /// In hex.
    pub(super) sha256: String,
}

/// What a PyTorch file calls its tensors.
pub(super) struct TorchNames {
    pub(super) path: PathBuf,
    /// Until a family takes it.
    pickle: Cell<Option<Pickle>>,
    /// Of the dictionary itself.
    pub(super) top: Vec<String>,
    /// Of the dictionary under `model`.
    pub(super) under_model: Vec<String>,
    /// Of the dictionary under `state_dict`.
    pub(super) under_state_dict: Vec<String>,
}

impl<'a> Candidate<'a> {
    pub(super) fn new(source: &'a ModelSource, files: &'a Files, weights: Option<&'a str>) -> Self {
        Self {
            source,
            files,
            weights,
            config: None,
            torch: OnceCell::new(),
        }
    }

    /// With a file of settings that the user chose.
    pub(super) fn with_config(self, config: Option<&'a Path>) -> Self {
        Self { config, ..self }
    }

    /// The PyTorch file: the weights that the user chose, where they are one, or else the first one in the folder.
    pub(super) fn torch_file(&self) -> Option<String> {
        match self.weights {
            Some(name) if name.ends_with(".safetensors") => None,
            Some(name) => Some(name.to_owned()),
            None => self.files.first_with_extension(&TORCH_EXTENSIONS),
        }
    }

    /// The file of settings that the user chose, or else the one beside the weights, with its place; `None` where there is
    /// none.
    pub(super) fn side_file(
        &self,
        weights: &str,
        max_bytes: u64,
    ) -> Result<Option<SideFile>, CheckpointError> {
        if let Some(path) = self.config {
            let path = path.to_owned();
            return match input::read(&path, max_bytes) {
                Ok(bytes) => Ok(Some((bytes.into(), path))),
                Err(source) => Err(CheckpointError::Unusable { source, path }),
            };
        }
        let own = own_side_file(weights);
        let beside = [own.as_str(), "args.json", "config.json"];
        let found = beside.into_iter().find(|name| self.files.has(name));
        let read = |name| Ok((self.files.read(name, max_bytes)?, self.files.path(name)));
        found.map(read).transpose()
    }

    /// What to ask for where [`Self::side_file`] finds nothing: the file that is of these weights alone.
    pub(super) fn missing_settings(
        &self,
        weights: &str,
        what: &'static str,
        examples: &'static [SettingsExample],
    ) -> MissingSettings {
        MissingSettings {
            what,
            examples,
            file: self.files.path(&own_side_file(weights)),
        }
    }

    /// The PyTorch file by whose names a family was told, for that family to take its tensors: it is read once.
    pub(super) fn take_torch(&self) -> Result<TorchWeights, CheckpointError> {
        let missing = || CheckpointError::NoWeights {
            path: self.files.path(""),
        };
        let name = self.torch_file().ok_or_else(missing)?;
        let names = self.torch_names()?.ok_or_else(missing)?;
        let pickle = names.pickle.take();
        let pickle = pickle.map_or_else(|| open(self.files, &name), Ok)?;
        Ok(TorchWeights {
            path: names.path.clone(),
            sha256: sha256_hex(pickle.bytes()),
            name,
            pickle,
        })
    }

    /// The names in the PyTorch file, read once for all families that ask; `None` where there is no such file.
    pub(super) fn torch_names(&self) -> Result<Option<&TorchNames>, CheckpointError> {
        if let Some(names) = self.torch.get() {
            return Ok(names.as_ref());
        }
        let names = self
            .torch_file()
            .map(|name| TorchNames::read(self.files, &name))
            .transpose()?;
        Ok(self.torch.get_or_init(|| names).as_ref())
    }
}

impl TorchNames {
    fn read(files: &Files, name: &str) -> Result<Self, CheckpointError> {
        let pickle = open(files, name)?;
        Ok(Self {
            path: files.path(name),
            top: pickle.shapes().map(|(name, _)| name.to_owned()).collect(),
            under_model: pickle.names_under("model"),
            under_state_dict: pickle.names_under("state_dict"),
            pickle: Cell::new(Some(pickle)),
        })
    }
}

fn open(files: &Files, name: &str) -> Result<Pickle, CheckpointError> {
    let bytes = files.read(name, u64::MAX)?;
    Pickle::open(bytes).map_err(|message| CheckpointError::BadWeights {
        message,
        path: files.path(name),
    })
}

/// The file of settings of these weights, also where others lie beside them.
fn own_side_file(weights: &str) -> String {
    let stem = weights.rsplit_once('.').map_or(weights, |(stem, _)| stem);
    format!("{stem}.json")
}
