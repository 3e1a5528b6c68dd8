//! What families are asked about: a model's files, and the names in the PyTorch file among them.

use std::cell::OnceCell;
use std::path::PathBuf;

use super::files::Files;
use super::pickle::Pickle;
use super::{CheckpointError, ModelSource};

/// Endings of weights files that only PyTorch's pickle is behind.
const TORCH_EXTENSIONS: [&str; 4] = ["pth", "pt", "ckpt", "bin"];

/// A model that some family may know.
pub(super) struct Candidate<'a> {
    /// Where the user says it is.
    pub(super) source: &'a ModelSource,
    /// Its files.
    pub(super) files: &'a Files,
    /// The weights file, where the user chose one.
    pub(super) weights: Option<&'a str>,
    torch: OnceCell<Option<TorchNames>>,
}

/// What a PyTorch file calls its tensors.
pub(super) struct TorchNames {
    /// The file.
    pub(super) path: PathBuf,
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
            torch: OnceCell::new(),
        }
    }

    /// The PyTorch file: the weights that the user chose, if they are no safetensors, else the first one in the folder.
    pub(super) fn torch_file(&self) -> Option<String> {
        self.weights
            .filter(|name| !name.ends_with(".safetensors"))
            .map(str::to_owned)
            .or_else(|| self.files.first_with_extension(&TORCH_EXTENSIONS))
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
        let path = files.path(name);
        let bytes = files.read(name, u64::MAX)?;
        match Pickle::open(bytes) {
            Ok(pickle) => Ok(Self {
                path,
                top: pickle.shapes().map(|(name, _)| name.to_owned()).collect(),
                under_model: pickle.names_under("model"),
                under_state_dict: pickle.names_under("state_dict"),
            }),
            Err(message) => Err(CheckpointError::BadWeights { message, path }),
        }
    }
}
