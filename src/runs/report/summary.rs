//! `summary.json`, which is also what `--json` prints.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Report;
use super::confounding::Confounding;
use super::escape::text_from_path;
use super::scores::{self, ImageScores};
use crate::detectors::measures;
use crate::ood::figures::{Figures, figures};
use crate::ood::{MeasureId, Role};
use crate::runs::settings::RunSettings;

/// A run in numbers; out-of-domain is the positive class of every figure unless its name says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Area under the ROC curve; like the next three `null` where a class is missing.
    pub auroc: Option<PerMeasure>,
    /// Average precision with in-domain as the positive class.
    pub aupr_in: Option<PerMeasure>,
    /// Average precision with out-of-domain as the positive class.
    pub aupr_out: Option<PerMeasure>,
    /// False-alarm rate at the first threshold that finds 95 % of the out-of-domain images.
    pub fpr95: Option<PerMeasure>,
    /// The same figures for each out-of-domain folder against all in-domain images.
    pub per_folder: Vec<FolderFigures>,
    /// How many images are behind the figures.
    pub images: ImageCounts,
    /// Attempts asked for, an image.
    pub attempts: usize,
    /// One an image and step, of this invocation, cancelled work included.
    pub network_calls: u64,
    /// From the first to the last network call.
    pub seconds: f64,
    /// `network_calls / seconds`; 0 where there were none.
    pub calls_per_second: f64,
    /// All settings; a mask file's path is written as in `scores.csv`.
    pub settings: RunSettings,
    /// What a reader should know, a sentence each.
    pub notes: Vec<String>,
}

/// One figure by each measure, `null` where there are no scores by it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PerMeasure(BTreeMap<MeasureId, Option<f64>>);

impl PerMeasure {
    /// The measures, in the order of their names.
    pub fn measures(&self) -> Vec<MeasureId> {
        self.0.keys().copied().collect()
    }

    /// The figure by one measure.
    pub fn of(&self, measure: MeasureId) -> Option<f64> {
        self.0.get(&measure).copied().flatten()
    }
}

/// The figures of one out-of-domain folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FolderFigures {
    /// The folder, written as in `scores.csv`.
    pub folder: String,
    /// Its scored images.
    pub images: usize,
    /// As in [`Summary`].
    pub auroc: Option<PerMeasure>,
    /// As in [`Summary`].
    pub aupr_in: Option<PerMeasure>,
    /// As in [`Summary`].
    pub aupr_out: Option<PerMeasure>,
    /// As in [`Summary`].
    pub fpr95: Option<PerMeasure>,
}

/// Images with at least one finished attempt, and those left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageCounts {
    /// In-domain.
    pub r#in: usize,
    /// Out-of-domain.
    pub out: usize,
    /// Of unknown role.
    pub unknown: usize,
    /// Files that could not be read.
    pub skipped: usize,
}

impl Summary {
    /// Sum up a run.
    pub fn new(report: &Report<'_>, scores: &[ImageScores]) -> Self {
        let mut notes = report.notes.to_vec();
        let measured = measures::shown(
            &super::tabulated_measures(report.results),
            report.settings.view.measure,
        );
        let pooled = ByMeasure::new(
            &measured,
            |measure| scores::of_role(scores, Role::OutOfDomain, measure),
            scores,
        );
        notes.extend(notes_on_scores(report, scores));
        notes.extend(Confounding::new(report, scores).warnings());
        let mut settings = report.settings.clone();
        for path in settings.method.detector.files_mut() {
            // JSON has no place for other bytes.
            *path = text_from_path(path).into();
        }
        let count = |role| scores.iter().filter(|image| image.role == role).count();
        Self {
            auroc: pooled.figure(|figures| figures.auroc),
            aupr_in: pooled.figure(|figures| figures.aupr_in),
            aupr_out: pooled.figure(|figures| figures.aupr_out),
            fpr95: pooled.figure(|figures| figures.fpr95),
            per_folder: per_folder(&measured, scores),
            images: ImageCounts {
                r#in: count(Role::InDomain),
                out: count(Role::OutOfDomain),
                unknown: count(Role::Unknown),
                skipped: report.num_skipped,
            },
            attempts: report.settings.method.detector.num_attempts(),
            network_calls: report.network_calls,
            seconds: report.seconds,
            calls_per_second: if report.seconds > 0.0 {
                report.network_calls as f64 / report.seconds
            } else {
                0.0
            },
            settings,
            notes,
        }
    }
}

fn per_folder(measured: &[MeasureId], scores: &[ImageScores]) -> Vec<FolderFigures> {
    scores::out_folders(scores)
        .into_iter()
        .map(|folder| {
            let images = scores::of_folder(scores, &folder);
            let by_measure = ByMeasure::new(
                measured,
                |measure| {
                    images
                        .clone()
                        .filter_map(|image| image.score(measure))
                        .collect()
                },
                scores,
            );
            FolderFigures {
                folder: text_from_path(&folder),
                images: images.clone().count(),
                auroc: by_measure.figure(|figures| figures.auroc),
                aupr_in: by_measure.figure(|figures| figures.aupr_in),
                aupr_out: by_measure.figure(|figures| figures.aupr_out),
                fpr95: by_measure.figure(|figures| figures.fpr95),
            }
        })
        .collect()
}

/// The figures of some out-of-domain scores against all in-domain scores.
struct ByMeasure(Vec<(MeasureId, Option<Figures>)>);

impl ByMeasure {
    fn new(
        measured: &[MeasureId],
        out_scores: impl Fn(MeasureId) -> Vec<f64>,
        scores: &[ImageScores],
    ) -> Self {
        let of = |&measure: &MeasureId| {
            let in_scores = scores::of_role(scores, Role::InDomain, measure);
            (measure, figures(&in_scores, &out_scores(measure)).ok())
        };
        Self(measured.iter().map(of).collect())
    }

    fn figure(&self, pick: impl Fn(&Figures) -> f64) -> Option<PerMeasure> {
        let has_any = self.0.iter().any(|(_, figures)| figures.is_some());
        let figures = self.0.iter();
        let picked = figures.map(|(measure, figures)| (*measure, figures.as_ref().map(&pick)));
        has_any.then(|| PerMeasure(picked.collect()))
    }
}

/// Why figures are missing or rest on fewer images than there are.
fn notes_on_scores(report: &Report<'_>, scores: &[ImageScores]) -> Vec<String> {
    let mut notes = Vec::new();
    for role in [Role::InDomain, Role::OutOfDomain] {
        if !scores.iter().any(|image| image.role == role) {
            notes.push(format!(
                "There are no figures: no {} image was scored, and every figure compares the two classes.",
                role.name()
            ));
        }
    }
    let measured = report.measures();
    for measure in super::tabulated_measures(report.results) {
        if !report.results.is_empty() && !measured.contains(&measure) {
            notes.push(format!(
                "There are no {} figures: the model's images are too small for it.",
                measures::label(&measure)
            ));
        }
    }
    for measure in measured {
        notes.extend(note_on_measure(measure, scores));
    }
    notes
}

/// What of the attempts a measure could not use.
fn note_on_measure(measure: MeasureId, scores: &[ImageScores]) -> Option<String> {
    let num_left_out = scores
        .iter()
        .filter(|image| image.score(measure).is_none())
        .count();
    let attempts = || {
        let all = scores.iter().flat_map(|image| &image.attempts);
        all.filter(|attempt| measures::is_measured(&attempt.values, measure))
    };
    let num_not_finite = attempts()
        .filter(|attempt| !measures::value(&attempt.values, measure).is_finite())
        .count();
    let label = measures::label(&measure);
    let has_none = |image: &&ImageScores| {
        let values = image.attempts.iter().map(|attempt| &attempt.values);
        !image.attempts.is_empty() && measures::num_measured(values, measure) == 0
    };
    let num_unmeasured = scores.iter().filter(has_none).count();
    if num_not_finite == 0 && num_unmeasured > 0 {
        return Some(format!(
            "{num_unmeasured} images are left out of the figures of {label}: the attempt that measures it is not made yet, or was \
             lost."
        ));
    }
    (num_not_finite > 0).then(|| {
        format!(
            "{num_not_finite} of {} attempts have no {label}: it is not a finite number. {num_left_out} images are left \
             out of its figures: fewer than half of their attempts are left.",
            attempts().count()
        )
    })
}
