//! Labels from a table: a CSV file that names images and their roles stands for a folder of each role.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::listing::{ListError, Listing, Traits};
use super::{Source, Wanted};
use crate::images::input::{self, InputError};
use crate::ood::Role;

pub(super) static SOURCE: Source = Source {
    name: "table of labels",
    has_roles: true,
    is_one: is_table,
    list,
    read_inside: None,
};

/// Why a table of labels can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LabelsError {
    #[error("the table of labels can't be read: {source}: {}", path.display())]
    Read {
        path: PathBuf,
        /// What the system said.
        source: InputError,
    },
    /// Bytes that are no text.
    #[error("the table of labels is not text in UTF-8; save it as such: {}", path.display())]
    NotText { path: PathBuf },
    /// A line whose first cell is empty.
    #[error("line {line} of the table of labels names no image: its path is empty: {}", path.display())]
    NoPath {
        /// From 1.
        line: usize,
        path: PathBuf,
    },
    /// A line that has no second cell.
    #[error("line {line} of the table of labels has no label; expected `path,label`: {}", path.display())]
    NoLabel {
        /// From 1.
        line: usize,
        path: PathBuf,
    },
    /// A label that means nothing here.
    #[error(
        "line {line} of the table of labels has the label `{label}`; expected in-domain, out-of-domain or unknown: {}",
        path.display()
    )]
    Label {
        /// From 1.
        line: usize,
        /// As found.
        label: String,
        path: PathBuf,
    },
    /// No line names an image.
    #[error("the table of labels names no image; expected lines `path,label`: {}", path.display())]
    Empty { path: PathBuf },
}

/// Most bytes of a table: millions of images.
const MAX_BYTES: u64 = 1 << 30;

/// Whether a path is taken for a table of labels rather than for images.
pub fn is_table(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
        && path.is_file()
}

/// Read a table with the columns path and label.
///
/// A first line with the cell `path` names the columns, `path` and `label` (or `role`), in any order and among others;
/// without it they are the first two. Labels: `in-domain`, `in`, `id`, `0`; `out-of-domain`, `out`, `ood`, `1`; `unknown`
/// or nothing. Cells follow RFC 4180, but for line breaks in them. Relative paths begin at the table's folder.
pub fn read(path: &Path) -> Result<Vec<(PathBuf, Role)>, LabelsError> {
    let bytes = input::read(path, MAX_BYTES).map_err(|source| LabelsError::Read {
        path: path.to_owned(),
        source,
    })?;
    let text = std::str::from_utf8(input::without_mark(&bytes)).map_err(|_position| {
        LabelsError::NotText {
            path: path.to_owned(),
        }
    })?;
    let base = path.parent().unwrap_or_else(|| Path::new(""));
    let (mut path_column, mut label_column) = (0, 1);
    let mut entries = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let cells = cells(line);
        let column = |names: &[&str]| {
            cells
                .iter()
                .position(|cell| names.contains(&cell.trim().to_lowercase().as_str()))
        };
        if entries.is_empty()
            && let Some(found) = column(&["path"])
        {
            path_column = found;
            label_column = column(&["label", "role"]).unwrap_or(1);
            continue;
        }
        let line = index + 1;
        let (Some(image), Some(label)) = (cells.get(path_column), cells.get(label_column)) else {
            return Err(LabelsError::NoLabel {
                line,
                path: path.to_owned(),
            });
        };
        if image.trim().is_empty() {
            return Err(LabelsError::NoPath {
                line,
                path: path.to_owned(),
            });
        }
        let role = role(label).ok_or_else(|| LabelsError::Label {
            line,
            label: label.clone(),
            path: path.to_owned(),
        })?;
        entries.push((base.join(image), role));
    }
    if entries.is_empty() {
        return Err(LabelsError::Empty {
            path: path.to_owned(),
        });
    }
    Ok(entries)
}

/// The cells of one line; a doubled quote inside quotes is a quote.
fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut is_quoted = false;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        let cell = cells.len() - 1;
        match letter {
            '"' if is_quoted && letters.peek() == Some(&'"') => {
                cells[cell].push('"');
                letters.next();
            }
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => cells.push(String::new()),
            _ => cells[cell].push(letter),
        }
    }
    cells
}

fn role(label: &str) -> Option<Role> {
    match label.trim().to_lowercase().as_str() {
        "in-domain" | "in" | "id" | "0" => Some(Role::InDomain),
        "out-of-domain" | "out" | "ood" | "1" => Some(Role::OutOfDomain),
        "unknown" | "" => Some(Role::Unknown),
        _ => None,
    }
}

/// An image of the table may be a source itself, such as a folder.
fn list(
    path: &Path,
    wanted: Wanted,
    traits: &mut Traits,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Listing, ListError> {
    let mut listing = Listing::default();
    let entries = read(path)?.into_iter();
    for (image, _) in entries.filter(|entry| Some(entry.1) == wanted.role) {
        let limit = wanted.limit - listing.files.len();
        if limit == 0 {
            break;
        }
        let num_before = listing.files.len();
        let mut inner = |num_images: usize| progress(num_before + num_images);
        let wanted = Wanted { role: None, limit };
        match super::list_part(&image, wanted, traits, &mut inner) {
            Ok(found) => {
                listing.files.extend(found.files);
                listing.unreadable.extend(found.unreadable);
            }
            Err(ListError::Stopped) => return Err(ListError::Stopped),
            Err(error) => {
                let reason = error.reason();
                listing.unreadable.push((image, reason));
            }
        }
        if progress(listing.files.len()).is_break() {
            return Err(ListError::Stopped);
        }
    }
    Ok(listing)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn table(text: &str) -> Result<Vec<(PathBuf, Role)>, LabelsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.csv");
        fs::write(&path, text).unwrap();
        let entries = read(&path)?;
        let shorter = |(image, role): (PathBuf, Role)| {
            let image = image.strip_prefix(folder.path()).map(Path::to_owned);
            (image.unwrap(), role)
        };
        Ok(entries.into_iter().map(shorter).collect())
    }

    #[test]
    fn columns_are_found_by_name_or_place() {
        let expected = [
            (PathBuf::from("a.png"), Role::InDomain),
            (PathBuf::from("b, \"c\".png"), Role::OutOfDomain),
            (PathBuf::from("d/e.png"), Role::Unknown),
        ];
        let quoted = "\"b, \"\"c\"\".png\"";
        let plain = format!("a.png,0\r\n{quoted},ood\n\nd/e.png,\n");
        assert_eq!(table(&plain).unwrap(), expected);
        let named = format!(
            "\u{FEFF}score,Role,path\n1,in-domain,a.png\n2,OUT,{quoted}\n3,unknown,d/e.png"
        );
        assert_eq!(table(&named).unwrap(), expected);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let message = |text| table(text).unwrap_err().to_string();
        assert!(message("path,label\na.png,cat\n").contains("line 2"));
        assert!(message("a.png,in\nb.png\n").contains("line 2"));
        assert!(message("path,label\n").contains("names no image"));
        assert!(message("path,label\na.png,in\n\n,in\n").contains("line 4"));
        assert!(message("a.png,in\n\" \",ood\n").contains("its path is empty"));
        let missing = read(Path::new("/no/such.csv")).unwrap_err().to_string();
        assert!(missing.contains("can't be read") && missing.contains("/no/such.csv"));
    }
}
