//! The scores of a run file without its pictures: enough to compare runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::database;
use super::error::FileError;
use super::manifest::Manifest;
use super::reader;
use super::tables::{self, Damage};
use crate::ood::Values;
use crate::runs::results::RunImage;

/// A run without its pictures.
#[derive(Clone, Debug)]
pub struct StoredScores {
    pub path: PathBuf,
    /// What the run was made of.
    pub manifest: Manifest,
    pub images: Arc<[RunImage]>,
    /// For each image the distances of its attempts, in the order of their numbers.
    pub attempts: Vec<Vec<Values>>,
    /// Images that could not be read while it ran.
    pub num_left_out: usize,
    /// Time spent in network calls, in seconds; 0 where no segment of work ended in order.
    pub seconds: f64,
    /// Network calls for all images, cancelled work included.
    pub num_calls: u64,
}

impl StoredScores {
    /// Whether every attempt is there of every image that could be read.
    pub fn is_finished(&self) -> bool {
        let num_missing = super::num_missing(
            self.attempts.iter().map(Vec::len).sum(),
            self.images.len(),
            self.num_left_out,
            self.manifest.settings().method.detector.num_attempts(),
        );
        num_missing == 0
    }
}

/// Read the scores of a run; rows that do not match their checksum are left out. Nothing is written.
pub fn read_scores(path: &Path) -> Result<StoredScores, FileError> {
    let opened = database::open_to_read(path)?;
    let connection = &opened.connection;
    let manifest = reader::manifest(connection)
        .ok()
        .filter(|manifest| reader::is_believable(manifest, reader::num_bytes(connection)))
        .ok_or_else(|| FileError::Damaged {
            reason: "its manifest can't be used".to_owned(),
            path: path.to_owned(),
        })?;
    // Opening the run lists the damage.
    let mut damage = Damage::default();
    let (images, stored) = tables::images(connection, &manifest, &mut damage);
    let num_attempts = manifest.settings().method.detector.num_attempts();
    let rows = tables::attempts(
        connection,
        None,
        &stored,
        &manifest.measures,
        num_attempts,
        &mut damage,
    );
    let mut attempts = vec![Vec::new(); images.len()];
    for (&(image, _), row) in &rows {
        attempts[image].push(row.values.clone());
    }
    let notices = tables::texts(connection, "notices", "message", &mut damage);
    let segments = tables::texts(connection, "stretches", "json", &mut damage);
    let read = |(_, json): &(_, String)| serde_json::from_str::<super::Segment>(json).ok();
    let segments: Vec<super::Segment> = segments.iter().filter_map(read).collect();
    Ok(StoredScores {
        path: path.to_owned(),
        num_left_out: super::num_left_out(notices.iter().map(|(_, message)| message)),
        seconds: segments.iter().map(|segment| segment.seconds).sum(),
        num_calls: segments.iter().map(|segment| segment.network_calls).sum(),
        manifest,
        images: images.into(),
        attempts,
    })
}
