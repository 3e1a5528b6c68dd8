//! What families are asked about: a model's files, and the names in the PyTorch file among them.

use std::cell::{Cell, OnceCell};
use std::path::PathBuf;

use super::files::Files;
use super::pickle::Pickle;
use super::side_file::SideFile;
use super::tensors::sha256_hex;
use super::{
    Architecture, CheckpointError, ChosenSettings, Family, MissingSettings, ModelSource,
    SettingsFrom,
};
use crate::images::input;

/// Endings of weights files that only PyTorch's pickle is behind.
const TORCH_EXTENSIONS: [&str; 4] = ["pth", "pt", "ckpt", "bin"];

/// A model that some family may know.
pub(super) struct Candidate<'a> {
    /// Where the user says it is.
    pub(super) source: &'a ModelSource,
    pub(super) files: &'a Files,
    /// The weights file, where the user chose one.
    pub(super) weights: Option<&'a str>,
    /// Where settings come from that the weights do not tell.
    pub(super) from: SettingsFrom<'a>,
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
            from: SettingsFrom::Beside,
            torch: OnceCell::new(),
        }
    }

    /// With settings that the user chose.
    pub(super) fn with_settings(self, from: SettingsFrom<'a>) -> Self {
        Self { from, ..self }
    }

    /// The published model that the user has named.
    pub(super) fn architecture(&self) -> Option<&'static Architecture> {
        match self.from {
            SettingsFrom::Architecture(architecture) => Some(architecture),
            SettingsFrom::Beside | SettingsFrom::File(_) => None,
        }
    }

    /// The file that remembers the published model which the user has named.
    pub(super) fn chosen_settings(&self, family: &Family) -> Option<ChosenSettings> {
        let architecture = self.architecture()?;
        let name = match family.settings_file {
            Some(name) => name.to_owned(),
            None => own_side_file(&self.torch_file()?),
        };
        Some(ChosenSettings {
            file: self.files.path(&name),
            json: format!("{}\n", architecture.lines()),
        })
    }

    /// The PyTorch file: the weights that the user chose, where they are one, or else the first one in the folder.
    pub(super) fn torch_file(&self) -> Option<String> {
        match self.weights {
            Some(name) if name.ends_with(".safetensors") => None,
            Some(name) => Some(name.to_owned()),
            None => self.files.first_with_extension(&TORCH_EXTENSIONS),
        }
    }

    /// The settings that the user chose, or else those of the file beside the weights; `None` where there are none.
    pub(super) fn side_file(
        &self,
        weights: &str,
        family: &Family,
    ) -> Result<Option<SideFile>, CheckpointError> {
        /// More bytes than any such file has.
        const MAX_BYTES: u64 = 1 << 20;

        if let SettingsFrom::File(path) = self.from {
            let path = path.to_owned();
            return match input::read(&path, MAX_BYTES) {
                Ok(bytes) => SideFile::read(&bytes, path, family).map(Some),
                Err(source) => Err(CheckpointError::Unusable { source, path }),
            };
        }
        let own = own_side_file(weights);
        let beside = [own.as_str(), "args.json", "config.json"];
        let found = beside.into_iter().find(|name| self.files.has(name));
        let read = |name| {
            let bytes = self.files.read(name, MAX_BYTES)?;
            SideFile::read(&bytes, self.files.path(name), family)
        };
        let Some(architecture) = self.architecture() else {
            return found.map(read).transpose();
        };
        let chosen = SideFile::chosen(architecture, self.files.path(weights), family)?;
        match found {
            Some(name) if !read(name).is_ok_and(|file| file.says_the_same(&chosen)) => {
                Err(chosen.beside(name))
            }
            _ => Ok(Some(chosen)),
        }
    }

    /// What to ask for where [`Self::side_file`] finds nothing: the file that is of these weights alone. `fits` says whether
    /// a published model has the shapes of the weights.
    pub(super) fn missing_settings(
        &self,
        weights: &str,
        what: &'static str,
        (family, fits): (&Family, &dyn Fn(&Architecture) -> bool),
    ) -> MissingSettings {
        let all: Vec<&'static Architecture> = family.architectures.iter().collect();
        let fitting: Vec<_> = all.iter().copied().filter(|it| fits(it)).collect();
        MissingSettings {
            what,
            are_of_these_shapes: !fitting.is_empty(),
            architectures: if fitting.is_empty() { all } else { fitting },
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
pub(super) fn own_side_file(weights: &str) -> String {
    let stem = weights.rsplit_once('.').map_or(weights, |(stem, _)| stem);
    format!("{stem}.json")
}
