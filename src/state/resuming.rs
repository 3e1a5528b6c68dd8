//! Continuing an unfinished run: first its files and its model are compared with what they were.

use std::sync::Arc;

use super::model::ModelState;
use super::outbox::Outgoing;
use super::parking::Held;
use super::saving::Question;
use super::session::Session;
use super::shown::run::Phase;
use super::text;
use crate::engine::resuming::ChangedFile;
use crate::worker::protocol::{
    Command, Control, JobId, RunRequest, RunsCommand, SaveRequest, Severity,
};

/// A run that is to be continued.
#[derive(Debug)]
pub struct Resuming {
    /// The comparison of its files under way.
    checking: Option<JobId>,
    /// Files that are not what they were, once that is known.
    changed: Option<Arc<[ChangedFile]>>,
    /// Whether the user continues without those.
    is_accepted: bool,
}

impl Session {
    /// Whether a run waits for its files and its model to be looked at.
    pub fn is_resuming(&self) -> bool {
        self.shown.resuming.is_some()
    }

    /// Go on with the run that is shown.
    pub(super) fn go_on(&mut self) {
        let Some(run) = &self.shown.run else { return };
        if !run.is_unfinished() || self.is_resuming() {
            return;
        }
        match &run.kept.opened {
            Some(opened) if run.is_sealed() => {
                self.shown.question = Some(Question::GoOn(opened.paths()));
            }
            _ => self.check_before_going_on(),
        }
    }

    /// The user has allowed to read the run's paths.
    pub(super) fn check_before_going_on(&mut self) {
        if self.refuse_beside_fit() {
            return;
        }
        self.unseal();
        let Some(run) = &self.shown.run else { return };
        let (images, model) = (Arc::clone(&run.images), run.model.clone());
        let is_of_file = run.kept.opened.is_some();
        let is_same_model = self.model_info().is_some_and(|now| {
            model
                .as_ref()
                .is_some_and(|then| then.identity.compare(&now.identity).difference().is_none())
        });
        let mut resuming = Resuming {
            checking: None,
            // The files of a run of this window are looked at by the worker as it reads them.
            changed: (!is_of_file).then(|| Arc::from([])),
            is_accepted: false,
        };
        if is_of_file {
            let job = self.outbox.mint_job();
            resuming.checking = Some(job);
            self.send_runs(RunsCommand::Check { job, images });
        }
        self.shown.resuming = Some(resuming);
        if let (false, Some(model)) = (is_same_model, model) {
            self.open_model(model.source.clone());
        }
        self.advance_resuming();
    }

    /// Take the comparison of the run's files.
    pub(super) fn files_checked(&mut self, job: JobId, changed: Arc<[ChangedFile]>) {
        let awaited = self.shown.resuming.as_mut();
        if let Some(resuming) = awaited.filter(|resuming| resuming.checking == Some(job)) {
            resuming.checking = None;
            resuming.changed = Some(changed);
            self.advance_resuming();
        }
    }

    /// The user continues without the files that are not what they were.
    pub(super) fn go_on_without(&mut self) {
        if let Some(resuming) = &mut self.shown.resuming {
            resuming.is_accepted = true;
        }
        self.advance_resuming();
    }

    /// Start, ask or refuse as soon as enough is known.
    pub(super) fn advance_resuming(&mut self) {
        let Some(resuming) = &self.shown.resuming else {
            return;
        };
        let info = match &self.model {
            ModelState::Opening { .. } => return,
            ModelState::Ready(info) => Arc::clone(info),
            ModelState::None => {
                self.refuse("its model could not be opened");
                return;
            }
        };
        let Some(changed) = resuming.changed.clone() else {
            return;
        };
        let is_accepted = resuming.is_accepted;
        let Some(run) = &self.shown.run else { return };
        if let Some(then) = &run.model
            && let Some(reason) = then.identity.compare(&info.identity).difference()
        {
            self.refuse(&reason);
            return;
        }
        if changed.len() == run.images.len() {
            self.refuse("none of its image files is what it was");
        } else if changed.is_empty() || is_accepted {
            self.start_again();
        } else {
            self.shown.question = Some(Question::GoOnWithout(changed));
        }
    }

    pub(super) fn refuse(&mut self, reason: &str) {
        self.shown.resuming = None;
        self.shown.question = None;
        self.notices.say(
            Severity::Error,
            format!("The run can't be continued: {reason}. It can still be looked at"),
        );
    }

    pub(super) fn start_again(&mut self) {
        self.shown.resuming = None;
        let job = self.outbox.mint_job();
        let saving = self.where_to_go_on();
        let info = self.model_info().cloned();
        let execution = self.settings.run.execution;
        let weights = self.settings.run.method.detector.weights();
        let moved: Vec<_> = weights.into_iter().cloned().collect();
        let Some(run) = &mut self.shown.run else {
            return;
        };
        run.job = job;
        run.control = Control::default();
        run.phase = Phase::Running;
        run.held = Held::InWorker;
        run.num_before = run.num_results();
        run.model = info;
        run.settings.execution = execution;
        // The setup has the same weights where they are by now.
        for weights in run.settings.method.detector.weights_mut() {
            if let Some(moved) = moved.iter().find(|it| *it == weights) {
                *weights = moved.clone();
            }
        }
        "Starting".clone_into(&mut run.progress.activity);
        let command = Command::Run {
            job,
            request: RunRequest {
                settings: run.settings.clone(),
                images: Arc::clone(&run.images),
                results: Arc::clone(run.log()),
                saving,
            },
            control: run.control.clone(),
        };
        self.outbox.push_back(Outgoing::Worker(command));
        // More images will set their scale.
        self.shown.forget_maps();
        self.notices.withdraw_offers();
        self.is_gallery_stale = true;
    }

    /// A run of this window continues in its file, one from elsewhere in a copy among the recent runs.
    fn where_to_go_on(&self) -> Option<SaveRequest> {
        let run = self.shown.run.as_ref()?;
        let Some(file) = run.kept.file.clone() else {
            return self.save_request();
        };
        let folder = self.keeping.folder.clone();
        match folder {
            Some(folder) if file.parent() != Some(&*folder) => {
                Some(SaveRequest::GoOnInCopy { from: file, folder })
            }
            _ => Some(SaveRequest::GoOn(file)),
        }
    }

    /// What to say of a run that waits to be continued.
    pub fn resuming_words(&self) -> Option<String> {
        let resuming = self.shown.resuming.as_ref()?;
        let run = self.shown.run.as_ref()?;
        Some(if resuming.checking.is_some() {
            format!(
                "Comparing {} with what they were",
                text::counted(run.images.len(), "image file")
            )
        } else {
            "Opening the model of the run".to_owned()
        })
    }
}
