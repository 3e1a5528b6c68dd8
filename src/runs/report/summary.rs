//! `summary.json`, which is also what `--json` prints.

use serde::{Deserialize, Serialize};

use super::Report;
use super::confounding::Confounding;
use super::escape::text_from_path;
use super::scores::{self, ImageScores};
use crate::ood::figures::{Figures, figures};
use crate::ood::{Distance, MaskKind, Role};
use crate::runs::settings::RunSettings;

/// A run in numbers; out-of-domain is the positive class of every figure unless its name says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Area under the ROC curve; like the next three `null` where a class is missing.
    pub auroc: Option<PerDistance>,
    /// Average precision with in-domain as the positive class.
    pub aupr_in: Option<PerDistance>,
    /// Average precision with out-of-domain as the positive class.
    pub aupr_out: Option<PerDistance>,
    /// False-alarm rate at the first threshold that finds 95 % of the out-of-domain images.
    pub fpr95: Option<PerDistance>,
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

/// One figure by each distance; `null` where scores are not finite numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PerDistance {
    /// By mean squared error.
    pub mse: Option<f64>,
    /// By 1 - SSIM.
    pub ssim: Option<f64>,
    /// By LPIPS.
    pub lpips: Option<f64>,
}

/// The figures of one out-of-domain folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FolderFigures {
    /// The folder, written as in `scores.csv`.
    pub folder: String,
    /// Its scored images.
    pub images: usize,
    /// As in [`Summary`].
    pub auroc: Option<PerDistance>,
    /// As in [`Summary`].
    pub aupr_in: Option<PerDistance>,
    /// As in [`Summary`].
    pub aupr_out: Option<PerDistance>,
    /// As in [`Summary`].
    pub fpr95: Option<PerDistance>,
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
        let pooled = ByDistance::new(
            |distance| scores::of_role(scores, Role::OutOfDomain, distance),
            scores,
        );
        notes.extend(notes_on_scores(scores));
        notes.extend(Confounding::new(report, scores).warnings());
        let mut settings = report.settings.clone();
        if let MaskKind::File(path) = &mut settings.mask {
            // JSON has no place for other bytes.
            *path = text_from_path(path).into();
        }
        let count = |role| scores.iter().filter(|image| image.role == role).count();
        Self {
            auroc: pooled.figure(|figures| figures.auroc),
            aupr_in: pooled.figure(|figures| figures.aupr_in),
            aupr_out: pooled.figure(|figures| figures.aupr_out),
            fpr95: pooled.figure(|figures| figures.fpr95),
            per_folder: per_folder(scores),
            images: ImageCounts {
                r#in: count(Role::InDomain),
                out: count(Role::OutOfDomain),
                unknown: count(Role::Unknown),
                skipped: report.num_skipped,
            },
            attempts: report.settings.num_attempts,
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

fn per_folder(scores: &[ImageScores]) -> Vec<FolderFigures> {
    scores::of_out_folders(scores, Distance::Lpips)
        .into_iter()
        .map(|(folder, _)| {
            let images = scores
                .iter()
                .filter(|image| image.role == Role::OutOfDomain && image.folder == folder);
            let by_distance = ByDistance::new(
                |distance| {
                    images
                        .clone()
                        .filter_map(|image| image.score(distance))
                        .collect()
                },
                scores,
            );
            FolderFigures {
                folder: text_from_path(&folder),
                images: images.clone().count(),
                auroc: by_distance.figure(|figures| figures.auroc),
                aupr_in: by_distance.figure(|figures| figures.aupr_in),
                aupr_out: by_distance.figure(|figures| figures.aupr_out),
                fpr95: by_distance.figure(|figures| figures.fpr95),
            }
        })
        .collect()
}

/// The figures of some out-of-domain scores against all in-domain scores.
struct ByDistance {
    mse: Option<Figures>,
    ssim: Option<Figures>,
    lpips: Option<Figures>,
}

impl ByDistance {
    fn new(out_scores: impl Fn(Distance) -> Vec<f64>, scores: &[ImageScores]) -> Self {
        let of = |distance| {
            let in_scores = scores::of_role(scores, Role::InDomain, distance);
            figures(&in_scores, &out_scores(distance)).ok()
        };
        Self {
            mse: of(Distance::Mse),
            ssim: of(Distance::Ssim),
            lpips: of(Distance::Lpips),
        }
    }

    fn figure(&self, pick: impl Fn(&Figures) -> f64) -> Option<PerDistance> {
        let figure = PerDistance {
            mse: self.mse.as_ref().map(&pick),
            ssim: self.ssim.as_ref().map(&pick),
            lpips: self.lpips.as_ref().map(&pick),
        };
        let is_empty = figure.mse.or(figure.ssim).or(figure.lpips).is_none();
        (!is_empty).then_some(figure)
    }
}

/// Why figures are missing or rest on fewer images than there are.
fn notes_on_scores(scores: &[ImageScores]) -> Vec<String> {
    let mut notes = Vec::new();
    for role in [Role::InDomain, Role::OutOfDomain] {
        if !scores.iter().any(|image| image.role == role) {
            notes.push(format!(
                "There are no figures: no {} image was scored, and every figure compares the two classes.",
                role.name()
            ));
        }
    }
    for distance in Distance::ALL {
        let num_left_out = scores
            .iter()
            .filter(|image| image.score(distance).is_none())
            .count();
        if num_left_out > 0 {
            notes.push(format!(
                "{num_left_out} images are left out of the {} figures: their score is not a finite number.",
                distance.label()
            ));
        }
    }
    notes
}
