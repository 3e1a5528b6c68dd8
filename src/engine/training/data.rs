//! From listed files to examples in memory, and which of them are held out.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;
use sha2::{Digest as _, Sha256};

use super::TrainingError;
use crate::diffusion::{Interrupt, Interrupted};
use crate::images::decode::decode_described;
use crate::images::prepare::prepare;
use crate::images::{ContentHash, Geometry, ImageFile, ResizeMode};
use crate::networks::training::draws::Examples;

/// Fewer can't be told from a mistake.
pub const FEWEST_IMAGES: usize = 2;
/// Fewer are learnt by heart.
pub const WORTH_A_WARNING: usize = 200;

/// Images at their size, in the order of their contents.
#[derive(Clone, Debug)]
pub struct Gathered {
    /// Each content once.
    pub examples: Examples,
    /// Files that were listed and could not be decoded, each with the reason.
    pub skipped: Vec<(PathBuf, String)>,
}

/// The side that suits images: the power of two at or below their median shorter side, 32 to 128.
pub fn usual_side(files: &[Arc<ImageFile>]) -> usize {
    let mut sides: Vec<u32> = files
        .iter()
        .map(|file| file.native.width.min(file.native.height))
        .collect();
    sides.sort_unstable();
    let median = sides.get(sides.len() / 2).copied().unwrap_or(32);
    let power = if median == 0 { 1 } else { 1 << median.ilog2() };
    usize::clamp(power, 32, 128)
}

/// Whether files may be of color images, by their headers.
pub fn may_be_color(files: &[Arc<ImageFile>]) -> bool {
    files.iter().any(|file| !file.native.color.starts_with('L'))
}

/// Read all files; where `is_gray_welcome` and all of them turn out gray, they become images of one channel.
///
/// The order of files does not matter: examples are sorted by content, each once.
pub fn gather(
    files: &[Arc<ImageFile>],
    (geometry, fit): (Geometry, ResizeMode),
    is_gray_welcome: bool,
    interrupt: &dyn Interrupt,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Gathered, TrainingError> {
    let sorted: BTreeMap<ContentHash, &Arc<ImageFile>> =
        files.iter().rev().map(|file| (file.hash, file)).collect();
    let num_read = AtomicUsize::new(0);
    let read = |file: &ImageFile| -> Result<Vec<f32>, String> {
        let decoded = decode_described(&file.path, &file.hash)
            .map_err(|error| error.to_string())?
            .ok_or("the file has changed since its folder was listed")?;
        progress(num_read.fetch_add(1, Ordering::Relaxed) + 1);
        Ok(prepare(&decoded, geometry, fit).unit)
    };
    let mut examples = Examples::new(geometry);
    let mut skipped = Vec::new();
    let all: Vec<_> = sorted.into_iter().collect();
    // In pieces: prepared values take twice the memory of examples.
    for piece in all.chunks(1024) {
        let prepared: Vec<Result<Result<Vec<f32>, String>, Interrupted>> = piece
            .par_iter()
            .map(|(_, file)| interrupt.check().map(|()| read(file)))
            .collect();
        for ((hash, file), unit) in piece.iter().zip(prepared) {
            match unit? {
                Ok(unit) => examples.push(*hash, &unit),
                Err(reason) => skipped.push((file.path.clone(), reason)),
            }
        }
    }
    if examples.len() < FEWEST_IMAGES {
        return Err(TrainingError::TooFewImages {
            count: examples.len(),
        });
    }
    if examples.are_identical() {
        return Err(TrainingError::Identical {
            count: examples.len(),
            side: geometry.side,
        });
    }
    if is_gray_welcome && geometry.channels == 3 {
        examples = examples.gray().unwrap_or(examples);
    }
    Ok(Gathered { examples, skipped })
}

/// A hash over all contents: the same images give the same one in any order.
pub fn hash_of(hashes: &[ContentHash]) -> String {
    let mut sorted = hashes.to_vec();
    sorted.sort_unstable();
    let mut sha = Sha256::new();
    for hash in &sorted {
        sha.update(hash.0);
    }
    ContentHash(sha.finalize().into()).to_string()
}

/// The images that no step sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Split {
    /// Watched during training.
    pub monitor: Vec<ContentHash>,
    /// Left alone, for a threshold afterwards.
    pub calibration: Vec<ContentHash>,
}

impl Split {
    /// A twentieth of all, at least 40, at most a quarter; chosen by content, so that an image that is held out stays so
    /// when others are added, and copies fall on one side.
    pub fn new(hashes: &[ContentHash]) -> Self {
        const LEAST: usize = 40;
        /// A twentieth of the range of keys.
        const BELOW: u64 = u64::MAX / 20;
        let key = |hash: &ContentHash| {
            let [a, b, c, d, e, f, g, h, ..] = hash.0;
            u64::from_be_bytes([a, b, c, d, e, f, g, h])
        };
        let mut sorted: Vec<ContentHash> = hashes.to_vec();
        sorted.sort_unstable_by_key(|hash| (key(hash), *hash));
        let num_below = sorted.partition_point(|hash| key(hash) < BELOW);
        let count = num_below.max(LEAST).min(hashes.len() / 4);
        // The halves by another part of the hash.
        let (monitor, calibration) = sorted[..count].iter().partition(|hash| hash.0[16] % 2 == 0);
        Self {
            monitor,
            calibration,
        }
    }

    /// Examples to learn from, and those to watch.
    pub fn apply(&self, examples: &Examples) -> (Examples, Examples) {
        let monitor: HashSet<&ContentHash> = self.monitor.iter().collect();
        let held_out: HashSet<&ContentHash> =
            (self.monitor.iter()).chain(&self.calibration).collect();
        (
            examples.filtered(|hash| !held_out.contains(hash)),
            examples.filtered(|hash| monitor.contains(hash)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(count: u32) -> Vec<ContentHash> {
        (0..count)
            .map(|index| ContentHash(Sha256::digest(index.to_le_bytes()).into()))
            .collect()
    }

    fn held_out(count: u32) -> HashSet<ContentHash> {
        let split = Split::new(&hashes(count));
        split.monitor.into_iter().chain(split.calibration).collect()
    }

    #[test]
    fn a_twentieth_is_held_out_at_least_forty_and_at_most_a_quarter() {
        assert_eq!(held_out(3).len(), 0);
        assert_eq!(held_out(100).len(), 25);
        assert_eq!(held_out(400).len(), 40);
        let many = held_out(20_000).len();
        assert!((900..1100).contains(&many), "{many}");
    }

    #[test]
    fn what_is_held_out_stays_so_when_images_are_added() {
        let (before, after) = (held_out(10_000), held_out(12_000));
        assert!(before.is_subset(&after));
    }

    #[test]
    fn both_halves_have_images_and_share_none() {
        let split = Split::new(&hashes(2000));
        let (monitor, calibration) = (split.monitor.len(), split.calibration.len());
        assert!(
            monitor > 30 && calibration > 30,
            "{monitor} and {calibration}"
        );
        assert!(
            split
                .monitor
                .iter()
                .all(|hash| !split.calibration.contains(hash))
        );
    }

    #[test]
    fn the_hash_of_all_images_does_not_depend_on_their_order() {
        let mut all = hashes(50);
        let hash = hash_of(&all);
        all.reverse();
        assert_eq!(hash, hash_of(&all));
        assert_ne!(hash, hash_of(&all[1..]));
    }
}
