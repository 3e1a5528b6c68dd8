//! What corrected roles do to the figures: said beside them, which go by the roles that the images were scored under.

use std::path::Path;

use super::Report;
use super::scores::{self, ImageScores};
use crate::detectors::measures;
use crate::ood::Role;
use crate::ood::figures::figures;
use crate::runs::{Marks, marks};

/// What the marks beside a run file correct, in a sentence, or that this can't be known.
pub fn note_of_marks(run: &Path, report: &Report<'_>) -> Option<String> {
    match marks::load(run) {
        Ok(marks) => correction_note(report, &marks),
        Err(error) => Some(format!(
            "Whether roles were corrected is not known: {error}"
        )),
    }
}

/// The figures as corrected next to those as given, in a sentence; `None` where no scored image has another role by its marks.
fn correction_note(report: &Report<'_>, marks: &Marks) -> Option<String> {
    if marks.is_empty() {
        return None;
    }
    let given = ImageScores::collect(report);
    let mut corrected = given.clone();
    let mut num_corrected = 0;
    for image in &mut corrected {
        let role = marks.role_of(&report.images[image.image]);
        num_corrected += usize::from(role != image.role);
        image.role = role;
    }
    let measure = report.settings.view.measure;
    let auroc = |images: &[ImageScores]| {
        let of = |role| scores::of_role(images, role, measure);
        let figures = figures(&of(Role::InDomain), &of(Role::OutOfDomain));
        figures.map_or_else(
            |_| "none, since one role is missing".to_owned(),
            |figures| format!("{:.4}", figures.auroc),
        )
    };
    let images = if num_corrected == 1 {
        "role of 1 image was"
    } else {
        &format!("roles of {num_corrected} images were")
    };
    (num_corrected > 0).then(|| {
        format!(
            "The {images} corrected by hand: the AUROC by {} is {} as given and {} as corrected. All other figures and \
             charts, and the threshold, are as given.",
            measures::label(&measure),
            auroc(&given),
            auroc(&corrected)
        )
    })
}
