//! What is asked of a run.

use std::path::PathBuf;
use std::sync::Arc;

use crate::networks::executors::DeviceInfo;
use crate::ood::Role;
use crate::runs::file::KeepPictures;
use crate::runs::{ResultLog, RunImage, RunSettings};

/// What a run works on.
#[derive(Clone, Debug)]
pub struct RunRequest {
    /// All settings.
    pub settings: RunSettings,
    /// The images; indices into this list are image ids in the results.
    pub images: Arc<[RunImage]>,
    /// Where results are appended.
    pub results: Arc<ResultLog>,
    /// Where the run keeps them; `None` where the log's owner does, or nobody.
    pub saving: Option<SaveRequest>,
}

impl RunRequest {
    /// What decides the last bits of the scores where the model runs on this device: networks from files run on the CPU.
    pub fn device(&self, of_model: &DeviceInfo) -> DeviceInfo {
        let detector = &self.settings.method.detector;
        if detector.weights().is_empty() {
            of_model.clone()
        } else {
            of_model.beside_cpu()
        }
    }
}

/// Where a run is kept.
#[derive(Clone, Debug, PartialEq)]
pub enum SaveRequest {
    /// In a new file of a folder.
    Begin(NewFile),
    /// In the file that the run's results so far are in.
    GoOn(PathBuf),
    /// In a copy of that file.
    GoOnInCopy {
        /// The file; it stays as it is.
        from: PathBuf,
        /// The folder that the copy is put into.
        folder: PathBuf,
    },
}

/// What a new run file says besides what the run knows.
#[derive(Clone, Debug, PartialEq)]
pub struct NewFile {
    /// The folder; it is made where it is missing.
    pub folder: PathBuf,
    /// The run's folders as given, with their roles.
    pub folders: Vec<(Role, PathBuf)>,
    /// Which reconstructions are kept.
    pub keep_pictures: KeepPictures,
    /// Files that could not be read when the folders were listed.
    pub num_skipped: usize,
}
