//! Loaders: a checkpoint of some family in, a [`Network`] and its [`Schedule`] out.
//!
//! A new family is a file or folder beside this one and its entry in [`FAMILIES`]. Which family a model is of is found out
//! before anything of it is refused, so that each refusal names what the model is. What the weights of a family do not tell
//! is in a file beside them, or is that of a published model which the user names ([`Architecture`]).

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use self::candidate::Candidate;
use self::files::Files;
use super::description::Network;
use super::identity::ModelIdentity;
use crate::diffusion::Schedule;
use crate::diffusion::schedule::ScheduleConfig;
use crate::images::input;
use crate::images::write::write_new;

mod architectures;
mod blank;
mod bundled;
mod candidate;
mod diffusers;
mod error;
mod files;
mod json;
mod lightning;
mod lucidrains;
mod missing;
pub(in crate::networks) mod named;
mod openai;
mod origin;
mod pickle;
pub(in crate::networks) mod safetensors;
mod score_sde;
mod shapes;
mod side_file;
mod sniff;
pub(in crate::networks) mod tensors;

pub use architectures::Architecture;
pub use blank::Blank;
pub use bundled::Bundled;
pub use diffusers::{Blueprint, NetworkSize};
pub use error::{CheckpointError, Misfit};
pub use missing::MissingSettings;
pub use origin::{Origin, Setting};
pub use safetensors::Numbers;

/// All families. A model is of the first one that takes it.
pub static FAMILIES: &[&Family] = &[
    &diffusers::FAMILY,
    &score_sde::FAMILY,
    &openai::FAMILY,
    &lucidrains::FAMILY,
    &lightning::FAMILY,
];

/// A kind of checkpoint.
#[derive(Debug)]
pub struct Family {
    /// What it is called, e.g. `diffusers UNet2DModel`.
    pub name: &'static str,
    /// Published models of it, whose settings can be chosen by name.
    architectures: &'static [Architecture],
    /// The file beside the weights that settings are written into; `None` is one named after the weights.
    settings_file: Option<&'static str>,
    /// Whether a model is one.
    recognize: fn(&Candidate<'_>) -> Result<Match, CheckpointError>,
}

/// What a family says of a model.
enum Match {
    /// It is of this family, and read so, checking every shape, missing and unused keys, and that all weights are finite.
    Mine(fn(&Candidate<'_>) -> Result<Checkpoint, CheckpointError>),
    /// It is of no family, or another one.
    NotMine,
    /// It is of this family, which is as much as this program can say of it.
    Unsupported {
        /// What it is, in words.
        what: String,
        /// What would work.
        instead: &'static str,
        /// The file that tells.
        path: PathBuf,
    },
}

/// Endings of the files that a model can be named by.
const EXTENSIONS: [&str; 6] = ["safetensors", "bin", "pth", "pt", "ckpt", "json"];

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredSource", into = "StoredSource")]
pub enum ModelSource {
    /// A model inside the binary.
    Bundled(Bundled),
    /// A checkpoint folder on disk, or its `config.json` or weights file.
    Path(PathBuf),
    /// None, for detectors that use none.
    Blank(Blank),
}

/// [`ModelSource`] as settings hold it. There was only one model inside the binary for long: it has no name in them.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum StoredSource {
    Bundled,
    BundledModel(Bundled),
    Path(PathBuf),
    Blank(Blank),
}

impl From<StoredSource> for ModelSource {
    fn from(stored: StoredSource) -> Self {
        match stored {
            StoredSource::Bundled => Self::BUNDLED,
            StoredSource::BundledModel(bundled) => Self::Bundled(bundled),
            StoredSource::Path(path) => Self::Path(path),
            StoredSource::Blank(blank) => Self::Blank(blank),
        }
    }
}

impl From<ModelSource> for StoredSource {
    fn from(source: ModelSource) -> Self {
        match source {
            ModelSource::BUNDLED => Self::Bundled,
            ModelSource::Bundled(bundled) => Self::BundledModel(bundled),
            ModelSource::Path(path) => Self::Path(path),
            ModelSource::Blank(blank) => Self::Blank(blank),
        }
    }
}

impl ModelSource {
    /// The model inside the binary that is meant where none is named.
    pub const BUNDLED: Self = Self::Bundled(Bundled::FashionMnist);

    /// As users write it: the name of a bundled one, such as `bundled` or `bundled:mnist`, or a path.
    pub fn named(name: &Path) -> Self {
        Bundled::named(name).map_or_else(|| Self::Path(name.to_owned()), Self::Bundled)
    }

    /// As files name it: that there is none too (`none:32:gray`).
    pub fn stored(name: &Path) -> Self {
        let blank = name.to_str().and_then(|name| name.parse().ok());
        blank.map_or_else(|| Self::named(name), Self::Blank)
    }
}

/// Where the settings come from that a model's weights do not tell.
#[derive(Clone, Copy, Debug, Default)]
pub enum SettingsFrom<'a> {
    /// A file beside the weights.
    #[default]
    Beside,
    /// This file, for families whose weights and settings do not belong together.
    File(&'a Path),
    /// A published model that the user has named, where no file says them.
    Architecture(&'static Architecture),
}

impl From<Option<&'static Architecture>> for SettingsFrom<'_> {
    fn from(chosen: Option<&'static Architecture>) -> Self {
        chosen.map_or(Self::Beside, Self::Architecture)
    }
}

/// A file of settings that is to be written for a model to be opened again as it was.
#[derive(Clone, Debug)]
struct ChosenSettings {
    file: PathBuf,
    json: String,
}

/// A loaded checkpoint.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Where it came from.
    pub source: ModelSource,
    /// Its name for people: the folder's name.
    pub name: String,
    /// Checkpoint family, e.g. `diffusers UNet2DModel`.
    pub family: &'static str,
    /// The network with its weights.
    pub network: Network,
    /// The schedule it was trained with.
    pub schedule: Schedule,
    /// What tells its numbers from another model's.
    pub identity: ModelIdentity,
    /// What had to be assumed, e.g. a missing scheduler file.
    pub notes: Vec<String>,
    /// All settings, and where each comes from.
    pub settings: Vec<Setting>,
    /// Tensors that were taken from the weights file.
    pub num_tensors: usize,
    /// Settings by which it was opened and that no file has yet.
    chosen: Option<ChosenSettings>,
}

/// What a family reads of a model.
struct Contents {
    network: Network,
    schedule: Schedule,
    /// SHA-256 of the weights file, in hex.
    weights_sha256: String,
    /// What had to be assumed.
    notes: Vec<String>,
    settings: Vec<Setting>,
    num_tensors: usize,
}

impl Checkpoint {
    fn new(candidate: &Candidate<'_>, family: &'static Family, contents: Contents) -> Self {
        let Contents {
            network,
            schedule,
            weights_sha256,
            notes,
            settings,
            num_tensors,
        } = contents;
        Self {
            chosen: candidate.chosen_settings(family),
            source: candidate.source.clone(),
            name: candidate.files.name(),
            family: family.name,
            identity: ModelIdentity::new(&network, &schedule, weights_sha256),
            network,
            schedule,
            notes,
            settings,
            num_tensors,
        }
    }

    /// Write what was chosen beside the weights, so that the model is opened by it from then on; the file, where there is a
    /// new one.
    pub fn save_chosen(&self) -> Result<Option<&Path>, CheckpointError> {
        let Some(ChosenSettings { file, json }) = &self.chosen else {
            return Ok(None);
        };
        // It was compared with what was chosen.
        if file.exists() {
            return Ok(None);
        }
        write_new(file, json.as_bytes()).map_err(|source| CheckpointError::Unsaved {
            source,
            path: file.clone(),
        })?;
        Ok(Some(file))
    }
}

/// The schedule of a configuration; the error names the file that it is from.
fn schedule_of(config: ScheduleConfig, path: PathBuf) -> Result<Schedule, CheckpointError> {
    Schedule::new(config).map_err(|source| CheckpointError::Schedule { source, path })
}

/// Write a new safetensors file of `f32` tensors (name, shape, values), synced.
pub fn write_tensors(path: &Path, tensors: &[(&str, &[usize], &[f32])]) -> io::Result<()> {
    safetensors::write(path, tensors, Numbers::F32)
}

/// All tensors of a safetensors file as `f32`, by name; the error says what is wrong with it.
pub fn read_tensors(bytes: Vec<u8>) -> Result<BTreeMap<String, Vec<f32>>, String> {
    let file = safetensors::Safetensors::parse(bytes.into()).map_err(|error| error.to_string())?;
    let names: Vec<String> = file.shapes().map(|(name, _)| name.to_owned()).collect();
    let named = names.into_iter().map(|name| {
        let values = file.read(&name)?;
        Ok((name, values))
    });
    named.collect()
}

/// Read a checkpoint of whichever family it is.
pub fn load(source: &ModelSource) -> Result<Checkpoint, CheckpointError> {
    load_with(source, SettingsFrom::Beside)
}

/// Read a checkpoint with its settings from somewhere else than the file beside the weights; refused for a model that says
/// all of itself.
pub fn load_with(
    source: &ModelSource,
    settings: SettingsFrom<'_>,
) -> Result<Checkpoint, CheckpointError> {
    match source {
        ModelSource::Bundled(bundled) => {
            let files = Files::Embedded(*bundled);
            load_of_family(&Candidate::new(source, &files, None).with_settings(settings))
        }
        ModelSource::Blank(blank) => blank::load(*blank),
        ModelSource::Path(path) => {
            let metadata = std::fs::metadata(path).map_err(|error| {
                if path.to_str().is_some_and(|it| it.starts_with("bundled:")) {
                    CheckpointError::NoSuchBundled { path: path.clone() }
                } else {
                    files::unreadable(error, path)
                }
            })?;
            if metadata.is_dir() {
                let files = Files::open(&model_root(path))?;
                load_of_family(&Candidate::new(source, &files, None).with_settings(settings))
            } else if metadata.is_file() {
                load_by_file(source, path, settings)
            } else {
                Err(CheckpointError::NotAFile { path: path.clone() })
            }
        }
    }
}

/// Load by a file inside the folder: its `config.json`, or weights to be used instead of the usual ones.
fn load_by_file(
    source: &ModelSource,
    path: &Path,
    settings: SettingsFrom<'_>,
) -> Result<Checkpoint, CheckpointError> {
    if let Some((what, instead)) = sniff::foreign(&first_bytes(path)?) {
        return Err(CheckpointError::Unsupported {
            what: what.to_owned(),
            instead: instead.to_owned(),
            path: path.to_owned(),
        });
    }
    let extension = path.extension().and_then(|extension| extension.to_str());
    if extension.is_none_or(|extension| !EXTENSIONS.contains(&extension)) {
        // Beside a model it would be read as its weights, and be told what is wrong with it as such.
        return Err(CheckpointError::NotAModel {
            path: path.to_owned(),
        });
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let root = model_root(folder);
    let files = Files::open(&root)?;
    let inside = path.strip_prefix(&root).unwrap_or(path).to_string_lossy();
    let weights = (extension != Some("json")).then_some(&*inside);
    load_of_family(&Candidate::new(source, &files, weights).with_settings(settings))
}

/// As many as tell what a file is.
fn first_bytes(path: &Path) -> Result<Vec<u8>, CheckpointError> {
    let (file, _) = input::open(path).map_err(|source| CheckpointError::Unusable {
        source,
        path: path.to_owned(),
    })?;
    let mut bytes = Vec::with_capacity(sniff::NUM_BYTES);
    file.take(sniff::NUM_BYTES as u64)
        .read_to_end(&mut bytes)
        .map_err(|error| files::unreadable(error, path))?;
    Ok(bytes)
}

fn load_of_family(candidate: &Candidate<'_>) -> Result<Checkpoint, CheckpointError> {
    let files = candidate.files;
    for family in FAMILIES {
        match (family.recognize)(candidate)? {
            Match::Mine(load) => return load(candidate),
            Match::NotMine => {}
            Match::Unsupported {
                what,
                instead,
                path,
            } => {
                return Err(CheckpointError::Unsupported {
                    what,
                    instead: instead.to_owned(),
                    path,
                });
            }
        }
    }
    Err(match candidate.torch_names()? {
        Some(names) => CheckpointError::Unsupported {
            what: "a weights file without config.json beside it".to_owned(),
            instead: "use a diffusers UNet2DModel folder".to_owned(),
            path: names.path.clone(),
        },
        None => CheckpointError::NoConfig {
            path: files.path(candidate.weights.unwrap_or_default()),
        },
    })
}

/// The pipeline folder where a user points at its `unet` folder, else the folder itself.
fn model_root(folder: &Path) -> PathBuf {
    let parent = match folder.parent() {
        Some(_) if !folder.ends_with("unet") => return folder.to_path_buf(),
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => return folder.to_path_buf(),
    };
    let is_pipeline = ["model_index.json", "scheduler/scheduler_config.json"]
        .iter()
        .any(|name| parent.join(name).is_file());
    if is_pipeline {
        parent.to_path_buf()
    } else {
        folder.to_path_buf()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The families that take a model, and those that only know what it is.
    fn takers(source: &ModelSource, files: &Files) -> (Vec<&'static str>, Vec<&'static str>) {
        let candidate = Candidate::new(source, files, None);
        let (mut mine, mut unsupported) = (Vec::new(), Vec::new());
        for family in FAMILIES {
            match (family.recognize)(&candidate).unwrap() {
                Match::Mine(_) => mine.push(family.name),
                Match::Unsupported { .. } => unsupported.push(family.name),
                Match::NotMine => {}
            }
        }
        (mine, unsupported)
    }

    #[test]
    fn each_model_is_of_one_family() {
        let (mine, unsupported) =
            takers(&ModelSource::BUNDLED, &Files::Embedded(Bundled::default()));
        assert_eq!((mine, unsupported), (vec![diffusers::FAMILY.name], vec![]));
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        for (folder, mine, unsupported) in [
            ("unet/gray-attn-heads", vec![diffusers::FAMILY.name], vec![]),
            ("foreign/score_sde", vec![score_sde::FAMILY.name], vec![]),
            ("foreign", vec![openai::FAMILY.name], vec![]),
            ("foreign/lucidrains", vec![], vec![lucidrains::FAMILY.name]),
        ] {
            let path = fixtures.join(folder);
            let files = Files::open(&path).unwrap();
            let found = takers(&ModelSource::Path(path), &files);
            assert_eq!(found, (mine, unsupported), "{folder}");
        }
    }

    #[test]
    fn models_inside_the_program_go_by_names_that_earlier_versions_wrote() {
        let of = |name: &str| ModelSource::named(name.as_ref());
        assert_eq!(of("bundled"), ModelSource::Bundled(Bundled::FashionMnist));
        assert_eq!(of("bundled:mnist"), ModelSource::Bundled(Bundled::Mnist));
        assert_eq!(of("./bundled"), ModelSource::Path("./bundled".into()));
        for (source, json) in [
            (of("bundled"), r#""bundled""#),
            (of("bundled:mnist"), r#"{"bundled-model":"mnist"}"#),
            (of("bundled:headct"), r#"{"bundled-model":"headct"}"#),
            (of("a/b"), r#"{"path":"a/b"}"#),
        ] {
            assert_eq!(serde_json::to_string(&source).unwrap(), json);
            assert_eq!(serde_json::from_str::<ModelSource>(json).unwrap(), source);
        }
        let error = load(&of("bundled:kmnist")).unwrap_err().to_string();
        let says = "there is no bundled model of this name, only bundled, bundled:mnist, bundled:headct: \
                    bundled:kmnist";
        assert_eq!(error, says);
    }
}
