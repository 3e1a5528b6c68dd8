//! Tables that name images: CSV with any usual separator, or a line of JSON per image.
//!
//! What a label means is not decided here. A row that can't be used is kept with the reason, so that the others can be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::columns::{self, Columns};
use crate::images::input::{self, InputError};

/// Why a table can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("the table can't be read: {source}: {}", path.display())]
    Read {
        path: PathBuf,
        /// What the system said.
        source: InputError,
    },
    /// Bytes that are no text.
    #[error("the table is not text in UTF-8; save it as such: {}", path.display())]
    NotText { path: PathBuf },
    /// Nothing but a head, or nothing at all.
    #[error(
        "the table names no image; expected a head such as `path,label` and a row for each image: {}",
        path.display()
    )]
    Empty { path: PathBuf },
    /// No head of a column is known, and the rows are not `path,label` either.
    #[error(
        "no column of the table has a name for image paths; found {found}, expected one of {}: {}",
        columns::PATHS.join(", "), path.display()
    )]
    NoPathColumn {
        /// The heads.
        found: String,
        path: PathBuf,
    },
    /// More than one column could be meant.
    #[error(
        "{columns} could each be the path of the images, and name different files; rename or remove all but one: {}",
        path.display()
    )]
    ManyPathColumns {
        /// The heads.
        columns: String,
        path: PathBuf,
    },
    /// A column of measurements, or of names, where one of classes is expected.
    #[error(
        "the table has too many different labels ({count}, at most {most}) to be classes; if they are measurements or names, \
         remove or rename their column: {}",
        path.display()
    )]
    TooManyLabels {
        count: usize,
        most: usize,
        path: PathBuf,
    },
    /// A quote that is not closed takes all that follows for one cell.
    #[error("line {line} of the table opens a quote that is never closed: {}", path.display())]
    OpenQuote {
        /// From 1.
        line: usize,
        path: PathBuf,
    },
    /// A row that can't be used, where all must be.
    #[error("line {line} of the table {what}: {}", path.display())]
    Row {
        /// From 1.
        line: usize,
        /// What is wrong with it, to follow "line 3 of the table".
        what: String,
        path: PathBuf,
    },
}

/// A row that names an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Of the file, from 1; where the row begins.
    pub line: usize,
    /// Relative paths begin at the table's folder.
    pub image: PathBuf,
    /// As written, trimmed; `None` where the table has no such column.
    pub label: Option<String>,
    /// Which part of a data set it is in; `None` where the table does not say.
    pub split: Option<String>,
}

/// A table that was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// In the order of the file.
    pub rows: Vec<Row>,
    /// Rows that can't be used: line and what is wrong, to follow "line 3 of the table".
    pub bad: Vec<(usize, String)>,
}

/// Most bytes of a table: millions of images.
const MAX_BYTES: u64 = 1 << 30;
const JSON_LINES: [&str; 2] = ["jsonl", "ndjson"];
const SEPARATED: [&str; 2] = ["csv", "tsv"];

/// Whether a path is named like a table.
pub fn is_named_like_a_table(path: &Path) -> bool {
    has_extension(path, &SEPARATED) || has_extension(path, &JSON_LINES)
}

fn has_extension(path: &Path, known: &[&str]) -> bool {
    (path.extension()).is_some_and(|extension| {
        known
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    })
}

/// Read a table. Its columns are found by their heads; without a head they are path and label.
pub fn read(path: &Path) -> Result<Table, TableError> {
    let bytes = input::read(path, MAX_BYTES).map_err(|source| TableError::Read {
        path: path.to_owned(),
        source,
    })?;
    let text = std::str::from_utf8(input::without_mark(&bytes)).map_err(|_position| {
        TableError::NotText {
            path: path.to_owned(),
        }
    })?;
    let base = path.parent().unwrap_or_else(|| Path::new(""));
    let table = if has_extension(path, &JSON_LINES) {
        let lines = json_lines(text);
        table_of(path, base, &lines.heads, lines.records, lines.bad)?
    } else {
        let records = separated(text, path, base)?;
        let has_head = records.first().is_some_and(|(_, cells)| {
            columns::is_head(cells) || !columns::is_path_and_label(cells, base)
        });
        let (heads, rows) = match records.split_first() {
            Some(((_, heads), rows)) if has_head => (heads.clone(), rows.to_vec()),
            Some(((_, first), _)) => (columns::usual(first.len()), records),
            None => (Vec::new(), records),
        };
        table_of(path, base, &heads, rows, Vec::new())?
    };
    if table.rows.is_empty() && table.bad.is_empty() {
        return Err(TableError::Empty {
            path: path.to_owned(),
        });
    }
    Ok(table)
}

type Record = (usize, Vec<String>);

fn table_of(
    path: &Path,
    base: &Path,
    heads: &[String],
    records: Vec<Record>,
    bad: Vec<(usize, String)>,
) -> Result<Table, TableError> {
    if records.is_empty() {
        let rows = Vec::new();
        return Ok(Table { rows, bad });
    }
    let columns = Columns::find(heads, &records, base).map_err(|problem| match problem {
        columns::Problem::None => TableError::NoPathColumn {
            found: columns::quoted(heads),
            path: path.to_owned(),
        },
        columns::Problem::Many(many) => TableError::ManyPathColumns {
            columns: columns::quoted(&many),
            path: path.to_owned(),
        },
    })?;
    let mut table = Table {
        rows: Vec::new(),
        bad,
    };
    for (line, cells) in records {
        match columns.row(line, &cells, base) {
            Ok(row) => table.rows.push(row),
            Err(what) => table.bad.push((line, what)),
        }
    }
    Ok(table)
}

/// The records of a text, each with its line, by the separator by which its first one makes most sense.
fn separated(text: &str, path: &Path, base: &Path) -> Result<Vec<Record>, TableError> {
    let is_tsv = has_extension(path, &["tsv"]);
    // Paths may hold other separators, so that to split most is only the last thing that speaks for one.
    let by = |separator: u8| {
        let (_, first) = records(text, separator).next().unwrap_or_default();
        (
            is_tsv && separator == b'\t' && first.len() > 1,
            columns::is_head(&first),
            columns::is_path_and_label(&first, base),
            first.len(),
        )
    };
    // Of several that are as good the last one is taken.
    let best = [b'|', b'\t', b';', b',']
        .into_iter()
        .max_by_key(|&separator| by(separator))
        .unwrap_or(b',');
    let records: Vec<Record> = records(text, best).collect();
    // A record of many lines that ends with the file: most likely it was not meant to be one.
    if let Some((line, _)) = records.last() {
        let rest: Vec<&str> = text.split_inclusive('\n').skip(line - 1).collect();
        let num_quotes = rest.concat().matches('"').count();
        if rest.len() > 1 && !num_quotes.is_multiple_of(2) {
            return Err(TableError::OpenQuote {
                line: *line,
                path: path.to_owned(),
            });
        }
    }
    Ok(records)
}

fn records(text: &str, separator: u8) -> impl Iterator<Item = Record> + '_ {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .from_reader(text.as_bytes());
    let (mut record, mut counted, mut line) = (csv::StringRecord::new(), 0, 1);
    std::iter::from_fn(move || {
        loop {
            // The text is UTF-8 and lengths are free, so that nothing can be wrong.
            if !reader.read_record(&mut record).unwrap_or(false) {
                return None;
            }
            // Where the reader says that a record begins there may be empty lines before it.
            let said = record.position().map_or(0, csv::Position::byte) as usize;
            let blank = text.as_bytes()[said..].iter();
            let begin = said
                + blank
                    .take_while(|byte| matches!(byte, b'\r' | b'\n'))
                    .count();
            line += text[counted..begin].matches('\n').count();
            counted = begin;
            if record.iter().any(|cell| !cell.trim().is_empty()) {
                let cells = record.iter().map(|cell| cell.trim().to_owned());
                return Some((line, cells.collect()));
            }
        }
    })
}

/// What lines of JSON hold, as a table.
#[derive(Default)]
struct JsonLines {
    heads: Vec<String>,
    records: Vec<Record>,
    bad: Vec<(usize, String)>,
}

fn json_lines(text: &str) -> JsonLines {
    let mut lines = JsonLines::default();
    let mut objects: Vec<(usize, BTreeMap<String, Value>)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        match serde_json::from_str::<BTreeMap<String, Value>>(line) {
            Ok(object) => objects.push((index + 1, object)),
            Err(error) => lines
                .bad
                .push((index + 1, format!("is not an object of JSON ({error})"))),
        }
    }
    for (_, object) in &objects {
        for head in object.keys() {
            if !lines.heads.contains(head) {
                lines.heads.push(head.clone());
            }
        }
    }
    let cell = |value: Option<&Value>| match value {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => value.to_string(),
        _ => String::new(),
    };
    lines.records = (objects.iter())
        .map(|(line, object)| {
            let cells = lines.heads.iter().map(|head| cell(object.get(head)));
            (*line, cells.collect())
        })
        .collect();
    lines
}
