//! Several images at once: which are marked, and writing them to a folder.

use std::path::PathBuf;
use std::sync::Arc;

use super::session::{Outgoing, Session};
use super::text;
use crate::worker::export::{ExportImage, ExportRequest};
use crate::worker::protocol::{DialogKind, JobId, LibraryCommand, Notice, Severity};

/// How a click changes the marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// This image alone changes.
    Toggle,
    /// All from the one looked at to this one, in the order shown.
    UpTo,
}

impl Session {
    pub(super) fn mark(&mut self, image: usize, mark: Mark) {
        let from = self.shown_image();
        match mark {
            Mark::Toggle => self.gallery.toggle_mark(image),
            Mark::UpTo => self.gallery.mark_between(from.unwrap_or(image), image),
        }
    }

    /// The images that an export would write: the marked ones, else the one looked at.
    pub fn images_to_export(&self) -> Vec<usize> {
        let marked = self.gallery.marked();
        if marked.is_empty() {
            self.shown_image().into_iter().collect()
        } else {
            let order = self.gallery.order().iter();
            order
                .copied()
                .filter(|image| marked.contains(image))
                .collect()
        }
    }

    pub(super) fn browse_export(&mut self) {
        self.open_dialog(DialogKind::ExportFolder);
    }

    pub(super) fn export(&mut self, folder: PathBuf) {
        let images = self.export_images();
        if images.is_empty() {
            self.notices.say(
                Severity::Warning,
                "There is nothing to write: none of these images has a result yet.",
            );
            return;
        }
        let job = self.mint_job();
        self.outbox
            .push_back(Outgoing::Library(LibraryCommand::Export {
                job,
                request: Arc::new(ExportRequest { folder, images }),
            }));
        self.looking.exporting = Some(job);
    }

    fn export_images(&self) -> Vec<ExportImage> {
        let Some(run) = &self.run else {
            return Vec::new();
        };
        let distance = self.settings.run.distance;
        let chosen = self.images_to_export().into_iter();
        chosen
            .filter_map(|image| {
                let entry = self.gallery.images().get(image)?;
                let id = self.gallery.run_id(image)?;
                let attempts = run.attempts(id);
                let is_shown = self.shown_image() == Some(image);
                let position = self.shown_attempt().filter(|_| is_shown).or_else(|| {
                    let distances: Vec<f64> =
                        attempts.iter().map(|r| r.values.of(distance)).collect();
                    let medians = crate::ood::aggregate::median_attempts(&distances);
                    medians.first().copied()
                })?;
                Some(ExportImage {
                    path: entry.file.path.clone(),
                    role: entry.role,
                    score: run.score(id),
                    num_attempts: attempts.len(),
                    spread: run.spread(id),
                    result: Arc::clone(attempts.get(position)?),
                })
            })
            .collect()
    }

    pub(super) fn exported(
        &mut self,
        job: JobId,
        request: &ExportRequest,
        outcome: Result<(), String>,
    ) {
        if self
            .looking
            .exporting
            .take_if(|known| *known == job)
            .is_none()
        {
            return;
        }
        match outcome {
            Ok(()) => self.notices.push(Notice {
                severity: Severity::Info,
                message: format!(
                    "{} written, with their pictures and a table",
                    text::counted(request.images.len(), "image")
                ),
                path: Some(request.folder.clone()),
            }),
            Err(message) => self.notices.push(Notice {
                severity: Severity::Error,
                message: format!("The images could not be exported: {message}"),
                path: None,
            }),
        }
    }
}
