//! What a folder holds to learn from, before a training begins.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::cost::NetworkCost;
use super::data::{self, Split, WORTH_A_WARNING};
use super::request::{Reading, TrainingRequest, check_sources, list};
use super::{TrainingError, memory};
use crate::images::{Geometry, ImageFile, Listing, ResizeMode};
use crate::networks::executors::cpu::Machine;
use crate::networks::training::draws::Examples;
use crate::ood::Aggregate;

/// What is known of the images of some sources.
#[derive(Clone, Debug)]
pub struct Survey {
    /// Files that are images by their headers.
    pub num_files: usize,
    /// Different ones that can be learnt from.
    pub num_images: usize,
    /// Files with the bytes of another one.
    pub num_copies: usize,
    /// Images that look like another one, and two such.
    pub num_alike: usize,
    /// The first pair of those.
    pub alike: Option<(PathBuf, PathBuf)>,
    /// Files that can't be read, each with the reason.
    pub unreadable: Vec<(PathBuf, String)>,
    /// Width and height of the smallest and the largest, by area.
    pub sizes: [(u32, u32); 2],
    /// The shape to train at.
    pub geometry: Geometry,
    /// Images that would be held out.
    pub num_held_out: usize,
    /// What else to know, a sentence each.
    pub notes: Vec<String>,
    /// New networks of that shape.
    pub networks: Vec<NetworkCost>,
}

/// Look at images at the size that suits them, or at another one, and time the machine that would train.
pub fn survey(
    sources: &[PathBuf],
    (side, resize): (Option<usize>, ResizeMode),
    machine: Machine,
    reading: Reading<'_>,
) -> Result<Survey, TrainingError> {
    let guesses = check_sources(sources)?;
    let Listing {
        files,
        mut unreadable,
        notes: listed,
    } = list(sources, reading)?;
    let request = TrainingRequest {
        side,
        resize,
        ..TrainingRequest::new(sources.to_vec(), PathBuf::new())
    };
    let geometry = request.geometry(&files);
    memory::check_images(files.len(), geometry)?;
    let (interrupt, progress) = (reading.interrupt, reading.progress);
    let gathered = data::gather(&files, (geometry, resize), true, interrupt, progress)?;
    let examples = &gathered.examples;
    unreadable.extend(gathered.skipped);
    let alike = alike(examples);
    let path_of = |index: usize| {
        let hash = examples.hashes()[index];
        let file = files.iter().find(|file| file.hash == hash)?;
        Some(file.path.clone())
    };
    let split = Split::new(examples.hashes());
    let by_area =
        |file: &&Arc<ImageFile>| u64::from(file.native.width) * u64::from(file.native.height);
    let size = |file: &Arc<ImageFile>| (file.native.width, file.native.height);
    let (least, most) = (
        files.iter().min_by_key(by_area),
        files.iter().max_by_key(by_area),
    );
    Ok(Survey {
        num_files: files.len(),
        num_images: examples.len(),
        num_copies: copies(&files),
        num_alike: alike.len(),
        alike: alike
            .first()
            .and_then(|&(index, like)| Some((path_of(index)?, path_of(like)?))),
        unreadable,
        sizes: [least, most].map(|file| file.map_or((0, 0), size)),
        geometry: examples.geometry(),
        num_held_out: split.monitor.len() + split.calibration.len(),
        notes: [guesses, listed, notes(&files, examples)].concat(),
        networks: NetworkCost::all(examples, machine, interrupt)?,
    })
}

fn copies(files: &[Arc<ImageFile>]) -> usize {
    let mut hashes: Vec<_> = files.iter().map(|file| file.hash).collect();
    hashes.sort_unstable();
    let before = hashes.len();
    hashes.dedup();
    before - hashes.len()
}

/// What to know of images that are to be learnt, a sentence each.
pub(super) fn notes(files: &[Arc<ImageFile>], examples: &Examples) -> Vec<String> {
    let side = examples.geometry().side;
    let mut notes = Vec::new();
    if examples.len() < WORTH_A_WARNING {
        notes.push(format!(
            "{} images are few: a model may learn them by heart; {WORTH_A_WARNING} and more are better",
            examples.len()
        ));
    }
    let is_small =
        |file: &&Arc<ImageFile>| 2 * file.native.width.min(file.native.height) as usize <= side;
    let small = files.iter().filter(is_small).count();
    if small > 0 {
        notes.push(format!(
            "{small} of {} images have half of {side} pixels a side or fewer and are enlarged to it: the model learns their \
             blur",
            files.len()
        ));
    }
    if is_noise(examples) {
        notes.push(
            "the images look like random noise, since pixels beside each other have hardly anything in common: is this the \
             right folder?"
                .to_owned(),
        );
    }
    notes
}

/// Images that look like an earlier one, with that one: nearly the same values, which differing files may hold.
///
/// Candidates have the same 64 bits of "brighter than the image's mean", one a field of 8 by 8.
fn alike(examples: &Examples) -> Vec<(usize, usize)> {
    /// Of an image's many look-alikes it is enough to know some.
    const MOST_COMPARED: usize = 32;
    /// Mean difference, of white.
    const NEAR: f64 = 0.01;
    let mut firsts: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut found = Vec::new();
    for index in 0..examples.len() {
        let image = examples.levels(index);
        let known = firsts.entry(average_hash(examples, index)).or_default();
        let is_near = |&&other: &&usize| {
            let differences = image.iter().zip(examples.levels(other));
            let sum: f64 = differences.map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
            sum <= NEAR * f64::from(u16::MAX) * image.len() as f64
        };
        match known.iter().take(MOST_COMPARED).find(is_near) {
            Some(&like) => found.push((index, like)),
            None => known.push(index),
        }
    }
    found
}

fn average_hash(examples: &Examples, index: usize) -> u64 {
    const FIELDS: usize = 8;
    let Geometry { channels, side } = examples.geometry();
    let mut sums = [0_u64; FIELDS * FIELDS];
    let mut counts = [0_u64; FIELDS * FIELDS];
    for (at, level) in examples.levels(index).iter().enumerate() {
        let (y, x) = (at / channels / side, at / channels % side);
        let field = y * FIELDS / side * FIELDS + x * FIELDS / side;
        sums[field] += u64::from(*level);
        counts[field] += 1;
    }
    let (sum, count): (u64, u64) = (sums.iter().sum(), counts.iter().sum());
    let is_bright = |(sum_here, count_here): (&u64, &u64)| sum_here * count > sum * count_here;
    let fields = sums.iter().zip(&counts).enumerate();
    fields.fold(0, |hash, (field, counted)| {
        hash | u64::from(is_bright(counted)) << field
    })
}

/// Whether pixels say nothing of their neighbors. Of photos, drawings and digits they say most; noise that was made smaller
/// has a correlation of a quarter by the resizing alone.
fn is_noise(examples: &Examples) -> bool {
    /// Images that are looked at.
    const MOST: usize = 500;
    const LEAST_CORRELATION: f64 = 0.3;
    let Geometry { channels, side } = examples.geometry();
    let correlation = |index: usize| {
        let image = examples.levels(index);
        let mean = image.iter().map(|v| f64::from(*v)).sum::<f64>() / image.len() as f64;
        let (mut products, mut squares) = (0.0, 0.0);
        for row in image.chunks_exact(side * channels) {
            for (left, right) in row.iter().zip(&row[channels..]) {
                let (left, right) = (f64::from(*left) - mean, f64::from(*right) - mean);
                products += left * right;
                squares += 0.5 * (left * left + right * right);
            }
        }
        (squares > 0.0).then(|| products / squares)
    };
    let indices = 0..examples.len().min(MOST);
    let correlations: Vec<f64> = indices.filter_map(correlation).collect();
    let median = Aggregate::Median.score(&correlations);
    median.is_some_and(|median| median < LEAST_CORRELATION)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::ContentHash;
    use crate::ood::random::SplitMix64;

    const GEOMETRY: Geometry = Geometry {
        channels: 1,
        side: 16,
    };

    fn examples(images: impl IntoIterator<Item = Vec<f32>>) -> Examples {
        let mut examples = Examples::new(GEOMETRY);
        for (index, image) in images.into_iter().enumerate() {
            examples.push(ContentHash([index as u8; 32]), &image);
        }
        examples
    }

    /// A slope toward one side.
    fn slope(direction: usize) -> Vec<f32> {
        (0..GEOMETRY.len())
            .map(|at| {
                let (y, x) = ((at / 16) as f32 / 15.0, (at % 16) as f32 / 15.0);
                [x, y, 1.0 - x, 1.0 - y][direction]
            })
            .collect()
    }

    #[test]
    fn images_that_look_the_same_are_found_and_others_are_not() {
        let nearly: Vec<f32> = slope(0).iter().map(|value| value * 0.995).collect();
        let brighter: Vec<f32> = slope(0).iter().map(|value| 0.5 + 0.5 * value).collect();
        let images = [slope(0), slope(1), nearly, slope(2), brighter, slope(1)];
        assert_eq!(alike(&examples(images)), [(2, 0), (5, 1)]);
    }

    #[test]
    fn noise_is_told_from_pictures() {
        let mut random = SplitMix64::new(1);
        let noise = (0..8).map(|_| {
            (0..GEOMETRY.len())
                .map(|_| random.below(1 << 24) as f32 / (1 << 24) as f32)
                .collect()
        });
        assert!(is_noise(&examples(noise)));
        assert!(!is_noise(&examples((0..4).map(slope))));
        assert!(
            !is_noise(&examples([vec![0.5; GEOMETRY.len()]])),
            "no noise"
        );
    }
}
