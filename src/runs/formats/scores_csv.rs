//! `scores.csv`: one line for each image and attempt.

use std::fmt::Write as _;

use super::{Content, Format};
use crate::detectors::measures;
use crate::runs::report::{Report, path_cell, tabulated_measures};

pub(super) static FORMAT: Format = Format {
    name: "csv",
    label: "Scores as CSV",
    file_name: "scores.csv",
    help: "Write every attempt's distances, as scores.csv",
    content: Content::Text(|report, _| Ok(scores_csv(report))),
};

/// The table `path,role,attempt,mse,ssim_distance,lpips`, by image and attempt; `ssim_distance` is 1 - SSIM. Further
/// measures come last; the cell of one that was not measured is empty, and of one that is not defined `NaN`.
///
/// Cells follow RFC 4180. A path that a spreadsheet would run as a formula (it begins with `=`, `+`, `-`, `@`, a tab or a
/// carriage return), or that begins with an apostrophe, gets an apostrophe in front and quotes around it. Paths that are
/// not UTF-8 are written as [`text_from_path`](crate::runs::report::text_from_path) says.
pub fn scores_csv(report: &Report<'_>) -> String {
    let mut rows: Vec<_> = report
        .results
        .iter()
        .filter_map(|result| Some((result, report.images.get(result.image)?)))
        .collect();
    rows.sort_by_key(|(result, _)| (result.image, result.attempt));

    let ids = tabulated_measures(report.results);
    let mut text = String::from("path,role,attempt");
    for id in &ids {
        text.push(',');
        text.push_str(measures::column(id));
    }
    text.push('\n');
    for (result, image) in rows {
        write!(
            text,
            "{},{},{}",
            path_cell(&image.file.path),
            image.role.name(),
            result.attempt,
        )
        .expect("writing to a string does not fail");
        for &id in &ids {
            match result.values.get(id) {
                Some(value) => write!(text, ",{value}"),
                None => write!(text, ","),
            }
            .expect("writing to a string does not fail");
        }
        text.push('\n');
    }
    text
}
