//! A run as it was read from its file, with the places that it names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::saving::patiently;
use crate::networks::checkpoints::ModelSource;
use crate::ood::Role;
use crate::runs::file::{self, FileError, Manifest, Segment};
use crate::runs::report::path_from_text;
use crate::runs::{Marks, ResultLog, RunImage, RunSettings, marks};

/// A run as it was read from its file.
#[derive(Clone, Debug)]
pub struct OpenedRun {
    pub path: PathBuf,
    /// What it was made of.
    pub manifest: Manifest,
    /// The images; their files may be anything by now, or never have been on this machine.
    pub images: Arc<[RunImage]>,
    pub log: Arc<ResultLog>,
    /// How many there are.
    pub num_results: usize,
    /// Images that could not be read while it ran.
    pub num_left_out: usize,
    /// The segments of work.
    pub segments: Vec<Segment>,
    /// What does not match its checksum and was left out, a sentence each.
    pub damage: Vec<String>,
    /// What was noted about its images, from the file beside it.
    pub marks: Marks,
    /// Why that file can't be read; it must not be written then.
    pub marks_problem: Option<String>,
}

impl OpenedRun {
    /// Read a run file.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let stored = patiently(|| file::read(path))?;
        let log = ResultLog::default();
        let images: Arc<[RunImage]> = placed_images(&stored.images, &stored.manifest).into();
        let num_results = stored.results.len();
        log.extend(stored.results);
        let (marks, marks_problem) = match marks::load(&stored.path) {
            Ok(marks) => (marks, None),
            Err(error) => (Marks::default(), Some(error.to_string())),
        };
        Ok(Self {
            marks,
            marks_problem,
            path: stored.path,
            images,
            num_left_out: file::num_left_out(&stored.notices),
            log: Arc::new(log),
            num_results,
            segments: stored
                .segments
                .into_iter()
                .map(|(_, segment)| segment)
                .collect(),
            damage: stored.damage,
            manifest: stored.manifest,
        })
    }

    /// Whether every attempt is there of every image that could be read.
    pub fn is_finished(&self) -> bool {
        let num_missing = file::num_missing(
            self.num_results,
            self.images.len(),
            self.num_left_out,
            self.manifest.settings().method.detector.num_attempts(),
        );
        num_missing == 0
    }

    fn place(&self, path: &Path) -> PathBuf {
        path_from_text(&self.manifest.working_folder).join(path)
    }

    /// The run's settings; the files that they name where they were.
    pub fn settings(&self) -> RunSettings {
        let mut settings = self.manifest.settings();
        for path in settings.method.detector.files_mut() {
            *path = self.place(path);
        }
        settings
    }

    /// Where the model was.
    pub fn model_source(&self) -> ModelSource {
        match self.manifest.model.source() {
            ModelSource::Path(path) => ModelSource::Path(self.place(&path)),
            placeless => placeless,
        }
    }

    /// Where the folders were, with their roles.
    pub fn folders(&self) -> Vec<(Role, PathBuf)> {
        let folders = self.manifest.folders.iter();
        folders
            .map(|record| (record.role, self.place(&path_from_text(&record.path))))
            .collect()
    }

    /// The paths that going on with the run reads: model, mask image and folders.
    pub fn paths(&self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        if let ModelSource::Path(path) = self.model_source() {
            paths.push(path);
        }
        paths.extend(self.settings().method.detector.files().into_iter().cloned());
        let mut folders: Vec<&PathBuf> = self.images.iter().map(|image| &*image.folder).collect();
        folders.dedup();
        for folder in folders {
            if !paths.contains(folder) {
                paths.push(folder.clone());
            }
        }
        paths
    }
}

/// The images of a run where they were when it was made; nothing is looked up.
pub fn placed_images(images: &[RunImage], manifest: &Manifest) -> Vec<RunImage> {
    let start = path_from_text(&manifest.working_folder);
    images.iter().map(|image| placed(image, &start)).collect()
}

/// An image of a run whose relative paths begin in `start`; nothing is looked up.
fn placed(image: &RunImage, start: &Path) -> RunImage {
    if image.file.path.is_absolute() {
        return image.clone();
    }
    let mut file = (*image.file).clone();
    file.path = start.join(&file.path);
    RunImage {
        file: Arc::new(file),
        role: image.role,
        folder: Arc::new(start.join(&*image.folder)),
    }
}
