//! The same images by several detectors, one run after another and the cheap ones first, and what that says about which to
//! use.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::actions::Overlay;
use super::model::{estimated_calls, other_secs};
use super::session::Session;
use super::shown::run::Phase;
use super::text;
use crate::detectors::lmd::Lmd;
use crate::engine::fitting::usual_share;
use crate::engine::ranking::{Candidate, NotRun, Ranked};
use crate::ood::Role;
use crate::runs::RunSettings;
use crate::worker::protocol::{JobId, RunsCommand, Severity};

/// Why a detector is not fitted where it could be.
const TAKES_ALL: &str =
    "Its fit would take all in-domain images, so that none stays for scoring. Add more.";

/// What the next comparison takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RankingForm {
    /// Detectors that would take longer than this, all together, are left out, the dear ones first.
    pub most_minutes: u32,
    /// Names of candidates that have no part in it.
    pub left_out: BTreeSet<String>,
}

impl Default for RankingForm {
    fn default() -> Self {
        Self {
            most_minutes: 10,
            left_out: BTreeSet::new(),
        }
    }
}

/// Where a detector stands in the comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    Waiting,
    /// Its settings are those of the window, and what follows from them is not known yet.
    Chosen,
    Fitting,
    Scoring(JobId),
    /// Its run is in this file.
    Finished(PathBuf),
    /// Not run, and why, a sentence.
    NotRun(String),
}

/// A detector of the comparison.
#[derive(Clone, Debug)]
pub struct Contender {
    pub candidate: Candidate,
    pub standing: Standing,
}

/// All that is known of comparisons of detectors in this window.
#[derive(Debug, Default)]
pub struct RankingState {
    pub form: RankingForm,
    /// Those of the last comparison, in the order in which they run.
    pub contenders: Vec<Contender>,
    /// What came of those that have finished.
    pub ranked: Option<Arc<Ranked>>,
    /// What to go back to at the end, while a comparison is under way.
    before: Option<Box<RunSettings>>,
    started_secs: f64,
    reading: Option<JobId>,
}

impl RankingState {
    /// Whether a comparison is under way.
    pub fn is_active(&self) -> bool {
        self.before.is_some()
    }

    fn current(&mut self) -> Option<&mut Contender> {
        self.contenders.iter_mut().find(|contender| {
            matches!(
                contender.standing,
                Standing::Chosen | Standing::Fitting | Standing::Scoring(_)
            )
        })
    }

    fn finished(&self) -> impl Iterator<Item = (&Candidate, &PathBuf)> {
        self.contenders
            .iter()
            .filter_map(|contender| match &contender.standing {
                Standing::Finished(path) => Some((&contender.candidate, path)),
                _ => None,
            })
    }

    /// Run files that the comparison needs.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.finished().map(|(_, path)| path)
    }

    /// A file has another name.
    pub(super) fn follow(&mut self, follow: impl Fn(&mut PathBuf)) {
        for contender in &mut self.contenders {
            if let Standing::Finished(path) = &mut contender.standing {
                follow(path);
            }
        }
    }

    /// The file of a detector's run, once it is finished.
    pub fn file_of(&self, name: &str) -> Option<&Path> {
        let mut finished = self.finished();
        let found = finished.find(|(candidate, _)| candidate.name == name);
        found.map(|(_, path)| path.as_path())
    }
}

impl Session {
    /// What a comparison can take: LMD as it is in the setup, where it is chosen there. While one is under way the setup has its
    /// detectors, and what the user had chosen counts.
    pub fn candidates(&self) -> Vec<Candidate> {
        let run = self.ranking.before.as_deref().unwrap_or(&self.settings.run);
        let chosen = run.method.detector.lmd().cloned();
        Candidate::all(&chosen.unwrap_or_else(Lmd::default))
    }

    /// Seconds that a candidate would take for the images of the setup, a fit among them; `None` without a model.
    pub fn candidate_secs(&self, candidate: &Candidate) -> Option<f64> {
        let info = self.model_info()?;
        let images = self.planned();
        let in_domain = images.iter().filter(|image| image.role == Role::InDomain);
        let num_fitted = match candidate.detector.fitting() {
            Some(_) => usual_share(in_domain.count()),
            None => 0,
        };
        let detector = &*candidate.detector;
        let calls = estimated_calls(info, detector, images.len() + num_fitted);
        let learning =
            (detector.fitting()).map_or(0.0, |it| it.learning_secs(info.geometry.side, num_fitted));
        let other = other_secs(info, detector, images.len()) + learning;
        Some(calls / info.calls_per_second() + other)
    }

    /// Why no comparison can be started now, a sentence that says what to do.
    pub fn missing_for_ranking(&self) -> Option<String> {
        if self.is_running() || self.is_resuming() {
            return Some("A run is under way. Wait for its end, or cancel it.".to_owned());
        }
        let reason = (self.busy_with_fit())
            .or_else(|| self.missing_opened_model())
            .or_else(|| self.pending_folder());
        if let Some(reason) = reason {
            return Some(reason.to_owned());
        }
        let has = |role| self.planned().iter().any(|image| image.role == role);
        if !has(Role::InDomain) || !has(Role::OutOfDomain) {
            return Some(
                "What is found of out-of-domain images decides. Add folders of both in-domain and out-of-domain images."
                    .to_owned(),
            );
        }
        if !self.settings.saving.is_on || self.keeping.folder.is_none() {
            return Some(
                "Each detector's run is kept for the comparison. Switch the keeping of runs on, under More settings."
                    .to_owned(),
            );
        }
        let form = &self.ranking.form;
        let mut candidates = self.candidates().into_iter();
        let is_any = candidates.any(|candidate| !form.left_out.contains(&candidate.name));
        (!is_any).then(|| "Choose at least one detector.".to_owned())
    }

    /// Score the images of the setup by all detectors that are chosen.
    pub(super) fn start_ranking(&mut self) {
        if let Some(reason) = self.missing_for_ranking() {
            self.notices.say(Severity::Warning, reason);
            return;
        }
        let left_out = &self.ranking.form.left_out;
        let chosen = self.candidates().into_iter();
        let contenders = chosen
            .filter(|candidate| !left_out.contains(&candidate.name))
            .map(|candidate| Contender {
                candidate,
                standing: Standing::Waiting,
            });
        self.ranking.contenders = contenders.collect();
        // Once, and not with each run: those that were fitted leave images out.
        self.warn_of_images(&Arc::clone(self.planned()));
        self.ranking.ranked = None;
        self.ranking.before = Some(Box::new(self.settings.run.clone()));
        self.ranking.started_secs = self.now_secs;
    }

    /// End the comparison after what is finished.
    pub(super) fn stop_ranking(&mut self) {
        if !self.ranking.is_active() {
            return;
        }
        match self.ranking.current().map(|current| &current.standing) {
            Some(Standing::Fitting) => self.cancel_fit(),
            Some(Standing::Scoring(_)) => self.cancel_run(),
            _ => {}
        }
        self.end_ranking("The comparison was stopped.");
    }

    /// Do what is next in a comparison under way; call at the end of a tick. Whether there is more to do at once.
    pub(super) fn advance_ranking(&mut self) -> bool {
        if !self.ranking.is_active() {
            return false;
        }
        let standing = (self.ranking.current()).map(|current| current.standing.clone());
        match standing {
            None => self.choose_next(),
            Some(Standing::Chosen) if self.is_plan_stale => true,
            // It was added meanwhile; its images have a part from here on.
            Some(Standing::Chosen) if self.pending_folder().is_some() => false,
            Some(Standing::Chosen) => self.begin_chosen(),
            Some(Standing::Fitting) if self.is_fitting() => false,
            Some(Standing::Fitting) => {
                let problem = self.fit_problem().map(str::to_owned);
                match problem {
                    None if self.is_fitted() => self.set_standing(Standing::Chosen),
                    None => self.end_ranking("The comparison was stopped."),
                    Some(problem) => self.set_standing(Standing::NotRun(problem)),
                }
                true
            }
            Some(Standing::Scoring(job)) => self.follow_run(job),
            Some(Standing::Waiting | Standing::Finished(_) | Standing::NotRun(_)) => false,
        }
    }

    /// Let the next detector be that of the window.
    fn choose_next(&mut self) -> bool {
        let mut contenders = self.ranking.contenders.iter();
        let next = contenders.position(|contender| contender.standing == Standing::Waiting);
        let (Some(next), Some(before)) = (next, self.ranking.before.as_deref()) else {
            self.finish_ranking();
            return false;
        };
        if self.pending_folder().is_some() {
            // How long the next one takes follows from its images.
            return false;
        }
        let candidate = self.ranking.contenders[next].candidate.clone();
        let mut run = before.clone();
        run.method.detector = candidate.detector.clone();
        self.ranking.contenders[next].standing = if let Some(reason) = self.too_long(&candidate) {
            Standing::NotRun(reason)
        } else {
            self.change_settings(run);
            Standing::Chosen
        };
        true
    }

    /// Why a detector does not fit the time that is left.
    fn too_long(&self, candidate: &Candidate) -> Option<String> {
        let limit = 60.0 * f64::from(self.ranking.form.most_minutes);
        let left = (limit - (self.now_secs - self.ranking.started_secs)).max(0.0);
        let needed = self.candidate_secs(candidate)?;
        (needed > left).then(|| {
            format!(
                "It would take {}, longer than the time that is left ({}).",
                text::rough_duration(needed),
                text::rough_duration(left)
            )
        })
    }

    /// Fit the chosen detector, or score by it.
    fn begin_chosen(&mut self) -> bool {
        let needs_fit = self.settings.run.method.detector.fitting().is_some() && !self.is_fitted();
        let missing = if needs_fit {
            let takes_all = self.fitting.choice.num_left == 0;
            let missing = self.missing_for_fit().map(Cow::into_owned);
            missing.or_else(|| takes_all.then(|| TAKES_ALL.to_owned()))
        } else {
            self.missing_for_run()
        };
        if let Some(reason) = missing {
            if self.missing_opened_model().is_some() {
                self.end_ranking("The comparison was stopped: its model was closed.");
            } else {
                self.set_standing(Standing::NotRun(reason));
            }
            return true;
        }
        if needs_fit {
            self.start_fit();
            self.set_standing(Standing::Fitting);
            return false;
        }
        self.start_run();
        if let Some(run) = &self.shown.run {
            let job = run.job;
            self.set_standing(Standing::Scoring(job));
        }
        false
    }

    /// See whether the run of the detector has ended.
    fn follow_run(&mut self, job: JobId) -> bool {
        let run = self.shown.run.as_ref().filter(|run| run.job == job);
        let Some(run) = run else {
            self.end_ranking("The comparison was stopped: another run was opened.");
            return false;
        };
        let standing = match &run.phase {
            Phase::Running | Phase::Paused | Phase::Cancelling => return false,
            Phase::Cancelled => {
                self.end_ranking("The comparison was stopped.");
                return false;
            }
            Phase::Failed(message) => Standing::NotRun(text::sentences(message)),
            Phase::Done => match &run.kept.file {
                Some(file) => Standing::Finished(file.clone()),
                None => Standing::NotRun("Its run could not be kept.".to_owned()),
            },
        };
        self.set_standing(standing);
        self.rank_finished();
        true
    }

    fn set_standing(&mut self, standing: Standing) {
        if let Some(current) = self.ranking.current() {
            current.standing = standing;
        }
    }

    /// Have the finished runs ranked.
    fn rank_finished(&mut self) {
        let job = self.outbox.mint_job();
        self.ranking.reading = Some(job);
        let ranking = &self.ranking;
        let finished = ranking.finished();
        let runs = finished.map(|(candidate, path)| (candidate.clone(), path.clone()));
        let not_run =
            (ranking.contenders.iter()).filter_map(|contender| match &contender.standing {
                Standing::NotRun(reason) => Some(NotRun::new(&contender.candidate, reason.clone())),
                _ => None,
            });
        let command = RunsCommand::Rank {
            job,
            runs: runs.collect(),
            not_run: not_run.collect(),
            false_alarm_rate: self.settings.decision.false_alarm_rate,
        };
        self.send_runs(command);
    }

    /// Runs were ranked.
    pub(super) fn detectors_ranked(&mut self, job: JobId, ranked: Arc<Ranked>) {
        let awaited = self.ranking.reading.take_if(|known| *known == job);
        if awaited.is_none() {
            return;
        }
        if let (false, false, Ok(ranking)) = (
            self.ranking.is_active(),
            self.looking.overlay == Some(Overlay::Detectors),
            &ranked.ranking,
        ) {
            self.notices.say(Severity::Info, ranking.advice());
        }
        self.ranking.ranked = Some(ranked);
    }

    /// All detectors have had their turn.
    fn finish_ranking(&mut self) {
        self.return_from_ranking();
        // What was not run is told as well.
        self.rank_finished();
    }

    fn end_ranking(&mut self, why: &str) {
        for contender in &mut self.ranking.contenders {
            if !matches!(
                contender.standing,
                Standing::Finished(_) | Standing::NotRun(_)
            ) {
                contender.standing = Standing::NotRun(why.to_owned());
            }
        }
        self.return_from_ranking();
        if self.ranking.files().next().is_some() {
            self.rank_finished();
        }
    }

    /// The settings of the window are those from before the comparison.
    fn return_from_ranking(&mut self) {
        if let Some(before) = self.ranking.before.take() {
            self.change_settings(*before);
        }
    }
}

#[cfg(test)]
#[path = "ranking_tests.rs"]
mod tests;
