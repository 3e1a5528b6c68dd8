//! Numbers and contents of images as short texts in JSON, to the last bit.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::images::ContentHash;
use crate::ood::base64;

/// In JSON the base64 of their little-endian bytes: matrices are large.
#[derive(Clone, PartialEq)]
pub struct Numbers(pub Vec<f64>);

impl fmt::Debug for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} numbers", self.0.len())
    }
}

impl Serialize for Numbers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self
            .0
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        serializer.serialize_str(&base64::encode(&bytes))
    }
}

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = words(deserializer)?.into_iter();
        Ok(Self(words.map(f64::from_le_bytes).collect()))
    }
}

/// The contents of some images by the first 8 bytes of their hashes: two images share them by chance where there are billions.
/// In JSON the base64 of all, in order.
#[derive(Clone, PartialEq, Eq)]
pub struct Contents(Vec<[u8; 8]>);

impl Contents {
    pub fn new<'a>(hashes: impl IntoIterator<Item = &'a ContentHash>) -> Self {
        Self::sorted(hashes.into_iter().map(start).collect())
    }

    fn sorted(mut starts: Vec<[u8; 8]>) -> Self {
        starts.sort_unstable();
        starts.dedup();
        Self(starts)
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    pub fn contains(&self, hash: &ContentHash) -> bool {
        self.0.binary_search(&start(hash)).is_ok()
    }
}

fn start(hash: &ContentHash) -> [u8; 8] {
    std::array::from_fn(|index| hash.0[index])
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} images", self.0.len())
    }
}

impl Serialize for Contents {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&base64::encode(self.0.as_flattened()))
    }
}

impl<'de> Deserialize<'de> for Contents {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        words(deserializer).map(Self::sorted)
    }
}

/// Groups of 8 bytes.
fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<[u8; 8]>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let words = base64::decode(&text).and_then(|bytes| {
        let (words, rest) = bytes.as_chunks();
        rest.is_empty().then(|| words.to_vec())
    });
    words.ok_or_else(|| serde::de::Error::custom("expected the base64 of groups of 8 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_a_round_trip_to_the_last_bit() {
        let numbers = Numbers(vec![0.1, -0.0, f64::MIN_POSITIVE, 1e300, f64::NEG_INFINITY]);
        let json = serde_json::to_string(&numbers).unwrap();
        let read: Numbers = serde_json::from_str(&json).unwrap();
        let bits =
            |numbers: &Numbers| -> Vec<u64> { numbers.0.iter().map(|v| v.to_bits()).collect() };
        assert_eq!(bits(&read), bits(&numbers));
        for text in ["\"AAAA\"", "\"!\"", "3", "[1.0]"] {
            assert!(serde_json::from_str::<Numbers>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_image_is_known_by_its_content() {
        let hash = |byte: u8| ContentHash([byte; 32]);
        let known = Contents::new(&[hash(9), hash(1), hash(9)]);
        assert_eq!(known.count(), 2, "each once");
        assert!(known.contains(&hash(1)) && known.contains(&hash(9)));
        assert!(!known.contains(&hash(5)));
        let json = serde_json::to_string(&known).unwrap();
        assert_eq!(serde_json::from_str::<Contents>(&json).unwrap(), known);
    }
}
