//! The tables of a run file, row by row: what does not match its checksum is listed and left out.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::{Connection, Row};
use sha2::{Digest as _, Sha256};

use super::manifest::Manifest;
use super::reader::StoredImage;
use super::rows::{AttemptRow, ImageRow, numbered_checksum, picture_checksum};
use super::values;
use crate::images::decode::{decode_bytes, describe_bytes};
use crate::images::prepare::thumbnail;
use crate::images::{ContentHash, Geometry, ImageFile, ImageStatistics, NativeInfo, Picture};
use crate::ood::{MeasureId, Role, Values};
use crate::runs::report::path_from_text;
use crate::runs::results::RunImage;

/// Memory for pictures, in bytes; past it they stay in the file.
const PICTURE_BUDGET: usize = 1 << 30;
/// Damage is listed this far; the rest is counted.
const MOST_LISTED: usize = 100;

/// The end of a query for the rows of these images, `None` for those of all.
fn of_images(images: Option<&Range<usize>>) -> String {
    images.map_or_else(String::new, |images| {
        format!(
            " WHERE image >= {} AND image < {}",
            images.start, images.end
        )
    })
}

/// What is left out, a sentence each.
#[derive(Default)]
pub(super) struct Damage {
    listed: Vec<String>,
    num_more: usize,
}

impl Damage {
    pub fn new(listed: Vec<String>) -> Self {
        Self {
            listed,
            num_more: 0,
        }
    }

    pub fn add(&mut self, sentence: String) {
        if self.listed.len() < MOST_LISTED {
            self.listed.push(sentence);
        } else {
            self.num_more += 1;
        }
    }

    pub fn finish(mut self) -> Vec<String> {
        if self.num_more > 0 {
            self.listed
                .push(format!("{} more rows are left out", self.num_more));
        }
        self.listed
    }
}

/// Go through a table; a row that can't be read ends it, and what is behind that row is lost.
pub(super) fn each_row<T>(
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

pub(super) fn images(
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
                jpeg_quality: None,
            },
        }),
        role: Role::Unknown,
        folder: Arc::new(PathBuf::from("(damaged)")),
    }
}

/// Decodes stored pictures within the memory there is for them.
pub(super) struct Pictures {
    geometry: Geometry,
    room: usize,
    /// Stands for a picture that is not there.
    blank: Picture,
}

impl Pictures {
    pub fn new(geometry: Geometry) -> Self {
        Self {
            geometry,
            room: PICTURE_BUDGET,
            blank: Picture::from_unit(geometry, &vec![0.5; geometry.len()]),
        }
    }

    /// A prepared original to show.
    pub fn original(&self, stored: Option<&StoredOriginal>) -> Picture {
        let picture = stored.and_then(|stored| stored.picture.as_ref());
        picture.unwrap_or(&self.blank).clone()
    }

    /// `None` where there is no room.
    fn keep(&mut self, picture: Picture) -> Option<Picture> {
        self.room = self.room.checked_sub(self.geometry.len())?;
        Some(picture)
    }

    /// `Ok(None)` where there is no room.
    fn decode_to_keep(&mut self, png: &[u8]) -> Result<Option<Picture>, String> {
        if self.room < self.geometry.len() {
            return Ok(None);
        }
        self.decode(png).map(|picture| self.keep(picture))
    }

    fn decode(&self, png: &[u8]) -> Result<Picture, String> {
        // Before its pixels: of a few bytes they may be 64 million.
        let native = describe_bytes(png).map_err(|error| error.to_string())?;
        let side = self.geometry.side as u32;
        if (native.width, native.height) != (side, side) {
            return Err("it has another size than the run".to_owned());
        }
        let decoded = decode_bytes(png).map_err(|error| error.to_string())?;
        Ok(thumbnail(&decoded, self.geometry.side))
    }
}

/// The prepared original of an image.
pub(super) struct StoredOriginal {
    /// `None` where there was no room for it.
    pub picture: Option<Picture>,
    pub statistics: ImageStatistics,
}

pub(super) fn originals(
    connection: &Connection,
    of: Option<&Range<usize>>,
    stored: &mut [StoredImage],
    pictures: &mut Pictures,
    damage: &mut Damage,
) -> HashMap<usize, StoredOriginal> {
    let mut originals = HashMap::new();
    each_row(
        connection,
        &format!(
            "SELECT image, png, checksum FROM originals{}",
            of_images(of)
        ),
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
                    let statistics = ImageStatistics::with_png(&picture, png.len());
                    slot.original_png = Some(png);
                    let picture = pictures.keep(picture);
                    originals.insert(
                        image,
                        StoredOriginal {
                            picture,
                            statistics,
                        },
                    );
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

/// What a file holds of an attempt besides its picture.
pub(super) struct StoredAttempt {
    pub values: Values,
    pub seconds: f64,
    pub segment: i64,
}

pub(super) fn attempts(
    connection: &Connection,
    of: Option<&Range<usize>>,
    stored: &[StoredImage],
    measures: &[MeasureId],
    num_attempts: usize,
    damage: &mut Damage,
) -> BTreeMap<(usize, usize), StoredAttempt> {
    let measures: Arc<[MeasureId]> = measures.into();
    let mut attempts = BTreeMap::new();
    each_row(
        connection,
        &format!(
            "SELECT image, attempt, \"values\", seconds, stretch, checksum FROM attempts{}",
            of_images(of)
        ),
        damage,
        "attempts",
        |row| {
            let attempt = AttemptRow {
                image: row.get(0)?,
                attempt: row.get(1)?,
                values: row.get(2)?,
                seconds: row.get(3)?,
                segment: row.get(4)?,
            };
            Ok((attempt, row.get::<_, Vec<u8>>(5)?))
        },
        |(row, checksum), damage| {
            let image = usize::try_from(row.image).unwrap_or(usize::MAX);
            let attempt = usize::try_from(row.attempt).unwrap_or(usize::MAX);
            let is_whole = checksum == row.checksum();
            let values = values::from_bytes(&measures, &row.values).filter(|_| is_whole);
            let Some(values) = values else {
                return damage.add(format!(
                    "attempt {} of image {} does not match its checksum; it is left out",
                    row.attempt, row.image
                ));
            };
            if attempt < num_attempts && stored.get(image).is_some_and(|image| image.is_whole) {
                let stored = StoredAttempt {
                    values,
                    seconds: row.seconds,
                    segment: row.segment,
                };
                attempts.insert((image, attempt), stored);
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

pub(super) fn inpainted(
    connection: &Connection,
    of: Option<&Range<usize>>,
    attempts: &BTreeMap<(usize, usize), StoredAttempt>,
    pictures: &mut Pictures,
    damage: &mut Damage,
) -> HashMap<(usize, usize), Picture> {
    let mut inpainted = HashMap::new();
    each_row(
        connection,
        // All of them are read faster in the order in which they lie.
        &match of {
            None => "SELECT image, attempt, png, checksum FROM pictures NOT INDEXED".to_owned(),
            of => format!(
                "SELECT image, attempt, png, checksum FROM pictures{}",
                of_images(of)
            ),
        },
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
                pictures.decode_to_keep(&png)
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

pub(super) fn texts(
    connection: &Connection,
    table: &str,
    column: &str,
    damage: &mut Damage,
) -> Vec<(i64, String)> {
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
                texts.push((id, text));
            } else {
                damage.add(format!(
                    "row {id} of the {table} does not match its checksum; it is left out"
                ));
            }
        },
    );
    texts
}
