//! Tables that say what their images are, alone or in the folder of these.

use std::path::{Path, PathBuf};

use super::cells::{Cell, Word};
use super::{Holds, Layout};
use crate::images::sources::rows;
use crate::images::sources::table::{self, Row, Table, TableError};
use crate::images::sources::words;

/// What Hugging Face's `imagefolder` takes for the table of a folder.
const METADATA: [&str; 2] = ["metadata.csv", "metadata.jsonl"];

/// Lines that are told one by one.
const MOST_TOLD: usize = 3;

/// A table by itself.
pub(super) fn table(path: &Path) -> Result<Layout, TableError> {
    let table = table::read(path)?;
    let mut gathered = Gathered::default();
    gathered.add(path, Path::new(""), &table);
    let mut layout = gathered.layout("a table of images", path);
    layout.is_table = true;
    Ok(layout)
}

/// A folder with a table of its images in it, or in each of its splits.
pub(super) fn image_folder(root: &Path) -> Result<Option<Layout>, TableError> {
    let mut gathered = Gathered::default();
    let mut places = vec![PathBuf::new()];
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut splits: Vec<String> = names.filter(|name| words::split(name).is_some()).collect();
    splits.sort();
    places.extend(splits.into_iter().map(PathBuf::from));
    for place in places {
        for name in METADATA {
            let path = root.join(&place).join(name);
            if path.is_file() {
                gathered.add(&path, &place, &table::read(&path)?);
            }
        }
    }
    // Captions and boxes say nothing of which images belong: then the names of folders may.
    let has_labels = gathered.cells.iter().any(|cell| cell.word.is_some());
    let name = "a Hugging Face imagefolder, with a table of metadata";
    Ok(has_labels.then(|| gathered.layout(name, root)))
}

/// Rows of tables by split and label.
#[derive(Default)]
struct Gathered {
    cells: Vec<Cell>,
    notes: Vec<String>,
    /// Where each cell's first row is, for what is not understood.
    first: Vec<(usize, PathBuf)>,
}

impl Gathered {
    fn add(&mut self, path: &Path, place: &Path, table: &Table) {
        let mut missing: Vec<&Row> = Vec::new();
        for row in &table.rows {
            let part = rows::name(row);
            let name = place.join(&part);
            let source = path.join(&part);
            let known = self.cells.iter().position(|cell| cell.source == source);
            let index = known.unwrap_or_else(|| {
                let split = row.split.as_deref().or_else(|| place.to_str());
                self.cells.push(Cell {
                    name,
                    source,
                    split: split.and_then(words::split),
                    word: row.label.clone().map(Word::Label),
                    is_masks: false,
                    num_images: 0,
                });
                self.first.push((row.line, path.to_owned()));
                self.cells.len() - 1
            });
            if row.image.exists() {
                self.cells[index].num_images += 1;
            } else {
                missing.push(row);
            }
        }
        if let Some(first) = missing.first() {
            let (are, count) = match missing.len() {
                1 => ("image of the table is", 1),
                count => ("images of the table are", count),
            };
            self.notes.push(format!(
                "{count} {are} not there, the first one is on line {}: {} (paths begin at the table's folder): {}",
                first.line,
                first.image.display(),
                path.display()
            ));
        }
        for (line, what) in table.bad.iter().take(MOST_TOLD) {
            let sentence = format!(
                "line {line} of the table {what}; it is left out: {}",
                path.display()
            );
            self.notes.push(sentence);
        }
        if table.bad.len() > MOST_TOLD {
            let more = table.bad.len() - MOST_TOLD;
            let sentence = format!(
                "{more} more lines of the table are left out: {}",
                path.display()
            );
            self.notes.push(sentence);
        }
    }

    fn layout(self, name: &'static str, root: &Path) -> Layout {
        let mut layout = Layout::new(name, root, self.cells);
        for (part, (line, path)) in layout.parts.iter().zip(self.first) {
            if part.holds == Holds::Unclear {
                layout.notes.push(format!(
                    "the label of line {line} of the table, for {}, does not say whether an image belongs: {}",
                    part.name,
                    path.display()
                ));
            }
        }
        layout.notes.extend(self.notes);
        layout
    }
}
