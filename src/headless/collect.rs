//! From folders on the command line to the images of a run.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::{Failure, terminal};
use crate::images::labels;
use crate::ood::Role;
use crate::runs::RunImage;

/// The images of a run and what was left out.
#[derive(Debug, Default)]
pub struct Collected {
    /// All readable images, folder by folder.
    pub images: Vec<RunImage>,
    /// Files that could not be read.
    pub num_skipped: usize,
    /// What a reader of the report should know.
    pub notes: Vec<String>,
}

impl Collected {
    /// Add the first `limit` images of a folder, or those of a role in a table of labels.
    pub fn add(&mut self, role: Role, path: &Path, limit: Option<usize>) -> Result<(), Failure> {
        let listing = labels::list(path, role, &mut |_| ControlFlow::Continue(()))
            .map_err(Failure::bad_request)?;
        for (file, reason) in &listing.unreadable {
            terminal::message(&format!("skipped: {reason}: {}", file.display()));
        }
        self.num_skipped += listing.unreadable.len();
        let folder = Arc::new(path.to_owned());
        let files = listing.files.into_iter().take(limit.unwrap_or(usize::MAX));
        self.images.extend(files.map(|file| RunImage {
            file,
            role,
            folder: Arc::clone(&folder),
        }));
        Ok(())
    }

    /// Notice files that play two roles: they make every figure worse than it is.
    pub fn note_shared_content(&mut self) {
        let mut roles = HashMap::new();
        let mut shared = Vec::new();
        for image in &self.images {
            let first = roles.entry(image.file.hash).or_insert(image);
            if first.role != image.role {
                shared.push((first.file.path.clone(), image.file.path.clone()));
            }
        }
        if let Some((first, second)) = shared.first() {
            let note = format!(
                "{} image files have the same content in two roles, e.g. {} and {}; the figures suffer from that",
                shared.len(),
                first.display(),
                second.display()
            );
            terminal::message(&format!("note: {note}"));
            self.notes.push(note);
        }
    }
}
