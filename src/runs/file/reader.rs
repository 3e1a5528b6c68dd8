//! Reading a run file: what matches its checksum is taken, all else is listed and left out.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _};

use super::database;
use super::error::FileError;
use super::manifest::{Manifest, Segment};
use super::rows::numbered_checksum;
use super::summary;
use super::tables::{self, Damage, Pictures};
use super::values;
use crate::detectors::lmd::masks::Masks;
use crate::images::Geometry;
use crate::ood::KnownMask;
use crate::runs::results::{AttemptResult, RunImage};
use crate::runs::settings::unknown_field;

/// Most images, attempts per image, and pixels per side, of a file that is believed.
const MOST: usize = 1 << 24;
const LARGEST_SIDE: usize = 4096;
/// A row of an image takes more bytes than this.
const FEWEST_ROW_BYTES: u64 = 64;
/// Work and memory for masks that are drawn for each attempt, in values; past it attempts are read without theirs.
const MASK_BUDGET: usize = 1 << 30;

/// One image of a stored run.
#[derive(Clone, Debug)]
pub struct StoredImage {
    /// Its place in the list that the run, or all shards of it, were made from.
    pub position: usize,
    /// Whether its row was whole; if not, the image is a stand-in without attempts.
    pub is_whole: bool,
    /// The prepared original as PNG, once there was one.
    pub original_png: Option<Vec<u8>>,
}

/// How an attempt came about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Effort {
    /// Its share of its batch's time.
    pub seconds: f64,
    /// The number of the segment of work.
    pub segment: i64,
}

/// A run as it was read.
#[derive(Debug)]
pub struct StoredRun {
    pub path: PathBuf,
    /// What it was made of.
    pub manifest: Manifest,
    pub images: Arc<[RunImage]>,
    /// What else is kept of each image.
    pub stored_images: Vec<StoredImage>,
    /// The attempts, by image and attempt.
    pub results: Vec<AttemptResult>,
    /// How each of `results` came about.
    pub efforts: Vec<Effort>,
    /// The mask file at the model's size, where that is the mask.
    pub mask_luma: Vec<u8>,
    /// What was told while it ran.
    pub notices: Vec<String>,
    /// When and where it was worked on, by the numbers that `efforts` name.
    pub segments: Vec<(i64, Segment)>,
    /// What does not match its checksum and was left out, a sentence each.
    pub damage: Vec<String>,
    /// Whether the database itself, not just rows of it, is damaged.
    pub is_structure_damaged: bool,
}

impl StoredRun {
    /// Whether every attempt of every image is there, those included that could not be read when the run ended: their files
    /// may be readable by now.
    pub fn has_every_attempt(&self) -> bool {
        self.results.len()
            >= self.images.len() * self.manifest.settings().method.detector.num_attempts()
    }

    /// Whether every attempt is there of every image that could be read.
    pub fn is_finished(&self) -> bool {
        self.num_missing() == 0
    }

    /// Attempts that are not there, but for those of images that could not be read.
    pub fn num_missing(&self) -> usize {
        summary::num_missing(
            self.results.len(),
            self.images.len(),
            summary::num_left_out(&self.notices),
            self.manifest.settings().method.detector.num_attempts(),
        )
    }

    /// What it is made of, without its attempts and pictures: of many runs these do not fit into memory.
    pub fn without_attempts(mut self) -> Self {
        (self.results, self.efforts) = (Vec::new(), Vec::new());
        for image in &mut self.stored_images {
            image.original_png = None;
        }
        self
    }

    /// What a reader of its scores must know of a run that is not finished.
    pub fn what_is_missing(&self) -> Option<String> {
        let num_missing = self.num_missing();
        (num_missing > 0).then(|| {
            let num_all = self.results.len() + num_missing;
            format!(
                "the run is not finished: {num_missing} of {num_all} attempts are missing, and all figures are of those that \
                 are there"
            )
        })
    }
}

/// Read a run without writing to it or its folder.
pub fn read(path: &Path) -> Result<StoredRun, FileError> {
    let opened = database::open_to_read(path)?;
    load(&opened.connection, path, opened.damage)
}

/// Read everything through an open connection; `lost` is what is known to be missing.
pub(super) fn load(
    connection: &Connection,
    path: &Path,
    lost: Vec<String>,
) -> Result<StoredRun, FileError> {
    let damaged = |reason: String| FileError::Damaged {
        reason,
        path: path.to_owned(),
    };
    let mut damage = Damage::new(lost);
    let structure = check_structure(connection);
    let is_structure_damaged = !structure.is_empty();
    for finding in structure {
        damage.add(format!("the database says: {finding}"));
    }

    let manifest = manifest(connection).map_err(damaged)?;
    let geometry = manifest.model.geometry;
    let settings = manifest.settings();
    if !is_believable(&manifest, num_bytes(connection)) {
        return Err(damaged("its manifest asks for the impossible".to_owned()));
    }
    let detector = &settings.method.detector;
    let mask_luma =
        mask_luma(connection, detector.mask_file().is_some(), geometry).map_err(damaged)?;
    let masks = detector
        .stored_masks(geometry, settings.method.seed, mask_luma.clone())
        .map_err(|error| damaged(error.to_string()))?;

    let (images, mut stored_images) = tables::images(connection, &manifest, &mut damage);
    let attempt_masks = AttemptMasks {
        num_drawn: 0,
        masks,
    };
    let (results, efforts) = attempts(
        connection,
        (&manifest, None),
        (&images, &mut stored_images),
        attempt_masks,
        &mut damage,
    );
    let notices = tables::texts(connection, "notices", "message", &mut damage)
        .into_iter()
        .map(|(_, message)| message)
        .collect();
    let segments = tables::texts(connection, "stretches", "json", &mut damage)
        .into_iter()
        .filter_map(|(id, json)| Some((id, serde_json::from_str(&json).ok()?)))
        .collect();
    Ok(StoredRun {
        path: path.to_owned(),
        manifest,
        images: images.into(),
        stored_images,
        results,
        efforts,
        mask_luma,
        notices,
        segments,
        damage: damage.finish(),
        is_structure_damaged,
    })
}

/// The attempts on some of a run's images, as they are in its file now, with their pictures: of a run of any size, not all
/// of which fit into memory. Masks are left out. `stored` is of all images of
/// the run, without pictures before and after.
pub(super) fn part(
    connection: &Connection,
    run: &StoredRun,
    of: &Range<usize>,
    stored: &mut [StoredImage],
    damage: &mut Damage,
) -> (Vec<AttemptResult>, Vec<Effort>) {
    let no_masks = AttemptMasks {
        num_drawn: 0,
        masks: None,
    };
    let found = attempts(
        connection,
        (&run.manifest, Some(of)),
        (&run.images, &mut *stored),
        no_masks,
        damage,
    );
    // Each part has its own, or they would all be in memory at the end.
    for image in &mut stored[of.clone()] {
        image.original_png = None;
    }
    found
}

/// The attempts on these images, or on all, and how they came about.
fn attempts(
    connection: &Connection,
    (manifest, of): (&Manifest, Option<&Range<usize>>),
    (images, stored): (&[RunImage], &mut [StoredImage]),
    mut masks: AttemptMasks,
    damage: &mut Damage,
) -> (Vec<AttemptResult>, Vec<Effort>) {
    let mut pictures = Pictures::new(manifest.model.geometry);
    let originals = tables::originals(connection, of, stored, &mut pictures, damage);
    let num_attempts = manifest.settings().method.detector.num_attempts();
    let attempts = tables::attempts(
        connection,
        of,
        stored,
        &manifest.measures,
        num_attempts,
        damage,
    );
    let mut inpainted = tables::inpainted(connection, of, &attempts, &mut pictures, damage);
    let efforts = attempts
        .values()
        .map(|row| Effort {
            seconds: row.seconds,
            segment: row.segment,
        })
        .collect();
    let results = attempts
        .iter()
        .map(|(&(image, attempt), row)| AttemptResult {
            image,
            attempt,
            values: row.values.clone(),
            known_mask: masks.next(&images[image], attempt),
            original: pictures.original(originals.get(&image)),
            statistics: originals.get(&image).map(|original| original.statistics),
            inpainted: inpainted.remove(&(image, attempt)),
        })
        .collect();
    (results, efforts)
}

/// The masks of the attempts, as far as the budget goes.
struct AttemptMasks {
    masks: Option<Masks>,
    num_drawn: usize,
}

impl AttemptMasks {
    fn next(&mut self, image: &RunImage, attempt: usize) -> Option<Arc<KnownMask>> {
        let masks = self.masks.as_ref()?;
        self.num_drawn += usize::from(masks.are_drawn());
        if self.num_drawn * masks.work() > MASK_BUDGET {
            return None;
        }
        // Checked when the masks were made.
        masks.known_mask(&image.file.hash, attempt).ok()
    }
}

/// Size of the database; 0 where that can't be read.
pub(super) fn num_bytes(connection: &Connection) -> u64 {
    let pragma = |name: &str| {
        let value = connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        value.map_or(0, i64::unsigned_abs)
    };
    pragma("page_count").saturating_mul(pragma("page_size"))
}

/// A stranger's manifest must not make this program reserve all memory.
pub(super) fn is_believable(manifest: &Manifest, num_bytes: u64) -> bool {
    let geometry = manifest.model.geometry;
    let settings = manifest.settings();
    manifest.num_images <= MOST
        && manifest.num_images as u64 <= num_bytes / FEWEST_ROW_BYTES
        && settings.method.detector.is_believable()
        && (1..=LARGEST_SIDE).contains(&geometry.side)
        && [1, 3].contains(&geometry.channels)
        && (manifest.shard)
            .is_none_or(|shard| shard.count <= MOST && (1..=shard.count).contains(&shard.index))
}

fn check_structure(connection: &Connection) -> Vec<String> {
    let findings = connection
        .prepare("PRAGMA quick_check(10)")
        .and_then(|mut statement| {
            statement
                .query_map([], |row| row.get::<_, String>(0))
                .and_then(Iterator::collect::<rusqlite::Result<Vec<_>>>)
        });
    match findings {
        Ok(findings) => findings
            .into_iter()
            .filter(|finding| finding != "ok")
            .collect(),
        Err(error) => vec![error.to_string()],
    }
}

pub(super) fn manifest(connection: &Connection) -> Result<Manifest, String> {
    let row = connection
        .query_row("SELECT json, checksum FROM manifest", [], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
        .map_err(|error| format!("its manifest can't be read: {error}"))?;
    if row.1 != numbered_checksum("manifest", 1, row.0.as_bytes()) {
        return Err(
            "its manifest does not match its checksum, so nothing says what its numbers mean"
                .to_owned(),
        );
    }
    let manifest: Manifest = serde_json::from_str(&row.0).map_err(|error| {
        unknown_field(&error).map_or_else(
            || format!("its manifest can't be read: {error}"),
            |name| {
                format!(
                    "its manifest says something that this version of LMD Inspector does not know and that may change its \
                     numbers, `{name}`; open it with a later version"
                )
            },
        )
    })?;
    if !values::is_plausible(&manifest.measures) {
        return Err("its list of measures can't be meant".to_owned());
    }
    Ok(manifest)
}

fn mask_luma(
    connection: &Connection,
    has_file: bool,
    geometry: Geometry,
) -> Result<Vec<u8>, String> {
    if !has_file {
        return Ok(Vec::new());
    }
    let row = connection
        .query_row("SELECT luma, checksum FROM mask", [], |row| {
            Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?))
        })
        .optional()
        .map_err(|error| format!("its mask can't be read: {error}"))?;
    match row {
        Some((luma, checksum))
            if luma.len() == geometry.pixels()
                && checksum == numbered_checksum("mask", 1, &luma) =>
        {
            Ok(luma)
        }
        _ => Err("its mask does not match its checksum".to_owned()),
    }
}
