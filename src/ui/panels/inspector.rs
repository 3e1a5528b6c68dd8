//! One image and its attempts: original, masked, inpainted and their difference, with one zoom for all.

mod copy;
mod legend;
mod lens;
mod panes;
mod review;
mod scrub;
mod shown;
mod strip;
mod toolbar;

use std::sync::Arc;

use egui::{RichText, Ui};

use super::Scene;
use crate::detectors::measures;
use crate::ood::MeasureId;
use crate::runs::{AttemptResult, RunImage};
use crate::state::folders::short_name;
use crate::state::text;
use crate::ui::theme;
use crate::ui::widgets::layout::{TITLE, ends, heavy, note};
use crate::ui::widgets::mark;
use crate::ui::widgets::tip::Tip as _;

/// What is drawn for one image.
struct Detail<'a> {
    image: &'a RunImage,
    attempts: &'a [Arc<AttemptResult>],
    distance: MeasureId,
    /// Whether the pictures are of the detector that the distance is of.
    is_of_pictures: bool,
    /// Positions in `attempts` of the attempts in the middle.
    medians: Vec<usize>,
    /// Position in `attempts` of the one to look at.
    shown: Option<usize>,
    score: Option<f64>,
}

pub use copy::copy;
pub use scrub::play;

/// Draw the panel; `has_gallery` where the gallery is below and needs room.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>, has_gallery: bool) {
    let detail = detail(scene);
    header_ui(ui, scene, detail.as_ref());
    review::ui(ui, scene);
    let has_results = scene.session.result_word().is_some();
    if has_results {
        toolbar::ui(ui, scene);
    }
    panes::ui(ui, scene, detail.as_ref(), has_gallery);
    scrub::ui(ui, scene);
    if has_results {
        strip::ui(ui, scene, detail.as_ref(), !has_gallery);
    }
}

fn detail<'a>(scene: &Scene<'a>) -> Option<Detail<'a>> {
    let session = scene.session;
    let index = session.shown.image()?;
    let image = session.shown.gallery.images().get(index)?;
    let run = session.shown.run.as_ref();
    let run_id = session.shown.gallery.run_id(index);
    let distance = session.settings.run.view.measure;
    let detector = run.map(|run| &run.settings.method.detector);
    let is_of_pictures =
        detector.is_none_or(|detector| detector.that_measures(distance).result().is_some());
    Some(Detail {
        image,
        attempts: session.shown.attempts(),
        distance,
        is_of_pictures,
        medians: if is_of_pictures {
            session.shown.median_attempts()
        } else {
            Vec::new()
        },
        shown: session.shown.attempt(),
        score: run.zip(run_id).and_then(|(run, id)| run.score(id)),
    })
}

impl Detail<'_> {
    /// The distance of an attempt's picture.
    fn value(&self, attempt: &AttemptResult) -> String {
        if self.is_of_pictures {
            text::score(measures::value(&attempt.values, self.distance))
        } else {
            "–".to_owned()
        }
    }
}

fn header_ui(ui: &mut Ui, scene: &Scene<'_>, detail: Option<&Detail<'_>>) {
    ui.horizontal(|ui| {
        ui.set_min_height(theme::ROW_HEIGHT);
        let Some(detail) = detail else {
            note(ui, "The image to look at appears here");
            return;
        };
        mark::ui(ui, detail.image.role);
        let name_ui = |ui: &mut Ui, (): &mut ()| {
            let path = &detail.image.file.path;
            let name = RichText::new(short_name(path)).strong().size(TITLE);
            heavy(ui, egui::Label::new(name).truncate()).tip(|| path.display().to_string());
            if ui.available_width() > 90.0 {
                note(ui, detail.image.role.label());
            }
        };
        ends(ui, "score", &mut (), name_ui, |ui, ()| {
            score_ui(ui, scene, detail);
        });
    });
}

fn score_ui(ui: &mut Ui, scene: &Scene<'_>, detail: &Detail<'_>) {
    let Some(score) = detail.score else {
        note(ui, "No score yet");
        return;
    };
    let palette = theme::palette(ui);
    let aggregate = scene.session.settings.run.view.aggregate;
    let basis = format!(
        "{} of {}, {}",
        aggregate.name(),
        scene.session.shown.num_measured(),
        measures::label(&detail.distance)
    );
    let threshold = scene.session.shown.threshold();
    let (verdict, color) = match threshold {
        Some(threshold) if score > threshold => ("above threshold", palette.out_of_domain),
        Some(_) => ("below threshold", palette.in_domain),
        None => ("", palette.text),
    };
    if !verdict.is_empty() {
        ui.label(RichText::new(verdict).small().color(color))
            .tip(|| "Images above the threshold are called out-of-domain");
    }
    let number = RichText::new(text::score(score)).monospace();
    let label = egui::Label::new(number.size(15.0).strong()).sense(egui::Sense::CLICK);
    let response = ui
        .add(label)
        .tip(|| "The score of this image, higher means that it fits the model less. Click to copy");
    if response.clicked() {
        ui.ctx().copy_text(score.to_string());
    }
    note(ui, basis);
}
