//! What a fit has learned of in-domain images: a density of their features, or a network that knows their levels.

use std::fmt;

use half::f16;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::density::Density;
use crate::images::Geometry;
use crate::networks::autoencoder::{Autoencoder, Shape};
use crate::ood::base64;

/// What was learned. In files each is known by its fields.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Learned {
    Density(Density),
    Autoencoder(Weights),
}

/// By a field that only autoencoders have, so that what is wrong with either is told as its own.
impl<'de> Deserialize<'de> for Learned {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = serde_json::Map::deserialize(deserializer)?;
        let is_network = fields.contains_key("numbers");
        let value = serde_json::Value::Object(fields);
        let read = if is_network {
            serde_json::from_value(value).map(Self::Autoencoder)
        } else {
            serde_json::from_value(value).map(Self::Density)
        };
        read.map_err(serde::de::Error::custom)
    }
}

impl From<Density> for Learned {
    fn from(density: Density) -> Self {
        Self::Density(density)
    }
}

impl Learned {
    /// The density, where that is what was learned.
    pub fn density(&self) -> Option<&Density> {
        match self {
            Self::Density(density) => Some(density),
            Self::Autoencoder(_) => None,
        }
    }

    /// The autoencoder, where that is what was learned.
    pub fn autoencoder(&self) -> Option<Autoencoder> {
        match self {
            Self::Density(_) => None,
            Self::Autoencoder(weights) => weights.autoencoder(),
        }
    }

    /// How many features it was learned of; levels are features too.
    pub fn num_features(&self) -> usize {
        match self {
            Self::Density(density) => density.num_features(),
            Self::Autoencoder(weights) => weights.geometry.len(),
        }
    }

    /// What it is, in a few words.
    pub fn words(&self) -> String {
        let of = match self {
            Self::Density(density) => match density.num_components() {
                1 => "a Gaussian".to_owned(),
                count => format!("a mixture of {count} Gaussians"),
            },
            Self::Autoencoder(weights) => {
                format!("an autoencoder of {} weights", weights.numbers.0.len())
            }
        };
        format!("{of} over {} features", self.num_features())
    }

    /// What can't be meant, in the words of a sentence's end.
    pub fn problem(&self) -> Option<&'static str> {
        match self {
            Self::Density(density) => density.problem(),
            Self::Autoencoder(weights) => weights.problem(),
        }
    }
}

/// An autoencoder as files keep it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    geometry: Geometry,
    width: usize,
    latents: usize,
    numbers: Halves,
}

impl Weights {
    /// Of an autoencoder, each number rounded to half precision: what is kept is what scores.
    ///
    /// # Errors
    /// That memory is short.
    pub fn new(autoencoder: &Autoencoder) -> candle_core::Result<Self> {
        let Shape {
            geometry,
            width,
            latents,
        } = *autoencoder.shape();
        let numbers = autoencoder.numbers()?;
        Ok(Self {
            geometry,
            width,
            latents,
            numbers: Halves(numbers.into_iter().map(f16::from_f32).collect()),
        })
    }

    fn shape(&self) -> Option<Shape> {
        let usual = Shape::usual(self.geometry)?;
        // Those of a stranger's file must not make this program reserve all memory.
        let is_believable =
            (1..=usual.width).contains(&self.width) && (1..=usual.latents).contains(&self.latents);
        is_believable.then_some(Shape {
            width: self.width,
            latents: self.latents,
            ..usual
        })
    }

    fn autoencoder(&self) -> Option<Autoencoder> {
        let numbers: Vec<f32> = self.numbers.0.iter().map(|half| half.to_f32()).collect();
        Autoencoder::new(self.shape()?, &numbers)
    }

    fn problem(&self) -> Option<&'static str> {
        let Some(shape) = self.shape() else {
            return Some("there are no autoencoders of its sizes");
        };
        if shape.num_parameters() != self.numbers.0.len() {
            return Some("weights are missing or too many");
        }
        let is_finite = self.numbers.0.iter().all(|half| half.is_finite());
        (!is_finite).then_some("a weight is not finite")
    }
}

/// In JSON the base64 of their little-endian bytes.
#[derive(Clone, PartialEq)]
struct Halves(Vec<f16>);

impl fmt::Debug for Halves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} numbers", self.0.len())
    }
}

impl Serialize for Halves {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = (self.0.iter())
            .flat_map(|half| half.to_le_bytes())
            .collect();
        serializer.serialize_str(&base64::encode(&bytes))
    }
}

impl<'de> Deserialize<'de> for Halves {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let halves = base64::decode(&text).and_then(|bytes| {
            let (pairs, rest) = bytes.as_chunks();
            let halves = pairs.iter().map(|pair| f16::from_le_bytes(*pair)).collect();
            rest.is_empty().then_some(Self(halves))
        });
        halves.ok_or_else(|| {
            serde::de::Error::custom("expected the base64 of half-precision numbers")
        })
    }
}
