//! Tables that say what their images are, alone or in the folder of these.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::cells::{Cell, Word};
use super::{Holds, Layout};
use crate::images::sources::table::{self, Row, Table, TableError};
use crate::images::sources::words;
use crate::images::sources::{is_there, rows};

/// What Hugging Face's `imagefolder` takes for the table of a folder.
const METADATA: [&str; 2] = ["metadata.csv", "metadata.jsonl"];

/// Most parts of a table, each of which is a choice for the user: columns with more hold measurements rather than classes.
const MOST_PARTS: usize = 1000;

/// Lines that are told one by one, and labels.
const MOST_TOLD: usize = 3;

/// A table by itself.
pub(super) fn table(path: &Path) -> Result<Layout, TableError> {
    let table = table::read(path)?;
    // Without a row there is no part to take, and what is wrong is all there is to say.
    if table.rows.is_empty()
        && let Some((line, what)) = table.bad.first()
    {
        return Err(TableError::Row {
            line: *line,
            what: what.clone(),
            path: path.to_owned(),
        });
    }
    let mut gathered = Gathered::default();
    gathered.add(path, Path::new(""), &table)?;
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
                gathered.add(&path, &place, &table::read(&path)?)?;
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
    /// Which cell has a source.
    known: HashMap<PathBuf, usize>,
    /// Where each cell's first row is, for what is not understood.
    first: Vec<(usize, PathBuf)>,
}

impl Gathered {
    fn add(&mut self, path: &Path, place: &Path, table: &Table) -> Result<(), TableError> {
        let parts: HashSet<PathBuf> = table.rows.iter().map(rows::name).collect();
        if parts.len() > MOST_PARTS {
            return Err(TableError::TooManyLabels {
                count: parts.len(),
                most: MOST_PARTS,
                path: path.to_owned(),
            });
        }
        let mut missing: Vec<&Row> = Vec::new();
        for row in &table.rows {
            let part = rows::name(row);
            let name = place.join(&part);
            let source = path.join(&part);
            let known = self.known.get(&source).copied();
            let index = known.unwrap_or_else(|| {
                self.known.insert(source.clone(), self.cells.len());
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
            if is_there(&row.image) {
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
        Ok(())
    }

    fn layout(mut self, name: &'static str, root: &Path) -> Layout {
        self.tell_indices_from_labels();
        let labels: Vec<Option<Word>> = self.cells.iter().map(|cell| cell.word.clone()).collect();
        let mut layout = Layout::new(name, root, self.cells);
        // A label is told once, in however many splits it is.
        let (mut told, mut unclear) = (HashSet::new(), Vec::new());
        for ((part, label), first) in layout.parts.iter().zip(&labels).zip(&self.first) {
            if let Some(Word::Label(label) | Word::Index(label)) = label
                && part.holds == Holds::Unclear
                && told.insert(label)
            {
                unclear.push((label, first));
            }
        }
        for (label, (line, path)) in unclear.iter().take(MOST_TOLD) {
            layout.notes.push(format!(
                "the label `{label}` (first on line {line} of the table) does not say whether an image belongs: {}",
                path.display()
            ));
        }
        match unclear.len().saturating_sub(MOST_TOLD) {
            0 => {}
            1 => (layout.notes).push("1 more label does not say so either".to_owned()),
            more => (layout.notes).push(format!("{more} more labels do not say so either")),
        }
        layout.notes.extend(self.notes);
        layout
    }

    /// 0 and 1 are good and bad only where they are all the numbers there are: among the digits of MNIST they are classes
    /// like the others.
    fn tell_indices_from_labels(&mut self) {
        let is_index = |cell: &Cell| matches!(&cell.word, Some(Word::Label(label)) if words::is_number_of_a_class(label));
        if !self.cells.iter().any(is_index) {
            return;
        }
        for cell in &mut self.cells {
            if let Some(Word::Label(label)) = &cell.word
                && words::is_number(label)
            {
                cell.word = Some(Word::Index(label.clone()));
            }
        }
    }
}
