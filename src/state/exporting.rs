//! Writing marked images to a folder.

use std::path::PathBuf;
use std::sync::Arc;

use super::outbox::Outgoing;
use super::session::Session;
use super::text;
use crate::engine::export::ExportRequest;
use crate::worker::protocol::{LibraryCommand, Notice, Severity};

impl Session {
    pub(super) fn export(&mut self, folder: PathBuf) {
        let images = self.shown.export_images();
        if images.is_empty() {
            self.notices.say(
                Severity::Warning,
                "There is nothing to write: none of these images has a result yet.",
            );
            return;
        }
        let job = self.outbox.mint_job();
        self.outbox
            .push_back(Outgoing::Library(LibraryCommand::Export {
                job,
                request: Arc::new(ExportRequest { folder, images }),
            }));
    }

    /// Say how an export ended, whichever run is shown by now: its files are there or are missing all the same.
    pub(super) fn exported(&mut self, request: &ExportRequest, outcome: Result<(), String>) {
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
