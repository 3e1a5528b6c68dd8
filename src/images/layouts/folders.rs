//! Folders whose names say what is in them.

use std::fs;
use std::path::{Path, PathBuf};

use super::cells::{Cell, Word};
use super::{Holds, LAYOUTS, Layout, any};
use crate::images::natural;
use crate::images::sources::words::{self, Split};
use crate::images::sources::{folder, has_image_extension};

/// Folders within folders that are looked at: `Data/Images/Normal` is the deepest that is known.
const DEEPEST: usize = 4;

/// How a folder is laid out by the names of its subfolders.
pub(super) fn folder(root: &Path) -> Option<Layout> {
    let mut found = Found::default();
    found.look_into(root, Place::default());
    let kind = |cells: &[Cell]| LAYOUTS.iter().find(|kind| (kind.is_one)(cells));
    if kind(&found.cells).is_none() {
        return several(root, &found.cells);
    }
    // Counting walks through all files, so it waits until there is something to propose.
    for cell in &mut found.cells {
        cell.num_images = folder::count(&cell.source);
    }
    found.cells.retain(|cell| cell.num_images > 0);
    let mut layout = Layout::new(kind(&found.cells)?.name, root, found.cells);
    let loose = found.loose.iter().map(|(path, count)| beside(path, *count));
    layout.notes.extend(loose);
    Some(layout)
}

fn beside(path: &Path, count: usize) -> String {
    let images = if count == 1 {
        "1 image lies directly beside these folders and is left out".to_owned()
    } else {
        format!("{count} images lie directly beside these folders and are left out")
    };
    format!("{images}: {}", path.display())
}

/// A folder of data sets, each of its own: to mix them is never what is meant.
fn several(root: &Path, cells: &[Cell]) -> Option<Layout> {
    let has_masks = |cell: &&Cell| {
        let mut inside = Found::default();
        inside.look_into(&cell.source, Place::default());
        any(&inside.cells, |cell| cell.is_masks) && any(&inside.cells, |cell| !cell.is_masks)
    };
    let cells: Vec<Cell> = cells.iter().filter(has_masks).cloned().collect();
    if cells.is_empty() {
        return None;
    }
    let mut layout = Layout::new("several data sets", root, cells);
    for part in &mut layout.parts {
        part.num_images = folder::count(&part.source);
        (part.holds, part.role) = (Holds::DataSet, None);
    }
    layout.notes.clear();
    layout.is_certain = true;
    Some(layout)
}

/// Where in a folder something lies.
#[derive(Clone, Default)]
struct Place {
    /// Below the root.
    name: PathBuf,
    split: Option<Split>,
}

#[derive(Default)]
struct Found {
    cells: Vec<Cell>,
    /// Folders with images beside their subfolders, and how many.
    loose: Vec<(PathBuf, usize)>,
}

impl Found {
    fn look_into(&mut self, folder: &Path, place: Place) {
        let inside = Inside::of(folder);
        for name in &inside.folders {
            let at = Place {
                name: place.name.join(name),
                split: place.split.or_else(|| words::split(name)),
            };
            let path = folder.join(name);
            let is_masks = words::is_masks(name)
                || (words::is_masks_beside_images(name) && inside.has_images_beside(name));
            let is_way_down =
                place.split.is_none() && words::split(name).is_some() || words::is_container(name);
            if !is_masks && is_way_down && at.name.components().count() < DEEPEST {
                self.look_into(&path, at);
                continue;
            }
            let word = Some(Word::Folder(name.clone()));
            self.cells.push(cell(at, path, word, is_masks));
        }
        let is_root = place.name.as_os_str().is_empty();
        if inside.num_images == 0 || (is_root && inside.folders.is_empty()) {
            return;
        }
        if inside.folders.is_empty() {
            self.cells.push(cell(place, folder.to_owned(), None, false));
        } else {
            self.loose.push((folder.to_owned(), inside.num_images));
        }
    }
}

fn cell(place: Place, source: PathBuf, word: Option<Word>, is_masks: bool) -> Cell {
    Cell {
        name: place.name,
        source,
        split: place.split,
        word,
        is_masks,
        num_images: 0,
    }
}

/// What lies directly in a folder.
struct Inside {
    /// In natural order; hidden ones and those whose names are no text are not asked what they hold.
    folders: Vec<String>,
    /// Files that are named like images.
    num_images: usize,
}

impl Inside {
    /// A folder that can't be read holds nothing: its listing says so.
    fn of(folder: &Path) -> Self {
        let mut inside = Self {
            folders: Vec::new(),
            num_images: 0,
        };
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let is_folder = match entry.file_type() {
                Ok(kind) if kind.is_symlink() => entry.path().is_dir(),
                Ok(kind) => kind.is_dir(),
                Err(_) => false,
            };
            let name = entry.file_name().into_string();
            match name {
                Ok(name) if is_folder && !name.starts_with('.') => inside.folders.push(name),
                _ if !is_folder => {
                    inside.num_images += usize::from(has_image_extension(&entry.path()));
                }
                _ => {}
            }
        }
        (inside.folders).sort_by(|a, b| natural::compare(a.as_ref(), b.as_ref()));
        inside
    }

    /// Whether a folder beside this one is that of images that such masks belong to.
    fn has_images_beside(&self, name: &str) -> bool {
        self.folders.iter().any(|other| {
            other != name
                && (words::is_container(other)
                    || words::split(other).is_some()
                    || words::class_of_folder(other).is_some())
        })
    }
}
