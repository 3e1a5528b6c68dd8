//! Writing the open model as a diffusers folder.

use std::path::PathBuf;

use super::outbox::Outgoing;
use super::session::Session;
use super::text;
use crate::worker::protocol::{ConvertRequest, LibraryCommand, Notice, Numbers, Severity};

/// What is known of conversions in this window.
#[derive(Clone, Copy, Debug, Default)]
pub struct ConvertingState {
    /// What the weights are written in.
    pub numbers: Numbers,
    /// One is under way.
    pub is_active: bool,
}

impl Session {
    /// Write the open model to a folder that is not there yet.
    pub(super) fn convert_model(&mut self, output: PathBuf) {
        let source = self.model_info().map(|info| info.source.clone());
        let Some(source) = source.filter(|_| !self.converting.is_active) else {
            return;
        };
        self.converting.is_active = true;
        let request = ConvertRequest {
            source,
            output,
            numbers: self.converting.numbers,
        };
        self.outbox
            .push_back(Outgoing::Library(LibraryCommand::Convert(request)));
    }

    pub(super) fn model_converted(&mut self, output: PathBuf, outcome: Result<String, String>) {
        self.converting.is_active = false;
        match outcome {
            Err(message) => self.notices.say(
                Severity::Error,
                format!("The model was not written. {}", text::sentences(&message)),
            ),
            Ok(summary) => self.notices.push(Notice {
                severity: Severity::Info,
                message: format!("The model was written. {}.", text::capitalized(&summary)),
                path: Some(output),
            }),
        }
    }
}
