//! Several images at once: which are marked, and what an export of them would write.

use std::sync::Arc;

use super::Shown;
use crate::engine::export::ExportImage;

/// How a click changes the marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// This image alone changes.
    Toggle,
    /// All from the one looked at to this one, in the order shown.
    UpTo,
}

impl Shown {
    /// Change the marks of the gallery's images.
    pub(in crate::state) fn mark(&mut self, image: usize, mark: Mark) {
        let from = self.image();
        match mark {
            Mark::Toggle => self.gallery.toggle_mark(image),
            Mark::UpTo => self.gallery.mark_between(from.unwrap_or(image), image),
        }
    }

    /// The images that an export would write: the marked ones, else the one looked at.
    pub fn images_to_export(&self) -> Vec<usize> {
        let marked = self.gallery.marked();
        if marked.is_empty() {
            self.image().into_iter().collect()
        } else {
            let order = self.gallery.order().iter();
            order
                .copied()
                .filter(|image| marked.contains(image))
                .collect()
        }
    }

    /// The same with their results; images without one are left out.
    pub(in crate::state) fn export_images(&self) -> Vec<ExportImage> {
        let Some(run) = &self.run else {
            return Vec::new();
        };
        let chosen = self.images_to_export().into_iter();
        chosen
            .filter_map(|image| {
                let entry = self.gallery.images().get(image)?;
                let id = self.gallery.run_id(image)?;
                let attempts = run.attempts(id);
                let is_shown = self.image() == Some(image);
                let chosen = self.attempt().filter(|_| is_shown);
                let position = chosen.or_else(|| run.median_attempts(attempts).first().copied())?;
                Some(ExportImage {
                    path: entry.file.path.clone(),
                    role: entry.role,
                    score: run.score(id),
                    num_attempts: run.num_measured(attempts),
                    spread: run.spread(id),
                    result: Arc::clone(attempts.get(position)?),
                })
            })
            .collect()
    }
}
