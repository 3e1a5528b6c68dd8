//! One picture that is tried: scored like the run's images, but it joins no figure.

use std::path::Path;
use std::sync::Arc;

use super::Shown;
use super::run::{Phase, RunState};
use crate::ood::Role;
use crate::runs::{ResultLog, RunImage, RunSettings};
use crate::state::folders::short_name;
use crate::state::outbox::{Outbox, Outgoing};
use crate::worker::protocol::{Command, Event, FolderListing, JobId, RunRequest};

/// A picture that is tried.
#[derive(Debug)]
pub struct Trial {
    /// Its name for people.
    pub name: String,
    /// Its attempts; `None` while it is read.
    pub run: Option<RunState>,
    /// Why it can't be scored.
    pub problem: Option<String>,
    reading: JobId,
}

impl Trial {
    /// The score so far.
    pub fn score(&self) -> Option<f64> {
        self.run.as_ref()?.score(0)
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        // Nobody waits for it any more.
        if let Some(run) = &self.run {
            run.control.cancel();
        }
    }
}

impl Shown {
    /// Wait for the listing of a picture to try, which carries the name `reading`. `problem`: why it can't be scored.
    pub(in crate::state) fn begin_trial(
        &mut self,
        name: String,
        reading: JobId,
        problem: Option<String>,
    ) {
        self.trial = Some(Trial {
            name,
            run: None,
            problem,
            reading,
        });
    }

    /// Take the listing of the picture that is tried and score it, by `settings` where the run has none that may be
    /// used; `false` where the listing is not for it.
    pub(in crate::state) fn apply_trial_listing(
        &mut self,
        job: JobId,
        listing: &Result<Arc<FolderListing>, String>,
        settings: &RunSettings,
        outbox: &mut Outbox,
    ) -> bool {
        let is_meant = |trial: &&mut Trial| trial.reading == job && trial.run.is_none();
        let Some(trial) = self.trial.as_mut().filter(is_meant) else {
            return false;
        };
        if trial.problem.is_some() {
            return true;
        }
        let file = match listing {
            Ok(listing) => listing.files.first().map(Arc::clone),
            Err(message) => {
                trial.problem = Some(message.clone());
                return true;
            }
        };
        let Some(file) = file else {
            let reason = listing.as_ref().ok().and_then(|l| l.unreadable.first());
            trial.problem = Some(reason.map_or_else(
                || "There is no picture in it".to_owned(),
                |(path, reason)| format!("{reason}: {}", path.display()),
            ));
            return true;
        };
        let name = short_name(&file.path);
        if !name.starts_with("lmd-inspector-") {
            // Those are names that the program made up.
            trial.name = name;
        }
        let folder = file.path.parent().map(Path::to_owned).unwrap_or_default();
        let image = RunImage {
            file,
            role: Role::Unknown,
            folder: Arc::new(folder),
        };
        self.score_trial(image, settings, outbox);
        true
    }

    fn score_trial(&mut self, image: RunImage, settings: &RunSettings, outbox: &mut Outbox) {
        // Its score must be comparable with those of the run.
        let settings = self
            .run
            .as_ref()
            // A mask image that an opened run names may not be read.
            .filter(|run| !run.is_sealed())
            .map_or_else(|| settings.clone(), |run| run.settings.clone());
        let job = outbox.mint_job();
        let images: Arc<[RunImage]> = Arc::new([image]);
        let results = Arc::new(ResultLog::default());
        let mut run = RunState::new(
            job,
            settings.clone(),
            Arc::clone(&images),
            Arc::clone(&results),
        );
        if let Some((distance, aggregate)) = self.run.as_ref().map(RunState::choice) {
            run.choose(distance, aggregate);
        }
        outbox.push_back(Outgoing::Worker(Command::Run {
            job,
            request: RunRequest {
                settings,
                images,
                results,
                saving: None,
            },
            control: run.control.clone(),
        }));
        if let Some(trial) = &mut self.trial {
            trial.run = Some(run);
        }
    }

    /// Take an event of the trial's run; `false` where it is not for it.
    pub(in crate::state) fn apply_trial(&mut self, event: &Event) -> bool {
        let Some(trial) = &mut self.trial else {
            return false;
        };
        let Some(run) = trial.run.as_mut().filter(|run| run.job == event.job()) else {
            return false;
        };
        match event {
            Event::Progress { progress, .. } => run.progress = progress.clone(),
            Event::Done { progress, .. } => {
                run.progress = progress.clone();
                run.phase = Phase::Done;
            }
            Event::Cancelled { .. } => run.phase = Phase::Cancelled,
            Event::Failed { message, .. } => {
                run.phase = Phase::Failed(message.clone());
                trial.problem = Some(message.clone());
            }
            Event::Notice { .. }
            | Event::ModelOpened { .. }
            | Event::ModelIncomplete { .. }
            | Event::Traced { .. }
            | Event::Mapped { .. }
            | Event::Fitted { .. }
            | Event::Saving { .. } => {}
        }
        run.absorb();
        true
    }

    /// How many of the run's in-domain images have a score of at most this one, and how many there are.
    pub fn num_in_domain_below(&self, score: f64) -> Option<(usize, usize)> {
        let run = self.run.as_ref()?;
        let scores = run.scores_of(Role::InDomain);
        let (below, count) = scores.fold((0_usize, 0_usize), |(below, count), (_, other)| {
            (below + usize::from(other <= score), count + 1)
        });
        (count > 0).then_some((below, count))
    }
}
