//! Which columns of a table say where an image lies and what it is, by the heads that people and programs give them.

use std::path::Path;

use super::table::Row;
use super::{has_image_extension, is_there, words};

/// Heads of the column with the path.
pub(super) const PATHS: &[&str] = &[
    "path",
    "filepath",
    "file_path",
    "image_path",
    "img_path",
    "file_name",
    "filename",
    "image",
    "img",
    "image_file",
    "image_name",
    "file",
];

/// Heads of the column with the label, the one to take first.
const LABELS: &[&str] = &[
    "role",
    "label",
    "label_name",
    "class",
    "class_name",
    "category",
    "target",
    "label_index",
    "label_idx",
];

/// Heads of columns that say whether an image is abnormal: `True`, `no`, or the kind of defect.
const IS_ABNORMAL: &[&str] = &[
    "anomaly",
    "anomalous",
    "is_anomaly",
    "is_anomalous",
    "abnormal",
    "is_abnormal",
    "defect",
    "is_defect",
    "defective",
    "is_defective",
];

/// Heads of the column with the part of the data set.
const SPLITS: &[&str] = &["split", "subset", "partition", "set"];

/// Why there is no column with the path.
pub(super) enum Problem {
    None,
    /// The heads of those that could be it.
    Many(Vec<String>),
}

/// Where in a record things are.
pub(super) struct Columns {
    path: usize,
    label: Option<usize>,
    /// Whether `label` answers the question whether an image is abnormal.
    is_question: bool,
    split: Option<usize>,
}

/// The columns of a table without a head.
pub(super) fn usual(num_columns: usize) -> Vec<String> {
    let usual = ["path", "label"].map(str::to_owned);
    usual.into_iter().take(num_columns).collect()
}

/// Whether cells are the heads of columns, one of them of the path.
pub(super) fn is_head(cells: &[String]) -> bool {
    cells.iter().any(|cell| is_one_of(PATHS, cell))
}

/// Whether cells are a row of a table without a head.
pub(super) fn is_path_and_label(cells: &[String], base: &Path) -> bool {
    let image = cells.first().map_or("", String::as_str);
    let has_label = cells
        .get(1)
        .is_some_and(|cell| words::class(cell).is_some());
    has_label
        || has_image_extension(Path::new(image))
        || (!image.is_empty() && is_there(&base.join(image)))
}

/// As a list in a sentence.
pub(super) fn quoted(heads: &[String]) -> String {
    let heads: Vec<String> = heads.iter().map(|head| format!("`{head}`")).collect();
    match heads.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => "none".to_owned(),
    }
}

fn is_one_of(known: &[&str], head: &str) -> bool {
    let head = head.trim().to_lowercase().replace(['-', ' '], "_");
    known.contains(&head.as_str())
}

impl Columns {
    pub(super) fn find(
        heads: &[String],
        records: &[(usize, Vec<String>)],
        base: &Path,
    ) -> Result<Self, Problem> {
        let of = |known: &[&str]| {
            let mut places = (0..heads.len()).filter(|&place| is_one_of(known, &heads[place]));
            places.next()
        };
        // The first name of the list that any column has, not the first column that has any.
        let named = |known: &[&str]| known.iter().find_map(|name| of(&[name]));
        let label = named(LABELS);
        let question = named(IS_ABNORMAL).filter(|_| label.is_none());
        Ok(Self {
            path: path_column(heads, records, base)?,
            label: label.or(question),
            is_question: question.is_some(),
            split: named(SPLITS),
        })
    }

    /// The image that a record names, or what is wrong with it, to follow "line 3 of the table".
    pub(super) fn row(&self, line: usize, cells: &[String], base: &Path) -> Result<Row, String> {
        let image = cells.get(self.path).map_or("", String::as_str);
        if image.is_empty() {
            return Err("names no image: its path is empty".to_owned());
        }
        if image.contains(['\n', '\r', '\0']) {
            return Err("has a path of several lines; is a quote missing?".to_owned());
        }
        let cell = |column: Option<usize>| {
            column
                .map(|column| cells.get(column).cloned().ok_or(column))
                .transpose()
        };
        let missing = |column: usize| {
            format!(
                "has {} {}, and its label would be in the {}; is a separator missing?",
                cells.len(),
                if cells.len() == 1 { "cell" } else { "cells" },
                ordinal(column)
            )
        };
        let label = cell(self.label).map_err(missing)?;
        Ok(Row {
            line,
            image: base.join(image),
            label: label.map(|label| self.label(label)),
            split: cell(self.split)
                .unwrap_or_default()
                .filter(|s| !s.is_empty()),
        })
    }

    fn label(&self, label: String) -> String {
        match label.to_lowercase().as_str() {
            "true" | "yes" | "y" if self.is_question => "anomalous".to_owned(),
            "false" | "no" | "n" | "none" if self.is_question => "normal".to_owned(),
            _ => label,
        }
    }
}

fn ordinal(column: usize) -> String {
    match column + 1 {
        1 => "first".to_owned(),
        2 => "second".to_owned(),
        3 => "third".to_owned(),
        n => {
            let is_teen = (11..=13).contains(&(n % 100));
            let ending = match n % 10 {
                1 if !is_teen => "st",
                2 if !is_teen => "nd",
                3 if !is_teen => "rd",
                _ => "th",
            };
            format!("{n}{ending}")
        }
    }
}

/// Of several that could be it the one that leads to files, by the first records.
fn path_column(
    heads: &[String],
    records: &[(usize, Vec<String>)],
    base: &Path,
) -> Result<usize, Problem> {
    const LOOKED_AT: usize = 5;
    let could_be: Vec<usize> = (0..heads.len())
        .filter(|&column| is_one_of(PATHS, &heads[column]))
        .collect();
    if could_be.is_empty() {
        return Err(Problem::None);
    }
    let leads = |column: &usize| {
        let mut cells =
            (records.iter().take(LOOKED_AT)).filter_map(|(_, cells)| cells.get(*column));
        cells.any(|cell| !cell.is_empty() && is_there(&base.join(cell)))
    };
    let leading: Vec<usize> = could_be.iter().copied().filter(leads).collect();
    let meant = if leading.is_empty() {
        &could_be
    } else {
        &leading
    };
    match meant[..] {
        [column] => Ok(column),
        _ => Err(Problem::Many(
            meant.iter().map(|&column| heads[column].clone()).collect(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_columns_are_written_as_people_do() {
        for (column, expected) in [
            (0, "first"),
            (3, "4th"),
            (10, "11th"),
            (12, "13th"),
            (20, "21st"),
            (21, "22nd"),
            (22, "23rd"),
            (110, "111th"),
        ] {
            assert_eq!(ordinal(column), expected);
        }
    }
}
