//! The folders of the session and the images that a run would score.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::settings::FolderSource;
use crate::images::duplicates;
use crate::images::samples::Sample;
use crate::images::sources::table::is_named_like_a_table;
use crate::ood::Role;
use crate::runs::RunImage;
use crate::worker::protocol::{Control, FolderListing, JobId};

/// Names one folder of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FolderId(pub u64);

/// One folder and what is known of it.
#[derive(Clone, Debug)]
pub struct Folder {
    /// Names it.
    pub folder_id: FolderId,
    /// Where its images come from.
    pub source: FolderSource,
    /// Where it lies; `None` while the samples are unpacked.
    pub path: Option<PathBuf>,
    /// What it is for.
    pub role: Role,
    /// Whether it may still be asked what is in it, rather than that all of it is taken: it stays so until it is listed, also
    /// where the listing has to begin again.
    pub may_ask: bool,
    /// Which sample images, where it is a folder of them.
    pub sample: Option<Sample>,
    /// What is in it.
    pub scan: ScanState,
}

/// How far the listing of a folder is.
#[derive(Clone, Debug)]
pub enum ScanState {
    /// Waits for the samples to be unpacked.
    Waiting,
    /// The library thread lists it.
    Scanning {
        /// Answers carry this job.
        job: JobId,
        /// Cancels the listing.
        control: Control,
        /// Readable images so far.
        num_images: usize,
    },
    /// Listed.
    Ready(Arc<FolderListing>),
    /// Nothing could be listed, and why.
    Failed(String),
}

impl Folder {
    /// Its name for people.
    pub fn name(&self) -> String {
        match &self.source {
            FolderSource::Samples => self.sample.map_or_else(
                || "Samples".to_owned(),
                |sample| format!("{} (samples)", sample.label()),
            ),
            FolderSource::Path(path) => short_name(path),
        }
    }

    /// Why it gives no image, if so.
    pub fn problem(&self) -> Option<&str> {
        match &self.scan {
            ScanState::Failed(reason) => Some(reason),
            // A table of labels stands for a folder of each role, of which it may name none.
            ScanState::Ready(listing)
                if listing.files.is_empty() && !is_named_like_a_table(&listing.path) =>
            {
                Some("There is no readable image in this folder")
            }
            _ => None,
        }
    }

    /// Whether its listing is still to come.
    pub fn is_pending(&self) -> bool {
        matches!(self.scan, ScanState::Waiting | ScanState::Scanning { .. })
    }
}

/// The last part of a path, or all of it where there is none.
pub fn short_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy())
        .into_owned()
}

/// The images that a run would score: the first `limit` of each folder, in-domain first, each once per role; and what was
/// left out for being there twice, a sentence each.
pub fn planned_images(folders: &[Folder], limit: Option<usize>) -> (Vec<RunImage>, Vec<String>) {
    let mut images = Vec::new();
    for role in Role::ALL {
        for folder in folders.iter().filter(|folder| folder.role == role) {
            let ScanState::Ready(listing) = &folder.scan else {
                continue;
            };
            let path = Arc::new(listing.path.clone());
            images.extend(
                listing
                    .files
                    .iter()
                    .take(limit.unwrap_or(usize::MAX))
                    .map(|file| RunImage {
                        file: Arc::clone(file),
                        role,
                        folder: Arc::clone(&path),
                    }),
            );
        }
    }
    // Paths as they are written: the window asks no file system.
    let notes = duplicates::leave_out(
        &mut images,
        |image| (image.role, &image.file),
        Path::to_owned,
    );
    (images, notes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::session::testing::listing;

    fn folder(role: Role, name: &str, num_images: usize) -> Folder {
        Folder {
            folder_id: FolderId(0),
            source: FolderSource::Path(PathBuf::from(name)),
            path: Some(PathBuf::from(name)),
            role,
            sample: None,
            may_ask: false,
            scan: ScanState::Ready(Arc::new(listing(name, role, num_images))),
        }
    }

    #[test]
    fn the_limit_holds_for_each_folder_and_in_domain_comes_first() {
        let folders = [
            folder(Role::OutOfDomain, "/out", 5),
            folder(Role::InDomain, "/in", 2),
        ];
        let names: Vec<String> = planned_images(&folders, Some(3))
            .0
            .iter()
            .map(|image| image.file.path.display().to_string())
            .collect();
        assert_eq!(
            names,
            [
                "/in/0.png",
                "/in/1.png",
                "/out/0.png",
                "/out/1.png",
                "/out/2.png"
            ]
        );
    }

    #[test]
    fn a_folder_that_is_there_twice_is_used_once_and_that_is_said() {
        let folders = [
            folder(Role::InDomain, "/in", 3),
            folder(Role::InDomain, "/in", 3),
            folder(Role::OutOfDomain, "/in", 3),
        ];
        let (planned, notes) = planned_images(&folders, None);
        assert_eq!(planned.len(), 6, "three for each role");
        assert!(notes[0].contains("3 image files"), "{notes:?}");
        assert_eq!(planned_images(&folders[1..], None).1, [] as [String; 0]);
    }
}
