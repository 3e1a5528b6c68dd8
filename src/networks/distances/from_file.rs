//! Distances by networks whose weights a user has as a file, each an entry of [`FROM_FILE`].
//!
//! A new one is a file beside this one with a [`FromFileDef`], and its line in the list.

use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

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
    /// Width and height in pixels of the smallest images that it is defined for.
    pub smallest_side: fn() -> usize,
    /// Whether a file is meant for it, by names and shapes.
    pub(super) recognizes: fn(&NamedTensors) -> bool,
    /// Takes the network out of a file; the error says what is wrong with the weights.
    pub(super) read: fn(&NamedTensors) -> Result<Prepare, String>,
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
}

/// A file's content decides numbers, and not its place.
impl PartialEq for DistanceWeights {
    fn eq(&self, other: &Self) -> bool {
        (self.distance, &self.sha256) == (other.distance, &other.sha256)
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
    #[error("the weights of a distance can't be used: {reason}: {}", path.display())]
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
        let tensors = read(path, "a distance")?;
        let unusable = |reason| WeightsError::Unusable {
            reason,
            path: path.to_owned(),
        };
        let Some(def) = FROM_FILE.iter().find(|def| (def.recognizes)(&tensors)) else {
            return Err(unusable(foreign(&tensors)));
        };
        let weights = Self {
            distance: def.measure.id,
            sha256: tensors.sha256.clone(),
            // Found from any working folder.
            file: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
        };
        drop(weights.read(def, &tensors)?);
        Ok(weights)
    }

    /// Whether the file is still the one that was chosen.
    pub fn check(&self) -> Result<(), WeightsError> {
        let def = self.def()?;
        let sha256 = file_sha256(&self.file).map_err(|source| WeightsError::Unreadable {
            whose: def.measure.label.to_owned(),
            source,
            path: self.file.clone(),
        })?;
        self.refuse_other(def, &sha256)
    }

    /// The distance; it makes itself ready when it measures first.
    pub fn open(&self) -> Result<Box<dyn Distance>, WeightsError> {
        let def = self.def()?;
        let tensors = read(&self.file, def.measure.label)?;
        self.refuse_other(def, &tensors.sha256)?;
        let prepare = self.read(def, &tensors)?;
        let make = move || {
            let machine = Machine::new(&CpuOptions::default());
            let machine = machine.map_err(|error| error.to_string())?;
            prepare(machine).map(Mutex::new)
        };
        Ok(Box::new(FromFile {
            def,
            network: LazyLock::new(Box::new(make)),
        }))
    }

    /// What is told of the distance; `None` where this program does not know it.
    pub fn measure(&self) -> Option<&'static Measure> {
        from_file(self.distance).map(|def| &def.measure)
    }

    /// The beginning of the digest, for people.
    pub fn short_digest(&self) -> &str {
        short(&self.sha256)
    }

    fn def(&self) -> Result<&'static FromFileDef, WeightsError> {
        from_file(self.distance).ok_or_else(|| WeightsError::Unknown {
            distance: self.distance,
            path: self.file.clone(),
        })
    }

    fn refuse_other(&self, def: &'static FromFileDef, sha256: &str) -> Result<(), WeightsError> {
        if sha256 == self.sha256 {
            return Ok(());
        }
        Err(WeightsError::Changed {
            label: def.measure.label,
            found: short(sha256).to_owned(),
            expected: self.short_digest().to_owned(),
            path: self.file.clone(),
        })
    }

    fn read(&self, def: &FromFileDef, tensors: &NamedTensors) -> Result<Prepare, WeightsError> {
        (def.read)(tensors).map_err(|reason| WeightsError::Unusable {
            reason: format!(
                "they seem to be those of {}, but {reason}; write or download the file again",
                def.measure.label
            ),
            path: self.file.clone(),
        })
    }
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

/// What a file is that no distance takes, and what to give instead.
fn foreign(tensors: &NamedTensors) -> String {
    const KNOWN: &str = "give LPIPS with VGG16 or SqueezeNet, or SimCLRv2 r50_1x_sk1";
    let one_file = |net: &str| {
        format!(
            "write both into one by python -c \"import lpips, torch; torch.save(lpips.LPIPS(net='{net}').state_dict(), \
             'lpips-{net}.pth')\""
        )
    };
    let has = |name: &str| tensors.shape(name).is_some();
    if tensors.is_empty() {
        return format!(
            "the file holds no weights by name; other data, or code, in a PyTorch file is never run; {KNOWN}"
        );
    }
    if has("net.slice2.3.weight")
        || has("features.10.weight") && has("classifier.6.weight") && !has("features.28.weight")
    {
        return "they are those of AlexNet, which LPIPS has in this program already (the distance lpips); give those of \
                LPIPS with VGG16 or SqueezeNet"
            .to_owned();
    }
    if has("lin0.model.1.weight") {
        let net = if has("lin6.model.1.weight") {
            "squeeze"
        } else {
            "vgg"
        };
        return format!(
            "they are LPIPS's linear layers without the network below them; {}",
            one_file(net)
        );
    }
    for (name, net, label) in [
        ("features.28.weight", "vgg", "VGG16"),
        ("features.3.squeeze.weight", "squeeze", "SqueezeNet"),
    ] {
        if has(name) {
            return format!(
                "they are torchvision's {label} without LPIPS's linear layers; {}",
                one_file(net)
            );
        }
    }
    if has(crate::networks::simclr::FIRST.0) {
        return "they are those of another SimCLRv2 than r50_1x_sk1 (50 layers, width 1, selective kernels); convert and give \
                that one"
            .to_owned();
    }
    format!("the file holds weights of no distance that this program knows; {KNOWN}")
}

/// A distance with its weights.
struct FromFile {
    def: &'static FromFileDef,
    network: LazyLock<Made, Box<dyn FnOnce() -> Made + Send>>,
}

/// The network, or why it can't be made ready.
type Made = Result<Mutex<Box<dyn FeatureDistance>>, String>;

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
        let network = self.network.as_ref();
        let network = network.map_err(|reason| DenoiseError::Failed(reason.clone()))?;
        let mut network = network.lock().unwrap_or_else(PoisonError::into_inner);
        compare(&mut **network, self.def.measure.id, compared)
    }
}
