//! How the session keeps the threshold and the figures around it up to date.

use std::path::PathBuf;
use std::sync::Arc;

use super::action::Action;
use super::analysis::Analysis;
use super::decision::{Decision, DecisionSettings, History, Way};
use super::session::{Outgoing, Session};
use super::text;
use crate::ood::{Role, ThresholdRule};
use crate::runs::detector::{CalibrationImage, DetectorModel, absolute_source};
use crate::runs::{Detector, RunSettings, Yardstick};
use crate::worker::protocol::{
    AssessRequest, Assessment, DialogKind, JobId, LibraryCommand, Notice, Severity,
};

/// Seconds between two requests for figures that take long.
const ASSESS_INTERVAL_SECS: f64 = 0.5;

/// Everything about the threshold.
#[derive(Debug, Default)]
pub struct Deciding {
    /// The threshold and what it does; `None` before the first score.
    pub decision: Option<Arc<Decision>>,
    /// Intervals, band and attempts; those of a moment ago while new ones are computed.
    pub assessment: Option<Arc<Assessment>>,
    /// The open detector file.
    pub detector: Option<(PathBuf, Arc<Detector>)>,
    /// For undo.
    pub history: History,
    decided: Option<(DecisionSettings, Arc<Analysis>)>,
    assessing: Option<JobId>,
    is_assessment_stale: bool,
    assessed_at_secs: Option<f64>,
}

impl Deciding {
    /// A new run starts: nothing is known of it. The detector file stays open.
    pub fn forget_run(&mut self) {
        self.decision = None;
        self.decided = None;
        self.assessment = None;
        // An answer under way is of the old run.
        self.assessing = None;
        self.is_assessment_stale = false;
        self.assessed_at_secs = None;
    }

    /// The scores or the level have changed.
    pub fn mark_stale(&mut self) {
        self.is_assessment_stale = true;
    }

    /// Take an answer of the library thread.
    pub fn apply(&mut self, job: JobId, assessment: Arc<Assessment>) {
        if self.assessing.take_if(|known| *known == job).is_some() {
            self.assessment = Some(assessment);
        }
    }

    /// The library thread has lost what it was asked for.
    pub fn library_restarted(&mut self) {
        self.is_assessment_stale |= self.assessing.take().is_some();
    }
}

impl Session {
    /// The open detector, or why it does not fit the scores that are shown.
    pub fn fitting_detector(&self) -> Option<Result<&Detector, String>> {
        let (_, detector) = self.deciding.detector.as_ref()?;
        let Some(run) = &self.run else {
            return Some(Ok(detector));
        };
        let of_run = run.settings.viewed_as(&self.settings.run);
        let is_same_model = run.model.as_ref().is_some_and(|model| {
            let difference = detector.model.identity.compare(&model.identity);
            difference.difference().is_none()
        });
        let is_same = is_same_model && of_run.gives_scores_of(&detector.settings);
        Some(if is_same {
            Ok(detector)
        } else {
            Err(
                "The detector file was made with another model or other settings. \
                 Open it again and run anew"
                    .to_owned(),
            )
        })
    }

    /// What images are held against: the open detector's calibration images while it sets the threshold, else the
    /// in-domain images of the run.
    pub(super) fn foreign_yardstick(&self) -> Option<Yardstick> {
        if self.settings.decision.way != Way::Detector {
            return None;
        }
        match self.fitting_detector()? {
            Ok(detector) => Some(detector.yardstick()),
            Err(_) => None, // The decision says why.
        }
    }

    /// Bring threshold, matrix and, in the background, the figures that take long up to date.
    ///
    /// Returns after how many seconds another call is needed.
    pub(super) fn decide(&mut self, now_secs: f64) -> Option<f64> {
        let analysis = Arc::clone(self.analysis.as_ref()?);
        let settings = self.settings.decision;
        let is_current = self
            .deciding
            .decided
            .as_ref()
            .is_some_and(|(known, of)| *known == settings && Arc::ptr_eq(of, &analysis));
        if !is_current {
            let detector = self.fitting_detector();
            let decision = Decision::of(&analysis, &settings, detector.as_ref());
            let is_moved = self
                .deciding
                .decision
                .as_ref()
                .is_none_or(|old| old.threshold != decision.threshold);
            self.is_order_stale |= is_moved && self.settings.gallery.verdict.is_some();
            if let Some((old, _)) = &self.deciding.decided
                && old.level != settings.level
            {
                self.deciding.mark_stale();
            }
            self.deciding.decision = Some(Arc::new(decision));
            self.deciding.decided = Some((settings, analysis));
        }
        self.assess(now_secs)
    }

    fn assess(&mut self, now_secs: f64) -> Option<f64> {
        if !self.deciding.is_assessment_stale || self.deciding.assessing.is_some() {
            return None;
        }
        let due_in = self
            .deciding
            .assessed_at_secs
            .map_or(0.0, |last| last + ASSESS_INTERVAL_SECS - now_secs);
        if due_in > 0.0 {
            return Some(due_in);
        }
        let run = self.run.as_ref()?;
        let (distance, aggregate) = (self.settings.run.distance, self.settings.run.aggregate);
        let request = AssessRequest {
            images: Arc::clone(&run.images),
            results: Arc::clone(run.log()),
            distance,
            aggregate,
            level: self.settings.decision.level,
        };
        let job = self.mint_job();
        self.deciding.is_assessment_stale = false;
        self.deciding.assessing = Some(job);
        self.deciding.assessed_at_secs = Some(now_secs);
        self.outbox
            .push_back(Outgoing::Library(LibraryCommand::Assess { job, request }));
        None
    }

    /// Change how the threshold is set. `is_continued`: part of a movement whose start can be undone already.
    pub(super) fn change_decision(&mut self, settings: DecisionSettings, is_continued: bool) {
        if settings == self.settings.decision {
            return;
        }
        if !is_continued {
            self.deciding.history.remember(self.settings.decision);
        }
        let is_other_yardstick =
            (settings.way == Way::Detector) != (self.settings.decision.way == Way::Detector);
        self.settings.decision = settings;
        if is_other_yardstick {
            self.analyze_at_once();
        }
    }

    pub(super) fn undo(&mut self) {
        if let Some(settings) = self.deciding.history.undo() {
            self.change_decision(settings, true);
        }
    }

    /// Back to the threshold that the program would choose.
    pub(super) fn reset_threshold(&mut self) {
        let defaults = DecisionSettings::default();
        let settings = DecisionSettings {
            way: defaults.way,
            false_alarm_rate: defaults.false_alarm_rate,
            ..self.settings.decision
        };
        self.change_decision(settings, false);
    }

    /// The scores are in other units now: a threshold by hand means nothing any more.
    pub(super) fn drop_hand_threshold(&mut self) {
        if matches!(self.settings.decision.way, Way::ByHand) {
            self.settings.decision.way = Way::FalseAlarms;
        }
        self.deciding.history = History::default();
        self.deciding.mark_stale();
    }

    /// The detector that the shown threshold makes, or why there is none.
    pub fn detector_to_save(&self) -> Result<Detector, &'static str> {
        let decision = self.deciding.decision.as_ref();
        let threshold = decision
            .and_then(|decision| decision.threshold.as_ref().ok().copied())
            .ok_or("There is no threshold to save yet")?;
        let run = self.run.as_ref().ok_or("There is no run yet")?;
        let model = run.model.as_ref().ok_or("There is no model")?;
        let way = self.settings.decision.way;
        let Some(how) = self.settings.decision.rule(way) else {
            return Err("This threshold comes from a detector file already");
        };
        if run.phase.is_active() {
            return Err("The scores still change, wait for the end of the run");
        }
        let calibration = run
            .scores_of(Role::InDomain)
            .map(|(image, score)| CalibrationImage::new(&run.images[image].file.hash, score))
            .collect();
        let num_out = match how {
            ThresholdRule::FalseAlarmRate { .. } => 0,
            _ => run.scores_of(Role::OutOfDomain).count(),
        };
        let model = DetectorModel {
            source: absolute_source(&model.source),
            name: model.name.clone(),
            identity: model.identity.clone(),
        };
        let settings = run.settings.viewed_as(&self.settings.run);
        let threshold = (threshold, how);
        Ok(Detector::new(
            model,
            settings,
            threshold,
            num_out,
            calibration,
        ))
    }

    pub(super) fn save_detector(&mut self, path: PathBuf) {
        match self.detector_to_save() {
            Err(reason) => self.notices.say(Severity::Warning, format!("{reason}.")),
            Ok(detector) => {
                self.outbox
                    .push_back(Outgoing::Library(LibraryCommand::SaveDetector {
                        path,
                        detector: Arc::new(detector),
                    }));
            }
        }
    }

    pub(super) fn detector_saved(&mut self, path: PathBuf, outcome: Result<(), String>) {
        match outcome {
            Err(message) => self.notices.say(Severity::Error, message),
            Ok(()) => self.notices.push(Notice {
                severity: Severity::Info,
                message: "The detector was saved. `lmd classify` and this window open it."
                    .to_owned(),
                path: Some(path),
            }),
        }
    }

    pub(super) fn open_detector(&mut self, path: PathBuf) {
        if self.is_running() {
            self.notices.say(
                Severity::Warning,
                "A run is under way. Cancel it before you open a detector.",
            );
            return;
        }
        self.outbox
            .push_back(Outgoing::Library(LibraryCommand::OpenDetector { path }));
    }

    /// Take over model, settings and threshold of a detector file.
    pub(super) fn detector_opened(
        &mut self,
        path: PathBuf,
        detector: Result<Arc<Detector>, String>,
    ) {
        let detector = match detector {
            Ok(detector) => detector,
            Err(message) => {
                self.notices.say(Severity::Error, message);
                return;
            }
        };
        if let Some(caveat) = detector.caveat() {
            let caveat = format!("{}.", text::capitalized(&caveat));
            self.notices.say(Severity::Warning, caveat);
        }
        let old = &self.settings.run;
        let run = RunSettings {
            limit: old.limit,
            ..detector.settings.executed_as(old)
        };
        let source = detector.model.source.clone();
        self.deciding.detector = Some((path, detector));
        self.perform(Action::SetRun(Box::new(run)));
        if self.settings.model != source || self.model_info().is_none() {
            self.perform(Action::OpenModel(source));
        }
        let settings = DecisionSettings {
            way: Way::Detector,
            ..self.settings.decision
        };
        self.change_decision(settings, false);
        self.analyze_at_once();
    }

    pub(super) fn chosen_detector(&mut self, kind: DialogKind, path: PathBuf) {
        if kind == DialogKind::OpenDetector {
            self.open_detector(path);
        } else {
            self.save_detector(path);
        }
    }
}
