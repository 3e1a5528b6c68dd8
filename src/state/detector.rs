//! Detector files: opening one, saving one, and whether the open one fits the scores that are shown.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::actions::Action;
use super::decision::{DecisionSettings, Way};
use super::folders::short_name;
use super::notices::Cause;
use super::outbox::Outgoing;
use super::panels::Center;
use super::recent;
use super::session::Session;
use super::shown::run::RunState;
use super::text;
use crate::ood::text::percent;
use crate::ood::{Role, ThresholdRule};
use crate::runs::calibration::{CalibratedModel, CalibrationImage, absolute_source};
use crate::runs::settings::View;
use crate::runs::{Calibration, CalibrationSet, RunSettings};
use crate::worker::protocol::{
    DialogKind, LibraryCommand, ModelInfo, ModelSource, Notice, Severity,
};

/// A detector file and what is in it.
pub type OpenDetector = (PathBuf, Arc<Calibration>);

impl Session {
    /// Why there is no detector to save, if so; asked in every frame, so the scores are not walked through.
    pub fn can_save_detector(&self) -> Result<(), &'static str> {
        self.parts_to_save().map(|_| ())
    }

    /// The threshold, how it came about, its run and its model.
    fn parts_to_save(
        &self,
    ) -> Result<(f64, ThresholdRule, &RunState, &Arc<ModelInfo>), &'static str> {
        let threshold = self.shown.threshold();
        let threshold = threshold.ok_or("There is no threshold to save yet")?;
        let run = self.shown.run.as_ref().ok_or("There is no run yet")?;
        let model = run.model.as_ref().ok_or("There is no model")?;
        let way = self.settings.decision.way;
        let Some(how) = self.settings.decision.rule(way) else {
            return Err("This threshold comes from a detector file already");
        };
        if run.phase.is_active() {
            return Err("The scores still change, wait for the end of the run");
        }
        Ok((threshold, how, run, model))
    }

    /// The detector that the shown threshold makes, or why there is none.
    pub fn detector_to_save(&self) -> Result<Calibration, &'static str> {
        let (threshold, how, run, model) = self.parts_to_save()?;
        let calibration: Vec<CalibrationImage> = run
            .scores_of(Role::InDomain)
            .map(|(image, score)| CalibrationImage::new(&run.images[image].file.hash, score))
            .collect();
        let contents: HashSet<&str> = calibration.iter().map(|image| &*image.sha256).collect();
        if contents.len() < calibration.len() {
            // Only runs of earlier versions have such.
            return Err(
                "Some in-domain images are in this run more than once: run again to count each once",
            );
        }
        let num_out = match how {
            ThresholdRule::FalseAlarmRate { .. } => 0,
            _ => run.scores_of(Role::OutOfDomain).count(),
        };
        let model = CalibratedModel {
            source: absolute_source(&model.source),
            name: model.name.clone(),
            identity: model.identity.clone(),
        };
        let settings = RunSettings {
            view: self.settings.run.view,
            ..run.settings.clone()
        };
        let threshold = (threshold, how);
        Ok(Calibration::new(
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
            self.notices.warn_while(
                Cause::RunUnderWay,
                "A run is under way. Cancel it before you open a detector.",
            );
            return;
        }
        if self.refuse_beside_fit() {
            return;
        }
        self.outbox
            .push_back(Outgoing::Library(LibraryCommand::OpenDetector { path }));
    }

    /// Take over model, settings and threshold of a detector file.
    pub(super) fn detector_opened(
        &mut self,
        path: PathBuf,
        detector: Result<Arc<Calibration>, String>,
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
            selection: old.selection,
            execution: old.execution,
            ..detector.settings.clone()
        };
        let source = detector.model.source.clone();
        self.detector = Some((path, detector));
        self.change_settings(run);
        let info = self.model_info();
        // A detector that uses no model leaves the one that is open, if its images are as large.
        let is_unneeded = match &source {
            ModelSource::Blank(blank) => info.is_some_and(|it| it.geometry == blank.geometry()),
            _ => false,
        };
        if !is_unneeded && (self.settings.model != source || info.is_none()) {
            self.open_model(source);
        }
        let settings = DecisionSettings {
            way: Way::Detector,
            ..self.settings.decision
        };
        self.perform(Action::SetDecision {
            settings: Box::new(settings),
            is_continued: false,
        });
        self.shown.analyze_at_once();
    }

    /// What the open detector file says, in a few lines; `None` where none is open.
    pub fn detector_words(&self) -> Option<[String; 2]> {
        let (path, detector) = self.detector.as_ref()?;
        let written = self.detector_written.and_then(|time| {
            let time = jiff::Timestamp::try_from(time).ok()?;
            Some(format!(", {}", recent::day(time)))
        });
        Some([
            format!("{}{}", short_name(path), written.unwrap_or_default()),
            format!(
                "Threshold {} ({})",
                text::score(detector.threshold),
                basis(detector)
            ),
        ])
    }

    /// Whether other images than those to be judged are in the list.
    pub fn has_known_folders(&self) -> bool {
        self.folders
            .iter()
            .any(|folder| folder.role != Role::Unknown)
    }

    /// Take all folders out of the list whose images need no verdict, and show the verdicts.
    pub(super) fn keep_unknown_only(&mut self) {
        self.folders.retain(|folder| folder.role == Role::Unknown);
        self.remember_folders();
        self.show_in_center(Center::Verdicts);
    }

    pub(super) fn chosen_detector(&mut self, kind: DialogKind, path: PathBuf) {
        if kind == DialogKind::OpenDetector {
            self.open_detector(path);
        } else {
            self.save_detector(path);
        }
    }
}

/// How a detector's threshold came about, in a few words.
pub(super) fn basis(detector: &Calibration) -> String {
    let how = match detector.how {
        ThresholdRule::FalseAlarmRate { rate } => format!("{} false alarms", percent(rate)),
        ThresholdRule::ByHand => "set by hand".to_owned(),
        ThresholdRule::HitRate { rate } => format!("{} found", percent(rate)),
        ThresholdRule::Youden => "best balance".to_owned(),
        ThresholdRule::LowestCost(_) => "lowest cost".to_owned(),
    };
    let num_images = text::counted(detector.calibration.len(), "in-domain image");
    format!("{how}, {num_images}")
}

/// The open detector, or why it does not fit the scores of a run.
pub(super) fn fitting<'a>(
    detector: Option<&'a OpenDetector>,
    run: Option<&RunState>,
) -> Option<Result<&'a Calibration, String>> {
    let (_, detector) = detector?;
    let Some(run) = run else {
        return Some(Ok(detector));
    };
    let (measure, aggregate) = run.choice();
    let of_run = RunSettings {
        view: View { measure, aggregate },
        ..run.settings.clone()
    };
    let is_same_model = run.model.as_ref().is_some_and(|model| {
        let difference = detector.model.identity.compare(&model.identity);
        detector.model.identity.is_blank() || difference.difference().is_none()
    });
    let is_same = is_same_model && (of_run.of_measure(measure)).gives_scores_of(&detector.settings);
    Some(if is_same {
        Ok(detector)
    } else {
        Err(
            "The detector file was made with another model or other settings. \
             Open it again and start a new run"
                .to_owned(),
        )
    })
}

/// What images are compared with: the open detector's calibration images while it sets the threshold, else the
/// in-domain images of the run.
pub(super) fn foreign_calibration_set(
    way: Way,
    detector: Option<&OpenDetector>,
    run: &RunState,
) -> Option<CalibrationSet> {
    if way != Way::Detector {
        return None;
    }
    match fitting(detector, Some(run))? {
        Ok(detector) => Some(detector.calibration_set()),
        Err(_) => None, // The decision says why.
    }
}
