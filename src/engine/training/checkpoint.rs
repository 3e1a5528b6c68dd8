//! What a training run has made so far, in files: written so that a crash or a full disk leaves the one before.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::history::History;
use super::look::{INPAINTED_FILE, SAMPLES_FILE};
use super::settings::TrainingSettings;
use super::{Start, TrainingError};
use crate::images::ContentHash;
use crate::images::input;
use crate::images::write::write_atomically;
use crate::networks::checkpoints::{read_tensors, write_tensors};
use crate::networks::training::TrainState;

/// Of the files' layout and of the flat buffers'.
const VERSION: u32 = 1;
/// Thousands of times what any has.
const MAX_JSON: u64 = 64 << 20;
/// The file that says which state counts.
const INDEX: &str = "checkpoint.json";

/// All that a run needs to continue, but for its weights and its images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Index {
    version: u32,
    /// What was asked for.
    pub settings: TrainingSettings,
    /// The network's description.
    pub blueprint: Value,
    /// The model that training began from, for people; `None` for a new one.
    pub began_from: Option<String>,
    /// Steps of the whole run, once they are known.
    pub num_steps: Option<usize>,
    /// Steps taken.
    pub step: usize,
    /// Steps that changed the weights.
    pub applied: usize,
    /// What was seen.
    pub history: History,
    /// Contents of all images, in hex.
    pub images: Vec<String>,
    /// Where they were listed, as absolute paths; those that are no Unicode are left out.
    #[serde(default)]
    pub sources: Vec<String>,
    state_file: String,
    state_sha256: String,
}

/// The folder beside a model that is being made.
#[derive(Debug)]
pub struct WorkFolder {
    path: PathBuf,
    /// Held as long as this process trains there.
    _lock: File,
}

impl WorkFolder {
    /// Where the work on an output lies: beside it.
    pub fn beside(output: &Path) -> PathBuf {
        let mut name = output.file_name().unwrap_or_default().to_owned();
        name.push(".training");
        output.with_file_name(name)
    }

    /// Make the folder for a new run.
    pub fn create(output: &Path) -> Result<Self, TrainingError> {
        let path = Self::beside(output);
        let existed = path.join(INDEX).exists();
        let folder = Self::lock(path)?;
        if existed || folder.path.join(INDEX).exists() {
            return Err(TrainingError::Unfinished { path: folder.path });
        }
        Ok(folder)
    }

    /// Enter the folder of a run that was stopped.
    pub fn open(output: &Path) -> Result<Self, TrainingError> {
        let path = Self::beside(output);
        if !path.join(INDEX).is_file() {
            return Err(TrainingError::NothingToResume { path });
        }
        Self::lock(path)
    }

    fn lock(path: PathBuf) -> Result<Self, TrainingError> {
        let failed = |source| TrainingError::Write {
            what: "the training's folder",
            source,
            path: path.clone(),
        };
        fs::create_dir_all(&path).map_err(failed)?;
        let lock = File::create(path.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => Err(TrainingError::Busy { path }),
            // Some network file systems have no locks; two trainings are then up to the user.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Self { path, _lock: lock }),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Write a checkpoint; the one before stays until this one is whole.
    pub fn save(&self, mut index: Index, state: &TrainState) -> Result<(), TrainingError> {
        let name = format!("state-{}.safetensors", state.step);
        let path = self.path.join(&name);
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| TrainingError::Write {
                what: "the training's checkpoint",
                source,
                path,
            }
        };
        let sha256 = write_state(&path, state).map_err(failed(&path))?;
        index.version = VERSION;
        index.step = state.step;
        index.applied = state.applied;
        index.state_file.clone_from(&name);
        index.state_sha256 = sha256;
        let file = self.path.join(INDEX);
        serde_json::to_vec(&index)
            .map_err(io::Error::from)
            .and_then(|bytes| write_atomically(&file, &bytes))
            .map_err(failed(&file))?;
        self.remove_states_but(&name);
        Ok(())
    }

    /// Older states, and those that a crash left half written, are of no use.
    fn remove_states_but(&self, kept: &str) {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        for entry in entries {
            let name = entry.file_name();
            let is_state = name.to_str().is_some_and(|name| {
                name.starts_with("state-") && name.ends_with(".safetensors") && name != kept
            });
            if is_state {
                // It only takes room; the next checkpoint tries again.
                fs::remove_file(entry.path()).ok();
            }
        }
    }

    /// Read the last checkpoint.
    pub fn load(&self) -> Result<(Index, TrainState), TrainingError> {
        let file = self.path.join(INDEX);
        let damaged = |reason: String, path: &Path| TrainingError::DamagedCheckpoint {
            reason,
            path: path.to_owned(),
        };
        let bytes = input::read(&file, MAX_JSON).map_err(|e| damaged(e.to_string(), &file))?;
        let index: Index =
            serde_json::from_slice(&bytes).map_err(|e| damaged(e.to_string(), &file))?;
        if index.version != VERSION {
            let reason = format!("it is of version {}, expected {VERSION}", index.version);
            return Err(damaged(reason, &file));
        }
        let is_plain = !index.state_file.contains(['/', '\\']);
        let path = self.path.join(&index.state_file);
        let bytes = is_plain
            .then(|| fs::read(&path))
            .transpose()
            .map_err(|error| damaged(error.to_string(), &path))?
            .unwrap_or_default();
        if sha256_of(&bytes) != index.state_sha256 {
            return Err(damaged("its bytes have changed".to_owned(), &path));
        }
        let state = read_state(bytes, &index).map_err(|reason| damaged(reason, &path))?;
        Ok((index, state))
    }

    /// Remove the folder with all that this program wrote into it.
    pub fn remove(self) -> io::Result<()> {
        self.remove_states_but("");
        for name in [SAMPLES_FILE, INPAINTED_FILE] {
            // Not every run has made them.
            fs::remove_file(self.path.join(name)).ok();
        }
        fs::remove_file(self.path.join(INDEX))?;
        fs::remove_file(self.path.join("lock"))?;
        fs::remove_dir(&self.path)
    }
}

impl Index {
    /// Before the first checkpoint.
    pub fn new(settings: TrainingSettings, start: &Start, images: &[ContentHash]) -> Self {
        let sources = (start.sources.iter())
            .map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()))
            .filter_map(|path| path.to_str().map(str::to_owned));
        Self {
            version: VERSION,
            num_steps: settings.steps_asked(),
            settings,
            blueprint: start.blueprint.to_json(),
            began_from: start.began_from.clone(),
            step: 0,
            applied: 0,
            history: History::default(),
            images: images.iter().map(ToString::to_string).collect(),
            sources: sources.collect(),
            state_file: String::new(),
            state_sha256: String::new(),
        }
    }
}

fn sha256_of(bytes: &[u8]) -> String {
    ContentHash(Sha256::digest(bytes).into()).to_string()
}

fn write_state(path: &Path, state: &TrainState) -> io::Result<String> {
    // One that a crash left, or one of the same step that was written just before.
    if path.exists() {
        fs::remove_file(path)?;
    }
    let shape = [state.weights.len()];
    let tensors = [
        ("average", &shape[..], &state.average[..]),
        ("first", &shape, &state.first),
        ("second", &shape, &state.second),
        ("weights", &shape, &state.weights),
    ];
    let written = write_tensors(path, &tensors).and_then(|()| fs::read(path));
    match written {
        Ok(bytes) => Ok(sha256_of(&bytes)),
        Err(error) => {
            // Half a state is in the way of making room.
            fs::remove_file(path).ok();
            Err(error)
        }
    }
}

fn read_state(bytes: Vec<u8>, index: &Index) -> Result<TrainState, String> {
    let mut tensors = read_tensors(bytes)?;
    let mut take = |name: &str| {
        let values = tensors.remove(name);
        values.ok_or_else(|| format!("it lacks {name}"))
    };
    let state = TrainState {
        weights: take("weights")?,
        first: take("first")?,
        second: take("second")?,
        average: take("average")?,
        step: index.step,
        applied: index.applied,
    };
    let len = state.weights.len();
    let lens = [&state.first, &state.second, &state.average].map(Vec::len);
    if lens == [len; 3] {
        Ok(state)
    } else {
        Err("its parts differ in length".to_owned())
    }
}
