//! LPIPS as it is published: torchvision's file of the network, and the `lpips` package's of the linear layers.

use std::path::{Path, PathBuf};

use super::{
    DistanceWeights, FROM_FILE, FromFileDef, HalvesDef, LinearFile, WeightsError, foreign, read,
};
use crate::networks::checkpoints::named::NamedTensors;
use crate::ood::MeasureId;

/// What a file is.
#[derive(Clone, Debug, PartialEq)]
pub enum Identified {
    /// All weights of a distance.
    Whole(DistanceWeights),
    /// The other file is to be given as well.
    Half(Half),
}

/// One of the two files of a distance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Half {
    pub distance: MeasureId,
    pub path: PathBuf,
    /// Whether it holds the linear layers, or else the network.
    pub(super) is_linear: bool,
}

impl Half {
    /// What it is and what has to be given beside it, without its place.
    pub fn lacks(&self) -> String {
        let Some((def, halves)) = def_of(self.distance) else {
            return String::new();
        };
        let (network, net) = (format!("torchvision's {}", def.network), halves.net);
        let (has, lacks) = if self.is_linear {
            (
                "LPIPS's linear layers without the network below them".to_owned(),
                format!("{network} (its file in torch's cache of checkpoints)"),
            )
        } else {
            (
                format!("{network} without LPIPS's linear layers"),
                format!("those (lpips/weights/v0.1/{net}.pth of the lpips package)"),
            )
        };
        format!("{has}; give {lacks} as well")
    }

    /// That the other one is missing.
    pub(super) fn alone(self) -> WeightsError {
        let net = def_of(self.distance).map_or("vgg", |(_, halves)| halves.net);
        WeightsError::Unusable {
            reason: format!(
                "they are {}, or write both into one by python -c \"import lpips, torch; \
                 torch.save(lpips.LPIPS(net='{net}').state_dict(), 'lpips-{net}.pth')\"",
                self.lacks()
            ),
            path: self.path,
        }
    }
}

impl DistanceWeights {
    /// The weights in several files, of which two may make one.
    pub fn identify_all(paths: &[PathBuf]) -> Result<Vec<Self>, WeightsError> {
        let mut all = Vec::with_capacity(paths.len());
        let mut halves: Vec<Half> = Vec::new();
        for path in paths {
            let other = halves.iter().position(|half| fits(half, path));
            match identify(path, other.map(|at| halves.remove(at)).as_ref())? {
                Identified::Whole(weights) => all.push(weights),
                Identified::Half(half) => halves.push(half),
            }
        }
        match halves.into_iter().next() {
            Some(half) => Err(half.alone()),
            None => Ok(all),
        }
    }
}

/// Whether a file is the other half; where it can't be read that is said when it is.
fn fits(half: &Half, path: &Path) -> bool {
    let tensors = read(path, "a distance");
    tensors.is_ok_and(|tensors| {
        half_of(&tensors, path)
            .is_some_and(|(_, it)| it.distance == half.distance && it.is_linear != half.is_linear)
    })
}

/// Read a file, see what it is for and check all of it, with the half that was given before.
pub fn identify(path: &Path, other: Option<&Half>) -> Result<Identified, WeightsError> {
    let tensors = read(path, "a distance")?;
    let unusable = |reason| WeightsError::Unusable {
        reason,
        path: path.to_owned(),
    };
    if let Some(def) = FROM_FILE.iter().find(|def| (def.recognizes)(&tensors)) {
        let weights = whole(def, (path, &tensors), None);
        drop(weights.read(def, &tensors)?);
        return Ok(Identified::Whole(weights));
    }
    let Some((def, half)) = half_of(&tensors, path) else {
        return Err(unusable(foreign(&tensors)));
    };
    let is_other =
        |other: &&Half| other.distance == half.distance && other.is_linear != half.is_linear;
    let Some(other) = other.filter(is_other) else {
        return Ok(Identified::Half(half));
    };
    let beside = read(&other.path, "a distance")?;
    let [(network_path, network), (linear_path, linear)] = if half.is_linear {
        [(&*other.path, beside), (path, tensors)]
    } else {
        [(path, tensors), (&*other.path, beside)]
    };
    let linear_file = LinearFile {
        sha256: linear.sha256.clone(),
        file: absolute(linear_path),
    };
    let weights = whole(def, (network_path, &network), Some(linear_file));
    drop(weights.read(def, &network.with(linear))?);
    Ok(Identified::Whole(weights))
}

pub(super) fn whole(
    def: &FromFileDef,
    (path, tensors): (&Path, &NamedTensors),
    linear: Option<LinearFile>,
) -> DistanceWeights {
    DistanceWeights {
        distance: def.measure.id,
        sha256: tensors.sha256.clone(),
        file: absolute(path),
        linear,
    }
}

/// Found from any working folder.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

pub(super) fn half_of(tensors: &NamedTensors, path: &Path) -> Option<(&'static FromFileDef, Half)> {
    FROM_FILE.iter().find_map(|def| {
        let halves = def.halves.as_ref()?;
        let is_linear = (halves.is_linear)(tensors);
        (is_linear || (halves.is_network)(tensors)).then(|| {
            let half = Half {
                distance: def.measure.id,
                path: path.to_owned(),
                is_linear,
            };
            (*def, half)
        })
    })
}

fn def_of(distance: MeasureId) -> Option<(&'static FromFileDef, &'static HalvesDef)> {
    let def = super::from_file(distance)?;
    Some((def, def.halves.as_ref()?))
}
