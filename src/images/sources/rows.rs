//! `TABLE/PART`: the images of a table that have one label, `labels.csv/scratch`, in one split if the table has such a column,
//! `labels.csv/test/scratch`. So a kind of defect that a table names is a source of its own, as a folder is.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::listing::{ListError, Listing, Traits};
use super::table::{self, Row};
use super::{Source, Wanted, labels};

pub(super) static SOURCE: Source = Source {
    name: "part of a table",
    has_roles: false,
    is_one: |path| part_of(path).is_some(),
    list,
    read_inside: None,
};

/// What images without a label are called.
pub const NO_LABEL: &str = "no label";

/// The table that a path begins with and the name of the part; `None` where it names something else.
pub fn part_of(path: &Path) -> Option<(&Path, &Path)> {
    let may_be = |part: &&Path| table::is_named_like_a_table(part);
    let table = path
        .ancestors()
        .skip(1)
        .filter(may_be)
        .find(|part| labels::is_table(part))?;
    Some((table, path.strip_prefix(table).ok()?))
}

/// The part of its table that a row is in.
pub fn name(row: &Row) -> PathBuf {
    let label = row.label.as_deref().filter(|label| !label.is_empty());
    // A separator would make it another part, and a label that begins with one another path.
    let safe = |text: &str| text.replace(['/', '\\'], "_");
    let mut name = PathBuf::from(row.split.as_deref().map(safe).unwrap_or_default());
    name.push(safe(label.unwrap_or(NO_LABEL)));
    name
}

fn list(
    path: &Path,
    wanted: Wanted,
    traits: &mut Traits,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Listing, ListError> {
    let missing = || ListError::Missing {
        path: path.to_owned(),
    };
    let (of, part) = part_of(path).ok_or_else(missing)?;
    let rows = table::read(of)?.rows.into_iter();
    let rows: Vec<Row> = rows.filter(|row| name(row) == part).collect();
    if rows.is_empty() {
        return Err(ListError::NoSuchPart {
            part: part.to_owned(),
            path: of.to_owned(),
        });
    }
    let images = rows.into_iter().map(|row| (row.image, Some(row.line)));
    list_images(images, wanted.limit, traits, progress)
}

/// The first `limit` images of these that can be read, each with its line if that is to be told. One may be a source itself,
/// such as a folder, but no part of a table, which could name itself.
pub(super) fn list_images(
    images: impl Iterator<Item = (PathBuf, Option<usize>)>,
    limit: usize,
    traits: &mut Traits,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Listing, ListError> {
    let mut listing = Listing::default();
    for (image, line) in images {
        let limit = limit - listing.files.len();
        if limit == 0 {
            break;
        }
        let num_before = listing.files.len();
        let mut inner = |num_images: usize| progress(num_before + num_images);
        let wanted = Wanted { role: None, limit };
        let found = if part_of(&image).is_some() {
            Err("a table can't name a part of a table".to_owned())
        } else {
            match super::list_part(&image, wanted, traits, &mut inner) {
                Ok(found) => Ok(found),
                Err(ListError::Stopped) => return Err(ListError::Stopped),
                Err(error) => Err(error.reason()),
            }
        };
        match found {
            Ok(found) => {
                listing.files.extend(found.files);
                listing.unreadable.extend(found.unreadable);
            }
            Err(reason) => {
                let line =
                    line.map_or_else(String::new, |line| format!(" (line {line} of the table)"));
                listing.unreadable.push((image, format!("{reason}{line}")));
            }
        }
        if progress(listing.files.len()).is_break() {
            return Err(ListError::Stopped);
        }
    }
    Ok(listing)
}
