//! What each event of the training thread does to the session.

use std::path::PathBuf;
use std::sync::Arc;

use super::{SurveyState, TrainingPhase};
use crate::engine::training::{Subject, Survey};
use crate::state::outbox::Outgoing;
use crate::state::session::Session;
use crate::state::{Action, Overlay, UiCommand, text};
use crate::worker::protocol::{JobId, Notice, Severity, TrainEvent};

impl Session {
    /// Take an event of the training thread; events of jobs that are not current are dropped.
    pub fn apply_training(&mut self, event: TrainEvent) {
        let job = event.job();
        let is_of_run =
            (self.training.run.as_ref()).is_some_and(|run| run.job == job && run.phase.is_active());
        let is_of_survey = matches!(&self.training.survey, SurveyState::Reading { job: known, .. } if *known == job);
        if is_of_run {
            self.apply_to_training(event);
        } else if is_of_survey {
            self.apply_to_survey(event);
        }
    }

    fn apply_to_survey(&mut self, event: TrainEvent) {
        match event {
            TrainEvent::Reading { num_images, .. } => {
                if let SurveyState::Reading {
                    num_images: shown, ..
                } = &mut self.training.survey
                {
                    *shown = num_images;
                }
            }
            TrainEvent::Surveyed { survey, output, .. } => self.surveyed(survey, output),
            TrainEvent::Failed {
                message, subject, ..
            } => {
                self.training.survey = SurveyState::None;
                self.training.refusal = Some((subject, text::capitalized(&message)));
            }
            TrainEvent::Cancelled { .. } => self.training.survey = SurveyState::None,
            TrainEvent::Began { .. } | TrainEvent::News { .. } | TrainEvent::Made { .. } => {}
        }
    }

    fn surveyed(&mut self, survey: Arc<Survey>, output: PathBuf) {
        self.training.proposed = Some(output);
        self.training.survey = SurveyState::Ready(survey);
    }

    fn apply_to_training(&mut self, event: TrainEvent) {
        let Some(run) = &mut self.training.run else {
            return;
        };
        match event {
            TrainEvent::Reading { num_images, .. } => run.num_read = num_images,
            TrainEvent::Began { facts, .. } => {
                run.facts = Some(facts);
                if run.phase == TrainingPhase::Reading {
                    run.phase = TrainingPhase::Training;
                }
            }
            TrainEvent::News { news, .. } => run.take(news),
            TrainEvent::Made { model, .. } => {
                run.phase = TrainingPhase::Made(model.clone());
                self.tell_away_from_page(Severity::Info, "The new model is ready", Some(model));
            }
            TrainEvent::Cancelled { .. } => self.training.run = None,
            TrainEvent::Failed {
                message, subject, ..
            } => self.training_failed(&message, subject),
            TrainEvent::Surveyed { .. } => {}
        }
    }

    /// What was refused before it began is told beside its field; all else in the place of the training.
    fn training_failed(&mut self, message: &str, subject: Subject) {
        let message = text::capitalized(message);
        self.tell_away_from_page(Severity::Error, &message, None);
        if let Some(run) = self.training.run.as_mut().filter(|run| run.facts.is_some()) {
            run.phase = TrainingPhase::Failed(message);
        } else {
            self.training.run = None;
            self.training.refusal = Some((subject, message));
        }
    }

    /// Whoever looks at the page sees it there.
    fn tell_away_from_page(&mut self, severity: Severity, message: &str, path: Option<PathBuf>) {
        if self.looking.overlay != Some(Overlay::Train) {
            let notice = Notice {
                severity,
                message: message.to_owned(),
                path,
            };
            let show = vec![Action::Do(UiCommand::ToggleTrain)];
            self.notices.offer(notice, show);
        }
    }

    /// The training thread ended without an answer: the last checkpoint stays.
    pub fn trainer_restarted(&mut self, reason: &str) {
        self.outbox
            .retain(|waiting| !matches!(waiting, Outgoing::Trainer(_)));
        self.training.survey = SurveyState::None;
        match self.training.run.as_ref().map(|run| run.job) {
            Some(job) => self.apply_training(failed(job, reason)),
            None => self.notices.say(Severity::Error, reason),
        }
    }
}

fn failed(job: JobId, reason: &str) -> TrainEvent {
    TrainEvent::Failed {
        job,
        message: reason.to_owned(),
        subject: Subject::Work,
    }
}
