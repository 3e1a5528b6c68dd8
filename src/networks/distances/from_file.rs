//! Distances by networks whose weights a user has as a file, each an entry of [`FROM_FILE`].
//!
//! A new one is a file beside this one with a [`FromFileDef`], and its line in the list.

mod halves;
mod taps;

use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

pub use self::halves::{Half, Identified, identify};
pub use self::taps::{TapNetwork, identify_network};
use super::{Compared, Distance, FeatureDistance, compare, lpips_squeeze, lpips_vgg, simclr};
use crate::diffusion::DenoiseError;
use crate::images::input::InputError;
use crate::networks::checkpoints::named::{NamedTensors, NamedTensorsError, file_sha256};
use crate::networks::executors::cpu::{CpuOptions, Machine};
use crate::ood::{Measure, MeasureId};

/// All of them, in the order in which files hold what they measure.
pub static FROM_FILE: &[&FromFileDef] = &[&lpips_vgg::DEF, &lpips_squeeze::DEF, &simclr::DEF];

/// A distance whose weights come from a file.
pub struct FromFileDef {
    pub measure: Measure,
    /// Its network's name for people, e.g. `VGG16`.
    pub network: &'static str,
    /// Width and height in pixels of the smallest images that it is defined for.
    pub smallest_side: fn() -> usize,
    /// Channels of each layer that is compared.
    pub tap_channels: fn() -> Vec<usize>,
    /// Whether a file is meant for it, by names and shapes.
    pub(super) recognizes: fn(&NamedTensors) -> bool,
    /// How two files make one, where its weights are published so.
    pub(super) halves: Option<HalvesDef>,
    /// Takes the network out of a file; the error says what is wrong with the weights.
    pub(super) read: fn(&NamedTensors) -> Result<Prepare, String>,
    /// The same where its taps are all that is asked for, and the file may hold no more.
    pub(super) read_network: fn(&NamedTensors) -> Result<Prepare, String>,
}

/// A distance whose network and linear layers can lie in a file each.
pub(super) struct HalvesDef {
    /// What the `lpips` package calls it.
    pub(super) net: &'static str,
    pub(super) is_network: fn(&NamedTensors) -> bool,
    pub(super) is_linear: fn(&NamedTensors) -> bool,
}

/// Makes a network ready on this project's CPU kernels, whatever runs the diffusion model: its numbers then depend on the
/// processor alone. That takes seconds for the largest.
pub(super) type Prepare =
    Box<dyn FnOnce(Machine) -> Result<Box<dyn FeatureDistance>, String> + Send>;

/// The distance of this name, where its weights come from a file.
pub fn from_file(id: MeasureId) -> Option<&'static FromFileDef> {
    FROM_FILE.iter().copied().find(|def| def.measure.id == id)
}

/// Which weights a distance has: a part of the settings that decide a run's numbers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistanceWeights {
    /// What they are for.
    pub distance: MeasureId,
    /// SHA-256 of the file in hex.
    pub sha256: String,
    /// Where the file was.
    pub file: PathBuf,
    /// The file of the linear layers, where the other one holds the network alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linear: Option<LinearFile>,
}

/// A file with LPIPS's linear layers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearFile {
    /// SHA-256 of the file in hex.
    pub sha256: String,
    /// Where the file was.
    pub file: PathBuf,
}

/// A file's content decides numbers, and not its place.
impl PartialEq for DistanceWeights {
    fn eq(&self, other: &Self) -> bool {
        self.distance == other.distance && self.digests().eq(other.digests())
    }
}

/// Why weights can't be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    #[error("the weights of {whose} can't be read: {source}: {}", path.display())]
    Unreadable {
        /// The distance, or what the file was given for.
        whose: String,
        source: InputError,
        path: PathBuf,
    },
    /// What is wrong and what would work.
    #[error("these weights can't be used: {reason}: {}", path.display())]
    Unusable { reason: String, path: PathBuf },
    /// Another file lies where the one that was chosen did.
    #[error(
        "the file holds other weights of {label} than those that were chosen (its SHA-256 begins with {found}, and not with \
         {expected}), so that its numbers would be others; put the right file there: {}",
        path.display()
    )]
    Changed {
        label: &'static str,
        found: String,
        expected: String,
        path: PathBuf,
    },
    /// Weights that this program has no distance for.
    #[error("this program knows no distance `{distance}` whose weights come from a file; use a newer program: {}", path.display())]
    Unknown { distance: MeasureId, path: PathBuf },
}

impl DistanceWeights {
    /// Read a file, see what it is for and check all of it.
    pub fn identify(path: &Path) -> Result<Self, WeightsError> {
        match halves::identify(path, None)? {
            Identified::Whole(weights) => Ok(weights),
            Identified::Half(half) => Err(half.alone()),
        }
    }

    /// Whether the files are still those that were chosen.
    pub fn check(&self) -> Result<(), WeightsError> {
        let def = self.def()?;
        for (path, expected) in self.files().zip(self.digests()) {
            let sha256 = file_sha256(path).map_err(|source| WeightsError::Unreadable {
                whose: def.network.to_owned(),
                source,
                path: path.clone(),
            })?;
            refuse_other(def, path, expected, &sha256)?;
        }
        Ok(())
    }

    /// The distance; it makes itself ready when it measures first.
    pub fn open(&self) -> Result<Box<dyn Distance>, WeightsError> {
        let def = self.def()?;
        let mut tensors = read(&self.file, def.network)?;
        refuse_other(def, &self.file, &self.sha256, &tensors.sha256)?;
        if let Some(linear) = &self.linear {
            let beside = read(&linear.file, def.network)?;
            refuse_other(def, &linear.file, &linear.sha256, &beside.sha256)?;
            tensors = tensors.with(beside);
        }
        let prepare = self.read(def, &tensors)?;
        Ok(Box::new(FromFile {
            def,
            network: lazily(prepare),
        }))
    }

    /// Where its weights are: one file or two.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let linear = self.linear.as_ref().map(|linear| &linear.file);
        std::iter::once(&self.file).chain(linear)
    }

    /// The same places, to be changed.
    pub fn files_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let linear = self.linear.as_mut().map(|linear| &mut linear.file);
        std::iter::once(&mut self.file).chain(linear)
    }

    fn digests(&self) -> impl Iterator<Item = &str> {
        let linear = self.linear.as_ref().map(|linear| linear.sha256.as_str());
        std::iter::once(self.sha256.as_str()).chain(linear)
    }

    /// What is told of the distance; `None` where this program does not know it.
    pub fn measure(&self) -> Option<&'static Measure> {
        from_file(self.distance).map(|def| &def.measure)
    }

    /// The network's name for people.
    pub fn network(&self) -> &'static str {
        from_file(self.distance).map_or("an unknown network", |def| def.network)
    }

    /// The beginnings of the digests, for people.
    pub fn short_digests(&self) -> String {
        let all: Vec<String> = self.digests().map(|it| format!("{}…", short(it))).collect();
        all.join(" and ")
    }

    fn def(&self) -> Result<&'static FromFileDef, WeightsError> {
        from_file(self.distance).ok_or_else(|| WeightsError::Unknown {
            distance: self.distance,
            path: self.file.clone(),
        })
    }

    fn read(&self, def: &FromFileDef, tensors: &NamedTensors) -> Result<Prepare, WeightsError> {
        (def.read)(tensors).map_err(|reason| {
            // The reason begins with the tensor, or with its lack.
            let is_linear = reason.trim_start_matches("it has no ").starts_with("lin");
            let linear = self.linear.as_ref().filter(|_| is_linear);
            WeightsError::Unusable {
                reason: format!(
                    "they seem to be those of {}, but {reason}; write or download the file again",
                    def.measure.label
                ),
                path: linear.map_or(&self.file, |linear| &linear.file).clone(),
            }
        })
    }
}

fn refuse_other(
    def: &'static FromFileDef,
    path: &Path,
    expected: &str,
    sha256: &str,
) -> Result<(), WeightsError> {
    if sha256 == expected {
        return Ok(());
    }
    Err(WeightsError::Changed {
        label: def.network,
        found: short(sha256).to_owned(),
        expected: short(expected).to_owned(),
        path: path.to_owned(),
    })
}

fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

fn read(path: &Path, whose: &str) -> Result<NamedTensors, WeightsError> {
    NamedTensors::open(path, &["resnet"]).map_err(|error| match error {
        NamedTensorsError::Unreadable(source) => WeightsError::Unreadable {
            whose: whose.to_owned(),
            source,
            path: path.to_owned(),
        },
        NamedTensorsError::Damaged(reason) => WeightsError::Unusable {
            reason,
            path: path.to_owned(),
        },
    })
}

/// What a file is that holds none of the networks, and what to give instead.
fn foreign(tensors: &NamedTensors) -> String {
    const KNOWN: &str = "give VGG16 or SqueezeNet of LPIPS, or SimCLRv2 r50_1x_sk1";
    let has = |name: &str| tensors.shape(name).is_some();
    if tensors.is_empty() {
        return format!(
            "the file holds no weights by name; other data, or code, in a PyTorch file is never run; {KNOWN}"
        );
    }
    if has("net.slice2.3.weight")
        || has("lin0.model.1.weight")
        || has("features.10.weight") && has("classifier.6.weight") && !has("features.28.weight")
    {
        return "they are those of AlexNet, which this program has already; leave them out, or give those of VGG16 or SqueezeNet"
            .to_owned();
    }
    if has("features.28.weight") {
        return "they are torchvision's VGG19 or a VGG with batch normalization, and LPIPS has VGG16; give torchvision's vgg16"
            .to_owned();
    }
    if has(crate::networks::simclr::FIRST.0) {
        return "they are those of another SimCLRv2 than r50_1x_sk1 (50 layers, width 1, selective kernels); convert and give \
                that one"
            .to_owned();
    }
    format!("the file holds weights of no network that this program knows; {KNOWN}")
}

/// A distance with its weights.
struct FromFile {
    def: &'static FromFileDef,
    network: Lazy,
}

/// A network that makes itself ready when it is used first.
type Lazy = LazyLock<Made, Box<dyn FnOnce() -> Made + Send>>;
/// The network, or why it can't be made ready.
type Made = Result<Mutex<Box<dyn FeatureDistance>>, String>;

fn lazily(prepare: Prepare) -> Lazy {
    LazyLock::new(Box::new(move || {
        let machine = Machine::new(&CpuOptions::default());
        let machine = machine.map_err(|error| error.to_string())?;
        prepare(machine).map(Mutex::new)
    }))
}

fn locked(network: &Lazy) -> Result<MutexGuard<'_, Box<dyn FeatureDistance>>, DenoiseError> {
    let network = network.as_ref();
    let network = network.map_err(|reason| DenoiseError::Failed(reason.clone()))?;
    Ok(network.lock().unwrap_or_else(PoisonError::into_inner))
}

impl Distance for FromFile {
    fn measure(&self) -> &'static Measure {
        &self.def.measure
    }

    fn smallest_side(&self) -> usize {
        (self.def.smallest_side)()
    }

    fn is_always_measured(&self) -> bool {
        false
    }

    fn distances(&self, compared: &mut Compared<'_>) -> Result<Vec<f64>, DenoiseError> {
        let mut network = locked(&self.network)?;
        compare(&mut **network, self.def.measure.id, compared)
    }
}
