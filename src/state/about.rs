//! What the program says of itself and of this machine.

use std::sync::Arc;

use super::actions::Overlay;
use super::outbox::Outgoing;
use super::session::Session;
use crate::worker::protocol::{LibraryCommand, Report};

/// What is known of this machine in this window.
#[derive(Clone, Debug, Default)]
pub struct AboutState {
    /// What was found when it was last looked at.
    pub report: Option<Arc<Report>>,
    /// What was found so far, while it is being looked at.
    pub coming: Report,
    /// It is being looked at.
    pub is_looking: bool,
}

impl Session {
    /// Open the page, or close it. The machine is looked at each time: cards, folders and room come and go.
    pub(super) fn toggle_about(&mut self) {
        self.toggle(Overlay::About);
        let is_open = self.looking.overlay == Some(Overlay::About);
        if is_open && !self.about.is_looking {
            self.about.is_looking = true;
            self.outbox
                .push_back(Outgoing::Library(LibraryCommand::Diagnose));
        }
    }

    pub(super) fn diagnosed(&mut self, report: Arc<Report>) {
        self.about = AboutState {
            report: Some(report),
            ..AboutState::default()
        };
    }
}
