//! Using the model while a run is held: the run leaves the worker, and continues from its attempts so far.
//!
//! Nothing of a result depends on which attempts were made in one go, so the scores are those of a run that nothing
//! stopped. Only the attempts in hand are made again.

use super::looking::BUSY;
use super::model::ModelState;
use super::session::Session;
use super::shown::run::{Phase, RunState};
use crate::worker::protocol::Progress;

/// Where a held run waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Held {
    /// In the worker, between two network calls.
    #[default]
    InWorker,
    /// The worker was asked to let go of it, and has not answered yet.
    Leaving,
    /// The same, and by now the user wants it to continue.
    Returning,
    /// In the session: the worker is free.
    Free,
}

impl Session {
    /// Why the model can't be used beside the run, if so.
    pub(super) fn missing_model(&self) -> Option<&'static str> {
        if let Some(run) = self.shown.run.as_ref().filter(|run| run.phase.is_active()) {
            if run.kept.stuck.is_some() {
                return Some("The run waits because it could not be written: answer that first");
            }
            if run.phase != Phase::Paused {
                return Some(BUSY);
            }
        }
        if let Some(reason) = self.model_busy_with_fit() {
            return Some(reason);
        }
        (!matches!(self.model, ModelState::Ready(_))).then_some("There is no model open")
    }

    /// See that the worker is free for a command that follows; nothing where it is.
    pub(super) fn free_model(&mut self) {
        let run = self.shown.run.as_mut();
        let is_held = |run: &&mut RunState| {
            run.phase == Phase::Paused && run.held == Held::InWorker && run.kept.stuck.is_none()
        };
        if let Some(run) = run.filter(is_held) {
            run.held = Held::Leaving;
            run.control.cancel();
        }
    }

    /// Continue a held run where it waits; `false` where that is the worker.
    pub(super) fn return_to_worker(&mut self) -> bool {
        let Some(run) = &mut self.shown.run else {
            return false;
        };
        match run.held {
            Held::InWorker => return false,
            Held::Leaving => {
                run.held = Held::Returning;
                run.phase = Phase::Running;
            }
            Held::Free => self.start_again(),
            Held::Returning => {}
        }
        true
    }

    /// Hold a run again that is about to return; `false` where it is in the worker.
    pub(super) fn stay_away(&mut self) -> bool {
        let run = self.shown.run.as_mut();
        let returning = run.filter(|run| run.held == Held::Returning);
        returning.is_some_and(|run| {
            run.held = Held::Leaving;
            run.phase = Phase::Paused;
            true
        })
    }

    /// The worker has let go of the run; `false` where the user has ended it.
    pub(super) fn has_left_worker(&mut self, progress: &Progress) -> bool {
        let Some(run) = &mut self.shown.run else {
            return false;
        };
        let returns = match (&run.phase, run.held) {
            (Phase::Paused, Held::Leaving) => false,
            (Phase::Running, Held::Returning) => true,
            _ => return false,
        };
        run.progress = progress.clone();
        run.held = Held::Free;
        self.shown.absorb();
        if returns {
            self.start_again();
        }
        true
    }

    /// End a run that waits in the session: the worker has nothing to say of it.
    pub(super) fn end_free_run(&mut self) -> bool {
        let run = self.shown.run.as_mut();
        let Some(run) = run.filter(|run| run.held == Held::Free && run.phase == Phase::Paused)
        else {
            return false;
        };
        run.held = Held::InWorker;
        run.phase = Phase::Cancelled;
        self.shown.analyze_at_once();
        self.is_gallery_stale = true;
        self.run_ended();
        true
    }
}
