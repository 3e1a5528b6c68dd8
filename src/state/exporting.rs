//! Writing marked images to a folder, and the run in the formats that the command line has as well.

use std::path::PathBuf;
use std::sync::Arc;

use super::outbox::Outgoing;
use super::session::Session;
use super::text;
use crate::engine::export::ExportRequest;
use crate::engine::formats::Written;
use crate::runs::formats::FORMATS;
use crate::worker::keeping::RunsCommand;
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
                    "{} written, with pictures and a table",
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

    /// The file of the run that is shown, or why it can't be written in a format.
    pub fn run_to_write(&self) -> Result<PathBuf, &'static str> {
        self.shown.can_be_saved()?;
        if self.is_running() {
            return Err(
                "The run is under way, pause does not end it: wait for its end or cancel it",
            );
        }
        let opened = self.shown.opened().map(|opened| opened.path.clone());
        let kept = self
            .shown
            .run
            .as_ref()
            .and_then(|run| run.kept.file.clone());
        opened
            .or(kept)
            .ok_or("The run is kept in no file, save it by Save as… and open that first")
    }

    /// The folder that is offered to write to: beside the documents of this user, named for the run.
    pub fn export_folder(&self) -> Option<PathBuf> {
        let run = self.run_to_write().ok()?;
        let documents = directories::UserDirs::new()
            .and_then(|dirs| dirs.document_dir().map(std::path::Path::to_owned));
        let folder = documents.or_else(|| run.parent().map(std::path::Path::to_owned))?;
        Some(folder.join("LMD Inspector").join(run.file_stem()?))
    }

    pub(super) fn write_run(&mut self, name: &str, folder: PathBuf) {
        let Some(format) = FORMATS.iter().find(|format| format.name == name) else {
            return;
        };
        match self.run_to_write() {
            Ok(run) => self.send_runs(RunsCommand::Write {
                run,
                folder,
                format,
            }),
            Err(reason) => self.notices.say(Severity::Warning, reason),
        }
    }

    /// Say how it ended, whichever run is shown by now.
    pub(super) fn run_written(&mut self, outcome: Result<Written, String>) {
        let notice = match outcome {
            Ok(Written { path, caveats }) => Notice {
                severity: if caveats.is_empty() {
                    Severity::Info
                } else {
                    Severity::Warning
                },
                message: match caveats.as_slice() {
                    [] => "The run was written".to_owned(),
                    caveats => format!("The run was written, but {}", caveats.join("; ")),
                },
                path: Some(path),
            },
            Err(message) => Notice {
                severity: Severity::Error,
                message: format!("The run could not be written: {message}"),
                path: None,
            },
        };
        self.notices.push(notice);
    }
}
