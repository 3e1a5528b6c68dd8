//! Whether images of the next run are nearly the same picture in two roles: found in the background, before the run.

use std::sync::Arc;

use super::folders::Folder;
use super::outbox::Outgoing;
use super::session::Session;
use crate::engine::similar::files::is_worth_it;
use crate::worker::protocol::{Control, JobId, LibraryCommand, RunImage};

/// What is known of the images of the next run.
#[derive(Debug, Default)]
pub struct PlannedTwins {
    /// Which images it is about.
    of: Option<Arc<[RunImage]>>,
    awaited: Option<(JobId, Control)>,
    warning: Option<String>,
}

impl PlannedTwins {
    fn forget(&mut self) {
        if let Some((_, control)) = self.awaited.take() {
            control.cancel();
        }
        self.warning = None;
    }
}

impl Session {
    /// That images of the next run are nearly the same picture in two roles, a sentence, where that is known.
    pub fn near_duplicates_planned(&self) -> Option<&str> {
        self.planned_twins.warning.as_deref()
    }

    /// Have the images of the next run compared where they are others than before; call once a frame.
    pub(super) fn want_twins(&mut self) {
        let is_known = |of: &Arc<[RunImage]>| Arc::ptr_eq(of, &self.planned);
        if self.planned_twins.of.as_ref().is_some_and(is_known) {
            return;
        }
        // Those of a run that has begun are read by it.
        if self.is_running() || self.folders.iter().any(Folder::is_pending) {
            return;
        }
        let planned = Arc::clone(&self.planned);
        let before = self.planned_twins.of.replace(Arc::clone(&planned));
        if before.is_some_and(|before| *before == *planned) {
            return;
        }
        self.planned_twins.forget();
        if !is_worth_it(&planned) {
            return;
        }
        let (job, control) = (self.outbox.mint_job(), Control::default());
        self.planned_twins.awaited = Some((job, control.clone()));
        self.outbox
            .push_back(Outgoing::Library(LibraryCommand::CompareFiles {
                job,
                images: planned,
                control,
            }));
    }

    /// They were compared.
    pub(super) fn files_compared(&mut self, job: JobId, warning: Option<String>) {
        let twins = &mut self.planned_twins;
        if twins.awaited.take_if(|(known, _)| *known == job).is_some() {
            twins.warning = warning.map(|warning| format!("{warning}."));
        }
    }
}
