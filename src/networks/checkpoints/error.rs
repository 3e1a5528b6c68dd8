//! Why a checkpoint is refused, each reason with its own sentence.

use std::fmt;
use std::path::{Path, PathBuf};

use super::bundled::Bundled;
use super::missing::MissingSettings;
use crate::diffusion::schedule::ScheduleError;
use crate::images::input::InputError;

/// Why a checkpoint could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Nothing at the path.
    #[error("there is no such file or folder: {}", path.display())]
    NotFound {
        /// What was asked for.
        path: PathBuf,
    },
    /// No model inside the program goes by the name.
    #[error(
        "there is no bundled model of this name, only {}: {}",
        Bundled::ALL.map(Bundled::name).join(", "),
        path.display()
    )]
    NoSuchBundled {
        /// What was asked for.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("the file could not be read ({source}): {}", path.display())]
    Unreadable {
        /// The operating system's reason.
        source: std::io::Error,
        path: PathBuf,
    },
    /// A file that is too large for its purpose or for the memory.
    #[error("the file can't be used, {source}: {}", path.display())]
    Unusable { source: InputError, path: PathBuf },
    /// Something other than a plain file where one is needed.
    #[error("expected a plain file, got a folder or a device: {}", path.display())]
    NotAFile {
        /// What is there.
        path: PathBuf,
    },
    /// A file that is neither weights nor a configuration.
    #[error(
        "{} is not a model; give a diffusers folder, or a .safetensors, .bin, .pt or .pth file: {}",
        file_name(path),
        path.display()
    )]
    NotAModel { path: PathBuf },
    /// A link inside the model folder points out of it.
    #[error("a link leads out of the model folder; copy the file into the folder: {}", path.display())]
    OutsideFolder { path: PathBuf },
    /// A folder without `config.json`.
    #[error(
        "no config.json; expected a diffusers folder with config.json, or with model_index.json and \
         unet/config.json: {}",
        path.display()
    )]
    NoConfig { path: PathBuf },
    /// A configuration without weights beside it.
    #[error(
        "no weights beside config.json; expected diffusion_pytorch_model.safetensors or \
         diffusion_pytorch_model.bin: {}",
        path.display()
    )]
    NoWeights { path: PathBuf },
    /// A JSON file that does not parse, or has a field of the wrong type.
    #[error("the file is not the JSON that is expected ({message}): {}", path.display())]
    BadJson {
        /// The parser's reason with line and column.
        message: String,
        path: PathBuf,
    },
    /// A field with an impossible value.
    #[error("{message}: {}", path.display())]
    BadConfig {
        /// Field, expected and got.
        message: String,
        path: PathBuf,
    },
    /// A checkpoint that does not say all of itself.
    #[error("{}; {instead}: {}", missing.what, path.display())]
    MissingSettings {
        missing: MissingSettings,
        /// What to write, and where.
        instead: String,
        /// The weights file.
        path: PathBuf,
    },
    /// A published model that was named and that this is not.
    #[error("--architecture {name} can't be used here, {message}: {}", path.display())]
    Architecture {
        /// What was named.
        name: &'static str,
        /// What speaks against it, and what to do.
        message: String,
        /// The weights file.
        path: PathBuf,
    },
    /// What was chosen would be unknown when the model is opened again.
    #[error(
        "the settings of --architecture could not be saved beside the weights ({source}); copy the weights into a folder \
         that can be written to: {}",
        path.display()
    )]
    Unsaved {
        source: std::io::Error,
        path: PathBuf,
    },
    /// A model that is understood but not supported.
    #[error("{what} is not supported; {instead}: {}", path.display())]
    Unsupported {
        /// The family, block or option, by name.
        what: String,
        /// What would work.
        instead: String,
        /// The file or folder.
        path: PathBuf,
    },
    /// Fewer bytes than the file's own header promises.
    #[error(
        "the safetensors file is cut short: expected {expected} bytes, got {got}; copy or download it again: {}",
        path.display()
    )]
    Truncated {
        /// Bytes by the header.
        expected: u64,
        /// Bytes in the file.
        got: u64,
        path: PathBuf,
    },
    /// A weights file that does not parse.
    #[error("the weights file could not be read, {message}: {}", path.display())]
    BadWeights {
        /// What is wrong and what to do.
        message: String,
        path: PathBuf,
    },
    /// Weights that do not fit the configuration.
    #[error("the weights do not fit config.json, {misfit}: {}", path.display())]
    Misfit {
        /// All that is wrong.
        misfit: Misfit,
        /// The weights file.
        path: PathBuf,
    },
    /// NaN or infinity among the weights.
    #[error("the weights hold values that are not finite, first in {tensor}: {}", path.display())]
    NotFinite {
        /// The first such tensor.
        tensor: String,
        /// The weights file.
        path: PathBuf,
    },
    /// A scheduler file with impossible numbers.
    #[error("the schedule cannot be used, {source}: {}", path.display())]
    Schedule {
        /// What is wrong.
        source: ScheduleError,
        /// The scheduler file.
        path: PathBuf,
    },
}

/// Every way in which a weights file does not fit its configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Misfit {
    /// Names the network needs and the file lacks.
    pub missing: Vec<String>,
    /// Names the file has and the network does not use.
    pub unused: Vec<String>,
    /// Name, expected shape, shape in the file.
    pub shapes: Vec<(String, Vec<usize>, Vec<usize>)>,
}

impl Misfit {
    /// Whether everything fits.
    pub fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.unused.is_empty() && self.shapes.is_empty()
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shapes: Vec<String> = self
            .shapes
            .iter()
            .map(|(name, expected, got)| format!("{name} expected {expected:?} got {got:?}"))
            .collect();
        let lists = [
            ("missing", &self.missing),
            ("unused", &self.unused),
            ("of the wrong shape", &shapes),
        ];
        let mut separator = "";
        for (kind, names) in lists {
            if !names.is_empty() {
                write!(f, "{separator}{} {kind} ({})", names.len(), some_of(names))?;
                separator = ", ";
            }
        }
        Ok(())
    }
}

/// The last part of a path.
fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// The first few names, and how many more there are: a notice has to stay readable.
fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 4;
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{shown} and {more} more"),
        _ => shown,
    }
}
