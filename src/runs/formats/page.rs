//! The report as one HTML file.

use super::{Content, Format};
use crate::runs::report::html_report;

pub(super) static FORMAT: Format = Format {
    name: "report",
    label: "HTML report",
    file_name: "report.html",
    help: "Write one HTML file with everything in it",
    content: Content::File(|run| {
        html_report(&run.report(), run.manifest(), run.segments()).map(String::into_bytes)
    }),
};
