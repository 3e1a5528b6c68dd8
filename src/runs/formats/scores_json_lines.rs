//! Every attempt as a line of JSON (<https://jsonlines.org>), for scripts.

use serde::{Serialize, Serializer};

use super::{Content, Format, Row, RunView};
use crate::ood::{MeasureId, Values};
use crate::runs::report::{tabulated_measures, text_from_path};

pub(super) static FORMAT: Format = Format {
    name: "jsonl",
    label: "Scores as JSON lines",
    file_name: "scores.jsonl",
    help: "Write every attempt as a line of JSON, with what --parquet has",
    content: Content::File(write),
};

/// One line. Paths are text as [`text_from_path`] writes it.
#[derive(Serialize)]
struct Line<'a> {
    path: String,
    role: &'a str,
    attempt: usize,
    /// In an object of their own: a measure may be called like a field.
    measures: Measures<'a>,
    seconds: f64,
    image: usize,
    folder: String,
    sha256: String,
}

/// Values by the ids of their measures; `null` for one that is not finite, for which JSON has no number, or that was not
/// measured.
struct Measures<'a> {
    ids: &'a [MeasureId],
    values: &'a Values,
}

impl Serialize for Measures<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = |id| self.values.get(id).filter(|value| value.is_finite());
        serializer.collect_map(self.ids.iter().map(|&id| (id, value(id))))
    }
}

/// The order is that of `scores.csv`.
fn write(run: &RunView) -> Result<Vec<u8>, String> {
    let ids = tabulated_measures(&run.results);
    let mut lines = Vec::new();
    for row in run.rows() {
        serde_json::to_writer(&mut lines, &line(&row, &ids)).map_err(|error| error.to_string())?;
        lines.push(b'\n');
    }
    Ok(lines)
}

fn line<'a>(row: &Row<'a>, ids: &'a [MeasureId]) -> Line<'a> {
    Line {
        path: text_from_path(&row.image.file.path),
        role: row.image.role.name(),
        attempt: row.result.attempt,
        measures: Measures {
            ids,
            values: &row.result.values,
        },
        seconds: row.seconds,
        image: row.result.image,
        folder: text_from_path(&row.image.folder),
        sha256: row.image.file.hash.to_string(),
    }
}
