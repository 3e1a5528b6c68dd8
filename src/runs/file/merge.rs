//! Joining runs of the same model and settings over different images, e.g. the shards of a list.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::database;
use super::error::FileError;
use super::manifest::{KeepPictures, Manifest, Shard};
use super::reader::{self, Effort, StoredRun};
use super::tables::{self, Damage};
use super::writer;
use crate::images::duplicates::TwoRoles;
use crate::images::write::is_same_file;
use crate::ood::Role;
use crate::runs::results::{AttemptResult, RunImage};

/// Bytes of pictures that are held at once where nothing else is asked for.
pub const MEMORY: usize = 64 << 20;

/// Why runs can't be joined.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// Nothing to join.
    #[error("there is no run to merge")]
    Nothing,
    /// Their scores are not comparable.
    #[error("the runs can't be merged: {reason}: {} and {}", first.display(), other.display())]
    Different {
        /// How they differ.
        reason: String,
        /// The first run.
        first: PathBuf,
        /// The one that does not fit it.
        other: PathBuf,
    },
    /// The target is one of the runs.
    #[error("a run can't be merged into itself; choose another --output: {}", path.display())]
    Input {
        /// The target.
        path: PathBuf,
    },
    /// The target.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Join runs into a new file; returns what a reader should know, a sentence each. The file appears whole: until then what
/// is in its place stays as it is.
///
/// The attempts of the runs are read from their files, images of about `memory` bytes of pictures at a time ([`MEMORY`] will
/// do), so that runs of any size and number are joined; `runs` may be [`without_attempts`](StoredRun::without_attempts).
///
/// Shards of one list come out in the list's order, as one process would have scored it; other runs one after the
/// other. An image that several runs hold is kept once, with the attempts of the first that has them.
pub fn merge(
    runs: &[StoredRun],
    target: &Path,
    may_overwrite: bool,
    memory: usize,
) -> Result<Vec<String>, MergeError> {
    let first = check(runs, target)?;
    let caveats: BTreeSet<String> = (runs[1..].iter())
        .filter_map(|other| {
            let then = &first.manifest.model.identity;
            then.compare(&other.manifest.model.identity).caveat()
        })
        .collect();
    let joined = Joined::new(runs)?;
    let manifest = joined_manifest(runs, joined.images.len());
    let mut notes = joined.notes;
    notes.extend(caveats);
    notes.extend(missing_shards(runs));
    let mut writer = writer::draft(
        target,
        &manifest,
        &joined.images,
        &first.mask_luma,
        may_overwrite,
    )?;
    let mut done = HashSet::new();
    let mut num_again = 0;
    for (run, ids) in runs.iter().zip(&joined.ids) {
        let mut numbers = HashMap::new();
        for (number, segment) in &run.segments {
            numbers.insert(*number, writer.add_segment(segment)?);
        }
        let opened = database::open_to_read(&run.path)?;
        let mut damage = Damage::default();
        let (now, _) = tables::images(&opened.connection, &run.manifest, &mut damage);
        if now != *run.images {
            return Err(different(
                "the second one has changed meanwhile".to_owned(),
                first,
                run,
            ));
        }
        let at_once = images_at_once(run, memory);
        let mut stored = run.stored_images.clone();
        for start in (0..run.images.len()).step_by(at_once) {
            let of = start..(start + at_once).min(run.images.len());
            let (results, efforts) =
                reader::part(&opened.connection, run, &of, &mut stored, &mut damage);
            let (batch, efforts): (Vec<AttemptResult>, Vec<Effort>) = (results.into_iter())
                .zip(efforts)
                .filter_map(|(mut result, effort)| {
                    result.image = ids[result.image]?;
                    let segment = numbers.get(&effort.segment).copied().unwrap_or(0);
                    Some((result, Effort { segment, ..effort }))
                })
                .filter(|(result, _)| {
                    let is_new = done.insert((result.image, result.attempt));
                    num_again += usize::from(!is_new);
                    is_new
                })
                .unzip();
            writer.append_made(&batch, &efforts)?;
        }
        for notice in run.notices.iter().chain(&run.damage) {
            writer.add_notice(notice)?;
        }
        notes.extend(
            (run.damage.iter()).map(|sentence| format!("{sentence}: {}", run.path.display())),
        );
    }
    if num_again > 0 {
        notes.push(format!(
            "{num_again} attempts are in several of the runs; the first run's are kept"
        ));
    }
    for note in &notes {
        writer.add_notice(note)?;
    }
    writer.finish()?;
    Ok(notes)
}

/// The first run, once all fit it and none is the target.
fn check<'a>(runs: &'a [StoredRun], target: &Path) -> Result<&'a StoredRun, MergeError> {
    let first = runs.first().ok_or(MergeError::Nothing)?;
    for other in &runs[1..] {
        let mask = (first.mask_luma != other.mask_luma)
            .then(|| "the settings differ: the mask image".to_owned());
        if let Some(reason) = first.manifest.difference(&other.manifest).or(mask) {
            return Err(different(reason, first, other));
        }
    }
    for run in runs {
        if is_same_file(&run.path, target) {
            return Err(MergeError::Input {
                path: target.to_owned(),
            });
        }
    }
    Ok(first)
}

/// Images whose pictures take about so many bytes.
fn images_at_once(run: &StoredRun, memory: usize) -> usize {
    let num_results = run.manifest.settings().method.detector.num_results();
    let each = run.manifest.model.geometry.len() * (1 + num_results);
    (memory / each.max(1)).max(1)
}

fn different(reason: String, first: &StoredRun, other: &StoredRun) -> MergeError {
    MergeError::Different {
        reason,
        first: first.path.clone(),
        other: other.path.clone(),
    }
}

/// The images of all runs.
struct Joined {
    /// With their places in the common list.
    images: Vec<(RunImage, usize)>,
    /// For each run, the new number of each of its images; none where the image's row is damaged.
    ids: Vec<Vec<Option<usize>>>,
    notes: Vec<String>,
}

impl Joined {
    fn new(runs: &[StoredRun]) -> Result<Self, MergeError> {
        let is_one_list = shards_of_one_list(runs).is_some();
        // (place, run, image)
        let mut order: Vec<(usize, usize, usize)> = Vec::new();
        let mut num_before = 0;
        for (run_index, run) in runs.iter().enumerate() {
            for (id, stored) in run.stored_images.iter().enumerate() {
                if stored.is_whole {
                    let place = if is_one_list {
                        stored.position
                    } else {
                        num_before + id
                    };
                    order.push((place, run_index, id));
                }
            }
            num_before += run.images.len();
        }
        order.sort_unstable();

        let mut ids: Vec<Vec<Option<usize>>> = runs
            .iter()
            .map(|run| vec![None; run.images.len()])
            .collect();
        let mut known: HashMap<(Role, &Path), (usize, usize)> = HashMap::new();
        let mut images: Vec<(RunImage, usize)> = Vec::new();
        for (place, run_index, id) in order {
            let run = &runs[run_index];
            let image = &run.images[id];
            let key = (image.role, image.file.path.as_path());
            let new_id = match known.get(&key) {
                None => {
                    images.push((image.clone(), place));
                    known.insert(key, (images.len() - 1, run_index));
                    images.len() - 1
                }
                Some(&(known_id, known_run)) => {
                    if images[known_id].0.file.hash != image.file.hash {
                        let reason = format!(
                            "an image file had other content in the two: {}",
                            image.file.path.display()
                        );
                        return Err(different(reason, &runs[known_run], run));
                    }
                    known_id
                }
            };
            ids[run_index][id] = Some(new_id);
        }
        let num_duplicates = ids.iter().flatten().filter(|id| id.is_some()).count() - images.len();
        let in_several = (num_duplicates > 0).then(|| {
            format!("{num_duplicates} images are in several of the runs and are kept once")
        });
        let listed = images.iter().map(|(image, _)| (image.role, &*image.file));
        let two_roles = TwoRoles::find(listed).map(|shared| shared.to_string());
        let notes = (in_several.into_iter())
            .chain(two_roles)
            .chain(copies(&images))
            .collect();
        Ok(Self { images, ids, notes })
    }
}

/// Images of different names and one content in one role: each would count for itself in every figure.
fn copies(images: &[(RunImage, usize)]) -> Option<String> {
    let known = images
        .iter()
        .filter(|(image, _)| image.role != Role::Unknown);
    let mut contents = HashSet::new();
    let num_copies = known
        .filter(|(image, _)| !contents.insert((image.role, image.file.hash)))
        .count();
    (num_copies > 0).then(|| {
        format!(
            "{num_copies} images have the content of another one in their role and are counted beside it, so that intervals \
             are too narrow; `lmd calibrate --run` counts each content once"
        )
    })
}

/// The number of shards, where all runs are shards of the same list.
fn shards_of_one_list(runs: &[StoredRun]) -> Option<usize> {
    let first = &runs.first()?.manifest;
    let count = first.shard?.count;
    runs.iter()
        .all(|run| {
            run.manifest.folders == first.folders
                && run.manifest.settings().selection.limit == first.settings().selection.limit
                && run.manifest.shard.is_some_and(|shard| shard.count == count)
        })
        .then_some(count)
}

fn missing_shards(runs: &[StoredRun]) -> Option<String> {
    let count = shards_of_one_list(runs)?;
    let present: BTreeSet<usize> = (runs.iter())
        .filter_map(|run| run.manifest.shard.map(|shard: Shard| shard.index))
        .collect();
    let missing: Vec<String> = (1..=count)
        .filter(|index| !present.contains(index))
        .map(|index| index.to_string())
        .collect();
    (!missing.is_empty()).then(|| {
        format!(
            "shards of the list are missing: {} of {count}",
            missing.join(", ")
        )
    })
}

fn joined_manifest(runs: &[StoredRun], num_images: usize) -> Manifest {
    let is_one_list = shards_of_one_list(runs).is_some();
    let mut manifest = runs[0].manifest.clone();
    env!("CARGO_PKG_VERSION").clone_into(&mut manifest.app_version);
    manifest.created = jiff::Timestamp::now().to_string();
    manifest.shard = None;
    manifest.has_report_beside = false;
    manifest.num_images = num_images;
    for run in &runs[1..] {
        let other = &run.manifest;
        // Each shard has looked at the whole list.
        if is_one_list {
            manifest.num_skipped = manifest.num_skipped.max(other.num_skipped);
        } else {
            manifest.num_skipped += other.num_skipped;
        }
        if manifest.keep_pictures != other.keep_pictures {
            manifest.keep_pictures = KeepPictures::All;
        }
        for folder in &other.folders {
            if !manifest.folders.contains(folder) {
                manifest.folders.push(folder.clone());
            }
        }
    }
    manifest
}
