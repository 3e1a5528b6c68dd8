//! `scores.csv`: one line for each image and attempt.

use std::fmt::Write as _;
use std::path::Path;

use super::Report;
use super::escape::text_from_path;
use crate::detectors::measures;
use crate::networks::distances::{LPIPS, MSE, SSIM};
use crate::ood::MeasureId;
use crate::runs::results::AttemptResult;

/// The table `path,role,attempt,mse,ssim_distance,lpips`, by image and attempt; `ssim_distance` is 1 - SSIM. Further
/// measures come last; the cell of one that was not measured is empty, and of one that is not defined `NaN`.
///
/// Cells follow RFC 4180. A path that a spreadsheet would run as a formula (it begins with `=`, `+`, `-`, `@`, a tab or a
/// carriage return), or that begins with an apostrophe, gets an apostrophe in front and quotes around it. Paths that are
/// not UTF-8 are written as [`text_from_path`] says.
pub fn scores_csv(report: &Report<'_>) -> String {
    let mut rows: Vec<_> = report
        .results
        .iter()
        .filter_map(|result| Some((result, report.images.get(result.image)?)))
        .collect();
    rows.sort_by_key(|(result, _)| (result.image, result.attempt));

    let ids = columns_of(report.results);
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

/// The measures of a table: the three that each table has, then whatever else was measured.
pub(super) fn columns_of<R: std::borrow::Borrow<AttemptResult>>(results: &[R]) -> Vec<MeasureId> {
    let mut ids = vec![MSE, SSIM, LPIPS];
    for result in results {
        for &id in result.borrow().values.ids().iter() {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    ids
}

/// The table `image,path,role,folder,sha256` of all images, cells as in [`scores_csv`].
pub fn images_csv(report: &Report<'_>) -> String {
    let mut text = String::from("image,path,role,folder,sha256\n");
    for (id, image) in report.images.iter().enumerate() {
        writeln!(
            text,
            "{id},{},{},{},{}",
            path_cell(&image.file.path),
            image.role.name(),
            path_cell(&image.folder),
            image.file.hash,
        )
        .expect("writing to a string does not fail");
    }
    text
}

/// A path as a cell that neither runs nor tears.
pub fn path_cell(path: &Path) -> String {
    let text = text_from_path(path);
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\'']) {
        format!("\"'{}\"", text.replace('"', "\"\""))
    } else if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_neither_run_nor_torn() {
        for (path, cell) in [
            ("a/b.png", "a/b.png"),
            ("=1+1.png", "\"'=1+1.png\""),
            ("@x,\"y\".png", "\"'@x,\"\"y\"\".png\""),
            ("'x.png", "\"''x.png\""),
            ("a,b\n.png", "\"a,b\n.png\""),
            ("a \"b\".png", "\"a \"\"b\"\".png\""),
        ] {
            assert_eq!(path_cell(Path::new(path)), cell);
        }
    }
}
