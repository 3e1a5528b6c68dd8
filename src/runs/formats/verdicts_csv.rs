//! `verdicts.csv`: one line for each image to be judged.

use std::fmt::Write as _;

use super::{Content, Format, Nothing};
use crate::runs::report::{ImageScores, Report, path_cell, verdicts_of_unknown};
use crate::runs::results::RunImage;
use crate::runs::verdicts::Verdict;

pub(super) static FORMAT: Format = Format {
    name: "verdicts",
    label: "Verdicts as CSV",
    file_name: "verdicts.csv",
    help: "Write the verdicts on images of unknown role, as verdicts.csv",
    content: Content::Text(of_unknown),
};

fn of_unknown(report: &Report<'_>, scores: &[ImageScores]) -> Result<String, Nothing> {
    let (verdicts, _) = verdicts_of_unknown(report.images, scores, report.settings)
        .ok_or("no image of unknown role has a score")?;
    Ok(verdicts_csv(report.images, &verdicts))
}

/// The table `path,score,p_value,q_value,verdict` in the given order; `verdict` is `in-domain` or `out-of-domain`.
///
/// Cells that are not known are empty. Paths as in `scores.csv`.
pub fn verdicts_csv(images: &[RunImage], verdicts: &[Verdict]) -> String {
    let mut text = String::from("path,score,p_value,q_value,verdict\n");
    let cell = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    for verdict in verdicts {
        let Some(image) = images.get(verdict.image) else {
            continue;
        };
        writeln!(
            text,
            "{},{},{},{},{}",
            path_cell(&image.file.path),
            verdict.score,
            cell(verdict.p_value),
            cell(verdict.q_value),
            verdict.name(),
        )
        .expect("writing to a string does not fail");
    }
    text
}
