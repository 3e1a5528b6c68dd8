//! The prepared originals of a run, read once where memory allows.

use std::collections::HashMap;

use rayon::prelude::*;

use crate::images::decode::decode_described;
use crate::images::prepare::prepare;
use crate::images::{Geometry, ImageStatistics, Picture, ResizeMode};
use crate::networks::distances::{ComparedOriginal, KeptFeatures};
use crate::runs::RunImage;

/// Memory for prepared pixels and LPIPS features that later attempts use again, in bytes; past it, originals are read
/// again at each attempt.
const BUDGET: usize = 1 << 30;

/// One prepared original.
#[derive(Clone, Debug)]
pub struct Original {
    /// Its values, and what distances have made of them.
    pub compared: ComparedOriginal,
    /// For display.
    pub picture: Picture,
    /// Of `picture`.
    pub statistics: ImageStatistics,
}

/// Prepared originals by image id.
#[derive(Debug)]
pub struct Originals {
    geometry: Geometry,
    resize: ResizeMode,
    kept: HashMap<usize, Original>,
    num_bytes: usize,
    /// Most bytes that are kept.
    budget: usize,
}

impl Originals {
    /// None read yet; a run of one attempt has no use for any that are kept.
    pub fn new(geometry: Geometry, resize: ResizeMode, num_attempts: usize) -> Self {
        Self {
            geometry,
            resize,
            kept: HashMap::new(),
            num_bytes: 0,
            budget: if num_attempts > 1 { BUDGET } else { 0 },
        }
    }

    /// The originals of a batch, in order, each with the reason if it can't be read.
    pub fn load(
        &mut self,
        images: &[RunImage],
        ids: &[usize],
    ) -> Vec<(usize, Result<Original, String>)> {
        ids.par_iter()
            .map(|&id| {
                let original = self
                    .kept
                    .get(&id)
                    .cloned()
                    .map_or_else(|| self.read(&images[id]), Ok);
                (id, original)
            })
            .collect()
    }

    /// Keep an original for later attempts, if there is room.
    pub fn keep(&mut self, id: usize, original: &Original) {
        let num_bytes = original.compared.unit.len() * size_of::<f32>()
            + original.picture.bytes.len()
            + original.compared.features.num_bytes();
        if !self.kept.contains_key(&id) && self.num_bytes + num_bytes <= self.budget {
            self.num_bytes += num_bytes;
            self.kept.insert(id, original.clone());
        }
    }

    fn read(&self, image: &RunImage) -> Result<Original, String> {
        let decoded = decode_described(&image.file.path, &image.file.hash)
            .map_err(|err| err.to_string())?
            .ok_or("the file has changed since its folder was listed; list it again")?;
        let pixels = prepare(&decoded, self.geometry, self.resize);
        let picture = Picture::from_unit(self.geometry, &pixels.unit);
        Ok(Original {
            statistics: ImageStatistics::of(&picture),
            picture,
            compared: ComparedOriginal {
                unit: pixels.unit.into(),
                features: KeptFeatures::default(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn originals_are_kept_only_where_later_attempts_come() {
        let geometry = Geometry {
            channels: 1,
            side: 2,
        };
        let picture = Picture::from_unit(geometry, &[0.5; 4]);
        let original = Original {
            compared: ComparedOriginal {
                unit: vec![0.5; 4].into(),
                features: KeptFeatures::default(),
            },
            statistics: ImageStatistics::of(&picture),
            picture,
        };
        for (num_attempts, num_kept) in [(1, 0), (2, 1)] {
            let mut originals = Originals::new(geometry, ResizeMode::Crop, num_attempts);
            originals.keep(0, &original);
            assert_eq!(originals.kept.len(), num_kept, "{num_attempts} attempts");
        }
    }
}
