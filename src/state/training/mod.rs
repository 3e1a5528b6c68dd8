//! New models: what the form asks for, what is known of its images, and the training under way.

mod follow;
mod form;
mod run;

pub use self::form::TrainingForm;
pub use self::run::{TrainingPhase, TrainingRun};

use std::path::PathBuf;
use std::sync::Arc;

use super::actions::{Info, UiCommand};
use super::folders::FolderId;
use super::outbox::Outgoing;
use super::session::Session;
use super::settings::{FolderChoice, FolderSource};
use super::text;
use crate::engine::training::{Subject, Survey, TrainingRequest};
use crate::images::sources::held_out;
use crate::ood::Role;
use crate::worker::protocol::{Control, JobId, ModelSource, Severity, TrainCommand};

/// One wish about new models that takes a value.
#[derive(Clone, Debug, PartialEq)]
pub enum TrainAction {
    /// Change the form.
    Set(Box<TrainingForm>),
    /// Learn from the images of this folder.
    From(PathBuf),
    /// Put the model here.
    To(PathBuf),
}

impl TrainAction {
    /// Its words.
    pub fn info(&self) -> Info {
        match self {
            Self::Set(_) => Info::new("Change", "Change what is trained, and how"),
            Self::From(_) => Info::new("Use", UiCommand::BrowseTrain.info().explanation.clone()),
            Self::To(_) => Info::new(
                "Set",
                "Make the model in this folder, where nothing lies yet",
            ),
        }
    }
}

/// What is known of new models.
#[derive(Debug, Default)]
pub struct TrainingState {
    /// What is asked for.
    pub form: TrainingForm,
    /// What is known of its images.
    pub survey: SurveyState,
    /// The training under way, or the last one.
    pub run: Option<TrainingRun>,
    /// What was refused, a sentence, and the part of the form that it is about.
    pub refusal: Option<(Subject, String)>,
    /// A model folder to be made, where none was typed.
    proposed: Option<PathBuf>,
    /// Where the images are that `survey` is of.
    surveyed: Vec<PathBuf>,
}

/// How far the look at the form's images is.
#[derive(Clone, Debug, Default)]
pub enum SurveyState {
    /// There are none, or nobody has asked.
    #[default]
    None,
    /// They are read.
    Reading {
        /// Answers carry this job.
        job: JobId,
        /// Cancels it.
        control: Control,
        /// Images so far.
        num_images: usize,
    },
    /// They were read.
    Ready(Arc<Survey>),
}

impl SurveyState {
    /// What was found.
    pub fn found(&self) -> Option<&Arc<Survey>> {
        match self {
            Self::Ready(survey) => Some(survey),
            Self::None | Self::Reading { .. } => None,
        }
    }
}

impl TrainingState {
    /// Whether a training is under way.
    pub fn is_training(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.phase.is_active())
    }
}

impl Session {
    /// Show the page for new models, or put it away; a training continues.
    pub(super) fn toggle_training(&mut self) {
        self.toggle(super::Overlay::Train);
        self.follow_sources();
    }

    /// See what the images are, where others are in as in-domain by now.
    pub(super) fn follow_sources(&mut self) {
        let is_open = self.looking.overlay == Some(super::Overlay::Train);
        if is_open && self.training_sources() != self.training.surveyed {
            self.training.refusal = None;
            self.survey();
        }
    }

    pub(super) fn perform_train(&mut self, action: TrainAction) {
        let form = match action {
            TrainAction::Set(form) => *form,
            TrainAction::From(folder) => TrainingForm {
                folder: Some(folder),
                ..self.training.form.clone()
            },
            TrainAction::To(output) => TrainingForm {
                output: Some(output),
                ..self.training.form.clone()
            },
        };
        let old = std::mem::replace(&mut self.training.form, form);
        self.training.refusal = None;
        if old.reads_other_images(&self.training.form) {
            self.survey();
        }
    }

    /// Where the images of the form are.
    pub fn training_sources(&self) -> Vec<PathBuf> {
        match &self.training.form.folder {
            Some(folder) => vec![folder.clone()],
            None => (self.folders.iter())
                .filter(|folder| folder.role == Role::InDomain)
                .filter_map(|folder| folder.path.clone())
                .collect(),
        }
    }

    /// See what the form's images are.
    pub(super) fn survey(&mut self) {
        if let SurveyState::Reading { control, .. } = &self.training.survey {
            control.cancel();
        }
        self.training.survey = SurveyState::None;
        let sources = self.training_sources();
        if self.training.is_training() {
            return;
        }
        self.training.surveyed.clone_from(&sources);
        if sources.is_empty() {
            return;
        }
        let job = self.outbox.mint_job();
        let control = Control::default();
        self.training.survey = SurveyState::Reading {
            job,
            control: control.clone(),
            num_images: 0,
        };
        let command = TrainCommand::Survey {
            job,
            sources,
            side: self.training.form.side,
            resize: self.training.form.resize,
            control,
        };
        self.outbox.push_back(Outgoing::Trainer(command));
    }

    /// The model folder to be made.
    pub fn training_output(&self) -> Option<&PathBuf> {
        let typed = self.training.form.output.as_ref();
        typed.or(self.training.proposed.as_ref())
    }

    /// Why pressing Start can't start anything, in words that say what to do.
    pub fn missing_for_training(&self) -> Option<&'static str> {
        if self.training.is_training() {
            return Some("A training is under way");
        }
        match &self.training.survey {
            SurveyState::None => Some("Choose a folder of images first"),
            SurveyState::Reading { .. } => Some("The images are still being read"),
            SurveyState::Ready(_) => None,
        }
    }

    /// Train, or continue what was stopped.
    pub(super) fn start_training(&mut self, is_resumed: bool) {
        if self.missing_for_training().is_some() {
            return;
        }
        let (Some(survey), Some(output)) = (self.training.survey.found(), self.training_output())
        else {
            return;
        };
        let sources = self.training_sources();
        let request = self.training.form.request(sources, output.clone(), survey);
        let job = self.outbox.mint_job();
        let control = Control::default();
        self.training.refusal = None;
        self.training.run = Some(TrainingRun::new(
            job,
            control.clone(),
            request.output.clone(),
        ));
        self.send_training(job, request, is_resumed, control);
    }

    fn send_training(
        &mut self,
        job: JobId,
        request: TrainingRequest,
        is_resumed: bool,
        control: Control,
    ) {
        let command = TrainCommand::Train {
            job,
            request: Box::new(request),
            is_resumed,
            control,
        };
        self.outbox.push_back(Outgoing::Trainer(command));
    }

    pub(super) fn pause_training(&mut self, is_paused: bool) {
        if let Some(run) = &mut self.training.run {
            run.set_paused(is_paused);
        }
    }

    pub(super) fn stop_training(&mut self) {
        if let Some(run) = &mut self.training.run {
            run.stop();
        }
    }

    /// Put the training that has ended away: the form is there for another one.
    pub(super) fn leave_training(&mut self) {
        if !self.training.is_training() {
            self.training.run = None;
            self.training.form.output = None;
            self.survey();
        }
    }

    /// Open the model that was made; the images that it has never seen become the in-domain ones.
    pub(super) fn use_trained(&mut self) {
        let Some(run) = &self.training.run else {
            return;
        };
        let TrainingPhase::Made(model) = run.phase.clone() else {
            return;
        };
        if self.is_running() {
            self.notices.say(
                Severity::Warning,
                "A run is under way. Cancel it before you use another model.",
            );
            return;
        }
        let facts = run.facts.clone();
        if self.refuse_beside_fit() {
            return;
        }
        self.looking.overlay = None;
        self.training.run = None;
        self.training.form.output = None;
        // Other images will be in as in-domain when the page is opened again.
        self.training.surveyed.clear();
        self.open_model(ModelSource::Path(model.clone()));
        let Some(facts) = facts else {
            return;
        };
        self.settings.run.method.resize = facts.resize;
        let in_domain: Vec<FolderId> = (self.folders.iter())
            .filter(|folder| folder.role == Role::InDomain)
            .map(|folder| folder.folder_id)
            .collect();
        for folder_id in in_domain {
            self.remove_folder(folder_id);
        }
        let count = facts.num_calibration();
        if count == 0 {
            self.notices.say(
                Severity::Warning,
                "The training had too few images to leave any alone. Add in-domain images that the model has not seen.",
            );
            return;
        }
        self.add_folder(FolderChoice {
            source: FolderSource::Path(held_out::calibration_of(&model)),
            role: Role::InDomain,
        });
        self.notices.say(
            Severity::Info,
            format!(
                "In-domain are now the {} that the training left alone: scores of images that the model has learnt would \
                 be too low.",
                text::counted(count, "image")
            ),
        );
    }
}
