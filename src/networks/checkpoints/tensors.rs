//! A weights file of either format, and the check that a network takes exactly what it holds.

use std::collections::BTreeMap;
use std::path::Path;

use super::files::Files;
use super::pickle::Pickle;
use super::safetensors::{Safetensors, SafetensorsError};
use super::{CheckpointError, Misfit};
use crate::images::ContentHash;
use crate::networks::description::{Conv2d, GroupNorm, Linear, Padding};
use crate::networks::weights::Weights;

/// Named tensors.
pub(super) enum TensorFile {
    /// In memory.
    Safetensors(Safetensors),
    /// A PyTorch zip.
    Pickle(Pickle),
    /// Several files, no two of which have a tensor in common, and which of them has a tensor, by its name.
    Several {
        files: Vec<Self>,
        places: BTreeMap<String, usize>,
    },
}

impl TensorFile {
    /// Open by content: a zip or an old pickle, else safetensors. Returns the file's SHA-256 in hex too.
    pub(super) fn open(files: &Files, name: &str) -> Result<(Self, String), CheckpointError> {
        let path = files.path(name);
        let bytes = files.read(name, u64::MAX)?;
        let sha256 = sha256_hex(&bytes);
        let says_pickle = Path::new(name)
            .extension()
            .is_some_and(|extension| extension != "safetensors");
        let file = if bytes.starts_with(b"PK") || says_pickle {
            Pickle::open(bytes)
                .map(Self::Pickle)
                .map_err(|message| CheckpointError::BadWeights { message, path })?
        } else {
            let parsed = Safetensors::parse(bytes).map_err(|error| match error {
                SafetensorsError::Truncated { expected, got } => CheckpointError::Truncated {
                    expected,
                    got,
                    path,
                },
                SafetensorsError::Damaged(message) => CheckpointError::BadWeights { message, path },
            })?;
            Self::Safetensors(parsed)
        };
        Ok((file, sha256))
    }

    /// Open several as one; the digest is one of theirs. The error names a tensor that is in two of them.
    pub(super) fn open_all(
        files: &Files,
        names: &[String],
    ) -> Result<(Self, String), CheckpointError> {
        let [first, others @ ..] = names else {
            return Err(CheckpointError::NoWeights {
                path: files.path(""),
            });
        };
        if others.is_empty() {
            return Self::open(files, first);
        }
        let mut all = Vec::with_capacity(names.len());
        let mut places = BTreeMap::new();
        let mut digests = String::new();
        for name in names {
            let (file, digest) = Self::open(files, name)?;
            let mut tensors = file.shapes().into_keys();
            let place = all.len();
            if let Some(twice) = tensors.find(|it| places.insert(it.clone(), place).is_some()) {
                return Err(CheckpointError::BadWeights {
                    message: format!("{twice} is in another of the model's weights files as well"),
                    path: files.path(name),
                });
            }
            digests.push_str(&digest);
            all.push(file);
        }
        let several = Self::Several { files: all, places };
        Ok((several, sha256_hex(digests.as_bytes())))
    }

    /// Shapes by name.
    pub(super) fn shapes(&self) -> BTreeMap<String, Vec<usize>> {
        let own = |(name, shape): (&str, &[usize])| (name.to_owned(), shape.to_vec());
        match self {
            Self::Safetensors(file) => file.shapes().map(own).collect(),
            Self::Pickle(file) => file.shapes().map(own).collect(),
            Self::Several { files, .. } => files.iter().flat_map(Self::shapes).collect(),
        }
    }

    /// Values of one tensor; the error names it.
    pub(super) fn read(&self, name: &str) -> Result<Vec<f32>, String> {
        match self {
            Self::Safetensors(file) => file.read(name),
            Self::Pickle(file) => file.read(name),
            Self::Several { files, places } => match places.get(name) {
                Some(place) => files[*place].read(name),
                None => Err(format!("{name} is not there")),
            },
        }
    }
}

/// What gives a description its tensors, by their present-day names.
pub(super) trait TensorSource {
    /// The tensor of this name and shape.
    fn take(&mut self, name: &str, shape: &[usize]) -> Weights;

    /// A convolution of stride 1 whose output is as large as its input, by its inputs, outputs and kernel side.
    fn conv(&mut self, name: &str, [inputs, outputs, kernel]: [usize; 3]) -> Conv2d {
        let shape = [outputs, inputs, kernel, kernel];
        Conv2d {
            weight: self.take(&format!("{name}.weight"), &shape),
            bias: Some(self.take(&format!("{name}.bias"), &[outputs])),
            stride: 1,
            padding: Padding::Same(kernel / 2),
        }
    }

    /// A linear layer.
    fn linear(&mut self, name: &str, inputs: usize, outputs: usize) -> Linear {
        Linear {
            weight: self.take(&format!("{name}.weight"), &[outputs, inputs]),
            bias: Some(self.take(&format!("{name}.bias"), &[outputs])),
        }
    }

    /// A group normalization.
    fn norm(&mut self, name: &str, channels: usize, num_groups: usize, eps: f64) -> GroupNorm {
        GroupNorm {
            weight: self.take(&format!("{name}.weight"), &[channels]),
            bias: self.take(&format!("{name}.bias"), &[channels]),
            num_groups,
            eps,
        }
    }
}

/// Hands out tensors by their present-day names and keeps account of what is missing, unused or misshapen.
pub(super) struct Taker<'a> {
    file: &'a TensorFile,
    /// Present-day name to name in the file and shape; taken ones are removed.
    offered: BTreeMap<String, (String, Vec<usize>)>,
    misfit: Misfit,
    unreadable: Option<String>,
    not_finite: Option<String>,
    num_taken: usize,
}

impl<'a> Taker<'a> {
    /// Account for a file whose names become present-day ones by `rename`.
    ///
    /// Where two names of the file become the same, the one that needed no renaming is used and the
    /// other is a duplicate, as old checkpoints have them.
    pub(super) fn new(file: &'a TensorFile, rename: fn(&str) -> String) -> Self {
        let mut offered = BTreeMap::new();
        for (name, shape) in file.shapes() {
            let present = rename(&name);
            if present == name || !offered.contains_key(&present) {
                offered.insert(present, (name, shape));
            }
        }
        Self {
            file,
            offered,
            misfit: Misfit::default(),
            unreadable: None,
            not_finite: None,
            num_taken: 0,
        }
    }

    fn values(&mut self, name: &str, shape: &[usize]) -> Option<Vec<f32>> {
        let Some((stored_name, stored_shape)) = self.offered.remove(name) else {
            self.misfit.missing.push(name.to_owned());
            return None;
        };
        if stored_shape != shape {
            let expected = shape.to_vec();
            self.misfit
                .shapes
                .push((name.to_owned(), expected, stored_shape));
            return None;
        }
        match self.file.read(&stored_name) {
            Ok(values) => {
                self.num_taken += 1;
                if self.not_finite.is_none() && !values.iter().all(|value| value.is_finite()) {
                    self.not_finite = Some(stored_name);
                }
                Some(values)
            }
            Err(message) => {
                self.unreadable.get_or_insert(message);
                None
            }
        }
    }

    /// How many tensors were taken, or all complaints, once everything has been.
    pub(super) fn finish(mut self, path: &Path) -> Result<usize, CheckpointError> {
        let path = path.to_path_buf();
        self.misfit.unused = self
            .offered
            .into_values()
            .map(|(stored, _)| stored)
            .collect();
        if !self.misfit.is_empty() {
            let misfit = self.misfit;
            return Err(CheckpointError::Misfit { misfit, path });
        }
        if let Some(message) = self.unreadable {
            return Err(CheckpointError::BadWeights { message, path });
        }
        match self.not_finite {
            Some(tensor) => Err(CheckpointError::NotFinite { tensor, path }),
            None => Ok(self.num_taken),
        }
    }
}

impl TensorSource for Taker<'_> {
    /// A placeholder without values where it is missing or misshapen.
    fn take(&mut self, name: &str, shape: &[usize]) -> Weights {
        let values = self.values(name, shape).unwrap_or_default();
        Weights {
            shape: shape.to_vec(),
            values: values.into(),
        }
    }
}

/// SHA-256 in hex.
pub(in crate::networks) fn sha256_hex(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    ContentHash(sha2::Sha256::digest(bytes).into()).to_string()
}
