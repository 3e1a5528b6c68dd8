//! Reading a run file: what matches its checksum is taken, all else is listed and left out.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension as _, Row};
use sha2::{Digest as _, Sha256};

use super::database;
use super::error::FileError;
use super::manifest::{Manifest, Stretch};
use super::rows::{AttemptRow, ImageRow, numbered_checksum, picture_checksum};
use crate::images::decode::decode_bytes;
use crate::images::prepare::thumbnail;
use crate::images::{ContentHash, Geometry, ImageFile, NativeInfo, Picture};
use crate::ood::{MaskKind, Role};
use crate::runs::masks::Masks;
use crate::runs::report::path_from_text;
use crate::runs::results::{AttemptResult, RunImage};

/// Most images, attempts an image, and pixels a side, of a file that is believed.
const MOST: usize = 1 << 24;
const LARGEST_SIDE: usize = 4096;
/// Memory for pictures, in bytes; past it they stay in the file.
const PICTURE_BUDGET: usize = 1 << 30;
/// Damage is listed this far; the rest is counted.
const MOST_LISTED: usize = 100;

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

/// A run as it was read.
#[derive(Debug)]
pub struct StoredRun {
    /// The file.
    pub path: PathBuf,
    /// What it was made of.
    pub manifest: Manifest,
    /// The images.
    pub images: Arc<[RunImage]>,
    /// What else is kept of each image.
    pub stored_images: Vec<StoredImage>,
    /// The attempts, by image and attempt.
    pub results: Vec<AttemptResult>,
    /// The seconds of each attempt, as `results`.
    pub attempt_seconds: Vec<f64>,
    /// The mask file at the model's size, where that is the mask.
    pub mask_luma: Vec<u8>,
    /// What was told while it ran.
    pub notices: Vec<String>,
    /// When and where it was worked on.
    pub stretches: Vec<Stretch>,
    /// What does not match its checksum and was left out, a sentence each.
    pub damage: Vec<String>,
    /// Whether the database itself, not just rows of it, is damaged.
    pub is_structure_damaged: bool,
}

impl StoredRun {
    /// Whether every attempt of every image is there.
    pub fn is_finished(&self) -> bool {
        self.results.len() >= self.images.len() * self.manifest.settings().num_attempts
    }
}

/// Read a run without writing to it or its folder.
pub fn read(path: &Path) -> Result<StoredRun, FileError> {
    let opened = database::open_to_read(path)?;
    load(&opened.connection, path)
}

/// Read everything through an open connection.
pub(super) fn load(connection: &Connection, path: &Path) -> Result<StoredRun, FileError> {
    let damaged = |reason: String| FileError::Damaged {
        reason,
        path: path.to_owned(),
    };
    let mut damage = Damage::default();
    let structure = check_structure(connection);
    let is_structure_damaged = !structure.is_empty();
    for finding in structure {
        damage.add(format!("the database says: {finding}"));
    }

    let manifest = manifest(connection).map_err(damaged)?;
    let geometry = manifest.model.geometry;
    let settings = manifest.settings();
    let is_believable = manifest.num_images <= MOST
        && settings.num_attempts <= MOST
        && (1..=LARGEST_SIDE).contains(&geometry.side)
        && [1, 3].contains(&geometry.channels)
        && settings.grid <= LARGEST_SIDE;
    if !is_believable {
        return Err(damaged("its manifest asks for the impossible".to_owned()));
    }
    let mask_luma = mask_luma(connection, &settings.mask, geometry).map_err(damaged)?;
    let masks = match settings.lift {
        crate::runs::Lift::Inpaint => Some(
            Masks::stored(&settings, geometry, mask_luma.clone())
                .map_err(|error| damaged(error.to_string()))?,
        ),
        crate::runs::Lift::Denoise { .. } => None,
    };

    let (images, mut stored_images) = images(connection, &manifest, &mut damage);
    let mut pictures = Pictures {
        geometry,
        room: PICTURE_BUDGET,
        blank: Picture::from_unit(geometry, &vec![0.5; geometry.len()]),
    };
    let originals = originals(connection, &mut stored_images, &mut pictures, &mut damage);
    let attempts = attempts(
        connection,
        &stored_images,
        settings.num_attempts,
        &mut damage,
    );
    let mut inpainted = inpainted(connection, &attempts, &mut pictures, &mut damage);
    let attempt_seconds = attempts.values().map(|row| row.seconds).collect();
    let results = attempts
        .iter()
        .map(|(&(image, attempt), row)| AttemptResult {
            image,
            attempt,
            distances: row.distances(),
            known_mask: masks.as_ref().and_then(|masks| {
                let mask = masks.known_mask(&images[image].file.hash, attempt);
                mask.ok().map(Arc::new) // Checked when the masks were made.
            }),
            original: originals.get(&image).unwrap_or(&pictures.blank).clone(),
            inpainted: inpainted.remove(&(image, attempt)),
        })
        .collect();
    let notices = texts(connection, "notices", "message", &mut damage);
    let stretches = texts(connection, "stretches", "json", &mut damage)
        .iter()
        .filter_map(|json| serde_json::from_str(json).ok()) // A later program's stretch may say more.
        .collect();
    Ok(StoredRun {
        path: path.to_owned(),
        manifest,
        images: images.into(),
        stored_images,
        results,
        attempt_seconds,
        mask_luma,
        notices,
        stretches,
        damage: damage.finish(),
        is_structure_damaged,
    })
}

/// What is left out, a sentence each.
#[derive(Default)]
struct Damage {
    listed: Vec<String>,
    num_more: usize,
}

impl Damage {
    fn add(&mut self, sentence: String) {
        if self.listed.len() < MOST_LISTED {
            self.listed.push(sentence);
        } else {
            self.num_more += 1;
        }
    }

    fn finish(mut self) -> Vec<String> {
        if self.num_more > 0 {
            self.listed
                .push(format!("{} more rows are left out", self.num_more));
        }
        self.listed
    }
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

fn manifest(connection: &Connection) -> Result<Manifest, String> {
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
    serde_json::from_str(&row.0).map_err(|error| format!("its manifest can't be read: {error}"))
}

fn mask_luma(
    connection: &Connection,
    mask: &MaskKind,
    geometry: Geometry,
) -> Result<Vec<u8>, String> {
    if !matches!(mask, MaskKind::File(_)) {
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

/// Go through a table; a row that can't be read ends it, and what is behind that row is lost.
fn each_row<T>(
    connection: &Connection,
    sql: &str,
    damage: &mut Damage,
    what: &str,
    mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    mut take: impl FnMut(T, &mut Damage),
) {
    let mut statement = match connection.prepare(sql) {
        Ok(statement) => statement,
        Err(error) => return damage.add(format!("the {what} can't be read: {error}")),
    };
    let mut rows = match statement.query([]) {
        Ok(rows) => rows,
        Err(error) => return damage.add(format!("the {what} can't be read: {error}")),
    };
    loop {
        match rows.next() {
            Ok(None) => return,
            Ok(Some(row)) => match read(row) {
                Ok(value) => take(value, damage),
                Err(error) => damage.add(format!("one of the {what} is left out: {error}")),
            },
            Err(error) => {
                return damage.add(format!("a part of the {what} can't be read: {error}"));
            }
        }
    }
}

fn images(
    connection: &Connection,
    manifest: &Manifest,
    damage: &mut Damage,
) -> (Vec<RunImage>, Vec<StoredImage>) {
    let mut found: BTreeMap<usize, (RunImage, usize)> = BTreeMap::new();
    let mut folders: HashMap<String, Arc<PathBuf>> = HashMap::new();
    each_row(
        connection,
        "SELECT id, position, path, folder, role, content, native, checksum FROM images",
        damage,
        "images",
        |row| {
            let image = ImageRow {
                id: row.get(0)?,
                position: row.get(1)?,
                path: row.get(2)?,
                folder: row.get(3)?,
                role: row.get(4)?,
                content: row.get(5)?,
                native: row.get(6)?,
            };
            Ok((image, row.get::<_, Vec<u8>>(7)?))
        },
        |(row, checksum), damage| {
            let id = usize::try_from(row.id).unwrap_or(usize::MAX);
            let image = (checksum == row.checksum() && id < manifest.num_images)
                .then(|| run_image(&row, &mut folders))
                .flatten();
            match (image, usize::try_from(row.position)) {
                (Some(image), Ok(position)) => {
                    found.insert(id, (image, position));
                }
                _ => damage.add(format!(
                    "image {} does not match its checksum; it is left out with its attempts",
                    row.id
                )),
            }
        },
    );
    let missing = manifest.num_images - found.len();
    if missing > 0 {
        damage.add(format!(
            "{missing} of the {} images are missing or left out",
            manifest.num_images
        ));
    }
    let stored = (0..manifest.num_images)
        .map(|id| StoredImage {
            position: found.get(&id).map_or(id, |(_, position)| *position),
            is_whole: found.contains_key(&id),
            original_png: None,
        })
        .collect();
    let images = (0..manifest.num_images)
        .map(|id| found.remove(&id).map_or_else(stand_in, |(image, _)| image))
        .collect();
    (images, stored)
}

fn run_image(row: &ImageRow, folders: &mut HashMap<String, Arc<PathBuf>>) -> Option<RunImage> {
    let role = Role::ALL.into_iter().find(|role| role.name() == row.role)?;
    let folder = folders
        .entry(row.folder.clone())
        .or_insert_with(|| Arc::new(path_from_text(&row.folder)));
    Some(RunImage {
        file: Arc::new(ImageFile {
            path: path_from_text(&row.path),
            hash: ContentHash(row.content.as_slice().try_into().ok()?),
            native: serde_json::from_str(&row.native).ok()?,
        }),
        role,
        folder: Arc::clone(folder),
    })
}

/// Takes the place of an image whose row is damaged, so that the others keep their numbers.
fn stand_in() -> RunImage {
    RunImage {
        file: Arc::new(ImageFile {
            path: PathBuf::from("(damaged)"),
            hash: ContentHash(Sha256::digest(b"").into()),
            native: NativeInfo {
                width: 0,
                height: 0,
                format: String::new(),
                color: String::new(),
                num_bytes: 0,
            },
        }),
        role: Role::Unknown,
        folder: Arc::new(PathBuf::from("(damaged)")),
    }
}

/// Decodes stored pictures within the memory there is for them.
struct Pictures {
    geometry: Geometry,
    room: usize,
    blank: Picture,
}

impl Pictures {
    /// `Ok(None)` where there is no room.
    fn decode(&mut self, png: &[u8]) -> Result<Option<Picture>, String> {
        let Some(room) = self.room.checked_sub(self.geometry.len()) else {
            return Ok(None);
        };
        let decoded = decode_bytes(png).map_err(|error| error.to_string())?;
        let side = self.geometry.side as u32;
        if (decoded.native.width, decoded.native.height) != (side, side) {
            return Err("it has another size than the run".to_owned());
        }
        self.room = room;
        Ok(Some(thumbnail(&decoded, self.geometry.side)))
    }
}

fn originals(
    connection: &Connection,
    stored: &mut [StoredImage],
    pictures: &mut Pictures,
    damage: &mut Damage,
) -> HashMap<usize, Picture> {
    let mut originals = HashMap::new();
    each_row(
        connection,
        "SELECT image, png, checksum FROM originals",
        damage,
        "originals",
        |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, Vec<u8>>(1)?,
                row.get::<_, Vec<u8>>(2)?,
            ))
        },
        |(id, png, checksum), damage| {
            let image = usize::try_from(id).unwrap_or(usize::MAX);
            let slot = stored.get_mut(image);
            let decoded = if checksum == numbered_checksum("originals", id, &png) {
                pictures.decode(&png)
            } else {
                Err("it does not match its checksum".to_owned())
            };
            match (slot, decoded) {
                (Some(slot), Ok(picture)) => {
                    slot.original_png = Some(png);
                    originals.extend(picture.map(|picture| (image, picture)));
                }
                (_, decoded) => damage.add(format!(
                    "the picture of image {id} is left out: {}",
                    decoded
                        .err()
                        .unwrap_or_else(|| "there is no such image".to_owned())
                )),
            }
        },
    );
    originals
}

fn attempts(
    connection: &Connection,
    stored: &[StoredImage],
    num_attempts: usize,
    damage: &mut Damage,
) -> BTreeMap<(usize, usize), AttemptRow> {
    let mut attempts = BTreeMap::new();
    each_row(
        connection,
        "SELECT image, attempt, mse, ssim_distance, lpips, seconds, stretch, checksum FROM attempts",
        damage,
        "attempts",
        |row| {
            let attempt = AttemptRow {
                image: row.get(0)?,
                attempt: row.get(1)?,
                distances: [row.get(2)?, row.get(3)?, row.get(4)?],
                seconds: row.get(5)?,
                stretch: row.get(6)?,
            };
            Ok((attempt, row.get::<_, Vec<u8>>(7)?))
        },
        |(row, checksum), damage| {
            let image = usize::try_from(row.image).unwrap_or(usize::MAX);
            let attempt = usize::try_from(row.attempt).unwrap_or(usize::MAX);
            if checksum != row.checksum() {
                damage.add(format!(
                    "attempt {} of image {} does not match its checksum; it is left out",
                    row.attempt, row.image
                ));
            } else if attempt < num_attempts
                && stored.get(image).is_some_and(|image| image.is_whole)
            {
                attempts.insert((image, attempt), row);
            } else {
                damage.add(format!(
                    "attempt {} of image {} is left out: there is no such attempt or image",
                    row.attempt, row.image
                ));
            }
        },
    );
    attempts
}

fn inpainted(
    connection: &Connection,
    attempts: &BTreeMap<(usize, usize), AttemptRow>,
    pictures: &mut Pictures,
    damage: &mut Damage,
) -> HashMap<(usize, usize), Picture> {
    let mut inpainted = HashMap::new();
    each_row(
        connection,
        "SELECT image, attempt, png, checksum FROM pictures NOT INDEXED",
        damage,
        "inpainted pictures",
        |row| {
            Ok((
                (row.get::<_, i64>(0)?, row.get::<_, i64>(1)?),
                row.get::<_, Vec<u8>>(2)?,
                row.get::<_, Vec<u8>>(3)?,
            ))
        },
        |((image, attempt), png, checksum), damage| {
            let decoded = if checksum == picture_checksum(image, attempt, &png) {
                pictures.decode(&png)
            } else {
                Err("it does not match its checksum".to_owned())
            };
            let key = usize::try_from(image)
                .and_then(|image| Ok((image, usize::try_from(attempt)?)))
                .ok()
                .filter(|key| attempts.contains_key(key));
            match (key, decoded) {
                (Some(key), Ok(picture)) => inpainted.extend(picture.map(|picture| (key, picture))),
                (None, Ok(_)) => {} // Its attempt is left out, which was said.
                (_, Err(reason)) => damage.add(format!(
                    "the picture of attempt {attempt} of image {image} is left out: {reason}"
                )),
            }
        },
    );
    inpainted
}

fn texts(connection: &Connection, table: &str, column: &str, damage: &mut Damage) -> Vec<String> {
    let mut texts = Vec::new();
    each_row(
        connection,
        &format!("SELECT id, {column}, checksum FROM {table} ORDER BY id"),
        damage,
        table,
        |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, Vec<u8>>(2)?,
            ))
        },
        |(id, text, checksum), damage| {
            if checksum == numbered_checksum(table, id, text.as_bytes()) {
                texts.push(text);
            } else {
                damage.add(format!(
                    "row {id} of the {table} does not match its checksum; it is left out"
                ));
            }
        },
    );
    texts
}
