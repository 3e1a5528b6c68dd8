//! The tables of every version of the format, as SQLite keeps their text.

/// `LMDR`, in the header of each run file.
pub(super) const APPLICATION_ID: u32 = 0x4C4D_4452;

/// The newest format that this program knows.
pub const SCHEMA_VERSION: i32 = 2;

/// A table's name and text.
pub(super) type Table = (&'static str, &'static str);

const MANIFEST: Table = (
    "manifest",
    "CREATE TABLE manifest (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL, checksum BLOB NOT NULL) STRICT",
);
const MASK: Table = (
    "mask",
    "CREATE TABLE mask (id INTEGER PRIMARY KEY CHECK (id = 1), luma BLOB NOT NULL, checksum BLOB NOT NULL) STRICT",
);
const IMAGES: Table = (
    "images",
    "CREATE TABLE images (id INTEGER PRIMARY KEY, position INTEGER NOT NULL, path TEXT NOT NULL, folder TEXT NOT NULL, role TEXT NOT NULL, content BLOB NOT NULL, native TEXT NOT NULL, checksum BLOB NOT NULL) STRICT",
);
const ORIGINALS: Table = (
    "originals",
    "CREATE TABLE originals (image INTEGER PRIMARY KEY, png BLOB NOT NULL, checksum BLOB NOT NULL) STRICT",
);
const PICTURES: Table = (
    "pictures",
    "CREATE TABLE pictures (image INTEGER NOT NULL, attempt INTEGER NOT NULL, png BLOB NOT NULL, checksum BLOB NOT NULL, PRIMARY KEY (image, attempt)) STRICT",
);
const NOTICES: Table = (
    "notices",
    "CREATE TABLE notices (id INTEGER PRIMARY KEY, message TEXT NOT NULL, checksum BLOB NOT NULL) STRICT",
);
const STRETCHES: Table = (
    "stretches",
    "CREATE TABLE stretches (id INTEGER PRIMARY KEY, json TEXT NOT NULL, checksum BLOB NOT NULL) STRICT",
);

/// One column for each of the three distances.
const ATTEMPTS_1: Table = (
    "attempts",
    "CREATE TABLE attempts (image INTEGER NOT NULL, attempt INTEGER NOT NULL, mse REAL, ssim_distance REAL, lpips REAL, seconds REAL NOT NULL, stretch INTEGER NOT NULL, checksum BLOB NOT NULL, PRIMARY KEY (image, attempt)) STRICT, WITHOUT ROWID",
);

/// `values`: one little-endian `f64` per measure, in the order of the manifest's `measures`.
pub(super) const ATTEMPTS: Table = (
    "attempts",
    "CREATE TABLE attempts (image INTEGER NOT NULL, attempt INTEGER NOT NULL, \"values\" BLOB NOT NULL, seconds REAL NOT NULL, stretch INTEGER NOT NULL, checksum BLOB NOT NULL, PRIMARY KEY (image, attempt)) STRICT, WITHOUT ROWID",
);

/// See [`super::state::State`].
pub(super) const STATE: Table = (
    "state",
    "CREATE TABLE state (id INTEGER PRIMARY KEY CHECK (id = 1), run BLOB NOT NULL, session BLOB NOT NULL, follows BLOB NOT NULL, generation INTEGER NOT NULL, is_sealed INTEGER NOT NULL, is_open INTEGER NOT NULL, since TEXT NOT NULL, checksum BLOB NOT NULL) STRICT",
);

const VERSION_1: &[Table] = &[
    MANIFEST, MASK, IMAGES, ORIGINALS, ATTEMPTS_1, PICTURES, NOTICES, STRETCHES,
];
const VERSION_2: &[Table] = &[
    STATE, MANIFEST, MASK, IMAGES, ORIGINALS, ATTEMPTS, PICTURES, NOTICES, STRETCHES,
];

/// The tables of a file of this version; a file with any others is not opened.
pub(super) fn tables(version: i32) -> &'static [Table] {
    match version {
        1 => VERSION_1,
        _ => VERSION_2,
    }
}
