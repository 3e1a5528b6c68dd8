//! What stands where a model is named for detectors that use none: the size of images, and a network that finds no noise in any.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Checkpoint, CheckpointError, ModelSource, schedule_of};
use crate::diffusion::schedule::ScheduleConfig;
use crate::images::Geometry;
use crate::networks::ModelIdentity;
use crate::networks::description::{Conv2d, GroupNorm, Linear, Network, Padding, TimeEmbedding};
use crate::networks::weights::Weights;

/// Images of no model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Blank(Geometry);

/// Before the size in its name, e.g. `none:32:gray`.
const PREFIX: &str = "none:";

/// Pixels per side of the largest images: a stranger's file may say anything.
const LARGEST: usize = 1024;

/// Channels of the network, which has weights for the sake of its shape alone.
const WIDTH: usize = 1;

impl Blank {
    /// For images of this size; `None` for a size that no images have.
    pub fn new(geometry: Geometry) -> Option<Self> {
        let is_size = (1..=LARGEST).contains(&geometry.side) && matches!(geometry.channels, 1 | 3);
        is_size.then_some(Self(geometry))
    }

    pub fn geometry(self) -> Geometry {
        self.0
    }
}

impl fmt::Display for Blank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let color = if self.0.channels == 1 { "gray" } else { "rgb" };
        write!(f, "{PREFIX}{}:{color}", self.0.side)
    }
}

impl FromStr for Blank {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (side, color) = text.strip_prefix(PREFIX)?.split_once(':')?;
            let channels = match color {
                "gray" => 1,
                "rgb" => 3,
                _ => return None,
            };
            let side = side.parse().ok()?;
            Self::new(Geometry { channels, side })
        };
        parse().ok_or_else(|| format!("expected a size such as {PREFIX}32:gray, got `{text}`"))
    }
}

impl TryFrom<String> for Blank {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Blank> for String {
    fn from(blank: Blank) -> Self {
        blank.to_string()
    }
}

/// It has all parts of a checkpoint, so that whatever works with one needs no other way; what would ask the network is refused
/// before that, see [`ModelIdentity::is_blank`].
pub(super) fn load(blank: Blank) -> Result<Checkpoint, CheckpointError> {
    let schedule = schedule_of(ScheduleConfig::default(), "none".into())?;
    let network = network(blank.0);
    Ok(Checkpoint {
        source: ModelSource::Blank(blank),
        name: "no model".to_owned(),
        family: "No diffusion model",
        identity: ModelIdentity::new(&network, &schedule, ModelIdentity::NO_WEIGHTS.to_owned()),
        network,
        schedule,
        notes: Vec::new(),
        settings: Vec::new(),
        num_tensors: 0,
        chosen: None,
    })
}

fn zeros(shape: &[usize]) -> Weights {
    let len = shape.iter().product();
    Weights {
        shape: shape.to_vec(),
        values: vec![0.0; len].into(),
    }
}

fn network(geometry: Geometry) -> Network {
    let linear = || Linear {
        weight: zeros(&[WIDTH, WIDTH]),
        bias: None,
    };
    let conv = |from: usize, to: usize| Conv2d {
        weight: zeros(&[to, from, 1, 1]),
        bias: None,
        stride: 1,
        padding: Padding::Same(0),
    };
    Network {
        in_channels: geometry.channels,
        out_channels: geometry.channels,
        image_size: geometry.side,
        center_input: false,
        time: TimeEmbedding {
            num_channels: WIDTH,
            fourier: None,
            flip_sin_to_cos: true,
            freq_shift: 0.0,
            max_period: 10_000.0,
            scale: 1.0,
            linear_1: linear(),
            linear_2: linear(),
        },
        conv_in: conv(geometry.channels, WIDTH),
        stages: Vec::new(),
        norm_out: GroupNorm {
            weight: zeros(&[WIDTH]),
            bias: zeros(&[WIDTH]),
            num_groups: 1,
            eps: 1e-5,
        },
        conv_out: conv(WIDTH, geometry.channels),
        divides_by_noise: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::checkpoints;

    #[test]
    fn its_name_says_its_size_and_what_no_images_have_is_a_path() {
        for (name, channels, side) in [("none:32:gray", 1, 32), ("none:224:rgb", 3, 224)] {
            let source = ModelSource::stored(name.as_ref());
            let checkpoint = checkpoints::load(&source).unwrap();
            assert_eq!(checkpoint.network.in_channels, channels);
            assert_eq!(checkpoint.network.image_size, side);
            assert!(checkpoint.identity.is_blank());
            let ModelSource::Blank(blank) = source else {
                panic!("{source:?}");
            };
            assert_eq!(blank.to_string(), name);
        }
        for name in [
            "none",
            "none:0:gray",
            "none:9999:gray",
            "none:32:red",
            "none:32",
        ] {
            let source = ModelSource::stored(name.as_ref());
            assert_eq!(source, ModelSource::Path(name.into()));
        }
        // Nobody asks for it: a model of this name is a path.
        let asked = ModelSource::named("none:32:gray".as_ref());
        assert_eq!(asked, ModelSource::Path("none:32:gray".into()));
        let bundled = checkpoints::load(&ModelSource::BUNDLED).unwrap();
        assert!(!bundled.identity.is_blank());
    }
}
